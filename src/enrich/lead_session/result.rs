//! The result on the wire.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::fields::{FieldValue, Known};
use super::session::Session;
use crate::enrich::research::{Finding, Source};
use crate::enrich::{Error, Found, Run};
use crate::job::FoundField;
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
    pub(super) fn found_so_far(&self) -> Vec<FoundField> {
        let fields = self.known().fields.into_iter();
        let found = fields.map(|(key, field)| FoundField { field: key.into(), value: field.value.into(), confidence: field.confidence });
        found.collect()
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
