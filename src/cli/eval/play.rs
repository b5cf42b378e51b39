//! Playing the cases: each is one run of the real enricher over the set's web.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::score::{Faults, Tally};
use super::set::{Case, LeadExpect, SearchExpect};
use crate::clock::Clock;
use crate::enrich::{Enricher, Found, Journal, JournalError, Run, RunSettings};
use crate::job::{Hop, HopOutcome};
use crate::types::Usd;

/// Cases under way at once.
const AT_ONCE: usize = 8;
/// Far more than a case on this machine takes.
const DEADLINE: Duration = Duration::from_mins(5);

/// What a hop brought is shown up to here, in characters.
const SHOWN_CHARS_MAX: usize = 400;

/// Hops, by tool, outcome and the beginning of what they brought.
#[derive(Default)]
struct Book(Mutex<Vec<(Box<str>, HopOutcome, String)>>);

#[async_trait::async_trait]
impl Journal for Book {
    async fn record(&self, hop: Hop) -> Result<(), JournalError> {
        if !hop.is_note() {
            let shown = hop.answer.chars().take(SHOWN_CHARS_MAX).collect();
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push((hop.tool, hop.outcome, shown));
        }
        Ok(())
    }
}

/// What a run came to.
struct Outcome {
    /// `None` where no vendor answered.
    found: Option<Found>,
    spent: Usd,
    hops: Vec<(Box<str>, HopOutcome, String)>,
}

/// How one case went.
pub(super) struct Played {
    pub(super) id: String,
    pub(super) tags: Vec<String>,
    pub(super) faults: Faults,
    pub(super) result: Value,
    pub(super) hops: Vec<(Box<str>, HopOutcome, String)>,
}

/// One run.
async fn run(enricher: &dyn Enricher, clock: &Arc<dyn Clock>, payload: &str, budget: Usd) -> Outcome {
    let book = Arc::new(Book::default());
    let mut run = Run::new(RunSettings {
        journal: Arc::clone(&book) as Arc<dyn Journal>,
        clock: Arc::clone(clock),
        recorded: Vec::new(),
        budget,
        deadline: Instant::now() + DEADLINE,
        cancel: CancellationToken::new(),
        gate: None,
    });
    let found = enricher.run(payload, &mut run).await.ok();
    // As a node does that has made the end of a job durable.
    if found.is_some() {
        enricher.learn(run.lessons());
    }
    let hops = std::mem::take(&mut *book.0.lock().unwrap_or_else(PoisonError::into_inner));
    Outcome { found, spent: run.spent(), hops }
}

/// What a run came to, in the order of the cases.
async fn runs<E>(
    enricher: &dyn Enricher,
    clock: &Arc<dyn Clock>,
    cases: &[&Case<E>],
    payload: impl Fn(&Case<E>) -> String,
    budget: Usd,
) -> Vec<Outcome> {
    let runs = cases.iter().map(|case| {
        let payload = payload(case);
        async move { run(enricher, clock, &payload, budget).await }
    });
    futures_util::stream::iter(runs).buffered(AT_ONCE).collect().await
}

fn count_cost(tally: &mut Tally, outcome: &Outcome) -> Value {
    tally.cost_micros += outcome.spent.micros();
    tally.hops += u32::try_from(outcome.hops.len()).unwrap_or(u32::MAX);
    tally.failed += u32::from(outcome.found.is_none());
    outcome.found.as_ref().and_then(|found| serde_json::from_str(&found.result).ok()).unwrap_or_default()
}

/// Plays websearches.
pub(super) async fn websearch(
    enricher: &dyn Enricher,
    clock: &Arc<dyn Clock>,
    cases: &[&Case<SearchExpect>],
    budget: Usd,
) -> (Tally, Vec<Played>) {
    let mut tally = Tally::default();
    let mut played = Vec::new();
    let outcomes = runs(enricher, clock, cases, |case| case.payload.get().to_owned(), budget).await;
    for (case, outcome) in cases.iter().zip(outcomes) {
        let result = count_cost(&mut tally, &outcome);
        let faults = tally.websearch(&result, &case.expect);
        played.push(Played { id: case.id.clone(), tags: case.tags.clone(), faults, result, hops: outcome.hops });
    }
    (tally, played)
}

/// What a buyer says of a budget: the words of the payload, or nothing, where the ceiling bounds it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Budget {
    Named(Usd),
    Ceiling(Usd),
}

/// Plays lead sessions in one mode, each within a budget.
pub(super) async fn leads(
    enricher: &dyn Enricher,
    clock: &Arc<dyn Clock>,
    cases: &[&Case<LeadExpect>],
    mode: &str,
    budget: Budget,
) -> (Tally, Vec<Played>) {
    let (Budget::Named(ceiling) | Budget::Ceiling(ceiling)) = budget;
    let mut tally = Tally::default();
    let mut played = Vec::new();
    let payload = |case: &Case<LeadExpect>| {
        let mut payload: Value = serde_json::from_str(case.payload.get()).unwrap_or_default();
        payload["mode"] = Value::from(mode);
        payload["max_rounds"] = Value::from(10);
        if let Budget::Named(usd) = budget {
            payload["budget_usd"] = Value::from(usd.to_string());
        }
        payload.to_string()
    };
    let outcomes = runs(enricher, clock, cases, payload, ceiling).await;
    for (case, outcome) in cases.iter().zip(outcomes) {
        let lead: Value = serde_json::from_str::<Value>(case.payload.get()).map(|payload| payload["lead"].clone()).unwrap_or_default();
        let result = count_cost(&mut tally, &outcome);
        let faults = tally.lead(&result, &lead, &case.expect);
        played.push(Played { id: case.id.clone(), tags: case.tags.clone(), faults, result, hops: outcome.hops });
    }
    (tally, played)
}
