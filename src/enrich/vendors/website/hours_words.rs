//! The words of opening hours, in English, German, French, Spanish, Portuguese, Italian and Dutch.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::DAY;
use crate::enrich::words::fold;

/// Hours of a clock as they are spelled.
const HOURS: [&str; 12] = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];

/// What several words say, in one; lower-case. "We" is a day only where it doesn't do anything.
const PHRASES: &[(&str, &str)] = &[
    ("we are", " "),
    ("we're", " "),
    ("we’re", " "),
    ("24/7", " daily 24 hours "),
    ("t/m", " to "),
    (" in the morning", "am"),
    (" in the afternoon", "pm"),
    (" in the evening", "pm"),
    (" at night", "pm"),
    (" o'clock", ""),
    (" o’clock", ""),
    (" uhr morgens", "am"),
    (" uhr vormittags", "am"),
    (" uhr nachmittags", "pm"),
    (" uhr abends", "pm"),
    (" heures du matin", "am"),
    (" heures du soir", "pm"),
    (" de la mañana", "am"),
    (" de la tarde", "pm"),
    (" de la noche", "pm"),
    (" da manhã", "am"),
    (" da tarde", "pm"),
    (" da noite", "pm"),
    ("2ª", " segunda "),
    ("3ª", " terca "),
    ("4ª", " quarta "),
    ("5ª", " quinta "),
    ("6ª", " sexta "),
    ("every day", " daily "),
    ("seven days a week", " daily "),
    ("7 days a week", " daily "),
    ("7 days", " daily "),
    ("7 tage", " daily "),
    ("jeden tag", " daily "),
    ("7 jours sur 7", " daily "),
    ("7j/7", " daily "),
    ("tous les jours", " daily "),
    ("todos los días", " daily "),
    ("todos os dias", " daily "),
    ("tutti i giorni", " daily "),
    ("elke dag", " daily "),
    ("around the clock", " 24 hours "),
    ("rund um die uhr", " 24 hours "),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    Days([bool; 7]),
    Time {
        minutes: u16,
        half: Option<Half>,
        /// Of a clock of 24 hours.
        is_certain: bool,
        /// More than a bare number.
        is_marked: bool,
    },
    To,
    And,
    Closed,
    Except,
    AllDay,
    Filler,
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    Am,
    Pm,
}

impl Token {
    pub(super) fn is_marked(self) -> bool {
        matches!(self, Self::Time { is_marked: true, .. })
    }
}

fn one(day: usize) -> Token {
    let mut days = [false; 7];
    if let Some(day) = days.get_mut(day) {
        *day = true;
    }
    Token::Days(days)
}

/// A folded word, by itself.
fn word(word: &str) -> Token {
    let day = match word {
        "mo" | "mon" | "monday" | "mondays" | "montag" | "montags" | "lun" | "lundi" | "lunes" | "lunedi" | "seg" | "segunda"
        | "maandag" => 0,
        "tu" | "tue" | "tues" | "tuesday" | "tuesdays" | "di" | "dienstag" | "dienstags" | "mardi" | "martes" | "martedi" | "ter"
        | "terca" | "dinsdag" => 1,
        "we" | "wed" | "weds" | "wednesday" | "wednesdays" | "mi" | "mittwoch" | "mittwochs" | "mer" | "mercredi" | "mie" | "miercoles"
        | "mercoledi" | "qua" | "quarta" | "wo" | "woensdag" => 2,
        "th" | "thu" | "thur" | "thurs" | "thursday" | "thursdays" | "do" | "donnerstag" | "donnerstags" | "jeu" | "jeudi" | "jue"
        | "jueves" | "gio" | "giovedi" | "qui" | "quinta" | "donderdag" => 3,
        "fr" | "fri" | "friday" | "fridays" | "freitag" | "freitags" | "ven" | "vendredi" | "vie" | "viernes" | "venerdi" | "sex"
        | "sexta" | "vr" | "vrijdag" => 4,
        "sa" | "sat" | "saturday" | "saturdays" | "samstag" | "samstags" | "sonnabend" | "sam" | "samedi" | "sab" | "sabado"
        | "sabados" | "sabato" | "za" | "zaterdag" => 5,
        "su" | "sun" | "sunday" | "sundays" | "so" | "sonntag" | "sonntags" | "dim" | "dimanche" | "dom" | "domingo" | "domingos"
        | "domenica" | "zo" | "zondag" => 6,
        "mar" => return one(1), // French, Spanish and Italian.
        "daily" | "everyday" | "taglich" | "tagl" | "dagelijks" | "diario" | "diariamente" => return Token::Days([true; 7]),
        "weekdays" | "weekday" | "werktags" => return Token::Days([true, true, true, true, true, false, false]),
        "weekends" | "weekend" => return Token::Days([false, false, false, false, false, true, true]),
        "to" | "bis" | "until" | "till" | "til" | "through" | "thru" | "thr" | "a" | "au" | "as" | "ate" | "hasta" | "alle" | "al"
        | "tot" | "t/m" => {
            return Token::To;
        }
        "and" | "und" | "u" | "et" | "puis" | "y" | "e" | "en" | "or" | "ed" => return Token::And,
        "closed" | "shut" | "off" | "geschlossen" | "ruhetag" | "ferme" | "fermee" | "cerrado" | "fechado" | "encerrado" | "chiuso"
        | "gesloten" => {
            return Token::Closed;
        }
        "except" | "excluding" | "but" | "ausser" | "sauf" | "excepto" | "salvo" | "exceto" | "eccetto" | "tranne" | "behalve" => {
            return Token::Except;
        }
        "noon" | "midday" | "midi" => return Token::Time { minutes: 12 * 60, half: None, is_certain: true, is_marked: true },
        "midnight" | "minuit" => return Token::Time { minutes: DAY, half: None, is_certain: true, is_marked: true },
        "uhr" | "hrs" | "hours" | "hour" | "horas" | "heures" | "ore" | "uur" | "from" | "von" | "de" | "du" | "le" | "les" | "das"
        | "da" | "dalle" | "van" | "open" | "opening" | "business" | "our" | "office" | "store" | "shop" | "offnungszeiten"
        | "geoffnet" | "ouvert" | "abierto" | "aberto" | "aperto" | "horaires" | "horario" | "horarios" | "orari" | "orario"
        | "openingstijden" | "feira" | "is" | "are" | "the" | "der" | "am" | "h" | "el" | "los" | "on" | "del" | "dal" => {
            return Token::Filler;
        }
        _ => return hour_in_words(word).map_or(Token::Other, bare_hour),
    };
    one(day)
}

