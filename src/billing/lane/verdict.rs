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

#[cfg(test)]
mod tests {
    use super::super::toy::intent;
    use super::super::{Block, ItemKey};
    use super::*;
    use crate::types::Usd;

    const GIVE_UP_MS: i64 = 30_000;

    fn receipt(intents: &[Intent], settled: &[bool]) -> Receipt {
        let said = |(intent, settled): (&Intent, &bool)| (intent.key, (!settled).then_some([1; 4]));
        let moved = intents.iter().zip(settled).filter(|(_, settled)| **settled).map(|(intent, _)| intent.moved()).collect();
        let block = Block { number: 1, hash: [1; 32] };
        Receipt { tx: TxHash([7; 32]), block, ok: true, moved, items: Some(intents.iter().zip(settled).map(said).collect()) }
    }

    /// Each piece of evidence, alone and against the others.
    #[test]
    fn i12_the_table() {
        let intent = intent(1, 1_000);
        let (at, reason) = (Timestamp::from_millis, RevertReason::TransferFailed);
        let deep = |nonce_used, block_time| Some(Deep { nonce_used, block_time });
        let mined = [receipt(std::slice::from_ref(&intent), &[true])];
        let (burned, expired, refused) =
            (Verdict::Dead(DeadReason::Burned), Verdict::Dead(DeadReason::Expired), Verdict::Dead(DeadReason::Refused(reason)));
        for (receipts, is_alive, deep, failing, wanted) in [
            (&mined[..], true, deep(true, 2_000), None, Verdict::Settled(mined[0].tx)),
            (&[], false, None, None, Verdict::Unknown),
            (&[], false, deep(false, 1_000), None, Verdict::Unknown),
            (&[], false, deep(false, 1_001), None, expired),
            (&[], true, deep(false, 1_001), None, expired),
            (&[], false, deep(true, 1), None, burned),
            (&[], true, deep(true, 1), None, Verdict::Unknown),
            (&[], true, deep(true, 1_001), None, Verdict::Unknown),
            (&[], false, None, Some((at(0), reason)), Verdict::Unknown),
            (&[], false, None, Some((at(-1), reason)), refused),
            (&[], true, None, Some((at(-1), reason)), Verdict::Unknown),
            (&[], false, deep(true, 1), Some((at(-1), reason)), burned),
        ] {
            let evidence = Evidence { intent: &intent, receipts, is_alive, deep, failing, now: at(GIVE_UP_MS - 1) };
            assert_eq!(verdict(&evidence, GIVE_UP_MS), wanted, "{is_alive} {deep:?} {failing:?}");
        }
    }

    /// C3, T-17, T-19: nearly a proof is none.
    #[test]
    fn c3_what_proves_a_payment() {
        let [one, other] = [intent(1, 1_000), intent(3, 1_000)];
        let right = receipt(std::slice::from_ref(&one), &[true]);
        let settles = |change: &dyn Fn(&mut Receipt)| {
            let mut receipt = right.clone();
            change(&mut receipt);
            !settled_by(&receipt, [&one, &other].into_iter()).is_empty()
        };
        assert!(settles(&|_| {}));
        assert!(settles(&|receipt| receipt.items = None), "no settler was called");
        assert!(!settles(&|receipt| receipt.ok = false));
        assert!(!settles(&|receipt| receipt.moved.clear()), "it succeeded and moved nothing");
        assert!(!settles(&|receipt| receipt.moved[0].amount = Usd::from_micros(99)));
        assert!(!settles(&|receipt| receipt.moved[0].to = one.payer));
        assert!(!settles(&|receipt| receipt.moved[0].from = other.payer));
        assert!(!settles(&|receipt| receipt.moved[0].asset = one.target), "another token's log");
        assert!(!settles(&|receipt| receipt.items = Some(vec![(one.key, Some([0; 4]))])));
        assert!(!settles(&|receipt| receipt.items = Some(vec![(ItemKey([9; 32]), None)])));
    }

    /// Two settlements of one payer for one amount need two logs.
    #[test]
    fn twins_need_a_log_each() {
        let twins = [intent(2, 1_000), intent(3, 1_000)];
        assert_eq!(twins[0].moved(), twins[1].moved());
        let mut receipt = receipt(&twins, &[true, true]);
        assert_eq!(settled_by(&receipt, twins.iter()).len(), 2);
        receipt.moved.pop();
        assert_eq!(settled_by(&receipt, twins.iter()).len(), 1);
    }
}
