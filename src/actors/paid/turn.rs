//! Which lane takes the next settlement, so that those that become due together ride together.

use crate::types::Timestamp;

/// Whose turn it is. In memory only: what was handed over stays with its lane, and a restart may begin anywhere.
#[derive(Debug, Default)]
pub(super) struct Turn {
    lane: usize,
    taken: usize,
    since: Option<Timestamp>,
}

impl Turn {
    /// The lane, out of `lanes`, for a settlement that becomes due now: the same one until it has a transaction's worth of them or
    /// the first of them has lingered, since then a transaction may have left. `None` where there is no lane.
    ///
    /// Spread by chance over four lanes, 30 settlements were four transactions with seven or eight in each.
    pub(super) fn next(&mut self, lanes: usize, batch_max: usize, linger_ms: i64, now: Timestamp) -> Option<usize> {
        let lingers = self.since.is_some_and(|since| now >= since && now.millis_since(since) < linger_ms);
        if !lingers || self.taken >= batch_max {
            self.lane = self.lane.saturating_add(1);
            self.taken = 0;
            self.since = Some(now);
        }
        self.taken = self.taken.saturating_add(1);
        self.lane = self.lane.checked_rem(lanes)?;
        Some(self.lane)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_together_rides_together() {
        let mut turn = Turn::default();
        let at = Timestamp::from_millis;
        let mut next = |now| turn.next(4, 3, 1_000, at(now)).unwrap();
        let first = [next(0), next(400), next(999)];
        assert_eq!(first, [first[0]; 3]);
        let second = next(999);
        assert_ne!(second, first[0], "it is full");
        assert_eq!([next(1_000), next(1_998)], [second; 2], "counted from the first that it took");
        let third = next(1_999);
        assert_ne!(third, second);
        let fourth = next(2_999);
        assert_ne!(fourth, third, "the first has lingered");
        assert_ne!(next(100), fourth, "a clock that went back");
        let mut all = [first[0], second, third, fourth];
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2, 3], "all share the work");
        assert_eq!(Turn::default().next(0, 3, 1_000, at(0)), None);
    }
}