fn hour_in_words(word: &str) -> Option<u16> {
    let at = HOURS.iter().position(|hour| *hour == word)?;
    u16::try_from(at + 1).ok()
}

fn bare_hour(hour: u16) -> Token {
    Token::Time { minutes: hour * 60, half: None, is_certain: false, is_marked: false }
}

/// The text with what takes several words in one, and days in their short form.
fn in_plain_words(text: &str) -> String {
    let text = single_letters(text);
    let mut text = text.lines().map(without_dash).collect::<Vec<_>>().join("\n").to_lowercase();
    for (phrase, plain) in PHRASES {
        if text.contains(phrase) {
            text = text.replace(phrase, plain);
        }
    }
    if text.contains("half past ") || text.contains("quarter ") {
        for (hour, word) in (1_u16..).zip(HOURS) {
            let before = if hour == 1 { 12 } else { hour - 1 };
            text = text.replace(&format!("half past {word}"), &format!("{hour}:30"));
            text = text.replace(&format!("quarter past {word}"), &format!("{hour}:15"));
            text = text.replace(&format!("quarter to {word}"), &format!("{before}:45"));
        }
    }
    text
}

/// Days of one letter in full. They are days only in a run of them, and beside one: `M-Th 8-5, F 8-12`, `L-V 9:00-14:00, S 10:00-13:00`.
fn single_letters(text: &str) -> Cow<'_, str> {
    let name = |letters: &str| match letters {
        "M" => "Mon",
        "Th" | "Thu" | "Thurs" => "Thu",
        "F" => "Fri",
        "Sa" | "Sat" => "Sat",
        "Su" | "Sun" => "Sun",
        "L" => "Lun",
        "J" => "Jue",
        "V" => "Vie",
        "S" => "Sab",
        "D" => "Dom",
        _ => "",
    };
    for (run, alone) in [(&ENGLISH_RUN, &ENGLISH_DAY), (&SPANISH_RUN, &SPANISH_DAY)] {
        let (Some(run), Some(alone)) = (run.as_ref(), alone.as_ref()) else { continue };
        if run.is_match(text) {
            let in_full = |hit: &Captures<'_>| format!("{}-{}{}", name(&hit[1]), name(&hit[2]), &hit[3]);
            let text = run.replace_all(text, in_full);
            let text = alone.replace_all(&text, |hit: &Captures<'_>| format!("{}{}{}", &hit[1], name(&hit[2]), &hit[3]));
            return Cow::Owned(text.into_owned());
        }
    }
    Cow::Borrowed(text)
}

type Shape = LazyLock<Option<Regex>>;
static ENGLISH_RUN: Shape = LazyLock::new(|| Regex::new(r"\b(M) ?[-–—] ?(Thurs|Thu|Th|F|Sat|Sa|Sun|Su)\b([.:]?\s)").ok());
static ENGLISH_DAY: Shape = LazyLock::new(|| Regex::new(r"(^|[\s,;|])(F)(:?\s+[0-9])").ok());
static SPANISH_RUN: Shape = LazyLock::new(|| Regex::new(r"\b(L) ?(?:[-–—]|a) ?(J|V|S|D)\b([.:]?\s)").ok());
static SPANISH_DAY: Shape = LazyLock::new(|| Regex::new(r"(^|[\s,;|])(S|D|V)(:?\s+[0-9])").ok());

