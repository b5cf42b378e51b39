//! The store's tables, and the text of every statement that touches them.

use crate::shard::Table;
use crate::types::ShardId;

/// Marks the file as ours for `file(1)`, and tells another program's database from a store: `EnrJ`.
pub(super) const APPLICATION_ID: i32 = 0x456e_724a;

/// All statements, written once so that the statement cache finds them by text.
#[derive(Debug)]
pub(super) struct Sql {
    tables: Vec<(Table, TableSql)>,
}

/// The journal of all shards. One table, because then all records of a commit lie side by side at the right edge of one
/// B-tree: with a table for each shard every commit rewrote a half-filled page for each of them.
pub(super) mod journal {
    pub(in super::super) const INSERT: &str = "INSERT INTO journal (place, shard, seq, sum, record) VALUES (?1, ?2, ?3, ?4, ?5)";
    pub(in super::super) const ONE: &str = "SELECT record FROM journal WHERE place = ?1";
    pub(in super::super) const PLACES: &str = "SELECT place, shard, seq, sum FROM journal ORDER BY place";
    pub(in super::super) const TAIL: &str = "SELECT place, seq, sum, record FROM journal WHERE shard = ?1 AND seq > ?2 ORDER BY place";
    pub(in super::super) const FORGET: &str = "DELETE FROM journal WHERE place <= ?1";
}

/// One table of rows.
#[derive(Debug)]
pub(super) struct TableSql {
    pub(super) add: String,
    pub(super) put: String,
    pub(super) remove: String,
    pub(super) get: String,
    pub(super) sum: String,
    pub(super) all: String,
    scan: [String; 4],
}

impl TableSql {
    /// Keys from ?2 on, below ?4 where it is `bounded`, at most ?3 of them.
    pub(super) fn scan(&self, newest_first: bool, bounded: bool) -> &str {
        let [oldest, newest, oldest_bounded, newest_bounded] = &self.scan;
        match (newest_first, bounded) {
            (false, false) => oldest,
            (true, false) => newest,
            (false, true) => oldest_bounded,
            (true, true) => newest_bounded,
        }
    }
}

impl Sql {
    pub(super) fn new() -> Self {
        Self { tables: Table::ALL.map(|table| (table, rows(table.name()))).into() }
    }

    /// `None` for no variant of [`Table`]: `new` went through all of them.
    pub(super) fn table(&self, wanted: Table) -> Option<&TableSql> {
        self.tables.iter().find(|(table, _)| *table == wanted).map(|(_, sql)| sql)
    }
}

fn rows(name: &str) -> TableSql {
    let scan = |bound: &str, order: &str| {
        format!("SELECT key, value, sum FROM {name} WHERE shard = ?1 AND key >= ?2{bound} ORDER BY key {order} LIMIT ?3")
    };
    TableSql {
        add: format!("INSERT OR IGNORE INTO {name} (shard, key, value, sum) VALUES (?1, ?2, ?3, ?4)"),
        put: format!("INSERT OR REPLACE INTO {name} (shard, key, value, sum) VALUES (?1, ?2, ?3, ?4)"),
        remove: format!("DELETE FROM {name} WHERE shard = ?1 AND key = ?2"),
        get: format!("SELECT value, sum FROM {name} WHERE shard = ?1 AND key = ?2"),
        sum: format!("SELECT sum FROM {name} WHERE shard = ?1 AND key = ?2"),
        all: format!("SELECT key, value, sum FROM {name} WHERE shard = ?1 ORDER BY key"),
        scan: [scan("", "ASC"), scan("", "DESC"), scan(" AND key < ?4", "ASC"), scan(" AND key < ?4", "DESC")],
    }
}

/// What makes a new store, in one transaction.
///
/// `shard.trimmed` is the last record that was trimmed. The last record that was appended isn't written down: it is the
/// shard's largest number in the journal, or the trimmed one where it has none, so an append writes its record and nothing else.
pub(super) fn create() -> String {
    use std::fmt::Write as _;
    let mut text = String::from(
        "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID, STRICT;
         CREATE TABLE shard (shard INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, trimmed INTEGER NOT NULL,
         sum INTEGER NOT NULL) STRICT;
         CREATE TABLE digest (shard INTEGER NOT NULL, name TEXT NOT NULL, rows INTEGER NOT NULL, sum INTEGER NOT NULL,
         PRIMARY KEY (shard, name)) WITHOUT ROWID, STRICT;
         CREATE TABLE journal (place INTEGER PRIMARY KEY, shard INTEGER NOT NULL, seq INTEGER NOT NULL, sum INTEGER NOT NULL,
         record BLOB NOT NULL) STRICT;",
    );
    for table in Table::ALL {
        let _infallible = write!(
            text,
            "CREATE TABLE {} (shard INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, sum INTEGER NOT NULL,
             PRIMARY KEY (shard, key)) WITHOUT ROWID, STRICT;",
            table.name()
        );
    }
    text
}

/// The checksum beside each row, over where it lies and what it says: SQLite notices damage to its own structure only.
pub(super) fn row_sum(table: Table, shard: ShardId, key: &[u8], value: &[u8]) -> i64 {
    use xxhash_rust::xxh3::xxh3_64_with_seed as hash;
    let place = (u64::from(table as u8) << 16) | u64::from(shard.0);
    let [a, b, c, d, ..] = hash(value, hash(key, place)).to_le_bytes();
    i64::from(u32::from_le_bytes([a, b, c, d]))
}

/// The checksum beside each record, over where it lies and whose it is; the record has one of its own.
pub(super) fn place_sum(place: u64, shard: u16, seq: u64) -> i64 {
    let bytes = [place.to_le_bytes(), u64::from(shard).to_le_bytes(), seq.to_le_bytes()].concat();
    xxhash_rust::xxh3::xxh3_64(&bytes).cast_signed()
}
