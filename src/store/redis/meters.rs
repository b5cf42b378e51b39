//! What is counted of the way to Redis.

use metrics::{counter, describe_counter};

const REPEATS: &str = "enrich_store_calls_repeated_total";

/// Names what is counted, for whoever reads it.
pub(crate) fn describe() {
    describe_counter!(REPEATS, "Calls of the store that were repeated since they had no answer, or one that passes");
}

pub(super) fn repeated() {
    counter!(REPEATS).increment(1);
}
