//! The job's machine: one pure function from a job and an event to what becomes of it.

use std::sync::Arc;

use super::{Bill, Billing, Failure, FailureCode, Hop, Job, State, Status};
use crate::billing::lane::TxHash;
use crate::billing::{Transfer, charge};
use crate::types::{OutOfRange, Timestamp, Usd};

/// After this many crashes of its run a job fails with `INTERNAL` and costs nothing (safety.md T-45).
pub const CRASHES_MAX: u8 = 3;

/// What happened. Time and everything random arrive in the event.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Event {
    /// The fair queue gave it a slot.
    SlotGranted {
        /// When.
        at: Timestamp,
    },
    /// A vendor answered or failed, and what it cost.
    HopRecorded {
        /// The call.
        hop: Arc<Hop>,
    },
    /// The run came to its end by itself, or at the ceiling.
    Finished {
        /// When.
        at: Timestamp,
        /// By the enricher's rule.
        matched: bool,
        /// JSON text.
        result: Arc<str>,
    },
    /// The run's time was over; this is what it had.
    DeadlineReached {
        /// When.
        at: Timestamp,
        /// By the enricher's rule.
        matched: bool,
        /// JSON text.
        result: Arc<str>,
    },
    /// No vendor could be asked.
    VendorFailed {
        /// When.
        at: Timestamp,
        /// For the buyer.
        message: Box<str>,
    },
    /// The run panicked or its actor died.
    Crashed {
        /// When.
        at: Timestamp,
    },
    /// An operator failed it.
    OperatorFailed {
        /// When.
        at: Timestamp,
        /// For the buyer.
        message: Box<str>,
    },
    /// An `upto` job waited too long for a slot.
    QueueTimedOut {
        /// When.
        at: Timestamp,
    },
    /// At a re-check the payer of an `upto` job could no longer pay.
    PayerInsolvent {
        /// When.
        at: Timestamp,
    },
    /// The buyer asked to cancel.
    CancelRequested {
        /// When.
        at: Timestamp,
    },
    /// The run stopped because it was cancelled.
    Cancelled {
        /// When.
        at: Timestamp,
        /// What it had found, as JSON text.
        partial: Option<Arc<str>>,
    },
    /// The money is where it belongs.
    Billed {
        /// When.
        at: Timestamp,
        /// By which transaction, where one was needed.
        tx: Option<TxHash>,
    },
    /// The charge of an `upto` job can't be settled; the debt is booked.
    SettleGivenUp {
        /// When.
        at: Timestamp,
    },
}

/// What has to be done once the step is durable. Each can be done twice without harm, and follows from the stored job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Effect {
    /// Put it into the fair queue.
    Enqueue,
    /// Run it, or go on with it after its last recorded hop.
    StartRun,
    /// Tell the run to stop and to hand over what it has.
    StopRun,
    /// See to the money.
    Bill,
    /// Tell whoever wants to know that it has ended.
    Announce,
}

/// What becomes of the job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The new state.
    pub state: State,
    /// The hop to add.
    pub hop: Option<Arc<Hop>>,
    /// The money to move, in order.
    pub transfers: Vec<Transfer>,
    /// What to do once this is durable.
    pub effects: Vec<Effect>,
}

