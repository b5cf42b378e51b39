//! Whether a value that a language model gives stands in the source that it names: only then is it that source's word.

use crate::enrich::words::fold;

/// Digits that a number has at least.
const DIGITS_MIN: usize = 7;
/// Digits that are the same however the country and its trunk prefix are written.
const NATIONAL_DIGITS: usize = 9;

/// Whether a line of any of the texts says a phone number: digits of several lines are no number.
pub fn says_number<'a>(mut texts: impl Iterator<Item = &'a str>, number: &str) -> bool {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    if digits.len() < DIGITS_MIN {
        return false;
    }
    let national = digits.get(digits.len().saturating_sub(NATIONAL_DIGITS)..).unwrap_or(&digits);
    let says = |line: &str| line.chars().filter(char::is_ascii_digit).collect::<String>().contains(national);
    texts.any(|text| text.lines().any(says))
}

/// Whether any of the texts has the words, one after the other; accents, capitals and punctuation count nothing.
pub fn says_words<'a>(mut texts: impl Iterator<Item = &'a str>, words: &str) -> bool {
    let words = fold(words);
    !words.is_empty() && texts.any(|text| format!(" {} ", fold(text)).contains(&format!(" {words} ")))
}
