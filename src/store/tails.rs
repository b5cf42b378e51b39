//! What nodes had acknowledged of late, where a store can forget it at a failover without a word (safety.md RS1, F-R5).

use bytes::Bytes;

use super::{Append, Epoch, Error, Seq};
use crate::types::ShardId;

/// A record that was acknowledged by this node or another.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Acknowledged {
    /// Under which ownership.
    pub epoch: Epoch,
    /// Its number.
    pub seq: Seq,
    /// Its bytes, as the store has them: sealed, where they are.
    pub record: Bytes,
}

/// The last record of a shard that some node had acknowledged.
pub type Last = (Epoch, Seq);

/// What a store does that can forget.
#[async_trait::async_trait]
pub trait Tails: Send + Sync {
    /// The last record of each shard that this node had acknowledged.
    fn acknowledged(&self) -> Vec<(ShardId, Last)>;

    /// The records of a shard from a number on that this node had acknowledged of late, without a gap.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where they can't be read.
    async fn records(&self, shard: ShardId, first: Seq) -> Result<Vec<Acknowledged>, Error>;

    /// The number of the last record that the store has.
    async fn last(&self, shard: ShardId) -> Result<Seq, Error>;

    /// The number of the last record when the first owner after `epoch`, and before `now`, took the shard. Nothing where there was none.
    async fn taken_after(&self, shard: ShardId, epoch: Epoch, now: Epoch) -> Result<Option<Seq>, Error>;

    /// Appends bytes as they were acknowledged, below whatever seals them on their way in: sealed twice, nobody could read them.
    async fn append_again(&self, append: Append) -> Result<(), Error>;

    /// Notes that an owner began behind this record, once it has written again what was forgotten.
    async fn began(&self, shard: ShardId, epoch: Epoch, last: Seq) -> Result<(), Error>;

    /// The bytes of a record that the store still has in its journal.
    async fn stored(&self, shard: ShardId, seq: Seq) -> Result<Option<Bytes>, Error>;

    /// No epoch up to this one is given out again: the store may have forgotten that it was.
    fn raise_floor(&self, shard: ShardId, epoch: Epoch);
}
