//! What Redis alone can do to a store, each against a real server.

use enrich_jobs::shard::Table;
use enrich_jobs::store::{Error, Redis, Seq, Store};
use enrich_jobs::types::ShardId;

use crate::redis_server::RedisServer;
use crate::support::{load, record, row};

const SHARD: ShardId = ShardId(1);

async fn opened(server: &RedisServer) -> Redis {
    Redis::open(&server.settings(4), "the store").await.unwrap()
}

/// F-R1: the same bytes are sent until they are answered, so a restart in between is a pause.
#[tokio::test(flavor = "multi_thread")]
async fn f_r1_a_server_that_comes_back_is_a_pause() {
    let mut server = RedisServer::start(&[]);
    let store = opened(&server).await;
    let epoch = store.acquire(SHARD).await.unwrap();
    for seq in 1..=20 {
        store.append(record(1, epoch, seq, vec![7; 500])).await.unwrap();
    }
    server.kill();
    let (appended, ()) = tokio::join!(store.append(record(1, epoch, 21, "after")), async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        tokio::task::block_in_place(|| server.restart());
    });
    appended.unwrap();
    assert_eq!(load(&store, 1).await.unwrap().last, 21);
}

/// RS8: scripts are gone after a restart or SCRIPT FLUSH, and are sent again.
#[tokio::test]
async fn rs8_a_server_that_forgot_the_scripts_gets_them_again() {
    let server = RedisServer::start(&[]);
    let store = opened(&server).await;
    let epoch = store.acquire(SHARD).await.unwrap();
    for seq in 1..=3 {
        server.cli(&["SCRIPT", "FLUSH"]);
        store.append(record(1, epoch, seq, "x")).await.unwrap();
    }
    assert_eq!(load(&store, 1).await.unwrap().last, 3);
}

/// F-R4, RS5: what doesn't fit is refused whole, reads go on, and new work is taken again once there is space.
#[tokio::test]
async fn f_r4_without_memory_nothing_is_written_in_part() {
    let server = RedisServer::start(&["--maxmemory", "6mb", "--maxmemory-policy", "noeviction"]);
    let store = opened(&server).await;
    let epoch = store.acquire(SHARD).await.unwrap();
    let mut written = 0;
    // Down to the smallest, so that no room is left for rows.
    for bytes in [200_000, 10_000, 500, 1] {
        let full = loop {
            match store.append(record(1, epoch, written + 1, vec![7; bytes])).await {
                Ok(()) => written += 1,
                Err(error) => break error,
            }
            assert!(written < 10_000, "it is never full");
        };
        assert!(matches!(full, Error::Full), "{full}");
    }
    assert!(!store.accepts_work());
    let rows = (0..200_u8).map(|n| row(Table::Transfer, &[n], Some(&[n; 100]))).collect();
    assert!(matches!(store.put_rows(SHARD, epoch, rows).await, Err(Error::Full)));
    assert_eq!(store.get(SHARD, Table::Transfer, &[0]).await.unwrap(), None);
    assert_eq!(load(&store, 1).await.unwrap().last, written);
    server.cli(&["CONFIG", "SET", "maxmemory", "100mb"]);
    store.append(record(1, epoch, written + 1, "fits")).await.unwrap();
    assert!(store.accepts_work());
}

/// F-R7: an emptied database is no new store, neither for who is at work nor for who comes back.
#[tokio::test]
async fn f_r7_an_emptied_database_is_refused() {
    let server = RedisServer::start(&[]);
    let store = opened(&server).await;
    let epoch = store.acquire(SHARD).await.unwrap();
    store.append(record(1, epoch, 1, "x")).await.unwrap();
    server.cli(&["FLUSHALL"]);
    for error in [
        store.append(record(1, epoch, 2, "y")).await.unwrap_err(),
        store.acquire(SHARD).await.unwrap_err(),
        load(&store, 1).await.unwrap_err(),
    ] {
        assert!(matches!(&error, Error::Corrupt(why) if why.contains("emptied")), "{error}");
    }
    let again = enrich_jobs::store::redis::Settings { known: Some("the store".to_owned()), ..server.settings(4) };
    let error = Redis::open(&again, "new").await.unwrap_err().to_string();
    assert!(error.contains("store the store is gone"), "{error}");
    assert_eq!(server.cli(&["DBSIZE"]), "0", "a refusal makes nothing");
    Redis::open(&server.settings(4), "new").await.unwrap();
    let error = Redis::open(&again, "newer").await.unwrap_err().to_string();
    assert!(error.contains("holds store new"), "{error}");
}

