//! Who holds which shard, where several nodes share a store. All times are the store's (safety.md D-8).

use std::time::Duration;

use super::{Epoch, Error};
use crate::types::ShardId;

/// A node's name: the same as long as it keeps its folder, so that it finds its own shards again at once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub String);

impl std::fmt::Display for NodeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A node as others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Which.
    pub id: NodeId,
    /// Where other nodes reach it.
    pub url: String,
}

/// Who holds a shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The node.
    pub node: Peer,
    /// Under which epoch.
    pub epoch: Epoch,
    /// For how much longer, unless it is renewed.
    pub left: Duration,
}

/// What a store of several nodes does besides. A shard is taken by [`super::Store::acquire`], which is refused with
/// [`Error::HeldElsewhere`] as long as another node's lease runs.
#[async_trait::async_trait]
pub trait Leases: Send + Sync {
    /// This node.
    fn me(&self) -> &NodeId;

    /// How long a lease runs.
    fn duration(&self) -> Duration;

    /// Says that this node is there, for one duration, and returns all that are.
    async fn hello(&self) -> Result<Vec<Peer>, Error>;

    /// Says that this node is going: others may plan without it.
    async fn leave(&self) -> Result<(), Error>;

    /// Who holds each shard, by number. Nothing for one whose lease has run out.
    async fn holders(&self) -> Result<Vec<Option<Holder>>, Error>;

    /// Renews this node's lease by one duration from now.
    ///
    /// # Errors
    /// [`Error::Fenced`] where the shard was taken meanwhile.
    async fn renew(&self, shard: ShardId, epoch: Epoch) -> Result<(), Error>;

    /// Gives the shard up, so that the next node needn't wait.
    async fn release(&self, shard: ShardId, epoch: Epoch) -> Result<(), Error>;
}
