//! Event callbacks: how one is signed, one attempt to deliver it, and when the next attempt is due.
//!
//! Every end of an attempt is an [`Outcome`], so there is no `Error` here. Deliberately absent: keeping the outbox, waiting,
//! and giving up, which are durable and so the shard's; and what the events say, which is the poll body.

pub mod delivery;
pub mod schedule;
pub mod signature;

pub use delivery::{Attempt, Deliverer, Delivery, Outcome};
pub use schedule::{AGE_MAX, next_attempt_after};

pub use crate::types::WebhookSecret;
