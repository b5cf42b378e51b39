//! Which node should hold which shard: every node computes the same from the same list of nodes, so nobody has to decide for all.

use xxhash_rust::xxh3::xxh3_64;

use crate::store::NodeId;
use crate::types::ShardId;

/// The node that each shard should be at, as an index into `nodes`.
///
/// A shard goes to the node whose hash with it is the greatest (rendezvous hashing) among those with room, and each node has room
/// for its even share. So a node that comes or goes moves about its own share, and hardly anything between the others.
pub(super) fn plan(nodes: &[NodeId], shards: u16) -> Vec<usize> {
    let (count, total) = (nodes.len(), usize::from(shards));
    if count == 0 {
        return Vec::new();
    }
    let mut sorted: Vec<usize> = (0..count).collect();
    sorted.sort_by(|one, other| nodes.get(*one).cmp(&nodes.get(*other)));
    let mut room = vec![total / count; count];
    for at in sorted.iter().take(total % count) {
        if let Some(room) = room.get_mut(*at) {
            *room += 1;
        }
    }
    let choose = |shard: u16| {
        let mut liked: Vec<(u64, usize)> = nodes.iter().enumerate().map(|(at, node)| (liking(node, ShardId(shard)), at)).collect();
        liked.sort_unstable_by(|one, other| other.cmp(one));
        let chosen = liked.into_iter().find(|(_, at)| room.get(*at).is_some_and(|left| *left > 0)).map_or(0, |(_, at)| at);
        if let Some(left) = room.get_mut(chosen) {
            *left = left.saturating_sub(1);
        }
        chosen
    };
    (0..shards).map(choose).collect()
}

fn liking(node: &NodeId, shard: ShardId) -> u64 {
    xxh3_64(format!("{node}/{}", shard.0).as_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn named(count: usize) -> Vec<NodeId> {
        (0..count).map(|n| NodeId(format!("node-{n}"))).collect()
    }

    proptest! {
        #[test]
        fn everybody_gets_an_even_share(count in 1_usize..12, shards in 1_u16..300) {
            let plan = plan(&named(count), shards);
            prop_assert_eq!(plan.len(), usize::from(shards));
            let shares: Vec<usize> = (0..count).map(|at| plan.iter().filter(|node| **node == at).count()).collect();
            prop_assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1, "{:?}", shares);
        }

        #[test]
        fn the_order_of_the_list_is_nothing(count in 1_usize..8, shards in 1_u16..64) {
            let nodes = named(count);
            let turned: Vec<NodeId> = nodes.iter().rev().cloned().collect();
            let by_name = |nodes: &[NodeId]| plan(nodes, shards).into_iter().map(|at| nodes[at].clone()).collect::<Vec<_>>();
            prop_assert_eq!(by_name(&nodes), by_name(&turned));
        }
    }

    /// One node more: it gets its share, and of what stays few shards move between the others.
    #[test]
    fn a_node_that_comes_moves_little_else() {
        for count in 1..10 {
            let (before, after) = (plan(&named(count), 256), plan(&named(count + 1), 256));
            let moved_to_old = before.iter().zip(&after).filter(|(old, new)| old != new && **new < count).count();
            assert!(moved_to_old <= 256 / 4, "{count} nodes: {moved_to_old}");
        }
    }
}
