//! What the node says, as problems.

use super::{Kind, Problem};
use crate::actors;
use crate::billing::x402::exposure::NoCredit;
use crate::job::Rejection;
use crate::shard::Refusal;

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::InsufficientBalance { available, wanted } => {
                Self::new(Kind::InsufficientBalance, format!("The ceiling is ${wanted}; ${available} can be spent."))
            }
            Refusal::SpendCap { left, wanted } => {
                Self::new(Kind::SpendCapReached, format!("The ceiling is ${wanted}; ${left} is left under the usage key's cap."))
            }
            Refusal::SessionBudget { budget, left, wanted } => Self::new(
                Kind::SessionBudgetExhausted,
                format!("The call may cost ${wanted}; ${left} of the session's ${budget} is neither spent nor held by its live calls."),
            ),
            Refusal::SessionBudgetFixed { budget, asked } => Self::new(
                Kind::SessionBudgetFixed,
                format!("Its first call named ${budget}, this one ${asked}; name the same or none, or begin another session."),
            ),
            Refusal::NoSession => {
                Self::new(Kind::SessionUnknown, "Name its budget in X-Session-Budget-Usd to begin it; one that is idle for a day is over.")
            }
            Refusal::TooManySessions => {
                Self::new(Kind::TooManySessions, "Go on in one that has begun; one that is idle for a day is over.")
            }
            Refusal::KeyReused => {
                Self::new(Kind::IdempotencyKeyReused, "The Idempotency-Key came with another path or body before; use a new one.")
            }
            Refusal::NoAgent => Self::new(Kind::AgentNotFound, "There is no such agent, or it is disabled."),
            Refusal::NoUsageKey => Self::new(Kind::UsageKeyNotFound, "The agent has no usage key of that id."),
            Refusal::TooManyUsageKeys => Self::new(Kind::TooManyUsageKeys, "Revoke one that is not needed any more."),
            // Only live jobs are asked to change, so one that is not among them has ended.
            Refusal::NoJob | Refusal::Job(Rejection::Ended) => Self::new(Kind::JobEnded, "Nothing about it can change any more."),
            Refusal::NoCallback => Self::new(Kind::NoCallback, "It was submitted without a callback_url, or has not ended."),
            Refusal::Job(Rejection::OutOfOrder(status)) => {
                Self::new(Kind::JobState, format!("The job is {}; look at it again.", status.as_str()))
            }
            Refusal::NoCredit(why @ NoCredit::InDebt { .. }) => Self::new(Kind::PayerInDebt, format!("Pay them first: {why}.")),
            Refusal::NoCredit(why @ (NoCredit::Beyond { .. } | NoCredit::Alone { .. } | NoCredit::Paused { .. })) => {
                Self::new(Kind::ExposureLimit, format!("Nothing was claimed: {why}."))
            }
            Refusal::NoDebt => Self::new(Kind::WalletNotInDebt, "There is nothing to pay."),
            Refusal::OtherDebt { owed, offered } => {
                Self::new(Kind::WalletNotInDebt, format!("The wallet owes ${owed}; ${offered} was offered. Ask for the amount again."))
            }
            // Only an operator asks about one by its job.
            Refusal::NoDue => Self::new(Kind::JobEnded, "Nothing is owed for it."),
            Refusal::Lane(_) | Refusal::LookAgain | Refusal::Job(Rejection::OtherBilling | Rejection::Amount(_)) | Refusal::Amount(_) => {
                tracing::error!(%refusal, "the node refused what it should have handled");
                Self::internal()
            }
        }
    }
}

impl From<actors::Error> for Problem {
    fn from(error: actors::Error) -> Self {
        match error {
            actors::Error::Refused(refusal) => refusal.into(),
            actors::Error::NoJob(_) => Self::job_not_found(),
            actors::Error::NoAgent(_) => Self::new(Kind::AgentNotFound, "There is no agent of that id."),
            actors::Error::Overloaded => Self::new(Kind::Overloaded, "Nothing was changed; try again in a moment."),
            actors::Error::Draining => Self::new(Kind::Draining, "Nothing was changed; this server is going down."),
            actors::Error::StorageFull => Self::new(Kind::StorageFull, "Nothing was changed; jobs under way go on."),
            actors::Error::Unavailable => Self::new(
                Kind::StoreUnavailable,
                "Whether anything was done is unknown; a repeat under the same Idempotency-Key does it once at most.",
            ),
            actors::Error::Corrupt(ref what) => {
                tracing::error!(what, "stored data can't be read");
                Self::internal()
            }
        }
    }
}
