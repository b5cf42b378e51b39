//! One operator account and the settlements that ride on its nonces: what to sign, what to send again, what became of each.
//!
//! ```text
//! due -> waiting --signed--> riding --mined, Transfer seen--> mined --confirmations deep--> settled
//!           ^                  |  ^                             |
//!           |                  |  '--------- reorg -------------'
//!           '-- refused, or its account nonce lost -'           waiting or riding --evidence (I-12)--> dead
//! ```
//!
//! An account nonce and everything that was ever signed for it is a *family*: of its transactions one at most is mined, and
//! all carry the same settlements or nothing (I-14). [`step()`] turns what happened into changes, which are durable before anything
//! is done about them; [`effects()`] says what is to be done, from the lane alone, so a restart derives it again (D-3).
//!
//! Deliberately absent: keys, sockets and clocks; and what a settlement means to its job, which its payer's shard knows.

pub mod chain;
pub mod effects;
pub mod fees;
pub mod intent;
pub mod step;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod toy;
pub mod verdict;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use chain::{Block, Check, Deep, Observation, Receipt, Sent, Sight, TxHash};
pub use effects::{Alarm, Effect, Watch, effects};
pub use fees::{FeePolicy, FeeQuote, Fees};
pub use intent::{Claimant, Intent, ItemKey, NoIntent, Nonce};
pub use step::{Event, Notice, Payload, Rejection, Step, step};
pub use verdict::{DeadReason, Evidence, Verdict, verdict};

use crate::types::{Network, Timestamp, Wallet};

/// Whose nonces, and on which chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LaneId {
    /// The chain.
    pub network: Network,
    /// The account that signs.
    pub operator: Wallet,
}

/// A lane's whole state. Everything but [`Lane::sight`] is stored, by [`Change`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lane {
    /// Its name.
    pub id: LaneId,
    /// The next account nonce to allocate; `None` until the chain was asked for the first time.
    pub next: Option<u64>,
    /// Settlements that are owed, or ended and not yet forgotten.
    pub items: BTreeMap<ItemKey, Item>,
    /// By account nonce, until they are beyond any reorg.
    pub families: BTreeMap<u64, Family>,
    /// The chain as last seen. Gone after a restart, and then the first thing to ask for.
    #[serde(skip)]
    pub sight: Option<Sight>,
}

/// A settlement and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// What is to be moved. Never changes (I-8).
    pub intent: Arc<Intent>,
    /// Where it stands.
    pub state: ItemState,
    /// How many transactions it rode in that are final and didn't settle it. Each makes the next one wait longer: a payer with
    /// code can pass every simulation and no transaction, at our cost.
    pub tries: u8,
    /// What its payer's shard has acknowledged. Where it isn't [`Item::outcome`], it is told again.
    pub acknowledged: Option<Outcome>,
}

/// Where a settlement stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ItemState {
    /// For a transaction to ride in.
    Waiting {
        /// Since when.
        since: Timestamp,
        /// Since when its simulation fails without a success in between.
        failing_since: Option<Timestamp>,
        /// The last simulation was fine, at this time. Nothing is signed without a fresh one (T-14).
        passed_at: Option<Timestamp>,
    },
    /// Signed bytes carry it.
    Riding {
        /// Under this account nonce.
        account_nonce: u64,
    },
    /// A transaction of ours is mined that moved exactly this amount.
    Mined {
        /// Under this account nonce.
        account_nonce: u64,
        /// Which one.
        tx: TxHash,
        /// Where.
        block: Block,
        /// So deep that it is booked as final.
        is_final: bool,
    },
    /// Closed for good: nothing is ever signed for it again.
    Dead(DeadReason),
}

/// What a payer's shard is told. Level-triggered: only the newest counts, and it is told until it is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Nothing yet; after [`Outcome::Mined`] or [`Outcome::Settled`]: a reorg undid it (F-X3).
    Pending,
    /// Mined with the Transfer log: enough to release a result.
    Mined(TxHash),
    /// `confirmations` deep: final for the books.
    Settled(TxHash),
    /// Will never be settled.
    Dead(DeadReason),
}

impl Item {
    /// What there is to tell.
    pub const fn outcome(&self) -> Outcome {
        match self.state {
            ItemState::Waiting { .. } | ItemState::Riding { .. } => Outcome::Pending,
            ItemState::Mined { tx, is_final: false, .. } => Outcome::Mined(tx),
            ItemState::Mined { tx, is_final: true, .. } => Outcome::Settled(tx),
            ItemState::Dead(reason) => Outcome::Dead(reason),
        }
    }

    /// Whether the payer's shard has yet to hear of it. That it is pending at first is no news.
    pub fn is_news(&self) -> bool {
        self.acknowledged.unwrap_or(Outcome::Pending) != self.outcome()
    }
}

/// Everything that was ever signed for one account nonce.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Family {
    /// What its transactions carry. Empty where there is only a cancel, to fill a gap.
    pub items: Vec<ItemKey>,
    /// Oldest first; each pays more than the one before.
    pub txs: Vec<SignedTx>,
    /// The one that is mined.
    pub mined: Option<MinedTx>,
    /// The one that was, before a reorg: its bytes are as good as the newest ones, and go out again with them (F-X3).
    pub reorged: Option<TxHash>,
}

