//! Everything as of one moment, for an audit: checkpoints are kept away while it reads, and records beyond the moment are left out.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::connection::Connection;
use super::load::{self, Head};
use super::place;
use super::scripts::HOLD;
use crate::shard::Table;
use crate::store::{Epoch, Error, Loaded, RowSink, Seq, Snapshot};
use crate::types::ShardId;

/// Checkpoints are held for so long at a time: whoever dies while it reads holds them no longer.
const HELD: Duration = Duration::from_secs(30);

pub(super) struct Held {
    connection: Connection,
    heads: Vec<Moment>,
    runtime: Handle,
    renewal: JoinHandle<()>,
}

/// Where a shard stood.
#[derive(Debug, Clone, Copy)]
struct Moment {
    last: u64,
    checkpoints: u64,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.renewal.abort();
        let (connection, shards) = (self.connection.clone(), self.heads.len());
        let release = async move {
            for shard in numbers(shards) {
                // Otherwise it lapses by itself.
                hold(&connection, shard, Duration::ZERO).await.ok();
            }
        };
        // A command ends its threads right after this, a server goes on.
        if Handle::try_current().is_ok() {
            self.runtime.spawn(release);
        } else {
            self.runtime.block_on(release);
        }
    }
}

fn numbers(shards: usize) -> impl Iterator<Item = ShardId> {
    (0..u16::try_from(shards).unwrap_or(u16::MAX)).map(ShardId)
}

/// First all checkpoints are held, then the moment is chosen.
pub(super) async fn take(connection: &Connection, shards: u16) -> Result<Held, Error> {
    for shard in numbers(usize::from(shards)) {
        hold(connection, shard, HELD).await?;
    }
    // At one moment: what one shard has acknowledged to another is in both, or in neither.
    let heads = load::heads(connection, shards).await?;
    let heads = heads.into_iter().map(|Head { last, checkpoints, .. }| Moment { last, checkpoints }).collect();
    let renewed = connection.clone();
    let renewal = tokio::spawn(async move {
        loop {
            tokio::time::sleep(HELD / 3).await;
            for shard in numbers(usize::from(shards)) {
                // One that isn't renewed is noticed by the count of checkpoints.
                hold(&renewed, shard, HELD).await.ok();
            }
        }
    });
    Ok(Held { connection: connection.clone(), heads, runtime: Handle::current(), renewal })
}

async fn hold(connection: &Connection, shard: ShardId, time: Duration) -> Result<(), Error> {
    let mut command = HOLD.call(&[place::head(shard)]);
    command.arg(time.as_secs());
    let said: Vec<String> = connection.run(&HOLD, &command).await?;
    match said.first().map(String::as_str) {
        Some("OK") => Ok(()),
        _ => Err(super::emptied()),
    }
}

impl Held {
    fn moment(&self, shard: ShardId) -> Result<Moment, Error> {
        let shards = self.heads.len();
        self.heads.get(usize::from(shard.0)).copied().ok_or(Error::NoShard { shard: shard.0, shards })
    }

    /// On the thread that asks, whether that is one of a runtime or not.
    fn wait<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        tokio::task::block_in_place(|| self.runtime.block_on(work))
    }

    /// Nothing was written or trimmed since the moment.
    async fn still(&self, shard: ShardId, moment: Moment) -> Result<(), Error> {
        let Head { checkpoints, .. } = load::head(&self.connection, shard).await?;
        if checkpoints == moment.checkpoints {
            Ok(())
        } else {
            Err(Error::Unavailable("the store was written to while it was read; try again".to_owned()))
        }
    }
}

impl Snapshot for Held {
    fn epoch(&self, shard: ShardId) -> Result<Epoch, Error> {
        self.wait(async { load::epoch(&self.connection, shard).await.map(Epoch) })
    }

    fn load(&self, shard: ShardId, sink: &mut dyn FnMut(Loaded<'_>) -> Result<(), String>) -> Result<Seq, Error> {
        let moment = self.moment(shard)?;
        let mut read = Vec::new();
        let mut keep = |loaded: Loaded<'_>| {
            read.push(match loaded {
                Loaded::Row(table, key, value) => Kept::Row(table, key.to_vec(), value.to_vec()),
                Loaded::Record(seq, record) => Kept::Record(seq, record.to_vec()),
            });
            Ok(())
        };
        let seq = self.wait(async {
            let seq = load::load(&self.connection, shard, Some(moment.last), &mut keep).await?;
            self.still(shard, moment).await?;
            Ok(seq)
        })?;
        for kept in &read {
            match kept {
                Kept::Row(table, key, value) => sink(Loaded::Row(*table, key, value)),
                Kept::Record(seq, record) => sink(Loaded::Record(*seq, record)),
            }
            .map_err(Error::Corrupt)?;
        }
        Ok(seq)
    }

    fn scan_all(&self, shard: ShardId, table: Table, sink: RowSink<'_>) -> Result<(), Error> {
        let moment = self.moment(shard)?;
        let rows = self.wait(async {
            let rows = load::table(&self.connection, shard, table).await?;
            self.still(shard, moment).await?;
            Ok(rows)
        })?;
        for (key, value) in rows {
            sink(&key, &value).map_err(Error::Corrupt)?;
        }
        Ok(())
    }
}

enum Kept {
    Row(Table, Vec<u8>, Vec<u8>),
    Record(Seq, Vec<u8>),
}
