//! Postal addresses in running text, as some countries write them.
//!
//! All are found by their postal code: the one thing of a fixed shape. North American and British codes can't be mistaken for
//! anything else. Elsewhere a code is a number of four or five digits, so the page's language or domain has to say which country
//! it may be of, and a street with a house number has to stand before it.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::enrich::claim::{Claim, Field};
use crate::enrich::matching::place;

/// An address, part by part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) street: Option<String>,
    pub(super) city: Option<String>,
    pub(super) state: Option<String>,
    pub(super) zip: Option<String>,
    pub(super) country: Option<String>,
}

/// An address, and where its postal code lies in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) address: Address,
    pub(super) at: usize,
}

/// Addresses of one text that are looked for.
const ADDRESSES_MAX: usize = 30;

impl Address {
    pub(super) fn is_empty(&self) -> bool {
        let Self { street, city, state, zip, country: _ } = self;
        [street, city, state, zip].into_iter().all(Option::is_none)
    }

    pub(super) fn claims(&self, strength: u8) -> Vec<Claim> {
        let Self { street, city, state, zip, country } = self;
        let parts = [(Field::Street, street), (Field::City, city), (Field::State, state), (Field::Zip, zip), (Field::Country, country)];
        parts.into_iter().filter_map(|(field, value)| Claim::new(field, value.as_deref()?, strength)).collect()
    }
}

type Shape = LazyLock<Option<Regex>>;

/// The end of a US address: `FL 33602` or `FL 33602-1234`.
static US: Shape = LazyLock::new(|| Regex::new(r"(?-u)\b([A-Z]{2}),? ([0-9]{5}(?:-[0-9]{4})?)\b").ok());
/// `Florida 33602`, `N. Carolina 27601`: the state's name, or an older short form of it.
static US_NAMED: Shape = LazyLock::new(|| {
    Regex::new(r"(?-u)\b((?:(?:New|North|South|West|Rhode|District of|N\.|S\.|W\.) ?)?[A-Z][a-z]{2,12})\.?,? ([0-9]{5}(?:-[0-9]{4})?)\b")
        .ok()
});
/// `ON M5V 2T6`.
static CANADA: Shape = LazyLock::new(|| {
    Regex::new(r"(?-u)\b(AB|BC|MB|NB|NL|NS|NT|NU|ON|PE|QC|SK|YT),?\s+([ABCEGHJ-NPRSTVXY][0-9][A-Z] ?[0-9][A-Z][0-9])\b").ok()
});
/// `London SW1A 1AA`.
static BRITAIN: Shape =
    LazyLock::new(|| Regex::new(r"(?-u)\b([A-PR-UWYZ][A-HK-Y]?[0-9][0-9A-HJKMNPR-Y]? [0-9][ABD-HJLNP-UW-Z]{2})\b").ok());
/// `80331 München`, `F-75002 Paris`, `1100-053 Lisboa`, `1012 LG Amsterdam`: the code stands before the town.
static CODE_FIRST: Shape = LazyLock::new(|| {
    Regex::new(
        r"(?:^|[\s,;|·•(])(?:(DE?|A|AT|CH|FR?|E|ES|IT?|PT?|NL|B|BE|L)[- ])?([0-9]{4}-[0-9]{3}|[0-9]{4} ?[A-Z]{2}|[0-9]{4,5}) (\p{Lu}[\p{L}'’.-]*(?:[ /-](?:\p{L}\.|\p{Ll}{1,3}|\p{Lu}[\p{L}'’.-]+)){0,4})",
    )
    .ok()
});

/// Countries where the code stands before the town, and the digits that it has there.
const CODE_FIRST_IN: [(&str, usize); 9] =
    [("DE", 5), ("FR", 5), ("ES", 5), ("IT", 5), ("AT", 4), ("CH", 4), ("BE", 4), ("PT", 7), ("NL", 6)];

/// The addresses in `text`, in order, its lines divided by `\n`. `country` is what else is known of the page.
pub(super) fn find(text: &str, country: Option<&str>) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let all = |shape: &'static Shape| shape.iter().flat_map(|shape| shape.captures_iter(text)).take(10 * ADDRESSES_MAX);
    found.extend(all(&US).filter_map(|hit| {
        let state = hit.get(1)?.as_str();
        place::is_us_state(state).then(|| town_first(text, &hit, Some(state), hit.get(2)?.as_str(), None)).flatten()
    }));
    // A word and five digits are an address only behind a street and a town.
    found.extend(all(&US_NAMED).filter_map(|hit| {
        let state = hit.get(1)?.as_str();
        let is_state = place::is_us_state(&place::state(state).to_uppercase());
        let found = is_state.then(|| town_first(text, &hit, Some(state), hit.get(2)?.as_str(), None)).flatten()?;
        let is_named = found.address.city.as_ref().is_some_and(|city| city.starts_with(char::is_uppercase));
        Some(found).filter(|found| is_named && found.address.street.is_some())
    }));
    found.extend(all(&CANADA).filter_map(|hit| town_first(text, &hit, Some(hit.get(1)?.as_str()), hit.get(2)?.as_str(), Some("CA"))));
    found.extend(all(&BRITAIN).filter_map(|hit| town_first(text, &hit, None, hit.get(1)?.as_str(), Some("GB"))));
    found.extend(all(&CODE_FIRST).filter_map(|hit| code_first(text, &hit, country)));
    found.sort_by_key(|found| found.at);
    found.dedup_by_key(|found| found.at);
    found.truncate(ADDRESSES_MAX);
    found
}

