//! A store in Redis that is about to lie somewhere else: every shard is taken, and none is given back once it has moved.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::boot;
use super::connection::Address;
use super::scripts::SET_HEAD;
use super::{Redis, place, snapshot};
use crate::store::{Epoch, Error, Leases, NodeId, Peer, Seq, Snapshot, Store};
use crate::types::ShardId;

/// Its name as a holder: the same in the next attempt, which takes over from one that was cut off.
const NAME: &str = "migrate";
/// How long a shard is held at a time while it is copied.
const LEASE: Duration = Duration::from_secs(30);
/// And once it has moved: for good. A node that was starting meanwhile waits for it in vain.
const FOR_GOOD: Duration = Duration::from_hours(100 * 365 * 24);

/// The store, held.
#[derive(Debug)]
pub struct Leaving {
    store: Redis,
    to: String,
    /// An earlier attempt had marked it, and may have come to its end.
    is_resumed: bool,
    epochs: Vec<Epoch>,
    renewal: JoinHandle<()>,
    runtime: Handle,
}

impl Leaving {
    /// Marks it and takes its shards. A move to the same place that was cut off goes on from here.
    ///
    /// # Errors
    /// [`Error::HeldElsewhere`] where a node runs on it; [`Error::Open`] where there is no store, or it was moved elsewhere.
    pub async fn begin(address: &Address, to: &str) -> Result<Self, Error> {
        let (connection, layout, id) = boot::open_any(address).await?;
        let fails = |message: String| Error::Open { path: address.shown(), message };
        let facts = boot::facts(&connection).await?;
        if facts.contains_key("filling") {
            return Err(fails(boot::UNFINISHED.to_owned()));
        }
        if let Some(place) = facts.get("moved").filter(|place| *place != to) {
            return Err(fails(boot::moved(place)));
        }
        let is_resumed = facts.contains_key("moved");
        let node = Peer { id: NodeId(NAME.to_owned()), url: String::new() };
        let store = Redis::over(connection, layout, id, node, LEASE);
        let others = store.leave_and_list().await?.into_iter().map(|peer| peer.id).find(|id| *id != *store.me());
        let holders = store.holders().await?.into_iter().flatten().map(|holder| holder.node.id);
        if let Some(node) = others.or_else(|| holders.into_iter().find(|id| id != store.me())) {
            return Err(Error::HeldElsewhere { node: node.0 });
        }
        mark(&store, to).await?;
        let mut epochs = Vec::new();
        for shard in (0..layout.shards).map(ShardId) {
            match store.acquire(shard).await {
                Ok(epoch) => epochs.push(epoch),
                Err(error) if is_resumed => return Err(error),
                Err(error) => {
                    stay(&store, &epochs).await?;
                    return Err(error);
                }
            }
        }
        let renewal = tokio::spawn(renew(store.again(), epochs.clone()));
        Ok(Self { store, to: to.to_owned(), is_resumed, epochs, renewal, runtime: Handle::current() })
    }

    /// Its number of shards.
    pub fn shards(&self) -> u16 {
        self.store.layout.shards
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.store.id
    }

    /// What it holds. Blocking.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn snapshot(&self) -> Result<Box<dyn Snapshot>, Error> {
        self.wait(async {
            let held = snapshot::take(&self.store.connection, self.store.layout.shards).await?;
            Ok(Box::new(held) as Box<dyn Snapshot>)
        })
    }

    /// It isn't moved after all. Blocking.
    ///
    /// # Errors
    /// [`Error::Open`] where it was marked before: that move may have ended, and then both would be served.
    pub fn stay(self) -> Result<(), Error> {
        self.renewal.abort();
        if self.is_resumed {
            let message = "an earlier attempt to move it may have come to its end".to_owned();
            return Err(Error::Open { path: self.to.clone(), message });
        }
        self.wait(stay(&self.store, &self.epochs))
    }

    /// It stays held for good. Before the copy is finished, so that there is never a moment when both can be served. Blocking.
    ///
    /// # Errors
    /// [`Error::Fenced`] where somebody took a shard meanwhile: what was copied isn't the newest then.
    pub fn seal(&self) -> Result<(), Error> {
        self.renewal.abort();
        self.wait(async {
            mark(&self.store, &self.to).await?;
            for (shard, epoch) in (0..).map(ShardId).zip(&self.epochs) {
                let mut command = SET_HEAD.call(&[place::head(shard)]);
                let until = self.store.now().await?.saturating_add(u64::try_from(FOR_GOOD.as_millis()).unwrap_or(u64::MAX));
                command.arg(epoch.0).arg("leased_until").arg(until);
                self.store.write(&SET_HEAD, &command, *epoch, Seq(0)).await?;
            }
            Ok(())
        })
    }

    fn wait<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        tokio::task::block_in_place(|| self.runtime.block_on(work))
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

async fn mark(store: &Redis, to: &str) -> Result<(), Error> {
    let mut set = redis::cmd("HSET");
    set.arg(place::STORE).arg("moved").arg(to);
    store.connection.call::<u32>(&set).await.map(drop)
}

async fn renew(store: Redis, epochs: Vec<Epoch>) {
    loop {
        tokio::time::sleep(LEASE / 3).await;
        for (shard, epoch) in (0..).map(ShardId).zip(&epochs) {
            // One that was taken is noticed at the end.
            store.renew(shard, *epoch).await.ok();
        }
    }
}

async fn stay(store: &Redis, epochs: &[Epoch]) -> Result<(), Error> {
    let mut remove = redis::cmd("HDEL");
    remove.arg(place::STORE).arg("moved");
    store.connection.call::<u32>(&remove).await?;
    for (shard, epoch) in (0..).map(ShardId).zip(epochs) {
        store.release(shard, *epoch).await?;
    }
    Ok(())
}
