//! What calls to chains and facilitators are counted by. No address, hash or URL is ever a label.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};

use super::Error;

const CALLS: &str = "enrich_chain_calls_total";
const CALL_SECONDS: &str = "enrich_chain_call_seconds";
const FACILITATOR: &str = "enrich_facilitator_calls_total";

/// Describes what is counted here; call it once, after the recorder is installed.
pub fn describe() {
    describe_counter!(CALLS, Unit::Count, "Calls to chain nodes, by method and outcome");
    describe_histogram!(CALL_SECONDS, Unit::Seconds, "How long chain nodes took to answer");
    describe_counter!(FACILITATOR, Unit::Count, "Calls to facilitators, by path and outcome");
}

pub(super) fn call<T>(method: &'static str, took: Duration, outcome: &Result<T, Error>) {
    let outcome = match outcome {
        Ok(_) => "answered",
        Err(Error::Unanswered(why)) => why,
        Err(Error::Refused { .. }) => "refused",
        Err(Error::Lying { .. }) => "other_chain",
        Err(Error::Disagreeing) => "disagreeing",
    };
    counter!(CALLS, "method" => method, "outcome" => outcome).increment(1);
    histogram!(CALL_SECONDS).record(took);
}

pub(super) fn facilitator(path: &'static str, outcome: &'static str) {
    counter!(FACILITATOR, "path" => path, "outcome" => outcome).increment(1);
}
