//! Read-only connections, borrowed for one read each.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use rusqlite::{Connection, OptionalExtension};

use super::connect;
use super::failure::{of_open, of_read};
use super::snapshot::{blob, check_sum};
use super::sql::Sql;
use crate::shard::Table;
use crate::store::{Error, Pairs, Range};
use crate::types::ShardId;

/// Connections for single rows. Such a read takes microseconds, so it runs where it is asked for.
const POINTS: usize = 4;
/// How many connections for long reads are kept open between reads.
const SPARES: usize = 4;

/// Connections for reads of both kinds.
#[derive(Debug)]
pub(super) struct Readers {
    database: PathBuf,
    sql: Arc<Sql>,
    cache_bytes: u64,
    points: [Mutex<Connection>; POINTS],
    turn: AtomicUsize,
    spares: Mutex<Vec<Connection>>,
}

impl Readers {
    /// Opens the connections for single rows; all readers together cache `cache_bytes`.
    ///
    /// A small cache is enough: SQLite empties it after every commit of the writer, and the pages come from the kernel's cache.
    pub(super) fn new(database: PathBuf, sql: Arc<Sql>, cache_bytes: u64) -> Result<Self, Error> {
        let cache_bytes = cache_bytes.div_euclid(8).max(64 << 10);
        let open = || connect::reader(&database, cache_bytes).map(Mutex::new).map_err(|error| of_open(&database, &error));
        let points = [open()?, open()?, open()?, open()?];
        Ok(Self { database, sql, cache_bytes, points, turn: AtomicUsize::new(0), spares: Mutex::default() })
    }

    pub(super) fn get(&self, shard: ShardId, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let Some(text) = self.sql.table(table) else { return Ok(None) };
        self.with_point(|connection| {
            let mut statement = connection.prepare_cached(&text.get).map_err(|error| of_read(&error))?;
            let found = statement
                .query_row((shard.0, key), |row| {
                    Ok(blob(row, 0).and_then(|value| {
                        check_sum(table, shard, key, value, row.get(1).map_err(|error| of_read(&error))?)?;
                        Ok(value.to_vec())
                    }))
                })
                .optional()
                .map_err(|error| of_read(&error))?;
            found.transpose()
        })
    }

    pub(super) fn scan(&self, shard: ShardId, table: Table, range: &Range) -> Result<Pairs, Error> {
        let Some(text) = self.sql.table(table) else { return Ok(Vec::new()) };
        let (from, below) = bounds(range);
        let limit = i64::try_from(range.limit).unwrap_or(i64::MAX);
        self.with_spare(|connection| {
            let mut statement =
                connection.prepare_cached(text.scan(range.newest_first, below.is_some())).map_err(|error| of_read(&error))?;
            let mut rows = match &below {
                Some(below) => statement.query((shard.0, &from, limit, below)),
                None => statement.query((shard.0, &from, limit)),
            }
            .map_err(|error| of_read(&error))?;
            let mut found = Vec::with_capacity(range.limit.min(1024));
            while let Some(row) = rows.next().map_err(|error| of_read(&error))? {
                let (key, value) = (blob(row, 0)?, blob(row, 1)?);
                check_sum(table, shard, key, value, row.get(2).map_err(|error| of_read(&error))?)?;
                found.push((key.to_vec(), value.to_vec()));
            }
            Ok(found)
        })
    }

    /// The first free connection, beginning at another one each time; where all are busy, the wait is a few reads long.
    fn with_point<T>(&self, read: impl FnOnce(&Connection) -> Result<T, Error>) -> Result<T, Error> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut in_turn = self.points.iter().cycle().skip(turn.rem_euclid(POINTS)).take(POINTS);
        let free = in_turn.clone().find_map(|point| match point.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        });
        if let Some(connection) = free {
            return read(&connection);
        }
        match in_turn.next() {
            // A read that panicked leaves no half-done write behind, so the connection is as good as before.
            Some(point) => read(&point.lock().unwrap_or_else(PoisonError::into_inner)),
            None => Err(Error::Unavailable("no connection to read with".to_owned())),
        }
    }

    /// A connection for as long as it takes. Blocks, so call it on a thread that may.
    pub(super) fn with_spare<T>(&self, read: impl FnOnce(&mut Connection) -> Result<T, Error>) -> Result<T, Error> {
        let spare = self.spares.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match spare {
            Some(connection) => connection,
            None => connect::reader(&self.database, self.cache_bytes).map_err(|error| of_read(&error))?,
        };
        let outcome = read(&mut connection);
        let mut spares = self.spares.lock().unwrap_or_else(PoisonError::into_inner);
        if spares.len() < SPARES {
            spares.push(connection);
        }
        outcome
    }
}

/// The keys of a range: from the first (inclusive), and below the second where there is one.
fn bounds(range: &Range) -> (Vec<u8>, Option<Vec<u8>>) {
    let (mut from, mut below) = (range.prefix.clone(), after_all(&range.prefix));
    match &range.after {
        Some(after) if range.newest_first => below = Some(below.map_or_else(|| after.clone(), |below| below.min(after.clone()))),
        Some(after) => {
            // The key right behind `after` is `after` with a zero byte.
            let next = [after.as_slice(), &[0]].concat();
            from = from.max(next);
        }
        None => {}
    }
    (from, below)
}

/// The first key behind all that begin with `prefix`; `None` where there is no such key.
fn after_all(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut bound = prefix.to_vec();
    while let Some(last) = bound.pop() {
        if let Some(next) = last.checked_add(1) {
            bound.push(next);
            return Some(bound);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_where_the_next_one_begins() {
        assert_eq!(after_all(b"ab"), Some(b"ac".to_vec()));
        assert_eq!(after_all(&[1, 0xff, 0xff]), Some(vec![2]));
        assert_eq!(after_all(&[0xff]), None);
        assert_eq!(after_all(&[]), None);
    }

    #[test]
    fn a_range_begins_strictly_beyond_its_cursor() {
        let range =
            |prefix: &[u8], after: &[u8], newest_first| Range { prefix: prefix.into(), after: Some(after.into()), newest_first, limit: 1 };
        assert_eq!(bounds(&range(b"a", b"ab", false)), (b"ab\0".to_vec(), Some(b"b".to_vec())));
        assert_eq!(bounds(&range(b"b", b"a", false)), (b"b".to_vec(), Some(b"c".to_vec())));
        assert_eq!(bounds(&range(b"a", b"ab", true)), (b"a".to_vec(), Some(b"ab".to_vec())));
        assert_eq!(bounds(&range(b"a", b"c", true)), (b"a".to_vec(), Some(b"b".to_vec())));
        assert_eq!(bounds(&range(b"", b"c", true)), (b"".to_vec(), Some(b"c".to_vec())));
    }
}
