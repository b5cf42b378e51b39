//! What wallets owe and have paid: settlements on their way, and how each wallet has behaved.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::billing::lane::{Claimant, DeadReason, Intent, ItemKey, LaneId, NoIntent, Outcome, TxHash};
use crate::billing::x402::exposure::{Caps, Funds};
use crate::billing::x402::newcomers::Newcomers;
use crate::job::Payment;
use crate::types::{JobId, Network, Timestamp, Usd, Wallet};

/// A settlement that is owed to us, from the decision on until the chain's last word. What it moves never changes (I-8).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// Its name, on the chain too.
    pub key: ItemKey,
    /// What was signed.
    pub payment: Arc<Payment>,
    /// Who is paid by it.
    pub claimant: Claimant,
    /// How much.
    pub amount: Usd,
    /// When it became due.
    pub since: Timestamp,
    /// What was heard of it last.
    pub outcome: Outcome,
    /// The lane that settles it, once one was chosen: never another, so that the same authorization isn't signed for twice.
    pub lane: Option<LaneId>,
    /// Transactions that a facilitator has named for it, oldest first, at most [`Due::NAMED_MAX`]: where to look, and no proof.
    pub named: Vec<TxHash>,
}

impl Due {
    /// More names than this push out the oldest: what isn't named is found by the token's logs.
    pub const NAMED_MAX: usize = 8;

    /// What a lane is asked to move.
    ///
    /// # Errors
    /// [`NoIntent`]; a due is only made where there is one.
    pub fn intent(&self) -> Result<Intent, NoIntent> {
        Intent::new(&self.payment.verified, self.amount, self.claimant, &self.payment.terms, self.payment.payer_has_code)
    }

    /// The chain.
    pub fn network(&self) -> Network {
        self.payment.verified.network
    }
}

/// How a wallet has behaved. There is one for each wallet that a settlement went well or badly for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalletBook {
    /// Which.
    pub wallet: Wallet,
    /// Settlements that went well.
    pub settled: u64,
    /// What it owes, oldest first.
    pub debts: Vec<Debt>,
}

/// A charge that could not be settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Debt {
    /// For which job.
    pub job: JobId,
    /// Where it should have been paid.
    pub network: Network,
    /// How much.
    pub amount: Usd,
    /// Why it wasn't.
    pub reason: DeadReason,
    /// Since when.
    pub at: Timestamp,
}

impl WalletBook {
    pub(super) const fn new(wallet: Wallet) -> Self {
        Self { wallet, settled: 0, debts: Vec::new() }
    }

    /// The sum of its debts.
    pub fn owed(&self) -> Usd {
        // Each was below a ceiling, so a sum out of range takes more debts than a wallet can make.
        self.debts.iter().fold(Usd::ZERO, |sum, debt| sum.plus(debt.amount).unwrap_or(Usd::MAX_WIRE))
    }
}

/// What decides about a payment beside the shard's own books: read just before, at one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credit {
    /// What the chain says of the payer.
    pub funds: Funds,
    /// The operator's limits.
    pub caps: Caps,
    /// The unsettled maxima of all unproven payers of the node, this one's included and this payment's not.
    pub unproven_total: Usd,
    /// Whether payers that no settlement went well for yet are taken at all.
    pub newcomers: Newcomers,
}
