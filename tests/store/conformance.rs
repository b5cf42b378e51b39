//! One suite, run over every store that needs nothing but this machine.

use std::sync::Arc;

use enrich_jobs::shard::Table;
use enrich_jobs::store::embedded::Settings;
use enrich_jobs::store::sealed::Keys;
use enrich_jobs::store::{Epoch, Error, Layout, Memory, Range, Redis, Sealed, Seq, Store};
use enrich_jobs::types::ShardId;

use crate::redis_server::RedisServer;
use crate::support::{keys, load, record, row, settings, try_open};

/// A store that can be closed and opened again.
struct Fixture {
    kind: Kind,
    /// What its values are sealed with, where they are.
    keys: Option<Keys>,
    open: Option<Arc<dyn Store>>,
}

enum Kind {
    Memory(Memory),
    Embedded { settings: Settings, _folder: tempfile::TempDir },
    Redis { server: Box<RedisServer>, settings: Box<enrich_jobs::store::redis::Settings> },
}

impl Fixture {
    /// Each store as it is, and sealed.
    async fn all(shards: u16) -> Vec<Self> {
        let mut all = Vec::new();
        for keys in [None, Some(keys(&[Some(7)]))] {
            let folder = tempfile::tempdir().unwrap();
            let settings = settings(folder.path(), shards);
            let server = Box::new(RedisServer::start(&[]));
            let shared = Box::new(server.settings(shards));
            let kinds =
                [Kind::Memory(Memory::new(shards)), Kind::Embedded { settings, _folder: folder }, Kind::Redis { server, settings: shared }];
            for kind in kinds {
                let mut fixture = Self { kind, keys: keys.clone(), open: None };
                fixture.open().await;
                all.push(fixture);
            }
        }
        all
    }

    fn store(&self) -> &dyn Store {
        &**self.open.as_ref().unwrap()
    }

    async fn open(&mut self) {
        let (store, id): (Arc<dyn Store>, String) = match &mut self.kind {
            Kind::Memory(memory) => (Arc::new(memory.clone()), "memory".to_owned()),
            Kind::Embedded { settings, .. } => {
                let store = try_open(settings).unwrap();
                let id = store.id().to_owned();
                (Arc::new(store), id)
            }
            Kind::Redis { settings, .. } => {
                let store = Redis::open(settings, "the store").await.unwrap();
                let id = store.id().to_owned();
                // From the second time on it must be this one, which has its number of shards already.
                (settings.known, settings.shards) = (Some(id.clone()), 9);
                (Arc::new(store), id)
            }
        };
        self.open = Some(match &self.keys {
            Some(keys) => Arc::new(Sealed::new(store, &id, keys.clone())),
            None => store,
        });
    }

    async fn reopen(&mut self) {
        match &mut self.kind {
            Kind::Memory(_) => {}
            Kind::Embedded { .. } => self.open.take().unwrap().close().await,
            Kind::Redis { server, .. } => {
                server.kill();
                server.restart();
            }
        }
        self.open().await;
    }
}

const SHARD: ShardId = ShardId(1);

#[tokio::test]
async fn records_are_appended_in_order_and_read_back_after_a_restart() {
    for mut fixture in Fixture::all(4).await {
        let store = fixture.store();
        let epoch = store.acquire(SHARD).await.unwrap();
        assert_eq!(load(store, 1).await.unwrap().last, 0);
        for seq in 1..=300_u64 {
            store.append(record(1, epoch, seq, seq.to_string())).await.unwrap();
        }
        for _restart in 0..2 {
            let content = load(fixture.store(), 1).await.unwrap();
            assert_eq!(content.last, 300);
            assert_eq!(content.records, (1..=300).map(|seq| (seq, seq.to_string().into_bytes())).collect::<Vec<_>>());
            fixture.reopen().await;
        }
    }
}

