//! Connections to the file, and what the file says of itself.

use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::failure::{cannot_open, of_open};
use super::mark::Mark;
use super::sql::{APPLICATION_ID, create};
use crate::store::{Error, Layout, SCHEMA};
use crate::types::{ShardId, Timestamp};

/// How long a statement waits for another program that looks into the file.
const BUSY_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

/// What `meta` holds.
#[derive(Debug, Clone)]
pub(super) struct Meta {
    pub(super) layout: Layout,
    /// Drawn when the store was made.
    pub(super) id: String,
}

/// A connection that may write; it changes nothing before [`prepare`].
pub(super) fn writer(database: &Path, cache_bytes: u64) -> rusqlite::Result<Connection> {
    open(database, OpenFlags::SQLITE_OPEN_READ_WRITE, cache_bytes)
}

/// Sets how it writes, once it is sure that the file is a store.
pub(super) fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    // Only an empty file takes the page size.
    connection.pragma_update(None, "page_size", 4096)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    connection.pragma_update(None, "temp_store", "MEMORY")
}

/// A connection that can't write, and doesn't move the log into the database when it is closed.
///
/// No `mmap`: the pages that a scan touches would count as this process's memory, and a disk error would end it by SIGBUS.
pub(super) fn reader(database: &Path, cache_bytes: u64) -> rusqlite::Result<Connection> {
    let connection = open(database, OpenFlags::SQLITE_OPEN_READ_ONLY, cache_bytes)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn open(database: &Path, access: OpenFlags, cache_bytes: u64) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(database, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(1024);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    // Negative is KiB, positive would be pages.
    connection.pragma_update(None, "cache_size", -i64::try_from(cache_bytes >> 10).unwrap_or(i64::MAX))?;
    Ok(connection)
}

/// Makes the tables of a new store, all or none: a crash in between leaves an empty file, and the next open begins again.
pub(super) fn create_schema(connection: &mut Connection, shards: u16, made_at: Timestamp, id: &str) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.execute_batch(&create())?;
    for shard in (0..shards).map(ShardId) {
        Mark::default().write(&transaction, shard)?;
    }
    let values = [SCHEMA.to_string(), shards.to_string(), made_at.to_string(), id.to_owned()];
    for (name, value) in META.iter().zip(&values).chain([(&"sum", &meta_sum(&values))]) {
        transaction.execute("INSERT INTO meta VALUES (?1, ?2)", (name, value))?;
    }
    transaction.commit()
}

/// Whether anything was ever written to it.
pub(super) fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))
}

/// Reads what the file says of itself, and refuses what isn't a store or is a newer version's.
pub(super) fn meta(connection: &Connection, path: &Path) -> Result<Meta, Error> {
    let failed = |error: rusqlite::Error| of_open(path, &error);
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(failed)?;
    if application != APPLICATION_ID {
        return Err(cannot_open(path, "store.db is a database of another program"));
    }
    let damaged = |what: &str| Error::Corrupt(format!("{}: {what}", path.display()));
    let text = |name: &str| -> Result<String, Error> {
        let found = connection.query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0)).optional();
        found.map_err(failed)?.ok_or_else(|| damaged(&format!("{name} is missing")))
    };
    let number = |text: &str| text.parse().map_err(|_| damaged("a number in it is none"));
    let values = META.iter().map(|name| text(name)).collect::<Result<Vec<_>, _>>()?;
    let [schema, shards, _, id] = values.as_slice() else { return Err(damaged("meta is not what was written")) };
    let schema = number(schema)?;
    // A newer version may sum up more, so this comes first.
    if schema > SCHEMA {
        return Err(Error::Schema { found: schema, known: SCHEMA });
    }
    if text("sum")? != meta_sum(&values) {
        return Err(damaged("meta is not what was written"));
    }
    let shards = u16::try_from(number(shards)?).map_err(|_| damaged("an impossible number of shards"))?;
    Ok(Meta { layout: Layout { shards, schema }, id: id.clone() })
}

/// The rows of `meta`, beside the checksum over them.
const META: [&str; 4] = ["schema", "shards", "created_at", "id"];

fn meta_sum(values: &[String]) -> String {
    format!("{:016x}", xxhash_rust::xxh3::xxh3_64(values.join("\n").as_bytes()))
}
