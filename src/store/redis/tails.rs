//! What nodes had acknowledged, held against what Redis has.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::{Redis, load, number, place};
use crate::store::{Acknowledged, Append, Epoch, Error, Last, Seq, Store, Tails};
use crate::types::ShardId;

#[async_trait::async_trait]
impl Tails for Redis {
    fn acknowledged(&self) -> Vec<(ShardId, Last)> {
        self.tail.as_ref().map(|tail| tail.all()).unwrap_or_default()
    }

    async fn records(&self, shard: ShardId, first: Seq) -> Result<Vec<Acknowledged>, Error> {
        let Some(tail) = self.tail.as_ref().map(Arc::clone) else { return Ok(Vec::new()) };
        let read = tokio::task::spawn_blocking(move || tail.from(shard, first));
        read.await.map_err(|error| Error::Unavailable(error.to_string()))?
    }

    async fn last(&self, shard: ShardId) -> Result<Seq, Error> {
        Ok(Seq(load::head(&self.connection, shard).await?.last))
    }

    async fn taken_after(&self, shard: ShardId, epoch: Epoch, now: Epoch) -> Result<Option<Seq>, Error> {
        let mut command = redis::cmd("HGETALL");
        command.arg(place::epochs(shard));
        let epochs: BTreeMap<String, String> = self.connection.call(&command).await?;
        let mut next: Option<(u64, u64)> = None;
        for (began, last) in &epochs {
            let (began, last) = (number(began)?, number(last)?);
            if began > epoch.0 && began < now.0 && next.is_none_or(|(known, _)| began < known) {
                next = Some((began, last));
            }
        }
        Ok(next.map(|(_, last)| Seq(last)))
    }

    async fn began(&self, shard: ShardId, epoch: Epoch, last: Seq) -> Result<(), Error> {
        let mut command = redis::cmd("HSET");
        command.arg(place::epochs(shard)).arg(epoch.0).arg(last.0);
        self.connection.call::<u32>(&command).await.map(drop)
    }

    async fn append_again(&self, append: Append) -> Result<(), Error> {
        self.append(append).await
    }

    async fn stored(&self, shard: ShardId, seq: Seq) -> Result<Option<Bytes>, Error> {
        let found = load::records(&self.connection, shard, seq.0, seq.0).await?;
        Ok(found.into_iter().next().map(|(_, record)| Bytes::from(record)))
    }

    fn raise_floor(&self, shard: ShardId, epoch: Epoch) {
        let mut floors = self.floors();
        let floor = floors.entry(shard).or_insert(epoch);
        *floor = (*floor).max(epoch);
    }
}
