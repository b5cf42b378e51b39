//! What is sealed opens at its own place, with its own key, and nowhere else (safety.md T-27, F-R9).

use std::sync::Arc;

use enrich_jobs::shard::{Table, codec};
use enrich_jobs::store::sealed::{Seal, SealedSnapshot};
use enrich_jobs::store::{Epoch, Error, Memory, Range, Sealed, Seq, Snapshot, Store};
use enrich_jobs::types::ShardId;

use crate::support::{keys, load, record, row};

const SHARD: ShardId = ShardId(1);
const CANARY: &str = "a canary";

/// A store and whoever looks into it from outside.
struct World {
    memory: Memory,
    epoch: Epoch,
}

impl World {
    async fn new() -> Self {
        let memory = Memory::new(3);
        let epoch = memory.acquire(SHARD).await.unwrap();
        Self { memory, epoch }
    }

    fn sealed(&self, list: &[Option<u8>]) -> Sealed<Memory> {
        Sealed::new(Arc::new(self.memory.clone()), "store", keys(list))
    }

    async fn put(&self, list: &[Option<u8>], table: Table, key: &[u8]) {
        self.sealed(list).put_rows(SHARD, self.epoch, vec![row(table, key, Some(&codec::encode(CANARY)))]).await.unwrap();
    }

    async fn get(&self, list: &[Option<u8>], table: Table, key: &[u8]) -> Result<String, Error> {
        let value = self.sealed(list).get(SHARD, table, key).await?.unwrap();
        Ok(codec::decode(&value).unwrap())
    }

    async fn raw(&self, table: Table, key: &[u8]) -> Vec<u8> {
        self.memory.get(SHARD, table, key).await.unwrap().unwrap()
    }
}

fn shows_canary(bytes: &[u8]) -> bool {
    bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes())
}

fn whole() -> Range {
    Range { prefix: vec![], after: None, newest_first: false, limit: 9 }
}

#[tokio::test]
async fn t27_neither_rows_nor_records_show_what_they_hold() {
    let world = World::new().await;
    for (list, shown) in [([None], true), ([Some(7)], false)] {
        let (memory, sealed) = (Memory::new(3), codec::encode(CANARY));
        let epoch = memory.acquire(SHARD).await.unwrap();
        let store = Sealed::new(Arc::new(memory.clone()), "store", keys(&list));
        store.append(record(1, epoch, 1, sealed.clone())).await.unwrap();
        store.put_rows(SHARD, epoch, vec![row(Table::LiveJob, b"a", Some(&sealed))]).await.unwrap();
        let raw = load(&memory, 1).await.unwrap();
        assert_eq!((shows_canary(&raw.records[0].1), shows_canary(&raw.rows[0].2)), (shown, shown));
        let opened = load(&store, 1).await.unwrap();
        assert_eq!((&opened.records[0].1, &opened.rows[0].2), (&sealed, &sealed));
        let longer = raw.rows[0].2.len() - sealed.len();
        assert_eq!(longer, if shown { 0 } else { 34 });
    }
    // The same value elsewhere has other bytes, and the same value there again the same ones.
    world.put(&[Some(7)], Table::LiveJob, b"a").await;
    world.put(&[Some(7)], Table::LiveJob, b"b").await;
    let (a, b) = (world.raw(Table::LiveJob, b"a").await, world.raw(Table::LiveJob, b"b").await);
    assert_ne!(a, b);
    world.put(&[Some(7)], Table::LiveJob, b"a").await;
    assert_eq!(world.raw(Table::LiveJob, b"a").await, a);
}

/// F-R9: a row that lies under another key, in another table, in another shard or in another store.
#[tokio::test]
async fn f_r9_a_moved_row_is_refused_with_its_place() {
    let world = World::new().await;
    world.put(&[Some(7)], Table::LiveJob, b"a").await;
    world.put(&[Some(7)], Table::LiveJob, b"b").await;
    let (a, b) = (world.raw(Table::LiveJob, b"a").await, world.raw(Table::LiveJob, b"b").await);
    let swapped = vec![row(Table::LiveJob, b"a", Some(&b)), row(Table::LiveJob, b"b", Some(&a)), row(Table::EndedJob, b"a", Some(&a))];
    world.memory.put_rows(SHARD, world.epoch, swapped).await.unwrap();
    let place = |error: Error, place: &str| {
        let text = error.to_string();
        assert!(matches!(error, Error::Corrupt(_)) && text.contains(place) && text.contains("altered or moved"), "{text}");
    };
    place(world.get(&[Some(7)], Table::LiveJob, b"a").await.unwrap_err(), "live_job 61 of shard 1");
    place(world.get(&[Some(7)], Table::LiveJob, b"b").await.unwrap_err(), "live_job 62 of shard 1");
    place(world.get(&[Some(7)], Table::EndedJob, b"a").await.unwrap_err(), "ended_job 61 of shard 1");
    let store = world.sealed(&[Some(7)]);
    place(store.scan(SHARD, Table::EndedJob, whole()).await.unwrap_err(), "ended_job 61 of shard 1");
    place(load(&store, 1).await.unwrap_err(), "live_job 61 of shard 1");
    let snapshot = store.snapshot().await.unwrap();
    place(snapshot.scan_all(SHARD, Table::LiveJob, &mut |_, _| Ok(())).unwrap_err(), "live_job 61 of shard 1");
    place(snapshot.load(SHARD, &mut |_| Ok(())).unwrap_err(), "live_job 61 of shard 1");

    // Back at their places they open; in another shard or another store they don't.
    let back = vec![row(Table::LiveJob, b"a", Some(&a)), row(Table::LiveJob, b"b", Some(&b))];
    world.memory.put_rows(SHARD, world.epoch, back).await.unwrap();
    assert_eq!(world.get(&[Some(7)], Table::LiveJob, b"a").await.unwrap(), CANARY);
    let other = world.memory.acquire(ShardId(2)).await.unwrap();
    world.memory.put_rows(ShardId(2), other, vec![row(Table::LiveJob, b"a", Some(&a))]).await.unwrap();
    place(store.get(ShardId(2), Table::LiveJob, b"a").await.unwrap_err(), "live_job 61 of shard 2");
    let elsewhere = Sealed::new(Arc::new(world.memory.clone()), "another store", keys(&[Some(7)]));
    place(elsewhere.get(SHARD, Table::LiveJob, b"a").await.unwrap_err(), "live_job 61 of shard 1");
}

