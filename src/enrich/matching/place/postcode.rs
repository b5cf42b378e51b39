//! Postal codes in the form that is compared.

use crate::enrich::words::fold;

/// Country letters that people write before a code: "D-10115", "F 75001".
const COUNTRIES: [&str; 22] =
    ["a", "at", "b", "be", "ch", "d", "de", "dk", "e", "es", "f", "fi", "fr", "gb", "i", "it", "l", "nl", "p", "pt", "s", "us"];

/// Longer texts aren't codes.
const CODE_BYTES_MAX: usize = 12;

/// Lower case without spaces and hyphens; of nine digits (ZIP+4) the first five; without the country's letters. Idempotent.
pub(super) fn normal(text: &str) -> String {
    let folded = fold(text);
    let code = folded.replace(' ', "");
    let is_digits = |code: &str| !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_digit());
    let letters = code.find(|letter: char| letter.is_ascii_digit()).unwrap_or(0);
    let (country, rest) = code.split_at(letters);
    let rest = if COUNTRIES.contains(&country) && is_digits(rest) && matches!(rest.len(), 4 | 5) { rest } else { code.as_str() };
    if is_digits(rest) && rest.len() == 9 { rest.chars().take(5).collect() } else { rest.to_owned() }
}

/// The same code. A code's first half stands for the whole where that is its use (United Kingdom, Canada, the Netherlands), and a zero
/// that a spreadsheet took off is put back.
pub(super) fn same(one: &str, other: &str) -> bool {
    let (one, other) = (normal(one), normal(other));
    if one == other || one.is_empty() || other.is_empty() {
        return one == other;
    }
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    let lost_zero = short.len() == 4 && long.len() == 5 && is_number(&short) && is_number(&long) && long.strip_prefix('0') == Some(&short);
    lost_zero || outward(&long).is_some_and(|outward| outward == short)
}

/// What leads to the district: "sw1a" of "sw1a1aa", "m5v" of "m5v2t6", "1012" of "1012ab".
fn outward(code: &str) -> Option<&str> {
    let shape: String = code.chars().take(CODE_BYTES_MAX).map(|letter| if letter.is_ascii_digit() { '9' } else { 'a' }).collect();
    let british = ["a9", "a99", "aa9", "aa99", "a9a", "aa9a"].iter().any(|outward| shape.strip_prefix(outward) == Some("9aa"));
    let kept = match shape.as_str() {
        _ if british => code.len().checked_sub(3)?,
        "a9a9a9" => 3,
        "9999aa" => 4,
        _ => return None,
    };
    code.get(..kept)
}

fn is_number(code: &str) -> bool {
    code.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn codes_in_one_form() {
        for (text, wanted) in [
            ("33602-1234", "33602"),
            ("336021234", "33602"),
            ("33602", "33602"),
            (" SW1A 1AA ", "sw1a1aa"),
            ("M5V 2T6", "m5v2t6"),
            ("D-10115", "10115"),
            ("CH-8001", "8001"),
            ("1012 AB", "1012ab"),
            ("B1 1AA", "b11aa"),
            ("01310-100", "01310100"),
            ("", ""),
        ] {
            assert_eq!(normal(text), wanted, "{text}");
        }
    }

    #[test]
    fn the_same_code_and_another() {
        for (one, other, wanted) in [
            ("33602-1234", "33602", true),
            ("02139", "2139", true),
            ("SW1A 1AA", "sw1a1aa", true),
            ("SW1A", "SW1A 1AA", true),
            ("SW1", "SW1A 1AA", false),
            ("M5V", "M5V2T6", true),
            ("1012", "1012 AB", true),
            ("D-10115", "10115", true),
            ("33602", "33603", false),
            ("10115", "10117", false),
            ("3602", "33602", false),
            ("", "33602", false),
        ] {
            assert_eq!((same(one, other), same(other, one)), (wanted, wanted), "{one} / {other}");
        }
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(text in "\\PC{0,20}", code in "[A-Z]{0,2}[- ]?[0-9A-Z]{0,6}[- ]?[0-9A-Z]{0,4}") {
            for text in [text, code] {
                prop_assert_eq!(normal(&normal(&text)), normal(&text));
                prop_assert!(same(&text, &text));
            }
        }
    }
}
