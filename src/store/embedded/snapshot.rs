//! Reading much in one transaction: a shard's state at a start, and everything for an audit.

use rusqlite::Connection;

use super::digest::Digest;
use super::failure::of_read;
use super::mark::Mark;
use super::sql::{Sql, journal, place_sum, row_sum};
use crate::shard::Table;
use crate::store::{Error, Loaded, RowSink, Seq};
use crate::types::ShardId;

/// Takes records by number.
type RecordSink<'a> = &'a mut dyn FnMut(Seq, &[u8]) -> Result<(), String>;

/// Runs `read` on one consistent state of the file, whatever is written meanwhile.
pub(super) fn at_one_moment<T>(connection: &mut Connection, read: impl FnOnce(&Connection) -> Result<T, Error>) -> Result<T, Error> {
    // Dropping it rolls back, and there is nothing to roll back.
    let transaction = connection.transaction().map_err(|error| of_read(&error))?;
    read(&transaction)
}

/// Hands out a shard's live rows, then what is left of its journal. Call it inside of a transaction.
pub(super) fn load(
    connection: &Connection,
    sql: &Sql,
    shard: ShardId,
    sink: &mut dyn FnMut(Loaded<'_>) -> Result<(), String>,
) -> Result<Seq, Error> {
    for table in Table::ALL.into_iter().filter(|table| table.is_live()) {
        rows(connection, sql, shard, table, &mut |key, value| sink(Loaded::Row(table, key, value)))?;
    }
    records(connection, shard, &mut |seq, record| sink(Loaded::Record(seq, record)))
}

/// All rows of one table of a shard in the order of their keys.
pub(super) fn rows(connection: &Connection, sql: &Sql, shard: ShardId, table: Table, sink: RowSink<'_>) -> Result<(), Error> {
    let Some(text) = sql.table(table) else { return Ok(()) };
    let failed = |error: rusqlite::Error| of_read(&error);
    let mut statement = connection.prepare_cached(&text.all).map_err(failed)?;
    let mut rows = statement.query([shard.0]).map_err(failed)?;
    let mut digest = Digest::default();
    while let Some(row) = rows.next().map_err(failed)? {
        let (key, value, sum) = (blob(row, 0)?, blob(row, 1)?, row.get(2).map_err(failed)?);
        check_sum(table, shard, key, value, sum)?;
        digest.add(sum);
        sink(key, value).map_err(|reason| Error::Corrupt(format!("{} of shard {}: {reason}", table.name(), shard.0)))?;
    }
    digest.check(connection, shard, table)
}

/// The records that aren't trimmed, each following the one before; a hole is damage and not an end (safety.md F-S2).
fn records(connection: &Connection, shard: ShardId, sink: RecordSink<'_>) -> Result<Seq, Error> {
    let failed = |error: rusqlite::Error| of_read(&error);
    let trimmed = Mark::read(connection, shard)?.trimmed;
    let mut last = trimmed;
    let mut statement = connection.prepare_cached(journal::TAIL).map_err(failed)?;
    let mut rows = statement.query((shard.0, trimmed.cast_signed())).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let number = |column| row.get::<_, i64>(column).map_err(failed);
        let (place, seq) = (number(0)?.cast_unsigned(), number(1)?.cast_unsigned());
        if Some(seq) != last.checked_add(1) || place_sum(place, shard.0, seq) != number(2)? {
            return Err(Error::Corrupt(format!("shard {}: record {seq} follows record {last}", shard.0)));
        }
        sink(Seq(seq), blob(row, 3)?).map_err(|reason| Error::Corrupt(format!("record {seq} of shard {}: {reason}", shard.0)))?;
        last = seq;
    }
    Ok(Seq(last))
}

/// A column of bytes, borrowed from SQLite's page.
pub(super) fn blob<'row>(row: &'row rusqlite::Row<'_>, column: usize) -> Result<&'row [u8], Error> {
    let value = row.get_ref(column).map_err(|error| of_read(&error))?;
    value.as_blob().map_err(|error| Error::Corrupt(error.to_string()))
}

/// Refuses a row that isn't what was written at this place.
pub(super) fn check_sum(table: Table, shard: ShardId, key: &[u8], value: &[u8], sum: i64) -> Result<(), Error> {
    if row_sum(table, shard, key, value) == sum {
        return Ok(());
    }
    Err(Error::Corrupt(format!("the checksum of row {} in {} of shard {} is wrong", hex::encode(key), table.name(), shard.0)))
}
