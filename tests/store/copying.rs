//! Copies of whole stores: into another store, into a file, and what is refused on the way.

use std::path::Path;

use enrich_jobs::clock::SystemRandom;
use enrich_jobs::shard::Table;
use enrich_jobs::store::backup::{Reader, Writer};
use enrich_jobs::store::copy::{Contents, Filling, contents, copy};
use enrich_jobs::store::{Embedded, Epoch, Error, Layout, Redis, SCHEMA, Seq, Snapshot, Store, embedded, redis};
use enrich_jobs::types::{ShardId, Timestamp};

use crate::redis_server::RedisServer;
use crate::support::{load, record, row, settings, try_open};

const SHARDS: u16 = 3;
const MADE_AT: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const ID: &str = "5707e000000000000000000000000000";

/// Rows of every table, a journal that begins anew at 5, one that never had anything trimmed, and a shard with nothing.
async fn fill(store: &dyn Store) {
    for shard in [0, 1] {
        let epoch = store.acquire(ShardId(shard)).await.unwrap();
        for seq in 1..=9 {
            store.append(record(shard, epoch, seq, vec![u8::try_from(seq).unwrap(); 3_000])).await.unwrap();
        }
        let rows = Table::ALL
            .into_iter()
            .flat_map(|table| (0..700_u16).map(move |n| row(table, &n.to_be_bytes(), Some(&[n.to_le_bytes()[0], table as u8].repeat(20)))));
        for rows in rows.collect::<Vec<_>>().chunks(300) {
            store.put_rows(ShardId(shard), epoch, rows.to_vec()).await.unwrap();
        }
        if shard == 0 {
            store.trim(ShardId(0), epoch, Seq(4)).await.unwrap();
        }
    }
}

async fn filled(folder: &Path) -> Embedded {
    let store = try_open(&settings(folder, SHARDS)).unwrap();
    fill(&store).await;
    store
}

fn reader(folder: &Path) -> embedded::Reader {
    Embedded::open_read_only(folder).unwrap()
}

fn backed_up(folder: &Path, file: &Path) -> Contents {
    let layout = Layout { shards: SHARDS, schema: SCHEMA };
    let mut writer = Writer::create(file, ID, layout, MADE_AT).unwrap();
    let copied = copy(&reader(folder), SHARDS, &mut writer).unwrap();
    writer.finish().unwrap();
    copied
}

async fn into_redis(server: &RedisServer, from: &dyn Snapshot) -> Result<Contents, Error> {
    let mut fill = redis::Fill::begin(&server.settings(SHARDS), ID, &SystemRandom).await?;
    let copied = copy(from, SHARDS, &mut fill)?;
    assert_eq!(copied.difference(&contents(&*fill.snapshot()?, SHARDS)?), None);
    fill.finish()?;
    Ok(copied)
}

/// I-20: folder, file, Redis, folder; every row, every record and every number comes along.
#[tokio::test(flavor = "multi_thread")]
async fn i_20_a_store_goes_through_every_kind_and_stays_the_same() {
    let (place, server) = (tempfile::tempdir().unwrap(), RedisServer::start(&[]));
    let (first, file, second) = (place.path().join("first"), place.path().join("a.backup"), place.path().join("second"));
    let store = filled(&first).await;
    let copied = backed_up(&first, &file);
    assert_eq!((copied.rows(), copied.records()), (2 * 700 * u64::try_from(Table::ALL.len()).unwrap(), 5 + 9));
    let backup = Reader::open(&file).unwrap();
    assert_eq!((&*backup.manifest().store, backup.manifest().shards), (ID, SHARDS));
    assert_eq!(copied.difference(&contents(&backup, SHARDS).unwrap()), None);

    assert!(matches!(Redis::open_existing(&server.settings(SHARDS).address).await, Err(Error::Open { .. })));
    into_redis(&server, &backup).await.unwrap();
    let shared = Redis::open(&server.settings(SHARDS), "another").await.unwrap();
    assert_eq!(shared.id(), ID);

    let snapshot = shared.snapshot().await.unwrap();
    let mut filling = embedded::Fill::begin(&second, SHARDS, MADE_AT, ID).unwrap();
    assert_eq!(copy(&*snapshot, SHARDS, &mut filling).unwrap(), copied);
    filling.finish().unwrap();
    drop(snapshot);
    assert_eq!(copied.difference(&contents(&reader(&second), SHARDS).unwrap()), None);

    // What is served from them is the same too, and goes on where it was.
    let last = try_open(&settings(&second, SHARDS)).unwrap();
    for shard in 0..SHARDS {
        let wanted = load(&store, shard).await.unwrap();
        assert_eq!(load(&shared, shard).await.unwrap(), wanted);
        assert_eq!(load(&last, shard).await.unwrap(), wanted);
    }
    for store in [&shared as &dyn Store, &last] {
        let epoch = store.acquire(ShardId(0)).await.unwrap();
        // A restored store begins above what anybody can have held since (F-R8).
        assert!(epoch > Epoch(1 << 20), "{epoch:?}");
        store.append(record(0, epoch, 10, "next")).await.unwrap();
        assert!(matches!(store.append(record(0, epoch, 4, "trimmed")).await, Err(Error::OutOfOrder { last: 10, .. })));
    }
}

