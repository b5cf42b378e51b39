//! What is no longer needed gives its space back while the store is in use.

use std::fs;

use enrich_jobs::store::{Embedded, Seq, Store};
use enrich_jobs::types::ShardId;

use crate::support::{load, record, settings, try_open};

const SHARD: ShardId = ShardId(0);
const RECORD_BYTES: usize = 40_000;

#[tokio::test]
async fn neither_the_log_nor_a_trimmed_journal_grows_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = |name: &str| fs::metadata(folder.path().join(name)).unwrap().len();
    let store = try_open(&settings(folder.path(), 1)).unwrap();
    let epoch = store.acquire(SHARD).await.unwrap();
    let (mut log_max, mut seq) = (0, 0);
    // 160 MB, of which 4 MB are kept.
    for _round in 0..40 {
        for _ in 0..100 {
            seq += 1;
            store.append(record(0, epoch, seq, vec![7; RECORD_BYTES])).await.unwrap();
        }
        store.trim(SHARD, epoch, Seq(seq - 100)).await.unwrap();
        log_max = log_max.max(bytes("store.db-wal"));
    }
    assert!(log_max < 80 << 20, "the log grew to {log_max} bytes");
    assert!(bytes("store.db") < 40 << 20, "the database grew to {} bytes", bytes("store.db"));
    assert_eq!(load(&store, 0).await.unwrap().records.len(), 100);
}

/// A reader keeps the log from beginning anew; once it is gone, the log shrinks to its usual size.
#[tokio::test]
async fn a_long_read_holds_the_log_up_only_as_long_as_it_lasts() {
    let folder = tempfile::tempdir().unwrap();
    let log_bytes = || fs::metadata(folder.path().join("store.db-wal")).unwrap().len();
    let store = try_open(&settings(folder.path(), 1)).unwrap();
    let epoch = store.acquire(SHARD).await.unwrap();
    let append = |from: u64, to: u64| {
        let store = &store;
        async move {
            for seq in from..=to {
                store.append(record(0, epoch, seq, vec![7; RECORD_BYTES])).await.unwrap();
            }
        }
    };
    append(1, 10).await;
    let reader = Embedded::open_read_only(folder.path()).unwrap();
    append(11, 2_500).await;
    let held_up = log_bytes();
    assert!(held_up > 80 << 20, "{held_up}");
    drop(reader);
    append(2_501, 5_000).await;
    assert!(log_bytes() < held_up, "{} of {held_up}", log_bytes());
    assert_eq!(load(&store, 0).await.unwrap().last, 5_000);
}