/// Why the event can't happen to this job now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
pub enum Rejection {
    /// It has ended; nothing happens to it any more.
    #[error("the job has ended")]
    Ended,
    /// Not in this status.
    #[error("not possible while the job is {}", .0.as_str())]
    OutOfOrder(Status),
    /// The event belongs to the other way of paying.
    #[error("the event belongs to the other way of paying")]
    OtherBilling,
    /// A sum left the range of money. Ours.
    #[error(transparent)]
    Amount(#[from] OutOfRange),
}

/// Decides what an event does to a job, or says why it can't happen now. Pure: same job, same event, same answer.
///
/// The table is architecture.md 4. On virtual balance the money moves in the step that ends the run, so that what follows
/// ([`Event::Billed`]) changes no amount and can be committed with it (CP-10). What `upto` jobs owe is booked there too; that it
/// was paid, or never will be, is booked by the shard, which may learn of it long after the job has ended.
///
/// # Errors
/// See [`Rejection`].
#[allow(clippy::too_many_lines, reason = "one table; cut in pieces it could not be read against architecture.md")]
pub fn step(job: &Job, event: &Event) -> Result<Step, Rejection> {
    use Event as E;
    use Status as S;
    let status = job.state.status;
    match (status, event) {
        (S::Queued, E::SlotGranted { at }) => {
            let mut state = job.next();
            state.status = S::Running;
            state.started_at = Some(*at);
            Ok(Step::to(state).then(Effect::StartRun))
        }
        (S::Running, E::HopRecorded { hop }) => {
            let mut state = job.next();
            state.cost = state.cost.plus(hop.cost)?;
            Ok(Step { hop: Some(Arc::clone(hop)), ..Step::to(state) })
        }
        (S::Running, E::Finished { at, matched, result }) => finish(job, *at, *matched, result, None),
        (S::Running, E::DeadlineReached { at, matched, result }) => {
            let failure = (!matched).then(|| Failure::new(FailureCode::TimedOut, "the run reached its time limit and had found no match"));
            finish(job, *at, *matched, result, failure)
        }
        (S::Running, E::VendorFailed { at, message }) => fail(job, *at, Failure::new(FailureCode::VendorUnavailable, message)),
        (S::Running, E::Crashed { at }) => {
            let mut state = job.next();
            state.crashes = state.crashes.saturating_add(1);
            if state.crashes < CRASHES_MAX {
                return Ok(Step::to(state).then(Effect::StartRun));
            }
            let crashed = Job { state, ..job.clone() };
            fail(&crashed, *at, Failure::new(FailureCode::Internal, "the run failed repeatedly; nothing was charged"))
        }
        (S::Queued | S::Running, E::OperatorFailed { at, message }) => fail(job, *at, Failure::new(FailureCode::Internal, message)),
        (S::Queued, E::QueueTimedOut { at }) => {
            upto_only(job)?;
            fail(job, *at, Failure::new(FailureCode::TimedOut, "no slot was free in time"))
        }
        (S::Queued | S::Running, E::PayerInsolvent { at }) => {
            upto_only(job)?;
            fail(job, *at, Failure::new(FailureCode::PayerInsolvent, "the payer can no longer pay the signed maximum"))
        }
        (S::Queued, E::CancelRequested { at } | E::Cancelled { at, .. }) => fail(job, *at, Failure::cancelled()),
        (S::Running, E::CancelRequested { .. }) => {
            let mut state = job.next();
            state.cancel_requested = true;
            Ok(Step::to(state).then(Effect::StopRun))
        }
        (S::Running, E::Cancelled { at, partial }) => {
            // An `exact` payment is charged whole or not at all, and a cancelled call has no answer.
            let charge = if is_exact(job) { Usd::ZERO } else { job.state.cost.min(job.spec.ceiling) };
            end_run(job, *at, charge, partial.clone(), false, Some(Failure::cancelled()))
        }
        (S::Completing, E::Billed { at, tx }) => {
            let mut state = job.next();
            state.status = if state.failure.is_some() { S::Failed } else { S::Completed };
            state.ended_at = Some(*at);
            state.settled_in = *tx;
            Ok(Step::to(state).then(Effect::Announce))
        }
        (S::Completing, E::SettleGivenUp { at }) => {
            upto_only(job)?;
            let mut state = job.next();
            state.status = S::Failed;
            state.ended_at = Some(*at);
            state.failure = Some(Failure::new(FailureCode::SettlementFailed, "the charge could not be settled on-chain"));
            state.result = None;
            Ok(Step::to(state).then(Effect::Announce))
        }
        // What can't happen, by name: a new event has to be thought about here.
        (
            S::Queued,
            E::HopRecorded { .. }
            | E::Finished { .. }
            | E::DeadlineReached { .. }
            | E::VendorFailed { .. }
            | E::Crashed { .. }
            | E::Billed { .. }
            | E::SettleGivenUp { .. },
        )
        | (S::Running, E::SlotGranted { .. } | E::QueueTimedOut { .. } | E::Billed { .. } | E::SettleGivenUp { .. })
        | (
            S::Completing,
            E::SlotGranted { .. }
            | E::HopRecorded { .. }
            | E::Finished { .. }
            | E::DeadlineReached { .. }
            | E::VendorFailed { .. }
            | E::Crashed { .. }
            | E::OperatorFailed { .. }
            | E::QueueTimedOut { .. }
            | E::PayerInsolvent { .. }
            | E::CancelRequested { .. }
            | E::Cancelled { .. },
        ) => Err(Rejection::OutOfOrder(status)),
        (
            S::Completed | S::Failed,
            E::SlotGranted { .. }
            | E::HopRecorded { .. }
            | E::Finished { .. }
            | E::DeadlineReached { .. }
            | E::VendorFailed { .. }
            | E::Crashed { .. }
            | E::OperatorFailed { .. }
            | E::QueueTimedOut { .. }
            | E::PayerInsolvent { .. }
            | E::CancelRequested { .. }
            | E::Cancelled { .. }
            | E::Billed { .. }
            | E::SettleGivenUp { .. },
        ) => Err(Rejection::Ended),
    }
}

/// What a stored job needs done, whatever was under way when it was last seen: recovery starts from this.
pub fn effects_of(job: &Job) -> &'static [Effect] {
    match job.state.status {
        Status::Queued | Status::Running => &[Effect::Enqueue],
        Status::Completing => &[Effect::Bill],
        Status::Completed | Status::Failed => &[],
    }
}

