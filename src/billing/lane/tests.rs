use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::toy::{Bytes, GENESIS_TIME, Toy, intent};
use super::*;

const POLICY: Policy = Policy {
    batch_max: 3,
    linger_ms: 1_000,
    in_flight_max: 2,
    confirmations: 3,
    keep_blocks: 6,
    give_up_ms: 10_000,
    resend_ms: 2_000,
    poll_ms: 500,
    check_ms: 4_000,
    bump_after_ms: 6_000,
    txs_max: 30,
    urgent_s: 20,
    fees: FeePolicy { cap: 100_000, urgent_cap: 1_000_000, tip_min: 1 },
};

/// A lane, its journal, and the chain it lives on.
struct World {
    chain: Toy,
    intents: Vec<Arc<Intent>>,
    lane: Lane,
    /// Only what was made durable.
    stored: Lane,
    watch: Watch,
    now: Timestamp,
    policy: Policy,
    salt: u64,
    signed: BTreeMap<TxHash, Arc<[u8]>>,
    /// What every account nonce was first signed for.
    payloads: BTreeMap<u64, Vec<ItemKey>>,
    /// What the payers' shards were told last.
    told: BTreeMap<ItemKey, Outcome>,
    notices: Vec<Notice>,
}

impl World {
    fn new(policy: Policy, deadlines: &[u64]) -> Self {
        let intents: Vec<_> = (0_u8..).zip(deadlines).map(|(number, deadline)| Arc::new(intent(number, *deadline))).collect();
        let lane = Lane::new(LaneId { network: Network::Eip155(31_337), operator: Wallet::from_bytes([9; 20]) });
        Self {
            chain: Toy::new(&intents),
            intents,
            stored: lane.clone(),
            lane,
            watch: Watch::default(),
            now: Timestamp::from_millis(0),
            policy,
            salt: 0,
            signed: BTreeMap::new(),
            payloads: BTreeMap::new(),
            told: BTreeMap::new(),
            notices: Vec::new(),
        }
    }

    fn happen(&mut self, event: &Event) -> Result<(), Rejection> {
        let step = step(&self.lane, &self.policy, event)?;
        // Applying a step again changes nothing, and what is stored is what lives.
        step.changes.iter().chain(&step.changes).for_each(|change| self.stored.replay(change));
        self.lane.apply(&step);
        let live = Lane { sight: None, ..self.lane.clone() };
        assert_eq!(live, self.stored, "I-20");
        self.notices.extend(step.notices);
        Ok(())
    }

    fn due(&mut self, number: usize) {
        let event = Event::Due { intent: Arc::clone(&self.intents[number]), at: self.now };
        self.happen(&event).unwrap();
    }

    /// Everything in memory is gone; what is stored comes back as it was written.
    fn crash(&mut self) {
        self.lane = postcard::from_bytes(&postcard::to_stdvec(&self.stored).unwrap()).unwrap();
        self.watch = Watch::default();
    }

