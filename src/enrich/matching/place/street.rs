//! A street with its house number, brought to one form: kinds and directions by their short forms, units of a building apart,
//! the number wherever it stands.
//!
//! No country is needed, since sources often give none: one set of tables serves all, and only like is compared with like.

use super::tables::WORDS;
use crate::enrich::matching::similarity;
use crate::enrich::words::{fold, one_line};

/// Longer texts are cut here, in characters.
const TEXT_CHARS_MAX: usize = 160;

/// A range of more numbers is none, but a number with a hyphen in it, as in Queens.
const RANGE_MAX: u32 = 100;

/// Endings that German and Dutch write onto the name: "Hauptstr.", "Kalverstraat".
const ENDINGS: [(&str, &str); 6] = [("strasse", "st"), ("straat", "st"), ("str", "st"), ("platz", "pl"), ("plein", "pl"), ("pl", "pl")];

/// A street address in its parts, folded and short.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Street {
    /// The house number, or the first and last of several.
    pub number: Option<HouseNumber>,
    /// `n`, `sw` and the like, in the order given.
    pub directions: Vec<String>,
    /// The words of the name.
    pub name: Vec<String>,
    /// The kind of street: `st`, `ave`, `rue`.
    pub kind: Option<String>,
    /// Suite, floor, flat, each with its number.
    pub units: Vec<String>,
}

/// House numbers at one door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HouseNumber {
    /// The first.
    pub low: u32,
    /// The last; the first again where there is one.
    pub high: u32,
    /// The letter behind it, or what else is part of it.
    pub suffix: String,
}

/// One word of the text.
#[derive(Debug)]
struct Piece {
    text: String,
    /// It begins with a digit and counts houses, not streets.
    is_number: bool,
}

impl Street {
    /// Reads a line such as "120-122 N Main St, Suite 200" or "Rue de la Paix 7 bis". Any text gives something.
    pub fn parse(line: &str) -> Self {
        let mut pieces = pieces(&one_line(line, TEXT_CHARS_MAX));
        let units = take_units(&mut pieces);
        let number_at = number_at(&pieces);
        let number = number_at.map(|at| HouseNumber::parse(&pieces[at].text));
        if let Some(at) = number_at {
            if at == 0 {
                pieces.remove(0);
                // "12 1/2 Main St", "7 bis rue …", "14 B Mill Lane": a part of the number, and seldom written.
                while pieces.len() > 1 && (pieces[0].text.contains('/') || ["bis", "ter", "quater"].contains(&pieces[0].text.as_str())) {
                    pieces.remove(0);
                }
            } else {
                // Behind the number there are only staircases and doors.
                pieces.truncate(at);
                while pieces.len() > 1 && pieces.last().is_some_and(|piece| WORDS.numbers.contains_key(piece.text.as_str())) {
                    pieces.pop();
                }
            }
        }
        let words: Vec<String> = pieces.into_iter().map(|piece| piece.text).collect();
        Self { number, units, ..Self::of_words(&words) }
    }

    fn of_words(words: &[String]) -> Self {
        let mut street = Self::default();
        let mut rest: &[String] = words;
        // "N Main St", "Main St NW": at either end; in between it is part of the name ("Avenue of the West").
        while let [first, after @ ..] = rest
            && let Some(direction) = direction(first)
            && !after.is_empty()
            // "North Ave" is a name.
            && !(after.len() == 1 && WORDS.types.contains_key(after[0].as_str()))
        {
            street.directions.push(direction);
            rest = after;
        }
        while let [before @ .., last] = rest
            && let Some(direction) = direction(last)
            && !before.is_empty()
            // "Avenue E" is a name.
            && !(before.len() == 1 && last.len() == 1 && WORDS.types.contains_key(before[0].as_str()))
        {
            street.directions.push(direction);
            rest = before;
        }
        if let [first, after @ ..] = rest
            && let Some(kind) = WORDS.leads.get(first.as_str())
            && !after.is_empty()
        {
            street.kind = Some((*kind).to_owned());
            rest = after;
        } else if let [before @ .., last] = rest
            && let Some(kind) = WORDS.types.get(last.as_str())
            && !before.is_empty()
        {
            street.kind = Some((*kind).to_owned());
            rest = before;
        }
        let said: Vec<&String> = rest.iter().filter(|word| !WORDS.drops.contains_key(word.as_str())).collect();
        let said = if said.is_empty() { rest.iter().collect() } else { said };
        street.name = said.into_iter().map(|word| short(word)).collect();
        street
    }

    /// The same street, and where both have one the same house number; units don't count. What only one of them says (direction,
    /// kind) doesn't speak against it.
    pub fn is_same(&self, other: &Self) -> bool {
        let differ = |one: &Option<String>, other: &Option<String>| matches!((one, other), (Some(a), Some(b)) if a != b);
        if let (Some(a), Some(b)) = (&self.number, &other.number)
            && !a.is_same(b)
        {
            return false;
        }
        let both = !self.directions.is_empty() && !other.directions.is_empty();
        if both && !self.directions.iter().any(|direction| other.directions.contains(direction)) {
            return false;
        }
        if differ(&self.kind, &other.kind) || self.name.is_empty() || other.name.is_empty() {
            return false;
        }
        let (name, other_name) = (with_initials(&self.name, &other.name), with_initials(&other.name, &self.name));
        similarity::shared_words(&name, &other_name) >= 60 || similarity::texts(&self.name.concat(), &other.name.concat()) >= 85
    }

