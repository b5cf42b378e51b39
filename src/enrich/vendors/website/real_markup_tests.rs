//! What site builders, plug-ins and people who write their own pages really write.

use url::Url;

use super::*;

fn page(html: &str) -> PageFacts {
    extract(&Url::parse("https://acme.example/").unwrap(), html)
}

/// What a page says of its business but its name, all entities together.
fn said(html: &str) -> String {
    let page = page(html);
    let claims = page.entities.iter().flatten().chain(&page.claims);
    let shown = claims.filter(|claim| !matches!(claim.field, Field::Name | Field::Website | Field::Social(_)));
    shown.map(|claim| format!("{:?}={}", claim.field, claim.value)).collect::<Vec<_>>().join(" ")
}

fn check(cases: &[(&str, &str)]) {
    let wrong: Vec<String> = cases
        .iter()
        .map(|(html, wanted)| (html, wanted, said(html)))
        .filter(|(_, wanted, said)| said != *wanted)
        .map(|(html, wanted, said)| format!("{html}\n  wanted {wanted}\n  said   {said}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn graphs_of_plug_ins() {
    check(&[
        // WordPress with Yoast: the organization is the publisher, the page's author is nobody of it.
        (
            r##"<script type="application/ld+json" class="yoast-schema-graph">{"@context":"https://schema.org","@graph":[
            {"@type":"WebPage","@id":"https://acme.example/","url":"https://acme.example/","name":"Home - Acme","isPartOf":{"@id":"https://acme.example/#website"},"about":{"@id":"https://acme.example/#organization"}},
            {"@type":"WebSite","@id":"https://acme.example/#website","name":"Acme","publisher":{"@id":"https://acme.example/#organization"},"potentialAction":[{"@type":"SearchAction"}]},
            {"@type":["Organization","Place","Plumber"],"@id":"https://acme.example/#organization","name":"Acme Plumbing","logo":{"@id":"#logo"},"address":{"@id":"https://acme.example/#local-main-place-address"},"telephone":["(813) 555-0142"],"email":"hi@acme.example","openingHoursSpecification":[{"@type":"OpeningHoursSpecification","dayOfWeek":["Monday","Tuesday","Wednesday","Thursday","Friday"],"opens":"09:00","closes":"17:00"},{"@type":"OpeningHoursSpecification","dayOfWeek":["Saturday","Sunday"],"opens":"00:00","closes":"00:00"}]},
            {"@type":"PostalAddress","@id":"https://acme.example/#local-main-place-address","streetAddress":"1 Main St","addressLocality":"Tampa","postalCode":"33602","addressRegion":"FL","addressCountry":"US"},
            {"@type":"Person","@id":"https://acme.example/#/schema/person/1","name":"admin"}]}</script>"##,
            "Phone=+18135550142 Email=hi@acme.example Hours=Mo-Fr 09:00-17:00 Street=1 Main St City=Tampa State=FL Zip=33602 Country=US",
        ),
        // Squarespace: a line break within the address, hours with lines.
        (
            r#"<script type="application/ld+json">{"address":"1 Main Street\nTampa, FL, 33602\nUnited States","image":"x.png","openingHours":"Mo 09:00-17:00, Tu 09:00-17:00, We , Th 09:00-17:00, Fr , Sa , Su ","name":"Acme","telephone":"8135550142","@context":"http://schema.org","@type":"LocalBusiness"}</script>"#,
            "Phone=+18135550142 Hours=Mo-Tu 09:00-17:00; Th 09:00-17:00 Street=1 Main Street City=Tampa State=FL Zip=33602",
        ),
        // Rank Math: days and hours.
        (
            r#"<script type="application/ld+json" class="rank-math-schema">{"@graph":[{"@type":["Dentist","Organization"],"name":"Acme","telephone":"+1-813-555-0142","openingHours":["Monday,Tuesday,Wednesday,Thursday 09:00-17:00","Friday 09:00-12:00"],"address":{"@type":"PostalAddress","streetAddress":"1 Main St, Suite 4","addressLocality":"Tampa","addressRegion":"Florida","postalCode":"33602","addressCountry":"United States"}}]}</script>"#,
            "Phone=+18135550142 Hours=Mo-Th 09:00-17:00; Fr 09:00-12:00 Street=1 Main St, Suite 4 City=Tampa State=Florida Zip=33602 Country=United States",
        ),
        // Wix: an empty address, and the number in the page.
        (
            r#"<script type="application/ld+json">{"@context":"https://schema.org/","@type":"LocalBusiness","name":"Acme","url":"https://www.acme.example","address":{"@type":"PostalAddress","addressCountry":"US","addressLocality":"Tampa","addressRegion":"FL","postalCode":"33602","streetAddress":"1 Main St"},"telephone":""}</script><p>Tel: 813-555-0142</p>"#,
            "Street=1 Main St City=Tampa State=FL Zip=33602 Country=US Phone=+18135550142",
        ),
        // Specifications with times in words of twelve hours, and a day that is closed.
        (
            r#"<script type="application/ld+json">{"@type":"Store","name":"Acme","openingHoursSpecification":[{"dayOfWeek":"http://schema.org/Monday","opens":"9:00 AM","closes":"5:30 PM"},{"dayOfWeek":"Sunday","opens":"Closed","closes":"Closed"}]}</script>"#,
            "Hours=Mo 09:00-17:30",
        ),
        // A page's product, review or author says nothing of the business.
        (
            r#"<script type="application/ld+json">{"@type":"Product","name":"Drill","brand":{"@type":"Organization","name":"Maker","telephone":"813-555-0199"}}</script>"#,
            "",
        ),
    ]);
}

