//! A look at a whole store at one moment, for `audit`: beside a running server as well as on a stopped one.

use std::path::Path;

use rusqlite::Connection;

use super::failure::{cannot_open, of_open, of_read};
use super::mark::Mark;
use super::sql::Sql;
use super::{connect, folder, snapshot};
use crate::shard::Table;
use crate::store::{Epoch, Error, Layout, Loaded, RowSink, Seq, Snapshot};
use crate::types::ShardId;

/// One consistent state of a store. It takes no lock and never writes.
///
/// As long as it lives the server's log can't begin anew, so it grows; drop it when the audit is done.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    sql: Sql,
    meta: connect::Meta,
}

impl Reader {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        if let Some(state) = folder::set_aside(path).map_err(|error| cannot_open(path, error))?.filter(|state| !state.is_whole()) {
            return Err(cannot_open(path, state));
        }
        Self::open_any(path)
    }

    /// Also one that isn't finished yet.
    pub(super) fn open_any(path: &Path) -> Result<Self, Error> {
        let database = folder::database(path);
        if !database.is_file() {
            return Err(cannot_open(path, "there is no store.db in it"));
        }
        let connection = connect::reader(&database, 4 << 20).map_err(|error| of_open(path, &error))?;
        // Never ended: the first read below fixes the moment, and closing the connection lets go of it.
        connection.execute_batch("BEGIN").map_err(|error| of_open(path, &error))?;
        let meta = connect::meta(&connection, path)?;
        Ok(Self { connection, sql: Sql::new(), meta })
    }

    /// The number of shards and the format.
    pub fn layout(&self) -> Layout {
        self.meta.layout
    }

    /// The store's own id, drawn when it was made.
    pub fn id(&self) -> &str {
        &self.meta.id
    }

    /// Reads every page and compares tables with what they must be; [`Error::Corrupt`] tells the first few faults.
    /// It takes about as long as reading the file.
    pub fn check(&self) -> Result<(), Error> {
        let mut statement = self.connection.prepare("PRAGMA quick_check(5)").map_err(|error| of_read(&error))?;
        let faults = statement.query_map([], |row| row.get(0)).and_then(Iterator::collect::<rusqlite::Result<Vec<String>>>);
        let faults = faults.map_err(|error| of_read(&error))?;
        if faults == ["ok"] { Ok(()) } else { Err(Error::Corrupt(faults.join("; "))) }
    }
}

impl Snapshot for Reader {
    fn epoch(&self, shard: ShardId) -> Result<Epoch, Error> {
        Mark::read(&self.connection, shard).map(|mark| Epoch(mark.epoch))
    }

    /// Without a copy of what is handed out.
    fn load(&self, shard: ShardId, sink: &mut dyn FnMut(Loaded<'_>) -> Result<(), String>) -> Result<Seq, Error> {
        snapshot::load(&self.connection, &self.sql, shard, sink)
    }

    fn scan_all(&self, shard: ShardId, table: Table, sink: RowSink<'_>) -> Result<(), Error> {
        snapshot::rows(&self.connection, &self.sql, shard, table, sink)
    }
}