    /// One line in the normal order: number, directions, name, kind, units. Reading it gives the same parts again, but for
    /// kinds that stand before the name, which stay there.
    pub fn line(&self) -> String {
        let number = self.number.as_ref().map(HouseNumber::text);
        let lead = self.kind.iter().filter(|kind| WORDS.leads.contains_key(kind.as_str()));
        let kind = self.kind.iter().filter(|kind| !WORDS.leads.contains_key(kind.as_str()));
        let parts = number.iter().chain(&self.directions).chain(lead).chain(&self.name).chain(kind).chain(&self.units);
        parts.map(String::as_str).collect::<Vec<_>>().join(" ")
    }
}

impl HouseNumber {
    fn parse(text: &str) -> Self {
        let (first, rest) = digits(text);
        let plain = Self { low: first, high: first, suffix: rest.trim_start_matches(['/', '-']).to_owned() };
        let Some(behind) = rest.strip_prefix('-') else { return plain };
        let (second, tail) = digits(behind);
        if second == 0 || !tail.is_empty() {
            return plain;
        }
        // "120-22" is 120 to 122.
        let shorter = 10_u32.checked_pow(u32::try_from(behind.len()).unwrap_or(9)).unwrap_or(u32::MAX);
        let second = if second < first && second < shorter && shorter <= first { first - first % shorter + second } else { second };
        let is_range = second > first && second - first <= RANGE_MAX;
        if is_range { Self { low: first, high: second, suffix: String::new() } } else { plain }
    }

    /// They share a house: "120-122" has 120, 121 and 122. A suffix counts where both have one.
    fn is_same(&self, other: &Self) -> bool {
        let letters_differ = !self.suffix.is_empty() && !other.suffix.is_empty() && self.suffix != other.suffix;
        self.low <= other.high && other.low <= self.high && !letters_differ
    }

    fn text(&self) -> String {
        if self.high > self.low {
            return format!("{}-{}", self.low, self.high);
        }
        let hyphen = if self.suffix.starts_with(|first: char| first.is_ascii_digit()) { "-" } else { "" };
        format!("{}{hyphen}{}", self.low, self.suffix)
    }
}

/// The number that the text begins with, and what is behind it. House numbers have at most nine digits here.
fn digits(text: &str) -> (u32, &str) {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    (digits.get(..digits.len().min(9)).and_then(|digits| digits.parse().ok()).unwrap_or(0), rest)
}

/// The words, folded; numbers with what belongs to them.
fn pieces(line: &str) -> Vec<Piece> {
    let line = line.replace('#', " # ").replace(['–', '—', '‐'], "-").replace(" - ", "-").replace("c/", "calle ").replace("C/", "calle ");
    let raw: Vec<&str> = line.split([' ', ',', ';', '(', ')', '"']).filter(|raw| !raw.is_empty()).collect();
    let mut pieces = Vec::new();
    for (at, word) in raw.iter().enumerate() {
        let begins_with_digit = word.starts_with(|first: char| first.is_ascii_digit());
        if begins_with_digit {
            let next_is_word = raw.get(at + 1).is_some_and(|next| next.starts_with(char::is_alphabetic));
            let text: String =
                word.to_lowercase().chars().filter(|letter| letter.is_ascii_alphanumeric() || "-/".contains(*letter)).collect();
            let is_ordinal =
                ["st", "nd", "rd", "th"].iter().any(|end| text.strip_suffix(end).is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit())));
            // "Straße des 17. Juni"
            let is_date = at > 0 && word.ends_with('.') && next_is_word;
            pieces.push(Piece { text, is_number: !is_ordinal && !is_date });
        } else if *word == "#" {
            pieces.push(Piece { text: "#".to_owned(), is_number: false });
        } else {
            let lower = word.to_lowercase();
            let bare = ["l'", "d'", "l’", "d’", "dell'", "dell’"].iter().find_map(|elided| lower.strip_prefix(elided)).unwrap_or(&lower);
            let folded = fold(bare);
            let number_sign = bare.contains(['°', 'º', '№']) && bare.starts_with('n');
            let words = if number_sign { vec!["no"] } else { folded.split(' ').filter(|part| !part.is_empty()).collect() };
            for part in words {
                pieces.extend(split_ending(part).into_iter().map(|text| Piece { text, is_number: false }));
            }
        }
    }
    merged_post_box(pieces)
}