#[tokio::test]
async fn a_record_out_of_order_is_refused_and_leaves_no_trace() {
    for fixture in Fixture::all(4).await {
        let store = fixture.store();
        let epoch = store.acquire(SHARD).await.unwrap();
        store.append(record(1, epoch, 1, "one")).await.unwrap();
        for seq in [0, 3, u64::MAX] {
            let error = store.append(record(1, epoch, seq, "other")).await.unwrap_err();
            assert!(matches!(error, Error::OutOfOrder { got, last: 1 } if got == seq), "{error}");
        }
        assert_eq!(load(store, 1).await.unwrap().records, [(1, b"one".to_vec())]);
    }
}

/// RS8: after a lost reply the same bytes are sent again.
#[tokio::test]
async fn the_same_number_is_a_repeat_with_the_same_bytes_only() {
    for fixture in Fixture::all(4).await {
        let store = fixture.store();
        let epoch = store.acquire(SHARD).await.unwrap();
        for seq in 1..=3 {
            store.append(record(1, epoch, seq, vec![7; 5000])).await.unwrap();
        }
        for seq in 1..=3 {
            store.append(record(1, epoch, seq, vec![7; 5000])).await.unwrap();
            for other in [vec![7; 4999], vec![8; 5000], vec![]] {
                let error = store.append(record(1, epoch, seq, other)).await.unwrap_err();
                assert!(matches!(error, Error::OutOfOrder { last: 3, .. }), "{error}");
            }
        }
        // Trimmed, it can't be compared any more.
        store.trim(SHARD, epoch, Seq(2)).await.unwrap();
        assert!(matches!(store.append(record(1, epoch, 2, vec![7; 5000])).await, Err(Error::OutOfOrder { got: 2, last: 3 })));
        store.append(record(1, epoch, 3, vec![7; 5000])).await.unwrap();
    }
}

/// I-13, F-N1: whoever wakes up after its shard was taken changes nothing.
#[tokio::test]
async fn an_old_epoch_is_refused_for_every_write() {
    for mut fixture in Fixture::all(4).await {
        let old = fixture.store().acquire(SHARD).await.unwrap();
        fixture.store().append(record(1, old, 1, "one")).await.unwrap();
        fixture.reopen().await;
        let store = fixture.store();
        let new = store.acquire(SHARD).await.unwrap();
        assert!(new > old);
        for epoch in [old, Epoch(new.0 + 1)] {
            let fenced =
                |outcome: Result<(), Error>| matches!(outcome, Err(Error::Fenced { held, current }) if (held, current) == (epoch.0, new.0));
            assert!(fenced(store.append(record(1, epoch, 2, "two")).await));
            assert!(fenced(store.append(record(1, epoch, 1, "one")).await), "a repeat as well");
            assert!(fenced(store.put_rows(SHARD, epoch, vec![row(Table::Agent, b"a", Some(b"1"))]).await));
            assert!(fenced(store.trim(SHARD, epoch, Seq(1)).await));
        }
        let content = load(store, 1).await.unwrap();
        assert_eq!((content.last, content.rows.len()), (1, 0));
        store.append(record(1, new, 2, "two")).await.unwrap();
    }
}

