//! What happened to a lane, and what becomes of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::chain::{Check, Observation, Receipt, Sight, TxHash};
use super::verdict::{Evidence, Verdict, settled_by, verdict};
use super::{Change, Family, Intent, Item, ItemKey, ItemState, Lane, MinedTx, Outcome, Policy, SignedTx};
use crate::types::Timestamp;

/// What happened. Time arrives in the event.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Event {
    /// A settlement is owed. Repeated until acknowledged, and harmless when repeated.
    Due {
        /// What.
        intent: Arc<Intent>,
        /// When.
        at: Timestamp,
    },
    /// Bytes were signed, and are not sent before this is durable (D-3).
    Signed {
        /// For which account nonce.
        account_nonce: u64,
        /// What they carry.
        payload: Payload,
        /// The bytes.
        tx: SignedTx,
    },
    /// The chain was looked at.
    Observed(Observation),
    /// One settlement was looked at.
    Checked {
        /// Which.
        key: ItemKey,
        /// What came out.
        check: Check,
    },
    /// The payer's shard has it in its books.
    Acknowledged {
        /// Which.
        key: ItemKey,
        /// What it was told.
        outcome: Outcome,
    },
}

/// What a transaction carries.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Payload {
    /// These settlements, in this order.
    Settle(Vec<ItemKey>),
    /// Nothing: it uses the account nonce up.
    Cancel,
}

/// What becomes of the lane.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    /// What to make durable. Empty for a look at the chain that brought nothing new.
    pub changes: Vec<Change>,
    /// The chain as seen; not stored.
    pub sight: Option<Sight>,
    /// For the log and the alarms.
    pub notices: Vec<Notice>,
}

/// What a person may want to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Notice {
    /// A transaction that isn't ours used account nonces of the operator (T-20): somebody else has the key.
    Foreign {
        /// The first such nonce.
        account_nonce: u64,
    },
    /// A mined transaction is gone again (F-X3).
    Reorged {
        /// Which.
        tx: TxHash,
    },
    /// A transaction reverted as a whole, so nothing of it settled.
    Reverted {
        /// Which.
        tx: TxHash,
    },
}

/// Why an event can't happen to this lane now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
pub enum Rejection {
    /// The key is known with another amount, payer or call: an intent never changes (I-8).
    #[error("the settlement is known as another")]
    OtherIntent,
    /// The deadline is so long past that the lane may have forgotten it.
    #[error("the deadline is past")]
    TooLate,
    /// The chain has to be looked at first.
    #[error("the chain was not seen yet")]
    Unseen,
    /// The account nonce is neither the next one nor one of an open family or gap.
    #[error("not an account nonce to sign for")]
    OtherNonce,
    /// A settlement in it isn't waiting, is unknown, or there is none.
    #[error("a settlement in it is not waiting")]
    NotWaiting,
    /// A replacement carries the same as its family, or nothing; after a cancel, nothing.
    #[error("a replacement carries the same or nothing")]
    OtherPayload,
    /// A replacement pays an eighth more in both numbers.
    #[error("a replacement must pay more")]
    TooCheap,
    /// Its family is mined.
    #[error("the account nonce is used")]
    Mined,
}

/// Kept after the deadline: what repeats a settlement for longer than this is refused.
pub const FORGET_AFTER_S: u64 = 86_400;

/// Decides what an event does to a lane. Pure: same lane, same event, same answer.
///
/// # Errors
/// The [`Rejection`]; then nothing changes.
pub fn step(lane: &Lane, policy: &Policy, event: &Event) -> Result<Step, Rejection> {
    let mut draft = Draft::new(lane);
    match event {
        Event::Due { intent, at } => draft.due(intent, *at)?,
        Event::Signed { account_nonce, payload, tx } => draft.signed(*account_nonce, payload, tx)?,
        Event::Observed(observation) => draft.observed(policy, observation),
        Event::Checked { key, check } => draft.checked(policy, key, check),
        Event::Acknowledged { key, outcome } => draft.acknowledged(key, *outcome),
    }
    Ok(draft.done())
}

/// The lane with what has been decided so far.
struct Draft<'a> {
    lane: &'a Lane,
    next: Option<u64>,
    items: BTreeMap<ItemKey, Option<Item>>,
    families: BTreeMap<u64, Option<Family>>,
    sight: Option<Sight>,
    notices: Vec<Notice>,
}

