//! A store as it is at one moment, for commands that only read it: whichever kind it is, and beside a running server.

use std::collections::BTreeMap;

use super::Failure;
use crate::config::StoreUrl;
use crate::shard::Table;
use crate::store::redis::Address;
use crate::store::sealed::{Keys, Seal, SealedSnapshot};
use crate::store::{Embedded, Epoch, Error, Loaded, Redis, RowSink, Seq, Snapshot, Store, embedded};
use crate::types::ShardId;

/// What is read.
pub(super) struct Stored {
    snapshot: SealedSnapshot<Source>,
    /// Its name.
    pub(super) id: String,
    /// How many shards it has.
    pub(super) shards: u16,
    /// Where it is, as it may be shown.
    pub(super) place: String,
}

enum Source {
    Folder(embedded::Reader),
    /// With the threads that its connection lives on.
    Redis {
        snapshot: Box<dyn Snapshot>,
        _threads: tokio::runtime::Runtime,
    },
}

impl Stored {
    /// Opens it with these keys; nothing is made where there is none.
    pub(super) fn open(url: &StoreUrl, keys: Keys) -> Result<Self, Failure> {
        let place = url.shown();
        match url {
            StoreUrl::Embedded(folder) => {
                let reader = Embedded::open_read_only(folder).map_err(|error| Failure::of(&error))?;
                let (id, shards) = (reader.id().to_owned(), reader.layout().shards);
                let snapshot = SealedSnapshot::new(Source::Folder(reader), &id, keys);
                Ok(Self { snapshot, id, shards, place: folder.display().to_string() })
            }
            StoreUrl::Redis(address) => {
                let mut builder = tokio::runtime::Builder::new_multi_thread();
                let runtime = builder.worker_threads(1).enable_all().build();
                let runtime = runtime.map_err(|error| Failure::Failed(format!("no threads can be started: {error}")))?;
                let (snapshot, id, shards) = runtime.block_on(look(address)).map_err(|error| Failure::of(&error))?;
                let snapshot = SealedSnapshot::new(Source::Redis { snapshot, _threads: runtime }, &id, keys);
                Ok(Self { snapshot, id, shards, place })
            }
        }
    }

    /// What is in it.
    pub(super) fn snapshot(&self) -> &dyn Snapshot {
        &self.snapshot
    }

    /// The same as it lies there, sealed where it is.
    pub(super) fn as_it_lies(&self) -> &dyn Snapshot {
        self.snapshot.inner()
    }

    /// How many values are sealed with what. It reads all of them.
    pub(super) fn seals(&self) -> Result<BTreeMap<Seal, u64>, Error> {
        self.snapshot.seals(self.shards)
    }

    /// Looks for damage that reading alone doesn't show.
    pub(super) fn check(&self) -> Result<(), Error> {
        match self.snapshot.inner() {
            Source::Folder(reader) => reader.check(),
            // It checks its own files when it reads them.
            Source::Redis { .. } => Ok(()),
        }
    }
}

impl Source {
    fn get(&self) -> &dyn Snapshot {
        match self {
            Self::Folder(reader) => reader,
            Self::Redis { snapshot, .. } => &**snapshot,
        }
    }
}

impl Snapshot for Source {
    fn epoch(&self, shard: ShardId) -> Result<Epoch, Error> {
        self.get().epoch(shard)
    }

    fn load(&self, shard: ShardId, sink: &mut dyn FnMut(Loaded<'_>) -> Result<(), String>) -> Result<Seq, Error> {
        self.get().load(shard, sink)
    }

    fn scan_all(&self, shard: ShardId, table: Table, sink: RowSink<'_>) -> Result<(), Error> {
        self.get().scan_all(shard, table, sink)
    }
}

async fn look(address: &Address) -> Result<(Box<dyn Snapshot>, String, u16), Error> {
    let store = Redis::open_existing(address).await?;
    Ok((store.snapshot().await?, store.id().to_owned(), store.layout().shards))
}
