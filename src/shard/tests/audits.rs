//! The audit finds what is broken.

use super::payments::{BASE, due_key, exact, upto, wallet};
use super::*;
use crate::billing::lane::{Claimant, DeadReason, Outcome, TxHash};
use crate::billing::{Account, JobTransfer, Source, Transfer, TransferId};

/// The audit finds a wrong balance, a wrong hold, and a wrong, missing or foreign transfer.
#[test]
fn the_audit_finds_what_is_broken() {
    let (mut world, id) = one_job();
    let kept_job = world.spec(1, 700_000, None);
    world.run(Command::Submit { spec: kept_job, key: None }).unwrap();
    ended(&mut world, id);
    world.checkpoint(usize::MAX);
    assert!(world.audit().is_ok(), "{:?}", world.audit());

    let find = |world: &World, table| {
        world.kept.rows.iter().find(|((known, _), _)| *known == table).map(|(key, value)| (key.clone(), value.clone())).unwrap()
    };
    let broken = |world: &World, change: &dyn Fn(&mut Kept)| {
        let mut kept = world.kept.clone();
        change(&mut kept);
        let other = World {
            shard: Shard::new(),
            unwritten: Unwritten::default(),
            group: Group::default(),
            kept,
            agents: vec![],
            jobs: vec![],
            counter: 0,
        };
        let found: Vec<_> = other.audit().broken.iter().map(|broken| broken.invariant).collect();
        assert!(!found.is_empty());
        found
    };

    let (key, value) = find(&world, Table::Balance);
    let (agent, available, held): (AgentId, Usd, Usd) = codec::decode(&value).unwrap();
    let more = available.plus(Usd::from_micros(1)).unwrap();
    assert!(
        broken(&world, &|kept| {
            kept.rows.insert(key.clone(), codec::encode(&(agent, more, held)));
        })
        .contains(&"I-20")
    );

    let (key, value) = find(&world, Table::LiveJob);
    let mut job: Job = codec::decode(&value).unwrap();
    job.state.held = Usd::from_micros(699_999);
    assert!(
        broken(&world, &|kept| {
            kept.rows.insert(key.clone(), codec::encode(&job));
        })
        .contains(&"I-2")
    );

    let (key, value) = find(&world, Table::Transfer);
    let mut transfer: crate::billing::Transfer = codec::decode(&value).unwrap();
    transfer.amount = Usd::from_micros(transfer.amount.micros() + 1);
    assert!(
        broken(&world, &|kept| {
            kept.rows.insert(key.clone(), codec::encode(&transfer));
        })
        .contains(&"I-20")
    );
    assert!(
        broken(&world, &|kept| {
            kept.rows.remove(&key);
        })
        .contains(&"I-20")
    );

    let (key, value) = find(&world, Table::Account);
    let (account, balance): (Account, Usd) = codec::decode(&value).unwrap();
    assert_eq!(account, Account::Deposits(Source::Operator));
    assert!(
        broken(&world, &|kept| {
            kept.rows.insert(key.clone(), codec::encode(&(account, balance.plus(Usd::from_micros(1)).unwrap())));
        })
        .contains(&"I-20")
    );
}

fn end_of(kept: &Kept, table: Table, is: impl Fn(&[u8]) -> bool) -> ((Table, Vec<u8>), Vec<u8>) {
    let found = kept.rows.iter().find(|((known, _), value)| *known == table && is(value));
    found.map(|(key, value)| (key.clone(), value.clone())).unwrap()
}

/// The row of a wallet's job, its value changed.
fn with_job(kept: &mut Kept, table: Table, id: JobId, change: impl Fn(&mut Job)) {
    let (key, value) = end_of(kept, table, |value| codec::decode::<Job>(value).unwrap().spec.id == id);
    let mut job: Job = codec::decode(&value).unwrap();
    change(&mut job);
    kept.rows.insert(key, codec::encode(&job));
}

fn is_of(value: &[u8], id: JobId, kind: JobTransfer) -> bool {
    codec::decode::<Transfer>(value).unwrap().id == TransferId::Job(id, kind)
}

