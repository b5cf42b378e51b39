//! A store as it is at one moment, copied into another or into a file, and compared afterwards.
//!
//! Bytes go over as they are: no row and no record is read on the way, so what is copied is what was stored, to the bit.

use std::collections::BTreeMap;

use xxhash_rust::xxh3::Xxh3;

use super::{Epoch, Error, Loaded, Pairs, Seq, Snapshot};
use crate::shard::Table;
use crate::types::ShardId;

/// Rows that go over at a time, and bytes.
const ROWS: usize = 500;
const BYTES: usize = 1 << 20;

/// What takes a copy. Nobody is served from it before it is finished, and what finishes it is up to its kind.
pub trait Filling {
    /// Takes rows of one table that it doesn't have yet.
    ///
    /// # Errors
    /// See [`Error`].
    fn rows(&mut self, shard: ShardId, table: Table, rows: Pairs) -> Result<(), Error>;

    /// Takes what is left of a shard's journal, after all its rows.
    ///
    /// # Errors
    /// See [`Error`].
    fn journal(&mut self, shard: ShardId, journal: Journal) -> Result<(), Error>;
}

/// The end of a shard's journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journal {
    /// Under which the shard was held last.
    pub epoch: Epoch,
    /// The last record that rows tell of, and that is forgotten.
    pub trimmed: Seq,
    /// The last record.
    pub last: Seq,
    /// Those between the two.
    pub records: Vec<(Seq, Vec<u8>)>,
}

/// What was copied: enough to see that another copy holds the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    tables: BTreeMap<(u16, Table), Digest>,
    journals: BTreeMap<u16, (Seq, Digest)>,
}

/// Of rows or records in their order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Digest {
    count: u64,
    sum: u128,
}

impl Contents {
    /// All rows.
    pub fn rows(&self) -> u64 {
        self.tables.values().map(|digest| digest.count).sum()
    }

    /// All records.
    pub fn records(&self) -> u64 {
        self.journals.values().map(|(_, digest)| digest.count).sum()
    }

    /// The first thing that the other doesn't have as this one does.
    pub fn difference(&self, other: &Self) -> Option<String> {
        for ((shard, table), one) in &self.tables {
            let two = other.tables.get(&(*shard, *table)).copied().unwrap_or_default();
            if *one != two {
                return Some(format!("{} of shard {shard}: {} rows, and {} in the copy", table.name(), one.count, two.count));
            }
        }
        for (shard, (last, one)) in &self.journals {
            let (other_last, two) = other.journals.get(shard).copied().unwrap_or((Seq(0), Digest::default()));
            if (last, *one) != (&other_last, two) {
                return Some(format!("the journal of shard {shard}: it ends at {}, and at {} in the copy", last.0, other_last.0));
            }
        }
        (self != other).then(|| "the copy holds more".to_owned())
    }
}

/// Copies everything. Blocking.
///
/// # Errors
/// Those of either side.
pub fn copy(from: &dyn Snapshot, shards: u16, into: &mut dyn Filling) -> Result<Contents, Error> {
    let mut contents = Contents::default();
    for shard in (0..shards).map(ShardId) {
        let mut rows = Rows::new(shard, &mut *into);
        let mut records = Vec::new();
        let mut failed = None;
        let loaded = from.load(shard, &mut |loaded| {
            match loaded {
                Loaded::Row(table, key, value) => rows.take(table, key, value).map_err(|error| {
                    let message = error.to_string();
                    failed = Some(error);
                    message
                })?,
                Loaded::Record(seq, record) => records.push((seq, record.to_vec())),
            }
            Ok(())
        });
        if let Some(error) = failed {
            return Err(error);
        }
        let last = loaded?;
        for table in Table::ALL.into_iter().filter(|table| !table.is_live()) {
            let mut failed = None;
            let scanned = from.scan_all(shard, table, &mut |key, value| {
                rows.take(table, key, value).map_err(|error| {
                    let message = error.to_string();
                    failed = Some(error);
                    message
                })
            });
            if let Some(error) = failed {
                return Err(error);
            }
            scanned?;
        }
        let digests = rows.end()?;
        contents.tables.extend(digests.into_iter().map(|(table, digest)| ((shard.0, table), digest)));
        let mut sum = Summer::default();
        for (seq, record) in &records {
            sum.add(&seq.0.to_le_bytes(), record);
        }
        let trimmed = records.first().map_or(last, |(seq, _)| Seq(seq.0.saturating_sub(1)));
        contents.journals.insert(shard.0, (last, sum.end()));
        into.journal(shard, Journal { epoch: from.epoch(shard)?, trimmed, last, records })?;
    }
    Ok(contents)
}

/// What a store holds, without a copy of it. Blocking.
///
/// # Errors
/// Those of the store.
pub fn contents(of: &dyn Snapshot, shards: u16) -> Result<Contents, Error> {
    copy(of, shards, &mut Nowhere)
}

struct Nowhere;

impl Filling for Nowhere {
    fn rows(&mut self, _: ShardId, _: Table, _: Pairs) -> Result<(), Error> {
        Ok(())
    }

    fn journal(&mut self, _: ShardId, _: Journal) -> Result<(), Error> {
        Ok(())
    }
}

/// Gathers rows of one table after the other.
struct Rows<'a> {
    shard: ShardId,
    into: &'a mut dyn Filling,
    table: Option<Table>,
    waiting: Pairs,
    bytes: usize,
    sum: Summer,
    done: Vec<(Table, Digest)>,
}

impl<'a> Rows<'a> {
    fn new(shard: ShardId, into: &'a mut dyn Filling) -> Self {
        Self { shard, into, table: None, waiting: Pairs::new(), bytes: 0, sum: Summer::default(), done: Vec::new() }
    }

    fn take(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), Error> {
        if self.table != Some(table) {
            self.end_table()?;
            self.table = Some(table);
        }
        self.sum.add(key, value);
        self.bytes = self.bytes.saturating_add(key.len()).saturating_add(value.len());
        self.waiting.push((key.to_vec(), value.to_vec()));
        if self.waiting.len() >= ROWS || self.bytes >= BYTES { self.flush(table) } else { Ok(()) }
    }

    fn flush(&mut self, table: Table) -> Result<(), Error> {
        self.bytes = 0;
        match std::mem::take(&mut self.waiting) {
            rows if rows.is_empty() => Ok(()),
            rows => self.into.rows(self.shard, table, rows),
        }
    }

    fn end_table(&mut self) -> Result<(), Error> {
        let Some(table) = self.table.take() else { return Ok(()) };
        self.flush(table)?;
        self.done.push((table, std::mem::take(&mut self.sum).end()));
        Ok(())
    }

    fn end(mut self) -> Result<Vec<(Table, Digest)>, Error> {
        self.end_table()?;
        Ok(self.done)
    }
}

#[derive(Default)]
struct Summer {
    count: u64,
    hash: Xxh3,
}

impl Summer {
    fn add(&mut self, key: &[u8], value: &[u8]) {
        self.count = self.count.saturating_add(1);
        // With its length, so that a byte can't move from a key to its value.
        self.hash.update(&u64::try_from(key.len()).unwrap_or(u64::MAX).to_le_bytes());
        self.hash.update(key);
        self.hash.update(&u64::try_from(value.len()).unwrap_or(u64::MAX).to_le_bytes());
        self.hash.update(value);
    }

    fn end(&self) -> Digest {
        Digest { count: self.count, sum: self.hash.digest128() }
    }
}
