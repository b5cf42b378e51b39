//! The audit finds what is broken.

use super::*;
use crate::billing::{Account, Source};

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
