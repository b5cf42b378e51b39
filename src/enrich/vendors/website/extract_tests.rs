//! Table tests of snippets, a rule each, and what no page can do.

use proptest::prelude::*;

use super::*;

fn page(html: &str) -> PageFacts {
    extract(&Url::parse("https://acme.example/").unwrap(), html)
}

fn said(page: &PageFacts) -> Vec<String> {
    page.claims.iter().map(|claim| format!("{:?} {}", claim.field, claim.value)).collect()
}

#[test]
fn links_say_how_to_get_in_touch() {
    let page = page(
        r#"<title>Contact - Acme Corp | Tampa</title><meta property="og:site_name" content="Acme Corp">
        <a href="tel:+1-813-555-0142">call</a> <A HREF="MAILTO:Sales@Acme.example?subject=hi">write</A> <a href="tel:nonsense">x</a>
        <a href="https://m.facebook.com/acme?ref=x">f</a> <a href="https://facebook.com/sharer/sharer.php?u=x">share</a>
        <a href="https://notfacebook.com/acme">no</a> <a href="/about#team">About us</a> <a href="contact.html">Write to us</a>
        <a href="https://other.example/contact">elsewhere</a>"#,
    );
    assert_eq!(
        said(&page),
        [
            "Name Acme Corp",
            "Name Contact",
            "Name Tampa",
            "Phone +18135550142",
            "Email sales@acme.example",
            "Social(\"facebook\") https://m.facebook.com/acme",
        ]
    );
    assert_eq!(page.contact_pages, ["https://acme.example/contact.html", "https://acme.example/about"]);
}

#[test]
fn plain_text_is_read_where_nothing_else_speaks() {
    let page = page(
        "<title>Haney</title><p>Since 1952.<p>44 Mill Rd<br>New Castle, PA 16101<p>Phone (724) 555-0123<script>var x='(724) 555-0199'</script>",
    );
    assert_eq!(said(&page), ["Name Haney", "Street 44 Mill Rd", "City New Castle", "State PA", "Zip 16101", "Phone +17245550123"]);
}

#[test]
fn broken_markup_still_says_what_it_can() {
    let page = page(
        "<html><head><title>Acme <b>Corp</title><script type=application/ld+json>{\"@type\":\"Store\",\"name\":\"Acme Corp\"}</script>\
         <script type=application/ld+json>{oops</script><body><div><a href='tel:8135550142'>call</div></p></table><address>1 Main St<br>Tampa, FL 33602",
    );
    assert_eq!(page.entities.len(), 1);
    assert!(said(&page).contains(&"Phone +18135550142".to_owned()) && said(&page).contains(&"City Tampa".to_owned()), "{:?}", said(&page));
}