fn finish(job: &Job, at: Timestamp, matched: bool, result: &Arc<str>, failure: Option<Failure>) -> Result<Step, Rejection> {
    let charge = if is_exact(job) {
        if matched { job.spec.ceiling } else { Usd::ZERO }
    } else {
        charge(job.spec.price, job.spec.ceiling, job.state.cost, matched)?
    };
    end_run(job, at, charge, Some(Arc::clone(result)), matched, failure)
}

/// Ends a run that costs the buyer nothing.
fn fail(job: &Job, at: Timestamp, failure: Failure) -> Result<Step, Rejection> {
    end_run(job, at, Usd::ZERO, None, false, Some(failure))
}

fn end_run(
    job: &Job,
    at: Timestamp,
    charged: Usd,
    result: Option<Arc<str>>,
    matched: bool,
    failure: Option<Failure>,
) -> Result<Step, Rejection> {
    let id = job.spec.id;
    let mut state = job.next();
    state.status = Status::Completing;
    state.finished_at = Some(at);
    state.matched = matched;
    state.failure = failure;
    state.result = result;
    let mut transfers = Vec::with_capacity(2);
    match job.spec.billing {
        Billing::Virtual { agent, .. } => {
            let refunded = job.state.held.minus(charged)?;
            if !charged.is_zero() {
                transfers.push(Transfer::capture(id, charged, at));
            }
            if !refunded.is_zero() {
                transfers.push(Transfer::release(id, agent, refunded, at));
            }
            state.held = Usd::ZERO;
            state.bill = Some(Bill { charged, refunded: Some(refunded) });
        }
        Billing::Upto { network, .. } => {
            if !charged.is_zero() {
                transfers.push(Transfer::claim(id, network, charged, at));
            }
            // Earned, and given up at once: the buyer is charged nothing, and nothing is settled (T-15).
            let is_waived = job.spec.payment.as_ref().is_some_and(|payment| payment.waives(charged));
            if is_waived {
                transfers.push(Transfer::waive(id, network, charged, at));
            }
            state.bill = Some(Bill { charged: if is_waived { Usd::ZERO } else { charged }, refunded: None });
        }
    }
    Ok(Step { state, hop: None, transfers, effects: vec![Effect::Bill] })
}

fn is_exact(job: &Job) -> bool {
    job.spec.payment.as_ref().is_some_and(|payment| payment.is_exact())
}

fn upto_only(job: &Job) -> Result<(), Rejection> {
    match job.spec.billing {
        Billing::Upto { .. } => Ok(()),
        Billing::Virtual { .. } => Err(Rejection::OtherBilling),
    }
}

impl Job {
    /// The state to change for the next step.
    fn next(&self) -> State {
        let mut state = self.state.clone();
        state.version = state.version.saturating_add(1);
        state
    }
}

impl Step {
    fn to(state: State) -> Self {
        Self { state, hop: None, transfers: Vec::new(), effects: Vec::new() }
    }

    fn then(mut self, effect: Effect) -> Self {
        self.effects.push(effect);
        self
    }
}

impl Failure {
    fn new(code: FailureCode, message: &str) -> Self {
        Self { code, message: message.into() }
    }

    fn cancelled() -> Self {
        Self::new(FailureCode::Cancelled, "the job was cancelled")
    }
}

#[cfg(test)]
#[path = "step_tests.rs"]
mod tests;
