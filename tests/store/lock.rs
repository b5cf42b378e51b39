//! Who may open a folder, and what is refused there.

use std::fs;
use std::os::unix::fs::MetadataExt;

use enrich_jobs::shard::Table;
use enrich_jobs::store::{Embedded, Error, Snapshot, Store};
use enrich_jobs::types::ShardId;
use rusqlite::Connection;

use crate::support::{load, record, row, settings, try_open};

/// F-S4: the second one is refused, in this process or another, until the first lets go.
#[tokio::test]
async fn a_store_has_one_holder() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path(), 2);
    let first = try_open(&settings).unwrap();
    let error = try_open(&settings).unwrap_err();
    assert!(matches!(&error, Error::Locked { path } if *path == folder.path().display().to_string()), "{error}");
    first.close().await;
    let again = try_open(&settings).unwrap();
    assert!(matches!(first.acquire(ShardId(0)).await, Err(Error::Unavailable(_))), "closed");
    drop(again);
    try_open(&settings).unwrap();
}

/// What was asked for before the end is written and answered.
#[tokio::test]
async fn closing_writes_what_is_in_the_queue() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path(), 2);
    let store = std::sync::Arc::new(try_open(&settings).unwrap());
    let epoch = store.acquire(ShardId(0)).await.unwrap();
    let appends = futures_util::future::join_all((1..=500).map(|seq| store.append(record(0, epoch, seq, vec![1; 1000]))));
    let (answers, ()) = tokio::join!(appends, store.close());
    let written = answers.iter().take_while(|answer| answer.is_ok()).count();
    assert!(answers.iter().skip(written).all(|answer| matches!(answer, Err(Error::Unavailable(_)))));
    drop(store);
    let store = try_open(&settings).unwrap();
    assert_eq!(load(&store, 0).await.unwrap().last, u64::try_from(written).unwrap());
}

#[tokio::test]
async fn a_store_keeps_the_number_of_shards_it_was_made_with() {
    let folder = tempfile::tempdir().unwrap();
    let first = try_open(&settings(folder.path(), 3)).unwrap();
    let id = first.id().to_owned();
    assert_eq!(id.len(), 32);
    drop(first);
    let store = try_open(&settings(folder.path(), 16)).unwrap();
    assert_eq!((store.layout().shards, store.id()), (3, id.as_str()));
}

/// CP-27: an old binary keeps its hands off.
#[test]
fn a_newer_schema_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path(), 2);
    drop(try_open(&settings).unwrap());
    let file = Connection::open(folder.path().join("store.db")).unwrap();
    file.execute("UPDATE meta SET value = '7' WHERE name = 'schema'", []).unwrap();
    drop(file);
    for error in [try_open(&settings).unwrap_err(), Embedded::open_read_only(folder.path()).unwrap_err()] {
        assert!(matches!(error, Error::Schema { found: 7, known: 1 }), "{error}");
    }
}

/// F-R7: whoever loses the file doesn't get an empty ledger without a word.
#[test]
fn a_store_that_vanished_is_not_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path(), 2);
    drop(try_open(&settings).unwrap());
    fs::rename(folder.path().join("store.db"), folder.path().join("moved")).unwrap();
    let error = try_open(&settings).unwrap_err().to_string();
    assert!(error.contains("is gone; bring it back"), "{error}");
    // Nor is another store taken for it.
    let other = tempfile::tempdir().unwrap();
    drop(try_open(&crate::support::settings(other.path(), 2)).unwrap());
    fs::copy(other.path().join("store.db"), folder.path().join("store.db")).unwrap();
    let error = try_open(&settings).unwrap_err().to_string();
    assert!(error.contains("store.id names store"), "{error}");
    fs::rename(folder.path().join("moved"), folder.path().join("store.db")).unwrap();
    try_open(&settings).unwrap();
}

#[test]
fn the_database_of_another_program_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    Connection::open(folder.path().join("store.db")).unwrap().execute_batch("CREATE TABLE theirs (a)").unwrap();
    let theirs = fs::read(folder.path().join("store.db")).unwrap();
    let error = try_open(&settings(folder.path(), 2)).unwrap_err().to_string();
    assert!(error.contains("a database of another program"), "{error}");
    assert_eq!(fs::read(folder.path().join("store.db")).unwrap(), theirs);
    fs::write(folder.path().join("store.db"), "not a database, but long enough to look like one at the first glance".repeat(9)).unwrap();
    assert!(matches!(try_open(&settings(folder.path(), 2)), Err(Error::Corrupt(_))));
}

#[tokio::test]
async fn nobody_else_may_look_in() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("deep/store");
    let store = try_open(&settings(&folder, 2)).unwrap();
    store.acquire(ShardId(0)).await.unwrap();
    assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o777, 0o700);
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().mode() & 0o777, 0o600, "{:?}", entry.file_name());
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["ballast", "lock", "store.db", "store.db-shm", "store.db-wal", "store.id"]);
    let ballast = fs::metadata(folder.join("ballast")).unwrap();
    assert_eq!(ballast.len(), 1 << 20);
    assert!(ballast.blocks() * 512 >= 1 << 20, "sparse");
}

/// `audit` beside a running server sees one moment; on a stopped or crashed one it sees the last.
#[tokio::test]
async fn a_reader_sees_one_moment_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(Embedded::open_read_only(folder.path()), Err(Error::Open { .. })));
    let settings = settings(folder.path(), 2);
    let store = try_open(&settings).unwrap();
    let epoch = store.acquire(ShardId(1)).await.unwrap();
    store.append(record(1, epoch, 1, "one")).await.unwrap();
    store.put_rows(ShardId(1), epoch, vec![row(Table::Transfer, b"t", Some(b"1"))]).await.unwrap();

    let reader = Embedded::open_read_only(folder.path()).unwrap();
    store.append(record(1, epoch, 2, "two")).await.unwrap();
    store.put_rows(ShardId(1), epoch, vec![row(Table::Transfer, b"t", Some(b"2"))]).await.unwrap();
    let seen = |reader: &enrich_jobs::store::embedded::Reader| {
        let mut rows = Vec::new();
        let last = reader.load(ShardId(1), &mut |_| Ok(())).unwrap();
        let sink = &mut |_: &[u8], value: &[u8]| {
            rows.push(value.to_vec());
            Ok(())
        };
        reader.scan_all(ShardId(1), Table::Transfer, sink).unwrap();
        reader.check().unwrap();
        (last.0, rows)
    };
    assert_eq!(seen(&reader), (1, vec![b"1".to_vec()]));
    assert_eq!((reader.layout(), reader.id()), (store.layout(), store.id()));
    drop(reader);
    assert_eq!(seen(&Embedded::open_read_only(folder.path()).unwrap()), (2, vec![b"2".to_vec()]));
    drop(store);
    let before = fs::read(folder.path().join("store.db")).unwrap();
    assert_eq!(seen(&Embedded::open_read_only(folder.path()).unwrap()), (2, vec![b"2".to_vec()]));
    assert_eq!(fs::read(folder.path().join("store.db")).unwrap(), before);
    assert!(try_open(&settings).is_ok());
}
