//! What is to be moved: decided once, before anything is signed, and never changed (D-3, I-8).

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::types::{AgentId, JobId, Usd, Wallet};

/// Names a payment authorization for ever: keccak256 of `abi.encode(payer, nonce)`, as the settler's logs have it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ItemKey(pub [u8; 32]);

impl fmt::Debug for ItemKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.0))
    }
}

impl ItemKey {
    /// Of a payer and the 32 bytes of its nonce: Permit2's number, or an EIP-3009 authorization's bytes.
    pub fn of(payer: Wallet, nonce: [u8; 32]) -> Self {
        Self(alloy_primitives::keccak256([[0; 12].as_slice(), payer.as_bytes(), &nonce].concat()).0)
    }
}

/// Who is paid by it, in our own books.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Claimant {
    /// A job, for its charge.
    Job(JobId),
    /// An agent, into its balance.
    Agent(AgentId),
    /// Whoever owed: a wallet that pays its debt.
    Debtor(Wallet),
}

/// One settlement. Whoever gives the same key again gives the same intent, or is refused.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Its name.
    pub key: ItemKey,
    /// Who is paid by it.
    pub claimant: Claimant,
    /// The token.
    pub asset: Wallet,
    /// Whose money.
    pub payer: Wallet,
    /// Who gets it.
    pub pay_to: Wallet,
    /// How much: never 0, which no proxy takes.
    pub amount: Usd,
    /// The last second at which the chain takes it, inclusive.
    pub deadline: u64,
    /// The contract that moves it: the proxy, or the token itself.
    pub target: Wallet,
    /// What it is called with, the amount included. A settler packs several of these into one call.
    pub call: Arc<[u8]>,
    /// The payer has code, which may burn all the gas that it is given (C5).
    pub payer_has_code: bool,
}

/// Without the call, which holds a signature.
impl fmt::Debug for Intent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Intent")
            .field("key", &self.key)
            .field("claimant", &self.claimant)
            .field("payer", &self.payer)
            .field("amount", &self.amount)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}
