//! Values sealed at rest: wraps any store, so that neither its files nor whoever shares its server can read or move them.
//!
//! Every record and every row's value is encrypted and bound to its place: store, shard, and number or table and key. One that
//! was altered, or lies where another was written, doesn't open, and nothing is skipped: [`Error::Corrupt`] names the place
//! (safety.md T-27, F-R9). Deliberately absent: hiding keys of rows, sizes and times, and noticing that a value was put back
//! to what it was before at the same place.

mod keys;
mod place;
mod snapshot;

use std::sync::Arc;

pub use self::keys::{Keys, Seal};
pub use self::snapshot::SealedSnapshot;

use self::place::{Place, Places};
use super::{Append, Epoch, Error, Layout, Leases, Loaded, Pairs, Range, Seq, Sink, Snapshot, Store, Tails};
use crate::shard::{Row, Table};
use crate::types::ShardId;

/// A store whose values are sealed on their way in and opened on their way out.
#[derive(Debug, Clone)]
pub struct Sealed<S: Store + ?Sized> {
    keys: Keys,
    places: Places,
    inner: Arc<S>,
}

impl<S: Store + ?Sized> Sealed<S> {
    /// Wraps the store of this id.
    pub fn new(inner: Arc<S>, id: &str, keys: Keys) -> Self {
        Self { keys, places: Places::of(id), inner }
    }

    fn open(&self, place: Place<'_>, value: &[u8]) -> Result<Vec<u8>, Error> {
        self.keys.open(&self.places, place, value).map(|opened| opened.value.into_owned())
    }
}

#[async_trait::async_trait]
impl<S: Store + ?Sized> Store for Sealed<S> {
    fn layout(&self) -> Layout {
        self.inner.layout()
    }

    async fn acquire(&self, shard: ShardId) -> Result<Epoch, Error> {
        self.inner.acquire(shard).await
    }

    async fn load(&self, shard: ShardId, sink: Sink<'_>) -> Result<Seq, Error> {
        let mut fault = None;
        let loaded = self.inner.load(shard, &mut |loaded| hand_on(&self.keys, &self.places, shard, loaded, sink, &mut fault)).await;
        fault.map_or(loaded, Err)
    }

    async fn append(&self, append: Append) -> Result<(), Error> {
        let place = Place::Record(append.shard, append.seq);
        let record = self.keys.seal(&self.places, place, append.record.into())?.into();
        self.inner.append(Append { record, ..append }).await
    }

    async fn put_rows(&self, shard: ShardId, epoch: Epoch, mut rows: Vec<Row>) -> Result<(), Error> {
        for row in &mut rows {
            if let Some(value) = row.value.take() {
                row.value = Some(self.keys.seal(&self.places, Place::Row(shard, row.table, &row.key), value)?);
            }
        }
        self.inner.put_rows(shard, epoch, rows).await
    }

    async fn trim(&self, shard: ShardId, epoch: Epoch, upto: Seq) -> Result<(), Error> {
        self.inner.trim(shard, epoch, upto).await
    }

    async fn get(&self, shard: ShardId, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let value = self.inner.get(shard, table, key).await?;
        value.map(|value| self.open(Place::Row(shard, table, key), &value)).transpose()
    }

    async fn scan(&self, shard: ShardId, table: Table, range: Range) -> Result<Pairs, Error> {
        let rows = self.inner.scan(shard, table, range).await?;
        let open = |(key, value): (Vec<u8>, Vec<u8>)| {
            let value = self.open(Place::Row(shard, table, &key), &value)?;
            Ok((key, value))
        };
        rows.into_iter().map(open).collect()
    }

    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, Error> {
        let inner = self.inner.snapshot().await?;
        Ok(Box::new(SealedSnapshot::over(inner, self.places.clone(), self.keys.clone())))
    }

    async fn close(&self) {
        self.inner.close().await;
    }

    fn accepts_work(&self) -> bool {
        self.inner.accepts_work()
    }

    /// What nodes remember is what the store was given, so it goes back as it is.
    fn tails(&self) -> Option<&dyn Tails> {
        self.inner.tails()
    }

    fn leases(&self) -> Option<&dyn Leases> {
        self.inner.leases()
    }
}

/// Opens a part of a load and hands it on; what doesn't open ends the load, and its error is left in `fault`.
fn hand_on(
    keys: &Keys,
    places: &Places,
    shard: ShardId,
    loaded: Loaded<'_>,
    sink: &mut dyn FnMut(Loaded<'_>) -> Result<(), String>,
    fault: &mut Option<Error>,
) -> Result<(), String> {
    let (place, value) = match loaded {
        Loaded::Row(table, key, value) => (Place::Row(shard, table, key), value),
        Loaded::Record(seq, record) => (Place::Record(shard, seq), record),
    };
    let opened = keys.open(places, place, value).map_err(|error| keep(error, fault))?;
    match loaded {
        Loaded::Row(table, key, _) => sink(Loaded::Row(table, key, &opened.value)),
        Loaded::Record(seq, _) => sink(Loaded::Record(seq, &opened.value)),
    }
}

/// A sink's error is only a text, so the one that says what to do is kept beside it.
fn keep(error: Error, fault: &mut Option<Error>) -> String {
    let text = error.to_string();
    *fault = Some(error);
    text
}
