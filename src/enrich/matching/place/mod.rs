//! Whether two addresses name the same place, part by part.

use super::similarity;
use crate::enrich::words::fold;

/// States of the US (and its inhabited territories) by code and folded name.
const US_STATES: [(&str, &str); 56] = [
    ("al", "alabama"),
    ("ak", "alaska"),
    ("az", "arizona"),
    ("ar", "arkansas"),
    ("ca", "california"),
    ("co", "colorado"),
    ("ct", "connecticut"),
    ("de", "delaware"),
    ("dc", "district of columbia"),
    ("fl", "florida"),
    ("ga", "georgia"),
    ("hi", "hawaii"),
    ("id", "idaho"),
    ("il", "illinois"),
    ("in", "indiana"),
    ("ia", "iowa"),
    ("ks", "kansas"),
    ("ky", "kentucky"),
    ("la", "louisiana"),
    ("me", "maine"),
    ("md", "maryland"),
    ("ma", "massachusetts"),
    ("mi", "michigan"),
    ("mn", "minnesota"),
    ("ms", "mississippi"),
    ("mo", "missouri"),
    ("mt", "montana"),
    ("ne", "nebraska"),
    ("nv", "nevada"),
    ("nh", "new hampshire"),
    ("nj", "new jersey"),
    ("nm", "new mexico"),
    ("ny", "new york"),
    ("nc", "north carolina"),
    ("nd", "north dakota"),
    ("oh", "ohio"),
    ("ok", "oklahoma"),
    ("or", "oregon"),
    ("pa", "pennsylvania"),
    ("ri", "rhode island"),
    ("sc", "south carolina"),
    ("sd", "south dakota"),
    ("tn", "tennessee"),
    ("tx", "texas"),
    ("ut", "utah"),
    ("vt", "vermont"),
    ("va", "virginia"),
    ("wa", "washington"),
    ("wv", "west virginia"),
    ("wi", "wisconsin"),
    ("wy", "wyoming"),
    ("pr", "puerto rico"),
    ("gu", "guam"),
    ("vi", "virgin islands"),
    ("as", "american samoa"),
    ("mp", "northern mariana islands"),
];

/// Words of a street or a city that are written in two ways.
const ABBREVIATIONS: [(&str, &str); 24] = [
    ("street", "st"),
    ("avenue", "ave"),
    ("av", "ave"),
    ("boulevard", "blvd"),
    ("road", "rd"),
    ("drive", "dr"),
    ("lane", "ln"),
    ("court", "ct"),
    ("place", "pl"),
    ("square", "sq"),
    ("terrace", "ter"),
    ("parkway", "pkwy"),
    ("highway", "hwy"),
    ("circle", "cir"),
    ("suite", "ste"),
    ("unit", "ste"),
    ("north", "n"),
    ("south", "s"),
    ("east", "e"),
    ("west", "w"),
    ("saint", "st"),
    ("fort", "ft"),
    ("mount", "mt"),
    ("first", "1st"),
];

/// A state by its code where we know it, so that "Florida" is "FL".
pub fn state(text: &str) -> String {
    let folded = fold(text);
    US_STATES.iter().find(|(_, name)| *name == folded).map_or(folded, |(code, _)| (*code).to_owned())
}

/// Whether it is the code of a state of the US, in capitals.
pub fn is_us_state(code: &str) -> bool {
    US_STATES.iter().any(|(known, _)| known.to_uppercase() == code)
}

/// The same state, province or region.
pub fn same_state(one: &str, other: &str) -> bool {
    state(one) == state(other)
}

/// The same town, typing slips forgiven.
pub fn same_city(one: &str, other: &str) -> bool {
    similarity::texts(&shortened(one), &shortened(other)) >= 85
}

/// The same postal code; of a US one the five digits, as the last four come and go.
pub fn same_zip(one: &str, other: &str) -> bool {
    zip(one) == zip(other)
}

/// A postal code in the form that is compared.
pub fn zip(text: &str) -> String {
    let folded = fold(text).replace(' ', "");
    let all_digits = folded.bytes().all(|byte| byte.is_ascii_digit());
    if all_digits && matches!(folded.len(), 5 | 9) { folded.chars().take(5).collect() } else { folded }
}

/// The same street, and where both have one the same house number.
pub fn same_street(one: &str, other: &str) -> bool {
    let words = |text: &str| shortened(text).split(' ').map(str::to_owned).collect::<Vec<_>>();
    let (one, other) = (words(one), words(other));
    let number = |words: &[String]| words.iter().find(|word| word.starts_with(|first: char| first.is_ascii_digit())).cloned();
    match (number(&one), number(&other)) {
        (Some(a), Some(b)) if a != b => false,
        _ => similarity::shared_words(&one, &other) >= 60,
    }
}

fn shortened(text: &str) -> String {
    let folded = fold(text);
    let short = |word| ABBREVIATIONS.iter().find(|(long, _)| *long == word).map_or(word, |(_, short)| *short);
    folded.split(' ').map(short).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_meet_in_one_form() {
        assert!(same_state("Florida", "FL") && same_state("fl", "FL") && !same_state("FL", "GA"));
        assert!(same_city("St. Petersburg", "Saint Petersburg") && same_city("Pittsburg", "Pittsburgh") && !same_city("Tampa", "Miami"));
        assert!(same_zip("33602-1234", "33602") && same_zip("SW1A 1AA", "sw1a1aa") && !same_zip("33602", "33603"));
        assert!(same_street("120 North Main Street", "120 N Main St, Suite 4"));
        assert!(!same_street("120 Main St", "122 Main St") && !same_street("120 Main St", "120 Oak Ave"));
    }
}