impl<'a> Draft<'a> {
    const fn new(lane: &'a Lane) -> Self {
        Self { lane, next: lane.next, items: BTreeMap::new(), families: BTreeMap::new(), sight: None, notices: Vec::new() }
    }

    fn done(self) -> Step {
        let mut changes = Vec::new();
        if let Some(next) = self.next
            && self.lane.next != Some(next)
        {
            changes.push(Change::Next(next));
        }
        let items = self.items.into_iter().filter(|(key, item)| self.lane.items.get(key) != item.as_ref());
        changes.extend(items.map(|(key, item)| Change::Item(key, item.map(Box::new))));
        let families = self.families.into_iter().filter(|(nonce, family)| self.lane.families.get(nonce) != family.as_ref());
        changes.extend(families.map(|(nonce, family)| Change::Family(nonce, family.map(Box::new))));
        Step { changes, sight: self.sight, notices: self.notices }
    }

    fn item(&self, key: &ItemKey) -> Option<&Item> {
        self.items.get(key).map_or_else(|| self.lane.items.get(key), Option::as_ref)
    }

    fn family(&self, nonce: u64) -> Option<&Family> {
        self.families.get(&nonce).map_or_else(|| self.lane.families.get(&nonce), Option::as_ref)
    }

    fn put(&mut self, key: ItemKey, state: ItemState) {
        if let Some(item) = self.item(&key) {
            let item = Item { state, ..item.clone() };
            self.items.insert(key, Some(item));
        }
    }

    fn wait(&mut self, key: ItemKey, since: Timestamp) {
        self.put(key, ItemState::Waiting { since, failing_since: None, passed_at: None });
    }

    fn due(&mut self, intent: &Arc<Intent>, at: Timestamp) -> Result<(), Rejection> {
        if let Some(item) = self.item(&intent.key) {
            if item.intent != *intent {
                return Err(Rejection::OtherIntent);
            }
            // Who asks again may have lost what it was told.
            let item = Item { acknowledged: None, ..item.clone() };
            self.items.insert(intent.key, Some(item));
            return Ok(());
        }
        if self.lane.sight.is_some_and(|sight| sight.head_time > intent.deadline.saturating_add(FORGET_AFTER_S)) {
            return Err(Rejection::TooLate);
        }
        let state = ItemState::Waiting { since: at, failing_since: None, passed_at: None };
        self.items.insert(intent.key, Some(Item { intent: Arc::clone(intent), state, tries: 0, acknowledged: None }));
        Ok(())
    }

    fn signed(&mut self, nonce: u64, payload: &Payload, tx: &SignedTx) -> Result<(), Rejection> {
        let next = self.next.ok_or(Rejection::Unseen)?;
        if tx.is_cancel != matches!(payload, Payload::Cancel) {
            return Err(Rejection::OtherPayload);
        }
        if let Some(family) = self.family(nonce) {
            if family.mined.is_some() {
                return Err(Rejection::Mined);
            }
            let same = match payload {
                Payload::Settle(keys) => *keys == family.items && !family.is_cancelled(),
                Payload::Cancel => true,
            };
            if !same {
                return Err(Rejection::OtherPayload);
            }
            if family.newest().is_some_and(|last| !tx.fees.replaces(last.fees)) {
                return Err(Rejection::TooCheap);
            }
            let mut family = family.clone();
            family.txs.push(tx.clone());
            self.families.insert(nonce, Some(family));
            return Ok(());
        }
        let keys = match payload {
            Payload::Settle(keys) if nonce == next => keys.clone(),
            // A gap below the next one is filled with nothing, whatever waits.
            Payload::Cancel if nonce < next => Vec::new(),
            Payload::Settle(_) | Payload::Cancel => return Err(Rejection::OtherNonce),
        };
        let waiting = |key: &ItemKey| self.item(key).is_some_and(|item| matches!(item.state, ItemState::Waiting { .. }));
        if !tx.is_cancel && (keys.is_empty() || !keys.iter().all(waiting) || has_repeats(&keys)) {
            return Err(Rejection::NotWaiting);
        }
        for key in &keys {
            self.put(*key, ItemState::Riding { account_nonce: nonce });
        }
        self.next = Some(next.max(nonce.saturating_add(1)));
        self.families.insert(nonce, Some(Family { items: keys, txs: vec![tx.clone()], mined: None, reorged: None }));
        Ok(())
    }

