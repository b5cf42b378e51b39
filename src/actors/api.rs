//! What the edge asks of the node, and what it gets: plain values, no messages and no channels.

use std::sync::Arc;

use crate::billing::Transfer;
use crate::job::{Job, Status};
use crate::shard::{Agent, Attempt, Delivery, Grant, Refusal, UsageKey};
use crate::types::{AgentId, DeliveryId, JobId, Route, SessionCall, Timestamp, Token, Usd};

/// An idempotency key as it came with a request.
#[derive(Debug, Clone)]
pub struct IdempotencyKey {
    /// The header's text.
    pub key: String,
    /// A hash of the raw request: method, path and body.
    pub request: u128,
}

/// A job to be accepted. Everything is validated.
#[derive(Debug, Clone)]
pub struct Order {
    /// Who orders.
    pub caller: Grant,
    /// What.
    pub route: Route,
    /// The route's body, as JSON text.
    pub payload: Box<str>,
    /// The most that it may cost.
    pub ceiling: Usd,
    /// Where its end is told.
    pub callback_url: Option<Box<str>>,
    /// The buyer's own pairs.
    pub metadata: Box<[(Box<str>, Box<str>)]>,
    /// The caller's key.
    pub key: Option<IdempotencyKey>,
    /// The session that it is a call of.
    pub session: Option<SessionCall>,
}

/// An accepted job.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// The job; on a replay as it is now.
    pub job: Arc<Job>,
    /// The key had made it already.
    pub replayed: bool,
}

/// A usage key to be made.
#[derive(Debug, Clone)]
pub struct NewUsageKey {
    /// The agent's name for it.
    pub label: Box<str>,
    /// The most that its jobs may cost in all.
    pub spend_cap: Option<Usd>,
    /// Unknown from then on.
    pub expires_at: Option<Timestamp>,
    /// The caller's key.
    pub key: Option<IdempotencyKey>,
}

/// A made usage key.
#[derive(Debug, Clone)]
pub struct MadeUsageKey {
    /// What is kept of it.
    pub key: UsageKey,
    /// The key itself, shown once: absent on a replay.
    pub token: Option<Token>,
}

/// A made agent.
#[derive(Debug, Clone)]
pub struct MadeAgent {
    /// What is kept of it.
    pub agent: Agent,
    /// Its bearer, shown once: absent on a replay.
    pub token: Option<Token>,
}

/// A credit that was booked.
#[derive(Debug, Clone, Copy)]
pub struct Credited {
    /// What could be spent right after it.
    pub available: Usd,
    /// How much was credited.
    pub amount: Usd,
    /// The key had booked it already.
    pub replayed: bool,
}

/// Which jobs of a list.
#[derive(Debug, Clone, Copy, Default)]
pub struct JobFilter {
    /// Only in this status.
    pub status: Option<Status>,
    /// Only of this route.
    pub route: Option<Route>,
}

/// All there is to know of a job, for operators.
#[derive(Debug, Clone)]
pub struct JobFile {
    /// The job.
    pub job: Arc<Job>,
    /// Its transfers, oldest first.
    pub transfers: Vec<Transfer>,
    /// Attempts at its callback, oldest first.
    pub attempts: Vec<(DeliveryId, u16, Attempt)>,
    /// The callback that is still owed.
    pub owed: Option<Delivery>,
}

/// A shard, for operators.
#[derive(Debug, Clone)]
pub struct ShardStatus {
    /// Its number.
    pub shard: u16,
    /// Under which ownership this node writes.
    pub epoch: u64,
    /// The last durable record.
    pub seq: u64,
    /// Jobs that have not ended.
    pub live_jobs: usize,
    /// Callbacks that are owed.
    pub callbacks_owed: usize,
    /// Rows that wait for a checkpoint.
    pub unwritten_rows: usize,
    /// Whether it answers.
    pub ready: bool,
    /// The node that holds it and for how many milliseconds more, where several share the store.
    pub holder: Option<(String, u64)>,
}

/// Why the node can't do it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The rules say no; nothing changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// No such job.
    #[error("no such job {0}")]
    NoJob(JobId),
    /// No such agent.
    #[error("no such agent {0}")]
    NoAgent(AgentId),
    /// More work is under way than the node takes on.
    #[error("too much work is under way")]
    Overloaded,
    /// The node is going down and takes no new work.
    #[error("the node is draining")]
    Draining,
    /// The disk is full.
    #[error("the disk is full")]
    StorageFull,
    /// The store or the shard can't be reached now; whether anything was done is unknown, and a repeat under the same key is safe.
    #[error("the store is unavailable")]
    Unavailable,
    /// The store holds what it must not hold.
    #[error("stored data can't be read: {0}")]
    Corrupt(String),
}
