//! Opening hours in one form.
//!
//! The form is that of schema.org's `openingHours`: days `Mo Tu We Th Fr Sa Su`, runs of days with a dash, times of 24 hours,
//! several on a day with a comma, entries divided by `; `, in the order of the week, as in
//! `Mo-Fr 09:00-12:00,13:00-17:00; Sa 10:00-14:00`. A day that isn't named is closed or unknown. Around the clock is
//! `00:00-24:00`; what ends after midnight ends earlier than it begins, as in `22:00-02:00`. Hours that can't be told for
//! certain (`8 - 5`, `ten to six`) stay in words.

use std::fmt;

use crate::enrich::claim::plain;
use crate::enrich::words::fold;

const DAYS: [&str; 7] = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"];
const DAY: u16 = 24 * 60;
const SLOTS_MAX: usize = 6;

/// Opening times of a week, in minutes from midnight, Monday first.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Week([Vec<(u16, u16)>; 7]);

/// The text in the one form, or else as it is.
pub(super) fn normalised(text: &str) -> String {
    read(text).map_or_else(|| plain(text), |week| week.to_string())
}

/// The week that a text says, if it says nothing else.
pub(super) fn read(text: &str) -> Option<Week> {
    let tokens = tokens(text);
    if tokens.contains(&Token::Other) {
        return None;
    }
    week_of(&tokens, false)
}