/// F-R7: the sentinel alone is gone.
#[tokio::test]
async fn f_r7_shards_without_their_store_are_not_taken_over() {
    let server = RedisServer::start(&[]);
    drop(opened(&server).await);
    server.cli(&["DEL", "enrich:store"]);
    let error = Redis::open(&server.settings(4), "another").await.unwrap_err().to_string();
    assert!(error.contains("belongs to another store"), "{error}");
}

/// F-R7: servers that lose money by design, with the reason.
#[tokio::test]
async fn f_r7_a_server_that_forgets_is_refused() {
    let primary = RedisServer::start(&[]);
    let replica_of = format!("127.0.0.1 {}", primary.address().port());
    for (options, says) in [
        (&["--appendonly", "no"][..], "appendonly yes"),
        (&["--maxmemory-policy", "allkeys-lru"], "noeviction"),
        (&["--appendfsync", "everysec"], "REDIS_REQUIRE_AOF"),
        (&["--replicaof", &replica_of], "name the primary"),
        (&["--cluster-enabled", "yes"], "redis-cluster://"),
    ] {
        let server = RedisServer::start(options);
        let error = Redis::open(&server.settings(4), "the store").await.unwrap_err().to_string();
        assert!(error.contains(says), "{options:?}: {error}");
        assert_eq!(server.cli(&["DBSIZE"]), "0", "{options:?}");
    }
}

/// Two nodes that make the store at once make one.
#[tokio::test]
async fn a_store_is_made_once() {
    let server = RedisServer::start(&[]);
    let ids: Vec<String> = (0..8).map(|n| format!("store {n}")).collect();
    let made = ids.iter().enumerate().map(|(n, id)| {
        let settings = server.settings(u16::try_from(n).unwrap() + 1);
        async move { Redis::open(&settings, id).await.unwrap() }
    });
    let made = futures_util::future::join_all(made).await;
    let first = &made[0];
    assert!(made.iter().all(|store| store.id() == first.id() && store.layout() == first.layout()));
    for shard in 0..first.layout().shards {
        first.acquire(ShardId(shard)).await.unwrap();
    }
}

/// RS4: a key of another kind is noticed before anything is written.
#[tokio::test]
async fn rs4_a_script_that_would_fail_midway_writes_nothing() {
    let server = RedisServer::start(&[]);
    let store = opened(&server).await;
    let epoch = store.acquire(SHARD).await.unwrap();
    server.cli(&["SET", "enrich:{s01}:rows:attempt", "x"]);
    let rows = vec![row(Table::Transfer, b"a", Some(b"1")), row(Table::Attempt, b"b", Some(b"2"))];
    assert!(matches!(store.put_rows(SHARD, epoch, rows).await, Err(Error::Corrupt(_))));
    assert_eq!(store.get(SHARD, Table::Transfer, b"a").await.unwrap(), None);
}

/// While an audit reads, checkpoints wait and appends go on; it sees one moment.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_of_one_moment() {
    let server = RedisServer::start(&[]);
    let store = opened(&server).await;
    let epoch = store.acquire(SHARD).await.unwrap();
    store.put_rows(SHARD, epoch, vec![row(Table::Agent, b"a", Some(b"1"))]).await.unwrap();
    store.append(record(1, epoch, 1, "one")).await.unwrap();
    let snapshot = store.snapshot().await.unwrap();
    store.append(record(1, epoch, 2, "two")).await.unwrap();
    let put = store.put_rows(SHARD, epoch, vec![row(Table::Agent, b"a", Some(b"2"))]);
    assert!(matches!(put.await, Err(Error::Unavailable(why)) if why.contains("audit")));
    assert!(matches!(store.trim(SHARD, epoch, Seq(1)).await, Err(Error::Unavailable(_))));
    let read = tokio::task::spawn_blocking(move || {
        let mut content = crate::support::Content::default();
        let last = snapshot
            .load(SHARD, &mut |loaded| {
                content.take(&loaded);
                Ok(())
            })
            .unwrap();
        content.last = last.0;
        let mut agents = Vec::new();
        snapshot
            .scan_all(SHARD, Table::Agent, &mut |key, value| {
                agents.push((key.to_vec(), value.to_vec()));
                Ok(())
            })
            .unwrap();
        (content, agents)
    });
    let (content, agents) = read.await.unwrap();
    assert_eq!((content.last, content.records), (1, vec![(1, b"one".to_vec())]));
    assert_eq!(agents, [(b"a".to_vec(), b"1".to_vec())]);
    store.put_rows(SHARD, epoch, vec![row(Table::Agent, b"a", Some(b"2"))]).await.unwrap();
}
