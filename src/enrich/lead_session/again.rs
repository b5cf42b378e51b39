//! The same agent's same session again: what the first one came to is the answer, made new around the lead as it was sent this time.
//!
//! The same is: equal fields of the record, whatever their order, surrounding space, and whether a number is written as text;
//! equal budget, rounds, mode and prompts. `contact_id` names a row of somebody's CRM and nothing of the lead, so it isn't looked
//! at, and comes back as it was sent. Only the agent that asked first is answered so: a session holds what it knows of people.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::result::{Wire, merged};
use super::session::Session;
use crate::enrich::cache::Question;
use crate::enrich::research::{Source, Tools};
use crate::enrich::vendors::directory::Directory;
use crate::enrich::{Error, Found, JournalError, Run, Shelf};
use crate::types::payload::{KNOWN_KEYS, LeadMode};
use crate::types::{LeadPayload, Usd};

/// Under what tool it is kept, and stands in the bill.
const TOOL: &str = "cache";

/// What makes a session the same as another.
pub(super) struct Same<'a> {
    tools: &'a Tools,
    question: Question,
    refresh: bool,
}

#[derive(Serialize)]
struct Input<'a> {
    lead: BTreeMap<&'a str, String>,
    budget_usd: Usd,
    is_named: bool,
    max_rounds: i64,
    mode: LeadMode,
    prompts: &'a [String],
    directory: String,
}

/// What a session came to, without the lead.
#[derive(Serialize, Deserialize)]
struct Kept {
    matched: bool,
    values: BTreeMap<String, String>,
    fields: Box<RawValue>,
    entities: Box<RawValue>,
    found: Vec<String>,
    stopped_because: Option<String>,
    summary_markdown: String,
    sources: Box<RawValue>,
}

/// As [`Wire`]; the one round is the look into the cache.
#[derive(Serialize)]
struct Again<'a> {
    matched: bool,
    cache_hit: bool,
    lead: BTreeMap<&'a str, Box<RawValue>>,
    fields: &'a RawValue,
    entities: &'a RawValue,
    rounds: [Round<'a>; 1],
    stopped_because: Option<&'a str>,
    summary_markdown: &'a str,
    cost_usd: Usd,
    sources: &'a RawValue,
}

#[derive(Serialize)]
struct Round<'a> {
    n: u32,
    tools: [&'static str; 1],
    found: &'a [String],
    cost_usd: Usd,
    stopped_because: Option<&'a str>,
}

impl<'a> Same<'a> {
    /// Of this payload with this budget.
    pub(super) fn of(payload: &LeadPayload, tools: &'a Tools, budget_usd: Usd) -> Self {
        let LeadPayload { lead, budget_usd: named, max_rounds, mode, prompts, refresh } = payload;
        let said = lead.fields().filter(|(key, _)| *key != "contact_id" && !lead.is_blank(key));
        let lead =
            said.map(|(key, raw)| (key, lead.text(key).filter(|_| KNOWN_KEYS.contains(&key)).unwrap_or_else(|| raw.get().to_owned())));
        let directory = tools.directory.as_ref().map(Directory::version).unwrap_or_default();
        let input =
            Input { lead: lead.collect(), budget_usd, is_named: named.is_some(), max_rounds: *max_rounds, mode: *mode, prompts, directory };
        let question = Question::session(&serde_json::to_string(&input).unwrap_or_default());
        Self { tools, question, refresh: *refresh }
    }

    /// The answer, where this agent has asked the same of late.
    pub(super) async fn recalled(&self, payload: &LeadPayload, run: &mut Run) -> Result<Option<Found>, Error> {
        let from = Shelf { cache: &self.tools.cache, refresh: self.refresh };
        let Some(kept) = run.recalled::<Kept>(TOOL, from, &self.question).await? else { return Ok(None) };
        let Kept { matched, values, fields, entities, found, stopped_because, summary_markdown, sources } = &kept;
        let stopped_because = stopped_because.as_deref();
        let round = Round { n: 1, tools: [TOOL], found, cost_usd: Usd::ZERO, stopped_because };
        let again = Again {
            matched: *matched,
            cache_hit: true,
            lead: merged(&payload.lead, values.iter().map(|(key, value)| (key.as_str(), value.as_str()))),
            fields,
            entities,
            rounds: [round],
            stopped_because,
            summary_markdown,
            cost_usd: Usd::ZERO,
            sources,
        };
        Ok(Some(Found { matched: *matched, result: serde_json::to_string(&again).unwrap_or_default() }))
    }

    /// Keeps what a session has come to.
    pub(super) fn keep(&self, run: &Run, session: &Session<'_>, wire: &Wire<'_>) {
        let found = session.rounds.iter().flat_map(|round| round.found.iter()).map(|key| (*key).to_owned());
        let values = wire.fields.iter().map(|(key, field)| ((*key).to_owned(), field.value.clone()));
        let parts = (to_raw_value(&wire.fields), to_raw_value(&wire.entities), to_raw_value::<Vec<Source<'_>>>(&wire.sources));
        let (Ok(fields), Ok(entities), Ok(sources)) = parts else { return };
        let kept = Kept {
            matched: wire.matched,
            values: values.collect(),
            fields,
            entities,
            found: found.collect(),
            stopped_because: wire.stopped_because.map(str::to_owned),
            summary_markdown: wire.summary_markdown.clone(),
            sources,
        };
        run.keep_whole(TOOL, &self.tools.cache, &self.question, &kept, !kept.matched);
    }
}

impl Session<'_> {
    /// Notes which pages of the business are kept, once and for good: a resumed session plans by the same ones.
    pub(super) async fn warm_up(&mut self, run: &mut Run) -> Result<(), JournalError> {
        const NOTE: &str = "warm";
        if self.payload.refresh || !(self.tools.cache.is_on() || run.has_pinned(NOTE)) {
            return Ok(());
        }
        let (cache, lead) = (&self.tools.cache, &self.research.asked);
        let pages: Vec<String> = run.pinned(NOTE, || cache.pages_of(lead).into_iter().map(String::from).collect()).await?;
        self.warm = pages.iter().filter_map(|url| url.parse().ok()).collect();
        Ok(())
    }
}