#[tokio::test]
async fn rows_are_put_replaced_and_removed_together() {
    for mut fixture in Fixture::all(4).await {
        let store = fixture.store();
        let epoch = store.acquire(SHARD).await.unwrap();
        let first = vec![
            row(Table::LiveJob, b"b", Some(b"1")),
            row(Table::LiveJob, b"a", Some(b"1")),
            row(Table::EndedJob, b"e", Some(b"ended")),
            row(Table::Agent, b"", Some(b"")),
        ];
        store.put_rows(SHARD, epoch, first).await.unwrap();
        let second = vec![row(Table::LiveJob, b"a", None), row(Table::LiveJob, b"b", Some(b"2")), row(Table::LiveJob, b"none", None)];
        store.put_rows(SHARD, epoch, second).await.unwrap();
        for _restart in 0..2 {
            let store = fixture.store();
            // History isn't loaded, and lies there all the same.
            let live = vec![(Table::Agent, b"".to_vec(), b"".to_vec()), (Table::LiveJob, b"b".to_vec(), b"2".to_vec())];
            assert_eq!(load(store, 1).await.unwrap().rows, live);
            assert_eq!(store.get(SHARD, Table::EndedJob, b"e").await.unwrap(), Some(b"ended".to_vec()));
            assert_eq!(store.get(SHARD, Table::LiveJob, b"a").await.unwrap(), None);
            assert_eq!(store.get(SHARD, Table::Agent, b"").await.unwrap(), Some(vec![]));
            assert_eq!(store.get(SHARD, Table::Agent, b"e").await.unwrap(), None, "another table");
            fixture.reopen().await;
        }
    }
}

#[tokio::test]
async fn the_journal_goes_on_after_it_was_trimmed() {
    for mut fixture in Fixture::all(4).await {
        let store = fixture.store();
        let epoch = store.acquire(SHARD).await.unwrap();
        // More than are swept out of the file in one transaction.
        for seq in 1..=2_000 {
            store.append(record(1, epoch, seq, "x")).await.unwrap();
        }
        assert!(matches!(store.trim(SHARD, epoch, Seq(2_001)).await, Err(Error::OutOfOrder { .. })));
        store.trim(SHARD, epoch, Seq(1_998)).await.unwrap();
        store.trim(SHARD, epoch, Seq(5)).await.unwrap();
        assert_eq!(load(store, 1).await.unwrap().records.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [1_999, 2_000]);
        store.trim(SHARD, epoch, Seq(2_000)).await.unwrap();
        fixture.reopen().await;
        let store = fixture.store();
        assert_eq!(load(store, 1).await.unwrap().last, 2_000);
        let epoch = store.acquire(SHARD).await.unwrap();
        assert!(matches!(store.append(record(1, epoch, 1, "x")).await, Err(Error::OutOfOrder { last: 2_000, .. })));
        store.append(record(1, epoch, 2_001, "y")).await.unwrap();
        fixture.reopen().await;
        assert_eq!(load(fixture.store(), 1).await.unwrap().records, [(2_001, b"y".to_vec())]);
    }
}

#[tokio::test]
async fn a_scan_walks_a_prefix_in_both_directions_page_by_page() {
    for fixture in Fixture::all(4).await {
        let store = fixture.store();
        let epoch = store.acquire(SHARD).await.unwrap();
        let keys: [&[u8]; 7] = [b"a", b"b", b"b\0", b"b\x01", b"b\xff", b"b\xff\xff", b"c"];
        let rows = keys.iter().rev().map(|key| row(Table::Transfer, key, Some(key))).chain([row(Table::Attempt, b"bb", Some(b"no"))]);
        store.put_rows(SHARD, epoch, rows.collect()).await.unwrap();
        store.put_rows(SHARD, epoch, vec![row(Table::Transfer, b"b\xff", Some(b"b\xff"))]).await.unwrap();
        for newest_first in [false, true] {
            for (prefix, mut wanted) in [
                (&b"b"[..], keys[1..6].to_vec()),
                (b"", keys.to_vec()),
                (b"b\xff", keys[4..6].to_vec()),
                (b"\xff", vec![]),
                (b"bb", vec![]),
            ] {
                if newest_first {
                    wanted.reverse();
                }
                for limit in [1, 2, 100] {
                    let (mut found, mut after) = (Vec::new(), None);
                    loop {
                        let range = Range { prefix: prefix.into(), after, newest_first, limit };
                        let page = store.scan(SHARD, Table::Transfer, range).await.unwrap();
                        assert!(page.len() <= limit);
                        let Some((last, _)) = page.last() else { break };
                        after = Some(last.clone());
                        assert!(page.iter().all(|(key, value)| key == value));
                        found.extend(page.into_iter().map(|(key, _)| key));
                    }
                    assert_eq!(found, wanted, "{prefix:?} {newest_first} {limit}");
                }
            }
        }
        let none = Range { prefix: vec![], after: None, newest_first: false, limit: 0 };
        assert_eq!(store.scan(SHARD, Table::Transfer, none).await.unwrap(), []);
    }
}