/// The first week in running text or a table, where the times are told with certainty.
pub(super) fn find(text: &str) -> Option<Week> {
    let tokens = tokens(text);
    tokens.split(|token| *token == Token::Other).take(5000).find_map(|run| {
        let first = run.iter().position(|token| matches!(token, Token::Days(_)))?;
        let week = week_of(run.get(first..)?, true)?;
        Some(week).filter(|week| week.0.iter().any(|day| !day.is_empty()))
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
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
    AllDay,
    Filler,
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    Am,
    Pm,
}

impl Token {
    fn is_marked(self) -> bool {
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
        "and" | "und" | "et" | "y" | "e" | "en" | "or" | "ed" => return Token::And,
        "closed" | "geschlossen" | "ruhetag" | "ferme" | "fermee" | "cerrado" | "fechado" | "encerrado" | "chiuso" | "gesloten" => {
            return Token::Closed;
        }
        "noon" | "midday" | "midi" => return Token::Time { minutes: 12 * 60, half: None, is_certain: true, is_marked: true },
        "midnight" | "minuit" => return Token::Time { minutes: DAY, half: None, is_certain: true, is_marked: true },
        "uhr" | "hrs" | "hours" | "hour" | "horas" | "heures" | "ore" | "uur" | "from" | "von" | "de" | "du" | "le" | "les" | "das"
        | "da" | "dalle" | "van" | "open" | "opening" | "business" | "our" | "office" | "store" | "shop" | "offnungszeiten"
        | "geoffnet" | "ouvert" | "abierto" | "aberto" | "aperto" | "horaires" | "horario" | "horarios" | "orari" | "orario"
        | "openingstijden" | "feira" | "is" | "are" | "the" | "der" | "am" | "h" | "el" | "los" | "on" | "del" | "dal" => {
            return Token::Filler;
        }
        _ => return Token::Other,
    };
    one(day)
}

/// Days, times and the words between them.
fn tokens(text: &str) -> Vec<Token> {
    // "We" is a day only where it doesn't do anything.
    let text = ["We are", "we are", "We're", "we're", "We’re"].iter().fold(text.to_owned(), |text, words| text.replace(words, " "));
    let text = text.replace("24/7", " daily 24 hours ").replace("t/m", " to ");
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

/// Some days and their times.
#[derive(Default)]
struct Entry {
    days: [bool; 7],
    slots: Vec<(u16, u16)>,
    has_times: bool,
}

/// Days and their times, one after the other; `None` where that isn't how the tokens stand. In prose the end may be something
/// else, such as a day without times.
fn week_of(tokens: &[Token], in_prose: bool) -> Option<Week> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut entry = Entry::default();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let next = (tokens.get(at + 1), tokens.get(at + 2));
        match token {
            Token::Days(days) => {
                if entry.has_times {
                    entries.push(std::mem::take(&mut entry));
                }
                if let (Some(Token::To), Some(Token::Days(last))) = next {
                    entry.add_run(*days, *last);
                    at += 2;
                } else {
                    entry.add_run(*days, *days);
                }
            }
            Token::Time { .. } => match next {
                // "Mar 3 - 5" may be anything.
                (Some(Token::To), Some(close)) if in_prose && !token.is_marked() && !close.is_marked() => break,
                (Some(Token::To), Some(close)) => {
                    entry.slots.push(slot(*token, *close)?);
                    entry.has_times = true;
                    at += 2;
                }
                (Some(_) | None, _) if in_prose => break,
                (Some(_) | None, _) => return None,
            },
            Token::Closed => entry.has_times = true,
            Token::AllDay => {
                entry.slots.push((0, DAY));
                entry.has_times = true;
            }
            // Between days or times it is a comma; "Mon - 9am to 5pm" has a dash for a colon.
            Token::And | Token::To | Token::Filler => {}
            Token::Other => return None,
        }
        at += 1;
    }
    if entry.has_times {
        entries.push(entry);
    } else if entry.days.contains(&true) && !in_prose {
        return None;
    }
    Week::of(&entries)
}

impl Entry {
    /// The days from the first of `from` to the first of `to`, over the week's end where need be; or all of them, where they are
    /// the same.
    fn add_run(&mut self, from: [bool; 7], to: [bool; 7]) {
        if from == to {
            self.days.iter_mut().zip(from).for_each(|(kept, named)| *kept |= named);
            return;
        }
        let first = |days: [bool; 7]| days.iter().position(|day| *day).unwrap_or(0);
        let (from, to) = (first(from), first(to));
        let length = (to + 7 - from) % 7 + 1;
        for day in (0..length).map(|step| (from + step) % 7) {
            if let Some(day) = self.days.get_mut(day) {
                *day = true;
            }
        }
    }
}

/// From one time to another, where both can be told.
fn slot(open: Token, close: Token) -> Option<(u16, u16)> {
    let (
        Token::Time { minutes: open, half: open_half, is_certain: open_certain, .. },
        Token::Time { minutes: close, half: close_half, is_certain: close_certain, .. },
    ) = (open, close)
    else {
        return None;
    };
    let of_half = |minutes: u16, half: Half| minutes % (12 * 60) + if half == Half::Pm { 12 * 60 } else { 0 };
    let (open, close) = match (open_half, close_half) {
        (Some(one), Some(other)) => (of_half(open, one), of_half(close, other)),
        // "1-5pm" is in the afternoon, "9-5pm" begins in the morning.
        (None, Some(half)) if open <= 12 * 60 && !(open == 12 * 60 && half == Half::Am) => {
            let close = of_half(close, half);
            let same = of_half(open, half);
            (if same < close { same } else { of_half(open, Half::Am) }, close)
        }
        (Some(half), None) if close == 12 * 60 || close == DAY => (of_half(open, half), close),
        (None, Some(half)) => (open, of_half(close, half)),
        // After midnight only if the clock has 24 hours: "8:00 - 5:00" may be anything.
        (None, None) if open < close || (open_certain && close_certain && open != close) => (open, close),
        (Some(_) | None, None) => return None,
    };
    // Midnight at the end of the day; "12am" as an end is that.
    let close = if close == 0 || close == DAY - 1 { DAY } else { close };
    (open != close && open < DAY).then_some((open, close))
}

impl Week {
    fn of(entries: &[Entry]) -> Option<Self> {
        let mut week = Self::default();
        for Entry { days, slots, .. } in entries {
            if !days.contains(&true) || slots.len() > SLOTS_MAX {
                return None; // Times of no day.
            }
            for (kept, _) in week.0.iter_mut().zip(days).filter(|(_, named)| **named) {
                kept.extend(slots);
                kept.sort_unstable();
                kept.dedup();
                kept.truncate(SLOTS_MAX);
            }
        }
        (!entries.is_empty()).then_some(week)
    }

    /// Adds a specification of schema.org; `false` where it can't be told.
    pub(super) fn add(&mut self, days: &[&str], opens: &str, closes: &str) -> bool {
        if opens == closes {
            return !days.is_empty(); // Closed all day, says Google's guide.
        }
        let Some(week) = read(&format!("{} {opens}-{closes}", days.join(", "))) else { return false };
        for (kept, added) in self.0.iter_mut().zip(week.0) {
            kept.extend(added);
            kept.sort_unstable();
            kept.dedup();
            kept.truncate(SLOTS_MAX);
        }
        true
    }
}

impl fmt::Display for Week {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        let mut day = 0;
        while let Some(slots) = self.0.get(day) {
            let run = self.0.iter().skip(day).take_while(|other| *other == slots).count();
            if !slots.is_empty() {
                if !std::mem::take(&mut first) {
                    f.write_str("; ")?;
                }
                let name = |day: usize| DAYS.get(day).copied().unwrap_or_default();
                match run {
                    1 => f.write_str(name(day))?,
                    _ => write!(f, "{}-{}", name(day), name(day + run - 1))?,
                }
                for (nth, (open, close)) in slots.iter().enumerate() {
                    let before = if nth == 0 { ' ' } else { ',' };
                    write!(f, "{before}{:02}:{:02}-{:02}:{:02}", open / 60, open % 60, close / 60, close % 60)?;
                }
            }
            day += run.max(1);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_form_for_what_can_be_told() {
        for (text, wanted) in [
            ("Mo-Fr 09:00-17:00", "Mo-Fr 09:00-17:00"),
            ("Mo,Tu,We,Th,Fr 09:00-17:00; Sa 10:00-14:00", "Mo-Fr 09:00-17:00; Sa 10:00-14:00"),
            ("Mo-Th 08:00-17:00; Fr 08:00-12:00", "Mo-Th 08:00-17:00; Fr 08:00-12:00"),
            ("Monday – Friday 9am to 5pm", "Mo-Fr 09:00-17:00"),
            ("Mon-Fri: 9:00 AM - 5:30 P.M., Sat 10 a.m.–2 p.m., Sun closed", "Mo-Fr 09:00-17:30; Sa 10:00-14:00"),
            ("Mon & Wed 9-5pm", "Mo 09:00-17:00; We 09:00-17:00"),
            ("Tue 1-5pm", "Tu 13:00-17:00"),
            ("Sat noon to midnight", "Sa 12:00-24:00"),
            ("Sat 10am-12pm", "Sa 10:00-12:00"),
            ("Fr 22:00-02:00", "Fr 22:00-02:00"),
            ("Fr 6pm - 2am", "Fr 18:00-02:00"),
            ("Open 24/7", "Mo-Su 00:00-24:00"),
            ("Mo-Su 00:00-23:59", "Mo-Su 00:00-24:00"),
            ("daily 24 hours", "Mo-Su 00:00-24:00"),
            ("Su-Tu 10:00-12:00", "Mo-Tu 10:00-12:00; Su 10:00-12:00"),
            ("Montag bis Freitag: 9 bis 18 Uhr, Samstag 9.30 - 13.00 Uhr", "Mo-Fr 09:00-18:00; Sa 09:30-13:00"),
            ("Mo.–Fr. 08:00–12:00 und 13:00–17:00", "Mo-Fr 08:00-12:00,13:00-17:00"),
            ("du lundi au vendredi de 9h à 18h30", "Mo-Fr 09:00-18:30"),
            ("Lunes a viernes: 9:00 - 14:00 y 16:00 - 20:00", "Mo-Fr 09:00-14:00,16:00-20:00"),
            ("Segunda a sexta-feira das 9h às 18h", "Mo-Fr 09:00-18:00"),
            ("Dal lunedì al venerdì 9:00-13:00", "Mo-Fr 09:00-13:00"),
            ("maandag t/m vrijdag 09:00 tot 17:00", "Mo-Fr 09:00-17:00"),
        ] {
            assert_eq!(normalised(text), wanted, "{text}");
            assert_eq!(normalised(wanted), wanted, "the form is its own form");
        }
    }

    #[test]
    fn what_is_uncertain_stays_in_words() {
        for text in [
            "Monday to Saturday, ten to six",
            "Mon-Fri 8-5",
            "Mon-Fri 8:00 - 5:00",
            "9am-5pm",
            "By appointment",
            "Mon 25:00-26:00",
            "Mon 9:75-10:00",
            "Mo-Fr",
            "closed",
            "summer Mo 9am-5pm",
        ] {
            assert_eq!(normalised(text), text);
        }
    }

    #[test]
    fn hours_in_running_text_and_tables() {
        let found = |text: &str| find(text).map(|week| week.to_string()).unwrap_or_default();
        for (text, wanted) in [
            ("We love Monday. Open Monday to Friday 9am - 5pm and all your pets", "Mo-Fr 09:00-17:00"),
            ("Monday\n8:00 AM - 5:00 PM\nTuesday\n8:00 AM - 5:00 PM\nSunday\nClosed\nCall us", "Mo-Tu 08:00-17:00"),
            ("Sun 1984 was hot. Mar 3 - 5 pages", ""),
            ("Friday night", ""),
            ("We are open Sat 10am-2pm", "Sa 10:00-14:00"),
            ("Hours: Sat 9am-1pm Sunday by appointment", "Sa 09:00-13:00"),
        ] {
            assert_eq!(found(text), wanted, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_has_hours_or_stays(text in "[A-Za-z0-9:.,;–& \n-]{0,60}") {
            let form = normalised(&text);
            prop_assert_eq!(normalised(&form), form);
        }
    }
}
