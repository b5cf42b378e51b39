//! What an earlier version wrote, today's code must read.
//!
//! `format-N/NAME.txt` holds a value as format N stores it: its bytes in hex, an empty line, and what they say. A file that
//! belongs to a released version is never changed and never removed.
//!
//! When a change of a stored type is wanted: raise `shard::codec::VERSION`, teach `decode` the older format, then run
//! `GOLDEN=record cargo test --test golden`, which writes `format-N` for the new N and touches no file that is there. Until
//! format 1 is released, a changed sample may be recorded anew: remove its file first.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends at what it doesn't expect")]

mod events;
mod precedents;
mod samples;

use std::collections::BTreeSet;
use std::fmt::{Debug, Write as _};
use std::path::{Path, PathBuf};

use enrich_jobs::billing::lane::{Change, LaneId};
use enrich_jobs::billing::{Account, Transfer};
use enrich_jobs::job::{Job, State};
use enrich_jobs::shard::codec::{VERSION, decode, encode};
use enrich_jobs::shard::history::JobByOwner;
use enrich_jobs::shard::{
    Agent, Attempt, Delivery, Due, Event, Grant, Group, Introduction, KeyEntry, Loader, OperatorAct, Precedent, Row, Session, Shard, Table,
    Unwritten, WalletBook,
};
use enrich_jobs::types::payload::Cohort;
use enrich_jobs::types::{AgentId, DeliveryId, Usd};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A stored value: today's bytes, and how recorded ones are read.
struct Value {
    name: &'static str,
    bytes: Vec<u8>,
    says: String,
    /// What bytes of any format say, and how today's code writes the same.
    read: fn(&[u8]) -> (String, Vec<u8>),
}

fn value<T: Serialize + DeserializeOwned + Debug>(name: &'static str, sample: &T) -> Value {
    let read = |bytes: &[u8]| {
        let value: T = decode(bytes).unwrap();
        (format!("{value:#?}"), encode(&value))
    };
    Value { name, bytes: encode(sample), says: format!("{sample:#?}"), read }
}

/// Every type that is stored, as a record of the journal or as the value of a row.
fn values() -> Vec<Value> {
    vec![
        value::<Vec<Event>>("record", &samples::record()),
        value::<Agent>("agent", &samples::agent()),
        value::<Grant>("grant", &samples::grant()),
        value::<(Account, Usd)>("account", &samples::account()),
        value::<Vec<(Account, Usd)>>("every_account", &samples::every_account()),
        value::<Job>("live_job", &samples::live_job()),
        value::<Job>("ended_job", &samples::ended_job()),
        value::<Job>("failed_job", &samples::failed_job()),
        value::<Vec<State>>("every_state", &samples::every_state()),
        value::<Delivery>("delivery", &samples::delivery()),
        value::<KeyEntry>("key_entry", &samples::key_entry()),
        value::<Vec<KeyEntry>>("every_key_entry", &samples::every_key_entry()),
        value::<Transfer>("transfer", &samples::transfer()),
        value::<Vec<Transfer>>("every_transfer", &samples::every_transfer()),
        value::<(AgentId, Usd, Usd)>("balance", &samples::balance()),
        value::<JobByOwner>("job_by_owner", &samples::job_by_owner()),
        value::<(DeliveryId, u16, Attempt)>("attempt", &samples::attempt()),
        value::<Vec<Attempt>>("every_attempt", &samples::every_attempt()),
        value::<OperatorAct>("operator_act", &samples::operator_act()),
        value::<Due>("due", &samples::due()),
        value::<Session>("session", &samples::session()),
        value::<WalletBook>("wallet", &samples::wallet_book()),
        value::<Introduction>("introduction", &samples::introduction(0x35)),
        value::<Precedent>("precedent", &precedents::precedent()),
        value::<Vec<Option<Cohort>>>("every_cohort", &precedents::every_cohort()),
        value::<(LaneId, Change)>("lane", &samples::lane_row()),
        value::<Vec<Change>>("every_lane_change", &samples::lane_changes()),
    ]
}

