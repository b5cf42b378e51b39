//! Reading a shard: its live rows, then what its journal says since they were written.

use redis::Value;

use super::connection::Connection;
use super::place;
use crate::shard::Table;
use crate::store::{Error, Loaded, Pairs, Seq, Sink};
use crate::types::ShardId;

/// Rows asked for at a time. Redis answers others between.
const ROWS_AT_ONCE: usize = 500;
/// Records asked for at a time; one may have some hundred kilobytes.
const RECORDS_AT_ONCE: usize = 64;

/// Where a shard's journal begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) last: u64,
    pub(super) trimmed: u64,
    pub(super) checkpoints: u64,
}

type Ends = (Option<u64>, Option<u64>, Option<u64>);

pub(super) async fn head(connection: &Connection, shard: ShardId) -> Result<Head, Error> {
    of(connection.call(&ends(shard)).await?)
}

/// Of all shards at one moment, where there is one server.
pub(super) async fn heads(connection: &Connection, shards: u16) -> Result<Vec<Head>, Error> {
    let asked: Vec<_> = (0..shards).map(ShardId).map(ends).collect();
    connection.ask_together(&asked).await?.into_iter().map(of).collect()
}

fn ends(shard: ShardId) -> redis::Cmd {
    let mut command = redis::cmd("HMGET");
    command.arg(place::head(shard)).arg("last").arg("trimmed").arg("checkpoints");
    command
}

fn of((last, trimmed, checkpoints): Ends) -> Result<Head, Error> {
    match (last, trimmed, checkpoints) {
        (Some(last), Some(trimmed), Some(checkpoints)) => Ok(Head { last, trimmed, checkpoints }),
        _ => Err(super::emptied()),
    }
}

/// Under which a shard was held last.
pub(super) async fn epoch(connection: &Connection, shard: ShardId) -> Result<u64, Error> {
    let mut command = redis::cmd("HGET");
    command.arg(place::head(shard)).arg("epoch");
    connection.call::<Option<u64>>(&command).await?.ok_or_else(super::emptied)
}

/// Reads a shard whose owner is the caller, or whose checkpoints are held; up to a record, where one is given.
pub(super) async fn load(connection: &Connection, shard: ShardId, upto: Option<u64>, sink: Sink<'_>) -> Result<Seq, Error> {
    let head = head(connection, shard).await?;
    for table in Table::ALL.into_iter().filter(|table| table.is_live()) {
        for (key, value) in self::table(connection, shard, table).await? {
            sink(Loaded::Row(table, &key, &value)).map_err(Error::Corrupt)?;
        }
    }
    let last = upto.map_or(head.last, |upto| upto.min(head.last));
    let mut next = head.trimmed.saturating_add(1);
    while next <= last {
        let page = records(connection, shard, next, last).await?;
        if page.is_empty() {
            return Err(Error::Corrupt(format!("record {next} of {last} is missing")));
        }
        for (seq, record) in page {
            if seq != next {
                return Err(Error::Corrupt(format!("record {seq} stands where {next} should")));
            }
            sink(Loaded::Record(Seq(seq), &record)).map_err(Error::Corrupt)?;
            next = next.saturating_add(1);
        }
    }
    Ok(Seq(last))
}

/// All rows of a table in the order of their keys.
pub(super) async fn table(connection: &Connection, shard: ShardId, table: Table) -> Result<Pairs, Error> {
    let place = place::rows(shard, table);
    let (mut rows, mut cursor) = (Pairs::new(), 0_u64);
    loop {
        let mut command = redis::cmd("HSCAN");
        command.arg(&place).arg(cursor).arg("COUNT").arg(ROWS_AT_ONCE);
        let (next, flat): (u64, Vec<Vec<u8>>) = connection.call(&command).await?;
        let mut flat = flat.into_iter();
        while let (Some(key), Some(value)) = (flat.next(), flat.next()) {
            rows.push((key, value));
        }
        cursor = next;
        if cursor == 0 {
            break;
        }
    }
    // A hash that grows or shrinks meanwhile may hand out a row twice.
    rows.sort_unstable();
    rows.dedup_by(|one, other| one.0 == other.0);
    Ok(rows)
}

/// Some records from a number on.
pub(super) async fn records(connection: &Connection, shard: ShardId, first: u64, last: u64) -> Result<Vec<(u64, Vec<u8>)>, Error> {
    let mut command = redis::cmd("XRANGE");
    command.arg(place::journal(shard)).arg(format!("{first}-0")).arg(format!("{last}-0")).arg("COUNT").arg(RECORDS_AT_ONCE);
    let entries: Vec<(String, Vec<Value>)> = connection.call(&command).await?;
    entries.into_iter().map(record).collect()
}

fn record((id, fields): (String, Vec<Value>)) -> Result<(u64, Vec<u8>), Error> {
    let strange = || Error::Corrupt(format!("entry {id} of the journal is none of ours"));
    let seq = id.strip_suffix("-0").and_then(|seq| seq.parse().ok()).ok_or_else(strange)?;
    match <[Value; 2]>::try_from(fields) {
        Ok([_, Value::BulkString(record)]) => Ok((seq, record)),
        Ok(_) | Err(_) => Err(strange()),
    }
}
