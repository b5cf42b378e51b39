//! Text brought to one form, so that "Café Zoë, L.L.C." and "cafe zoe" can be compared.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Endings that say how a business is incorporated, and nothing of who it is.
const LEGAL_FORMS: [&str; 31] = [
    "ab",
    "ag",
    "bv",
    "co",
    "company",
    "corp",
    "corporation",
    "gmbh",
    "inc",
    "incorporated",
    "kg",
    "limited",
    "llc",
    "llp",
    "lp",
    "ltd",
    "nv",
    "oy",
    "pa",
    "pbc",
    "pc",
    "pllc",
    "plc",
    "pty",
    "sa",
    "sarl",
    "sas",
    "se",
    "sl",
    "spa",
    "srl",
];

/// Lower case without accents; letters and digits in words, one space between two. `&` is a word of its own: "and".
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for letter in text.nfkd().filter(|letter| !is_combining_mark(*letter)).flat_map(char::to_lowercase) {
        match letter {
            '&' | '+' => folded.push_str(" and "),
            // "Haney's" is "haneys", and "L.L.C." is "llc".
            '\'' | '’' | '‘' | '`' | '.' => {}
            'ß' => folded.push_str("ss"),
            'ø' => folded.push('o'),
            'æ' => folded.push_str("ae"),
            'ł' => folded.push('l'),
            _ if letter.is_alphanumeric() => folded.push(letter),
            _ => folded.push(' '),
        }
    }
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The words that tell one business's name from another: folded, without a leading article and trailing legal forms.
/// A name that is nothing else keeps them: "The Company" is still a name.
pub fn name_words(name: &str) -> Vec<String> {
    let words: Vec<String> = fold(name).split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    let mut telling: &[String] = &words;
    if let [first, rest @ ..] = telling
        && first == "the"
        && !rest.is_empty()
    {
        telling = rest;
    }
    while let [before @ .., last] = telling {
        if before.is_empty() || !LEGAL_FORMS.contains(&last.as_str()) {
            break;
        }
        telling = before;
    }
    // "Haney and Co" leaves "haney and".
    if let [before @ .., last] = telling
        && last == "and"
        && !before.is_empty()
    {
        telling = before;
    }
    telling.to_vec()
}

/// One line of plain text: control characters and runs of space become one space; cut at `max` characters.
pub fn one_line(text: &str, max: usize) -> String {
    let spaced: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let line = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(max).collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_meet_in_one_form() {
        for (name, wanted) in [
            ("Acme Corp", "acme"),
            ("ACME Corporation, Inc.", "acme"),
            ("The Haney Furniture Co.", "haney furniture"),
            ("Haney & Co", "haney"),
            ("Haney & Sons", "haney and sons"),
            ("Café Zoë, L.L.C.", "cafe zoe"),
            ("Joe's Diner", "joes diner"),
            ("The Company", "company"),
            ("Co", "co"),
            ("  ", ""),
            ("Straße 7 GmbH", "strasse 7"),
        ] {
            assert_eq!(name_words(name).join(" "), wanted, "{name}");
        }
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(text in ".{0,40}") {
            prop_assert_eq!(fold(&fold(&text)), fold(&text));
        }
    }
}
