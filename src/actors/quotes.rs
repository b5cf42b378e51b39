//! What a job would cost: by its enricher's plan, and by what the node's last jobs of its route came to.

use super::api::Error;
use super::node::Node;
use crate::billing::Price;
use crate::billing::quote::{Estimate, JOBS_MIN, Question, Quote, quote};
use crate::shard::Refusal;
use crate::shard::precedent::{KEPT, Precedent};
use crate::types::payload::Cohort;
use crate::types::{Route, Timestamp, Usd};

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
    /// What a job would cost, from memory; nothing is held or kept.
    ///
    /// # Errors
    /// [`Error::Refused`] where a price leaves the range of money.
    pub fn quote(&self, route: Route, payload: &str, ceiling: Usd) -> Result<Quoted, Error> {
        let estimate = self.inner.enricher(route).map_or_else(Estimate::unknown, |enricher| enricher.estimate(payload));
        let cohort = Cohort::of(route, payload);
        let seen = |precedent: &Precedent| (precedent.cohort, precedent.at, (precedent.matched, precedent.cost));
        let mut precedents: Vec<_> = self.shards.iter().flat_map(|shard| shard.precedents(route, seen)).collect();
        let is_alike = |of: Option<Cohort>| cohort.is_some() && of == cohort;
        let mut compared = Compared::Route;
        if precedents.iter().filter(|(cohort, ..)| is_alike(*cohort)).count() >= JOBS_MIN {
            precedents.retain(|(cohort, ..)| is_alike(*cohort));
            compared = Compared::Cohort;
        }
        let outcomes: Vec<_> = precedents.iter().map(|(_, _, outcome)| *outcome).collect();
        let times = || precedents.iter().map(|(_, at, _)| *at);
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
