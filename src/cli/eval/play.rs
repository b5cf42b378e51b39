//! Playing the cases: each is one run of the real enricher over the set's web.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::score::{Faults, Tally};
use super::set::{Case, LeadExpect, SearchExpect};
use crate::clock::Clock;
use crate::enrich::run::NOTE;
use crate::enrich::{Enricher, Found, Journal, JournalError, Run, RunSettings};
use crate::job::Hop;
use crate::types::Usd;

/// Cases under way at once.
const AT_ONCE: usize = 8;
/// Far more than a case on this machine takes.
const DEADLINE: Duration = Duration::from_mins(5);

/// Hops are counted, and forgotten.
#[derive(Default)]
struct Counter(std::sync::atomic::AtomicU32);

#[async_trait::async_trait]
impl Journal for Counter {
    async fn record(&self, hop: Hop) -> Result<(), JournalError> {
        if &*hop.tool != NOTE {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
        Ok(())
    }
}

/// How one case went.
pub(super) struct Played {
    pub(super) id: String,
    pub(super) tags: Vec<String>,
    pub(super) faults: Faults,
    pub(super) result: Value,
}

/// One run; `None` where no vendor answered.
async fn run(enricher: &dyn Enricher, clock: &Arc<dyn Clock>, payload: &str, budget: Usd) -> (Option<Found>, Usd, u32) {
    let counter = Arc::new(Counter::default());
    let mut run = Run::new(RunSettings {
        journal: Arc::clone(&counter) as Arc<dyn Journal>,
        clock: Arc::clone(clock),
        recorded: Vec::new(),
        budget,
        deadline: Instant::now() + DEADLINE,
        cancel: CancellationToken::new(),
        gate: None,
    });
    let found = enricher.run(payload, &mut run).await.ok();
    (found, run.spent(), counter.0.load(std::sync::atomic::Ordering::Relaxed))
}

/// What a run came to, in the order of the cases.
async fn runs<E>(
    enricher: &dyn Enricher,
    clock: &Arc<dyn Clock>,
    cases: &[&Case<E>],
    payload: impl Fn(&Case<E>) -> String,
    budget: Usd,
) -> Vec<(Option<Found>, Usd, u32)> {
    let runs = cases.iter().map(|case| {
        let payload = payload(case);
        async move { run(enricher, clock, &payload, budget).await }
    });
    futures_util::stream::iter(runs).buffered(AT_ONCE).collect().await
}

fn count_cost(tally: &mut Tally, found: Option<Found>, spent: Usd, hops: u32) -> Value {
    tally.cost_micros += spent.micros();
    tally.hops += hops;
    tally.failed += u32::from(found.is_none());
    found.and_then(|found| serde_json::from_str(&found.result).ok()).unwrap_or_default()
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
    for (case, (found, spent, hops)) in cases.iter().zip(outcomes) {
        let result = count_cost(&mut tally, found, spent, hops);
        let faults = tally.websearch(&result, &case.expect);
        played.push(Played { id: case.id.clone(), tags: case.tags.clone(), faults, result });
    }
    (tally, played)
}

/// Plays lead sessions in one mode, each within `budget`.
pub(super) async fn leads(
    enricher: &dyn Enricher,
    clock: &Arc<dyn Clock>,
    cases: &[&Case<LeadExpect>],
    mode: &str,
    budget: Usd,
) -> (Tally, Vec<Played>) {
    let mut tally = Tally::default();
    let mut played = Vec::new();
    let payload = |case: &Case<LeadExpect>| {
        let mut payload: Value = serde_json::from_str(case.payload.get()).unwrap_or_default();
        payload["mode"] = Value::from(mode);
        payload["max_rounds"] = Value::from(10);
        payload.to_string()
    };
    let outcomes = runs(enricher, clock, cases, payload, budget).await;
    for (case, (found, spent, hops)) in cases.iter().zip(outcomes) {
        let lead: Value = serde_json::from_str::<Value>(case.payload.get()).map(|payload| payload["lead"].clone()).unwrap_or_default();
        let result = count_cost(&mut tally, found, spent, hops);
        let faults = tally.lead(&result, &lead, &case.expect);
        played.push(Played { id: case.id.clone(), tags: case.tags.clone(), faults, result });
    }
    (tally, played)
}
