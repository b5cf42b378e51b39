//! One interpretation for every way to embed it.

use url::Url;

use super::super::extract::extract;
use super::super::facts::PageFacts;
use super::*;

fn page(html: &str) -> PageFacts {
    extract(&Url::parse("https://acme.example/").unwrap(), html)
}

/// The entities, a line each.
fn said(html: &str) -> Vec<String> {
    let show = |claims: &Vec<Claim>| claims.iter().map(|claim| format!("{:?}={}", claim.field, claim.value)).collect::<Vec<_>>().join(" ");
    page(html).entities.iter().map(show).collect()
}

fn json(text: &str) -> Vec<String> {
    said(&format!("<script type='application/ld+json'>{text}</script>"))
}

#[test]
fn organizations_wherever_they_stand() {
    for text in [
        r#"{"@context":"https://schema.org","@type":"LocalBusiness","name":"Acme"}"#,
        r#"[{"@type":"WebSite","name":"x"},{"@type":["Thing","Dentist"],"name":"Acme"}]"#,
        r#"{"@graph":[{"@type":"WebPage","about":{"@type":"http://schema.org/HardwareStore","name":"Acme"}}]}"#,
        r#"<!-- {"@type":"schema:Organization","name":{"@value":"Acme"}}; -->"#,
        r##"{"@graph":[{"@type":"WebPage","publisher":{"@id":"#o"}},{"@type":"Organization","@id":"#o","name":"Acme"}]}"##,
    ] {
        assert_eq!(json(text), ["Name=Acme"], "{text}");
    }
    for text in [
        "",
        "{",
        "null",
        r#"{"@type":"Person","name":"Acme"}"#,
        r#"{"@type":"Organization"}"#,
        r#"{"@type":"Organization","name":7}"#,
        r#"{"@type":"Review","author":{"@type":"Organization","name":"A customer"}}"#,
        r#"{"@type":"Product","brand":{"@type":"Organization","name":"A brand"}}"#,
    ] {
        assert!(json(text).is_empty(), "{text}");
    }
}

#[test]
fn every_property_that_is_sold() {
    let text = r#"{"@type":"RoofingContractor","name":"Acme","legalName":"Acme Inc","url":"https://acme.example/","telephone":["(813) 555-0142"],
        "faxNumber":"813-555-0199","email":"mailto:Hi@Acme.example",
        "contactPoint":[{"telephone":"tel:+1-813-555-0143"},{"contactType":"Fax","telephone":"813-555-0198"}],
        "sameAs":["https://www.facebook.com/acme","https://acme.example/x"],
        "address":[{"streetAddress":"1 Main St","addressLocality":"Tampa","addressRegion":"FL","postalCode":33602,"addressCountry":{"name":"US"}}],
        "openingHoursSpecification":{"dayOfWeek":["https://schema.org/Monday","Tuesday"],"opens":"09:00","closes":"17:00:00"},
        "founder":{"@type":"Person","name":"Ann Lee"},"employee":[{"name":"Bo","jobTitle":"Foreman"}],"category":"roofing"}"#;
    assert_eq!(
        json(text)[0],
        [
            "Name=Acme LegalName=Acme Inc Website=https://acme.example/ Phone=+18135550142 Phone=+18135550143 Email=hi@acme.example",
            "Social(\"facebook\")=https://www.facebook.com/acme Category=roofing Hours=Mo-Tu 09:00-17:00 Person=Ann Lee Person=Bo",
            "Street=1 Main St City=Tampa State=FL Zip=33602 Country=US",
        ]
        .join(" ")
    );
}

/// The same business, woven into the page in three ways.
#[test]
fn microdata_rdfa_and_classes_say_the_same() {
    let wanted = "Name=Acme Phone=+18135550142 Email=hi@acme.example Street=1 Main St City=Tampa State=FL Zip=33602";
    let address = |property: &str| {
        ["streetAddress:1 Main St", "addressLocality:Tampa", "addressRegion:FL", "postalCode:33602"]
            .map(|part| part.split_once(':').map(|(name, value)| format!("<span {property}={name}>{value}</span> ")).unwrap())
            .concat()
    };
    for html in [
        format!(
            "<div itemscope itemtype='https://schema.org/Store'><h1><span itemprop=name>Acme</span></h1><a itemprop=telephone href='tel:8135550142'>call
             <a itemprop=email href=mailto:hi@acme.example>write</a><p itemprop=address itemscope itemtype=http://schema.org/PostalAddress>{}",
            address("itemprop")
        ),
        format!(
            "<body vocab='https://schema.org/' typeof=Store><h1 property=name>Acme</h1><span property=telephone content=8135550142>call</span>
             <a property=email href=mailto:hi@acme.example>write</a><p property=address typeof=PostalAddress>{}",
            address("property")
        ),
        "<div class=vcard><b class='fn org'>Acme</b><i class=tel>813-555-0142</i><a class=email href=mailto:hi@acme.example>w</a><p class=adr>
         <span class=street-address>1 Main St</span><span class=locality>Tampa</span><span class=region>FL</span><span class=postal-code>33602</span></div>"
            .to_owned(),
        "<div class=h-card><b class=p-name>Acme</b><i class=p-tel>813-555-0142</i><a class=u-email href=mailto:hi@acme.example>w</a><p class='p-adr h-adr'>
         <span class=p-street-address>1 Main St</span><span class=p-locality>Tampa</span><span class=p-region>FL</span><span class=p-postal-code>33602</span></div>"
            .to_owned(),
    ] {
        assert_eq!(said(&html), [wanted], "{html}");
    }
}

