//! `kill -9` while it writes. That shows what this process forgets, not what a disk does at a power cut (safety.md RS2).

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use enrich_jobs::shard::Table;
use enrich_jobs::store::{Seq, Store};
use enrich_jobs::types::ShardId;

use crate::support::{load, record, row, settings, try_open};

const SHARDS: u16 = 4;
const FOLDER: &str = "STORE_OF_THE_CHILD";

fn content(shard: u16, seq: u64) -> Vec<u8> {
    format!("{shard}/{seq} ").into_bytes().repeat(1 + usize::try_from(seq % 97).unwrap())
}

fn child(folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::the_child_that_is_killed", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Not a test by itself: it appends, checkpoints and trims until it is killed, and prints what it was told is durable.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_child_that_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let store = Arc::new(try_open(&settings(Path::new(&folder), SHARDS)).unwrap());
    let mut shards = tokio::task::JoinSet::new();
    for shard in 0..SHARDS {
        let store = Arc::clone(&store);
        shards.spawn(async move {
            let epoch = store.acquire(ShardId(shard)).await.unwrap();
            let last = load(&*store, shard).await.unwrap().last;
            for seq in last + 1.. {
                store.append(record(shard, epoch, seq, content(shard, seq))).await.unwrap();
                println!("{shard} {seq}");
                if seq % 50 == 0 {
                    let count = seq.to_string();
                    store.put_rows(ShardId(shard), epoch, vec![row(Table::Account, b"count", Some(count.as_bytes()))]).await.unwrap();
                    store.trim(ShardId(shard), epoch, Seq(seq - 20)).await.unwrap();
                }
            }
        });
    }
    shards.join_all().await;
}

/// I-10, K-1: what was acknowledged is there, in order, after each of many kills.
#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = [0_u64; SHARDS as usize];
    for round in 1..=6 {
        let mut child = child(folder.path());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut take = |line: String| {
            // The harness prints lines of its own.
            let mut words = line.split(' ').map(str::parse::<u64>);
            if let (Some(Ok(shard)), Some(Ok(seq)), None) = (words.next(), words.next(), words.next()) {
                let known = &mut acknowledged[usize::try_from(shard).unwrap()];
                *known = seq.max(*known);
            }
        };
        for line in lines.by_ref().take(150 * round) {
            take(line.unwrap());
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What it had printed by then. A line that was cut short names a smaller number, which is known already.
        for line in lines.map_while(Result::ok) {
            take(line);
        }

        let store = try_open(&settings(folder.path(), SHARDS)).unwrap();
        for shard in 0..SHARDS {
            let told = acknowledged[usize::from(shard)];
            let content_found = load(&store, shard).await.unwrap();
            assert!(content_found.last >= told, "round {round}: shard {shard} ends at {}, {told} was acknowledged", content_found.last);
            for (seq, bytes) in &content_found.records {
                assert_eq!(*bytes, content(shard, *seq));
            }
            // Rows were written before what they tell of was trimmed.
            let first = content_found.records.first().map_or(1, |(seq, _)| *seq);
            let count = content_found.rows.first().map_or(0, |(_, _, value)| String::from_utf8_lossy(value).parse().unwrap());
            assert!(first <= count + 1, "records from {first} on, rows up to {count}");
        }
    }
    assert!(acknowledged.iter().sum::<u64>() > 1_000, "{acknowledged:?}");
}
