//! `audit`: what is sound is found sound, and a changed balance, hold or transfer is found out.

use std::path::Path;

use enrich_jobs::billing::Transfer;
use enrich_jobs::job::Job;
use enrich_jobs::shard::{Table, codec};
use enrich_jobs::types::{AgentId, Usd};
use rusqlite::Connection;
use serde::Serialize;
use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::support::{Ended, Serving, run};

const CENT: Usd = Usd::from_micros(10_000);

fn filled(folder: &Path) {
    let done = run(folder, &["demo", "--exit", "--data=data", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"]);
    assert_eq!(done.code, Some(0), "{}", done.err);
    assert_eq!(audit(folder).code, Some(0));
}

fn audit(folder: &Path) -> Ended {
    run(folder, &["audit"])
}

/// Changes the first row that `change` says it changed, with every checksum as if the server had written it.
fn tamper<T: Serialize + DeserializeOwned>(folder: &Path, table: Table, mut change: impl FnMut(&mut T) -> bool) {
    let connection = Connection::open(folder.join("data/store.db")).unwrap();
    let name = table.name();
    let mut statement = connection.prepare(&format!("SELECT shard, key, value, sum FROM {name} ORDER BY shard, key")).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).unwrap();
    for row in rows {
        let (shard, key, value, sum): (u16, Vec<u8>, Vec<u8>, i64) = row.unwrap();
        let mut held: T = codec::decode(&value).unwrap();
        if !change(&mut held) {
            continue;
        }
        let value = codec::encode(&held);
        let changed_sum = row_sum(table, shard, &key, &value);
        let update = format!("UPDATE {name} SET value = ?1, sum = ?2 WHERE shard = ?3 AND key = ?4");
        assert_eq!(connection.execute(&update, (&value, changed_sum, shard, &key)).unwrap(), 1);
        let update = "UPDATE digest SET sum = sum + ?1 WHERE shard = ?2 AND name = ?3";
        assert_eq!(connection.execute(update, (changed_sum - sum, shard, name)).unwrap(), 1);
        return;
    }
    panic!("no row of {name} was changed");
}

/// As the store sums its rows.
fn row_sum(table: Table, shard: u16, key: &[u8], value: &[u8]) -> i64 {
    let place = (u64::from(table as u8) << 16) | u64::from(shard);
    let hash = xxh3_64_with_seed(value, xxh3_64_with_seed(key, place));
    i64::from(u32::from_le_bytes(hash.to_le_bytes()[..4].try_into().unwrap()))
}

fn assert_broken(folder: &Path, invariant: &str, detail: &str) {
    let found = audit(folder);
    assert_eq!(found.code, Some(1), "{}{}", found.out, found.err);
    let line = found.out.lines().find(|line| line.trim_start().starts_with(invariant) && line.contains(detail));
    assert!(line.is_some() && found.out.contains("BROKEN"), "no {invariant} {detail} in {}", found.out);
    let json = run(folder, &["audit", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((json.code, &report["ok"]), (Some(1), &serde_json::Value::Bool(false)));
    assert!(report["broken"].as_array().unwrap().iter().any(|broken| broken["invariant"] == invariant), "{report}");
}

#[test]
fn a_changed_balance_is_found() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path());
    tamper(folder.path(), Table::Balance, |(_, available, _): &mut (AgentId, Usd, Usd)| {
        *available = available.plus(CENT).unwrap();
        true
    });
    assert_broken(folder.path(), "I-20", "its transfers say 9715000");
}

#[test]
fn a_changed_transfer_is_found() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path());
    tamper(folder.path(), Table::Transfer, |transfer: &mut Transfer| {
        let is_charge = transfer.id.to_string().ends_with(":charge");
        transfer.amount = if is_charge { transfer.amount.plus(CENT).unwrap() } else { transfer.amount };
        is_charge
    });
    assert_broken(folder.path(), "I-3", "the ledger has a charge of");
}

#[test]
fn a_changed_hold_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let server = Serving::start(folder.path(), &["--vendor-noop", "--noop-delay-ms=600000", "--drain-seconds=0"]);
    let bearer = server.agent(folder.path(), "10");
    server.until(&server.buy(&bearer, None), "running");
    assert_eq!(server.terminate().0.code, Some(0));
    let sound = audit(folder.path());
    assert!(sound.code == Some(0) && sound.out.contains("1 live jobs"), "{}", sound.out);
    tamper(folder.path(), Table::LiveJob, |job: &mut Job| {
        job.state.held = job.state.held.minus(CENT).unwrap();
        true
    });
    assert_broken(folder.path(), "I-2", "is running and holds 1.49 of 1.5");
}

/// What was changed by somebody who knows nothing of checksums.
#[test]
fn a_damaged_row_is_found() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path());
    let connection = Connection::open(folder.path().join("data/store.db")).unwrap();
    connection.execute("UPDATE agent SET value = zeroblob(40)", ()).unwrap();
    drop(connection);
    assert_broken(folder.path(), "I-20", "checksum");
}

#[test]
fn it_works_beside_a_running_server_and_says_where_there_is_no_store() {
    let folder = tempfile::tempdir().unwrap();
    let server = Serving::start(folder.path(), &["--vendor-noop"]);
    let bearer = server.agent(folder.path(), "10");
    for _ in 0..5 {
        let bought = server.buy(&bearer, None);
        let beside = audit(folder.path());
        assert_eq!(beside.code, Some(0), "{}{}", beside.out, beside.err);
        server.until(&bought, "completed");
    }
    let beside = audit(folder.path());
    assert!(beside.out.contains("5 ended jobs") && beside.out.contains("The books balance"), "{}", beside.out);
    let nowhere = run(folder.path(), &["audit", "--store=embedded:nowhere"]);
    assert!(nowhere.code == Some(1) && nowhere.err.contains("no store.db"), "{}", nowhere.err);
}
