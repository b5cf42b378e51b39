//! One attempt at a job: every vendor call goes through [`Run::hop`].

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::job::{Hop, HopOutcome, Progress};
use crate::types::{Timestamp, Usd};

/// Makes a hop durable. The job's actor is behind it.
#[async_trait::async_trait]
pub trait Journal: Send + Sync {
    /// Returns once the hop is on disk; the next vendor isn't called before.
    ///
    /// # Errors
    /// [`JournalError`] where the job is no longer this attempt's to write.
    async fn record(&self, hop: Hop) -> Result<(), JournalError>;

    /// Shows how far the run is to whoever polls. Not durable, and nobody waits for it: a resumed run tells it again.
    fn show(&self, _progress: Progress) {}
}

/// Whether a dear step may be made: a payer who only signed a maximum may be gone by then.
#[async_trait::async_trait]
pub trait Gate: Send + Sync {
    /// Asked right before the step. Where nobody knows, it is closed.
    async fn is_open(&self) -> bool;
}

/// A step that may cost more than this is dear, in micro-dollars (architecture.md 6).
pub const DEAR: Usd = Usd::from_micros(20_000);

/// The hop was not recorded: the store is down, or the job has ended or moved meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the job can't be written now")]
pub struct JournalError;

/// Why no further hop is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// The hop's maximal cost doesn't fit into what is left of the ceiling.
    #[error("the budget is used up")]
    Budget,
    /// The run's time is over.
    #[error("the deadline has come")]
    Deadline,
    /// The buyer or an operator cancelled.
    #[error("the job was cancelled")]
    Cancelled,
    /// The payer could not be found able to pay.
    #[error("the payer can not pay any more")]
    Insolvent,
}

/// A vendor call about to be made.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The vendor's name.
    pub tool: &'static str,
    /// The whole request in one canonical text; equal requests of one job share one hop.
    pub request: &'a str,
    /// The most that it can cost. The call isn't made where this doesn't fit.
    pub cost_max: Usd,
    /// How long to wait for the answer.
    pub timeout: Duration,
}

/// A vendor's answer with its price by our own sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<T> {
    /// What it said; `None` where it has nothing.
    pub value: Option<T>,
    /// At most the call's `cost_max`, and clamped to it.
    pub cost: Usd,
}

/// What a run may do, what it has done, and the hops that earlier attempts recorded.
pub struct Run {
    journal: Arc<dyn Journal>,
    clock: Arc<dyn Clock>,
    recorded: HashMap<u128, Hop>,
    /// Those of them, and of the new ones, that this attempt has come to.
    told: HashSet<u128>,
    budget: Usd,
    spent: Usd,
    /// What those cost that it has come to.
    so_far: Usd,
    deadline: Instant,
    cancel: CancellationToken,
    gate: Option<Arc<dyn Gate>>,
    stopped: Option<Stop>,
    answered_at: Timestamp,
    vendors_failed: u32,
    vendors_answered: u32,
}

/// Everything a run starts from.
pub struct RunSettings {
    /// Where hops are recorded.
    pub journal: Arc<dyn Journal>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Hops of earlier attempts at this job.
    pub recorded: Vec<Hop>,
    /// The ceiling on what the hops may cost in all.
    pub budget: Usd,
    /// When to come back with what there is. Monotonic: a step of the wall clock ends no run (safety.md D-8, F-N4).
    pub deadline: Instant,
    /// Fires when the job is cancelled.
    pub cancel: CancellationToken,
    /// Asked before each dear step, where the payer is trusted no further.
    pub gate: Option<Arc<dyn Gate>>,
}

impl Run {
    /// A new attempt.
    pub fn new(settings: RunSettings) -> Self {
        let RunSettings { journal, clock, recorded, budget, deadline, cancel, gate } = settings;
        // Saturating at the top keeps the budget closed where recorded costs make no sense.
        let spent = recorded.iter().try_fold(Usd::ZERO, |sum, hop| sum.plus(hop.cost)).unwrap_or(budget);
        let recorded = recorded.into_iter().map(|hop| (hop.fingerprint, hop)).collect();
        Self {
            journal,
            clock,
            recorded,
            told: HashSet::new(),
            budget,
            spent,
            so_far: Usd::ZERO,
            deadline,
            cancel,
            gate,
            stopped: None,
            answered_at: Timestamp::default(),
            vendors_failed: 0,
            vendors_answered: 0,
        }
    }