/// F-S2: cut off anywhere, or with any byte changed, it is refused before anything in it is used.
#[tokio::test]
async fn f_s2_a_damaged_backup_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let (folder, file, copy) = (place.path().join("store"), place.path().join("a.backup"), place.path().join("copy"));
    filled(&folder).await.close().await;
    backed_up(&folder, &file);
    let bytes = std::fs::read(&file).unwrap();
    let steps = (bytes.len() / 400).max(1);
    for at in (0..bytes.len()).step_by(steps).chain([bytes.len() - 1]) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        std::fs::write(&copy, &flipped).unwrap();
        assert!(Reader::open(&copy).is_err(), "byte {at} of {}", bytes.len());
        std::fs::write(&copy, &bytes[..at]).unwrap();
        assert!(Reader::open(&copy).is_err(), "cut at {at}");
    }
    std::fs::write(&copy, [&bytes[..], b"more"].concat()).unwrap();
    assert!(matches!(Reader::open(&copy), Err(Error::Corrupt(_))));
    let layout = Layout { shards: SHARDS, schema: SCHEMA };
    assert!(matches!(Writer::create(&file, ID, layout, MADE_AT), Err(Error::Open { .. })), "it replaces a file");
}

/// CP-27: what a newer version wrote is named, and not guessed at.
#[tokio::test(flavor = "multi_thread")]
async fn cp_27_a_newer_schema_is_refused_everywhere() {
    let (place, server) = (tempfile::tempdir().unwrap(), RedisServer::start(&[]));
    drop(Redis::open(&server.settings(SHARDS), ID).await.unwrap());
    server.cli(&["HSET", "enrich:store", "schema", "2"]);
    for refused in [
        Redis::open(&server.settings(SHARDS), ID).await.err(),
        Redis::open_existing(&server.settings(SHARDS).address).await.err(),
        redis::Leaving::begin(&server.settings(SHARDS).address, "elsewhere").await.err(),
    ] {
        assert!(matches!(refused, Some(Error::Schema { found: 2, known: 1 })), "{refused:?}");
    }
    let file = place.path().join("newer.backup");
    let writer = Writer::create(&file, ID, Layout { shards: SHARDS, schema: 2 }, MADE_AT).unwrap();
    writer.finish().unwrap();
    assert!(matches!(Reader::open(&file), Err(Error::Schema { found: 2, known: 1 })));
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[b"enrich-jobs backup".len()] = 7;
    std::fs::write(&file, bytes).unwrap();
    assert!(matches!(Reader::open(&file), Err(Error::Schema { found: 7, known: 1 })));
}

