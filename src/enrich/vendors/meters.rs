//! What calls to vendors are counted by. No query, URL, host or text of an answer ever is a label.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use tokio::time::Instant;

use crate::types::Usd;

const CALLS: &str = "enrich_vendor_calls_total";
const SECONDS: &str = "enrich_vendor_call_seconds";
const COST: &str = "enrich_vendor_cost_microdollars_total";
const LOSS: &str = "enrich_vendor_loss_microdollars_total";
const PAUSED: &str = "enrich_vendor_paused";

/// Describes what is counted here; call it once, after the recorder is installed.
pub fn describe() {
    describe_counter!(CALLS, Unit::Count, "Requests to vendors, by outcome; each retry counts");
    describe_histogram!(SECONDS, Unit::Seconds, "How long vendors took to answer, or to fail");
    describe_counter!(COST, Unit::Count, "What vendors' answers cost by our price sheet, in micro-dollars");
    describe_counter!(LOSS, Unit::Count, "The most that vendors may charge for calls that no buyer pays for, in micro-dollars");
    describe_gauge!(PAUSED, Unit::Count, "1 where a vendor failed too often and is left alone, as of the last call, else 0");
}

/// A call that is being made. One that is dropped without an end was given up: the job was cancelled, or its time was over.
#[derive(Debug)]
pub struct Attempt {
    vendor: &'static str,
    cost_max: Usd,
    began: Instant,
    is_over: bool,
}

/// What a call came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// One stable word.
    pub outcome: &'static str,
    /// What the hop is charged.
    pub cost: Usd,
    /// What the vendor may charge beyond it.
    pub loss: Usd,
}

impl Attempt {
    /// The call leaves now. It may cost as much as `cost_max`, whatever becomes of it.
    pub fn begin(vendor: &'static str, cost_max: Usd) -> Self {
        Self { vendor, cost_max, began: Instant::now(), is_over: false }
    }

    /// It is over.
    pub fn end(mut self, ending: Ending) {
        self.record(ending);
    }

    fn record(&mut self, Ending { outcome, cost, loss }: Ending) {
        self.is_over = true;
        count(self.vendor, outcome);
        histogram!(SECONDS, "vendor" => self.vendor).record(self.began.elapsed());
        counter!(COST, "vendor" => self.vendor).increment(micros(cost));
        counter!(LOSS, "vendor" => self.vendor).increment(micros(loss));
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.is_over {
            let loss = self.cost_max;
            self.record(Ending { outcome: "given_up", cost: Usd::ZERO, loss });
        }
    }
}

/// Counts a look-up that nobody but us charges for, such as in our own data: a failure costs nothing.
pub(super) async fn metered<T>(vendor: &'static str, cost: Usd, work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let attempt = Attempt::begin(vendor, Usd::ZERO);
    let found = work.await;
    let (outcome, cost) = if found.is_ok() { ("answered", cost) } else { ("failed", Usd::ZERO) };
    attempt.end(Ending { outcome, cost, loss: Usd::ZERO });
    found
}

/// A request that was not even made.
pub(super) fn count(vendor: &'static str, outcome: &'static str) {
    counter!(CALLS, "vendor" => vendor, "outcome" => outcome).increment(1);
}

pub(super) fn paused(vendor: &'static str, for_how_long: Option<Duration>) {
    gauge!(PAUSED, "vendor" => vendor).set(if for_how_long.is_some() { 1.0 } else { 0.0 });
}

fn micros(amount: Usd) -> u64 {
    u64::try_from(amount.micros()).unwrap_or(0)
}
