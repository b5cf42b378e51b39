//! Text brought to one form, so that "Café Zoë, L.L.C." and "cafe zoe" can be compared.

use std::borrow::Cow;

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

/// One line of plain text: control characters and runs of space become one space, letters that nobody sees are left out; cut at
/// `max` characters.
pub fn one_line(text: &str, max: usize) -> String {
    let mut line = String::new();
    let (mut count, mut space) = (0, false);
    for letter in text.chars().filter(|letter| !is_invisible(*letter)) {
        if letter.is_whitespace() || letter.is_control() {
            space = count > 0;
            continue;
        }
        let needed = 1 + usize::from(space);
        if count + needed > max {
            break;
        }
        if std::mem::take(&mut space) {
            line.push(' ');
        }
        line.push(letter);
        count += needed;
    }
    line
}

/// Letters without a shape of their own. Some reorder the text around them, so that what people read isn't what it says
/// (Unicode TR 36); the others hide differences.
pub fn is_invisible(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// The text without what looks like tags; of scripts and styles the content goes as well. A lone `<` stays.
pub fn without_tags(text: &str) -> Cow<'_, str> {
    if !text.contains('<') {
        return Cow::Borrowed(text);
    }
    let (mut plain, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find('<') {
        let (before, tag) = rest.split_at(at);
        plain.push_str(before);
        let inner = tag.get(1..).unwrap_or_default();
        if !inner.starts_with(|letter: char| letter.is_ascii_alphabetic() || matches!(letter, '/' | '!' | '?')) {
            plain.push('<');
            rest = inner;
            continue;
        }
        let Some(end) = inner.find('>') else { return Cow::Owned(plain) };
        plain.push(' ');
        rest = inner.get(end + 1..).unwrap_or_default();
        for raw in ["script", "style"] {
            if inner.get(..raw.len()).is_some_and(|name| name.eq_ignore_ascii_case(raw)) {
                let close = rest.to_ascii_lowercase().find(&format!("</{raw}")).unwrap_or(rest.len());
                rest = rest.get(close..).unwrap_or_default();
            }
        }
    }
    plain.push_str(rest);
    Cow::Owned(plain)
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

    #[test]
    fn a_line_shows_all_that_it_says() {
        for (text, wanted) in [
            ("  Acme\r\n\tCorp\0 ", "Acme Corp"),
            ("Ac\u{200b}me \u{202e}proC\u{202c}\u{2066}\u{feff}", "Acme proC"),
            ("\u{200b} \u{e0041}", ""),
            ("abcdefgh ijkl", "abcdefgh i"),
            ("abcdefghi jkl", "abcdefghi"),
        ] {
            assert_eq!(one_line(text, 10), wanted, "{text:?}");
        }
    }

    #[test]
    fn tags_are_no_text() {
        for (text, wanted) in [
            ("Acme <b>Corp</b>", "Acme Corp"),
            ("Acme<script>alert(1)</script> Corp", "Acme Corp"),
            ("<STYLE>p{}</STYLE>Acme", "Acme"),
            ("3 < 4 and <3 Café", "3 < 4 and <3 Café"),
            ("Acme <img src=x onerror=alert(1)", "Acme"),
            ("<scr<script>x</script>ipt>alert(1)", "x ipt>alert(1)"),
        ] {
            assert_eq!(one_line(&without_tags(text), 99), wanted, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_tag_survives(text in "[<>a/! é]{0,40}") {
            let plain = without_tags(&text);
            prop_assert!(!plain.contains("<a") && !plain.contains("</") && !plain.contains("<!"), "{}", plain);
        }

        #[test]
        fn folding_twice_changes_nothing(text in ".{0,40}") {
            prop_assert_eq!(fold(&fold(&text)), fold(&text));
        }
    }
}