#[test]
fn scattered_and_broken_markup() {
    assert_eq!(
        said(
            "<div itemscope itemtype='//schema.org/Store' itemref='n p gone'></div><h1 id=n itemprop=name>Acme</h1><p id=p><span itemprop=telephone>813-555-0142"
        ),
        ["Name=Acme Phone=+18135550142"]
    );
    assert_eq!(
        said(
            "<div itemscope itemtype=https://schema.org/Store><p><b itemprop=name>Acme</i></p></div></div><time itemprop=openingHours datetime='Mo-Fr 9:00-17:00'>"
        ),
        ["Name=Acme"]
    );
    assert_eq!(
        said("<div itemscope itemtype=https://schema.org/Store><meta itemprop=name content=Acme><time itemprop=openingHours datetime='Mo,Tu 09:00-17:00'>always</time>
              <link itemprop=sameAs href=https://x.com/acme><div itemprop=employee itemscope itemtype=https://schema.org/Person><i itemprop=name>Ann Lee</i>, <i itemprop=jobTitle>Owner</i>"),
        ["Name=Acme Social(\"x\")=https://x.com/acme Hours=Mo-Tu 09:00-17:00 Person=Ann Lee"]
    );
}

/// Parts of two addresses are never mixed.
#[test]
fn several_locations_keep_what_is_theirs() {
    let place = |street: &str, zip: &str| format!(r#"{{"@type":"PostalAddress","streetAddress":"{street}","postalCode":"{zip}"}}"#);
    let (one, two) = (place("1 Main St", "33602"), place("2 Oak St", "33139"));
    for (text, wanted) in [
        (
            format!(r#"{{"@type":"Store","name":"Acme","telephone":"813-555-0142","address":[{one},{two}]}}"#),
            ["Name=Acme Phone=+18135550142 Street=1 Main St Zip=33602", "Name=Acme Street=2 Oak St Zip=33139"],
        ),
        (
            format!(
                r#"{{"@type":"Organization","name":"Acme","location":[{{"@type":"Place","address":{one},"telephone":"813-555-0142"}},{{"@type":"Place","name":"Acme Beach","address":{two}}}]}}"#
            ),
            ["Name=Acme Phone=+18135550142 Street=1 Main St Zip=33602", "Name=Acme Beach Street=2 Oak St Zip=33139"],
        ),
        (
            format!(
                r#"{{"@type":"Store","name":"Acme","address":{one},"department":{{"@type":"Pharmacy","name":"Acme Drugs","address":{two},"openingHours":"Mo 09:00-10:00"}}}}"#
            ),
            ["Name=Acme Street=1 Main St Zip=33602", "Name=Acme Drugs Hours=Mo 09:00-10:00 Street=2 Oak St Zip=33139"],
        ),
        (
            format!(
                r#"{{"@type":"Organization","name":"Acme","subOrganization":[{{"@type":"Store","address":{one}}},{{"@type":"Store","address":{two}}}]}}"#
            ),
            ["Name=Acme Street=1 Main St Zip=33602", "Name=Acme Street=2 Oak St Zip=33139"],
        ),
    ] {
        let found: Vec<String> = json(&text).into_iter().filter(|entity| entity.contains("Zip")).collect();
        assert_eq!(found, wanted, "{text}");
    }
    let single = format!(r#"{{"@type":"Store","name":"Acme","location":{{"@type":"Place","address":{one}}}}}"#);
    assert_eq!(json(&single), ["Name=Acme Street=1 Main St Zip=33602"]);
}

#[test]
fn the_same_business_said_twice_is_one() {
    let html = r#"<script type="application/ld+json">{"@type":"Store","name":"Acme","telephone":"813-555-0142"}</script>
        <div itemscope itemtype="https://schema.org/Store"><b itemprop=name>ACME</b><p itemprop=address itemscope><i itemprop=postalCode>33602</i></div>"#;
    assert_eq!(said(html), ["Name=ACME Zip=33602 Name=Acme Phone=+18135550142"]);
}

#[test]
fn people_with_what_is_theirs() {
    let people = |text: &str| {
        let page = page(&format!("<script type='application/ld+json'>{text}</script>"));
        let show = |Person { name, role, email, phone }: &Person| {
            [Some(name.clone()), role.clone(), email.clone(), phone.clone()].map(Option::unwrap_or_default).join("|")
        };
        page.people.iter().map(show).collect::<Vec<_>>().join(" ")
    };
    for (text, wanted) in [
        (
            r#"{"@type":"Store","name":"A","employee":{"@type":"Person","name":"Ann Lee","jobTitle":"Clerk","email":"ann@a.example","telephone":"813-555-0142"}}"#,
            "Ann Lee|Clerk|ann@a.example|+18135550142",
        ),
        (r#"{"@type":"Store","name":"A","founder":"Ann Lee"}"#, "Ann Lee|Founder||"),
        (
            r#"{"@type":"Store","name":"A","member":{"@type":"OrganizationRole","roleName":"Treasurer","member":{"@type":"Person","givenName":"Ann","familyName":"Lee"}}}"#,
            "Ann Lee|Treasurer||",
        ),
        (r#"{"@type":"Store","name":"A","member":{"@type":"Organization","name":"Some Chamber"}}"#, ""),
        (
            r#"{"@type":"Store","name":"A","contactPoint":[{"name":"Customer Service"},{"name":"Ann Lee","contactType":"sales","email":"ann@a.example"}]}"#,
            "Ann Lee|sales|ann@a.example|",
        ),
        (r#"[{"@type":"Person","name":"An Author"},{"@type":"Person","name":"Ann Lee","jobTitle":"Owner"}]"#, "Ann Lee|Owner||"),
    ] {
        assert_eq!(people(text), wanted, "{text}");
    }
}

#[test]
fn hours_of_specifications() {
    let hours = |text: &str| json(&format!(r#"{{"@type":"Store","name":"A",{text}}}"#))[0].trim_start_matches("Name=A").trim().to_owned();
    for (text, wanted) in [
        (r#""openingHours":["Mo-Th 08:00-17:00","Fr 08:00-12:00"]"#, "Hours=Mo-Th 08:00-17:00; Fr 08:00-12:00"),
        (r#""openingHours":"whenever we feel like it""#, "Hours=whenever we feel like it"),
        (
            r#""openingHoursSpecification":[{"dayOfWeek":"Monday","opens":"09:00","closes":"12:00"},{"dayOfWeek":"Mo","opens":"13:00","closes":"17:00"},
            {"dayOfWeek":"Sunday","opens":"00:00","closes":"00:00"},{"dayOfWeek":"Monday","opens":"1","closes":"2","validFrom":"2026-12-24"}]"#,
            "Hours=Mo 09:00-12:00,13:00-17:00",
        ),
        (r#""openingHoursSpecification":{"dayOfWeek":["Friday"],"opens":"dusk","closes":"dawn"}"#, "Hours=Friday dusk-dawn"),
    ] {
        assert_eq!(hours(text), wanted, "{text}");
    }
}

/// F-V2: a document made to hurt costs a bounded amount.
#[test]
fn hostile_documents_are_bounded() {
    let many: Vec<String> = (0..10_000).map(|n| format!(r#"{{"@type":"Organization","name":"A{n}"}}"#)).collect();
    assert_eq!(json(&format!("[{}]", many.join(","))).len(), ENTITIES_MAX);
    let phones: Vec<String> = (0..500).map(|n| format!(r#""813-555-0{n:03}""#)).collect();
    let page = page(&format!(
        r#"<script type="application/ld+json">{{"@type":"Organization","name":"A","telephone":[{}]}}</script>"#,
        phones.join(",")
    ));
    assert_eq!(page.entities[0].len(), 1 + VALUES_MAX);
    let circle = r##"[{"@type":"Store","@id":"#a","name":"A","department":{"@id":"#b"}},{"@type":"Store","@id":"#b","name":"B","department":{"@id":"#a"}}]"##;
    assert_eq!(json(circle), ["Name=A", "Name=B"]);
    assert_eq!(said(&"<div itemscope itemtype=https://schema.org/Store><b itemprop=name>A</b>".repeat(3000)).len(), 1);
}
