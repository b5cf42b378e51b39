//! Where the records of all shards lie in the one journal table, oldest first. Pure.

use std::collections::VecDeque;

use super::head::Head;
use crate::types::ShardId;

/// One record in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kept {
    /// Counts the records of all shards, in the order in which they were appended.
    pub(super) place: u64,
    /// Whose it is.
    pub(super) shard: u16,
    /// Its number there.
    pub(super) seq: u64,
}

/// Every record that lies in the file. Some seconds of appends: a checkpoint trims what it has written.
#[derive(Debug, Default)]
pub(super) struct Places(VecDeque<Kept>);

/// What a transaction does to the places, taken over once it is committed.
#[derive(Debug, Default)]
pub(super) struct Moves {
    added: Vec<Kept>,
    swept: usize,
}

impl Places {
    /// Takes what is read at a start, in order.
    pub(super) fn push(&mut self, kept: Kept) {
        self.0.push_back(kept);
    }

    /// The place for the next record of a transaction that has moved so much.
    pub(super) fn next(&self, moves: &Moves) -> u64 {
        moves.added.last().or(self.0.back()).map_or(1, |kept| kept.place.saturating_add(1))
    }

    /// Where a record that is kept lies: looked for from the newest on, since only a repeat asks.
    pub(super) fn find(&self, moves: &Moves, shard: ShardId, seq: u64) -> Option<u64> {
        let newest_first = moves.added.iter().rev().chain(self.0.iter().rev());
        newest_first.into_iter().find(|kept| kept.shard == shard.0 && kept.seq == seq).map(|kept| kept.place)
    }

    /// How many of the oldest records are trimmed, at most `slice`: the newest of them and their number.
    pub(super) fn sweepable(&self, heads: &[Head], slice: usize) -> Option<(u64, usize)> {
        let trimmed = |kept: &Kept| heads.get(usize::from(kept.shard)).is_some_and(|head| kept.seq <= head.mark.trimmed);
        let count = self.0.iter().take(slice).take_while(|kept| trimmed(kept)).count();
        let newest = self.0.get(count.checked_sub(1)?)?;
        Some((newest.place, count))
    }

    /// The transaction is committed.
    pub(super) fn commit(&mut self, moves: Moves) {
        self.0.drain(..moves.swept.min(self.0.len()));
        self.0.extend(moves.added);
        if self.0.capacity() > 4096 && self.0.len() < self.0.capacity() / 8 {
            self.0.shrink_to(self.0.len().saturating_mul(2));
        }
    }
}

impl Moves {
    /// A record was inserted.
    pub(super) fn add(&mut self, kept: Kept) {
        self.added.push(kept);
    }

    /// So many of the oldest records were removed.
    pub(super) fn sweep(&mut self, count: usize) {
        self.swept = count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::embedded::mark::Mark;

    #[test]
    fn places_go_on_and_the_oldest_trimmed_ones_go() {
        let mut places = Places::default();
        let mut moves = Moves::default();
        for (shard, seq) in [(0, 1), (1, 1), (0, 2), (1, 2)] {
            moves.add(Kept { place: places.next(&moves), shard, seq });
        }
        assert_eq!(places.find(&moves, ShardId(1), 2), Some(4));
        places.commit(moves);
        let head = |trimmed| Head { mark: Mark { epoch: 1, trimmed }, last: 2 };
        assert_eq!(places.sweepable(&[head(0), head(2)], 10), None, "the oldest is still needed");
        assert_eq!(places.sweepable(&[head(2), head(1)], 10), Some((3, 3)));
        assert_eq!(places.sweepable(&[head(2), head(1)], 2), Some((2, 2)));
        let mut moves = Moves::default();
        moves.sweep(3);
        places.commit(moves);
        assert_eq!(places.find(&Moves::default(), ShardId(0), 2), None);
        assert_eq!(places.next(&Moves::default()), 5);
    }
}
