//! The row of each shard: who owns it, and up to where its journal is trimmed.
//!
//! With a checksum like any row: a flipped bit in `trimmed` would hide records.

use rusqlite::{Connection, OptionalExtension};
use xxhash_rust::xxh3::xxh3_64;

use super::failure::of_read;
use crate::store::Error;
use crate::types::ShardId;

/// What the row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Mark {
    /// Whoever writes under another one is refused.
    pub(super) epoch: u64,
    /// Records up to this one are forgotten, though some may still lie in the file.
    pub(super) trimmed: u64,
}

impl Mark {
    pub(super) fn read(connection: &Connection, shard: ShardId) -> Result<Self, Error> {
        let text = "SELECT epoch, trimmed, sum FROM shard WHERE shard = ?1";
        let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
        let found = connection.prepare_cached(text).and_then(|mut statement| statement.query_row([shard.0], row).optional());
        if let Some((epoch, trimmed, sum)) = found.map_err(|error| of_read(&error))? {
            let mark = Self { epoch: epoch.cast_unsigned(), trimmed: trimmed.cast_unsigned() };
            if mark.sum(shard) == sum {
                return Ok(mark);
            }
        }
        Err(Error::Corrupt(format!("the row of shard {} is not what was written", shard.0)))
    }

    pub(super) fn write(self, connection: &Connection, shard: ShardId) -> rusqlite::Result<()> {
        let text = "INSERT OR REPLACE INTO shard (shard, epoch, trimmed, sum) VALUES (?1, ?2, ?3, ?4)";
        let values = (shard.0, self.epoch.cast_signed(), self.trimmed.cast_signed(), self.sum(shard));
        connection.prepare_cached(text)?.execute(values).map(drop)
    }

    fn sum(self, shard: ShardId) -> i64 {
        let bytes = [u64::from(shard.0).to_le_bytes(), self.epoch.to_le_bytes(), self.trimmed.to_le_bytes()].concat();
        xxh3_64(&bytes).cast_signed()
    }
}
