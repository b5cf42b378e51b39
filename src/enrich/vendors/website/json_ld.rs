//! schema.org in JSON-LD, as pages embed it: read tolerantly, for organizations only.

use serde_json::{Map, Value};

use crate::enrich::claim::{Claim, Field};
use crate::enrich::phone;

/// How far structured data is relied on, in percent: the business's own word, made for machines.
const STRENGTH: u8 = 85;

/// Bounds on a stranger's document.
const NODES_MAX: usize = 2000;
const ENTITIES_MAX: usize = 50;
const VALUES_MAX: usize = 20;

/// Endings of the types below Organization that schema.org keeps adding; the rest is listed.
const TYPE_ENDINGS: [&str; 18] = [
    "Agency",
    "Agent",
    "Business",
    "Center",
    "Centre",
    "Clinic",
    "Club",
    "Company",
    "Contractor",
    "Dealer",
    "Organization",
    "Rental",
    "Repair",
    "Salon",
    "Service",
    "Shop",
    "Store",
    "Station",
];

const TYPES: [&str; 75] = [
    "Airline",
    "AmusementPark",
    "ArtGallery",
    "Attorney",
    "Bakery",
    "BankOrCreditUnion",
    "BarOrPub",
    "BedAndBreakfast",
    "BowlingAlley",
    "Brewery",
    "CafeOrCoffeeShop",
    "Campground",
    "Casino",
    "Chiropractic",
    "ChildCare",
    "CollegeOrUniversity",
    "ComedyClub",
    "Consortium",
    "Cooperative",
    "Corporation",
    "DaySpa",
    "Dentist",
    "Dermatology",
    "Dermatologic",
    "DiagnosticLab",
    "Distillery",
    "DryCleaningOrLaundry",
    "Electrician",
    "EmergencyService",
    "FastFoodRestaurant",
    "FireStation",
    "FuelStation",
    "GasStation",
    "GolfCourse",
    "Gynecologic",
    "HealthAndBeautyBusiness",
    "Hospital",
    "Hostel",
    "Hotel",
    "HousePainter",
    "IceCreamShop",
    "IndividualPhysician",
    "Library",
    "Locksmith",
    "LodgingBusiness",
    "MedicalBusiness",
    "Motel",
    "MovieTheater",
    "MovingCompany",
    "NGO",
    "NailSalon",
    "NightClub",
    "Notary",
    "Optician",
    "Optometric",
    "Pediatric",
    "Pharmacy",
    "Physician",
    "PhysiciansOffice",
    "Plumber",
    "PostOffice",
    "Preschool",
    "ProfessionalService",
    "Project",
    "Resort",
    "Restaurant",
    "RoofingContractor",
    "School",
    "SelfStorage",
    "SkiResort",
    "SportsClub",
    "TattooParlor",
    "TouristInformationCenter",
    "VeterinaryCare",
    "Winery",
];

/// The organizations that a script's text describes, each as its claims.
pub(super) fn entities(text: &str) -> Vec<Vec<Claim>> {
    // Some pages wrap the script in a comment or a CDATA section, or end it with a semicolon.
    let text = text.trim().trim_start_matches("<!--").trim_start_matches("//<![CDATA[").trim_start_matches("<![CDATA[");
    let text = text.trim().trim_end_matches("-->").trim_end_matches("]]>").trim_end_matches("//").trim().trim_end_matches(';');
    // The parser bounds the depth at 128, so the walk below can't be led deeper.
    let Ok(document) = serde_json::from_str::<Value>(text) else { return Vec::new() };
    let mut found = Vec::new();
    let mut nodes = NODES_MAX;
    walk(&document, &mut nodes, &mut found);
    found
}

