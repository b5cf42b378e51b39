//! Phone numbers, compared by their digits and shown in one form.

/// Countries of the North American Numbering Plan, where ten digits are a whole number.
const NANP: [&str; 25] = [
    "AG", "AI", "AS", "BB", "BM", "BS", "CA", "DM", "DO", "GD", "GU", "JM", "KN", "KY", "LC", "MP", "MS", "PR", "SX", "TC", "TT", "US",
    "VC", "VG", "VI",
];

/// Whether ten digits are a whole number there; by ISO 3166-1 alpha-2.
pub fn is_north_american(country: &str) -> bool {
    NANP.contains(&country)
}

/// The digits by which a number is compared: without its extension, and without the 1 of North America.
/// `None` where it isn't 7 to 15 digits (E.164 section 6).
pub fn digits(text: &str) -> Option<String> {
    let digits: String = main_part(text).chars().filter(char::is_ascii_digit).collect();
    match digits.len() {
        11 if digits.starts_with('1') => Some(digits[1..].to_owned()),
        7..=15 => Some(digits),
        _ => None,
    }
}

/// As it is shown: E.164 where that is certain (a number with its country code, or ten digits in North America),
/// else as it was given.
pub fn shown(text: &str, country: &str) -> Option<String> {
    let number = digits(text)?;
    let main = main_part(text).trim();
    if number.len() == 10 && NANP.contains(&country) && !main.starts_with('+') {
        return Some(format!("+1{number}"));
    }
    if main.starts_with('+') {
        let all: String = main.chars().filter(char::is_ascii_digit).collect();
        return Some(format!("+{all}"));
    }
    Some(main.to_owned())
}

/// Whether two numbers, as [`digits`] gives them, reach the same line: equal, or one is the other without its country code.
pub fn same(one: &str, other: &str) -> bool {
    let national = |number: &str| number.trim_start_matches('0').to_owned();
    let (one, other) = (national(one), national(other));
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    short.len() >= 7 && long.ends_with(&short) && long.len() - short.len() <= 3
}

fn main_part(text: &str) -> &str {
    let end = text.find(['x', 'X', ';', '#', 'e', 'E']).unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_by_their_digits() {
        for (text, wanted) in [
            ("(813) 555-0142", Some("8135550142")),
            ("+1 813.555.0142 ext. 7", Some("8135550142")),
            ("1-813-555-0142x9", Some("8135550142")),
            ("555-0142", Some("5550142")),
            ("+44 20 7946 0018", Some("442079460018")),
            ("call us", None),
            ("", None),
            ("12345678901234567", None),
        ] {
            assert_eq!(digits(text).as_deref(), wanted, "{text}");
        }
        assert!(same("442079460018", "02079460018") && same("8135550142", "5550142"));
        assert!(!same("8135550142", "8135550143") && !same("1", "1"));
    }

    #[test]
    fn shown_as_e164_where_that_is_certain() {
        assert_eq!(shown("(813) 555-0142", "US").as_deref(), Some("+18135550142"));
        assert_eq!(shown("+44 20 7946 0018", "US").as_deref(), Some("+442079460018"));
        assert_eq!(shown("020 7946 0018", "GB").as_deref(), Some("020 7946 0018"));
        assert_eq!(shown("555-0142", "US").as_deref(), Some("555-0142"));
    }
}
