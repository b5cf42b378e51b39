//! What the actors count. Names and units are described once, for the exposition; no id is ever a label.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use crate::billing::lane::{Outcome, Sent};
use crate::job::{Job, Status};
use crate::types::{Network, Usd};

const ACCEPTED: &str = "enrich_jobs_accepted_total";
const ENDED: &str = "enrich_jobs_ended_total";
const CHARGED: &str = "enrich_charged_microdollars_total";
const REFUNDED: &str = "enrich_refunded_microdollars_total";
const GROUPS: &str = "enrich_journal_groups_total";
const EVENTS: &str = "enrich_journal_events_total";
const APPEND: &str = "enrich_journal_append_seconds";
const CRASHES: &str = "enrich_shard_reloads_total";
const FROZEN: &str = "enrich_shards_frozen_total";
const WRITTEN_AGAIN: &str = "enrich_records_written_again_total";
const RECORDS_LOST: &str = "enrich_records_lost_total";
const LOST: &str = "enrich_shards_lost_total";
/// Attempts at callbacks, by how they ended.
pub(super) const CALLBACKS: &str = "enrich_callback_attempts_total";

const BROADCASTS: &str = "enrich_settlement_broadcasts_total";
const LANE_ALARMS: &str = "enrich_settlement_alarms_total";
const HEARD: &str = "enrich_settlements_total";
const NEWCOMERS_PAUSED: &str = "enrich_newcomers_paused_total";
const BLOCK_AGE: &str = "enrich_chain_block_age_seconds";
const OFFERED: &str = "enrich_network_offered";
const GAS_FLOAT: &str = "enrich_operator_balance_wei";

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
    describe_counter!(FROZEN, Unit::Count, "Times that a shard was not loaded, since the store forgot records that nobody has");
    describe_counter!(WRITTEN_AGAIN, Unit::Count, "Records that the store had forgotten and that were written again");
    describe_counter!(RECORDS_LOST, Unit::Count, "Records that were acknowledged and are lost; the operators' log names them");
    describe_counter!(LOST, Unit::Count, "Shards whose lease ran out or was taken by another node");
    describe_counter!(BROADCASTS, Unit::Count, "Signed transactions that were sent, by what the node said");
    describe_counter!(LANE_ALARMS, Unit::Count, "Times that a lane needs a person: gas above the cap, a foreign transaction");
    describe_counter!(HEARD, Unit::Count, "What was heard of settlements, by outcome");
    describe_counter!(NEWCOMERS_PAUSED, Unit::Count, "Times that wallets which never paid before were paused, since too many did not pay");
    describe_gauge!(BLOCK_AGE, Unit::Seconds, "How old the newest block of a network was at the last look");
    describe_gauge!(OFFERED, Unit::Count, "1 where payments are taken on a network, else 0");
    describe_gauge!(GAS_FLOAT, "What an operator account has for gas, in wei; lanes are numbered in the order of the configuration");
    describe_counter!(CALLBACKS, Unit::Count, "Attempts at callbacks, by outcome");
}

/// A shard is no longer this node's, and it did not give it up.
pub(super) fn shard_lost() {
    counter!(LOST).increment(1);
}

/// A shard was not loaded, since records are gone that nobody has.
pub(super) fn frozen() {
    counter!(FROZEN).increment(1);
}

/// So many records were written again.
pub(super) fn written_again(records: u64) {
    counter!(WRITTEN_AGAIN).increment(records);
}

/// So many records are lost.
pub(super) fn records_lost(records: u64) {
    counter!(RECORDS_LOST).increment(records);
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

/// Signed bytes were sent.
pub(super) fn broadcast(sent: &Sent) {
    let said = match sent {
        Sent::Sent => "sent",
        Sent::AlreadyKnown => "already_known",
        Sent::NonceTooLow => "nonce_too_low",
        Sent::Underpriced => "underpriced",
        Sent::InsufficientFunds => "insufficient_funds",
        Sent::Refused(_) => "refused",
        Sent::Unanswered => "unanswered",
    };
    counter!(BROADCASTS, "said" => said).increment(1);
}

/// A lane needs a person.
pub(super) fn lane_alarm() {
    counter!(LANE_ALARMS).increment(1);
}

/// Something was heard of a settlement, and is in the books.
pub(super) fn settlement(outcome: Outcome) {
    let outcome = match outcome {
        Outcome::Pending => "undone",
        Outcome::Mined(_) => "mined",
        Outcome::Settled(_) => "settled",
        Outcome::Dead(_) => "dead",
    };
    counter!(HEARD, "outcome" => outcome).increment(1);
}

/// Newcomers are paused.
pub(super) fn newcomers_paused() {
    counter!(NEWCOMERS_PAUSED).increment(1);
}

/// A network was looked at.
pub(super) fn offered(network: Network, is_offered: bool) {
    gauge!(OFFERED, "network" => network.to_string()).set(f64::from(u8::from(is_offered)));
}

/// How old a network's newest block is.
pub(super) fn block_age(network: Network, seconds: u64) {
    gauge!(BLOCK_AGE, "network" => network.to_string()).set(f64::from(u32::try_from(seconds).unwrap_or(u32::MAX)));
}

/// What a lane's account has for gas.
pub(super) fn operator_balance(network: Network, lane: usize, wei: u128) {
    gauge!(GAS_FLOAT, "network" => network.to_string(), "lane" => lane.to_string()).set(as_float(wei));
}

/// Near enough for a picture: no money is decided by it.
#[allow(clippy::cast_precision_loss, clippy::as_conversions, reason = "a metric has 53 bits")]
const fn as_float(wei: u128) -> f64 {
    wei as f64
}
