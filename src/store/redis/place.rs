//! The names of a shard's keys. All of one shard bear its hash tag, so that a script of its touches one slot (RS9).

use crate::shard::Table;
use crate::types::ShardId;

/// Describes the store: its id, its number of shards, its format.
pub(super) const STORE: &str = "enrich:store";

/// The nodes that are there.
pub(super) const NODES: &str = "enrich:nodes";

/// Epoch, journal's ends, and what else is one value a shard.
pub(super) fn head(shard: ShardId) -> String {
    format!("enrich:{{s{:02}}}:head", shard.0)
}

/// A stream. The number of a record is the first half of its id, the second is 0.
pub(super) fn journal(shard: ShardId) -> String {
    format!("enrich:{{s{:02}}}:journal", shard.0)
}

/// A hash: each epoch to the number of the last record when it began.
pub(super) fn epochs(shard: ShardId) -> String {
    format!("enrich:{{s{:02}}}:epochs", shard.0)
}

/// A hash: key of a row to its value.
pub(super) fn rows(shard: ShardId, table: Table) -> String {
    format!("enrich:{{s{:02}}}:rows:{}", shard.0, table.name())
}

/// A sorted set of a table's keys, all of score 0, so that they lie in the order of their bytes.
/// Only history has one: live rows are read all at once.
pub(super) fn index(shard: ShardId, table: Table) -> Option<String> {
    (!table.is_live()).then(|| format!("enrich:{{s{:02}}}:keys:{}", shard.0, table.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_a_shard_bear_its_tag() {
        let keys = [
            head(ShardId(7)),
            journal(ShardId(7)),
            rows(ShardId(7), Table::LiveJob),
            index(ShardId(7), Table::Transfer).unwrap_or_default(),
        ];
        assert!(keys.iter().all(|key| key.starts_with("enrich:{s07}:")), "{keys:?}");
        assert_eq!(index(ShardId(7), Table::LiveJob), None);
        assert_ne!(head(ShardId(300)), head(ShardId(30)));
    }
}