    /// Carries out what is to be done, up to `budget` effects; then the process dies.
    fn turn(&mut self, mut budget: usize) {
        for _ in 0..20 {
            let quote = FeeQuote { base: self.chain.base_fee, tip: 5 };
            let effects = effects(&self.lane, &self.policy, &self.watch, Some(quote), self.now);
            let is_quiet = !effects.iter().any(|effect| !matches!(effect, Effect::Alarm(_)));
            for effect in effects {
                let Some(left) = budget.checked_sub(1) else { return self.crash() };
                budget = left;
                self.carry_out(effect);
            }
            if is_quiet {
                return;
            }
        }
        panic!("never at rest: {:?}", effects(&self.lane, &self.policy, &self.watch, None, self.now));
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Observe { txs } => {
                self.watch.observed(&txs, self.now);
                let observation = self.chain.observe(&txs, self.policy.confirmations, self.now);
                self.happen(&Event::Observed(observation)).unwrap();
            }
            Effect::Check { keys } => {
                self.watch.checked(&keys, self.now);
                for key in keys {
                    let check = self.chain.check(key, self.policy.confirmations, self.now);
                    self.happen(&Event::Checked { key, check }).unwrap();
                }
            }
            Effect::Sign { account_nonce, payload, fees } => self.sign(account_nonce, payload, fees),
            Effect::Broadcast { hash, raw } => {
                assert_eq!(self.signed.get(&hash), Some(&raw), "D-3: only what is stored is sent, as it is stored");
                self.watch.sent(hash, self.now);
                self.chain.send(&raw);
            }
            Effect::Report { key, outcome } => {
                self.told.insert(key, outcome);
                self.happen(&Event::Acknowledged { key, outcome }).unwrap();
            }
            Effect::Alarm(_) => {}
        }
    }

    fn sign(&mut self, account_nonce: u64, payload: Payload, fees: Fees) {
        let keys = match &payload {
            Payload::Settle(keys) => keys.clone(),
            Payload::Cancel => vec![],
        };
        let next_before = self.lane.next.unwrap();
        let is_known = self.lane.families.contains_key(&account_nonce);
        let items = self.lane.intents(&keys).iter().map(|intent| (intent.key, intent.amount)).collect();
        self.salt += 1;
        let tx = Bytes { nonce: account_nonce, items, fees, salt: self.salt }.signed(self.now);
        // What was seen since the effect was derived may speak against it. "No" is an answer.
        if self.happen(&Event::Signed { account_nonce, payload, tx: tx.clone() }).is_err() {
            return;
        }
        self.signed.insert(tx.hash, tx.raw);
        assert!(is_known || keys.is_empty() || account_nonce == next_before, "I-14: no holes");
        let first = self.payloads.entry(account_nonce).or_insert_with(|| keys.clone());
        assert!(keys.is_empty() || *first == keys, "I-14: {first:?} then {keys:?} under {account_nonce}");
        assert_eq!(self.lane.next, Some(next_before.max(account_nonce + 1)));
    }

    fn pass(&mut self, millis: i64) {
        self.now = self.now.plus_millis(millis);
    }

    /// Faults are over: time passes, blocks come.
    fn run_until_quiet(&mut self) {
        for _ in 0..400 {
            self.pass(1_000);
            self.chain.mine(1);
            self.turn(usize::MAX);
            let is_open = |item: &Item| matches!(item.outcome(), Outcome::Pending | Outcome::Mined(_)) || item.is_news();
            if !self.lane.items.values().any(is_open) && self.lane.families.is_empty() {
                return;
            }
        }
        panic!("I-19: never quiet: {:#?}", self.lane);
    }

    /// The chain is the judge of what was said.
    fn audit(&self) {
        let truth = self.chain.state(self.chain.height());
        for (key, outcome) in &self.told {
            let moved = truth.moved.get(key).map_or(&[][..], Vec::as_slice);
            assert!(moved.len() <= 1, "I-8: settled twice");
            match outcome {
                Outcome::Settled(tx) => assert_eq!(moved, [(*tx, self.intents[usize::from(key.0[0])].amount)], "I-12, I-8"),
                Outcome::Dead(reason) => assert!(moved.is_empty(), "I-12: {reason:?}, and yet {moved:?}"),
                Outcome::Pending | Outcome::Mined(_) => panic!("I-19: {key:?} ends as {outcome:?}"),
            }
        }
        for key in truth.moved.keys() {
            assert!(matches!(self.told.get(key), Some(Outcome::Settled(_))), "money moved that nobody was told of");
        }
    }
}

const FAR: u64 = GENESIS_TIME + 1_000;

fn outcomes(world: &World) -> Vec<&'static str> {
    let name = |outcome: &Outcome| match outcome {
        Outcome::Pending => "pending",
        Outcome::Mined(_) => "mined",
        Outcome::Settled(_) => "settled",
        Outcome::Dead(DeadReason::Burned) => "burned",
        Outcome::Dead(DeadReason::Expired) => "expired",
        Outcome::Dead(DeadReason::Refused(_)) => "refused",
    };
    world.intents.iter().map(|intent| world.told.get(&intent.key).map_or("-", name)).collect()
}

/// One by one, `number` of them due and `act` once bytes are on their way, then to the end.
fn story(deadlines: &[u64], policy: Policy, act: impl FnOnce(&mut World)) -> World {
    let mut world = World::new(policy, deadlines);
    (0..deadlines.len()).for_each(|number| world.due(number));
    world.turn(usize::MAX);
    world.pass(1_000);
    world.turn(usize::MAX);
    act(&mut world);
    world.run_until_quiet();
    world.audit();
    world
}

