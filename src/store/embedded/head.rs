//! What the writer knows of each shard, and what it lets through. Pure.

use super::mark::Mark;
use crate::store::{Epoch, Error, Seq};

/// A shard's ownership and the ends of its journal.
///
/// Kept in memory because this process is the only writer (the lock sees to that), so a check costs no query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Head {
    /// What its row says.
    pub(super) mark: Mark,
    /// The last record's number.
    pub(super) last: u64,
}

/// Where a record's number falls.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Right after the last record.
    Next,
    /// On a record that is kept: the same bytes are a repeat, other bytes are a mistake.
    Taken,
    /// Beyond the next one, or on a record that was trimmed and can't be compared any more.
    Elsewhere,
}

impl Head {
    /// Passes the current owner only (safety.md I-13).
    pub(super) fn owned_under(&self, epoch: Epoch) -> Result<(), Error> {
        if epoch.0 == self.mark.epoch { Ok(()) } else { Err(Error::Fenced { held: epoch.0, current: self.mark.epoch }) }
    }

    pub(super) fn place(&self, seq: Seq) -> Place {
        if Some(seq.0) == self.last.checked_add(1) {
            Place::Next
        } else if seq.0 > self.mark.trimmed && seq.0 <= self.last {
            Place::Taken
        } else {
            Place::Elsewhere
        }
    }

    pub(super) fn out_of_order(&self, seq: Seq) -> Error {
        Error::OutOfOrder { got: seq.0, last: self.last }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_next_or_taken_or_elsewhere() {
        let head = Head { mark: Mark { epoch: 3, trimmed: 4 }, last: 9 };
        for (seq, place) in
            [(0, Place::Elsewhere), (4, Place::Elsewhere), (5, Place::Taken), (9, Place::Taken), (10, Place::Next), (11, Place::Elsewhere)]
        {
            assert_eq!(head.place(Seq(seq)), place, "{seq}");
        }
    }

    /// I-13: an epoch from the future is as foreign as one from the past.
    #[test]
    fn only_the_current_epoch_writes() {
        let head = Head { mark: Mark { epoch: 3, trimmed: 0 }, ..Head::default() };
        assert!(head.owned_under(Epoch(3)).is_ok());
        for epoch in [0, 2, 4] {
            assert!(matches!(head.owned_under(Epoch(epoch)), Err(Error::Fenced { current: 3, .. })));
        }
    }
}
