//! One shard's live state: the commands that change it, the events that record the changes, and how both become bytes.
//!
//! Pure: commands come in with the time and the ids they need, and what goes out is events. Deliberately absent: the
//! append itself, replies, timers (those are the actors').
#![cfg_attr(not(test), deny(clippy::float_arithmetic, clippy::as_conversions))]

pub mod agent;
mod agent_commands;
pub mod audit;
pub mod codec;
pub mod command;
mod deliveries;
pub mod due;
pub mod event;
pub mod group;
pub mod history;
pub mod introduction;
pub mod load;
mod paid_audit;
mod paid_commands;
pub mod precedent;
pub mod row;
pub mod session;
mod session_audit;
pub mod state;
mod unsettled;

pub use agent::{Agent, Grant, UsageKey};
pub use codec::CodecError;
pub use command::{Command, Refusal, Reply, RequestKey};
pub use due::{Credit, Debt, Due, WalletBook};
pub use event::{Attempt, AttemptOutcome, ClaimEnd, Delivery, Event, KeyEntry, Made, OperatorAct, PaymentUse, ScopedKey};
pub use group::{Group, Unwritten};
pub use introduction::Introduction;
pub use load::Loader;
pub use precedent::{Precedent, Precedents};
pub use row::{Row, Table};
pub use session::Session;
pub use state::Shard;

#[cfg(test)]
#[allow(clippy::cast_sign_loss, reason = "amounts of a test are small and positive")]
mod tests;
