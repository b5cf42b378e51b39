//! What the actors count. Names and units are described once, for the exposition; no id is ever a label.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};

use crate::job::{Job, Status};
use crate::types::Usd;

const ACCEPTED: &str = "enrich_jobs_accepted_total";
const ENDED: &str = "enrich_jobs_ended_total";
const CHARGED: &str = "enrich_charged_microdollars_total";
const REFUNDED: &str = "enrich_refunded_microdollars_total";
const GROUPS: &str = "enrich_journal_groups_total";
const EVENTS: &str = "enrich_journal_events_total";
const APPEND: &str = "enrich_journal_append_seconds";
const CRASHES: &str = "enrich_shard_reloads_total";
/// Attempts at callbacks, by how they ended.
pub(super) const CALLBACKS: &str = "enrich_callback_attempts_total";

/// Describes what the actors count; call it once, after the recorder is installed.
pub fn describe() {
    describe_counter!(ACCEPTED, Unit::Count, "Jobs that were accepted");
    describe_counter!(ENDED, Unit::Count, "Jobs that ended, by status");
    describe_counter!(CHARGED, Unit::Count, "What ended jobs cost their buyers, in micro-dollars");
    describe_counter!(REFUNDED, Unit::Count, "What ended jobs gave back of their holds, in micro-dollars");
    describe_counter!(GROUPS, Unit::Count, "Groups that became durable");
    describe_counter!(EVENTS, Unit::Count, "Events in those groups");
    describe_histogram!(APPEND, Unit::Seconds, "From sending a group to the store until it is durable");
    describe_counter!(CRASHES, Unit::Count, "Shards that were loaded again after a failure");
    describe_counter!(CALLBACKS, Unit::Count, "Attempts at callbacks, by outcome");
}

/// A group became durable: these jobs changed in it.
pub(super) fn group<'a>(took: Duration, events: usize, jobs: impl Iterator<Item = &'a Job>) {
    let (mut accepted, mut completed, mut failed) = (0_u64, 0_u64, 0_u64);
    let (mut charged, mut refunded) = (0_u64, 0_u64);
    let micros = |amount: Usd| u64::try_from(amount.micros()).unwrap_or(0);
    for job in jobs {
        match job.state.status {
            Status::Queued => accepted = accepted.saturating_add(u64::from(job.state.version == 0)),
            Status::Running | Status::Completing => {}
            Status::Completed => completed = completed.saturating_add(1),
            Status::Failed => failed = failed.saturating_add(1),
        }
        if let Some(bill) = job.state.bill.filter(|_| job.state.status.is_ended()) {
            charged = charged.saturating_add(micros(bill.charged));
            refunded = refunded.saturating_add(micros(bill.refunded.unwrap_or_default()));
        }
    }
    counter!(GROUPS).increment(1);
    counter!(EVENTS).increment(u64::try_from(events).unwrap_or(u64::MAX));
    histogram!(APPEND).record(took);
    // Looked up only where there is something to add: a group of hops changes none of these.
    for (name, amount) in [(ACCEPTED, accepted), (CHARGED, charged), (REFUNDED, refunded)] {
        if amount > 0 {
            counter!(name).increment(amount);
        }
    }
    for (status, count) in [("completed", completed), ("failed", failed)] {
        if count > 0 {
            counter!(ENDED, "status" => status).increment(count);
        }
    }
}

/// A shard is loaded again after a failure.
pub(super) fn reload() {
    counter!(CRASHES).increment(1);
}
