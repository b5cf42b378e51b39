//! Phone numbers and addresses in running text, where a page says them to people only.

use std::sync::LazyLock;

use regex::Regex;

use crate::enrich::claim::{Claim, Field};
use crate::enrich::matching::place;

/// North American numbers with separators; digits alone could be anything.
static PHONE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?-u)(?:\+?1[ .-]?)?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[ .-])[2-9][0-9]{2}[ .-][0-9]{4}\b").ok());

/// The end of a US address: `FL 33602` or `FL 33602-1234`.
static STATE_ZIP: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?-u)\b([A-Z]{2}),? ([0-9]{5}(?:-[0-9]{4})?)\b").ok());

/// Phone numbers in `text`, in order, at most `max`.
pub(super) fn phones(text: &str, max: usize) -> Vec<String> {
    PHONE.iter().flat_map(|pattern| pattern.find_iter(text)).map(|found| found.as_str().to_owned()).take(max).collect()
}

/// The first US address in `text`: `[street,] city, ST 12345`, its parts divided by commas or lines.
pub(super) fn address(text: &str, strength: u8) -> Vec<Claim> {
    let found = STATE_ZIP.iter().flat_map(|pattern| pattern.captures_iter(text)).find_map(|found| {
        let (whole, state, zip) = (found.get(0)?, found.get(1)?.as_str(), found.get(2)?.as_str());
        place::is_us_state(state).then(|| (text.get(..whole.start()).unwrap_or_default(), state, zip))
    });
    let Some((before, state, zip)) = found else { return Vec::new() };
    let mut parts = before.rsplit([',', '\n']).map(str::trim).filter(|part| !part.is_empty());
    let city = parts.next().filter(|city| city.len() < 60 && !city.contains(|letter: char| letter.is_ascii_digit()));
    // A street has a number; without a city before it the parts are something else.
    let street =
        parts.next().filter(|street| city.is_some() && street.len() < 120 && street.contains(|letter: char| letter.is_ascii_digit()));
    let street = street.map(from_house_number);
    let values = [(Field::Street, street), (Field::City, city), (Field::State, Some(state)), (Field::Zip, Some(zip))];
    values.into_iter().filter_map(|(field, value)| Claim::new(field, value?, strength)).collect()
}

/// "Visit us at 120 Main St" without the words before the number.
fn from_house_number(street: &str) -> &str {
    let at = street.find(|letter: char| letter.is_ascii_digit()).unwrap_or(0);
    street.get(at..).unwrap_or(street)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones_with_separators_only() {
        let text = "Call (813) 555-0142 or 813.555.0143, fax +1 813-555-0144. Order 8135550145, since 1987-2020, id 123-456-78901.";
        assert_eq!(phones(text, 9), ["(813) 555-0142", "813.555.0143", "+1 813-555-0144"]);
        assert_eq!(phones(text, 1).len(), 1);
    }

    #[test]
    fn an_address_is_read_backwards_from_its_zip() {
        let said = |text: &str| address(text, 50).into_iter().map(|claim| claim.value).collect::<Vec<_>>().join("|");
        assert_eq!(said("Visit us at 120 N Main St, Tampa, FL 33602-1234 today"), "120 N Main St|Tampa|FL|33602-1234");
        assert_eq!(said("44 Mill Road\nNew Castle, PA 16101"), "44 Mill Road|New Castle|PA|16101");
        assert_eq!(said("Serving Ocala, FL 34470"), "Serving Ocala|FL|34470");
        assert_eq!(said("Model XX 12345 and nothing else"), "");
    }
}
