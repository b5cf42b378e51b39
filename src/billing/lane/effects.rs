//! What is to be done, from the lane alone. Each effect can be carried out twice without harm.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::chain::{Sight, TxHash};
use super::fees::{FeeQuote, Fees};
use super::step::Payload;
use super::{Family, Item, ItemKey, ItemState, Lane, Outcome, Policy, SignedTx};
use crate::types::Timestamp;

/// An order to the outside world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Look at the chain, and ask for these receipts.
    Observe {
        /// Every transaction that may still come or go, with its account nonce.
        txs: Vec<(u64, TxHash)>,
    },
    /// Look at these settlements: simulate each at its amount, and read its nonce bit and the block time deep down.
    Check {
        /// Which.
        keys: Vec<ItemKey>,
    },
    /// Sign, store ([`super::Event::Signed`]), and do nothing else with the bytes.
    Sign {
        /// For which account nonce.
        account_nonce: u64,
        /// What to carry.
        payload: Payload,
        /// What to pay.
        fees: Fees,
    },
    /// Send bytes as they are stored.
    Broadcast {
        /// Their name.
        hash: TxHash,
        /// They.
        raw: Arc<[u8]>,
    },
    /// Tell a settlement's payer's shard, until it is acknowledged.
    Report {
        /// Which.
        key: ItemKey,
        /// What.
        outcome: Outcome,
    },
    /// Tell an operator.
    Alarm(Alarm),
}

/// What keeps a lane from going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alarm {
    /// The chain asks for more than may be paid.
    FeesAboveCap {
        /// The account nonce that waits.
        account_nonce: u64,
    },
    /// A transaction was replaced as often as it may be.
    TooManyReplacements {
        /// The account nonce that waits.
        account_nonce: u64,
    },
}

/// What was tried lately. Kept in memory only: a restart tries again at once, which harms nobody.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    sent: BTreeMap<TxHash, Timestamp>,
    checked: BTreeMap<ItemKey, Timestamp>,
    asked: BTreeMap<TxHash, Timestamp>,
    observed: Option<Timestamp>,
}

impl Watch {
    /// These bytes were sent, whatever came back.
    pub fn sent(&mut self, hash: TxHash, at: Timestamp) {
        self.sent.insert(hash, at);
    }

    /// A look at these settlements began.
    pub fn checked(&mut self, keys: &[ItemKey], at: Timestamp) {
        self.checked.extend(keys.iter().map(|key| (*key, at)));
    }

    /// A look at the chain began, and at these transactions.
    pub fn observed(&mut self, txs: &[(u64, TxHash)], at: Timestamp) {
        self.observed = Some(at);
        self.asked.extend(txs.iter().map(|(_, hash)| (*hash, at)));
    }

    /// Forgets what the lane has forgotten.
    pub fn prune(&mut self, lane: &Lane) {
        let known: BTreeSet<TxHash> = lane.families.values().flat_map(|family| &family.txs).map(|tx| tx.hash).collect();
        self.sent.retain(|hash, _| known.contains(hash));
        self.asked.retain(|hash, _| known.contains(hash));
        self.checked.retain(|key, _| lane.items.contains_key(key));
    }

    fn may_send(&self, hash: &TxHash, now: Timestamp, every_ms: i64) -> bool {
        is_over(self.sent.get(hash).copied(), now, every_ms)
    }

    fn may_check(&self, key: &ItemKey, now: Timestamp, every_ms: i64) -> bool {
        is_over(self.checked.get(key).copied(), now, every_ms)
    }
}

fn is_over(last: Option<Timestamp>, now: Timestamp, every_ms: i64) -> bool {
    // A clock that went back doesn't stop anything.
    last.is_none_or(|last| now < last || now.millis_since(last) >= every_ms)
}

/// Derives what is to be done now. At most one new account nonce is asked for at a time: the next one follows from its being stored.
pub fn effects(lane: &Lane, policy: &Policy, watch: &Watch, quote: Option<FeeQuote>, now: Timestamp) -> Vec<Effect> {
    let view = View { lane, policy, watch, quote, now };
    let mut effects = view.reports();
    view.observe(&mut effects);
    // Nothing is signed or sent blindly: after a restart the account may be further than the lane knows.
    if let (Some(sight), Some(next)) = (lane.sight, lane.next) {
        view.fill_gaps(sight, next, &mut effects);
        view.send(sight, &mut effects);
        view.check(sight, &mut effects);
        view.allocate(sight, next, &mut effects);
    }
    effects
}

struct View<'a> {
    lane: &'a Lane,
    policy: &'a Policy,
    watch: &'a Watch,
    quote: Option<FeeQuote>,
    now: Timestamp,
}

