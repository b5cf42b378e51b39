//! Opening hours in one form.
//!
//! The form is that of schema.org's `openingHours`: days `Mo Tu We Th Fr Sa Su`, runs of days with a dash, times of 24 hours,
//! several on a day with a comma, entries divided by `; `, in the order of the week, as in
//! `Mo-Fr 09:00-12:00,13:00-17:00; Sa 10:00-14:00`. A day that isn't named is closed or unknown. Around the clock is
//! `00:00-24:00`; what ends after midnight ends earlier than it begins, as in `22:00-02:00`. Hours that can't be told for
//! certain (`9 - 2`, `8 to late`) stay in words.

use std::fmt;
use std::ops::RangeInclusive;

#[path = "hours_words.rs"]
mod words;

use self::words::{Half, Token, tokens};
use crate::enrich::claim::plain;

const DAYS: [&str; 7] = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"];
const DAY: u16 = 24 * 60;
const SLOTS_MAX: usize = 6;
/// When a day's work begins and ends by a clock of twelve hours, in minutes.
const DAYS_WORK: (RangeInclusive<u16>, RangeInclusive<u16>) = (7 * 60..=11 * 60 + 59, 4 * 60..=11 * 60);

/// Opening times of a week, in minutes from midnight, Monday first.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Week([Vec<(u16, u16)>; 7]);

/// The text in the one form, or else as it is.
pub(super) fn normalised(text: &str) -> String {
    read(text).map_or_else(|| plain(text), |week| week.to_string())
}

/// Without days that have no times, as Squarespace writes those that are closed: `Fr 09:00-17:00, Sa , Su `.
pub(super) fn without_empty_days(text: &str) -> String {
    let is_day = |part: &str| DAYS.contains(&part.trim());
    if text.split(',').any(|part| part.ends_with(' ') && is_day(part)) {
        // The last one's space is mostly lost.
        let last = text.split(',').count() - 1;
        let parts = text.split(',').enumerate().filter(|(at, part)| !(is_day(part) && (part.ends_with(' ') || *at == last)));
        parts.map(|(_, part)| part).collect::<Vec<_>>().join(",")
    } else {
        text.to_owned()
    }
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
    let mut weeks = tokens.split(|token| *token == Token::Other).take(5000).filter_map(|run| {
        let first = run.iter().position(|token| matches!(token, Token::Days(_)))?;
        // "9am to 5pm, Monday to Friday".
        let before = run.get(..first).unwrap_or_default();
        let before = before.strip_suffix(&[Token::And]).unwrap_or(before);
        let from = match before {
            [.., Token::Time { is_marked: true, .. }, Token::To, Token::Time { is_marked: true, .. }] => before.len() - 3,
            [.., Token::AllDay] => before.len() - 1,
            _ => first,
        };
        let week = week_of(run.get(from..)?, true)?;
        Some(week).filter(|week| week.0.iter().any(|day| !day.is_empty()))
    });
    let first = weeks.next()?;
    // "24/7 emergency service. Office hours: Mon-Fri 8am-5pm".
    if first.is_around_the_clock() { weeks.find(|week| !week.is_around_the_clock()).or(Some(first)) } else { Some(first) }
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
    let times_first =
        matches!(tokens.first(), Some(Token::Time { .. } | Token::AllDay)) && tokens.iter().any(|token| matches!(token, Token::Days(_)));
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let next = (tokens.get(at + 1), tokens.get(at + 2));
        match token {
            Token::Days(days) => {
                if entry.has_times && !times_first {
                    entries.push(std::mem::take(&mut entry));
                }
                if let (Some(Token::To), Some(Token::Days(last))) = next {
                    entry.add_run(*days, *last);
                    at += 2;
                } else {
                    entry.add_run(*days, *days);
                }
            }
            Token::Time { .. } => {
                if times_first && entry.days.contains(&true) {
                    entries.push(std::mem::take(&mut entry));
                }
                match next {
                    // "Mar 3 - 5" may be anything; of several days it is hours.
                    (Some(Token::To), Some(close))
                        if in_prose
                            && !(token.is_marked() || close.is_marked() || entry.is_of_several())
                            && entries.is_empty()
                            && !matches!(tokens.get(at + 3), Some(Token::Days(_))) =>
                    {
                        break;
                    }
                    (Some(Token::To), Some(close)) => {
                        entry.slots.push(slot(*token, *close)?);
                        entry.has_times = true;
                        at += 2;
                    }
                    // The columns of a table.
                    (Some(close), _) if token.is_marked() && close.is_marked() => {
                        entry.slots.push(slot(*token, *close)?);
                        entry.has_times = true;
                        at += 1;
                    }
                    (Some(_) | None, _) if in_prose => break,
                    (Some(_) | None, _) => return None,
                }
            }
            // "Mon-Fri 9am-5pm (closed 12pm-1pm for lunch)".
            Token::Closed
                if entry.has_times && matches!(next, (Some(Token::Time { .. }), Some(Token::To))) && tokens.get(at + 3).is_some() =>
            {
                let (Some(from), Some(to)) = (next.0, tokens.get(at + 3)) else { return None };
                entry.pause(slot(*from, *to)?)?;
                at += 3;
            }
            // "Closed on Sunday": what follows is no day of the times before.
            Token::Closed if entry.has_times || !entry.days.contains(&true) => {
                let is_day = |at: usize| matches!(tokens.get(at), Some(Token::Days(_)));
                at += usize::from(is_day(at + 1));
                while matches!(tokens.get(at + 1), Some(Token::To | Token::And)) && is_day(at + 2) {
                    at += 2;
                }
            }
            Token::Closed => entry.has_times = true,
            Token::Except => match next.0 {
                Some(Token::Days(days)) => {
                    entry.days.iter_mut().zip(days).for_each(|(kept, named)| *kept &= !named);
                    at += 1;
                }
                Some(_) | None if in_prose => break,
                Some(_) | None => return None,
            },
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
    fn is_of_several(&self) -> bool {
        self.days.iter().filter(|day| **day).count() > 1
    }

    /// Takes a break out of the times that it lies within; `None` where there are none.
    fn pause(&mut self, (from, to): (u16, u16)) -> Option<()> {
        let at = self.slots.iter().position(|(open, close)| *open < from && from < to && to < *close)?;
        let (open, close) = self.slots.remove(at);
        self.slots.extend([(open, from), (to, close)]);
        Some(())
    }

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
        // "8 - 5" is a day's work, from the morning to the evening; "9 - 2" may be that or a bar's.
        (None, None) if !(open_certain && close_certain) && DAYS_WORK.0.contains(&open) && DAYS_WORK.1.contains(&close) && close < open => {
            (open, close + 12 * 60)
        }
        // "1 - 5" is hardly in the night.
        (None, None) if !open_certain && !close_certain && open < close && open < 6 * 60 => return None,
        // After midnight only if the clock has 24 hours.
        (None, None) if open < close || (open_certain && close_certain && open != close) => (open, close),
        (Some(_) | None, None) => return None,
    };
    // Midnight at the end of the day; "12am" as an end is that.
    let close = if close == 0 || close == DAY - 1 { DAY } else { close };
    (open != close && open < DAY).then_some((open, close))
}

impl Week {
    fn is_around_the_clock(&self) -> bool {
        self.0.iter().all(|day| day.as_slice() == [(0, DAY)])
    }

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
#[path = "hours_tests.rs"]
mod tests;
