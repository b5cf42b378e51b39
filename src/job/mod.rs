//! The job: what was asked, where it stands, and what may happen next.
//!
//! Pure. [`step()`] decides; whoever calls it makes the decision durable and only then carries it out. Deliberately
//! absent: running anything, timers, and balances (those are the shard's).
#![cfg_attr(not(test), deny(clippy::float_arithmetic, clippy::as_conversions))]

pub mod fair;
pub mod hop;
pub mod payment;
pub mod progress;
pub mod spec;
pub mod state;
pub mod step;
pub mod view;

pub use fair::FairQueue;
pub use hop::{Hop, HopOutcome};
pub use payment::{Hosted, Payment};
pub use progress::{FoundField, Progress};
pub use spec::{Billing, Buyer, Spec};
pub use state::{Bill, Failure, FailureCode, Job, State, Status};
pub use step::{Effect, Event, Rejection, Step, effects_of, step};