#[tokio::test]
async fn f_r9_a_moved_record_is_refused_with_its_number() {
    let world = World::new().await;
    let store = world.sealed(&[Some(7)]);
    store.append(record(1, world.epoch, 1, "one")).await.unwrap();
    let sealed = load(&world.memory, 1).await.unwrap().records[0].1.clone();
    world.memory.append(record(1, world.epoch, 2, sealed)).await.unwrap();
    let error = load(&store, 1).await.unwrap_err();
    assert!(matches!(&error, Error::Corrupt(how) if how.contains("record 2 of shard 1")), "{error}");
    assert!(world.memory.damage(SHARD, Seq(1)));
    let error = load(&store, 1).await.unwrap_err();
    assert!(matches!(&error, Error::Corrupt(how) if how.contains("record 1 of shard 1")), "{error}");
}

/// Any bit, and any length: noticed, whatever the part of the sealed value.
#[tokio::test]
async fn f_r9_a_changed_value_is_refused() {
    let world = World::new().await;
    world.put(&[Some(7)], Table::Agent, b"a").await;
    let sealed = world.raw(Table::Agent, b"a").await;
    let flipped = (0..sealed.len() * 8).map(|bit| {
        let mut bytes = sealed.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    });
    let cut = (0..sealed.len()).map(|length| sealed[..length].to_vec());
    for bytes in flipped.chain(cut) {
        world.memory.put_rows(SHARD, world.epoch, vec![row(Table::Agent, b"a", Some(&bytes))]).await.unwrap();
        let error = world.get(&[Some(7)], Table::Agent, b"a").await.unwrap_err();
        assert!(matches!(&error, Error::Corrupt(how) | Error::Sealed(how) if how.contains("agent 61 of shard 1")), "{error}");
    }
}

/// The first key seals, each opens; a key that left its list is named, and nothing is taken for damage.
#[tokio::test]
async fn keys_are_changed_one_after_the_other() {
    let world = World::new().await;
    let refused = |error: Error| {
        let text = error.to_string();
        assert!(matches!(error, Error::Sealed(_)) && text.contains("ENRICH_SEAL_KEY"), "{text}");
        text
    };
    world.put(&[None], Table::LiveJob, b"plain").await;
    // A key that is set later doesn't take plain values by itself: anybody could have written them.
    assert!(
        refused(world.get(&[Some(1)], Table::LiveJob, b"plain").await.unwrap_err())
            .contains("live_job 706c61696e of shard 1 is not sealed")
    );
    world.put(&[Some(1), None], Table::LiveJob, b"one").await;
    world.put(&[Some(2), Some(1), None], Table::LiveJob, b"two").await;
    for key in [&b"plain"[..], b"one", b"two"] {
        assert_eq!(world.get(&[Some(2), Some(1), None], Table::LiveJob, key).await.unwrap(), CANARY);
        assert_eq!(world.get(&[None, Some(1), Some(2)], Table::LiveJob, key).await.unwrap(), CANARY);
    }
    assert!(
        refused(world.get(&[Some(2)], Table::LiveJob, b"one").await.unwrap_err()).contains("live_job 6f6e65 of shard 1 is sealed with key")
    );
    refused(world.get(&[None], Table::LiveJob, b"one").await.unwrap_err());
    refused(load(&world.sealed(&[Some(3)]), 1).await.unwrap_err());

    // What is written again changes its key, and the count says when the old one can go.
    let seals = |list: &'static [Option<u8>]| {
        let memory = world.memory.clone();
        async move {
            let counts = SealedSnapshot::new(memory.snapshot().await.unwrap(), "store", keys(list)).seals(3)?;
            Ok::<_, Error>(counts.into_iter().map(|(seal, count)| (seal == Seal::None, count)).collect::<Vec<_>>())
        }
    };
    assert_eq!(seals(&[Some(2), Some(1), None]).await.unwrap(), [(true, 1), (false, 1), (false, 1)]);
    world.put(&[Some(2), Some(1), None], Table::LiveJob, b"plain").await;
    world.put(&[Some(2), Some(1), None], Table::LiveJob, b"one").await;
    assert_eq!(seals(&[Some(2)]).await.unwrap(), [(false, 3)]);
    refused(seals(&[Some(1)]).await.unwrap_err());
}
