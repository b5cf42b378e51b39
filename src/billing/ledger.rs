//! Double entry: every transfer takes from one account what it gives to another, under an id that makes a repeat harmless.
//!
//! An account's balance is its credits less its debits, so all accounts together are always zero. What belongs to others
//! (agents, holds) and what was earned is positive; where it came from (deposits, the chain, what is due) is negative.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::lane::ItemKey;

use crate::types::{AgentId, JobId, Network, Timestamp, Usd};

/// Where deposited money came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Source {
    /// An operator credited it.
    Operator,
}

/// A place for money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Account {
    /// What an agent can spend.
    Agent(AgentId),
    /// What a job has set aside.
    Hold(JobId),
    /// What was earned.
    Revenue,
    /// What came in from outside.
    Deposits(Source),
    /// What `upto` payers owe and is not settled yet.
    Claims(Network),
    /// What was settled on a chain.
    Chain(Network),
    /// What was owed and will not be paid.
    WriteOff,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent(agent) => write!(f, "agent/{agent}"),
            Self::Hold(job) => write!(f, "hold/{job}"),
            Self::Revenue => f.write_str("revenue"),
            Self::Deposits(Source::Operator) => f.write_str("deposits/operator"),
            Self::Claims(network) => write!(f, "claims/{network}"),
            Self::Chain(network) => write!(f, "chain/{network}"),
            Self::WriteOff => f.write_str("writeoff"),
        }
    }
}

/// Which of a job's transfers. Each happens at most once per job (safety.md I-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum JobTransfer {
    /// The ceiling is set aside.
    Hold = 0,
    /// The charge is earned from the hold.
    Capture = 1,
    /// The rest of the hold goes back.
    Release = 2,
    /// The charge of an `upto` job is owed.
    Claim = 3,
    /// The claim was paid on the chain.
    Settle = 4,
    /// The claim will not be paid.
    WriteOff = 5,
    /// The charge is too small to be settled, and nobody owes it.
    Waive = 6,
}

impl JobTransfer {
    /// Its name in statements.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Capture => "charge",
            Self::Release => "refund",
            Self::Claim => "claim",
            Self::Settle => "settle",
            Self::WriteOff => "writeoff",
            Self::Waive => "waive",
        }
    }
}

/// What tells one credit from another: a hash of the idempotency key that the operator sent with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CreditKey(pub u128);

/// What an `exact` payment was for. Each happens at most once per payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PaymentTransfer {
    /// It went into an agent's balance.
    Deposit,
    /// It made up for what was written off.
    Recovery,
    /// It paid for a call, beyond what the call's job is charged.
    Sale,
}

impl PaymentTransfer {
    /// Its name in statements.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deposit => "deposit",
            Self::Recovery => "recovery",
            Self::Sale => "sale",
        }
    }
}

/// Names a transfer for ever. The same order always gives the same id, so a repeat is seen as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TransferId {
    /// One of a job's.
    Job(JobId, JobTransfer),
    /// An operator's credit to an agent.
    Credit(AgentId, CreditKey),
    /// What an `exact` payment was for.
    Payment(ItemKey, PaymentTransfer),
    /// What a new wallet's agent starts with, once per wallet.
    Welcome(AgentId),
}

impl fmt::Display for TransferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Job(job, kind) => write!(f, "{job}:{}", kind.as_str()),
            Self::Credit(agent, key) => write!(f, "{agent}:deposit:{:032x}", key.0),
            Self::Payment(key, kind) => write!(f, "{key:?}:{}", kind.as_str()),
            Self::Welcome(agent) => write!(f, "{agent}:welcome"),
        }
    }
}

/// Money moved from `debit` to `credit`. Never changed and never removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Its name.
    pub id: TransferId,
    /// The account that gives.
    pub debit: Account,
    /// The account that takes.
    pub credit: Account,
    /// How much; never negative. Zero is recorded too, so that a statement tells the whole story.
    pub amount: Usd,
    /// When it was decided.
    pub at: Timestamp,
    /// Why, in an operator's words; empty for a job's.
    pub note: Box<str>,
}

