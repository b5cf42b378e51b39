//! `enrich/lead-session`: complete a CRM record in rounds.
//!
//! A round looks at what the record lacks, chooses the next questions by expected gain per cost ([`plan`]) or lets a language
//! model choose (`converse`), asks, and merges. The record's own values are never overwritten: what sources say instead stands
//! beside them. A session ends when nothing is lacking, or out of rounds, out of budget, or when nothing that could be asked
//! promises anything; its last round says which. The same agent's identical session is answered again by what the first one came to
//! (`again`).

mod again;
mod converse;
mod estimate;
mod fields;
mod gains;
mod grounds;
pub mod plan;
mod record;
mod result;
mod session;
mod summary;
mod toolbox;
mod want;
mod weigh;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use gains::GainTable;
pub use want::{Ask, Want};

use self::again::Same;
use self::gains::lesson;
use self::plan::{Choice, LACKING_MIN, Purse, Target, choose};
use self::session::{Round, Session};
use super::research::Tools;
use super::{Enricher, Error, Found, Run, Stop};
use crate::billing::quote::Estimate;
use crate::job::{Lessons, Progress};
use crate::types::payload::LeadMode;
use crate::types::{LeadPayload, Route, Usd};

/// What sessions have learned, shared by all of a node: the sum of the lessons that count now. A clone is a pointer.
#[derive(Debug, Clone, Default)]
pub struct Experience(Arc<Mutex<GainTable>>);

impl Experience {
    /// What is expected now.
    pub fn snapshot(&self) -> GainTable {
        self.table().clone()
    }

    fn table(&self) -> MutexGuard<'_, GainTable> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name under which a session's table is on record; ends with [`GainTable::VERSION`].
const PINNED: &str = "gains.1";

/// The enricher of `enrich/lead-session`.
#[derive(Debug, Clone)]
pub struct LeadSession {
    tools: Tools,
    experience: Experience,
}

impl LeadSession {
    /// Asks these vendors, and plans by this experience.
    pub fn new(tools: Tools, experience: Experience) -> Self {
        Self { tools, experience }
    }

    /// Rounds by expected gain per cost. What is learned counts for later sessions only: this one goes on by the table that it
    /// began with, which is on record, so that a resumed run takes the same way.
    async fn by_gain(&self, session: &mut Session<'_>, run: &mut Run, table: &GainTable) -> Result<(), Error> {
        let rounds_max = usize::try_from(session.payload.max_rounds).unwrap_or(1);
        while session.rounds.len() < rounds_max {
            let known = session.known();
            let candidates = session.candidates(&known);
            let actions = match choose(&candidates, &known.lack, table, session.purse(run), session.reach(&candidates)) {
                Choice::Ask(actions) => actions,
                Choice::Complete => return session.stop("complete"),
                Choice::Budget => return session.stop("budget"),
                Choice::NoGain => {
                    session.has_declined |= !candidates.is_empty();
                    return session.stop("no_gain");
                }
            };
            let spent = run.so_far();
            let mut round = Round { tools: Vec::new(), found: Vec::new(), cost: Usd::ZERO, stopped_because: None };
            let mut before = known.lack;
            for action in actions {
                round.tools.push(session.act(run, &action).await?);
                if run.stopped().is_some() {
                    break;
                }
                let after = session.known().lack;
                // A list of pages says nothing itself, so it isn't what a front page brings.
                if !matches!(action.target, Target::Sitemap(_)) {
                    run.learned(GainTable::VERSION, lesson(action.ask, &before, &after));
                }
                before = after;
            }
            round.cost = run.so_far().minus(spent).unwrap_or(Usd::ZERO);
            let fresh = known.lack.iter().zip(&before).filter(|((_, lacked), (_, lacks))| *lacked >= LACKING_MIN && lacks < lacked);
            round.found = fresh.map(|((want, _), _)| want.key()).collect();
            session.rounds.push(round);
            session.show(run);
            if let Some(stop) = run.stopped() {
                return session.stop(reason(stop));
            }
        }
        session.stop("rounds")
    }
}

impl LeadSession {
    /// Rounds that the model chooses; where it can't be asked, rounds by expected gain, so that a session never comes to nothing
    /// for want of it.
    async fn by_model(&self, session: &mut Session<'_>, run: &mut Run, table: &GainTable) -> Result<(), Error> {
        match (session.converse(run).await?, run.stopped()) {
            (_, Some(stop)) => session.stop(reason(stop)),
            (Some(because), None) => session.stop(because),
            (None, None) => self.by_gain(session, run, table).await,
        }
    }
}

/// Why a run had to stop, in the words of the result.
fn reason(stop: Stop) -> &'static str {
    match stop {
        Stop::Budget => "budget",
        Stop::Deadline => "deadline",
        Stop::Cancelled => "cancelled",
        Stop::Insolvent => "insolvent",
    }
}

#[async_trait::async_trait]
impl Enricher for LeadSession {
    fn route(&self) -> Route {
        Route::LeadSession
    }