/// A wallet's jobs in every place, then one thing is wrong at a time.
#[test]
#[allow(clippy::too_many_lines, reason = "one story, and every way to break it")]
fn the_audit_finds_what_is_broken_of_wallets() {
    let mut world = World::new();
    let payment = |nonce| upto(1, nonce, 1_000_000, BASE);
    let settled = world.owing(payment(1), 30_000);
    world.heard(due_key(&payment(1)), Outcome::Settled(TxHash([7; 32])));
    let mined = world.owing(payment(2), 20_000);
    world.heard(due_key(&payment(2)), Outcome::Mined(TxHash([8; 32])));
    let owing = world.owing(payment(3), 10_000);
    let free = world.running(payment(4));
    world.finish(free, false);
    let running = world.running(payment(5));
    let lost = world.owing(payment(6), 5_000);
    world.heard(due_key(&payment(6)), Outcome::Dead(DeadReason::Burned));
    let agent = world.agents[0];
    let whole = world.running(exact(2, 7, 1_000));
    world.finish(whole, true);
    world.heard(due_key(&exact(2, 7, 1_000)), Outcome::Settled(TxHash([9; 32])));
    let deposit = exact(2, 8, 9_000);
    world.claim(&deposit, Claimant::Agent(agent)).unwrap();
    world.checkpoint(usize::MAX);
    assert!(world.audit().is_ok(), "{:?}", world.audit());

    let breaks = |invariant: &str, what: &str, change: &dyn Fn(&mut Kept)| {
        let mut broken = World::new();
        broken.kept = world.kept.clone();
        change(&mut broken.kept);
        let found = broken.audit().broken;
        assert!(found.iter().any(|broken| broken.invariant == invariant), "{what}: {found:?}");
    };
    let due = |nonce| (Table::Due, due_key(&payment(nonce)).0.to_vec());
    let charge = |micros: i64| move |job: &mut Job| job.state.bill.as_mut().unwrap().charged = Usd::from_micros(micros);
    let again = |kept: &mut Kept, id, kind, change: &dyn Fn(&mut Transfer)| {
        let (_, value) = end_of(kept, Table::Transfer, |value| is_of(value, id, kind));
        let mut transfer: Transfer = codec::decode(&value).unwrap();
        change(&mut transfer);
        kept.rows.insert((Table::Transfer, vec![9; 9]), codec::encode(&transfer));
    };

    breaks("I-5", "a due is lost", &|kept| drop(kept.rows.remove(&due(3))));
    breaks("I-6", "a due is lost whose job has ended", &|kept| drop(kept.rows.remove(&due(2))));
    breaks("I-5", "a due is there again", &|kept| {
        let (_, value) = end_of(kept, Table::Due, |_| true);
        let mut known: Due = codec::decode(&value).unwrap();
        known.payment = Arc::new(payment(1));
        (known.key, known.claimant) = (due_key(&payment(1)), Claimant::Job(settled));
        kept.rows.insert(due(1), codec::encode(&known));
    });
    for (what, amount) in [("less is owed than charged", 9_999), ("more is owed than signed for", 1_000_001), ("nothing is owed", 0)] {
        breaks("I-6", what, &|kept| {
            let mut known: Due = codec::decode(&kept.rows[&due(3)]).unwrap();
            known.amount = Usd::from_micros(amount);
            kept.rows.insert(due(3), codec::encode(&known));
        });
    }
    breaks("I-6", "a part of a deposit is owed", &|kept| {
        let key = (Table::Due, due_key(&deposit).0.to_vec());
        let mut known: Due = codec::decode(&kept.rows[&key]).unwrap();
        known.amount = Usd::from_micros(8_999);
        kept.rows.insert(key, codec::encode(&known));
    });
    breaks("I-8", "a due under another's name", &|kept| {
        let value = kept.rows.remove(&due(3)).unwrap();
        let mut known: Due = codec::decode(&value).unwrap();
        known.payment = Arc::new(payment(9));
        kept.rows.insert(due(3), codec::encode(&known));
    });

    breaks("I-6", "charged beyond what was signed", &|kept| with_job(kept, Table::EndedJob, settled, charge(1_000_001)));
    breaks("I-3", "charged other than claimed", &|kept| with_job(kept, Table::EndedJob, settled, charge(29_999)));
    breaks("I-6", "a part of a fixed amount", &|kept| with_job(kept, Table::EndedJob, whole, charge(999)));
    breaks("I-6", "charged other than owed", &|kept| with_job(kept, Table::LiveJob, owing, charge(9_999)));
    breaks("I-6", "charged while it runs", &|kept| {
        with_job(kept, Table::LiveJob, running, |job| {
            job.state.bill = Some(crate::job::Bill { charged: Usd::from_micros(1), refunded: None });
        });
    });
    breaks("I-2", "no bill", &|kept| with_job(kept, Table::EndedJob, settled, |job| job.state.bill = None));
    breaks("I-7", "a payment for two", &|kept| {
        with_job(kept, Table::EndedJob, free, |job| {
            job.spec = Arc::new(Spec { payment: Some(Arc::new(payment(1))), ..(*job.spec).clone() });
        });
    });
    breaks("I-7", "a live job with an ended one's payment", &|kept| {
        with_job(kept, Table::LiveJob, running, |job| {
            job.spec = Arc::new(Spec { payment: Some(Arc::new(payment(1))), ..(*job.spec).clone() });
        });
    });
    breaks("I-7", "somebody else's payment", &|kept| {
        with_job(kept, Table::EndedJob, free, |job| {
            job.spec = Arc::new(Spec { payment: Some(Arc::new(upto(3, 9, 1_000_000, BASE))), ..(*job.spec).clone() });
        });
    });

    breaks("I-3", "booked twice as something else", &|kept| {
        again(kept, settled, JobTransfer::Settle, &|transfer| transfer.amount = Usd::from_micros(1));
    });
    breaks("I-6", "settled and written off", &|kept| {
        again(kept, settled, JobTransfer::Settle, &|transfer| transfer.id = TransferId::Job(settled, JobTransfer::WriteOff));
    });
    breaks("I-6", "settled while it is owed", &|kept| {
        again(kept, settled, JobTransfer::Settle, &|transfer| transfer.id = TransferId::Job(mined, JobTransfer::Settle));
    });
    breaks("I-3", "settled before it has ended", &|kept| {
        again(kept, settled, JobTransfer::Settle, &|transfer| transfer.id = TransferId::Job(owing, JobTransfer::Settle));
    });
    for (id, kind) in [(settled, JobTransfer::Settle), (lost, JobTransfer::WriteOff)] {
        breaks("I-6", "an end that isn't booked", &|kept| {
            let (key, _) = end_of(kept, Table::Transfer, |value| is_of(value, id, kind));
            kept.rows.remove(&key);
        });
    }

    let book = |what: &str, change: &dyn Fn(&mut WalletBook)| {
        breaks("I-5", what, &|kept| {
            let (key, value) = end_of(kept, Table::Wallet, |value| codec::decode::<WalletBook>(value).unwrap().wallet == wallet(1));
            let mut book: WalletBook = codec::decode(&value).unwrap();
            change(&mut book);
            kept.rows.insert(key, codec::encode(&book));
        });
    };
    book("a debt of another amount", &|book| book.debts[0].amount = Usd::from_micros(5_001));
    book("a debt twice", &|book| book.debts.extend(book.debts.clone()));
    book("a debt for what was settled", &|book| book.debts[0].job = settled);
}

/// I-17 is about memory: rows can't say it.
#[test]
fn the_audit_finds_a_wrong_sum() {
    let mut world = World::new();
    let id = world.running(upto(1, 1, 1_000_000, BASE));
    for sum in [999_999, 1_000_001] {
        world.shard.unsettled.insert(wallet(1), Usd::from_micros(sum));
        assert!(Audit::new().finish(&world.shard).broken.iter().any(|broken| broken.invariant == "I-17"));
    }
    world.shard.unsettled.insert(wallet(1), Usd::from_micros(1_000_000));
    world.finish(id, false);
    world.shard.sponsored.insert(wallet(1), 1);
    assert!(Audit::new().finish(&world.shard).broken.iter().any(|broken| broken.invariant == "I-17"));
    world.shard.sponsored.remove(&wallet(1));
    world.shard.unsettled.insert(wallet(2), Usd::from_micros(1));
    assert!(Audit::new().finish(&world.shard).broken.iter().any(|broken| broken.invariant == "I-17"));
}