/// A copy that was cut off is no store, and the next one begins anew; one that still runs is refused then.
#[tokio::test(flavor = "multi_thread")]
async fn an_unfinished_copy_is_served_by_nobody() {
    let (place, server) = (tempfile::tempdir().unwrap(), RedisServer::start(&[]));
    let (from, to) = (place.path().join("from"), place.path().join("to"));
    filled(&from).await.close().await;
    let source = reader(&from);

    let mut cut_off = redis::Fill::begin(&server.settings(SHARDS), ID, &SystemRandom).await.unwrap();
    copy(&source, SHARDS, &mut cut_off).unwrap();
    for refused in [
        Redis::open(&server.settings(SHARDS), "new").await.err(),
        Redis::open_existing(&server.settings(SHARDS).address).await.err(),
        redis::Leaving::begin(&server.settings(SHARDS).address, "elsewhere").await.err(),
    ] {
        assert!(refused.as_ref().is_some_and(|error| error.to_string().contains("cut off")), "{refused:?}");
    }
    let again = redis::Fill::begin(&server.settings(SHARDS), ID, &SystemRandom).await.unwrap();
    assert_eq!(contents(&*again.snapshot().unwrap(), SHARDS).unwrap().rows(), 0);
    let late = vec![(b"late".to_vec(), b"row".to_vec())];
    assert!(matches!(cut_off.rows(ShardId(0), Table::Agent, late), Err(Error::Fenced { .. })));
    again.finish().unwrap();
    let error = redis::Fill::begin(&server.settings(SHARDS), ID, &SystemRandom).await.unwrap_err();
    assert!(error.to_string().contains("a store in it already"), "{error}");

    let begin = || embedded::Fill::begin(&to, SHARDS, MADE_AT, ID);
    let mut cut_off = begin().unwrap();
    assert!(matches!(begin(), Err(Error::Locked { .. })));
    copy(&source, SHARDS, &mut cut_off).unwrap();
    drop(cut_off);
    for refused in [try_open(&settings(&to, SHARDS)).err(), Embedded::open_read_only(&to).err(), embedded::Leaving::begin(&to, "x").err()] {
        assert!(refused.as_ref().is_some_and(|error| error.to_string().contains("cut off")), "{refused:?}");
    }
    let again = begin().unwrap();
    assert_eq!(contents(&*again.snapshot().unwrap(), SHARDS).unwrap().rows(), 0);
    again.finish().unwrap();
    try_open(&settings(&to, SHARDS)).unwrap().close().await;
    assert!(begin().unwrap_err().to_string().contains("a store in it already"));
}

/// Who leaves a store takes it from everybody, and gives it back only where nothing can have come of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_was_moved_is_served_by_nobody() {
    let (place, server) = (tempfile::tempdir().unwrap(), RedisServer::start(&[]));
    let folder = place.path().join("store");
    let store = filled(&folder).await;
    assert!(matches!(embedded::Leaving::begin(&folder, "there"), Err(Error::Locked { .. })));
    store.close().await;
    drop(store);
    embedded::Leaving::begin(&folder, "there").unwrap().stay().unwrap();
    try_open(&settings(&folder, SHARDS)).unwrap().close().await;
    drop(embedded::Leaving::begin(&folder, "there").unwrap());
    assert!(try_open(&settings(&folder, SHARDS)).unwrap_err().to_string().contains("moved to there"));
    assert!(embedded::Leaving::begin(&folder, "elsewhere").unwrap_err().to_string().contains("moved to there"));
    assert!(embedded::Leaving::begin(&folder, "there").unwrap().stay().is_err(), "that move may have ended");

    let address = server.settings(SHARDS).address;
    let shared = Redis::open(&server.settings(SHARDS), ID).await.unwrap();
    let epoch = shared.acquire(ShardId(1)).await.unwrap();
    assert!(matches!(redis::Leaving::begin(&address, "there").await, Err(Error::HeldElsewhere { .. })));
    shared.append(record(1, epoch, 1, "still its own")).await.unwrap();
    shared.leases().unwrap().release(ShardId(1), epoch).await.unwrap();
    let leaving = redis::Leaving::begin(&address, "there").await.unwrap();
    assert!(matches!(shared.acquire(ShardId(0)).await, Err(Error::HeldElsewhere { .. })));
    assert!(matches!(shared.append(record(1, epoch, 2, "late")).await, Err(Error::Fenced { .. })));
    assert!(Redis::open(&server.settings(SHARDS), "new").await.unwrap_err().to_string().contains("moved to there"));
    leaving.stay().unwrap();
    shared.acquire(ShardId(0)).await.unwrap();
    shared.leases().unwrap().release(ShardId(0), Epoch(2)).await.unwrap();
    let leaving = redis::Leaving::begin(&address, "there").await.unwrap();
    leaving.seal().unwrap();
    drop(leaving);
    assert!(matches!(shared.acquire(ShardId(0)).await, Err(Error::HeldElsewhere { .. })));
    assert!(redis::Leaving::begin(&address, "elsewhere").await.is_err());
    assert!(redis::Leaving::begin(&address, "there").await.unwrap().stay().is_err(), "that move may have ended");
}
