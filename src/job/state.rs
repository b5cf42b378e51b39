//! Where a job stands.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Billing, Hop, Spec};
use crate::billing::lane::TxHash;
use crate::types::{Timestamp, Usd};

/// A job moves forward only (safety.md I-11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Status {
    /// Accepted and paid for; waits for a slot.
    Queued,
    /// Vendors are being asked.
    Running,
    /// The run is over; billing isn't.
    Completing,
    /// Over, with a result.
    Completed,
    /// Over, without one.
    Failed,
}

impl Status {
    /// All of them, in order.
    pub const ALL: [Self; 5] = [Self::Queued, Self::Running, Self::Completing, Self::Completed, Self::Failed];

    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Completing => "completing",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }

    /// Nothing can change any more.
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }
}

/// Why a job failed, as its `error.code` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FailureCode {
    /// No vendor could be asked.
    VendorUnavailable,
    /// It waited or ran out of its time and had found nothing.
    TimedOut,
    /// The buyer cancelled it.
    Cancelled,
    /// The payer could no longer pay.
    PayerInsolvent,
    /// The charge could not be settled.
    SettlementFailed,
    /// Ours.
    Internal,
}

impl FailureCode {
    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VendorUnavailable => "VENDOR_UNAVAILABLE",
            Self::TimedOut => "TIMED_OUT",
            Self::Cancelled => "CANCELLED",
            Self::PayerInsolvent => "PAYER_INSOLVENT",
            Self::SettlementFailed => "SETTLEMENT_FAILED",
            Self::Internal => "INTERNAL",
        }
    }
}

/// Why a job fails, and in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The stable code.
    pub code: FailureCode,
    /// For a person.
    pub message: Box<str>,
}

/// What was decided about the money when the run was over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bill {
    /// What the buyer pays.
    pub charged: Usd,
    /// What goes back from the hold; nothing was held for `upto`.
    pub refunded: Option<Usd>,
}

/// What changes about a job. Small, for it is written at every move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Where it stands.
    pub status: Status,
    /// Counts every change, from 0.
    pub version: u32,
    /// How often the run crashed.
    pub crashes: u8,
    /// The buyer cancelled while it ran; the run is being stopped.
    pub cancel_requested: bool,
    /// Whether the result is a match, once the run is over.
    pub matched: bool,
    /// What the hops cost so far.
    pub cost: Usd,
    /// What the hold account of this job has.
    pub held: Usd,
    /// When it first got a slot.
    pub started_at: Option<Timestamp>,
    /// When the run was over.
    pub finished_at: Option<Timestamp>,
    /// When billing was done.
    pub ended_at: Option<Timestamp>,
    /// The money, once the run is over.
    pub bill: Option<Bill>,
    /// The transaction that settled an `upto` charge.
    pub settled_in: Option<TxHash>,
    /// Set where it fails or has failed.
    pub failure: Option<Failure>,
    /// What was found, as JSON text.
    pub result: Option<Arc<str>>,
}

/// A job: the order, where it stands, and what its vendors were asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The order.
    pub spec: Arc<Spec>,
    /// Where it stands.
    pub state: State,
    /// Every vendor call so far, in order.
    pub hops: Vec<Arc<Hop>>,
}

impl Job {
    /// A job that was just accepted.
    pub fn accepted(spec: Arc<Spec>) -> Self {
        let held = match spec.billing {
            Billing::Virtual { .. } => spec.ceiling,
            Billing::Upto { .. } => Usd::ZERO,
        };
        let state = State {
            status: Status::Queued,
            version: 0,
            crashes: 0,
            cancel_requested: false,
            matched: false,
            cost: Usd::ZERO,
            held,
            started_at: None,
            finished_at: None,
            ended_at: None,
            bill: None,
            settled_in: None,
            failure: None,
            result: None,
        };
        Self { spec, state, hops: Vec::new() }
    }

    /// Bytes that settle it may have been sent, so that its payment may be public (safety.md C10). True as soon as they may be.
    pub fn may_be_public(&self) -> bool {
        self.state.bill.is_some_and(|bill| !bill.charged.is_zero()) && matches!(self.spec.billing, Billing::Upto { .. })
    }

    /// It is over and owes nothing any more: paid, or free.
    pub fn is_settled(&self) -> bool {
        let failed = self.state.failure.as_ref().is_some_and(|failure| failure.code == FailureCode::SettlementFailed);
        self.state.status.is_ended() && !failed
    }

    /// When a run has to come back with what it has.
    pub fn run_deadline(&self) -> Option<Timestamp> {
        Some(self.state.started_at?.plus_millis(self.spec.run_ms))
    }
}
