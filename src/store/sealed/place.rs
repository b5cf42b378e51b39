//! Where a value lies, as the bytes that it is bound to.

use std::fmt;
use std::sync::Arc;

use crate::shard::Table;
use crate::store::Seq;
use crate::types::ShardId;

/// All places of one store.
#[derive(Debug, Clone)]
pub(super) struct Places(Arc<str>);

/// One of them.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'a> {
    /// In the journal.
    Record(ShardId, Seq),
    /// In a table.
    Row(ShardId, Table, &'a [u8]),
}

impl Places {
    pub(super) fn of(store: &str) -> Self {
        Self(store.into())
    }

    /// Different for any two places: each part but the last has a fixed length or its length in front.
    pub(super) fn bind(&self, place: Place<'_>) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(96);
        bytes.extend(u64::try_from(self.0.len()).unwrap_or(u64::MAX).to_be_bytes());
        bytes.extend(self.0.as_bytes());
        match place {
            Place::Record(shard, seq) => {
                bytes.push(0);
                bytes.extend(shard.0.to_be_bytes());
                bytes.extend(seq.0.to_be_bytes());
            }
            Place::Row(shard, table, key) => {
                bytes.push(table as u8);
                bytes.extend(shard.0.to_be_bytes());
                bytes.extend(key);
            }
        }
        bytes
    }
}

/// For people.
impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(shard, seq) => write!(f, "record {} of shard {}", seq.0, shard.0),
            Self::Row(shard, table, key) => write!(f, "{} {} of shard {}", table.name(), hex::encode(key), shard.0),
        }
    }
}