#[test]
fn a_batch_settles() {
    let world = story(&[FAR; 5], POLICY, |world| assert_eq!(world.lane.in_flight().count(), 2));
    assert_eq!(outcomes(&world), ["settled"; 5]);
    assert_eq!(world.chain.state(world.chain.height()).nonce, 2, "three, then two in a transaction");
}

/// A settler calls nothing but `settle`: a transfer that the token itself authorizes, or a sponsored allowance, has a transaction of
/// its own, and holds nobody up.
#[test]
fn what_a_settler_cannot_pass_on_rides_alone() {
    rides_alone(|intent| intent.nonce = Nonce::Token([7; 32]));
    rides_alone(|intent| intent.is_sponsored = true);
}

fn rides_alone(change: impl Fn(&mut Intent)) {
    let mut world = World::new(POLICY, &[FAR; 4]);
    let alone = world.intents[1].key;
    change(Arc::make_mut(&mut world.intents[1]));
    (0..4).for_each(|number| world.due(number));
    world.turn(usize::MAX);
    world.pass(1_000);
    world.turn(usize::MAX);
    world.run_until_quiet();
    let mut sizes: Vec<_> = world.payloads.values().map(|keys| (keys.contains(&alone), keys.len())).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [(false, 3), (true, 1)]);
    assert_eq!(outcomes(&world), ["settled"; 4]);
}

/// D-1: mined is told before it is final.
#[test]
fn mined_then_settled() {
    let world = story(&[FAR], POLICY, |world| {
        world.chain.mine(1);
        world.pass(500);
        world.turn(usize::MAX);
        assert_eq!(outcomes(world), ["mined"]);
    });
    assert_eq!(outcomes(&world), ["settled"]);
}

/// F-X3: what was mined is gone; the same bytes go out again.
#[test]
fn fx3_a_reorg_sends_the_same_bytes_again() {
    let world = story(&[FAR], POLICY, |world| {
        world.chain.mine(1);
        world.chain.mine(1);
        world.pass(500);
        world.turn(usize::MAX);
        let tx = world.lane.families[&0].mined.unwrap().tx;
        world.chain.reorg(2, false);
        world.pass(500);
        world.turn(usize::MAX);
        assert_eq!(outcomes(world), ["pending"], "told that it is open again");
        assert_eq!(world.notices, [Notice::Reorged { tx }]);
        world.pass(2_000);
        world.turn(usize::MAX);
        world.chain.mine(1);
        assert!(world.chain.state(world.chain.height()).receipts.contains_key(&tx));
    });
    assert_eq!(outcomes(&world), ["settled"]);
}

/// F-X5: dropped bytes are sent again, and nothing new is signed for it.
#[test]
fn fx5_dropped_bytes_are_sent_again() {
    let world = story(&[FAR], POLICY, |world| world.chain.forget_pool());
    assert_eq!(outcomes(&world), ["settled"]);
    assert_eq!(world.salt, 1, "signed once");
}

/// F-X6: a transaction that pays too little is replaced with the same, paying more.
#[test]
fn fx6_a_stuck_transaction_pays_more() {
    let world = story(&[FAR; 2], POLICY, |world| {
        world.chain.base_fee = 10_000;
        for _ in 0..4 {
            world.pass(1_000);
            world.turn(usize::MAX);
        }
        let family = &world.lane.families[&0];
        assert!(family.txs.len() == 2 && family.txs[1].fees.replaces(family.txs[0].fees));
    });
    assert_eq!(outcomes(&world), ["settled"; 2]);
    assert_eq!(world.chain.state(world.chain.height()).nonce, 1);
}

/// T-20: somebody else used the account nonce; the lane goes on from the chain's.
#[test]
fn t20_a_foreign_transaction() {
    let world = story(&[FAR], POLICY, |world| {
        world.chain.forget_pool();
        world.chain.foreign();
    });
    assert_eq!(outcomes(&world), ["settled"]);
    assert!(world.notices.contains(&Notice::Foreign { account_nonce: 0 }));
    assert_eq!(world.chain.state(world.chain.height()).nonce, 2);
}

