//! Leases in Redis: two fields of a shard's head, and one hash of the nodes that are there.

use std::time::Duration;

use super::scripts::{HELLO, RENEW};
use super::{Redis, Written, number, place};
use crate::store::{Epoch, Error, Holder, Leases, NodeId, Peer, Seq};
use crate::types::ShardId;

#[async_trait::async_trait]
impl Leases for Redis {
    fn me(&self) -> &NodeId {
        &self.node.id
    }

    fn duration(&self) -> Duration {
        self.lease
    }

    async fn hello(&self) -> Result<Vec<Peer>, Error> {
        self.be_there(self.lease).await
    }

    async fn leave(&self) -> Result<(), Error> {
        self.be_there(Duration::ZERO).await.map(drop)
    }

    async fn holders(&self) -> Result<Vec<Option<Holder>>, Error> {
        let now = self.now().await?;
        let asked = (0..self.layout.shards).map(|shard| self.holder(ShardId(shard), now));
        futures_util::future::try_join_all(asked).await
    }

    async fn renew(&self, shard: ShardId, epoch: Epoch) -> Result<(), Error> {
        self.lease_for(shard, epoch, self.lease).await
    }

    async fn release(&self, shard: ShardId, epoch: Epoch) -> Result<(), Error> {
        self.lease_for(shard, epoch, Duration::ZERO).await
    }
}

impl Redis {
    /// Says that this node isn't there, and returns who is.
    pub(super) async fn leave_and_list(&self) -> Result<Vec<Peer>, Error> {
        self.be_there(Duration::ZERO).await
    }

    async fn be_there(&self, time: Duration) -> Result<Vec<Peer>, Error> {
        let mut command = HELLO.call(&[place::NODES.to_owned()]);
        command.arg(&self.node.id.0).arg(&self.node.url).arg(time.as_millis().to_string());
        let flat: Vec<String> = self.connection.run(&HELLO, &command).await?;
        let mut flat = flat.into_iter();
        let mut there = Vec::new();
        while let (Some(id), Some(url)) = (flat.next(), flat.next()) {
            there.push(Peer { id: NodeId(id), url });
        }
        Ok(there)
    }

    async fn lease_for(&self, shard: ShardId, epoch: Epoch, time: Duration) -> Result<(), Error> {
        let mut command = RENEW.call(&[place::head(self.known(shard)?)]);
        command.arg(epoch.0).arg(time.as_millis().to_string());
        match self.write(&RENEW, &command, epoch, Seq(0)).await? {
            Written::Done(_) | Written::Held => Ok(()),
        }
    }

    /// Milliseconds by the store's clock.
    pub(super) async fn now(&self) -> Result<u64, Error> {
        let (seconds, micros): (u64, u64) = self.connection.call(&redis::cmd("TIME")).await?;
        Ok(seconds.saturating_mul(1_000).saturating_add(micros / 1_000))
    }

    async fn holder(&self, shard: ShardId, now: u64) -> Result<Option<Holder>, Error> {
        let mut command = redis::cmd("HMGET");
        command.arg(place::head(shard)).arg("node").arg("url").arg("epoch").arg("leased_until");
        let (node, url, epoch, until): (Option<String>, Option<String>, Option<String>, Option<u64>) =
            self.connection.call(&command).await?;
        let (Some(node), Some(url), Some(epoch), Some(until)) = (node, url, epoch, until) else { return Ok(None) };
        let left = Duration::from_millis(until.saturating_sub(now));
        let holder = Holder { node: Peer { id: NodeId(node), url }, epoch: Epoch(number(&epoch)?), left };
        Ok((!left.is_zero()).then_some(holder))
    }
}