impl View<'_> {
    fn reports(&self) -> Vec<Effect> {
        let news = self.lane.items.iter().filter(|(_, item)| item.is_news());
        news.map(|(key, item)| Effect::Report { key: *key, outcome: item.outcome() }).collect()
    }

    fn observe(&self, effects: &mut Vec<Effect>) {
        let is_idle = self.lane.families.is_empty() && !self.lane.items.values().any(is_open);
        let is_due = is_over(self.watch.observed, self.now, self.policy.poll_ms);
        if is_due && (!is_idle || self.lane.sight.is_none()) {
            let families = self.lane.families.iter().filter(|(_, family)| self.wants_a_look(family));
            let txs = families.flat_map(|(nonce, family)| family.txs.iter().map(|tx| (*nonce, tx.hash))).collect();
            effects.push(Effect::Observe { txs });
        }
    }

    /// What is final is kept for a while, and hardly ever changes.
    fn wants_a_look(&self, family: &Family) -> bool {
        let every_ms = self.policy.poll_ms.saturating_mul(FINAL_POLLS);
        family.is_alive() || family.txs.iter().any(|tx| is_over(self.watch.asked.get(&tx.hash).copied(), self.now, every_ms))
    }

    /// An account nonce below the next one that nothing was signed for, or whose bytes were let go: all later ones wait for it.
    fn fill_gaps(&self, sight: Sight, next: u64, effects: &mut Vec<Effect>) {
        let gap = (sight.nonce..next).find(|nonce| !self.lane.families.contains_key(nonce));
        if let (Some(account_nonce), Some(quote)) = (gap, self.quote) {
            match self.policy.fees.first(quote, true) {
                Some(fees) => effects.push(Effect::Sign { account_nonce, payload: Payload::Cancel, fees }),
                None => effects.push(Effect::Alarm(Alarm::FeesAboveCap { account_nonce })),
            }
        }
    }

    fn send(&self, sight: Sight, effects: &mut Vec<Effect>) {
        for (nonce, family) in self.lane.in_flight().filter(|(nonce, _)| *nonce >= sight.nonce) {
            let is_over = self.riding(family, nonce).next().is_none();
            // What has nothing left to settle isn't sent again: it waits for its cancel.
            for tx in current(family).filter(|tx| tx.is_cancel || !is_over) {
                if self.watch.may_send(&tx.hash, self.now, self.policy.resend_ms) {
                    effects.push(Effect::Broadcast { hash: tx.hash, raw: Arc::clone(&tx.raw) });
                }
            }
            self.replace(sight, nonce, family, effects);
        }
    }

    /// A replacement: with the same where it takes too long, with nothing where there is nothing left to settle.
    fn replace(&self, sight: Sight, account_nonce: u64, family: &Family, effects: &mut Vec<Effect>) {
        let (Some(last), Some(quote)) = (family.newest(), self.quote) else { return };
        let riding: Vec<_> = self.riding(family, account_nonce).collect();
        let gives_up = riding.is_empty() && !family.is_cancelled();
        // Only the lowest one is worth more: all others wait for it.
        let is_stuck =
            account_nonce == sight.nonce && (is_over(Some(last.at), self.now, self.policy.bump_after_ms) || quote.base > last.fees.max);
        if !gives_up && !is_stuck {
            return;
        }
        if family.txs.len() >= self.policy.txs_max {
            return effects.push(Effect::Alarm(Alarm::TooManyReplacements { account_nonce }));
        }
        let is_urgent = riding.iter().any(|item| self.is_urgent(item, sight));
        let cancels = gives_up || family.is_cancelled();
        let payload = if cancels { Payload::Cancel } else { Payload::Settle(family.items.clone()) };
        let policy = if cancels { self.policy.fees.of_cancels() } else { self.policy.fees };
        match policy.bumped(last.fees, quote, is_urgent || cancels) {
            Some(fees) => effects.push(Effect::Sign { account_nonce, payload, fees }),
            None => effects.push(Effect::Alarm(Alarm::FeesAboveCap { account_nonce })),
        }
    }

    fn riding<'b>(&'b self, family: &'b Family, nonce: u64) -> impl Iterator<Item = &'b Item> {
        let rides = move |item: &&Item| item.state == ItemState::Riding { account_nonce: nonce };
        family.items.iter().filter_map(|key| self.lane.items.get(key)).filter(rides)
    }

    fn check(&self, sight: Sight, effects: &mut Vec<Effect>) {
        let every_ms = self.policy.check_ms.checked_div(2).unwrap_or(0).min(self.policy.linger_ms.max(self.policy.poll_ms));
        let wants = |item: &Item| match item.state {
            ItemState::Waiting { passed_at, .. } => !self.is_fresh(passed_at),
            // Whatever is on its way, it comes too late.
            ItemState::Riding { .. } => sight.head_time > item.intent.deadline,
            ItemState::Mined { .. } | ItemState::Dead(_) => false,
        };
        let keys: Vec<_> = (self.by_urgency())
            .filter(|item| wants(item) && self.watch.may_check(&item.intent.key, self.now, every_ms))
            .map(|item| item.intent.key)
            .take(self.policy.batch_max.saturating_mul(2))
            .collect();
        if !keys.is_empty() {
            effects.push(Effect::Check { keys });
        }
    }

    fn allocate(&self, sight: Sight, next: u64, effects: &mut Vec<Effect>) {
        let Some(quote) = self.quote else { return };
        if self.lane.in_flight().count() >= self.policy.in_flight_max {
            return;
        }
        let ready = |item: &&Item| match item.state {
            ItemState::Waiting { since, passed_at, .. } => {
                let pauses_ms = RETRY_MS.saturating_mul(1 << item.tries.min(4));
                let is_paused = item.tries > 0 && self.now.millis_since(since) < pauses_ms;
                !is_paused && self.is_fresh(passed_at) && sight.head_time <= item.intent.deadline
            }
            ItemState::Riding { .. } | ItemState::Mined { .. } | ItemState::Dead(_) => false,
        };
        let batch = self.batch(ready);
        let is_urgent = batch.iter().any(|item| self.is_urgent(item, sight));
        let waited_ms = batch.iter().filter_map(|item| waiting_since(item)).map(|since| self.now.millis_since(since)).max();
        let is_full = batch.len() >= self.policy.batch_max || batch.first().is_some_and(|item| item.intent.rides_alone());
        let goes = is_urgent || is_full || waited_ms >= Some(self.policy.linger_ms);
        if batch.is_empty() || !goes {
            return;
        }
        match self.policy.fees.first(quote, is_urgent) {
            Some(fees) => {
                let payload = Payload::Settle(batch.iter().map(|item| item.intent.key).collect());
                effects.push(Effect::Sign { account_nonce: next, payload, fees });
            }
            None => effects.push(Effect::Alarm(Alarm::FeesAboveCap { account_nonce: next })),
        }
    }

    /// The most urgent ones that fit into one transaction: a settler passes on nothing but the proxy's `settle`.
    fn batch(&self, ready: impl Fn(&&Item) -> bool) -> Vec<&Item> {
        let mut ready = self.by_urgency().filter(ready).peekable();
        if ready.peek().is_some_and(|item| item.intent.rides_alone()) {
            return ready.take(1).collect();
        }
        ready.filter(|item| !item.intent.rides_alone()).take(self.policy.batch_max).collect()
    }

    /// By deadline, then the larger amount first (T-08).
    fn by_urgency(&self) -> impl Iterator<Item = &Item> {
        let mut items: Vec<&Item> = self.lane.items.values().filter(|item| is_open(item)).collect();
        items.sort_by_key(|item| (item.intent.deadline, std::cmp::Reverse(item.intent.amount)));
        items.into_iter()
    }

    fn is_fresh(&self, passed_at: Option<Timestamp>) -> bool {
        passed_at.is_some_and(|at| at <= self.now && self.now.millis_since(at) < self.policy.check_ms)
    }

    fn is_urgent(&self, item: &Item, sight: Sight) -> bool {
        item.intent.deadline.saturating_sub(sight.head_time) <= self.policy.urgent_s
    }
}

const fn is_open(item: &Item) -> bool {
    matches!(item.state, ItemState::Waiting { .. } | ItemState::Riding { .. })
}

const fn waiting_since(item: &Item) -> Option<Timestamp> {
    match item.state {
        ItemState::Waiting { since, .. } => Some(since),
        ItemState::Riding { .. } | ItemState::Mined { .. } | ItemState::Dead(_) => None,
    }
}

/// Of so many looks at the chain, one is also at what is final.
const FINAL_POLLS: i64 = 10;

/// The first pause of a settlement that a mined transaction didn't settle; doubled with each.
const RETRY_MS: i64 = 2_500;

/// Which bytes to send: the newest, which pay most, behind those that a reorg undid.
fn current(family: &Family) -> impl Iterator<Item = &SignedTx> {
    let newest = family.newest().map(|tx| tx.hash);
    family.txs.iter().filter(move |tx| Some(tx.hash) == newest || Some(tx.hash) == family.reorged)
}
