//! The result in words, for whoever picks up the phone: whom to ask for and how to reach them first, then what of it is new to the
//! record, what it confirms and what it contradicts, and who says so.

use std::fmt::Write as _;

use super::fields::{FieldValue, Known, says_the_same};
use super::session::Session;
use super::want::Want;
use crate::enrich::research::markdown::escaped;
use crate::enrich::research::{Address, Business, Leaf};

/// So many numbers, addresses and people are named; the rest is in `entities`.
const OF_A_KIND: usize = 5;

impl Session<'_> {
    /// The summary, in Markdown. What sources say stands in it as text: nothing of it is markup.
    pub(super) fn summary(&self, known: &Known) -> String {
        let who = self.record.person().or(self.record.company()).unwrap_or("this lead");
        let Some((business, score)) = known.business.as_ref().zip(known.resolution.score) else {
            let why = match (known.resolution.rivalled, self.record.names_a_business()) {
                _ if known.resolution.closed => "The business that fits is closed for good.",
                (true, _) => "Several businesses fit equally well; a city, a street or a phone number would tell them apart.",
                (false, true) => "No source knows a business that fits.",
                (false, false) => "It names no company, domain or phone number to begin with.",
            };
            return format!("**No match** for {}. {why}{}", escaped(who), self.ending());
        };
        let name = business.name.as_ref().map_or(who, |name| &name.value);
        let mut text = format!("**{}** (match, {score} of 100 points)\n", escaped(name));
        text.push_str(&self.whom_to_ask_for(known));
        for (label, value) in Self::facts(known, business) {
            write!(text, "\n- {label}: {value}").unwrap_or_default();
        }
        text.push('\n');
        text.push_str(&self.beside_the_record(known));
        text.push_str(&self.ending());
        for (index, (finding, _)) in known.members.iter().enumerate() {
            let url = finding.url.as_deref().map(|url| format!(", {}", escaped(url))).unwrap_or_default();
            write!(text, "\n[^s{}]: {}{url}", index + 1, escaped(&finding.title)).unwrap_or_default();
        }
        text
    }

    fn whom_to_ask_for(&self, known: &Known) -> String {
        match (&known.person, self.record.person()) {
            (Some(person), _) => {
                let role = person.role.as_ref().map(|role| format!(", {}{}", escaped(&role.value), notes(&role.sources)));
                format!("\nAsk for {}{}.\n", escaped(&person.name), role.unwrap_or_default())
            }
            (None, Some(name)) => format!("\nNo source names {} there.\n", escaped(name)),
            (None, None) => String::new(),
        }
    }

    /// How to reach them, and what to know before.
    fn facts(known: &Known, business: &Business) -> Vec<(&'static str, String)> {
        let field = |want: Want| known.fields.iter().find(|(key, _)| *key == want.key()).map(|(_, field)| field);
        let first = |want: Want, others: &[Leaf]| {
            let field = field(want);
            let known = field.map(|FieldValue { value, sources, .. }| said(value, sources));
            let others = others.iter().filter(|leaf| field.is_none_or(|field| field.value != leaf.value)).map(leaf_text);
            known.into_iter().chain(others).take(OF_A_KIND).collect::<Vec<_>>().join(", ")
        };
        let person_phone = known.person.as_ref().and_then(|person| person.phone.as_ref()).map(leaf_text);
        let website = business.website.as_ref().map(leaf_text);
        let people = business.people.iter().take(OF_A_KIND).map(|person| match &person.role {
            Some(role) => format!("{} ({}){}", escaped(&person.name.value), escaped(&role.value), notes(&person.name.sources)),
            None => leaf_text(&person.name),
        });
        [
            ("Direct line", person_phone.unwrap_or_default()),
            ("Phone", first(Want::Phone, &business.phones)),
            ("E-mail", first(Want::Email, &business.emails)),
            ("Website", website.unwrap_or_default()),
            ("Address", address(&business.address)),
            ("Open", business.hours.as_ref().map(leaf_text).unwrap_or_default()),
            ("People", people.collect::<Vec<_>>().join(", ")),
            ("Does", business.categories.iter().take(OF_A_KIND).map(leaf_text).collect::<Vec<_>>().join(", ")),
            ("Registered as", business.legal_name.as_ref().map(leaf_text).unwrap_or_default()),
            ("Profiles", business.social.values().take(OF_A_KIND).map(leaf_text).collect::<Vec<_>>().join(", ")),
        ]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .collect()
    }

    /// What the record gains, what it had right, and what it should be checked for.
    fn beside_the_record(&self, known: &Known) -> String {
        let (mut new, mut confirmed, mut contradicted) = (Vec::new(), Vec::new(), Vec::new());
        for want in Want::ALL {
            let Some((key, field)) = known.fields.iter().find(|(key, _)| *key == want.key()) else { continue };
            let notes = notes(&field.sources);
            match &field.previous {
                None => new.push(format!("{key}{notes}")),
                Some(own) if says_the_same(want, &field.value, own, &self.record) => confirmed.push(format!("{key}{notes}")),
                Some(own) => {
                    contradicted.push(format!("{key}: the record has {}, the sources say {}{notes}", escaped(own), escaped(&field.value)));
                }
            }
        }
        let mut text = String::new();
        if !contradicted.is_empty() {
            text.push_str("\nTo be checked; the record keeps what it has:\n");
            for line in contradicted {
                write!(text, "\n- {line}").unwrap_or_default();
            }
            text.push('\n');
        }
        for (title, keys) in [("New to the record", new), ("Confirmed", confirmed)] {
            if !keys.is_empty() {
                write!(text, "\n{title}: {}.\n", keys.join(", ")).unwrap_or_default();
            }
        }
        text
    }

    fn ending(&self) -> String {
        let because = match self.stopped_because {
            Some("complete") => "nothing was lacking any more",
            Some("rounds") => "the rounds were used up",
            Some("budget") => "the next question didn't fit into the budget",
            Some("no_gain") => "nothing that could be asked promised anything new",
            Some("deadline") => "the time was up",
            Some("cancelled") => "it was cancelled",
            Some(_) | None => return "\n".to_owned(),
        };
        format!("\n\nThe session ended since {because}.\n")
    }
}

/// Who says it.
fn notes(sources: &[String]) -> String {
    sources.iter().map(|source| format!("[^{source}]")).collect::<Vec<_>>().concat()
}

fn said(value: &str, sources: &[String]) -> String {
    format!("{}{}", escaped(value), notes(sources))
}

fn leaf_text(leaf: &Leaf) -> String {
    said(&leaf.value, &leaf.sources)
}

/// On one line, with whoever says its street.
fn address(address: &Address) -> String {
    let Address { street, city, state, zip, country } = address;
    let text = |leaf: &Option<Leaf>| leaf.as_ref().map(|leaf| leaf.value.clone()).unwrap_or_default();
    let state_zip = [text(state), text(zip)].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    let parts = [text(street), text(city), state_zip, text(country)].into_iter().filter(|part| !part.is_empty());
    let whole = parts.collect::<Vec<_>>().join(", ");
    let sources = street.as_ref().or(city.as_ref()).map(|leaf| leaf.sources.as_slice()).unwrap_or_default();
    if whole.is_empty() { whole } else { said(&whole, sources) }
}
