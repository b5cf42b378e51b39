//! A hop: one vendor call with its cost and its answer, recorded before the next one is made.

use serde::{Deserialize, Serialize};

use crate::types::{Timestamp, Usd};

/// One vendor call, as the job's record keeps it. A run that is resumed takes the answer from here and pays nobody again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// Which vendor was called: `directory`, `website`, …
    pub tool: Box<str>,
    /// What was asked: a hash over the tool and the whole request, by which a resumed run finds the answer.
    pub fingerprint: u128,
    /// What the vendor charges us by our own price sheet; 0 for a call that failed, and for one that wasn't made.
    pub cost: Usd,
    /// How it went.
    pub outcome: HopOutcome,
    /// The vendor's answer as JSON text; empty for a call that failed.
    pub answer: Box<str>,
    /// When the vendor's answer was there; before the job, where it was cached.
    pub at: Timestamp,
}

impl Hop {
    /// The tool of what a run writes down for itself: it costs nothing, no vendor was called, and no bill shows it.
    pub const NOTE: &str = "note";

    /// Whether it is such a note.
    pub fn is_note(&self) -> bool {
        &*self.tool == Self::NOTE
    }
}

/// How a vendor call went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HopOutcome {
    /// It answered, and the answer held something.
    Found,
    /// It answered, and had nothing.
    Nothing,
    /// It failed, was too slow, or answered what can't be read. Not charged to the buyer.
    Failed,
    /// No vendor was called: an earlier answer that was kept held something, or nothing. Free.
    Cached,
}
