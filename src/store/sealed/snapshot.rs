//! A moment of a sealed store, opened; and a count of what its values are sealed with, which says when a key can go.

use std::collections::BTreeMap;

use super::keys::{Keys, Seal};
use super::place::{Place, Places};
use super::{hand_on, keep};
use crate::shard::Table;
use crate::store::{Epoch, Error, Loaded, RowSink, Seq, Snapshot};
use crate::types::ShardId;

/// Opens what another snapshot hands out.
#[derive(Debug)]
pub struct SealedSnapshot<S> {
    inner: S,
    places: Places,
    keys: Keys,
}

impl<S: Snapshot> SealedSnapshot<S> {
    /// Of the store of this id.
    pub fn new(inner: S, id: &str, keys: Keys) -> Self {
        Self::over(inner, Places::of(id), keys)
    }

    pub(super) fn over(inner: S, places: Places, keys: Keys) -> Self {
        Self { inner, places, keys }
    }

    /// What is opened.
    pub fn inner(&self) -> &S {
        &self.inner
    }
}

impl<S: Snapshot> SealedSnapshot<S> {
    /// How many values of so many shards are sealed with what. It reads everything.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn seals(&self, shards: u16) -> Result<BTreeMap<Seal, u64>, Error> {
        let mut counts = BTreeMap::new();
        let mut count = |place: Place<'_>, value: &[u8]| {
            let seal = self.keys.open(&self.places, place, value)?.seal;
            let number: &mut u64 = counts.entry(seal).or_default();
            *number = number.saturating_add(1);
            Ok::<_, Error>(())
        };
        let mut fault = None;
        for shard in (0..shards).map(ShardId) {
            let records = self.inner.load(shard, &mut |loaded| match loaded {
                // Scanned below, with all others.
                Loaded::Row(..) => Ok(()),
                Loaded::Record(seq, record) => count(Place::Record(shard, seq), record).map_err(|error| keep(error, &mut fault)),
            });
            fault.take().map_or(records, Err)?;
            for table in Table::ALL {
                let sink =
                    &mut |key: &[u8], value: &[u8]| count(Place::Row(shard, table, key), value).map_err(|error| keep(error, &mut fault));
                let rows = self.inner.scan_all(shard, table, sink);
                fault.take().map_or(rows, Err)?;
            }
        }
        Ok(counts)
    }
}

impl<S: Snapshot> Snapshot for SealedSnapshot<S> {
    fn epoch(&self, shard: ShardId) -> Result<Epoch, Error> {
        self.inner.epoch(shard)
    }

    fn load(&self, shard: ShardId, sink: &mut dyn FnMut(Loaded<'_>) -> Result<(), String>) -> Result<Seq, Error> {
        let mut fault = None;
        let loaded = self.inner.load(shard, &mut |loaded| hand_on(&self.keys, &self.places, shard, loaded, sink, &mut fault));
        fault.map_or(loaded, Err)
    }

    fn scan_all(&self, shard: ShardId, table: Table, sink: RowSink<'_>) -> Result<(), Error> {
        let mut fault = None;
        let scanned = self.inner.scan_all(shard, table, &mut |key, value| {
            let place = Place::Row(shard, table, key);
            let opened = self.keys.open(&self.places, place, value).map_err(|error| keep(error, &mut fault))?;
            sink(key, &opened.value)
        });
        fault.map_or(scanned, Err)
    }
}
