//! Bits that flip: what was stored comes back, or the store says that it is damaged (safety.md F-S2).

use std::fs;
use std::path::{Path, PathBuf};

use enrich_jobs::shard::Table;
use enrich_jobs::store::embedded::Settings;
use enrich_jobs::store::{Embedded, Error, Seq, Snapshot, Store};
use enrich_jobs::types::ShardId;
use xxhash_rust::xxh3::xxh3_64;

use crate::support::{Content, load, record, row, settings, try_open};

const SHARDS: u16 = 2;

/// Records bear their own checksum, as the shard's do.
fn sealed(text: &str) -> Vec<u8> {
    let body = text.as_bytes().repeat(40);
    [&xxh3_64(&body).to_le_bytes(), body.as_slice()].concat()
}

fn is_sealed(record: &[u8]) -> bool {
    record.split_at_checked(8).is_some_and(|(sum, body)| xxh3_64(body).to_le_bytes() == *sum)
}

async fn fill(settings: &Settings) {
    let store = try_open(settings).unwrap();
    for shard in 0..SHARDS {
        let epoch = store.acquire(ShardId(shard)).await.unwrap();
        for seq in 1..=60 {
            store.append(record(shard, epoch, seq, sealed(&format!("{shard} {seq}")))).await.unwrap();
        }
        let rows = (0..80_u8).map(|key| row(Table::LiveJob, &[key; 18], Some(&[key; 300])));
        let history = (0..20_u8).map(|key| row(Table::Transfer, &[key; 18], Some(&[key; 100])));
        store.put_rows(ShardId(shard), epoch, rows.chain(history).collect()).await.unwrap();
        store.trim(ShardId(shard), epoch, Seq(7)).await.unwrap();
    }
    store.close().await;
}

/// Everything, as a start and a few later reads would see it.
async fn all(settings: &Settings) -> Result<Vec<Content>, Error> {
    let store = try_open(settings)?;
    let mut all = Vec::new();
    for shard in 0..store.layout().shards {
        let epoch = store.acquire(ShardId(shard)).await?;
        assert_eq!(epoch.0, 2);
        let mut content = load(&store, shard).await?;
        if content.records.iter().any(|(_, record)| !is_sealed(record)) {
            return Err(Error::Corrupt("the record's own checksum".to_owned()));
        }
        for key in 0..20_u8 {
            if let Some(value) = store.get(ShardId(shard), Table::Transfer, &[key; 18]).await? {
                content.rows.push((Table::Transfer, vec![key; 18], value));
            }
        }
        all.push(content);
    }
    // A row that lost its key is no row to whoever asks for one; `audit` reads whole tables and misses it.
    let reader = Embedded::open_read_only(&settings.path)?;
    for shard in 0..SHARDS {
        reader.scan_all(ShardId(shard), Table::Transfer, &mut |_, _| Ok(()))?;
    }
    Ok(all)
}

fn copy_of(source: &Path, names: &[&str]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        fs::copy(source.join(name), folder.path().join(name)).unwrap();
    }
    let database = folder.path().join("store.db");
    (folder, database)
}

#[tokio::test]
async fn a_flipped_bit_in_the_database_is_noticed_or_harmless() {
    let original = tempfile::tempdir().unwrap();
    fill(&settings(original.path(), SHARDS)).await;
    let (copy, _) = copy_of(original.path(), &["store.db", "store.id"]);
    let wanted = all(&settings(copy.path(), SHARDS)).await.unwrap();
    assert_eq!((wanted[1].records.len(), wanted[1].rows.len(), wanted[1].last), (53, 100, 60));

    let bytes = fs::read(original.path().join("store.db")).unwrap();
    let (mut noticed, mut harmless) = (0, 0);
    let mut silent = Vec::new();
    for at in (0..bytes.len()).step_by(STEP) {
        let (copy, database) = copy_of(original.path(), &["store.id"]);
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::write(database, flipped).unwrap();
        match all(&settings(copy.path(), SHARDS)).await {
            Ok(found) if found == wanted => harmless += 1,
            Ok(_) => silent.push(at),
            Err(Error::Corrupt(_) | Error::Open { .. } | Error::Schema { .. }) => noticed += 1,
            Err(other) => panic!("byte {at}: {other}"),
        }
    }
    assert_eq!(silent, [0_usize; 0], "noticed {noticed}, harmless {harmless}");
    // Nearly half of this small file is room that no row has taken yet.
    assert!(noticed * 2 > harmless, "{noticed} {harmless}: much of the file is content");
}

/// Prime, so that it meets every place of a page in time.
const STEP: usize = 509;

/// A crash leaves a log. A bit that flips in it must not cut off what was acknowledged after it.
#[tokio::test]
async fn a_flipped_bit_in_the_log_is_noticed() {
    let original = tempfile::tempdir().unwrap();
    let store = try_open(&settings(original.path(), SHARDS)).unwrap();
    let epoch = store.acquire(ShardId(0)).await.unwrap();
    for seq in 1..=40 {
        store.append(record(0, epoch, seq, sealed(&seq.to_string()))).await.unwrap();
    }
    // What a killed process would leave behind. (Copied by another program: closing the file here would end SQLite's locks on it.)
    let crashed = tempfile::tempdir().unwrap();
    let files = ["store.db", "store.db-wal", "store.id"].map(|name| original.path().join(name));
    assert!(std::process::Command::new("cp").args(files).arg(crashed.path()).status().unwrap().success());
    let log = fs::read(crashed.path().join("store.db-wal")).unwrap();
    let opened = |log: Vec<u8>| {
        let (copy, _) = copy_of(crashed.path(), &["store.db", "store.id"]);
        fs::write(copy.path().join("store.db-wal"), log).unwrap();
        async move {
            let store = try_open(&settings(copy.path(), SHARDS))?;
            Ok::<_, Error>(load(&store, 0).await?.last)
        }
    };
    assert_eq!(opened(log.clone()).await.unwrap(), 40);
    for at in (0..log.len() / 2).step_by(4099) {
        let mut flipped = log.clone();
        flipped[at] ^= 16;
        let error = opened(flipped).await.unwrap_err();
        assert!(matches!(&error, Error::Corrupt(how) if how.contains("store.db-wal") && how.contains("not what was written")), "{error}");
    }
    // A power cut in the middle of the last write: the last transaction was never acknowledged.
    assert_eq!(opened(log[..log.len() - 100].to_vec()).await.unwrap(), 39);
}
