//! A store as it is at one moment, for commands that only read it: whichever kind it is, and beside a running server.

use super::Failure;
use crate::config::StoreUrl;
use crate::store::redis::Address;
use crate::store::{Embedded, Error, Redis, Snapshot, Store, embedded};

/// What is read.
pub(super) struct Stored {
    source: Source,
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
    /// Opens it; nothing is made where there is none.
    pub(super) fn open(url: &StoreUrl) -> Result<Self, Failure> {
        let place = url.shown();
        match url {
            StoreUrl::Embedded(folder) => {
                let reader = Embedded::open_read_only(folder).map_err(|error| Failure::of(&error))?;
                let (id, shards) = (reader.id().to_owned(), reader.layout().shards);
                Ok(Self { source: Source::Folder(reader), id, shards, place: folder.display().to_string() })
            }
            StoreUrl::Redis(address) => {
                let mut builder = tokio::runtime::Builder::new_multi_thread();
                let runtime = builder.worker_threads(1).enable_all().build();
                let runtime = runtime.map_err(|error| Failure::Failed(format!("no threads can be started: {error}")))?;
                let (snapshot, id, shards) = runtime.block_on(look(address)).map_err(|error| Failure::of(&error))?;
                Ok(Self { source: Source::Redis { snapshot, _threads: runtime }, id, shards, place })
            }
        }
    }

    /// What is in it.
    pub(super) fn snapshot(&self) -> &dyn Snapshot {
        match &self.source {
            Source::Folder(reader) => reader,
            Source::Redis { snapshot, .. } => &**snapshot,
        }
    }

    /// Looks for damage that reading alone doesn't show.
    pub(super) fn check(&self) -> Result<(), Error> {
        match &self.source {
            Source::Folder(reader) => reader.check(),
            // It checks its own files when it reads them.
            Source::Redis { .. } => Ok(()),
        }
    }
}

async fn look(address: &Address) -> Result<(Box<dyn Snapshot>, String, u16), Error> {
    let store = Redis::open_existing(address).await?;
    Ok((store.snapshot().await?, store.id().to_owned(), store.layout().shards))
}