impl Transfer {
    fn of_job(job: JobId, kind: JobTransfer, debit: Account, credit: Account, amount: Usd, at: Timestamp) -> Self {
        Self { id: TransferId::Job(job, kind), debit, credit, amount, at, note: Box::default() }
    }

    /// Sets a ceiling aside from an agent's balance.
    pub fn hold(job: JobId, agent: AgentId, ceiling: Usd, at: Timestamp) -> Self {
        Self::of_job(job, JobTransfer::Hold, Account::Agent(agent), Account::Hold(job), ceiling, at)
    }

    /// Earns the charge from the hold.
    pub fn capture(job: JobId, charge: Usd, at: Timestamp) -> Self {
        Self::of_job(job, JobTransfer::Capture, Account::Hold(job), Account::Revenue, charge, at)
    }

    /// Gives the rest of the hold back.
    pub fn release(job: JobId, agent: AgentId, rest: Usd, at: Timestamp) -> Self {
        Self::of_job(job, JobTransfer::Release, Account::Hold(job), Account::Agent(agent), rest, at)
    }

    /// Books what an `upto` job owes.
    pub fn claim(job: JobId, network: Network, charge: Usd, at: Timestamp) -> Self {
        Self::of_job(job, JobTransfer::Claim, Account::Claims(network), Account::Revenue, charge, at)
    }

    /// Books a claim as paid on the chain.
    pub fn settle(job: JobId, network: Network, charge: Usd, at: Timestamp) -> Self {
        Self::of_job(job, JobTransfer::Settle, Account::Chain(network), Account::Claims(network), charge, at)
    }

    /// Books a claim as lost.
    pub fn write_off(job: JobId, network: Network, charge: Usd, at: Timestamp) -> Self {
        Self::of_job(job, JobTransfer::WriteOff, Account::WriteOff, Account::Claims(network), charge, at)
    }

    /// Books a claim as too small to be settled.
    pub fn waive(job: JobId, network: Network, charge: Usd, at: Timestamp) -> Self {
        Self::of_job(job, JobTransfer::Waive, Account::WriteOff, Account::Claims(network), charge, at)
    }

    /// Puts what was paid on a chain into an agent's balance.
    pub fn deposit(agent: AgentId, key: ItemKey, network: Network, amount: Usd, at: Timestamp) -> Self {
        Self::of_payment(key, PaymentTransfer::Deposit, network, Account::Agent(agent), amount, at)
    }

    /// Books what a debtor paid at last.
    pub fn recovery(key: ItemKey, network: Network, amount: Usd, at: Timestamp) -> Self {
        Self::of_payment(key, PaymentTransfer::Recovery, network, Account::WriteOff, amount, at)
    }

    fn of_payment(key: ItemKey, kind: PaymentTransfer, network: Network, credit: Account, amount: Usd, at: Timestamp) -> Self {
        let id = TransferId::Payment(key, kind);
        Self { id, debit: Account::Chain(network), credit, amount, at, note: Box::default() }
    }

    /// What a wallet's new agent starts with.
    pub fn welcome(agent: AgentId, amount: Usd, at: Timestamp) -> Self {
        let debit = Account::Deposits(Source::Operator);
        Self { id: TransferId::Welcome(agent), debit, credit: Account::Agent(agent), amount, at, note: "starting credit".into() }
    }

    /// Puts an operator's credit into an agent's balance.
    pub fn credit(agent: AgentId, key: CreditKey, amount: Usd, note: &str, at: Timestamp) -> Self {
        Self {
            id: TransferId::Credit(agent, key),
            debit: Account::Deposits(Source::Operator),
            credit: Account::Agent(agent),
            amount,
            at,
            note: note.into(),
        }
    }
}