/// One signed transaction. Stored before it is sent, and sent only as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedTx {
    /// Its name on the chain.
    pub hash: TxHash,
    /// Its bytes.
    pub raw: Arc<[u8]>,
    /// Moves nothing: it only uses the account nonce up.
    pub is_cancel: bool,
    /// What it pays.
    pub fees: Fees,
    /// When it was signed.
    pub at: Timestamp,
}

/// Which transaction of a family is mined, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MinedTx {
    /// Which one.
    pub tx: TxHash,
    /// Where.
    pub block: Block,
    /// So deep that what it left unsettled may ride again.
    pub is_final: bool,
}

impl Family {
    /// The last one, which pays most.
    pub fn newest(&self) -> Option<&SignedTx> {
        self.txs.last()
    }

    /// Whether its settlements were given up.
    pub fn is_cancelled(&self) -> bool {
        self.txs.iter().any(|tx| tx.is_cancel)
    }

    /// Whether its bytes may still move something: until one of them is final.
    pub fn is_alive(&self) -> bool {
        !self.mined.is_some_and(|mined| mined.is_final)
    }
}

/// What became of the lane: new values, not differences, so applying one twice changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// The next account nonce to allocate.
    Next(u64),
    /// A settlement as it is now, or no more.
    Item(ItemKey, Option<Box<Item>>),
    /// A family as it is now, or no more.
    Family(u64, Option<Box<Family>>),
}

impl Lane {
    /// A lane that never did anything.
    pub const fn new(id: LaneId) -> Self {
        Self { id, next: None, items: BTreeMap::new(), families: BTreeMap::new(), sight: None }
    }

    /// Takes a step over, once it is durable.
    pub fn apply(&mut self, step: &Step) {
        self.sight = step.sight.or(self.sight);
        step.changes.iter().for_each(|change| self.replay(change));
    }

    /// Takes one stored change over.
    pub fn replay(&mut self, change: &Change) {
        match change {
            Change::Next(next) => self.next = Some(*next),
            Change::Item(key, Some(item)) => drop(self.items.insert(*key, (**item).clone())),
            Change::Item(key, None) => drop(self.items.remove(key)),
            Change::Family(nonce, Some(family)) => drop(self.families.insert(*nonce, (**family).clone())),
            Change::Family(nonce, None) => drop(self.families.remove(nonce)),
        }
    }

    /// The families that aren't mined, by account nonce.
    pub fn in_flight(&self) -> impl Iterator<Item = (u64, &Family)> {
        self.families.iter().filter(|(_, family)| family.mined.is_none()).map(|(nonce, family)| (*nonce, family))
    }

    /// What signing `payload` takes.
    pub fn intents(&self, keys: &[ItemKey]) -> Vec<Arc<Intent>> {
        keys.iter().filter_map(|key| self.items.get(key)).map(|item| Arc::clone(&item.intent)).collect()
    }

    /// Whether bytes are alive that could move this settlement.
    pub fn is_alive(&self, key: &ItemKey) -> bool {
        self.families.values().any(|family| family.is_alive() && family.items.contains(key))
    }
}

/// How a lane behaves. The defaults suit an L2 with blocks every two seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Policy {
    /// Settlements in one transaction. 1 where the operator itself is the facilitator.
    pub batch_max: usize,
    /// How long a settlement waits for others to ride along.
    pub linger_ms: i64,
    /// Families that may be under way at once.
    pub in_flight_max: usize,
    /// Blocks, its own included, after which a settlement is booked as final and evidence counts.
    pub confirmations: u64,
    /// Blocks after which signed bytes are let go; a reorg that deep is not survived. At least `confirmations`.
    pub keep_blocks: u64,
    /// A simulation that fails for so long ends a settlement, where nothing signed is alive.
    pub give_up_ms: i64,
    /// How often bytes that aren't mined are sent again.
    pub resend_ms: i64,
    /// How often the chain is looked at.
    pub poll_ms: i64,
    /// How old a passed simulation may be when its settlement is signed.
    pub check_ms: i64,
    /// A transaction that isn't mined after so long pays more.
    pub bump_after_ms: i64,
    /// Transactions of one family, cancels included.
    pub txs_max: usize,
    /// Settlements whose deadline is so near don't linger, and may pay the urgent cap.
    pub urgent_s: u64,
    /// What may be paid.
    pub fees: FeePolicy,
}

impl Policy {
    /// As [`Default`] has it.
    pub const DEFAULT: Self = Self {
        batch_max: 25,
        linger_ms: 1_000,
        in_flight_max: 4,
        confirmations: 3,
        keep_blocks: 64,
        give_up_ms: 30_000,
        resend_ms: 5_000,
        poll_ms: 1_000,
        check_ms: 10_000,
        bump_after_ms: 15_000,
        txs_max: 16,
        urgent_s: 360,
        fees: FeePolicy::DEFAULT,
    };
}

impl Default for Policy {
    fn default() -> Self {
        Self::DEFAULT
    }
}
