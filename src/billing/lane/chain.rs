//! What the chain says, reduced to what decides.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ItemKey;
use crate::billing::x402::RevertReason;
use crate::billing::x402::logs::Moved;
use crate::types::Timestamp;

/// Names a transaction: the keccak256 of its signed bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TxHash(pub [u8; 32]);

impl fmt::Display for TxHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.0))
    }
}

impl fmt::Debug for TxHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A block, as a place for transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Block {
    /// Its height.
    pub number: u64,
    /// Its name: another one at the same height is a reorg.
    pub hash: [u8; 32],
}

/// A mined transaction of ours.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Receipt {
    /// Which.
    pub tx: TxHash,
    /// Where.
    pub block: Block,
    /// It didn't revert.
    pub ok: bool,
    /// Every Transfer log in it, in order.
    pub moved: Vec<Moved>,
    /// What our settler said of each of its items: `None` for settled, else the reason's first four bytes.
    /// `None` altogether where no settler was called.
    pub items: Option<Vec<(ItemKey, Option<[u8; 4]>)>>,
}

/// What was seen of the chain at one moment, by one endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Sight {
    /// The newest block.
    pub head: Block,
    /// Its time, in seconds.
    pub head_time: u64,
    /// The account's next nonce, at the head.
    pub nonce: u64,
    /// The account's next nonce, `confirmations - 1` blocks below the head: what is under it won't come back.
    pub deep_nonce: u64,
    /// When it was looked at.
    pub at: Timestamp,
}

/// A look at the chain, and what it says of our transactions.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Observation {
    /// The chain, and the account.
    pub sight: Sight,
    /// Of each transaction that was asked for: mined, or not. One that isn't in here was not asked for or not answered.
    pub receipts: Vec<(TxHash, Option<Receipt>)>,
    /// Account nonces that are used for good by a transaction that wasn't asked for: the block in which the account got past one
    /// holds none of those that were. One that nobody could say this of isn't in here. That a receipt isn't there says nothing: nodes
    /// answer from indexes that lag behind their chain.
    pub foreign: Vec<u64>,
}

/// What a closer look at one settlement brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Check {
    /// When.
    pub at: Timestamp,
    /// Whether the settlement would go through now: `None` where nobody could say.
    pub simulated: Option<Result<(), RevertReason>>,
    /// The nonce bit and the block time, both `confirmations - 1` blocks below the head, or where two endpoints agree at the
    /// head: `None` where nobody could say.
    pub deep: Option<Deep>,
}

/// What is known for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Deep {
    /// The authorization is used up, by whomever.
    pub nonce_used: bool,
    /// The block's time, in seconds.
    pub block_time: u64,
}

/// What an endpoint said to signed bytes. For the watch and the log: what became of them is told by receipts alone (C8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// Taken.
    Sent,
    /// It has them already.
    AlreadyKnown,
    /// The account nonce is used: look at the receipts.
    NonceTooLow,
    /// Pays too little to be taken, or to replace what is there.
    Underpriced,
    /// The operator account can't pay for it (F-X7).
    InsufficientFunds,
    /// Something else.
    Refused(Box<str>),
    /// Nobody knows.
    Unanswered,
}