/// F-V2: what a page can put into the job's record is bounded.
#[test]
fn a_page_that_says_too_much_is_cut() {
    let organization = |n: usize| format!(r#"{{"@type":"Store","name":"{}","category":["{}","{}"]}}"#, n, "a".repeat(300), "b".repeat(300));
    let script = (0..1000).map(organization).collect::<Vec<_>>().join(",");
    let page = page(&format!("<script type=application/ld+json>[{script}]</script>"));
    let recorded = serde_json::to_string(&page).unwrap().len();
    assert!((20_000..64_000).contains(&recorded), "{recorded}");
}

/// What everything but the name says, in short.
fn short(html: &str) -> String {
    let page = page(html);
    let claims = page.entities.iter().flatten().chain(&page.claims).filter(|claim| claim.field != Field::Name);
    claims.map(|claim| format!("{:?}={} {}", claim.field, claim.value, claim.strength)).collect::<Vec<_>>().join(", ")
}

#[test]
fn a_number_is_weighed_by_where_it_stands() {
    for (html, wanted) in [
        ("<p>Since 1952. 813-555-0142", "Phone=+18135550142 50"),
        ("<p>Phone<p>813-555-0142", "Phone=+18135550142 60"),
        ("<footer>Acme 813-555-0142</footer>", "Phone=+18135550142 60"),
        ("<p>Fax: 813-555-0142", ""),
        ("<table><tr><td>Fax<td>813-555-0144<tr><td>Tel<td>813-555-0142</table>", "Phone=+18135550142 60"),
        ("<p>Website by Pixel Agency, phone 813-555-0199", ""),
        ("<p>Our friends call 813-555-0142", ""),
        ("<p>Call <a href='tel:813-555-0143'>this</a>", "Phone=+18135550143 75"),
        ("<p>Yarrow Auto Repair <a href='tel:813-555-0143'>813-555-0143</a>", "Phone=+18135550143 25"),
        ("<p>Acme 813-555-0142 | Yarrow Auto Repair 813-555-0143", "Phone=+18135550142 50, Phone=+18135550143 25"),
        ("<p>813-555-0142 · a site by <a href=https://pixel.example>pixel</a> 813-555-0143", "Phone=+18135550142 50"),
        ("<p>813-555-0142 · work of <a href=https://pixel.example>pixel</a> 813-555-0143", "Phone=+18135550142 50, Phone=+18135550143 25"),
        ("<p>813-555-0142 <a href=https://maps.google.com/?q=acme>map</a>", "Phone=+18135550142 50"),
        ("<h2>Our suppliers</h2><p>pixel<p>813-555-0143<h2>Write</h2><p>813-555-0142", "Phone=+18135550143 25, Phone=+18135550142 50"),
        ("<div class='row sponsor-box'><p>pixel<p>813-555-0143</div>", "Phone=+18135550143 25"),
        (
            "<p>4 High St, Kingsbridge TQ7 1AB<p>020 7946 0018",
            "Street=4 High St 50, City=Kingsbridge 50, Zip=TQ7 1AB 50, Country=GB 50, Phone=+442079460018 75",
        ),
        (
            "<p>1 Main St<br>Tampa, FL 33602<br>813-555-0142",
            "Street=1 Main St 50, City=Tampa 50, State=FL 50, Zip=33602 50, Phone=+18135550142 75",
        ),
        ("<p>Write to jane [at] acme [dot] example", "Email=jane@acme.example 45"),
        ("<p>Write to jane@acme.example", "Email=jane@acme.example 50"),
        ("<p>Design by Pixel, pixel@agency.example", ""),
        ("<p>Open Monday – Friday 9am to 5pm", "Hours=Mo-Fr 09:00-17:00 50"),
    ] {
        assert_eq!(short(html), wanted, "{html}");
    }
}

#[test]
fn what_is_somebodys_there_is_less_the_businesss_own() {
    let html = "<div><h3>Jane Roe</h3><p>Owner</p><a href='mailto:jane@acme.example'>w</a></div><footer><a href='mailto:info@acme.example'>w</a></footer>";
    assert_eq!(short(html), "Email=jane@acme.example 40, Email=info@acme.example 75, Person=Jane Roe 60");
    let people = page(html).people;
    let wanted =
        Person { name: "Jane Roe".to_owned(), role: Some("Owner".to_owned()), email: Some("jane@acme.example".to_owned()), phone: None };
    assert_eq!(people, [wanted]);
}

/// Parts of two addresses are never mixed, and each keeps its own number and hours.
#[test]
fn several_addresses_are_several_branches() {
    let card = |town: &str, street: &str, zip: &str, phone: &str, hours: &str| {
        format!("<div class=card><h3>{town}</h3><p>{street}<br>{town}, FL {zip}<p>{phone}<p>{hours}</div>")
    };
    let html = format!(
        "<title>Acme</title><p>Call 813-555-0100<section>{}{}</section>",
        card("Tampa", "1 Main St", "33602", "813-555-0101", "Mon-Fri 9am-5pm"),
        card("Miami", "2 Ocean Dr", "33139", "305-555-0102", "")
    );
    let page = page(&html);
    let show = |claims: &Vec<Claim>| claims.iter().map(|claim| claim.value.as_str()).collect::<Vec<_>>().join("|");
    assert_eq!(
        page.entities.iter().map(show).collect::<Vec<_>>(),
        ["Acme|Tampa|1 Main St|Tampa|FL|33602|+18135550101|Mo-Fr 09:00-17:00", "Acme|Miami|2 Ocean Dr|Miami|FL|33139|+13055550102"]
    );
    assert_eq!(show(&page.claims), "Acme|+18135550100");
}

#[test]
fn pages_of_other_countries() {
    let of = |host: &str, html: &str| {
        let page = extract(&Url::parse(&format!("https://{host}/")).unwrap(), html);
        let claims = page.claims.iter().filter(|claim| claim.field != Field::Name);
        (page.lang.clone(), claims.map(|claim| claim.value.as_str()).collect::<Vec<_>>().join("|"))
    };
    let german = "<html lang=de><body><p>Bäckerei Roe<br>Musterstr. 5<br>80331 München<br>Telefon: 089 / 12 34 56<br>Telefax: 089 / 12 34 57<p>Inhaberin: Erika Musterfrau";
    assert_eq!(of("x.example", german), (Some("de".to_owned()), "Musterstr. 5|München|80331|DE|+4989123456|Erika Musterfrau".to_owned()));
    assert_eq!(of("x.fr", "<p>12 rue de la Paix, 75002 Paris").1, "12 rue de la Paix|Paris|75002|FR");
    assert_eq!(of("x.co.uk", "<p>10 High Street, London SW1A 2AA").1, "10 High Street|London|SW1A 2AA|GB");
    assert_eq!(of("x.example", "<html lang='en'><p>Musterstr. 5<br>80331 Munich").1, "");
}

#[test]
fn notices_and_parked_domains() {
    let closed = page("<p>We are permanently closed. <p>813-555-0142");
    assert_eq!((closed.closed.as_deref(), closed.moved, closed.parked), (Some("We are permanently closed."), None, false));
    assert_eq!(page("<p>We have moved to 5 Oak St!").moved.as_deref(), Some("We have moved to 5 Oak St!"));
    let parked =
        page("<title>acme.example</title><p>This domain is for sale! Call <a href=tel:8135550142>us</a><a href=/contact>Contact</a>");
    assert_eq!(parked, PageFacts { url: parked.url.clone(), title: "acme.example".to_owned(), parked: true, ..PageFacts::default() });
}

#[test]
fn the_text_is_what_people_read() {
    let page = page(
        "<title>T</title><nav><a href=/>Home</a></nav><script>x()</script><h1>Acme\u{202e}</h1><p hidden>secret</p><p>Two <b>words</b>.<br>Next &lt;b&gt;<noscript>no</noscript>",
    );
    assert_eq!(page.text, "Acme\nTwo words.\nNext <b>");
    let long = super::extract(&Url::parse("https://acme.example/").unwrap(), &"<p>été</p>".repeat(9000));
    assert!(long.text.len() <= TEXT_BYTES_MAX && long.text.len() > TEXT_BYTES_MAX - 20);
}

/// No value carries markup, or a letter that nobody sees, whatever way it is said.
#[test]
fn values_are_harmless() {
    let page = page(
        "<title>A&lt;script&gt;x&lt;/script&gt;cme</title><script type='application/ld+json'>{\"@type\":\"Store\",\"name\":\"Ac\\u202eme <img src=x onerror=y>\",
         \"founder\":\"Ann\\u200b Lee\"}</script><p itemscope itemtype=https://schema.org/Store><b itemprop=name>&lt;script&gt;alert(1)&lt;/script&gt;Bolt</b>",
    );
    let values: Vec<&str> = page.entities.iter().flatten().chain(&page.claims).map(|claim| claim.value.as_str()).collect();
    assert_eq!(values, ["Acme", "Ann Lee", "Bolt", "A cme"]);
}

/// F-V2: whatever is repeated to fill the body limit, reading it ends soon.
#[test]
fn pages_made_to_be_slow_are_read_in_time() {
    for unit in [
        "<b>x",
        "<p>813-555-0142",
        "Jane Roe, Owner, ",
        "<h3>Jane Roe</h3><p>Owner</p>",
        "<i itemscope itemprop=a>x",
        "<p>1 Main St, Tampa, FL 33602",
        "<script type=application/ld+json>[{\"@type\":\"Store\",\"name\":\"A\"},]</script>",
        "domain for sale &lt;",
    ] {
        let started = tokio::time::Instant::now();
        let page = page(&unit.repeat(2 * 1024 * 1024 / unit.len()));
        let (took, recorded) = (started.elapsed(), serde_json::to_string(&page).unwrap().len());
        assert!(took < std::time::Duration::from_secs(20) && recorded < 80_000, "{unit}: {took:?}, {recorded} bytes");
    }
}

/// A record of before there were people, links and the rest.
#[test]
fn old_records_can_be_read() {
    let old = r#"{"url":"https://acme.example/","title":"Acme","entities":[],"claims":[],"contact_pages":[]}"#;
    let page: PageFacts = serde_json::from_str(old).unwrap();
    assert_eq!(page, PageFacts { url: "https://acme.example/".to_owned(), title: "Acme".to_owned(), ..PageFacts::default() });
}

proptest! {
    /// F-V2: no page makes it panic.
    #[test]
    fn any_bytes_are_a_page(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _any = page(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_link_is_read(scheme in "(tel|TEL|mailto|MAILTO|https):?", rest in ".{0,30}") {
        let _any = page(&format!("<a href='{scheme}{rest}'>x</a>"));
    }

    /// Made of what the readers look for, in any order.
    #[test]
    fn any_heap_of_parts_is_a_page_and_bounded(parts in proptest::collection::vec(proptest::sample::select(PARTS), 0..60)) {
        let html = parts.concat();
        let page = page(&html);
        let recorded = serde_json::to_string(&page).unwrap().len();
        prop_assert!(recorded < 80_000 && page.text.len() <= TEXT_BYTES_MAX, "{}", recorded);
        for claim in page.entities.iter().flatten().chain(&page.claims) {
            prop_assert!(!claim.value.is_empty() && claim.value.chars().count() <= 300 && !claim.value.contains('\n'));
        }
    }
}

const PARTS: &[&str] = &[
    "<div>",
    "</div>",
    "<p>",
    "<table><tr><td>",
    "<dl><dt>",
    "<dd>",
    "<h3>",
    "<nav>",
    "</nav>",
    "<address>",
    "<br>",
    "<a href='tel:",
    "<a href='mailto:",
    "'>",
    "<a href=/contact>",
    "<b",
    " itemscope",
    " itemprop='name telephone'",
    " itemprop=address",
    " itemtype=https://schema.org/Store",
    " itemref='a b'",
    " id=a",
    " typeof=Store",
    " property=name",
    " class='vcard fn org'",
    " class='h-card adr'",
    ">",
    "<script type=application/ld+json>",
    "</script>",
    "{\"@type\":\"Store\",\"name\":\"",
    "\",",
    "\"address\":[",
    "{\"@id\":\"#a\"}",
    "]}",
    "Jane Roe",
    ", Owner",
    "Inhaber: ",
    "813-555-0142",
    "+49 (0)89 ",
    "Fax ",
    "1 Main St, Tampa, FL 33602 ",
    "Musterstr. 5, 80331 München ",
    "Mo-Fr 9:00-17:00 ",
    "9am to 5pm",
    "Monday ",
    "closed ",
    "jane [at] acme (dot) example ",
    "é\u{202e}",
    "\u{0}",
    "\n",
    "We have moved. ",
    "domain for sale",
    "0123456789",
];
