//! What the store in memory holds: shards as plain values.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use crate::shard::{Row, Table};
use crate::store::{Append, Epoch, Error, Loaded, Pairs, Range, RowSink, Seq, Snapshot};
use crate::types::ShardId;

#[derive(Debug, Clone, Default)]
pub(super) struct Shard {
    pub(super) epoch: u64,
    pub(super) trimmed: u64,
    pub(super) journal: VecDeque<Bytes>,
    pub(super) rows: BTreeMap<(Table, Vec<u8>), Vec<u8>>,
}

impl Shard {
    pub(super) fn last(&self) -> u64 {
        self.trimmed.saturating_add(u64::try_from(self.journal.len()).unwrap_or(u64::MAX))
    }

    /// Where in `journal` a record lies, if it isn't trimmed.
    pub(super) fn index(&self, seq: Seq) -> Option<usize> {
        usize::try_from(seq.0.checked_sub(self.trimmed)?.checked_sub(1)?).ok()
    }

    fn owned_under(&self, epoch: Epoch) -> Result<(), Error> {
        if epoch.0 == self.epoch { Ok(()) } else { Err(Error::Fenced { held: epoch.0, current: self.epoch }) }
    }

    pub(super) fn append(&mut self, append: Append) -> Result<(), Error> {
        self.owned_under(append.epoch)?;
        let last = self.last();
        if Some(append.seq.0) == last.checked_add(1) {
            self.journal.push_back(append.record);
            return Ok(());
        }
        let kept = self.index(append.seq).and_then(|index| self.journal.get(index));
        if kept.is_some_and(|kept| *kept == append.record) { Ok(()) } else { Err(Error::OutOfOrder { got: append.seq.0, last }) }
    }

    pub(super) fn put(&mut self, epoch: Epoch, rows: Vec<Row>) -> Result<(), Error> {
        self.owned_under(epoch)?;
        for Row { table, key, value } in rows {
            match value {
                Some(value) => self.rows.insert((table, key), value),
                None => self.rows.remove(&(table, key)),
            };
        }
        Ok(())
    }

    pub(super) fn trim(&mut self, epoch: Epoch, upto: Seq) -> Result<(), Error> {
        self.owned_under(epoch)?;
        let last = self.last();
        if upto.0 > last {
            return Err(Error::OutOfOrder { got: upto.0, last });
        }
        if let Some(index) = self.index(upto) {
            self.journal.drain(..=index);
            self.trimmed = upto.0;
        }
        Ok(())
    }

    pub(super) fn scan(&self, table: Table, range: &Range) -> Pairs {
        let beyond = |key: &[u8]| match &range.after {
            Some(after) if range.newest_first => key < after.as_slice(),
            Some(after) => key > after.as_slice(),
            None => true,
        };
        let matching = |(place, value): (&(Table, Vec<u8>), &Vec<u8>)| beyond(&place.1).then(|| (place.1.clone(), value.clone()));
        let prefixed = self
            .rows
            .range((table, range.prefix.clone())..)
            .take_while(|((found, key), _)| *found == table && key.starts_with(&range.prefix));
        if range.newest_first {
            let mut newest: Vec<_> = prefixed.collect();
            newest.reverse();
            newest.into_iter().filter_map(matching).take(range.limit).collect()
        } else {
            prefixed.filter_map(matching).take(range.limit).collect()
        }
    }

    pub(super) fn hand_out(&self, sink: &mut dyn FnMut(Loaded<'_>) -> Result<(), String>) -> Result<Seq, Error> {
        for ((table, key), value) in self.rows.iter().filter(|((table, _), _)| table.is_live()) {
            sink(Loaded::Row(*table, key, value)).map_err(Error::Corrupt)?;
        }
        for (seq, record) in (self.trimmed.saturating_add(1)..).zip(&self.journal) {
            sink(Loaded::Record(Seq(seq), record)).map_err(Error::Corrupt)?;
        }
        Ok(Seq(self.last()))
    }
}

/// The content as it was at one moment.
pub(super) struct Copy {
    pub(super) shards: Vec<Shard>,
}

impl Copy {
    fn shard(&self, shard: ShardId) -> Result<&Shard, Error> {
        let shards = self.shards.len();
        self.shards.get(usize::from(shard.0)).ok_or(Error::NoShard { shard: shard.0, shards })
    }
}

impl Snapshot for Copy {
    fn epoch(&self, shard: ShardId) -> Result<Epoch, Error> {
        Ok(Epoch(self.shard(shard)?.epoch))
    }

    fn load(&self, shard: ShardId, sink: &mut dyn FnMut(Loaded<'_>) -> Result<(), String>) -> Result<Seq, Error> {
        self.shard(shard)?.hand_out(sink)
    }

    fn scan_all(&self, shard: ShardId, table: Table, sink: RowSink<'_>) -> Result<(), Error> {
        let rows = self.shard(shard)?.rows.iter().filter(|((known, _), _)| *known == table);
        for ((_, key), value) in rows {
            sink(key, value).map_err(Error::Corrupt)?;
        }
        Ok(())
    }
}
