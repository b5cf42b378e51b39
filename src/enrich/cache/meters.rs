//! What the cache is counted by. No question and no answer ever is a label.

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

const LOOKUPS: &str = "enrich_cache_lookups_total";
const ENTRIES: &str = "enrich_cache_entries";
const BYTES: &str = "enrich_cache_bytes";

/// How a look into the cache ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// It was there.
    Hit,
    /// It was there after somebody else's call, which was waited for.
    Shared,
    /// It was not there.
    Miss,
    /// The buyer wanted it fresh.
    Refresh,
}

/// Describes what is counted here; call it once, after the recorder is installed.
pub fn describe() {
    describe_counter!(LOOKUPS, Unit::Count, "Looks into the cache of vendors' answers, by tool and how they ended");
    describe_gauge!(ENTRIES, Unit::Count, "Answers that are kept, as of the last one");
    describe_gauge!(BYTES, Unit::Bytes, "What they take, as of the last one");
}

/// Counts a look.
pub fn looked(tool: &'static str, look: Look) {
    let outcome = match look {
        Look::Hit => "hit",
        Look::Shared => "shared",
        Look::Miss => "miss",
        Look::Refresh => "refresh",
    };
    counter!(LOOKUPS, "tool" => tool, "outcome" => outcome).increment(1);
}

#[allow(clippy::cast_precision_loss, reason = "a gauge is a float")]
pub(super) fn sizes(entries: u64, bytes: u64) {
    gauge!(ENTRIES).set(entries as f64);
    gauge!(BYTES).set(bytes as f64);
}