#[test]
fn links_to_call() {
    check(&[
        ("<a href='tel:+18135550142;ext=12'>call</a>", "Phone=+18135550142"),
        ("<a href='tel:+18135550142,12'>call</a>", "Phone=+18135550142"),
        ("<a href='tel:813-555-0142 x12'>call</a>", "Phone=+18135550142"),
        ("<a href='tel://8135550142'>call</a>", "Phone=+18135550142"),
        ("<a href='tel:%28813%29%20555-0142'>call</a>", "Phone=+18135550142"),
        ("<a href='tel:(813)&nbsp;555-0142'>call</a>", "Phone=+18135550142"),
        ("<a href='tel:1.813.555.0142'>call</a>", "Phone=+18135550142"),
        ("<a href='callto:+18135550142'>call</a>", "Phone=+18135550142"),
        ("<a href='https://wa.me/18135550142'>WhatsApp</a>", ""),
        ("<p>Fax: <a href='tel:+18135550143'>(813) 555-0143</a></p>", ""),
        ("<p>Call us: 813\u{2011}555\u{2011}0142", "Phone=+18135550142"),
        ("<p>Call us: 813\u{2013}555\u{2013}0142", "Phone=+18135550142"),
        ("<p>Call us: (813)&nbsp;555&nbsp;0142", "Phone=+18135550142"),
        ("<p>Call us: (813)555-0142", "Phone=+18135550142"),
        ("<p>Call us: 813/555-0142", "Phone=+18135550142"),
        ("<p>Call us: 813 - 555 - 0142", "Phone=+18135550142"),
        ("<p>Call us: 1-813-555-0142 ext. 4", "Phone=+18135550142"),
        ("<p>Phone: 8135550142", "Phone=+18135550142"),
        ("<p>Invoice 8135550142", ""),
        ("<p>Call with your number 8135550142", ""),
        ("<p>Tel: <b>813</b> <b>555-0142</b>", "Phone=+18135550142"),
    ]);
}

#[test]
fn mail_that_machines_should_not_read() {
    check(&[
        ("<p>info&#64;acme.example", "Email=info@acme.example"),
        ("<a href='&#109;&#97;&#105;&#108;&#116;&#111;&#58;info&#64;acme.example'>w</a>", "Email=info@acme.example"),
        ("<a href='mailto:info%40acme.example'>w</a>", "Email=info@acme.example"),
        ("<a href='mailto: info@acme.example '>w</a>", "Email=info@acme.example"),
        ("<a href='mailto:Acme%20Info%20%3Cinfo@acme.example%3E'>w</a>", "Email=info@acme.example"),
        ("<a href='mailto://info@acme.example'>w</a>", "Email=info@acme.example"),
        ("<p>info[at]acme.example", "Email=info@acme.example"),
        ("<p>info [AT] acme [DOT] example", "Email=info@acme.example"),
        ("<p>info(at)acme(dot)example", "Email=info@acme.example"),
        ("<p>info (at) acme.example", "Email=info@acme.example"),
        ("<p>info_at_acme.example", ""),
        ("<p>info -at- acme -dot- example", "Email=info@acme.example"),
        ("<p>Lunch @ noon . come in", ""),
        ("<p>info<span>@</span>acme.example", "Email=info@acme.example"),
        ("<p>info<!-- x -->@<!-- y -->acme.example", "Email=info@acme.example"),
        ("<p>info@<b>acme.example</b>", "Email=info@acme.example"),
        ("<p>info\u{200b}@acme.example", "Email=info@acme.example"),
        ("<p>info\u{ad}@acme.example", "Email=info@acme.example"),
        ("<p>info\u{ff20}acme.example", "Email=info@acme.example"),
        ("<p>info<span style='display:none'>nospam</span>@acme.example", "Email=info@acme.example"),
        // The key 0x5a, then each letter of info@acme.example combined with it.
        (
            "<a href='/cdn-cgi/l/email-protection' class='__cf_email__' data-cfemail='5a33343c351a3b39373f743f223b372a363f'>[email&#160;protected]</a>",
            "Email=info@acme.example",
        ),
        ("<a href='/cdn-cgi/l/email-protection#5a33343c351a3b39373f743f223b372a363f'>mail us</a>", "Email=info@acme.example"),
        ("<p>info (arroba) acme (punto) example", "Email=info@acme.example"),
        ("<p>info [ät] acme.example", "Email=info@acme.example"),
        ("<p>Look at acme.example (at the top)", ""),
    ]);
}

