//! Names of people: read into their parts, and compared.
//!
//! `human_name` reads them: titles, particles ("de la Cruz"), suffixes, "Last, First", initials, and knows short forms of given names.
//! Deliberately absent: who somebody is. Two of one name may be two.

use human_name::Name;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use super::words::{fold, one_line};

/// Longer texts aren't names, in characters. Reading takes time with the length, and a page may say anything.
pub const NAME_CHARS_MAX: usize = 120;

/// From this likeness on, in percent, two names may well be one person's, where other facts don't speak against it.
pub const LIKELY_SAME: u32 = 85;

/// A person's name in its parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonName {
    /// The given name; an initial where there is no more.
    pub first: String,
    /// Further given names or initials.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub middle: String,
    /// The family name with its particles.
    pub last: String,
    /// `Jr.`, `III` and the like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suffix: Option<String>,
}

impl PersonName {
    /// Reads a name in any common order. `None` where there aren't at least a given and a family name.
    pub fn parse(text: &str) -> Option<Self> {
        let text = prepared(text)?;
        let name = Name::parse(&text)?;
        let initials: Vec<char> = name.initials().chars().collect();
        let first = name.given_name().filter(|_| !name.goes_by_middle_name());
        let first = match first {
            Some(given) => given.nfc().collect(),
            None => initials.first()?.to_string(),
        };
        let middle = match name.middle_name() {
            Some(middle) => middle.nfc().collect(),
            None if name.goes_by_middle_name() => name.given_name().unwrap_or_default().nfc().collect(),
            // A double name such as Jean-Luc has two initials, and no middle name.
            None if first.contains('-') => String::new(),
            None => initials.iter().skip(1).map(char::to_string).collect::<Vec<_>>().join(" "),
        };
        let last: String = name.surname().nfc().collect();
        (!fold(&first).is_empty() && !fold(&last).is_empty()).then(|| Self {
            first,
            middle,
            last,
            suffix: name.generational_suffix().map(str::to_owned),
        })
    }