    fn observed(&mut self, policy: &Policy, observation: &Observation) {
        let sight = observation.sight;
        // An endpoint that lags says of newer things that they aren't there. One that stays behind has a shorter chain.
        if self.lane.sight.is_some_and(|seen| sight.head.number < seen.head.number && sight.at.millis_since(seen.at) < LAG_MS) {
            return;
        }
        self.sight = Some(sight);
        match self.next {
            Some(next) if next < sight.nonce => {
                self.notices.push(Notice::Foreign { account_nonce: next });
                self.next = Some(sight.nonce);
            }
            Some(_) => {}
            None => self.next = Some(sight.nonce),
        }
        let asked: BTreeMap<TxHash, Option<&Receipt>> =
            observation.receipts.iter().map(|(hash, receipt)| (*hash, receipt.as_ref())).collect();
        for nonce in self.lane.families.keys().copied() {
            self.look_at_family(policy, nonce, observation, &asked);
        }
        self.forget(sight);
    }

    fn look_at_family(&mut self, policy: &Policy, nonce: u64, observation: &Observation, asked: &BTreeMap<TxHash, Option<&Receipt>>) {
        let sight = observation.sight;
        let Some(mut family) = self.family(nonce).cloned() else { return };
        let receipt = family.txs.iter().find_map(|tx| asked.get(&tx.hash).copied().flatten());
        let all_absent = family.txs.iter().all(|tx| matches!(asked.get(&tx.hash), Some(None)));
        if let Some(receipt) = receipt {
            self.look_at_receipt(nonce, &mut family, receipt);
        } else if all_absent && sight.deep_nonce > nonce && observation.foreign.contains(&nonce) {
            // Used for good, by none of ours. Without that word it may be ours, with the receipt on its way to us.
            self.notices.push(Notice::Foreign { account_nonce: nonce });
            self.unsettle(nonce, &family, |draft, key| draft.wait(key, sight.at));
            self.families.insert(nonce, None);
            return;
        } else if all_absent
            && sight.nonce <= nonce
            && let Some(mined) = family.mined.take()
        {
            self.notices.push(Notice::Reorged { tx: mined.tx });
            family.reorged = Some(mined.tx);
            self.unsettle(nonce, &family, |draft, key| draft.put(key, ItemState::Riding { account_nonce: nonce }));
        }
        // Only where it was seen again just now: what is neither here nor undone yet may be undone deeper down.
        if let Some(mined) = family.mined.as_mut().filter(|_| receipt.is_some()) {
            let depth = sight.head.number.saturating_add(1).saturating_sub(mined.block.number);
            if depth >= policy.confirmations && !mined.is_final {
                mined.is_final = true;
                self.finish(nonce, &family, sight.at);
            }
            if depth >= policy.keep_blocks.max(policy.confirmations) {
                self.families.insert(nonce, None);
                return;
            }
        }
        self.families.insert(nonce, Some(family));
    }

    fn look_at_receipt(&mut self, nonce: u64, family: &mut Family, receipt: &Receipt) {
        if family.mined.is_some_and(|mined| mined.tx == receipt.tx && mined.block == receipt.block) {
            return;
        }
        // In another block than before, it may have settled other items.
        self.unsettle(nonce, family, |draft, key| draft.put(key, ItemState::Riding { account_nonce: nonce }));
        family.mined = Some(MinedTx { tx: receipt.tx, block: receipt.block, is_final: false });
        if !receipt.ok {
            self.notices.push(Notice::Reverted { tx: receipt.tx });
        }
        let intents: Vec<_> = family.items.iter().filter_map(|key| self.item(key)).map(|item| Arc::clone(&item.intent)).collect();
        for intent in settled_by(receipt, intents.iter().map(Arc::as_ref)) {
            let state = ItemState::Mined { account_nonce: nonce, tx: receipt.tx, block: receipt.block, is_final: false };
            self.put(intent.key, state);
        }
    }