/// C9: the account nonce and the authorization are used, and no receipt is to be had. That is no proof of anything.
#[test]
fn i12_a_receipt_that_is_hidden_is_no_verdict() {
    let world = story(&[FAR], POLICY, |world| {
        world.chain.hides = true;
        for _ in 0..60 {
            world.pass(1_000);
            world.chain.mine(1);
            world.turn(usize::MAX);
        }
        assert_eq!((outcomes(world), world.lane.families[&0].txs.len()), (vec!["-"], 1));
        world.crash();
        world.chain.hides = false;
    });
    assert_eq!(outcomes(&world), ["settled"]);
    assert_eq!(world.notices, []);
}

#[test]
fn i12_dead_by_evidence() {
    // Drained: given up after a while.
    let world = story(&[FAR], POLICY, |world| {
        world.chain.drained.insert(world.intents[0].key);
    });
    assert_eq!(outcomes(&world), ["refused"]);
    // Used up by the payer.
    let world = story(&[FAR], POLICY, |world| world.chain.burn(world.intents[0].key));
    assert_eq!(outcomes(&world), ["burned"]);
    // Expired on its way: its account nonce is used for nothing, so that others can follow.
    let world = story(&[GENESIS_TIME + 30, FAR], POLICY, |world| {
        world.chain.base_fee = 2_000_000;
        for _ in 0..40 {
            world.pass(1_000);
            world.chain.mine(1);
            world.turn(usize::MAX);
        }
        world.chain.base_fee = 100;
    });
    assert_eq!(outcomes(&world), ["expired", "settled"]);
}

/// What pays all that may be paid, and is dead: its cancel has to pay more, or its account nonce would never be used.
#[test]
fn a_cancel_replaces_what_is_at_the_cap() {
    let mut world = World::new(POLICY, &[GENESIS_TIME + 3, FAR]);
    world.chain.base_fee = 900_000;
    world.due(0);
    world.turn(usize::MAX);
    world.pass(1_000);
    world.turn(usize::MAX);
    assert_eq!(world.lane.families[&0].txs[0].fees.max, POLICY.fees.urgent_cap);
    (0..8).for_each(|_| world.chain.mine_nothing(1));
    world.pass(1_000);
    world.turn(usize::MAX);
    assert_eq!(outcomes(&world)[0], "expired");
    world.chain.forget_pool();
    world.chain.base_fee = 100;
    world.due(1);
    world.run_until_quiet();
    world.audit();
    assert_eq!(outcomes(&world), ["expired", "settled"]);
}

/// A nonce that our own bytes may have used isn't read as the payer's doing.
#[test]
fn i12_a_used_nonce_while_bytes_are_alive() {
    story(&[FAR], POLICY, |world| {
        let key = world.intents[0].key;
        let deep = Some(Deep { nonce_used: true, block_time: GENESIS_TIME });
        let check = Check { at: world.now, simulated: Some(Err(crate::billing::x402::RevertReason::InvalidNonce)), deep };
        world.happen(&Event::Checked { key, check }).unwrap();
        assert_eq!(world.lane.items[&key].state, ItemState::Riding { account_nonce: 0 });
    });
}

