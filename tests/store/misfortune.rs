//! What tests can order from the store in memory.

use std::time::Duration;

use enrich_jobs::shard::Table;
use enrich_jobs::store::memory::{Fault, Memory, Space, Write};
use enrich_jobs::store::{Error, Seq, Store};
use enrich_jobs::types::ShardId;

use crate::support::{load, record, row};

const SHARD: ShardId = ShardId(0);

/// RS8, F-R3: the outcome is unknown to the caller, so it sends the same bytes again.
#[tokio::test]
async fn a_lost_reply_was_applied_and_a_refused_write_was_not() {
    let store = Memory::new(1);
    let epoch = store.acquire(SHARD).await.unwrap();
    store.fail_next([Fault::None, Fault::LostReply, Fault::Refused]);
    store.append(record(0, epoch, 1, "one")).await.unwrap();
    assert!(matches!(store.append(record(0, epoch, 2, "two")).await, Err(Error::Unavailable(_))));
    assert_eq!(store.last(SHARD), Seq(2));
    assert!(matches!(store.append(record(0, epoch, 2, "two")).await, Err(Error::Unavailable(_))));
    store.append(record(0, epoch, 2, "two")).await.unwrap();
    assert_eq!(load(&store, 0).await.unwrap().last, 2);
}

#[tokio::test]
async fn a_plan_sees_every_write() {
    let store = Memory::new(1);
    store.plan(|write| if matches!(write, Write::Append(_, Seq(2)) | Write::Trim(..)) { Fault::Refused } else { Fault::None });
    let epoch = store.acquire(SHARD).await.unwrap();
    store.append(record(0, epoch, 1, "one")).await.unwrap();
    store.append(record(0, epoch, 2, "two")).await.unwrap_err();
    store.put_rows(SHARD, epoch, vec![row(Table::Agent, b"a", Some(b"1"))]).await.unwrap();
    store.trim(SHARD, epoch, Seq(1)).await.unwrap_err();
    store.heal();
    store.append(record(0, epoch, 2, "two")).await.unwrap();
}

/// F-N1: the write of a holder that hung until another took over arrives too late.
#[tokio::test(start_paused = true)]
async fn a_write_that_was_held_up_is_fenced() {
    let store = Memory::new(1);
    let epoch = store.acquire(SHARD).await.unwrap();
    let gate = store.stall();
    let late = tokio::spawn({
        let store = store.clone();
        async move { store.append(record(0, epoch, 1, "late")).await }
    });
    tokio::time::sleep(Duration::from_secs(90)).await;
    assert!(!late.is_finished());
    store.fence(SHARD);
    gate.open();
    assert!(matches!(late.await.unwrap(), Err(Error::Fenced { .. })));
    assert_eq!(store.last(SHARD), Seq(0));
}

/// F-R5: a failover forgets the last records, and the holder sees it by their numbers.
#[tokio::test]
async fn a_rollback_shows_in_the_numbers() {
    let store = Memory::new(1);
    let epoch = store.acquire(SHARD).await.unwrap();
    for seq in 1..=5 {
        store.append(record(0, epoch, seq, seq.to_string())).await.unwrap();
    }
    store.trim(SHARD, epoch, Seq(1)).await.unwrap();
    assert_eq!(store.roll_back(SHARD, 2), 2);
    assert!(matches!(store.append(record(0, epoch, 6, "6")).await, Err(Error::OutOfOrder { got: 6, last: 3 })));
    assert_eq!(store.roll_back(SHARD, 10), 2, "what was trimmed isn't in the journal");
    assert_eq!(load(&store, 0).await.unwrap().last, 1);
}

#[tokio::test]
async fn a_full_store_takes_nothing_and_a_flipped_bit_is_handed_out() {
    let store = Memory::new(1);
    let epoch = store.acquire(SHARD).await.unwrap();
    store.set_space(Space::Ballast);
    assert!(!store.accepts_work());
    store.append(record(0, epoch, 1, "owed")).await.unwrap();
    store.set_space(Space::Full);
    assert!(matches!(store.append(record(0, epoch, 2, "x")).await, Err(Error::Full)));
    store.set_space(Space::Plenty);
    assert!(store.accepts_work());
    // F-S2: it is the reader of records who checks them.
    assert!(store.damage(SHARD, Seq(1)) && !store.damage(SHARD, Seq(2)));
    assert_ne!(load(&store, 0).await.unwrap().records, [(1, b"owed".to_vec())]);
}
