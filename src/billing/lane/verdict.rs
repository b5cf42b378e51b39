//! What became of a settlement, by evidence alone (safety.md I-12).

use serde::{Deserialize, Serialize};

use super::chain::{Deep, Receipt, TxHash};
use super::intent::Intent;
use crate::billing::x402::RevertReason;
use crate::types::Timestamp;

/// Why nothing can be settled any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DeadReason {
    /// The payer used the authorization up elsewhere, or cancelled it.
    Burned,
    /// Its deadline passed before it was settled.
    Expired,
    /// It kept failing, at last for this reason.
    Refused(RevertReason),
}

/// What is known of one settlement.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// What was to be moved.
    pub intent: &'a Intent,
    /// Receipts of transactions of ours that carried it.
    pub receipts: &'a [Receipt],
    /// Signed bytes exist that could still move it.
    pub is_alive: bool,
    /// What is known for good: so many blocks deep, or agreed on by two endpoints.
    pub deep: Option<Deep>,
    /// Since when its simulation at the actual amount fails, and with what.
    pub failing: Option<(Timestamp, RevertReason)>,
    /// Now.
    pub now: Timestamp,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// This transaction of ours moved it.
    Settled(TxHash),
    /// It never was, and never will be.
    Dead(DeadReason),
    /// Nobody knows yet. Never read as a failure.
    Unknown,
}

/// Judges. `give_up_ms` is how long a simulation has to fail before that ends a settlement.
pub fn verdict(evidence: &Evidence<'_>, give_up_ms: i64) -> Verdict {
    if let Some(receipt) = evidence.receipts.iter().find(|receipt| settles(receipt, evidence.intent)) {
        return Verdict::Settled(receipt.tx);
    }
    match evidence.deep {
        // While bytes of ours are alive it may be they that used it, with the receipt on its way to us.
        Some(Deep { nonce_used: true, .. }) if evidence.is_alive => {}
        Some(Deep { nonce_used: true, .. }) => return Verdict::Dead(DeadReason::Burned),
        // The block whose time is the deadline still takes it (C7).
        Some(Deep { block_time, .. }) if block_time > evidence.intent.deadline => return Verdict::Dead(DeadReason::Expired),
        Some(_) | None => {}
    }
    match evidence.failing {
        Some((since, reason)) if !evidence.is_alive && evidence.now.millis_since(since) >= give_up_ms => {
            Verdict::Dead(DeadReason::Refused(reason))
        }
        Some(_) | None => Verdict::Unknown,
    }
}

/// The proof of payment: not reverted, our settler agrees where it was asked, and the token logged exactly this movement (C3).
fn settles(receipt: &Receipt, intent: &Intent) -> bool {
    let asked = receipt.items.as_ref().filter(|_| !intent.rides_alone());
    let said = asked.is_none_or(|items| items.iter().any(|(key, failed)| *key == intent.key && failed.is_none()));
    receipt.ok && said && receipt.moved.contains(&intent.moved())
}

/// Which of the settlements that ride in one transaction it settled. Two that look alike need two logs.
pub fn settled_by<'a>(receipt: &Receipt, intents: impl Iterator<Item = &'a Intent>) -> Vec<&'a Intent> {
    let mut left = receipt.moved.clone();
    let mut settled = Vec::new();
    for intent in intents.filter(|intent| settles(receipt, intent)) {
        if let Some(at) = left.iter().position(|log| *log == intent.moved()) {
            left.swap_remove(at);
            settled.push(intent);
        }
    }
    settled
}