    /// What the hops cost, all of earlier attempts included: what the job is charged for.
    pub fn spent(&self) -> Usd {
        self.spent
    }

    /// What the hops cost that this attempt has come to, recorded or new. At the same place in the story it is the same in
    /// every attempt, so whatever is decided by it is decided alike.
    pub fn so_far(&self) -> Usd {
        self.so_far
    }

    /// Lowers the budget; never raises it.
    pub fn limit(&mut self, budget: Usd) {
        self.budget = self.budget.min(budget);
    }

    /// Shows how far the run is.
    pub fn show(&self, progress: Progress) {
        self.journal.show(progress);
    }

    /// What `make` says on the first attempt, and on each later one too: for what a run decides by, yet doesn't follow from
    /// the payload and the vendors' answers. Free, and on record before it is used.
    ///
    /// # Errors
    /// It could not be recorded.
    pub async fn pinned<T: Serialize + DeserializeOwned>(
        &mut self,
        name: &str,
        make: impl FnOnce() -> T + Send,
    ) -> Result<T, JournalError> {
        let fingerprint = fingerprint(Hop::NOTE, name);
        if let Some(value) = self.recorded.get(&fingerprint).and_then(|hop| serde_json::from_str(&hop.answer).ok()) {
            return Ok(value);
        }
        let value = make();
        let answer = serde_json::to_string(&value).unwrap_or_default().into();
        let (tool, outcome, at) = (Hop::NOTE.into(), HopOutcome::Found, self.clock.now());
        let hop = Hop { tool, fingerprint, cost: Usd::ZERO, outcome, answer, at };
        self.journal.record(hop.clone()).await?;
        self.recorded.insert(fingerprint, hop);
        Ok(value)
    }

    /// What is left of the budget at this place in the story: to plan by. A call that is really made is held against what has been
    /// spent in all.
    pub fn left(&self) -> Usd {
        self.budget.minus(self.so_far).unwrap_or(Usd::ZERO)
    }

