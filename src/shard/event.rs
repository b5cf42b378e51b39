//! Events: what a command changed, as new values. Applying one twice, or over newer rows, changes nothing.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::due::{Due, WalletBook};
use super::introduction::Introduction;
use super::precedent::Precedent;
use super::session::Session;
use super::{Agent, Grant};
use crate::billing::lane::{Change, Claimant, ItemKey, LaneId, TxHash};
use crate::billing::{Account, Transfer};
use crate::job::{Hop, Spec, State};
use crate::types::{AgentId, DeliveryId, JobId, Network, SessionKey, Timestamp, TokenHash, UsageKeyId, Usd};

/// The key under which an idempotency key is looked up: a hash of the caller's scope and the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ScopedKey(pub u128);

/// What a caller's idempotency key stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyEntry {
    /// A hash of the request that came with it first.
    pub request: u128,
    /// What that request made.
    pub made: Made,
    /// When.
    pub at: Timestamp,
}

/// What a request under an idempotency key made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Made {
    /// A job.
    Job(JobId),
    /// A credit, and the balance after it.
    Credit {
        /// To whom.
        agent: AgentId,
        /// How much.
        amount: Usd,
        /// What could be spent right after.
        available: Usd,
    },
    /// An agent.
    Agent(AgentId),
    /// A usage key.
    UsageKey(AgentId, UsageKeyId),
    /// An `exact` payment's use.
    Payment(PaymentUse),
}

/// What an `exact` payment was claimed for, and what came of it: a repeat is told of that, whatever has happened since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentUse {
    /// Who is paid by it.
    pub claimant: Claimant,
    /// Where.
    pub network: Network,
    /// How much was signed.
    pub amount: Usd,
    /// How it ended; none while it is owed.
    pub end: Option<ClaimEnd>,
}

/// How a claimed payment ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClaimEnd {
    /// Booked.
    Settled {
        /// By this transaction.
        tx: TxHash,
        /// What the debtor owed right after; nothing for an agent.
        owed: Usd,
    },
    /// Never settled, and nothing was booked.
    Dead,
}

/// A callback that is still owed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Also the `webhook-id`.
    pub id: DeliveryId,
    /// When the event happened.
    pub created_at: Timestamp,
    /// Attempts so far, over all redeliveries: the number of the next log row.
    pub attempts: u16,
    /// Failures since it was (re)queued: where it stands in the schedule.
    pub failures: u16,
    /// Not before.
    pub next_at: Timestamp,
}

/// How an attempt at a callback went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttemptOutcome {
    /// Answered 2xx.
    Delivered,
    /// Failed; another follows.
    Failed,
    /// Failed for the last time.
    GivenUp,
    /// Answered 410: never again.
    Gone,
}

/// One attempt at a callback, for the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it was made.
    pub at: Timestamp,
    /// How it went.
    pub outcome: AttemptOutcome,
    /// The receiver's status, where it answered.
    pub status: Option<u16>,
    /// The class of failure, for operators: `timeout`, `refused`, …
    pub class: Box<str>,
    /// How long it took, in milliseconds.
    pub duration_ms: u32,
}

/// What an operator did, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorAct {
    /// When.
    pub at: Timestamp,
    /// Which act: `agent_created`, `credited`, …
    pub act: Box<str>,
    /// On what: an agent's or a job's id.
    pub subject: Box<str>,
    /// The operator's reason.
    pub reason: Box<str>,
}

/// A change of a shard's state, by its new value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A job was accepted, under this idempotency key if one was sent: the key's row goes when the job's does.
    JobOpened(Arc<Spec>, Option<ScopedKey>),
    /// A job moved.
    JobMoved(JobId, Box<State>),
    /// A job's hop of that number.
    HopAdded(JobId, u16, Arc<Hop>),
    /// An agent, whole.
    AgentPut(Box<Agent>),
    /// An agent's money.
    Balance {
        /// Whose.
        agent: AgentId,
        /// What it can spend.
        available: Usd,
        /// What is set aside.
        held: Usd,
    },
    /// A usage key's money.
    KeyUsed {
        /// Whose.
        agent: AgentId,
        /// Which.
        key: UsageKeyId,
        /// Cost of its ended jobs.
        spent: Usd,
        /// Held by its live jobs.
        held: Usd,
    },
    /// A token opens something, or nothing any more.
    TokenPut(TokenHash, Option<Grant>),
    /// The balance of an account that is nobody's.
    AccountPut(Account, Usd),
    /// Money moved.
    Posted(Transfer),
    /// An idempotency key stands for something.
    KeyPut(ScopedKey, KeyEntry),
    /// A callback is owed, or its schedule changed.
    OutboxPut(Delivery),
    /// A callback is no longer owed.
    OutboxGone(DeliveryId),
    /// An attempt at a callback was made.
    Attempted(DeliveryId, u16, Attempt),
    /// An operator did something.
    OperatorActed(OperatorAct),
    /// A job is in an agent's list, under this idempotency key if one was sent, and lives elsewhere.
    JobListed(AgentId, JobId, Option<ScopedKey>),
    /// An agent's shard has yet to hear of a job.
    IntroductionPut(Introduction),
    /// It has.
    IntroductionGone(JobId),
    /// A settlement is owed, or something was heard of it.
    DuePut(Box<Due>),
    /// A settlement is paid or dead for good.
    DueGone(ItemKey),
    /// How a wallet has behaved.
    WalletPut(Box<WalletBook>),
    /// What became of a lane.
    LaneMoved(LaneId, Vec<Change>),
    /// A session, whole.
    SessionPut(Box<Session>),
    /// A session is over, and its name may begin anew.
    SessionGone(SessionKey),
    /// What a job came to, for quotes and plans.
    PrecedentPut(Arc<Precedent>),
}