    /// First, middle, last and suffix, one space between two.
    pub fn full(&self) -> String {
        let parts = [self.first.as_str(), &self.middle, &self.last, self.suffix.as_deref().unwrap_or_default()];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

/// How alike two names of people are, in percent: 100 the same but for accents and case, 95 with a middle name more, 90 by a
/// short form ("Bob", "Robert"), 85 by an initial, 80 with a typing slip in one part; else at most 60, by spelling alone.
/// Texts that aren't names of people are compared by their spelling. Symmetric.
pub fn likeness(one: &str, other: &str) -> u32 {
    let (folded, other_folded) = (fold(&one_line(one, NAME_CHARS_MAX)), fold(&one_line(other, NAME_CHARS_MAX)));
    if folded.is_empty() || other_folded.is_empty() {
        return 0;
    }
    if folded == other_folded {
        return 100;
    }
    let spelling = spelling(&folded, &other_folded).min(60);
    match (PersonName::parse(one), PersonName::parse(other)) {
        (Some(one), Some(other)) => graded(&one, &other).unwrap_or(spelling),
        (Some(_) | None, _) => spelling,
    }
}

/// The steps above "by spelling alone", or `None` below them.
fn graded(one: &PersonName, other: &PersonName) -> Option<u32> {
    if let (Some(a), Some(b)) = (&one.suffix, &other.suffix)
        && a != b
    {
        return Some(50); // Father and son.
    }
    let last = part(&one.last, &other.last);
    let first = first_names(one, other);
    let middle = middle_names(&one.middle, &other.middle);
    let weakest = match (last, first) {
        (100, 100) => 100,
        (100, first @ 85..) => first,
        (100, 80) | (80, 100) => 80,
        _ => return None,
    };
    match middle {
        Some(false) => Some(50),
        Some(true) => Some(weakest),
        // Only one of them says a middle name.
        None => Some(if one.middle == other.middle { weakest } else { weakest.min(95) }),
    }
}

fn first_names(one: &PersonName, other: &PersonName) -> u32 {
    let (a, b) = (fold(&one.first), fold(&other.first));
    let direct = part(&one.first, &other.first);
    if direct == 100 {
        return 100;
    }
    let initial = |short: &str, long: &str| short.chars().count() == 1 && long.starts_with(short);
    if initial(&a, &b) || initial(&b, &a) {
        return 85;
    }
    if is_short_form(&a, &b) {
        return 90;
    }
    direct
}

/// Whether one given name is a common short form of the other, by the table of `human_name`. That also takes any beginning
/// for a short form, so "Jan" for "Jane": a beginning counts only where it is not nearly the whole name.
fn is_short_form(one: &str, other: &str) -> bool {
    let (short, long) = if one.chars().count() <= other.chars().count() { (one, other) } else { (other, one) };
    if long.starts_with(short)
        && (short.chars().count() < 3 && long.chars().count() > 4 || long.chars().count() - short.chars().count() < 2)
    {
        return false;
    }
    let named = |given: &str| Name::parse(&format!("{given} Doe"));
    match (named(&capitalised(one)), named(&capitalised(other))) {
        // Both ways, since the answer is not promised to be symmetric.
        (Some(one), Some(other)) => one.consistent_with(&other) || other.consistent_with(&one),
        (Some(_) | None, _) => false,
    }
}

/// `None` where one has none.
fn middle_names(one: &str, other: &str) -> Option<bool> {
    let (one, other) = (fold(one), fold(other));
    if one.is_empty() || other.is_empty() {
        return None;
    }
    let agree = one.split(' ').zip(other.split(' ')).all(|(a, b)| a.starts_with(b) || b.starts_with(a) || part(a, b) >= 80);
    Some(agree)
}

/// 100 the same, 80 with a slip, else 0. "Müller" is "Muller" and "Mueller"; a hyphen is a space.
fn part(one: &str, other: &str) -> u32 {
    let (a, b) = (spellings(one), spellings(other));
    if a.iter().any(|a| b.contains(a)) {
        return 100;
    }
    let slip = a.iter().any(|a| b.iter().any(|b| a.chars().count().min(b.chars().count()) >= 4 && strsim::osa_distance(a, b) <= 1));
    if slip { 80 } else { 0 }
}

/// A name without accents and spaces, and as German writes its umlauts where there are no umlauts.
pub fn spellings(name: &str) -> Vec<String> {
    let plain = fold(name).replace(' ', "");
    let umlauts: String = name
        .nfc()
        .flat_map(char::to_lowercase)
        .map(|letter| match letter {
            'ä' => "ae".to_owned(),
            'ö' | 'ø' => "oe".to_owned(),
            'ü' => "ue".to_owned(),
            'å' => "aa".to_owned(),
            letter => letter.to_string(),
        })
        .collect();
    let umlauts = fold(&umlauts).replace(' ', "");
    if umlauts == plain { vec![plain] } else { vec![plain, umlauts] }
}

fn spelling(one: &str, other: &str) -> u32 {
    let ratio = strsim::normalized_damerau_levenshtein(one, other);
    super::matching::similarity::percent(ratio)
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// On one line, of a length that is a name's, and with "St. John" as one family name for the reader, which would take the "St." for
/// a title.
fn prepared(text: &str) -> Option<String> {
    let line = one_line(text, NAME_CHARS_MAX + 1);
    if line.chars().count() > NAME_CHARS_MAX || !line.chars().any(char::is_alphabetic) {
        return None;
    }
    let words: Vec<&str> = line.split(' ').collect();
    let said = words.iter().enumerate().map(|(at, word)| {
        let before_a_name = words.get(at + 1).is_some_and(|next| next.chars().next().is_some_and(char::is_alphabetic));
        if before_a_name && word.eq_ignore_ascii_case("st.") { "Saint" } else { word }
    });
    Some(said.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_in_their_parts() {
        for (text, wanted) in [
            ("Robert Smith", "Robert||Smith|"),
            ("Smith, Robert J.", "Robert|J|Smith|"),
            ("Dr. Juan Alberto T. Velasquez y Garcia III", "Juan|Alberto|Velasquez y Garcia|III"),
            ("JOHN SMITH JR", "John||Smith|Jr."),
            ("John Q. Public, Esq.", "John|Q|Public|"),
            ("Ludwig van Beethoven", "Ludwig||van Beethoven|"),
            ("de la Cruz, Maria", "Maria||de la Cruz|"),
            ("O'Brien, Pat", "Pat||O'Brien|"),
            ("Jean-Luc Picard", "Jean-Luc||Picard|"),
            ("Müller, Jürgen", "Jürgen||Müller|"),
            ("J. R. R. Tolkien", "J|R R|Tolkien|"),
            ("Anna-Lena von der Heide", "Anna-Lena||von der Heide|"),
            ("Bob (Robert) Smith", "Bob||Smith|"),
            ("T Boone Pickens", "T|Boone|Pickens|"),
            ("Mary St. John", "Mary|Saint|John|"),
            ("Cher", "none"),
            ("...", "none"),
            ("", "none"),
        ] {
            let found = PersonName::parse(text).map_or_else(
                || "none".to_owned(),
                |name| format!("{}|{}|{}|{}", name.first, name.middle, name.last, name.suffix.unwrap_or_default()),
            );
            assert_eq!(found, wanted, "{text}");
        }
    }

    #[test]
    fn alike_by_steps() {
        for (one, other, wanted) in [
            ("Robert Smith", "SMITH, ROBERT", 100),
            ("José García", "Jose Garcia", 100),
            ("Jürgen Müller", "Juergen Mueller", 100),
            ("Anna-Lena Heide", "Anna Lena Heide", 100),
            ("Robert J. Smith", "Robert Smith", 95),
            ("Robert J. Smith", "Robert James Smith", 100),
            ("Bob Smith", "Robert Smith", 90),
            ("Bill Gates", "William Gates", 90),
            ("Peggy Olson", "Margaret Olson", 90),
            ("Liz Taylor", "Elizabeth Taylor", 90),
            ("Bob J. Smith", "Robert Smith", 90),
            ("R. Smith", "Robert Smith", 85),
            ("Robert Smith", "Robert Smyth", 80),
            ("Robert J. Smith", "Robert K. Smith", 50),
            ("John Smith Jr.", "John Smith III", 50),
        ] {
            assert_eq!((likeness(one, other), likeness(other, one)), (wanted, wanted), "{one} / {other}");
        }
        for (one, other) in [
            ("Robert Smith", "Rachel Smith"),
            ("Bob Smith", "Bill Smith"),
            ("Robert Smith", "Robert Jones"),
            ("Jan Doe", "Jane Doe"),
            ("R. Smith", "William Smith"),
            ("Cher", "Robert Smith"),
        ] {
            assert!(likeness(one, other) < LIKELY_SAME, "{one} / {other}: {}", likeness(one, other));
        }
        assert_eq!((likeness("Cher", "CHER"), likeness("", "Robert Smith")), (100, 0));
    }

    proptest! {
        #[test]
        fn any_text_can_be_read(one in "\\PC{0,140}", other in "[A-Za-z.,'() -]{0,40}") {
            let forward = likeness(&one, &other);
            prop_assert!(forward <= 100);
            prop_assert_eq!(forward, likeness(&other, &one));
            if let Some(name) = PersonName::parse(&one) {
                prop_assert!(!name.first.is_empty() && !name.last.is_empty() && name.full().len() <= 16 * NAME_CHARS_MAX);
            }
        }

        #[test]
        fn a_plain_name_stays_as_it_is(first in "[B-Z][aeiou][a-z]{2,8}", last in "[B-Z][aeiou][a-z]{2,8}") {
            if let Some(name) = PersonName::parse(&format!("{first} {last}")) {
                prop_assert_eq!(PersonName::parse(&name.full()), Some(name));
            }
        }
    }
}
