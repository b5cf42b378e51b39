//! Precedents: what the last jobs of each route came to. Quotes are made from them, and lead sessions plan by what they taught.
//!
//! One is in the record that ends its job's run, and the last [`KEPT`] of each route are the shard's. So there is no write more
//! for it, a crash loses none that a buyer could know of, and what is known after a start is what was known before. It names
//! no job, no payer and nothing of payload or result: numbers alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::command::Refusal;
use super::event::Event;
use super::state::{Decision, Shard};
use crate::job::step::Event as JobEvent;
use crate::job::{Lessons, State};
use crate::types::payload::Cohort;
use crate::types::{JobId, Route, Timestamp, Usd};

/// How many of each route a shard keeps. All jobs of one payer are in one shard, so no payer can fill more than that.
pub const KEPT: u16 = 256;

/// What a job came to that went its way to the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Precedent {
    /// Of its route, in its shard, from 1.
    pub number: u64,
    /// What was done.
    pub route: Route,
    /// What kind of payload it had; none where that could not be told.
    pub cohort: Option<Cohort>,
    /// When its run ended.
    pub at: Timestamp,
    /// By the enricher's rule.
    pub matched: bool,
    /// What its hops cost.
    pub cost: Usd,
    /// What its run has learned.
    pub lessons: Lessons,
}

/// Where a precedent is kept: one of later number takes the place of one that is [`KEPT`] older.
pub type Place = (Route, u16);

impl Precedent {
    /// Where it is kept.
    pub fn place(&self) -> Place {
        let place = self.number.checked_rem(u64::from(KEPT)).and_then(|place| u16::try_from(place).ok());
        (self.route, place.unwrap_or(0))
    }
}

/// The last of each route.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Precedents {
    kept: BTreeMap<Place, Arc<Precedent>>,
    last: BTreeMap<Route, u64>,
}

/// What became of a precedent that was put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Put {
    /// It is there already, or a later one is.
    Known,
    /// It is new, and took the place of this one, if any.
    New(Option<Arc<Precedent>>),
}

impl Precedents {
    /// Keeps one. Putting it again, or after later ones, changes nothing.
    pub fn put(&mut self, precedent: &Arc<Precedent>) -> Put {
        let place = precedent.place();
        if self.kept.get(&place).is_some_and(|known| known.number >= precedent.number) {
            return Put::Known;
        }
        let last = self.last.entry(precedent.route).or_default();
        *last = precedent.number.max(*last);
        Put::New(self.kept.insert(place, Arc::clone(precedent)))
    }

    /// All that are kept.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Precedent>> {
        self.kept.values()
    }

    /// Those of a route.
    pub fn of(&self, route: Route) -> impl Iterator<Item = &Arc<Precedent>> {
        self.kept.range((route, 0)..=(route, u16::MAX)).map(|(_, precedent)| precedent)
    }

    /// The one in a place.
    pub fn get(&self, place: &Place) -> Option<&Arc<Precedent>> {
        self.kept.get(place)
    }

    /// The number of the next one.
    fn next(&self, route: Route) -> u64 {
        self.last.get(&route).copied().unwrap_or(0).saturating_add(1)
    }
}

impl Shard {
    /// What the last jobs came to.
    pub fn precedents(&self) -> &Precedents {
        &self.precedents
    }

    /// A run's end, and the precedent that it sets. A job that fails sets none: it says nothing of a price.
    pub(super) fn run_ended(&self, id: JobId, event: &JobEvent, cohort: Option<Cohort>, lessons: Lessons) -> Result<Decision, Refusal> {
        let mut decision = self.job_event(id, event, Vec::new())?;
        let route = self.job(&id).ok_or(Refusal::NoJob)?.spec.route;
        let ended = decision.events.iter().find_map(|event| if let Event::JobMoved(_, state) = event { Some(&**state) } else { None });
        if let Some(State { finished_at: Some(at), matched, cost, failure: None, .. }) = ended {
            let precedent =
                Precedent { number: self.precedents.next(route), route, cohort, at: *at, matched: *matched, cost: *cost, lessons };
            decision.events.push(Event::PrecedentPut(Arc::new(precedent)));
        }
        Ok(decision)
    }
}