#[test]
fn tables_of_hours() {
    let table = "<h3>Opening hours</h3><table><tr><th>Monday</th><td>9:00 AM – 5:00 PM</td></tr><tr><th>Tuesday</th><td>9:00 AM – 12:00 PM, 1:00 PM – 5:00 PM</td></tr><tr><th>Wednesday</th><td>Closed</td></tr></table>";
    check(&[
        (table, "Hours=Mo 09:00-17:00; Tu 09:00-12:00,13:00-17:00"),
        (
            "<ul><li><span>Mon</span><span>9:00am – 5:00pm</span></li><li><span>Tue</span><span>9:00am – 5:00pm</span></li><li><span>Sun</span><span>Closed</span></li></ul>",
            "Hours=Mo-Tu 09:00-17:00",
        ),
        (
            "<dl><dt>Mon - Thu</dt><dd>8AM-6PM</dd><dt>Fri</dt><dd>8AM-12PM</dd><dt>Sat &amp; Sun</dt><dd>Closed</dd></dl>",
            "Hours=Mo-Th 08:00-18:00; Fr 08:00-12:00",
        ),
        ("<p>Mon – Fri<br>8:00a – 5:30p<br>Sat<br>9a – 1p", "Hours=Mo-Fr 08:00-17:30; Sa 09:00-13:00"),
        ("<p>Monday thru Friday: 8:00 am to 5:00 pm<br>Saturday: By appointment only<br>Sunday: Closed", "Hours=Mo-Fr 08:00-17:00"),
        ("<p>Saturday: By appointment<br>Monday-Friday: 8am-5pm", "Hours=Mo-Fr 08:00-17:00"),
        ("<p>Open 24 hours, 7 days a week", "Hours=Mo-Su 00:00-24:00"),
        ("<p>Open 24/7", "Hours=Mo-Su 00:00-24:00"),
        ("<p>Mon-Sun: Open 24 Hours", "Hours=Mo-Su 00:00-24:00"),
        ("<p>24/7 emergency service. Office hours: Mon-Fri 8am-5pm", "Hours=Mo-Fr 08:00-17:00"),
        ("<p>Mon-Fri 9:00am-5:00pm (closed 12:00pm-1:00pm for lunch)", "Hours=Mo-Fr 09:00-12:00,13:00-17:00"),
        ("<p>Mon-Fri 9:00am-5:00pm (closed 6:00pm-7:00pm)", ""),
        ("<p>M - F 8am - 5pm", "Hours=Mo-Fr 08:00-17:00"),
        ("<p>M-Th 8am-5pm, F 8am-12pm", "Hours=Mo-Th 08:00-17:00; Fr 08:00-12:00"),
        ("<p>The M-Th motorway, F 8 and S 10", ""),
        ("<p>MON–FRI: 8 A.M.–5 P.M.", "Hours=Mo-Fr 08:00-17:00"),
        ("<p>Monday: 9 – 5pm<br>Tuesday: 9 – 5pm", "Hours=Mo-Tu 09:00-17:00"),
        ("<p>Tues. – Sat. 10:00 am – 6:00 pm. Closed Sun. &amp; Mon.", "Hours=Tu-Sa 10:00-18:00"),
        ("<p>Mon/Wed/Fri 9am-5pm", "Hours=Mo 09:00-17:00; We 09:00-17:00; Fr 09:00-17:00"),
        ("<p>Mo-Fr: 8.00-12.00 und 13.00-17.00 Uhr, Sa: 9.00-13.00 Uhr", "Hours=Mo-Fr 08:00-12:00,13:00-17:00; Sa 09:00-13:00"),
        ("<p>Montag - Freitag<br>08:00 - 18:00 Uhr<br>Samstag<br>nach Vereinbarung", "Hours=Mo-Fr 08:00-18:00"),
        ("<p>Montag Ruhetag<br>Di. bis So. 11:30 – 14:00 Uhr u. 17:30 – 22:00 Uhr", "Hours=Tu-Su 11:30-14:00,17:30-22:00"),
        (
            "<p>Mo, Di, Do: 8-12 u. 14-18 Uhr; Mi, Fr: 8-13 Uhr",
            "Hours=Mo-Tu 08:00-12:00,14:00-18:00; We 08:00-13:00; Th 08:00-12:00,14:00-18:00; Fr 08:00-13:00",
        ),
        ("<p>Mo. – Fr. von 9 bis 18 Uhr durchgehend", "Hours=Mo-Fr 09:00-18:00"),
        (
            "<p>Lundi au vendredi : 8h30 - 12h00 et 13h30 - 18h00<br>Samedi : 9h00 - 12h00<br>Dimanche : fermé",
            "Hours=Mo-Fr 08:30-12:00,13:30-18:00; Sa 09:00-12:00",
        ),
        ("<p>Ouvert du mardi au samedi de 10 h à 19 h sans interruption", "Hours=Tu-Sa 10:00-19:00"),
        ("<p>Du lundi au jeudi : 9h à 12h30 puis 14h à 18h", "Hours=Mo-Th 09:00-12:30,14:00-18:00"),
        (
            "<p>Lunes a viernes de 9:00 a 14:00 h y de 17:00 a 20:00 h. Sábados de 10:00 a 14:00 h",
            "Hours=Mo-Fr 09:00-14:00,17:00-20:00; Sa 10:00-14:00",
        ),
        ("<p>L-V: 9:00-14:00 y 16:00-19:00<br>S: 10:00-13:00", "Hours=Mo-Fr 09:00-14:00,16:00-19:00; Sa 10:00-13:00"),
        ("<p>Lun-Vie 9:00 - 18:00hs", "Hours=Mo-Fr 09:00-18:00"),
        ("<p>De lunes a sábado: 10:00 – 20:00 h. Domingos y festivos cerrado", "Hours=Mo-Sa 10:00-20:00"),
        ("<p>2ª a 6ª feira: 9h00 - 13h00 / 14h00 - 18h00", "Hours=Mo-Fr 09:00-13:00,14:00-18:00"),
        ("<p>Segunda a Sexta: 09h às 18h | Sábado: 09h às 13h", "Hours=Mo-Fr 09:00-18:00; Sa 09:00-13:00"),
        ("<p>Seg - Sex: 9:00 - 18:00, Sáb: 9:00 - 13:00, Dom: Encerrado", "Hours=Mo-Fr 09:00-18:00; Sa 09:00-13:00"),
        ("<p>De terça a sábado, das 10h00 às 19h30", "Hours=Tu-Sa 10:00-19:30"),
    ]);
}

