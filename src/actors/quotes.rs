//! What a job would cost: by its enricher's plan, and by what the last jobs of its route came to, on all nodes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::api::Error;
use super::look;
use super::node::{Inner, Node};
use crate::billing::Price;
use crate::billing::quote::{Estimate, JOBS_MIN, Question, Quote, quote};
use crate::shard::Refusal;
use crate::shard::precedent::{KEPT, Precedent};
use crate::types::payload::Cohort;
use crate::types::{Route, Timestamp, Usd};

/// A quote may be behind other nodes' jobs by so much: it needs no token, and must not cost every node a question each time.
const OTHERS_KEPT_FOR: Duration = Duration::from_secs(10);
/// It doesn't wait longer for another node's.
const OTHERS_PATIENCE: Duration = Duration::from_secs(1);

/// What a job came to, as a quote looks at it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Outcome {
    cohort: Option<Cohort>,
    at: Timestamp,
    matched: bool,
    cost: Usd,
}

/// Those of shards of other nodes, as they were told a moment ago.
#[derive(Debug, Default)]
pub(super) struct Others(tokio::sync::Mutex<BTreeMap<Route, Told>>);

/// What was told, and when.
type Told = (Instant, Arc<[Outcome]>);

impl Outcome {
    pub(super) fn of(precedent: &Precedent) -> Self {
        let Precedent { cohort, at, matched, cost, .. } = *precedent;
        Self { cohort, at, matched, cost }
    }
}

impl Others {
    /// Asked for once at a time. A node that does not answer is left out: a quote says how many jobs it rests on.
    async fn of(&self, node: &Inner, route: Route) -> Arc<[Outcome]> {
        if node.peers.is_none() {
            return Arc::default();
        }
        let mut kept = self.0.lock().await;
        if let Some((_, told)) = kept.get(&route).filter(|(at, _)| at.elapsed() < OTHERS_KEPT_FOR) {
            return Arc::clone(told);
        }
        let asked = node.shards().filter(|shard| shard.is_others());
        let asked = asked.map(|shard| tokio::time::timeout(OTHERS_PATIENCE, shard.look(look::Precedents { route })));
        let told = futures_util::future::join_all(asked).await;
        let told: Arc<[Outcome]> = told.into_iter().filter_map(|told| told.ok()?.ok()).flatten().collect();
        kept.insert(route, (Instant::now(), Arc::clone(&told)));
        told
    }
}

/// Which precedents a quote looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// Those with a payload of the same kind.
    Cohort,
    /// All of the route.
    Route,
}

/// A quote, and all that it rests on.
#[derive(Debug, Clone)]
pub struct Quoted {
    /// What it says.
    pub quote: Quote,
    /// The kind of payload.
    pub cohort: Option<Cohort>,
    /// Which precedents were looked at.
    pub compared: Compared,
    /// How many there were.
    pub jobs: usize,
    /// When the oldest and the newest of them ended.
    pub window: Option<(Timestamp, Timestamp)>,
    /// How many of a route can be there, over all shards.
    pub jobs_max: usize,
    /// The price that a charge would be made by.
    pub price: Price,
    /// What a run can ask, by the vendors' price sheets.
    pub questions: Vec<Question>,
    /// The payload's own bound.
    pub budget: Option<Usd>,
}

impl Node {
    /// What a job would cost, from memory, and that of other nodes; nothing is held or kept.
    ///
    /// # Errors
    /// [`Error::Refused`] where a price leaves the range of money.
    pub async fn quote(&self, route: Route, payload: &str, ceiling: Usd) -> Result<Quoted, Error> {
        let estimate = self.inner.enricher(route).map_or_else(Estimate::unknown, |enricher| enricher.estimate(payload));
        let cohort = Cohort::of(route, payload);
        let mut precedents: Vec<_> = self.shards.iter().flat_map(|shard| shard.precedents(route)).collect();
        precedents.extend(self.inner.precedents.of(&self.inner, route).await.iter());
        let is_alike = |of: Option<Cohort>| cohort.is_some() && of == cohort;
        let mut compared = Compared::Route;
        if precedents.iter().filter(|outcome| is_alike(outcome.cohort)).count() >= JOBS_MIN {
            precedents.retain(|outcome| is_alike(outcome.cohort));
            compared = Compared::Cohort;
        }
        let outcomes: Vec<_> = precedents.iter().map(|outcome| (outcome.matched, outcome.cost)).collect();
        let times = || precedents.iter().map(|outcome| outcome.at);
        let price = self.inner.settings.prices.of(route);
        let quoted = quote(price, ceiling, &estimate, &outcomes);
        let Estimate { questions, budget, .. } = estimate;
        Ok(Quoted {
            quote: quoted.map_err(|error| Error::Refused(Refusal::Amount(error)))?,
            cohort,
            compared,
            jobs: outcomes.len(),
            window: times().min().zip(times().max()),
            jobs_max: self.shards.len().saturating_mul(usize::from(KEPT)),
            price,
            questions,
            budget,
        })
    }
}