#[tokio::test]
async fn shards_know_nothing_of_one_another() {
    for fixture in Fixture::all(4).await {
        let store = fixture.store();
        let (one, two) = (store.acquire(ShardId(1)).await.unwrap(), store.acquire(ShardId(2)).await.unwrap());
        store.append(record(1, one, 1, "of one")).await.unwrap();
        store.append(record(2, two, 1, "of two")).await.unwrap();
        store.put_rows(ShardId(1), one, vec![row(Table::Key, b"k", Some(b"one"))]).await.unwrap();
        store.acquire(ShardId(1)).await.unwrap();
        store.append(record(2, two, 2, "more")).await.unwrap();
        assert_eq!(store.get(ShardId(2), Table::Key, b"k").await.unwrap(), None);
        assert_eq!(load(store, 2).await.unwrap().last, 2);
        assert_eq!(load(store, 3).await.unwrap().last, 0);
        let missing = |error: Error| matches!(error, Error::NoShard { shard: 4, shards: 4 });
        assert!(missing(store.acquire(ShardId(4)).await.unwrap_err()));
        assert!(missing(store.append(record(4, one, 1, "x")).await.unwrap_err()));
        assert!(missing(load(store, 4).await.unwrap_err()));
    }
}

#[tokio::test]
async fn one_refusal_spoils_no_neighbour() {
    for fixture in Fixture::all(4).await {
        let store = fixture.store();
        let mut epochs = Vec::new();
        for shard in 0..4 {
            epochs.push(store.acquire(ShardId(shard)).await.unwrap());
        }
        // All at once, so that the embedded store commits them together: every second shard is fenced or out of order.
        for seq in 1..=50 {
            let old = Epoch(0);
            let (a, b, c, d) = tokio::join!(
                store.append(record(0, epochs[0], seq, "good")),
                store.append(record(1, old, seq, "fenced")),
                store.append(record(2, epochs[2], seq, "good")),
                store.append(record(3, epochs[3], seq + 1, "early")),
            );
            assert!(a.is_ok() && c.is_ok());
            assert!(matches!(b, Err(Error::Fenced { .. })) && matches!(d, Err(Error::OutOfOrder { .. })));
        }
        let mut last = Vec::new();
        for shard in 0..4 {
            last.push(load(store, shard).await.unwrap().last);
        }
        assert_eq!(last, [50, 0, 50, 0]);
    }
}

#[tokio::test]
async fn the_sink_can_end_a_load() {
    for fixture in Fixture::all(4).await {
        let store = fixture.store();
        let epoch = store.acquire(SHARD).await.unwrap();
        for seq in 1..=50 {
            store.append(record(1, epoch, seq, vec![1; 100_000])).await.unwrap();
        }
        let mut seen = 0;
        let sink = &mut |_: enrich_jobs::store::Loaded<'_>| {
            seen += 1;
            if seen == 3 { Err("bad checksum".to_owned()) } else { Ok(()) }
        };
        let error = store.load(SHARD, sink).await.unwrap_err();
        assert!(matches!(&error, Error::Corrupt(reason) if reason.contains("bad checksum")), "{error}");
        assert_eq!(seen, 3);
        assert_eq!(load(store, 1).await.unwrap().last, 50);
    }
}

#[tokio::test]
async fn the_layout_is_told() {
    for fixture in Fixture::all(5).await {
        assert_eq!(fixture.store().layout(), Layout { shards: 5, schema: 1 });
        assert!(fixture.store().accepts_work());
    }
}
