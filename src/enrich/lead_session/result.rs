//! The result on the wire, and its summary for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::fields::{FieldValue, Known, says_the_same};
use super::session::Session;
use super::want::Want;
use crate::enrich::research::markdown::escaped;
use crate::enrich::research::{Business, Finding, Source};
use crate::enrich::{Error, Found, Run};
use crate::types::Usd;
use crate::types::payload::Lead;

#[derive(Serialize)]
struct Wire<'a> {
    matched: bool,
    cache_hit: bool,
    lead: BTreeMap<&'a str, Box<RawValue>>,
    fields: BTreeMap<&'a str, &'a FieldValue>,
    entities: Vec<Value>,
    rounds: Vec<Value>,
    stopped_because: Option<&'static str>,
    summary_markdown: String,
    cost_usd: Usd,
    sources: Vec<Source<'a>>,
}

impl Session<'_> {
    /// What there is, as the route's result.
    pub(super) fn conclude(self, run: &Run) -> Result<Found, Error> {
        // Who had nothing to ask, or too little for the first question, is told so: that no vendor failed him.
        let never_began = self.rounds.is_empty() && matches!(self.stopped_because, Some("complete" | "budget"));
        if !never_began {
            self.research.check_answered(run)?;
        }
        let known = self.known();
        let matched = known.resolution.score.is_some();
        let findings: Vec<Finding> = known.members.iter().map(|(finding, _)| finding.clone()).collect();
        let wire = Wire {
            matched,
            cache_hit: false,
            lead: merged(&self.payload.lead, &known),
            fields: known.fields.iter().map(|(key, value)| (*key, value)).collect(),
            entities: entities(&known),
            rounds: self.rounds_on_the_wire(),
            stopped_because: self.stopped_because,
            summary_markdown: self.summary(&known),
            cost_usd: run.spent(),
            sources: Source::all(&findings),
        };
        // Strings, whole numbers and finite fractions always become JSON.
        Ok(Found { matched, result: serde_json::to_string(&wire).unwrap_or_default() })
    }

    /// What was found by now, for polls.
    pub(super) fn found_so_far(&self) -> String {
        let known = self.known();
        let fields: BTreeMap<&str, &FieldValue> = known.fields.iter().map(|(key, value)| (*key, value)).collect();
        serde_json::to_string(&json!({ "matched": known.resolution.score.is_some(), "fields": fields })).unwrap_or_default()
    }

    fn rounds_on_the_wire(&self) -> Vec<Value> {
        let rounds = self.rounds.iter().enumerate();
        rounds
            .map(|(index, round)| {
                json!({
                    "n": index + 1,
                    "tools": round.tools,
                    "found": round.found,
                    "cost_usd": round.cost,
                    "stopped_because": round.stopped_because,
                })
            })
            .collect()
    }

    fn summary(&self, known: &Known) -> String {
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
        if let Some(person) = &known.person {
            let role = person.role.as_ref().map(|role| format!(", {}", escaped(&role.value))).unwrap_or_default();
            write!(text, "\n{}{role}.\n", escaped(&person.name)).unwrap_or_default();
        }
        let (mut new, mut confirmed, mut contradicted) = (Vec::new(), Vec::new(), Vec::new());
        for want in Want::ALL {
            let Some((key, field)) = known.fields.iter().find(|(key, _)| *key == want.key()) else { continue };
            let notes = field.sources.iter().map(|source| format!("[^{source}]")).collect::<Vec<_>>().concat();
            match &field.previous {
                None => new.push(format!("{key}: {}{notes}", escaped(&field.value))),
                Some(own) if says_the_same(want, &field.value, own, &self.record) => confirmed.push(format!("{key}{notes}")),
                Some(own) => {
                    contradicted.push(format!("{key}: the record has {}, the sources say {}{notes}", escaped(own), escaped(&field.value)));
                }
            }
        }
        for (title, lines) in [("New", &new), ("To be checked", &contradicted)] {
            if !lines.is_empty() {
                write!(text, "\n{title}:\n").unwrap_or_default();
                for line in lines {
                    write!(text, "\n- {line}").unwrap_or_default();
                }
                text.push('\n');
            }
        }
        if !confirmed.is_empty() {
            write!(text, "\nConfirmed: {}.\n", confirmed.join(", ")).unwrap_or_default();
        }
        text.push_str(&other_facts(business));
        text.push_str(&self.ending());
        for (index, (finding, _)) in known.members.iter().enumerate() {
            let url = finding.url.as_deref().map(|url| format!(", {}", escaped(url))).unwrap_or_default();
            write!(text, "\n[^s{}]: {}{url}", index + 1, escaped(&finding.title)).unwrap_or_default();
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

/// The record with what it lacked. What it has stays, to the digit.
fn merged<'a>(lead: &'a Lead, known: &Known) -> BTreeMap<&'a str, Box<RawValue>> {
    let mut merged: BTreeMap<&str, Box<RawValue>> = lead.fields().map(|(key, raw)| (key, raw.to_owned())).collect();
    for (key, field) in &known.fields {
        if lead.is_blank(key)
            && let Ok(raw) = serde_json::value::to_raw_value(&field.value)
        {
            merged.insert(key, raw);
        }
    }
    merged
}

/// Who was found: the business, and the person where one was named.
fn entities(known: &Known) -> Vec<Value> {
    let tagged = |kind: &str, value: Result<Value, serde_json::Error>| {
        let mut value = value.ok()?;
        value.as_object_mut()?.insert("type".to_owned(), json!(kind));
        Some(value)
    };
    let business = known.business.as_ref().and_then(|business| tagged("business", serde_json::to_value(business)));
    let person = known.person.as_ref().and_then(|person| tagged("person", serde_json::to_value(person)));
    business.into_iter().chain(person).collect()
}

/// What a caller may like to know besides.
fn other_facts(business: &Business) -> String {
    let mut text = String::new();
    let others = business.people.iter().take(5).map(|person| match &person.role {
        Some(role) => format!("{} ({})", person.name.value, role.value),
        None => person.name.value.clone(),
    });
    let others = others.collect::<Vec<_>>().join(", ");
    let hours = business.hours.as_ref().map(|hours| hours.value.clone()).unwrap_or_default();
    let does = business.categories.iter().map(|leaf| leaf.value.as_str()).collect::<Vec<_>>().join(", ");
    for (label, value) in [("Does", does), ("Open", hours), ("People", others)] {
        if !value.is_empty() {
            write!(text, "\n{label}: {}\n", escaped(&value)).unwrap_or_default();
        }
    }
    text
}