fn walk(value: &Value, nodes: &mut usize, found: &mut Vec<Vec<Claim>>) {
    if *nodes == 0 || found.len() >= ENTITIES_MAX {
        return;
    }
    *nodes -= 1;
    match value {
        Value::Array(items) => items.iter().for_each(|item| walk(item, nodes, found)),
        Value::Object(node) => {
            if types(node).any(is_organization) {
                let claims = claims(node);
                if claims.iter().any(|claim| claim.field == Field::Name) {
                    found.push(claims);
                }
            }
            // A page's graph, what a WebPage is about, and a chain's branches.
            for key in
                ["@graph", "mainEntity", "about", "publisher", "itemListElement", "item", "department", "subOrganization", "location"]
            {
                if let Some(inner) = node.get(key) {
                    walk(inner, nodes, found);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn types(node: &Map<String, Value>) -> impl Iterator<Item = &str> {
    texts(node.get("@type"))
}

fn is_organization(kind: &str) -> bool {
    let kind = kind.rsplit(['/', ':', '#']).next().unwrap_or(kind);
    TYPES.contains(&kind) || TYPE_ENDINGS.iter().any(|ending| kind.ends_with(ending))
}

fn claims(node: &Map<String, Value>) -> Vec<Claim> {
    let mut claims = Vec::new();
    let address = each(node.get("address")).next();
    let part = |key: &str| address.and_then(Value::as_object).and_then(|address| texts(address.get(key)).next());
    let country = part("addressCountry").or_else(|| {
        let country = address?.as_object()?.get("addressCountry")?.as_object()?;
        texts(country.get("name")).next()
    });
    let mut add = |field: Field, value: Option<&str>| claims.extend(value.and_then(|value| Claim::new(field, value, STRENGTH)));

    add(Field::Name, texts(node.get("name")).next());
    add(Field::LegalName, texts(node.get("legalName")).next());
    for url in texts(node.get("url")).filter(|url| url.starts_with("http")).take(1) {
        add(Field::Website, Some(url));
    }
    add(Field::Street, part("streetAddress"));
    add(Field::City, part("addressLocality"));
    add(Field::State, part("addressRegion"));
    add(Field::Zip, part("postalCode"));
    add(Field::Country, country);
    for number in contacts(node, "telephone").take(VALUES_MAX) {
        add(Field::Phone, phone::shown(number, country.unwrap_or("US")).as_deref());
    }
    for email in contacts(node, "email").take(VALUES_MAX) {
        add(Field::Email, super::extract::email(email).as_deref());
    }
    for profile in texts(node.get("sameAs")).take(VALUES_MAX) {
        if let Some((network, url)) = super::extract::social(profile) {
            add(Field::Social(network.to_owned()), Some(&url));
        }
    }
    for category in
        texts(node.get("category")).chain(texts(node.get("servesCuisine"))).chain(texts(node.get("knowsAbout"))).take(VALUES_MAX)
    {
        add(Field::Category, Some(category));
    }
    add(Field::Hours, hours(node).as_deref());
    for (key, role) in [("founder", "Founder"), ("founders", "Founder"), ("employee", ""), ("employees", "")] {
        for person in each(node.get(key)).filter_map(Value::as_object).take(VALUES_MAX) {
            let name = texts(person.get("name")).next().unwrap_or_default();
            let role = texts(person.get("jobTitle")).next().unwrap_or(role);
            claims.extend(Claim::new(Field::Person, name, STRENGTH).map(|claim| claim.with_note(Some(role))));
        }
    }
    claims
}

/// Values of the node and of its contact points.
fn contacts<'a>(node: &'a Map<String, Value>, key: &'a str) -> impl Iterator<Item = &'a str> {
    let points = each(node.get("contactPoint")).filter_map(Value::as_object);
    texts(node.get(key)).chain(points.flat_map(move |point| texts(point.get(key))))
}

/// `openingHours` as it stands, or the specifications in words: `Monday, Tuesday 09:00-17:00; …`.
fn hours(node: &Map<String, Value>) -> Option<String> {
    let plain: Vec<&str> = texts(node.get("openingHours")).take(VALUES_MAX).collect();
    if !plain.is_empty() {
        return Some(plain.join("; "));
    }
    let specifications = each(node.get("openingHoursSpecification")).filter_map(Value::as_object).take(VALUES_MAX);
    let words: Vec<String> = specifications
        .filter_map(|specification| {
            let days: Vec<&str> = texts(specification.get("dayOfWeek")).map(|day| day.rsplit('/').next().unwrap_or(day)).collect();
            let (opens, closes) = (texts(specification.get("opens")).next()?, texts(specification.get("closes")).next()?);
            Some(format!("{} {opens}-{closes}", days.join(", ")).trim().to_owned())
        })
        .collect();
    (!words.is_empty()).then(|| words.join("; "))
}

/// A value, or each of an array.
fn each(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    match value {
        Some(Value::Array(items)) => items.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    }
    .iter()
}

fn texts(value: Option<&Value>) -> impl Iterator<Item = &str> {
    each(value).filter_map(|value| value.as_str().or_else(|| value.get("@value")?.as_str())).map(str::trim).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Vec<String> {
        let show =
            |claims: Vec<Claim>| claims.into_iter().map(|claim| format!("{:?}={}", claim.field, claim.value)).collect::<Vec<_>>().join(" ");
        entities(text).into_iter().map(show).collect()
    }

    #[test]
    fn organizations_wherever_they_stand() {
        for text in [
            r#"{"@context":"https://schema.org","@type":"LocalBusiness","name":"Acme"}"#,
            r#"[{"@type":"WebSite","name":"x"},{"@type":["Thing","Dentist"],"name":"Acme"}]"#,
            r#"{"@graph":[{"@type":"WebPage","about":{"@type":"http://schema.org/HardwareStore","name":"Acme"}}]}"#,
            r#"<!-- {"@type":"schema:Organization","name":{"@value":"Acme"}}; -->"#,
        ] {
            assert_eq!(said(text), ["Name=Acme"], "{text}");
        }
        for text in
            ["", "{", "null", r#"{"@type":"Person","name":"Acme"}"#, r#"{"@type":"Organization"}"#, r#"{"@type":"Organization","name":7}"#]
        {
            assert!(said(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn every_property_that_is_sold() {
        let text = r#"{"@type":"RoofingContractor","name":"Acme","legalName":"Acme Inc","url":"https://acme.example/","telephone":["(813) 555-0142"],
            "email":"mailto:Hi@Acme.example","contactPoint":{"telephone":"+1-813-555-0143"},"sameAs":["https://www.facebook.com/acme","https://acme.example/x"],
            "address":[{"streetAddress":"1 Main St","addressLocality":"Tampa","addressRegion":"FL","postalCode":"33602","addressCountry":{"name":"US"}}],
            "openingHoursSpecification":{"dayOfWeek":["https://schema.org/Monday","Tuesday"],"opens":"09:00","closes":"17:00"},
            "founder":{"@type":"Person","name":"Ann Lee"},"employee":[{"name":"Bo","jobTitle":"Foreman"}],"category":"roofing"}"#;
        assert_eq!(
            said(text)[0].replace("} ", "}"),
            [
                "Name=Acme LegalName=Acme Inc Website=https://acme.example/ Street=1 Main St City=Tampa State=FL Zip=33602 Country=US",
                "Phone=+18135550142 Phone=+18135550143 Email=hi@acme.example Social(\"facebook\")=https://www.facebook.com/acme",
                "Category=roofing Hours=Monday, Tuesday 09:00-17:00 Person=Ann Lee Person=Bo",
            ]
            .join(" ")
        );
    }

    /// F-V2: a document made to hurt costs a bounded amount.
    #[test]
    fn hostile_documents_are_bounded() {
        let many = format!("[{}]", vec![r#"{"@type":"Organization","name":"A"}"#; 10_000].join(","));
        assert_eq!(said(&many).len(), ENTITIES_MAX);
        assert!(said(&"[".repeat(100_000)).is_empty());
        let phones = format!(r#"{{"@type":"Organization","name":"A","telephone":[{}]}}"#, vec![r#""813-555-0142""#; 500].join(","));
        assert_eq!(entities(&phones)[0].len(), 1 + VALUES_MAX);
    }
}
