//! How many rows a shard has in each table, and the sum of their checksums.
//!
//! A row's own checksum can't tell that the row is missing: a bit that flips in a key, or a page that fell back to what it
//! was before, hides rows and leaves no trace. So whoever reads a whole table compares it with this.

use rusqlite::{Connection, OptionalExtension};

use super::failure::of_read;
use crate::shard::Table;
use crate::store::Error;
use crate::types::ShardId;

/// Of one table of one shard; also a change of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Digest {
    rows: i64,
    /// Of 32-bit checksums, so it can't leave its range before there are two thousand million rows.
    sum: i64,
}

impl Digest {
    pub(super) fn add(&mut self, sum: i64) {
        self.rows = self.rows.saturating_add(1);
        self.sum = self.sum.saturating_add(sum);
    }

    pub(super) fn remove(&mut self, sum: i64) {
        self.rows = self.rows.saturating_sub(1);
        self.sum = self.sum.saturating_sub(sum);
    }

    /// Adds this change to what is stored.
    pub(super) fn store(self, connection: &Connection, shard: ShardId, table: Table) -> rusqlite::Result<()> {
        if self == Self::default() {
            return Ok(());
        }
        let text = "INSERT INTO digest (shard, name, rows, sum) VALUES (?1, ?2, ?3, ?4)
                    ON CONFLICT DO UPDATE SET rows = rows + excluded.rows, sum = sum + excluded.sum";
        connection.prepare_cached(text)?.execute((shard.0, table.name(), self.rows, self.sum)).map(drop)
    }

    /// Refuses what was read if it isn't all that was written.
    pub(super) fn check(self, connection: &Connection, shard: ShardId, table: Table) -> Result<(), Error> {
        let text = "SELECT rows, sum FROM digest WHERE shard = ?1 AND name = ?2";
        let row = |row: &rusqlite::Row<'_>| Ok(Self { rows: row.get(0)?, sum: row.get(1)? });
        let stored = connection.prepare_cached(text).and_then(|mut statement| statement.query_row((shard.0, table.name()), row).optional());
        let stored = stored.map_err(|error| of_read(&error))?.unwrap_or_default();
        if stored == self {
            return Ok(());
        }
        let (found, wanted) = (self.rows, stored.rows);
        Err(Error::Corrupt(format!("{} of shard {} is not what was written: {found} rows of {wanted}", table.name(), shard.0)))
    }
}