/// "hauptstr" is "haupt str".
fn split_ending(word: &str) -> Vec<String> {
    for (ending, kind) in ENDINGS {
        if let Some(stem) = word.strip_suffix(ending)
            && stem.chars().count() >= 4.max(7 - ending.len())
        {
            return vec![stem.to_owned(), kind.to_owned()];
        }
    }
    vec![word.to_owned()]
}

/// "P.O. Box", "Post Office Box", "Postfach" and "BP" are one word.
fn merged_post_box(mut pieces: Vec<Piece>) -> Vec<Piece> {
    let is = |piece: Option<&Piece>, word: &str| piece.is_some_and(|piece| piece.text == word);
    let texts = |count: usize, words: &[&str]| (0..count).all(|at| is(pieces.get(at), words[at]));
    let count = if texts(2, &["po", "box"]) {
        2
    } else if texts(3, &["post", "office", "box"]) || texts(3, &["p", "o", "box"]) {
        3
    } else if texts(1, &["pobox"]) || texts(1, &["postfach"]) || (texts(1, &["bp"]) && pieces.len() == 2) {
        1
    } else {
        return pieces;
    };
    pieces.drain(..count);
    pieces.insert(0, Piece { text: "pobox".to_owned(), is_number: false });
    pieces
}

/// Takes units out: a word for one with its number behind it ("Suite 200", "#4B"), a floor's number before it ("2nd floor"), and
/// places that need none ("Rear") at the end.
fn take_units(pieces: &mut Vec<Piece>) -> Vec<String> {
    let mut units = Vec::new();
    let mut at = 0;
    while at < pieces.len() {
        let word = pieces[at].text.as_str();
        let unit = if word == "#" { Some("unit") } else { WORDS.units.get(word).copied() };
        let Some(unit) = unit else {
            at += 1;
            continue;
        };
        let behind = pieces.get(at + 1).filter(|next| is_unit_number(next));
        // "Suite # 200"
        let sign = pieces.get(at + 1).is_some_and(|next| next.text == "#");
        let sign_number = pieces.get(at + 2).filter(|next| sign && is_unit_number(next));
        let before = at.checked_sub(1).and_then(|before| pieces.get(before)).filter(|_| unit == "fl");
        let before =
            before.filter(|before| before.text.starts_with(|first: char| first.is_ascii_digit()) && (at >= 2 || !before.is_number));
        // "2nd Floor, 12 Mill Rd": the ordinal is the floor's, and the 12 the house's.
        let ordinal = before.filter(|before| !before.is_number);
        let (from, to, number) = match (ordinal.or(before.filter(|_| behind.is_none())), behind, sign_number) {
            (Some(number), ..) => (at - 1, at + 1, number.text.trim_end_matches(char::is_alphabetic).to_owned()),
            (None, Some(number), _) => (at, at + 2, number.text.clone()),
            (None, None, Some(number)) => (at, at + 3, number.text.clone()),
            (None, None, None) => {
                at += 1;
                continue;
            }
        };
        // "Pier 39" or "Lot 7" may be all that there is.
        if to - from == pieces.len() && units.is_empty() {
            break;
        }
        units.push(format!("{unit} {number}"));
        pieces.drain(from..to);
        at = from;
    }
    // A sign that numbers nothing says nothing.
    pieces.retain(|piece| piece.text != "#");
    // At least a number, a name and a kind stay: "12 Front St" keeps its name.
    while pieces.len() > 3
        && let Some(place) = pieces.last().and_then(|last| WORDS.places.get(last.text.as_str()))
    {
        units.push((*place).to_owned());
        pieces.pop();
    }
    units
}

fn is_unit_number(piece: &Piece) -> bool {
    let text = &piece.text;
    text.bytes().any(|byte| byte.is_ascii_digit()) && text.len() <= 8 || text.len() == 1 && text != "#"
}

/// Where the house number stands: the first piece where that is one, else the last that is one.
fn number_at(pieces: &[Piece]) -> Option<usize> {
    if pieces.first().is_some_and(|first| first.is_number) && pieces.len() > 1 {
        return Some(0);
    }
    // The first after the name: what follows it are staircases and doors.
    pieces.iter().enumerate().skip(1).find(|(_, piece)| piece.is_number).map(|(at, _)| at)
}

/// "G. Garibaldi" is "Giuseppe Garibaldi": an initial stands for the other side's word at the same place.
fn with_initials(name: &[String], other: &[String]) -> Vec<String> {
    let stands_for = |(initial, word): (&String, &String)| {
        if initial.len() == 1 && word.starts_with(initial.as_str()) { word.clone() } else { initial.clone() }
    };
    if name.len() == other.len() { name.iter().zip(other).map(stands_for).collect() } else { name.to_vec() }
}

fn direction(word: &str) -> Option<String> {
    WORDS.directions.get(word).map(|short| (*short).to_owned())
}

/// A word of a name as it is compared.
fn short(word: &str) -> String {
    let tables = [&WORDS.inner, &WORDS.types, &WORDS.directions];
    tables.into_iter().find_map(|table| table.get(word)).map_or(word, |short| short).to_owned()
}

#[cfg(test)]
#[path = "street_tests.rs"]
mod tests;
