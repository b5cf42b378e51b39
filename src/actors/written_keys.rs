//! Which idempotency keys may have a row: asked before the store is, as nearly every key that comes is a new one.
//!
//! A Bloom filter, so "no" is certain and "maybe" costs the read that it would have saved. It is filled in the background after a
//! start, and says "maybe" to everything until then.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use fastbloom::BloomFilter;

use super::shard::ShardHandle;
use crate::shard::{ScopedKey, Table};
use crate::store::{self, Range};

/// Keys in the first layer; each further one has twice as many as the one before.
const FIRST_LAYER: usize = 1 << 14;
/// Keys that never came and still get a "maybe", in each layer.
const FALSE_POSITIVES: f64 = 0.001;
/// Rows of a read in the background.
const ROWS_AT_ONCE: usize = 2_000;

/// The filter of one shard.
#[derive(Debug, Default)]
pub(super) struct WrittenKeys {
    layers: RwLock<Layers>,
    /// Every key that has a row is in.
    complete: AtomicBool,
}

#[derive(Debug, Default)]
struct Layers {
    filled: Vec<BloomFilter>,
    newest_room: usize,
}

impl WrittenKeys {
    /// False only where the key has no row. To be asked after the shard's generation was read: a key that gets its row later
    /// changes the generation.
    pub(super) fn may_hold(&self, key: ScopedKey) -> bool {
        !self.complete.load(Ordering::Acquire)
            || self.layers.read().unwrap_or_else(PoisonError::into_inner).filled.iter().any(|layer| layer.contains_hash(hash(key)))
    }

    /// Takes keys in. To be called before the shard lets them go from memory.
    pub(super) fn add(&self, keys: impl Iterator<Item = ScopedKey>) {
        let mut layers = self.layers.write().unwrap_or_else(PoisonError::into_inner);
        for key in keys {
            layers.add(hash(key));
        }
    }

    /// Reads the keys of all rows. The shard must be this node's by then, so that no row comes from anywhere else.
    async fn fill(&self, handle: &ShardHandle) -> Result<(), store::Error> {
        let mut after = None;
        loop {
            let range = Range { prefix: Vec::new(), after: after.clone(), newest_first: false, limit: ROWS_AT_ONCE };
            let rows = handle.node.store.scan(handle.id, Table::Key, range).await?;
            self.add(rows.iter().filter_map(|(key, _)| key.as_slice().try_into().ok().map(|key| ScopedKey(u128::from_be_bytes(key)))));
            match rows.into_iter().next_back() {
                Some((last, _)) => after = Some(last),
                None => break,
            }
        }
        self.complete.store(true, Ordering::Release);
        Ok(())
    }
}

/// Fills a shard's filter. Where it can't be, every key is looked for among the rows, as before.
pub(super) async fn fill(handle: std::sync::Arc<ShardHandle>, keys: std::sync::Arc<WrittenKeys>) {
    if let Err(error) = keys.fill(&handle).await {
        tracing::warn!(shard = handle.id.0, %error, "the idempotency keys can't be read ahead, each is looked for when it comes");
    }
}

impl Layers {
    fn add(&mut self, hash: u64) {
        if self.newest_room == 0 {
            let room = FIRST_LAYER << self.filled.len().min(20);
            self.filled.push(BloomFilter::with_false_pos(FALSE_POSITIVES).expected_items(room));
            self.newest_room = room;
        }
        if let Some(newest) = self.filled.last_mut() {
            newest.insert_hash(hash);
        }
        self.newest_room = self.newest_room.saturating_sub(1);
    }
}

/// The key is half of a SHA-256 already: half of it again is as good as any hash.
fn hash(key: ScopedKey) -> u64 {
    u64::try_from(key.0 >> 64).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u64) -> ScopedKey {
        ScopedKey(u128::from(xxhash_rust::xxh3::xxh3_64(&number.to_le_bytes())) << 64)
    }

    #[test]
    fn no_key_with_a_row_is_ever_denied_and_few_others_are_not() {
        let keys = WrittenKeys::default();
        assert!(keys.may_hold(key(1)), "before everything is read");
        let many = 100_000;
        keys.add((0..many).map(key));
        keys.complete.store(true, Ordering::Release);
        assert!((0..many).all(|number| keys.may_hold(key(number))));
        let maybe = (many..2 * many).filter(|number| keys.may_hold(key(*number))).count();
        assert!(maybe < 2_000, "{maybe} of {many}");
    }
}
