//! What can be asked of a shard, and what it answers.

use std::sync::Arc;

use super::Agent;
use super::due::Credit;
use super::event::{Attempt, Delivery, KeyEntry, ScopedKey};
use super::introduction::Introduction;
use crate::billing::lane::{self, Claimant, ItemKey, LaneId, Notice, Outcome, Policy, TxHash};
use crate::billing::x402::exposure::NoCredit;
use crate::job::{self, Effect, Job, Lessons, Payment, Rejection, Spec};
use crate::types::payload::Cohort;
use crate::types::{AgentId, DeliveryId, JobId, Network, OutOfRange, Timestamp, TokenHash, UsageKeyId, Usd, Wallet};

/// An idempotency key as it came with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RequestKey {
    /// Where it is looked up.
    pub key: ScopedKey,
    /// A hash of the request.
    pub request: u128,
    /// The shard's [`super::Shard::generation`] when the caller looked for the key among the stored rows and found none.
    pub looked_up_at: u64,
}

/// An order to a shard. Ids, secrets' hashes and the time come in with it, so that deciding needs no luck and no clock.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub enum Command {
    /// Accept a job and hold its ceiling.
    Submit {
        /// The order.
        spec: Arc<Spec>,
        /// The caller's key, if one was sent.
        key: Option<RequestKey>,
    },
    /// Accept a job that a wallet pays for once it has run, and claim its payment.
    SubmitPaid {
        /// The order, with its payment.
        spec: Arc<Spec>,
        /// Under which the payment is claimed, once for ever.
        payment: RequestKey,
        /// The caller's key, if one was sent.
        key: Option<RequestKey>,
        /// What decides whether the payer gets credit.
        credit: Credit,
    },
    /// Claim an `exact` payment for somebody's benefit; it is due at once.
    ClaimExact {
        /// What was signed.
        payment: Arc<Payment>,
        /// Under which it is claimed, once for ever.
        claim: RequestKey,
        /// Who is paid by it.
        claimant: Claimant,
        /// What decides whether the payer gets credit.
        credit: Credit,
        /// When.
        at: Timestamp,
    },
    /// Put a job that a wallet pays for into the list of the agent who ordered it.
    Introduce {
        /// Which, and to whom.
        introduction: Introduction,
        /// What its key stands for among the rows, if it is there.
        row: Option<KeyEntry>,
        /// The shard's generation before that look.
        looked_up_at: u64,
    },
    /// The agent's shard has it.
    Introduced {
        /// Which.
        job: JobId,
    },
    /// Choose the lane that settles a due.
    AssignLane {
        /// Which due.
        key: ItemKey,
        /// Which lane.
        lane: LaneId,
    },
    /// A facilitator says that it settles a due in this transaction.
    Named {
        /// Which due.
        key: ItemKey,
        /// Which transaction.
        tx: TxHash,
    },
    /// A log on the chain proves that a due was paid: its transaction is mined.
    Proven {
        /// Which due.
        key: ItemKey,
        /// The log's transaction.
        tx: TxHash,
        /// The log's name as a key, and the due as its request: each log proves one payment.
        log: RequestKey,
        /// When.
        at: Timestamp,
    },
    /// Something was heard of a settlement.
    Heard {
        /// Which due.
        key: ItemKey,
        /// What.
        outcome: Outcome,
        /// When.
        at: Timestamp,
    },
    /// Credit an agent with what a wallet paid on a chain.
    Deposit {
        /// Whom.
        agent: AgentId,
        /// By which payment: also what makes a repeat harmless.
        payment: ItemKey,
        /// Where it was paid.
        network: Network,
        /// How much.
        amount: Usd,
        /// The payment's name again, as a key.
        key: RequestKey,
        /// When.
        at: Timestamp,
    },
    /// Forgive a wallet what it owes. What was written off stays written off.
    Forgive {
        /// Which.
        wallet: Wallet,
        /// Why.
        reason: Box<str>,
        /// When.
        at: Timestamp,
    },
    /// Log that an operator has a settlement tried again.
    RetrySettlement {
        /// For which job.
        job: JobId,
        /// Why.
        reason: Box<str>,
        /// When.
        at: Timestamp,
    },
    /// Log what an operator did that changes no shard.
    Log {
        /// Which act.
        act: Box<str>,
        /// On what.
        subject: Box<str>,
        /// Why.
        reason: Box<str>,
        /// When.
        at: Timestamp,
    },
    /// Something happened to a lane.
    Lane {
        /// Which.
        id: LaneId,
        /// What.
        event: Box<lane::Event>,
        /// How the lane behaves.
        policy: Policy,
    },
    /// Something happened to a job.
    Job {
        /// Which.
        id: JobId,
        /// What.
        event: job::Event,
    },
    /// A job's run has come to its end, and sets a precedent where it went its way.
    RunEnded {
        /// Which.
        id: JobId,
        /// How.
        event: job::Event,
        /// What kind of payload it has.
        cohort: Option<Cohort>,
        /// What it has learned.
        lessons: Lessons,
    },
    /// Let sessions go that are over.
    ForgetSessions {
        /// When.
        at: Timestamp,
    },
    /// An operator fails a job that is stuck.
    FailJob {
        /// Which.
        id: JobId,
        /// Why, for the log and the buyer.
        reason: Box<str>,
        /// When.
        at: Timestamp,
    },
    /// Make an agent.
    CreateAgent {
        /// Its id.
        agent: AgentId,
        /// The operator's name for it.
        label: Box<str>,
        /// The hash of its bearer.
        token: TokenHash,
        /// Its first balance.
        credit: Usd,
        /// The operator's key, if one was sent.
        key: Option<RequestKey>,
        /// When.
        at: Timestamp,
    },
    /// Make the agent that is bound to a wallet, or give it a new bearer; the old one is unknown from then on.
    SignIn {
        /// Its id, which follows from the wallet.
        agent: AgentId,
        /// What it is called.
        label: Box<str>,
        /// The hash of its new bearer.
        token: TokenHash,
        /// What it starts with, once per wallet.
        credit: Usd,
        /// The nonce of the signed message, in the wallet's scope: good for once.
        key: RequestKey,
        /// When.
        at: Timestamp,
    },
    /// Credit an agent.
    Credit {
        /// Whom.
        agent: AgentId,
        /// How much.
        amount: Usd,
        /// Why.
        reason: Box<str>,
        /// The operator's key: without one, a repeat could not be told from a second credit.
        key: RequestKey,
        /// When.
        at: Timestamp,
    },
    /// Shut an agent out. Its balance stays.
    DisableAgent {
        /// Whom.
        agent: AgentId,
        /// Why.
        reason: Box<str>,
        /// When.
        at: Timestamp,
    },
    /// Give an agent a new bearer; the old one is unknown from then on.
    RotateToken {
        /// Whose.
        agent: AgentId,
        /// The hash of the new one.
        token: TokenHash,
    },
    /// Make a usage key.
    CreateUsageKey {
        /// Whose.
        agent: AgentId,
        /// Its id.
        id: UsageKeyId,
        /// The hash of the key.
        token: TokenHash,
        /// The agent's name for it.
        label: Box<str>,
        /// The most that its jobs may cost in all.
        spend_cap: Option<Usd>,
        /// Unknown from then on.
        expires_at: Option<Timestamp>,
        /// The caller's key, if one was sent.
        key: Option<RequestKey>,
        /// When.
        at: Timestamp,
    },
    /// Revoke a usage key. Its running jobs go on.
    RevokeUsageKey {
        /// Whose.
        agent: AgentId,
        /// Which.
        id: UsageKeyId,
    },
    /// An attempt at a callback was made.
    Attempted {
        /// Which.
        id: DeliveryId,
        /// How it went.
        attempt: Attempt,
        /// When to try again; `None` where this was the last.
        next_at: Option<Timestamp>,
    },
    /// Deliver a job's callback again.
    Redeliver {
        /// The ended job, which the caller has read: it may be long out of memory.
        job: Arc<Job>,
        /// The number of the next log row.
        attempts: u16,
        /// Why.
        reason: Box<str>,
        /// When.
        at: Timestamp,
    },
}