/// In the last column of a table a dash says that it is closed.
fn without_dash(line: &str) -> Cow<'_, str> {
    let rest = line.trim_end().trim_end_matches(['-', '–', '—']);
    let is_a_day = !rest.contains(|letter: char| letter.is_ascii_digit()) && rest.len() < 40;
    if is_a_day && rest.len() < line.trim_end().len() { Cow::Owned(format!("{rest} closed")) } else { Cow::Borrowed(line) }
}

/// Days, times and the words between them.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let text = in_plain_words(text);
    let mut tokens = Vec::new();
    let letters: Vec<char> = text.chars().collect();
    let mut at = 0;
    while let Some(letter) = letters.get(at).copied() {
        if letter.is_ascii_digit() {
            let (token, next) = time(&letters, at);
            tokens.push(token);
            at = next;
        } else if letter.is_alphabetic() {
            let end = letters.iter().skip(at).position(|letter| !letter.is_alphabetic()).map_or(letters.len(), |length| at + length);
            let text: String = letters.get(at..end.min(at + 30)).unwrap_or_default().iter().collect();
            tokens.push(word(&fold(&text)));
            at = end;
        } else {
            match letter {
                '-' | '–' | '—' | '‐' | '‑' | '−' | '→' => tokens.push(Token::To),
                ',' | '&' | '+' | '/' => tokens.push(Token::And),
                ':' | ';' | '.' | '|' | '(' | ')' | '•' | '·' | '*' => {}
                space if space.is_whitespace() => {}
                _ => tokens.push(Token::Other),
            }
            at += 1;
        }
    }
    merge_phrases(tokens)
}

/// "24 hours" is one thing.
fn merge_phrases(tokens: Vec<Token>) -> Vec<Token> {
    let mut merged: Vec<Token> = Vec::with_capacity(tokens.len());
    let mut rest = tokens.into_iter().peekable();
    while let Some(token) = rest.next() {
        let is_24 = matches!(token, Token::Time { minutes: DAY, is_certain: false, .. });
        if is_24 && rest.peek() == Some(&Token::Filler) {
            rest.next();
            merged.push(Token::AllDay);
        } else if token != Token::Filler {
            merged.push(token);
        }
    }
    merged
}

/// A time of day at `at`, and where it ends: `9`, `9:00`, `09:00:00`, `9.30`, `9h30`, `9am`, `9 a.m.`.
fn time(letters: &[char], at: usize) -> (Token, usize) {
    let number = |from: usize| {
        let digits: String = letters.iter().skip(from).take_while(|letter| letter.is_ascii_digit()).take(5).collect();
        (digits.parse::<u16>().ok().filter(|_| digits.len() <= 2), from + digits.len(), digits.len())
    };
    let is = |at: usize, wanted: &[char]| letters.get(at).is_some_and(|letter| wanted.contains(letter));
    let (hours, mut end, digits) = number(at);
    let mut minutes = Some(0);
    let mut is_certain = false;
    if is(end, &[':', '.', 'h', 'H']) && letters.get(end + 1).is_some_and(char::is_ascii_digit) {
        let (read, after, length) = number(end + 1);
        minutes = read.filter(|minutes| *minutes < 60 && length == 2);
        is_certain = true;
        end = after;
        if is(end, &[':']) && letters.get(end + 1).is_some_and(char::is_ascii_digit) {
            end = number(end + 1).1; // Seconds.
        }
    } else if is(end, &['h', 'H']) && !letters.get(end + 1).is_some_and(|letter| letter.is_alphabetic()) {
        is_certain = true;
        end += 1;
    }
    let mut after = end;
    while is(after, &[' ', '\u{a0}', '\u{202f}']) {
        after += 1;
    }
    let marker: String =
        letters.iter().skip(after).take(5).filter(|letter| **letter != '.').flat_map(|letter| letter.to_lowercase()).collect();
    let ends = |length: usize| !marker.chars().nth(length).is_some_and(char::is_alphanumeric);
    let dots = letters.iter().skip(after).take(4).filter(|letter| **letter == '.').count();
    let half = match marker.get(..2) {
        Some("am") if ends(2) => Some((Half::Am, 2 + dots)),
        Some("pm") if ends(2) => Some((Half::Pm, 2 + dots)),
        _ if after == end && marker.starts_with('a') && ends(1) => Some((Half::Am, 1)),
        _ if after == end && marker.starts_with('p') && ends(1) => Some((Half::Pm, 1)),
        _ => None,
    };
    if let Some((_, length)) = half {
        end = after + length;
    } else if marker.starts_with("uhr") {
        is_certain = true;
    }
    let half = half.map(|(half, _)| half);
    let minutes = match (hours, minutes) {
        (Some(hours), Some(minutes)) if half.is_some() && (1..=12).contains(&hours) => Some(hours * 60 + minutes),
        (Some(hours), Some(minutes)) if half.is_none() && hours * 60 + minutes <= DAY => Some(hours * 60 + minutes),
        (Some(_) | None, _) => None,
    };
    let token = minutes.map_or(Token::Other, |minutes| Token::Time {
        minutes,
        half,
        is_marked: is_certain || half.is_some(),
        // A leading zero is a clock of 24 hours.
        is_certain: is_certain && (digits == 2),
    });
    (token, end.max(at + 1))
}