    /// What this family had settled isn't any more.
    fn unsettle(&mut self, nonce: u64, family: &Family, mut put: impl FnMut(&mut Self, ItemKey)) {
        for key in &family.items {
            let rode = match self.item(key).map(|item| item.state) {
                Some(ItemState::Riding { account_nonce } | ItemState::Mined { account_nonce, .. }) => account_nonce == nonce,
                Some(ItemState::Waiting { .. } | ItemState::Dead(_)) | None => false,
            };
            if rode {
                put(self, *key);
            }
        }
    }

    /// The family is final: what it settled is settled, what it didn't may ride again.
    fn finish(&mut self, nonce: u64, family: &Family, at: Timestamp) {
        for key in &family.items {
            match self.item(key).map(|item| item.state) {
                Some(ItemState::Mined { account_nonce, tx, block, .. }) if account_nonce == nonce => {
                    self.put(*key, ItemState::Mined { account_nonce, tx, block, is_final: true });
                }
                Some(ItemState::Riding { account_nonce }) if account_nonce == nonce => {
                    self.wait(*key, at);
                    if let Some(Some(item)) = self.items.get_mut(key) {
                        item.tries = item.tries.saturating_add(1);
                    }
                }
                Some(ItemState::Mined { .. } | ItemState::Riding { .. } | ItemState::Waiting { .. } | ItemState::Dead(_)) | None => {}
            }
        }
    }

    /// What ended, is in its shard's books, and could not be asked for again.
    fn forget(&mut self, sight: Sight) {
        let old: Vec<ItemKey> = (self.lane.items.iter())
            .filter(|(_, item)| sight.head_time > item.intent.deadline.saturating_add(FORGET_AFTER_S) && !item.is_news())
            .filter(|(_, item)| matches!(item.state, ItemState::Mined { is_final: true, .. } | ItemState::Dead(_)))
            .filter(|(key, _)| !self.lane.families.values().any(|family| family.items.contains(key)))
            .map(|(key, _)| *key)
            .collect();
        for key in old {
            self.items.insert(key, None);
        }
    }

    fn checked(&mut self, policy: &Policy, key: &ItemKey, check: &Check) {
        let Some(item) = self.item(key) else { return };
        let was_failing = match item.state {
            ItemState::Waiting { failing_since, .. } => failing_since,
            ItemState::Riding { .. } => None,
            ItemState::Mined { .. } | ItemState::Dead(_) => return,
        };
        let failing = match check.simulated {
            Some(Err(reason)) => Some((was_failing.unwrap_or(check.at), reason)),
            Some(Ok(())) | None => None,
        };
        let evidence = Evidence {
            intent: &item.intent,
            // A mined item isn't looked at here, and `observed` saw the receipts of all others.
            receipts: &[],
            is_alive: self.lane.is_alive(key),
            deep: check.deep,
            failing,
            now: check.at,
        };
        match (verdict(&evidence, policy.give_up_ms), item.state) {
            (Verdict::Dead(reason), _) => self.put(*key, ItemState::Dead(reason)),
            (Verdict::Settled(_) | Verdict::Unknown, ItemState::Waiting { since, passed_at, .. }) => {
                let (failing_since, passed_at) = match check.simulated {
                    Some(Ok(())) => (None, Some(check.at)),
                    Some(Err(_)) => (failing.map(|(since, _)| since), None),
                    None => (was_failing, passed_at),
                };
                self.put(*key, ItemState::Waiting { since, failing_since, passed_at });
            }
            (Verdict::Settled(_) | Verdict::Unknown, ItemState::Riding { .. } | ItemState::Mined { .. } | ItemState::Dead(_)) => {}
        }
    }

    fn acknowledged(&mut self, key: &ItemKey, outcome: Outcome) {
        if let Some(item) = self.item(key) {
            let item = Item { acknowledged: Some(outcome), ..item.clone() };
            self.items.insert(*key, Some(item));
        }
    }
}

/// A head below the highest one seen is taken for a lagging endpoint's, for so long.
const LAG_MS: i64 = 30_000;

fn has_repeats(keys: &[ItemKey]) -> bool {
    keys.iter().enumerate().any(|(at, key)| keys.iter().take(at).any(|earlier| earlier == key))
}