#[test]
fn addresses_as_they_are_typeset() {
    check(&[
        ("<address>1 Main St<br>Suite 200<br>Tampa, FL 33602</address>", "Street=1 Main St, Suite 200 City=Tampa State=FL Zip=33602"),
        (
            "<address>Acme Plumbing<br>1 Main St.<br>Tampa, Florida 33602-1234</address>",
            "Street=1 Main St. City=Tampa State=Florida Zip=33602-1234",
        ),
        ("<p>1 Main St, Tampa, FL, 33602", "Street=1 Main St City=Tampa State=FL Zip=33602"),
        ("<p>1 Main St. | Raleigh, North Carolina 27601", "Street=1 Main St. City=Raleigh State=North Carolina Zip=27601"),
        ("<p>1 Main St. | Tampa, Fla. 33602", "Street=1 Main St. City=Tampa State=Fla Zip=33602"),
        ("<p>1 Main St<br>Tampa FL 33602", "Street=1 Main St City=Tampa State=FL Zip=33602"),
        ("<p>1 Main St, Suite 200, Tampa, FL 33602", "Street=1 Main St, Suite 200 City=Tampa State=FL Zip=33602"),
        ("<p>2024 brought, at last, Florida 33602 visitors", ""),
        ("<p>In 2 weeks, we hope, Texas 10000 steers", ""),
        ("<div>1 Main St</div><div>Tampa,&nbsp;FL&nbsp;&nbsp;33602</div><div>USA</div>", "Street=1 Main St City=Tampa State=FL Zip=33602"),
    ]);
}
