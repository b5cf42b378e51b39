//! Whether a source really says what a model reports of it.

use super::want::Want;
use crate::enrich::claim::Claim;
use crate::enrich::research::grounded::{has_name, has_number, has_words};

/// A code of a state or a country has at most so many letters; "or", "me" and "us" are words too, so its capitals count.
const CODE_LETTERS_MAX: usize = 3;

/// Whether it stands in the source's text, or in what was read out of it.
pub(super) fn stands_in(want: Want, value: &str, text: &str, claims: &[Claim]) -> bool {
    let mut said =
        std::iter::once(text).chain(claims.iter().flat_map(|claim| [Some(claim.value.as_str()), claim.note.as_deref()]).flatten());
    match want {
        Want::Phone => said.any(|text| has_number(text, value)),
        Want::Email | Want::Website => said.any(|text| has_name(text, value)),
        Want::State | Want::Country if value.len() <= CODE_LETTERS_MAX => {
            said.any(|text| text.split(|letter: char| !letter.is_alphanumeric()).any(|word| !word.is_empty() && word == value))
        }
        Want::Company | Want::Title | Want::Street | Want::City | Want::State | Want::Zip | Want::Country => {
            said.any(|text| has_words(text, value))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_in_the_source_counts() {
        let text = "Haney Furniture\nCall (724) 555-0123 or write to hello@haney.example.\nJane Roe, Store Manager";
        for (want, value, wanted) in [
            (Want::Phone, "+1 724-555-0123", true),
            (Want::Phone, "+17245550124", false),
            (Want::Email, "hello@haney.example", true),
            (Want::Email, "jane@haney.example", false),
            (Want::Title, "store manager", true),
            (Want::Title, "Owner", false),
            (Want::Title, "", false),
        ] {
            assert_eq!(stands_in(want, value, text, &[]), wanted, "{value}");
        }
    }

    #[test]
    fn a_code_is_written_as_one() {
        let text = "Contact us in Erie, PA or call me";
        for (want, value, wanted) in
            [(Want::State, "PA", true), (Want::State, "OR", false), (Want::State, "ME", false), (Want::Country, "US", false)]
        {
            assert_eq!(stands_in(want, value, text, &[]), wanted, "{value}");
        }
    }
}