/// The answer to a command that was carried out.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub enum Reply {
    /// The job was accepted.
    Accepted(Arc<Job>),
    /// The key's first request made this already. Nothing changed.
    Replayed(super::event::Made),
    /// The job after the event, and what to do now that it is durable.
    Moved(Arc<Job>, Vec<Effect>),
    /// The agent after the change.
    Agent(Box<Agent>),
    /// A callback's place in the schedule, or none where it is over.
    Delivery(Option<Delivery>),
    /// The payment is claimed.
    Claimed,
    /// It is listed, or that it is has been noted.
    Introduced,
    /// It is in the books, or was there already; with the job that moved by it.
    Heard(Option<Arc<Job>>),
    /// What a person may want to know of the lane.
    Lane(Vec<Notice>),
}

/// The answer to a command that can't be carried out. Nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
pub enum Refusal {
    /// The ceiling doesn't fit into the balance.
    #[error("the balance does not cover the ceiling")]
    InsufficientBalance {
        /// What can be spent.
        available: Usd,
        /// What was wanted.
        wanted: Usd,
    },
    /// The ceiling doesn't fit under the usage key's cap.
    #[error("the usage key's cap does not cover the ceiling")]
    SpendCap {
        /// What is left under the cap.
        left: Usd,
        /// What was wanted.
        wanted: Usd,
    },
    /// The ceiling doesn't fit into what is left of the session's budget.
    #[error("the session's budget does not cover the ceiling")]
    SessionBudget {
        /// All of it.
        budget: Usd,
        /// What is left.
        left: Usd,
        /// What was wanted.
        wanted: Usd,
    },
    /// The session has another budget since its first call.
    #[error("the session's budget is {budget}, not {asked}")]
    SessionBudgetFixed {
        /// What it has.
        budget: Usd,
        /// What was asked for.
        asked: Usd,
    },
    /// No such session, and no budget to begin it with.
    #[error("no such session")]
    NoSession,
    /// There is no room for another session.
    #[error("the agent has as many sessions as it can have")]
    TooManySessions,
    /// The key came with another request before.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The rows that the caller looked at may be out of date: look again and send the command again.
    #[error("look the key up again")]
    LookAgain,
    /// No such agent, or it is disabled.
    #[error("no such agent")]
    NoAgent,
    /// No such usage key.
    #[error("no such usage key")]
    NoUsageKey,
    /// There is no room for another usage key.
    #[error("the agent has as many usage keys as it can have")]
    TooManyUsageKeys,
    /// No such job among the live ones.
    #[error("no such live job")]
    NoJob,
    /// The job has no callback to deliver.
    #[error("the job has no callback")]
    NoCallback,
    /// The payer gets no more credit.
    #[error(transparent)]
    NoCredit(#[from] NoCredit),
    /// No such settlement is owed.
    #[error("no such settlement is owed")]
    NoDue,
    /// The wallet owes nothing.
    #[error("the wallet owes nothing")]
    NoDebt,
    /// Not what the wallet owes.
    #[error("the wallet owes {owed}, not {offered}")]
    OtherDebt {
        /// What it owes.
        owed: Usd,
        /// What it would pay.
        offered: Usd,
    },
    /// The lane's machine says no.
    #[error(transparent)]
    Lane(#[from] lane::Rejection),
    /// The job's machine says no.
    #[error(transparent)]
    Job(#[from] Rejection),
    /// A sum would leave the range of money.
    #[error(transparent)]
    Amount(#[from] OutOfRange),
}