    fn estimate(&self, payload: &str) -> Estimate {
        let payload = LeadPayload::parse(payload).ok();
        payload.and_then(|payload| estimate::estimate(&self.tools, &payload).ok()).unwrap_or_else(Estimate::unknown)
    }

    async fn run(&self, payload: &str, run: &mut Run) -> Result<Found, Error> {
        let payload = LeadPayload::parse(payload).map_err(|faults| {
            let first = faults.into_iter().next().map_or_else(String::new, |fault| format!("{}: {}", fault.pointer, fault.detail));
            Error::Payload(serde::de::Error::custom(first))
        })?;
        if let Some(budget) = payload.budget_usd {
            run.limit(budget);
        }
        let same = Same::of(&payload, &self.tools, run.budget());
        if let Some(found) = same.recalled(&payload, run).await? {
            return Ok(found);
        }
        // By its version: what an earlier build has pinned in another shape is no table of ours.
        let table = run.pinned(PINNED, || self.experience.snapshot()).await?;
        let mode = payload.mode;
        let mut session = Session::new(&self.tools, payload);
        session.warm_up(run).await?;
        session.show(run);
        match mode {
            LeadMode::Waterfall => self.by_gain(&mut session, run, &table).await?,
            LeadMode::Llm => self.by_model(&mut session, run, &table).await?,
            LeadMode::Auto => {
                self.by_gain(&mut session, run, &table).await?;
                // What the cheap questions left open, the model may find.
                let is_open = session.known().lack.iter().any(|(_, percent)| *percent >= LACKING_MIN);
                if is_open && session.stopped_because == Some("no_gain") && self.tools.llm.is_some() {
                    self.by_model(&mut session, run, &table).await?;
                }
            }
        }
        session.conclude(run, &same)
    }

    fn learn(&self, lessons: &Lessons) {
        self.experience.table().learn(lessons);
    }

    fn forget(&self, lessons: &Lessons) {
        self.experience.table().forget(lessons);
    }
}

impl Session<'_> {
    /// What the session may spend, what is left of it, and how carefully.
    fn purse(&self, run: &Run) -> Purse {
        let record = &self.record;
        let says = |want: &Want| record.value(*want).is_some();
        let by_name_alone = record.domain().is_none() && ![Want::Phone, Want::Street, Want::City, Want::State, Want::Zip].iter().any(says);
        Purse { budget: run.budget(), left: run.left(), by_name_alone }
    }

    /// Notes why there is no further round, with the last one.
    #[allow(clippy::unnecessary_wraps, reason = "it is the last word of a plan that can fail")]
    fn stop(&mut self, because: &'static str) -> Result<(), Error> {
        if let Some(round) = self.rounds.last_mut() {
            round.stopped_because = Some(because);
        }
        self.stopped_because = Some(because);
        Ok(())
    }

    fn show(&self, run: &Run) {
        let rounds_done = u32::try_from(self.rounds.len()).unwrap_or(u32::MAX);
        let rounds_max = u32::try_from(self.payload.max_rounds).unwrap_or(0);
        run.show(Progress { rounds_done, rounds_max, found: self.found_so_far() });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;
    use crate::enrich::fixture::Book;
    use crate::enrich::vendors::directory::{Directory, DirectorySettings, import};

    const QUESTION: i64 = 10_000;

    /// The lesser of what a lead names and what its job may cost bounds its hops, to the micro-dollar.
    #[tokio::test]
    async fn a_budget_and_a_ceiling_both_hold() {
        let dir = tempfile::tempdir().unwrap();
        import(&b"name,city,state,phone\nAcme Corp,Tampa,FL,+1 813 555 0142\n"[..], dir.path(), true).unwrap();
        let (cost, timeout) = (Usd::from_micros(QUESTION), Duration::from_secs(10));
        let directory = Directory::new(DirectorySettings { dir: dir.path().to_owned(), cost, timeout });
        let session = LeadSession::new(Tools { directory: Some(directory), ..Tools::default() }, Experience::default());
        for (budget, ceiling, asked) in [
            (None, QUESTION, 1),
            (None, QUESTION - 1, 0),
            (Some("0.01"), 50 * QUESTION, 1),
            (Some("0.009999"), 50 * QUESTION, 0),
            (Some("0.5"), QUESTION - 1, 0),
        ] {
            let mut payload = json!({"lead": {"company": "Acme Corp", "city": "Tampa", "state": "FL"}});
            if let Some(budget) = budget {
                payload["budget_usd"] = json!(budget);
            }
            let book = Book::default();
            let found = session.run(&payload.to_string(), &mut book.run(ceiling)).await.unwrap();
            let hops = book.hops().iter().filter(|hop| !hop.is_note()).count();
            assert_eq!((hops, found.matched), (asked, asked > 0), "{budget:?} {ceiling}");
            let result: Value = serde_json::from_str(&found.result).unwrap();
            assert_eq!(result["rounds"].as_array().unwrap().len(), asked, "{result}");
            assert!(asked > 0 || result["stopped_because"] == "budget", "{result}");
        }
    }
}
