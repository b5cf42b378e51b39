//! How alike two texts are, in percent.

use crate::enrich::words::{fold, name_words};

/// Two business names, after [`name_words`]: the better of the whole spelling (Damerau-Levenshtein, which forgives a typing
/// slip) and the shared words (Sørensen-Dice, which forgives order). Dice alone would make "Acme" of "Acme Roofing".
pub fn names(one: &str, other: &str) -> u32 {
    let (one, other) = (name_words(one), name_words(other));
    if one.is_empty() || other.is_empty() {
        return 0;
    }
    let spelling = percent(strsim::normalized_damerau_levenshtein(&bounded(&one.concat()), &bounded(&other.concat())));
    let spelling = if spelling >= SLIP { spelling } else { spelling.min(OTHER_WORD) };
    spelling.max(shared_words(&one, &other))
}

/// From so much on, spellings differ by a slip of the pen, in percent.
const SLIP: u32 = 85;
/// Below it another word was meant: "Flood Example Works" is not "Slow Example Works", however many letters they share.
const OTHER_WORD: u32 = 75;

/// Two texts that are folded first, such as cities.
pub fn texts(one: &str, other: &str) -> u32 {
    percent(strsim::normalized_damerau_levenshtein(&bounded(&fold(one)), &bounded(&fold(other))))
}

/// The Sørensen-Dice coefficient over words; two words count as one where they are spelled nearly alike.
pub fn shared_words(one: &[String], other: &[String]) -> u32 {
    let mut unused: Vec<&String> = other.iter().collect();
    let mut shared = 0;
    for word in one {
        let twin = unused.iter().position(|candidate| *candidate == word).or_else(|| {
            unused.iter().position(|candidate| word.len() > 3 && strsim::normalized_damerau_levenshtein(word, candidate) >= 0.8)
        });
        if let Some(at) = twin {
            unused.swap_remove(at);
            shared += 2;
        }
    }
    u32::try_from(shared * 100 / (one.len() + other.len()).max(1)).unwrap_or(0)
}

/// The distance takes time with the product of both lengths, and one side may be a stranger's page.
fn bounded(text: &str) -> String {
    text.chars().take(200).collect()
}

/// A ratio from 0 to 1 in whole percent.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a ratio from 0 to 1 becomes a whole percent")]
pub fn percent(ratio: f64) -> u32 {
    (ratio.clamp(0.0, 1.0) * 100.0).round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_by_spelling_and_by_words() {
        for (one, other, range) in [
            ("Acme Corp", "ACME Corporation", 100..=100),
            ("Haney Furniture Co", "Furniture Haney", 100..=100),
            ("Haney Furniture", "Hanney Furniture", 90..=100),
            ("Acme", "Acme Roofing Supplies", 0..=50),
            ("Acme Corp", "Apex Corp", 0..=60),
            ("Bayside Dental", "Bayside Plumbing", 0..=70),
            ("Harbor Dental", "Harbour Dental", 90..=100),
            ("Flood Example Works", "Slow Example Works", 0..=75),
            ("!!!", "Acme", 0..=0),
        ] {
            let found = names(one, other);
            assert!(range.contains(&found), "{one} / {other}: {found}");
        }
    }

    proptest! {
        #[test]
        fn likeness_is_symmetric_enough_and_bounded(one in "[a-d ]{0,12}", other in "[a-d ]{0,12}") {
            prop_assert!(names(&one, &other) <= 100);
            prop_assert_eq!(names(&one, &one), if name_words(&one).is_empty() { 0 } else { 100 });
        }
    }
}
