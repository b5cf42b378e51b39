//! A store in Redis while it is filled with the copy of another.
//!
//! Until it is finished its shards stand under an epoch that was drawn for this copy, so that an earlier one which still runs
//! is refused; and the store itself says that it is unfinished, so that no server takes it.

use redis::Cmd;
use tokio::runtime::Handle;

use super::boot::{self, Facts};
use super::connection::Connection;
use super::scripts::{FINISH, SET_HEAD};
use super::{Redis, Settings, place, snapshot};
use crate::clock::Random;
use crate::shard::{Row, Table};
use crate::store::copy::{Filling, Journal};
use crate::store::{Append, Epoch, Error, Pairs, SCHEMA, Seq, Snapshot, Store};
use crate::types::ShardId;

/// The store and the epoch of this copy.
#[derive(Debug)]
pub struct Fill {
    store: Redis,
    epoch: Epoch,
    runtime: Handle,
}

impl Fill {
    /// Makes it. What an earlier copy left unfinished is thrown away: nobody was ever served from it.
    ///
    /// # Errors
    /// [`Error::Open`] where there is a store already, or the server can't be trusted with one.
    pub async fn begin(settings: &Settings, id: &str, random: &dyn Random) -> Result<Self, Error> {
        let place = settings.address.shown();
        let fails = |message: String| Error::Open { path: place.clone(), message };
        let connection = boot::connect(settings).await?;
        let facts = boot::facts(&connection).await?;
        if facts.contains_key("filling") {
            tracing::warn!(store = place, "throwing away what a copy that was cut off left behind");
            wipe(&connection, &facts).await?;
        } else if !facts.is_empty() {
            return Err(fails("there is a store in it already; a copy goes into an empty database".to_owned()));
        }
        let mut drawn = [0; 8];
        random.fill(&mut drawn);
        // Far above what any shard ever had, and never the same twice.
        let epoch = Epoch(u64::from_le_bytes(drawn) >> 2 | 1 << 61);
        let mut set = redis::cmd("HSET");
        set.arg(place::STORE).arg("filling").arg(1).arg("id").arg(id);
        set.arg("shards").arg(settings.shards).arg("schema").arg(SCHEMA);
        connection.call::<u32>(&set).await?;
        for shard in (0..settings.shards).map(ShardId) {
            let mut exists = redis::cmd("EXISTS");
            exists.arg(place::head(shard));
            if connection.call::<u32>(&exists).await? > 0 {
                return Err(fails(format!("shard {} belongs to another store; give this one a database of its own", shard.0)));
            }
            let mut set = redis::cmd("HSET");
            set.arg(place::head(shard)).arg("store").arg(id).arg("epoch").arg(epoch.0);
            set.arg("last").arg(0).arg("trimmed").arg(0).arg("checkpoints").arg(0);
            connection.call::<u32>(&set).await?;
        }
        let layout = crate::store::Layout { shards: settings.shards, schema: SCHEMA };
        let store = Redis::over(connection, layout, id.to_owned(), settings.node.clone(), settings.lease);
        Ok(Self { store, epoch, runtime: Handle::current() })
    }

    /// What it holds so far. Blocking.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn snapshot(&self) -> Result<Box<dyn Snapshot>, Error> {
        self.wait(async {
            let held = snapshot::take(&self.store.connection, self.store.layout.shards).await?;
            Ok(Box::new(held) as Box<dyn Snapshot>)
        })
    }

    /// It is whole: from here on a server takes it. Blocking.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn finish(self) -> Result<(), Error> {
        let mut finish = FINISH.call(&[place::STORE.to_owned()]);
        finish.arg(&self.store.id);
        self.wait(async { self.store.write(&FINISH, &finish, self.epoch, Seq(0)).await.map(drop) })
    }

    fn wait<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        tokio::task::block_in_place(|| self.runtime.block_on(work))
    }

    async fn set_head(&self, shard: ShardId, values: &[(&str, u64)]) -> Result<(), Error> {
        let mut command = SET_HEAD.call(&[place::head(shard)]);
        command.arg(self.epoch.0);
        for (name, value) in values {
            command.arg(*name).arg(*value);
        }
        self.store.write(&SET_HEAD, &command, self.epoch, Seq(0)).await.map(drop)
    }
}

impl Filling for Fill {
    fn rows(&mut self, shard: ShardId, table: Table, rows: Pairs) -> Result<(), Error> {
        let rows = rows.into_iter().map(|(key, value)| Row { table, key, value: Some(value) }).collect();
        self.wait(self.store.put_rows(shard, self.epoch, rows))
    }

    fn journal(&mut self, shard: ShardId, journal: Journal) -> Result<(), Error> {
        let Journal { epoch, trimmed, records, .. } = journal;
        self.wait(async {
            self.set_head(shard, &[("last", trimmed.0), ("trimmed", trimmed.0)]).await?;
            for (seq, record) in records {
                self.store.append(Append { shard, epoch: self.epoch, seq, record: record.into() }).await?;
            }
            self.set_head(shard, &[("epoch", epoch.0)]).await
        })
    }
}

/// Removes the keys of a store that never was one.
async fn wipe(connection: &Connection, facts: &Facts) -> Result<(), Error> {
    let shards = facts.get("shards").and_then(|shards| shards.parse().ok()).unwrap_or(0_u16);
    for shard in (0..shards).map(ShardId) {
        // The head first: whoever still fills the shard is refused from here on.
        unlink(connection, &place::head(shard)).await?;
        unlink(connection, &place::journal(shard)).await?;
        unlink(connection, &place::epochs(shard)).await?;
        for table in Table::ALL {
            unlink(connection, &place::rows(shard, table)).await?;
            if let Some(index) = place::index(shard, table) {
                unlink(connection, &index).await?;
            }
        }
    }
    Ok(())
}

async fn unlink(connection: &Connection, key: &str) -> Result<(), Error> {
    let mut command: Cmd = redis::cmd("UNLINK");
    command.arg(key);
    connection.call::<u32>(&command).await.map(drop)
}