/// `[street,] city, ST 12345`, its parts divided by commas or lines.
fn town_first(text: &str, hit: &Captures<'_>, state: Option<&str>, zip: &str, country: Option<&str>) -> Option<Found> {
    let at = hit.get(0)?.start();
    let mut parts = parts_before(text, at);
    let mut city = parts.next().filter(|city| is_town(city));
    // Without a town before the code the parts are something else.
    let next = parts.next().filter(|_| city.is_some());
    let mut street = next.filter(|part| is_street(part));
    let unit = street.filter(|part| is_unit(part));
    let before_unit = unit.and_then(|_| parts.next()).filter(|part| is_street(part) && !is_unit(part));
    street = before_unit.or(street);
    if country == Some("GB") && street.is_none() {
        // A county stands between town and code. A British code by itself may be any other number.
        city = next.filter(|part| is_town(part));
        street = Some(parts.next().filter(|part| city.is_some() && is_street(part))?);
    }
    let owned = |part: Option<&str>| part.map(str::to_owned);
    let address = Address {
        street: street.map(|street| match (before_unit, unit) {
            (Some(street), Some(unit)) => format!("{}, {unit}", from_house_number(street)),
            _ => from_house_number(street).to_owned(),
        }),
        city: owned(city),
        state: owned(state),
        zip: Some(zip.to_owned()),
        country: owned(country),
    };
    Some(Found { address, at })
}

/// `street, 12345 city`.
fn code_first(text: &str, hit: &Captures<'_>, country: Option<&str>) -> Option<Found> {
    let (prefix, zip, city) = (hit.get(1).map(|prefix| prefix.as_str()), hit.get(2)?, hit.get(3)?.as_str());
    let country = match prefix {
        Some("D" | "DE") => "DE",
        Some("A" | "AT") => "AT",
        Some("F" | "FR") => "FR",
        Some("E" | "ES") => "ES",
        Some("I" | "IT") => "IT",
        Some("P" | "PT") => "PT",
        Some("B" | "BE") => "BE",
        Some(other) => other,
        None => country?,
    };
    let (_, digits) = CODE_FIRST_IN.iter().find(|(known, _)| *known == country)?;
    let shape = zip.as_str().chars().filter(char::is_ascii_alphanumeric).count();
    if shape != *digits {
        return None;
    }
    let start = hit.get(1).unwrap_or(zip).start();
    let street = parts_before(text, start).next().filter(|street| is_street(street) && has_number_at_an_end(street))?;
    let city = city.trim_end_matches(['.', '-', '/', ' ']);
    let street = street.rsplit(": ").next().unwrap_or(street);
    let address = Address {
        street: Some(street.to_owned()),
        city: Some(city.to_owned()),
        state: None,
        zip: Some(zip.as_str().to_owned()),
        country: Some(country.to_owned()),
    };
    Some(Found { address, at: zip.start() })
}

/// What stands before, part by part, the nearest first. Never further back than an address is long.
fn parts_before(text: &str, at: usize) -> impl Iterator<Item = &str> {
    let from = text.ceil_char_boundary(at.saturating_sub(300));
    text.get(from..at).unwrap_or_default().rsplit([',', '\n', '|', '•', '·', ';']).map(str::trim).filter(|part| !part.is_empty())
}

fn is_town(part: &str) -> bool {
    part.len() < 60
        && part.starts_with(char::is_alphabetic)
        && !part.contains(|letter: char| letter.is_ascii_digit() || matches!(letter, '@' | ':'))
}

/// A street has a number; without one the part is something else.
fn is_street(part: &str) -> bool {
    part.len() < 120
        && part.contains(|letter: char| letter.is_ascii_digit())
        && part.chars().filter(|letter| letter.is_alphabetic()).count() >= 3
        && !part.contains('@')
}

