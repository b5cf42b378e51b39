//! Rows: what a checkpoint writes, and what is read back at a start or on demand.

/// A kind of row. The number is part of the store's format and is never used again for another kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[repr(u8)]
pub enum Table {
    /// Agents with their balances. Key: agent id.
    Agent = 1,
    /// Bearer tokens. Key: token hash.
    Token = 2,
    /// Accounts that are nobody's: revenue, deposits. Key: the account's name.
    Account = 3,
    /// Jobs that have not ended. Key: as of an ended one.
    LiveJob = 4,
    /// Callbacks still to be delivered. Key: delivery id.
    Outbox = 5,
    /// Ended jobs. Key: the job's UUIDv7, then its slot, so that old ones lie together.
    EndedJob = 6,
    /// Idempotency keys. Key: hash of scope and key.
    Key = 7,
    /// The append-only ledger. Key: owner, time, transfer id.
    Transfer = 8,
    /// An owner's jobs by age. Key: owner, the job's UUIDv7.
    JobByOwner = 9,
    /// Attempts at callbacks. Key: delivery id, attempt.
    Attempt = 10,
    /// What operators did. Key: time, a hash of the act.
    OperatorLog = 11,
    /// What an agent has, newer than in its own row. Key: agent id.
    Balance = 12,
    /// Settlements that are owed. Key: the settlement's.
    Due = 13,
    /// How wallets have behaved. Key: the address.
    Wallet = 14,
    /// Lanes, a row for each part. Key: chain, operator, kind of part, its key.
    Lane = 15,
    /// Paid jobs that their agents' shards have yet to hear of. Key: as of an ended one.
    Introduction = 16,
    /// Agents' sessions. Key: agent id, a hash of the session's name.
    Session = 17,
    /// What the last jobs came to, so many of each route. Key: route, place.
    Precedent = 18,
}

impl Table {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::Agent,
        Self::Balance,
        Self::Token,
        Self::Account,
        Self::LiveJob,
        Self::Outbox,
        Self::EndedJob,
        Self::Key,
        Self::Transfer,
        Self::JobByOwner,
        Self::Attempt,
        Self::OperatorLog,
        Self::Due,
        Self::Wallet,
        Self::Lane,
        Self::Introduction,
        Self::Session,
        Self::Precedent,
    ];

    /// Whether a start reads the whole of it. The others are history and are read row by row, on demand.
    pub const fn is_live(self) -> bool {
        match self {
            Self::Agent
            | Self::Balance
            | Self::Token
            | Self::Account
            | Self::LiveJob
            | Self::Outbox
            | Self::Due
            | Self::Wallet
            | Self::Introduction
            | Self::Session
            | Self::Precedent
            | Self::Lane => true,
            Self::EndedJob | Self::Key | Self::Transfer | Self::JobByOwner | Self::Attempt | Self::OperatorLog => false,
        }
    }

    /// Its name, for people who look into a store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Balance => "balance",
            Self::Due => "due",
            Self::Wallet => "wallet",
            Self::Lane => "lane",
            Self::Introduction => "introduction",
            Self::Session => "session",
            Self::Precedent => "precedent",
            Self::Token => "token",
            Self::Account => "account",
            Self::LiveJob => "live_job",
            Self::Outbox => "outbox",
            Self::EndedJob => "ended_job",
            Self::Key => "idempotency_key",
            Self::Transfer => "transfer",
            Self::JobByOwner => "job_by_owner",
            Self::Attempt => "attempt",
            Self::OperatorLog => "operator_log",
        }
    }
}

/// One row to put, or to remove where it has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Which kind.
    pub table: Table,
    /// Sorts within the table.
    pub key: Vec<u8>,
    /// `None` removes it.
    pub value: Option<Vec<u8>>,
}