fn folder(format: u8) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/format-{format}"))
}

/// The recorded text; where it is missing and recording was asked for, today's.
fn recorded(format: u8, name: &str, today: impl FnOnce() -> String) -> Option<String> {
    let file = folder(format).join(format!("{name}.txt"));
    if let Ok(text) = std::fs::read_to_string(&file) {
        return Some(text);
    }
    if format == VERSION && std::env::var_os("GOLDEN").is_some_and(|wish| wish == "record") {
        std::fs::create_dir_all(folder(format)).unwrap();
        std::fs::write(&file, today()).unwrap();
        return std::fs::read_to_string(&file).ok();
    }
    assert!(format < VERSION, "{} is missing: see tests/golden/main.rs", file.display());
    None
}

fn lines_of_hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for line in bytes.chunks(64) {
        writeln!(text, "{}", hex::encode(line)).unwrap();
    }
    text
}

fn bytes_of_hex(text: &str) -> Vec<u8> {
    hex::decode(text.split_whitespace().collect::<String>()).unwrap()
}

#[test]
fn every_value_of_every_format_is_read() {
    for value in values() {
        for format in 1..=VERSION {
            let today = || format!("{}\n{}\n", lines_of_hex(&value.bytes), value.says);
            let Some(text) = recorded(format, value.name, today) else { continue };
            let (bytes, says) = text.split_once("\n\n").unwrap();
            let bytes = bytes_of_hex(bytes);
            assert_eq!(bytes.first(), Some(&format), "{}", value.name);
            let (read, written) = (value.read)(&bytes);
            assert_eq!(read, says.trim_end(), "{} of format {format} is read as something else", value.name);
            if format == VERSION {
                assert_eq!(hex::encode(written), hex::encode(&bytes), "{} is written differently: raise VERSION", value.name);
                assert_eq!(hex::encode(&value.bytes), hex::encode(&bytes), "the sample of {} changed", value.name);
            }
        }
    }
}

/// The keys of rows are a format too: they hold the order of lists and statements.
#[test]
fn every_row_lies_where_it_was() {
    let mut shard = Shard::new();
    let mut unwritten = Unwritten::default();
    for events in samples::history() {
        let mut group = Group::default();
        for event in events {
            group.apply(&mut shard, event);
        }
        unwritten.absorb(group.images(&shard));
    }
    let mut rows: Vec<Row> = unwritten.slices(1_000).flatten().collect();
    rows.sort_by(|one, other| (one.table, &one.key).cmp(&(other.table, &other.key)));
    let tables: BTreeSet<_> = rows.iter().map(|row| row.table).collect();
    assert_eq!(tables, BTreeSet::from(Table::ALL), "a table without a row in samples::history");

    let line = |row: &Row| {
        let value = row.value.as_deref().map_or("-".to_owned(), hex::encode);
        format!("{} {} {value}\n", row.table.name(), hex::encode(&row.key))
    };
    let today: String = rows.iter().map(line).collect();
    for format in 1..=VERSION {
        let Some(text) = recorded(format, "rows", || today.clone()) else { continue };
        if format == VERSION {
            assert_eq!(today, text, "rows are written differently: raise VERSION");
        }
        let mut loader = Loader::new();
        for line in text.lines() {
            let [table, key, value] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
            let table = Table::ALL.into_iter().find(|known| known.name() == table).unwrap();
            if table.is_live() && value != "-" {
                loader.row(table, &bytes_of_hex(key), &bytes_of_hex(value)).unwrap();
            }
        }
        assert!(loader.finish().0.jobs().count() > 0);
    }
}

/// A new variant needs a sample before its format is released.
#[test]
fn every_event_has_a_sample() {
    let seen: BTreeSet<_> = samples::record().iter().map(events::name).collect();
    assert_eq!(seen, BTreeSet::from(events::EVENTS));
}