/// A part of a building by itself, as "Suite 200".
fn is_unit(part: &str) -> bool {
    const UNITS: [&str; 12] = ["suite", "ste", "unit", "apt", "apartment", "floor", "fl", "room", "rm", "building", "bldg", "office"];
    let mut words = part.split([' ', '.', '#']).filter(|word| !word.is_empty()).map(str::to_lowercase);
    words.next().is_some_and(|word| UNITS.contains(&word.as_str())) && words.count() <= 2
}

/// Its number stands at one end of it: "Seit 1999 über" is no street.
fn has_number_at_an_end(street: &str) -> bool {
    let has_digit = |word: Option<&str>| word.is_some_and(|word| word.contains(|letter: char| letter.is_ascii_digit()));
    has_digit(street.split(' ').next()) || has_digit(street.rsplit(' ').next())
}

/// "Visit us at 120 Main St" without the words before the number.
fn from_house_number(street: &str) -> &str {
    let at = street.find(|letter: char| letter.is_ascii_digit()).unwrap_or(0);
    let rest = street.get(at..).unwrap_or(street);
    // "Suite 5" alone, or "Musterstr. 5", where the number stands behind.
    if rest.chars().filter(|letter| letter.is_alphabetic()).count() >= 2 { rest } else { street }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(text: &str, country: Option<&str>) -> String {
        let show = |Found { address: Address { street, city, state, zip, country }, .. }| {
            [street, city, state, zip, country].map(Option::unwrap_or_default).join("|")
        };
        find(text, country).into_iter().map(show).collect::<Vec<_>>().join(" / ")
    }

    #[test]
    fn as_countries_write_them() {
        for (country, text, wanted) in [
            (None, "Visit us at 120 N Main St, Tampa, FL 33602-1234 today", "120 N Main St|Tampa|FL|33602-1234|"),
            (None, "44 Mill Road\nNew Castle, PA 16101", "44 Mill Road|New Castle|PA|16101|"),
            (None, "Serving Ocala, FL 34470", "|Serving Ocala|FL|34470|"),
            (None, "Model XX 12345 and nothing else", ""),
            (None, "120 King St W, Toronto, ON M5V 2T6", "120 King St W|Toronto|ON|M5V 2T6|CA"),
            (None, "10 Downing Street, London SW1A 2AA", "10 Downing Street|London||SW1A 2AA|GB"),
            (None, "4 High St\nKingsbridge\nDevon\nTQ7 1AB", "4 High St|Kingsbridge||TQ7 1AB|GB"),
            (None, "Part AB1 2CD", ""),
            (Some("DE"), "Musterstr. 5, 80331 München", "Musterstr. 5|München||80331|DE"),
            (Some("DE"), "Bäckerei Roe\nAm Markt 12a\nD-04109 Leipzig\nTel. 0341 123456", "Am Markt 12a|Leipzig||04109|DE"),
            (Some("DE"), "Hauptstraße 1, 60311 Frankfurt am Main", "Hauptstraße 1|Frankfurt am Main||60311|DE"),
            (Some("AT"), "Adresse: Ring 7, 1010 Wien", "Ring 7|Wien||1010|AT"),
            (Some("CH"), "Bahnhofstrasse 3\nCH-8001 Zürich", "Bahnhofstrasse 3|Zürich||8001|CH"),
            (Some("FR"), "12 bis, rue de la Paix, 75002 Paris", ""),
            (Some("FR"), "12 rue de la Paix, 75002 Paris", "12 rue de la Paix|Paris||75002|FR"),
            (Some("ES"), "Calle Mayor 5, 28013 Madrid", "Calle Mayor 5|Madrid||28013|ES"),
            (Some("IT"), "Via Roma 12, 20121 Milano", "Via Roma 12|Milano||20121|IT"),
            (Some("PT"), "Rua Augusta 10\n1100-053 Lisboa", "Rua Augusta 10|Lisboa||1100-053|PT"),
            (Some("NL"), "Damrak 1, 1012 LG Amsterdam", "Damrak 1|Amsterdam||1012 LG|NL"),
            (None, "Musterstr. 5, D-80331 München", "Musterstr. 5|München||80331|DE"),
            (None, "Since 2019, 10000 Customers", ""),
            (Some("DE"), "Seit 1999 über 10000 Kunden", ""),
        ] {
            assert_eq!(said(text, country), wanted, "{text}");
        }
    }

    #[test]
    fn two_addresses_stay_two() {
        assert_eq!(
            said("Tampa\n1 Main St\nTampa, FL 33602\nMiami\n2 Ocean Dr\nMiami, FL 33139", None),
            "1 Main St|Tampa|FL|33602| / 2 Ocean Dr|Miami|FL|33139|"
        );
    }

    proptest! {
        #[test]
        fn any_text_has_addresses_or_none(text in "[A-Z0-9a-zäß, \n-]{0,80}") {
            prop_assert!(find(&text, Some("DE")).len() <= ADDRESSES_MAX);
        }
    }
}
