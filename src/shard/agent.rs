//! Agents: who holds a balance, and the keys they hand out.

use serde::{Deserialize, Serialize};

use crate::types::{AgentId, Timestamp, TokenHash, TokenKind, UsageKeyId, Usd};

/// The most usage keys that one agent can have at a time.
pub const USAGE_KEYS_MAX: usize = 100;

/// An agent with its money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// Its id.
    pub id: AgentId,
    /// The operator's name for it.
    pub label: Box<str>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Shut out by an operator: its tokens are unknown from then on.
    pub disabled: bool,
    /// What it can spend.
    pub available: Usd,
    /// What its jobs have set aside.
    pub held: Usd,
    /// Its bearer.
    pub token: TokenHash,
    /// The keys it handed out and did not revoke.
    pub keys: Vec<UsageKey>,
}

/// A key with less power than its agent's bearer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageKey {
    /// Its public name.
    pub id: UsageKeyId,
    /// The agent's name for it.
    pub label: Box<str>,
    /// The hash of the key itself.
    pub token: TokenHash,
    /// The most that its jobs may cost in all, what they hold now included.
    pub spend_cap: Option<Usd>,
    /// What its ended jobs cost.
    pub spent: Usd,
    /// What its live jobs hold.
    pub held: Usd,
    /// Unknown from then on.
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What a token opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Whose it is.
    pub agent: AgentId,
    /// The usage key, where it is one.
    pub key: Option<UsageKeyId>,
    /// Unknown from then on.
    pub expires_at: Option<Timestamp>,
}

impl Grant {
    /// The kind of token that carries it.
    pub const fn kind(&self) -> TokenKind {
        if self.key.is_some() { TokenKind::UsageKey } else { TokenKind::Agent }
    }
}
