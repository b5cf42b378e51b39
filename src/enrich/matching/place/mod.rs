//! Whether two addresses name the same place, part by part.

mod postcode;
pub mod street;
mod tables;

pub use self::street::Street;

use self::tables::{STATE_CODES, WORDS, us_state_codes};
use super::similarity;
use crate::enrich::words::fold;

/// A state of the US or a province of Canada by its code where we know it, so that "Florida" is "FL".
pub fn state(text: &str) -> String {
    let folded = fold(text);
    STATE_CODES.get(folded.as_str()).map_or(folded, |code| (*code).to_owned())
}

/// Whether it is the code of a state of the US, in capitals.
pub fn is_us_state(code: &str) -> bool {
    us_state_codes().any(|known| known.to_uppercase() == code)
}

/// The same state, province or region.
pub fn same_state(one: &str, other: &str) -> bool {
    state(one) == state(other)
}

/// The same town, typing slips forgiven.
pub fn same_city(one: &str, other: &str) -> bool {
    similarity::texts(&city(one), &city(other)) >= 85
}

/// The same postal code; of a US one the five digits, as the last four come and go.
pub fn same_zip(one: &str, other: &str) -> bool {
    postcode::same(one, other)
}

/// A postal code in the form that is indexed.
pub fn zip(text: &str) -> String {
    postcode::normal(text)
}

/// The same street, and where both have one the same house number.
pub fn same_street(one: &str, other: &str) -> bool {
    Street::parse(one).is_same(&Street::parse(other))
}

/// "Saint Petersburg" is "St. Petersburg", "Fort Worth" is "Ft Worth".
fn city(text: &str) -> String {
    let folded = fold(text);
    let short = |word| match word {
        "fort" => "ft",
        "mount" => "mt",
        _ => WORDS.inner.get(word).or_else(|| WORDS.directions.get(word)).copied().unwrap_or(word),
    };
    folded.split(' ').map(short).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn places_meet_in_one_form() {
        assert!(same_state("Florida", "FL") && same_state("fl", "FL") && same_state("Fla.", "FL") && !same_state("FL", "GA"));
        assert!(same_state("Québec", "QC") && same_state("Ont.", "Ontario"));
        assert!(same_city("St. Petersburg", "Saint Petersburg") && same_city("Pittsburg", "Pittsburgh") && !same_city("Tampa", "Miami"));
        assert!(same_city("Fort Worth", "Ft. Worth") && same_city("North Platte", "N Platte") && same_city("Köln", "Koln"));
        assert!(same_zip("33602-1234", "33602") && same_zip("SW1A 1AA", "sw1a1aa") && !same_zip("33602", "33603"));
        assert!(same_street("120 North Main Street", "120 N Main St, Suite 4"));
        assert!(!same_street("120 Main St", "122 Main St") && !same_street("120 Main St", "120 Oak Ave"));
        assert!(is_us_state("FL") && !is_us_state("ON") && !is_us_state("fl"));
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(text in "\\PC{0,30}", word in "(Saint|Fort|north|St\\.|Mount|Fla) ?[A-Za-z]{0,8}") {
            for text in [text, word] {
                prop_assert_eq!(city(&city(&text)), city(&text));
                prop_assert_eq!(state(&state(&text)), state(&text));
            }
        }
    }
}