    /// Why the run had to stop, if it had to.
    pub fn stopped(&self) -> Option<Stop> {
        self.stopped
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// When the latest hop's answer was there: for `fetched_at` and the like. A replayed hop keeps the time of the attempt
    /// that paid for it, so a resumed run comes to the same result to the byte.
    pub fn answered_at(&self) -> Timestamp {
        self.answered_at
    }

    /// Whether vendors were asked and every one of them failed.
    pub fn all_vendors_failed(&self) -> bool {
        self.vendors_failed > 0 && self.vendors_answered == 0
    }

    /// Makes one vendor call, or takes its answer from the record of an earlier attempt.
    ///
    /// `Ok(Ok(None))` is a vendor that had nothing, `Ok(Err(message))` a call that failed (recorded, costs nothing, and is
    /// not made again by a resumed run), `Err(Stop)` a call that wasn't made, or that the deadline or a cancel cut short:
    /// nothing is recorded of it, and nobody pays for it but us.
    ///
    /// # Errors
    /// The outer error is fatal for this attempt: the hop could not be recorded.
    pub async fn hop<T, F>(&mut self, call: Call<'_>, work: F) -> Result<Result<Result<Option<T>, String>, Stop>, JournalError>
    where
        T: Serialize + DeserializeOwned,
        F: Future<Output = Result<Answer<T>, String>>,
    {
        let fingerprint = fingerprint(call.tool, call.request);
        if let Some(hop) = self.recorded.get(&fingerprint) {
            let (outcome, at, cost, value) = (hop.outcome, hop.at, hop.cost, replay(hop));
            if self.told.insert(fingerprint) {
                self.so_far = self.so_far.plus(cost).unwrap_or(self.budget);
            }
            self.count(outcome);
            self.answered_at = at;
            return Ok(Ok(value));
        }
        if let Err(stop) = self.may_call(call.cost_max) {
            self.stopped = Some(stop);
            return Ok(Err(stop));
        }
        if call.cost_max > DEAR
            && let Some(gate) = &self.gate
            && !gate.is_open().await
        {
            self.stopped = Some(Stop::Insolvent);
            return Ok(Err(Stop::Insolvent));
        }
        let outcome = tokio::select! {
            biased;
            () = self.cancel.cancelled() => {
                self.stopped = Some(Stop::Cancelled);
                return Ok(Err(Stop::Cancelled));
            }
            outcome = tokio::time::timeout(self.time_for(call.timeout), work) => outcome,
        };
        let answered = match outcome {
            Ok(Ok(answer)) => serde_json::to_string(&answer.value).map(|text| (answer, text)).map_err(|error| error.to_string()),
            Ok(Err(message)) => Err(message),
            Err(_elapsed) if self.past_deadline() => {
                // Our time was up, not the vendor's: it has neither answered nor failed.
                self.stopped = Some(Stop::Deadline);
                return Ok(Err(Stop::Deadline));
            }
            Err(_elapsed) => Err("timed out".to_owned()),
        };
        let at = self.clock.now();
        let tool = Box::from(call.tool);
        let (hop, value) = match answered {
            Ok((answer, text)) => {
                let outcome = if answer.value.is_some() { HopOutcome::Found } else { HopOutcome::Nothing };
                let cost = answer.cost.min(call.cost_max).max(Usd::ZERO); // A negative cost would open the budget.
                (Hop { tool, fingerprint, cost, outcome, answer: text.into(), at }, Ok(answer.value))
            }
            Err(message) => {
                // Kept as JSON like an answer, so that a resumed run tells the same story.
                let text = serde_json::to_string(&message).unwrap_or_default();
                (Hop { tool, fingerprint, cost: Usd::ZERO, outcome: HopOutcome::Failed, answer: text.into(), at }, Err(message))
            }
        };
        self.count(hop.outcome);
        self.spent = self.spent.plus(hop.cost).unwrap_or(self.budget);
        self.so_far = self.so_far.plus(hop.cost).unwrap_or(self.budget);
        self.told.insert(fingerprint);
        self.answered_at = hop.at;
        self.journal.record(hop.clone()).await?;
        self.recorded.insert(fingerprint, hop); // Equal requests share one hop within an attempt too.
        Ok(Ok(value))
    }

    fn may_call(&self, cost_max: Usd) -> Result<(), Stop> {
        if self.cancel.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        if self.past_deadline() {
            return Err(Stop::Deadline);
        }
        if cost_max > self.budget.minus(self.spent).unwrap_or(Usd::ZERO) {
            return Err(Stop::Budget);
        }
        Ok(())
    }

    fn past_deadline(&self) -> bool {
        self.deadline <= Instant::now()
    }

    fn time_for(&self, timeout: Duration) -> Duration {
        timeout.min(self.deadline.saturating_duration_since(Instant::now()))
    }

    fn count(&mut self, outcome: HopOutcome) {
        let counter = match outcome {
            HopOutcome::Failed => &mut self.vendors_failed,
            HopOutcome::Found | HopOutcome::Nothing => &mut self.vendors_answered,
        };
        *counter = counter.saturating_add(1);
    }
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run")
            .field("budget", &self.budget)
            .field("spent", &self.spent)
            .field("stopped", &self.stopped)
            .finish_non_exhaustive()
    }
}

fn fingerprint(tool: &str, request: &str) -> u128 {
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    hasher.update(tool.as_bytes());
    hasher.update(&[0]);
    hasher.update(request.as_bytes());
    hasher.digest128()
}

fn replay<T: DeserializeOwned>(hop: &Hop) -> Result<Option<T>, String> {
    match hop.outcome {
        HopOutcome::Found | HopOutcome::Nothing => serde_json::from_str(&hop.answer).map_err(|error| error.to_string()),
        HopOutcome::Failed => Err(serde_json::from_str(&hop.answer).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests;
