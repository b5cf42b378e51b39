//! Whether an answer is the right one, field by field, as `samples/eval/README.md` says.

use std::collections::BTreeMap;

use crate::enrich::matching::{domain_of, place};
use crate::enrich::phone;
use crate::enrich::words::{fold, name_words};

/// Whether two values of a field are the same; `country` is that of the case, for national phone numbers.
pub(super) fn same(field: &str, answer: &str, right: &str, country: &str) -> bool {
    match field {
        "phones" | "phone" => {
            let e164 = |text: &str| phone::key(text, country);
            e164(answer).is_some() && e164(answer) == e164(right)
        }
        "website" | "domain" => host(answer) == host(right),
        "street" => place::same_street(answer, right),
        "name" | "company" => name_words(answer) == name_words(right),
        "state" => place::same_state(answer, right),
        "zip" => place::same_zip(answer, right),
        "country" | "emails" | "email" => answer.eq_ignore_ascii_case(right),
        "hours" => week(answer).is_some_and(|answer| Some(answer) == week(right)),
        _ => fold(answer) == fold(right),
    }
}

fn host(text: &str) -> Option<String> {
    domain_of(text).or_else(|| domain_of(&format!("https://{text}/")))
}

const DAYS: [&str; 7] = ["mo", "tu", "we", "th", "fr", "sa", "su"];

/// Opening hours in minutes of each day, from the form of schema.org's `openingHours`.
fn week(text: &str) -> Option<BTreeMap<usize, Vec<(u32, u32)>>> {
    let mut week: BTreeMap<usize, Vec<(u32, u32)>> = BTreeMap::new();
    for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
        let (days, times) = part.split_once(' ')?;
        let mut spans: Vec<(u32, u32)> = Vec::new();
        if !matches!(times.trim().to_lowercase().as_str(), "closed" | "off") {
            for span in times.split(',') {
                let (from, to) = span.trim().split_once('-')?;
                spans.push((minutes(from)?, minutes(to)?));
            }
        }
        for range in days.split(',') {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (first, last) = (day(first)?, day(last)?);
            let count = (last + 7 - first) % 7;
            for step in 0..=count {
                week.entry((first + step) % 7).or_default().extend(&spans);
            }
        }
    }
    week.retain(|_, spans| !spans.is_empty());
    for spans in week.values_mut() {
        spans.sort_unstable();
    }
    (!week.is_empty()).then_some(week)
}

fn day(text: &str) -> Option<usize> {
    let short: String = text.trim().to_lowercase().chars().take(2).collect();
    DAYS.iter().position(|day| *day == short)
}

fn minutes(text: &str) -> Option<u32> {
    let (hours, minutes) = text.trim().split_once(':')?;
    Some(hours.parse::<u32>().ok()? * 60 + minutes.parse::<u32>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_are_written_in_two_ways() {
        for (field, answer, right, wanted) in [
            ("phones", "(813) 555-0142", "+18135550142", true),
            ("phones", "+18135550143", "+18135550142", false),
            ("website", "http://www.acme.example/home", "https://acme.example/", true),
            ("domain", "acme.example", "acme.example", true),
            ("street", "120 N Main St", "120 North Main Street", true),
            ("name", "The Acme Company, Inc.", "Acme", true),
            ("state", "Florida", "FL", true),
            ("zip", "33602-1234", "33602", true),
            ("hours", "Mo,Tu,We,Th,Fr 09:00-17:00; Sa 10:00-14:00", "Mo-Fr 09:00-17:00; Sa 10:00-14:00; Su closed", true),
            ("hours", "Mo-Fr 09:00-17:00", "Mo-Sa 09:00-17:00", false),
            ("hours", "by appointment", "Mo-Sa 09:00-17:00", false),
            ("title", "store manager", "Store Manager", true),
        ] {
            assert_eq!(same(field, answer, right, "US"), wanted, "{field}: {answer} / {right}");
        }
    }
}
