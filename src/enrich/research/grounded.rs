//! Whether a value that a language model gives stands in the text that it names: only then is it that source's word.
//!
//! A model quotes freely, so the case of letters, accents and the punctuation between words count for nothing. Where they are what
//! makes a value, they count: the dots of a domain, the ends of a number.

use crate::enrich::words::fold;

/// Fewer digits are no phone number.
const DIGITS_MIN: usize = 7;
/// A number without its country's code has at least so many.
const NATIONAL_DIGITS_MIN: usize = 8;
/// The longest code of a country, in digits.
const CODE_DIGITS_MAX: usize = 3;
/// The words, one after the other.
pub fn has_words(text: &str, words: &str) -> bool {
    let words = fold(words);
    !words.is_empty() && format!(" {} ", fold(text)).contains(&format!(" {words} "))
}

/// An address or a domain, to the letter, and no part of a longer one.
pub fn has_name(text: &str, value: &str) -> bool {
    let value = value.trim().to_lowercase();
    let value = value.trim_start_matches("https://").trim_start_matches("http://").trim_start_matches("www.").trim_end_matches('/');
    let text = text.to_lowercase();
    !value.is_empty()
        && text.match_indices(value).any(|(at, _)| {
            let (before, after) = text.split_at(at);
            let before = before.strip_suffix("www.").unwrap_or(before);
            let mut after = after.chars().skip(value.chars().count());
            let goes_on = match after.next() {
                Some('.' | '-' | '_') => after.next().is_some_and(char::is_alphanumeric),
                next => next.is_some_and(|letter| letter.is_alphanumeric() || letter == '@'),
            };
            let is_part =
                before.chars().next_back().is_some_and(|letter| letter.is_alphanumeric() || matches!(letter, '.' | '-' | '_' | '+' | '%'));
            !is_part && !goes_on
        })
}

/// A phone number, however its country and trunk prefix are written. Never digits of two numbers, nor a part of one.
pub fn has_number(text: &str, value: &str) -> bool {
    let wanted: String = value.chars().filter(char::is_ascii_digit).collect();
    if wanted.len() < DIGITS_MIN {
        return false;
    }
    let has_code = value.trim_start().starts_with('+');
    let codes = if has_code { CODE_DIGITS_MAX } else { 0 };
    let forms =
        (0..=codes).filter_map(|code| wanted.get(code..)).filter(|form| form.len() == wanted.len() || form.len() >= NATIONAL_DIGITS_MIN);
    let forms: Vec<&str> = forms.collect();
    runs(text).any(|run| forms.iter().any(|form| is_in_run(run, form)))
}

/// The longest stretches of digits and of what is written within a number.
fn runs(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !(letter.is_ascii_digit() || matches!(letter, ' ' | '\u{a0}' | '(' | ')' | '-' | '.' | '/' | '+')))
}

fn is_in_run(run: &str, form: &str) -> bool {
    let digits: Vec<(usize, char)> = run.char_indices().filter(|(_, letter)| letter.is_ascii_digit()).collect();
    (0..digits.len()).any(|first| {
        let Some(taken) = digits.get(first..first.saturating_add(form.len())) else { return false };
        let (Some((begin, _)), Some((end, _))) = (taken.first(), taken.last()) else { return false };
        let (before, after) = (run.get(..*begin).unwrap_or_default(), run.get(end.saturating_add(1)..).unwrap_or_default());
        taken.iter().map(|(_, digit)| *digit).eq(form.chars()) && may_begin_after(before) && may_end_before(after)
    })
}

/// Where a group of digits begins; or behind the country's code or the trunk prefix of the same group.
fn may_begin_after(before: &str) -> bool {
    let rest = before.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let group = before.get(rest.len()..).unwrap_or_default();
    match group {
        // Joined to what goes before it, it is the middle of a number, unless that is a code.
        "" => {
            let code: String = rest.chars().filter(char::is_ascii_digit).collect();
            let is_code = matches!(code.as_str(), "0" | "1") || (rest.contains('+') && code.len() <= CODE_DIGITS_MAX);
            is_code || !rest.ends_with(['-', '.', '/'])
        }
        "0" | "00" | "1" => true,
        _ => rest.ends_with('+') && group.len() <= CODE_DIGITS_MAX,
    }
}

/// Where a group ends that nothing is joined to.
fn may_end_before(after: &str) -> bool {
    let mut letters = after.chars();
    match letters.next() {
        Some('-' | '.' | '/') => !letters.next().is_some_and(|letter| letter.is_ascii_digit()),
        next => !next.is_some_and(|letter| letter.is_ascii_digit()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_whole() {
        let text = "Jane Roe, Store Manager";
        for (words, wanted) in [("store manager", true), ("Store-Manager", true), ("tore manager", false), ("Owner", false), ("", false)] {
            assert_eq!(has_words(text, words), wanted, "{words}");
        }
    }

    #[test]
    fn a_number_is_whole() {
        for (text, value, wanted) in [
            ("New Castle, PA 16101 (724) 555-0123", "+1 724 555 0123", true),
            ("New Castle, PA 16101 (724) 555-0123", "+1 610 172 4555", false),
            ("New Castle, PA 16101, (724) 555-0123", "16101724555", false),
            ("+17245550123", "(724) 555-0123", true),
            ("724.555.0123", "+17245550123", true),
            ("1-724-555-0123", "7245550123", true),
            ("(724) 555-0123", "555-0123", true),
            ("(724) 555-0123", "999 555 0123", false),
            ("724-555-0123", "555-0123", false),
            ("020 7946 0018", "+44 20 7946 0018", true),
            ("+44 (0)20 7946 0018", "+44 20 7946 0018", true),
            ("0044 20 7946 0018 44 Mill Rd", "+44 20 7946 0018", true),
            ("Order 172455501239", "+1 724 555 0123", false),
            ("(724) 555-0123", "0123", false),
        ] {
            assert_eq!(has_number(text, value), wanted, "{value} in {text}");
        }
    }

    #[test]
    fn a_name_is_whole() {
        for (text, value, wanted) in [
            ("Write to Ruth@Haney.example.", "ruth@haney.example", true),
            ("ruth@haney.example", "uth@haney.example", false),
            ("ruth@haney.example", "ruth@haneye.xample", false),
            ("mary.ruth@haney.example", "ruth@haney.example", false),
            ("ruth@haney.example.evil.example", "ruth@haney.example", false),
            ("see https://www.haney.example/", "haney.example", true),
            ("see https://www.haney.example/", "https://haney.example/", true),
            ("shop.haney.example", "haney.example", false),
            ("haney.example", "", false),
        ] {
            assert_eq!(has_name(text, value), wanted, "{value} in {text}");
        }
    }
}