/// I-8, D-3: what is refused, and changes nothing.
#[test]
fn what_is_refused() {
    let mut world = World::new(POLICY, &[FAR; 2]);
    let now = world.now;
    let fees = Fees { max: 200, tip: 5 };
    let signed = |nonce, payload: &Payload, fees| {
        let items = if *payload == Payload::Cancel { vec![] } else { vec![(intent(0, FAR).key, intent(0, FAR).amount)] };
        let tx = Bytes { nonce, items, fees, salt: 99 }.signed(now);
        Event::Signed { account_nonce: nonce, payload: payload.clone(), tx }
    };
    let settle = Payload::Settle(vec![world.intents[0].key]);
    world.due(0);
    world.due(0);
    let other = Intent { amount: crate::types::Usd::from_micros(1), ..intent(0, FAR) };
    let refused = |world: &mut World, event: &Event| world.happen(event).err();
    assert_eq!(refused(&mut world, &Event::Due { intent: Arc::new(other), at: now }), Some(Rejection::OtherIntent));
    assert_eq!(refused(&mut world, &signed(0, &settle, fees)), Some(Rejection::Unseen));
    world.turn(usize::MAX);
    assert_eq!(refused(&mut world, &signed(1, &settle, fees)), Some(Rejection::OtherNonce));
    assert_eq!(refused(&mut world, &signed(0, &Payload::Cancel, fees)), Some(Rejection::OtherNonce));
    let unknown = Payload::Settle(vec![world.intents[1].key]);
    assert_eq!(refused(&mut world, &signed(0, &unknown, fees)), Some(Rejection::NotWaiting));
    let twice = Payload::Settle(vec![world.intents[0].key; 2]);
    assert_eq!(refused(&mut world, &signed(0, &twice, fees)), Some(Rejection::NotWaiting));
    assert_eq!(refused(&mut world, &signed(0, &settle, fees)), None);
    assert_eq!(refused(&mut world, &signed(1, &settle, fees)), Some(Rejection::NotWaiting));
    assert_eq!(refused(&mut world, &signed(0, &unknown, fees.bumped())), Some(Rejection::OtherPayload));
    assert_eq!(refused(&mut world, &signed(0, &settle, Fees { max: 224, tip: 6 })), Some(Rejection::TooCheap));
    assert_eq!(refused(&mut world, &signed(0, &Payload::Cancel, fees.bumped())), None);
    assert_eq!(refused(&mut world, &signed(0, &settle, fees.bumped().bumped())), Some(Rejection::OtherPayload), "after a cancel, nothing");
}

#[derive(Debug, Clone)]
enum Act {
    Due(usize),
    Turn,
    /// The process dies after so many effects.
    TurnAndDie(usize),
    Pass(i64),
    Mine(u64),
    Reorg(usize, bool),
    ForgetPool,
    Foreign,
    Drain(usize),
    Refill(usize),
    Burn(usize),
    Hide(bool),
    BaseFee(u128),
}

const ITEMS: usize = 6;

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => (0..ITEMS).prop_map(Act::Due),
        8 => Just(Act::Turn),
        4 => (0_usize..6).prop_map(Act::TurnAndDie),
        6 => (100_i64..4_000).prop_map(Act::Pass),
        6 => (1_u64..4).prop_map(Act::Mine),
        2 => (1_usize..3, any::<bool>()).prop_map(|(depth, keeps)| Act::Reorg(depth, keeps)),
        1 => Just(Act::ForgetPool),
        1 => Just(Act::Foreign),
        1 => (0..ITEMS).prop_map(Act::Drain),
        1 => (0..ITEMS).prop_map(Act::Refill),
        1 => (0..ITEMS).prop_map(Act::Burn),
        2 => any::<bool>().prop_map(Act::Hide),
        1 => prop_oneof![Just(100_u128), Just(5_000), Just(500_000)].prop_map(Act::BaseFee),
    ];
    prop::collection::vec(act, 1..80)
}

proptest! {
    /// P-6: through any history of crashes, reorgs, drops, thieves and cheats, nothing is settled twice, nothing is told
    /// that isn't so, no account nonce is left out, and all comes to an end.
    #[test]
    fn p6_any_history(acts in acts(), deadlines in prop::collection::vec(GENESIS_TIME + 5..GENESIS_TIME + 200, ITEMS), batch_max in 1_usize..4) {
        let mut world = World::new(Policy { batch_max, ..POLICY }, &deadlines);
        for act in acts {
            match act {
                Act::Due(number) => world.due(number),
                Act::Turn => world.turn(usize::MAX),
                Act::TurnAndDie(effects) => world.turn(effects),
                Act::Pass(millis) => world.pass(millis),
                Act::Mine(seconds) => world.chain.mine(seconds),
                Act::Reorg(depth, keeps_pool) => world.chain.reorg(depth, keeps_pool),
                Act::ForgetPool => world.chain.forget_pool(),
                Act::Foreign => world.chain.foreign(),
                Act::Drain(number) => drop(world.chain.drained.insert(world.intents[number].key)),
                Act::Refill(number) => drop(world.chain.drained.remove(&world.intents[number].key)),
                Act::Burn(number) => world.chain.burn(world.intents[number].key),
                Act::Hide(hides) => world.chain.hides = hides,
                Act::BaseFee(base) => world.chain.base_fee = base,
            }
        }
        world.chain.base_fee = 100;
        world.chain.hides = false;
        // Who asks again is told again, so that the audit has all.
        world.run_until_quiet();
        world.audit();
    }
}
