//! What is to be moved: decided once, before anything is signed, and never changed (D-3, I-8).

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::billing::x402::amount::units;
use crate::billing::x402::calldata;
use crate::billing::x402::logs::Moved;
use crate::billing::x402::offer::{Scheme, Terms};
use crate::billing::x402::{Authorization, SignatureFault, Verified};
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

/// What makes an authorization one of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Nonce {
    /// One of Permit2's, big endian.
    Permit2([u8; 32]),
    /// One of the token's (EIP-3009).
    Token([u8; 32]),
}

impl Nonce {
    /// Its bytes.
    pub const fn bytes(&self) -> &[u8; 32] {
        match self {
            Self::Permit2(bytes) | Self::Token(bytes) => bytes,
        }
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
    /// Which of the payer's authorizations.
    pub nonce: Nonce,
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
    /// An allowance that the payer signed comes along, which no settler passes on.
    pub is_sponsored: bool,
    /// The payer has code, which may burn all the gas that it is given (C5).
    pub payer_has_code: bool,
}

/// Why a payment makes no intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoIntent {
    /// Nothing is due: that never touches the chain (C7).
    #[error("nothing is due")]
    Nothing,
    /// More than was signed, or for `exact` anything else.
    #[error("not the amount that was signed")]
    Amount,
    /// The signature doesn't fit into a call.
    #[error(transparent)]
    Signature(#[from] SignatureFault),
}

impl Intent {
    /// To charge `amount` of what a payer has signed.
    ///
    /// # Errors
    /// [`NoIntent`].
    pub fn new(payment: &Verified, amount: Usd, claimant: Claimant, terms: &Terms, payer_has_code: bool) -> Result<Self, NoIntent> {
        if amount <= Usd::ZERO {
            return Err(NoIntent::Nothing);
        }
        let is_exact = payment.scheme() == Scheme::Exact;
        if amount > payment.max || (is_exact && amount != payment.max) {
            return Err(NoIntent::Amount);
        }
        let nonce_bytes = payment.nonce().to_be_bytes();
        let nonce = match payment.authorization {
            Authorization::Upto(_) => Nonce::Permit2(nonce_bytes),
            Authorization::Exact(_) => Nonce::Token(nonce_bytes),
        };
        let (target, call) = calldata::of(payment, terms, units(amount))?;
        Ok(Self {
            key: ItemKey::of(payment.payer, nonce_bytes),
            claimant,
            asset: terms.asset,
            payer: payment.payer,
            nonce,
            pay_to: terms.pay_to,
            amount,
            deadline: u64::try_from(payment.deadline.seconds()).unwrap_or(0),
            target,
            call: call.into(),
            is_sponsored: payment.sponsored.is_some(),
            payer_has_code,
        })
    }

    /// Whether it takes a transaction of its own: a settler calls nothing but the proxy's plain `settle`, no EIP-3009 transfer of
    /// the token and no sponsored allowance.
    pub const fn rides_alone(&self) -> bool {
        self.is_sponsored || matches!(self.nonce, Nonce::Token(_))
    }

    /// The log that proves it.
    pub const fn moved(&self) -> Moved {
        Moved { asset: self.asset, from: self.payer, to: self.pay_to, amount: self.amount }
    }
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
