//! Metrics as Prometheus reads them: installed once per process, shown on the operators' listener.

use std::time::Duration;

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;

use super::meter;
use crate::actors::{Node, Why};
use crate::billing::x402::newcomers::Newcomers;
use crate::types::Usd;

/// Jobs of this node by `state`: `running`, `queued`.
const JOBS: &str = "enrich_jobs";
const SHARDS_READY: &str = "enrich_shards_ready";
const SHARDS: &str = "enrich_shards";
const CALLBACKS_OWED: &str = "enrich_callbacks_owed";
const UNWRITTEN_ROWS: &str = "enrich_unwritten_rows";
const EXPOSURE: &str = "enrich_exposure_microdollars";
const UNPROVEN: &str = "enrich_unproven_exposure_microdollars";
const DEBT: &str = "enrich_debt_microdollars";
const DUES: &str = "enrich_settlements_due";
const STUCK: &str = "enrich_settlements_stuck";
const NEWCOMERS: &str = "enrich_newcomers_welcome";
const OLDEST_DUE: &str = "enrich_settlements_due_oldest_seconds";

/// Seconds, from an answer out of memory to the longest wait for one.
const BUCKETS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 20.0, 60.0];
/// Histograms keep every value until they are told to add them up.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// The metrics of this process.
#[derive(Clone)]
pub struct Exposition(PrometheusHandle);

impl std::fmt::Debug for Exposition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Exposition(…)")
    }
}

impl Exposition {
    /// Installs the process's recorder: before the routers are built, or what they count is lost. Inside of a tokio runtime.
    ///
    /// # Errors
    /// Where one is installed already.
    pub fn install(shutdown: CancellationToken) -> Result<Self, BuildError> {
        let handle = PrometheusBuilder::new().set_buckets(&BUCKETS)?.install_recorder()?;
        describe();
        let upkeep = handle.clone();
        tokio::spawn(async move {
            let forever = async {
                loop {
                    tokio::time::sleep(UPKEEP_EVERY).await;
                    upkeep.run_upkeep();
                }
            };
            shutdown.run_until_cancelled(forever).await;
        });
        Ok(Self(handle))
    }

    /// All metrics now. What the node knows is asked when somebody looks, not kept up to date with every job.
    pub async fn text(&self, node: &Node) -> String {
        let (running, queued) = node.load();
        gauge!(JOBS, "state" => "running").set(as_gauge(running));
        gauge!(JOBS, "state" => "queued").set(as_gauge(queued));
        if let Ok(shards) = node.shards().await {
            let sum = |count: fn(&crate::actors::ShardStatus) -> usize| as_gauge(shards.iter().map(count).sum());
            gauge!(SHARDS).set(sum(|_| 1));
            gauge!(SHARDS_READY).set(sum(|shard| usize::from(shard.ready)));
            gauge!(JOBS, "state" => "live").set(sum(|shard| shard.live_jobs));
            gauge!(CALLBACKS_OWED).set(sum(|shard| shard.callbacks_owed));
            gauge!(UNWRITTEN_ROWS).set(sum(|shard| shard.unwritten_rows));
        }
        let stuck = node.stuck_settlements();
        for why in Why::ALL {
            gauge!(STUCK, "why" => why.as_str()).set(as_gauge(stuck.iter().filter(|one| one.why == why).count()));
        }
        // What is owed on a network that was taken out of the configuration is owed nevertheless.
        if node.has_networks() || !stuck.is_empty() {
            payments(node).await;
        }
        self.0.render()
    }
}

/// What wallets have signed for, and owe. What can't be read now keeps its last value.
async fn payments(node: &Node) {
    let micros = |amount: Usd| f64::from(u32::try_from(amount.micros().div_euclid(1000)).unwrap_or(u32::MAX)) * 1000.0;
    if let Ok(exposure) = node.exposure().await {
        gauge!(EXPOSURE).set(micros(exposure.total));
        gauge!(UNPROVEN).set(micros(exposure.unproven_total));
    }
    let welcome = match node.newcomers().newcomers {
        Newcomers::Welcome => 1.0,
        Newcomers::OneAtATime => 0.5,
        Newcomers::Paused { .. } => 0.0,
    };
    gauge!(NEWCOMERS).set(welcome);
    if let Ok(debtors) = node.debtors().await {
        let owed = debtors.iter().fold(Usd::ZERO, |sum, book| sum.plus(book.owed()).unwrap_or(Usd::MAX_WIRE));
        gauge!(DEBT).set(micros(owed));
    }
    if let Ok(settlements) = node.settlements().await {
        gauge!(DUES).set(as_gauge(settlements.dues.len()));
        let oldest = settlements.dues.first().map_or(0, |due| node.now().millis_since(due.since).max(0).div_euclid(1000));
        gauge!(OLDEST_DUE).set(f64::from(u32::try_from(oldest).unwrap_or(u32::MAX)));
    }
}

fn describe() {
    describe_counter!(meter::REQUESTS, Unit::Count, "HTTP requests, by route and class of status.");
    describe_histogram!(meter::SECONDS, Unit::Seconds, "Time to the head of the answer; a waiting poll's wait counts.");
    describe_gauge!(JOBS, Unit::Count, "Jobs of this node: running, queued, and live (all that have not ended).");
    describe_gauge!(SHARDS, Unit::Count, "Shards of this node.");
    describe_gauge!(SHARDS_READY, Unit::Count, "Shards of this node that answer.");
    describe_gauge!(CALLBACKS_OWED, Unit::Count, "Callbacks that are owed.");
    describe_gauge!(EXPOSURE, Unit::Count, "What wallets have signed for and not paid, in micro-dollars, to the tenth of a cent.");
    describe_gauge!(UNPROVEN, Unit::Count, "The same of wallets that no settlement went well for yet.");
    describe_gauge!(DEBT, Unit::Count, "What wallets owe from settlements that failed, in micro-dollars, to the tenth of a cent.");
    describe_gauge!(DUES, Unit::Count, "Settlements that are owed.");
    describe_gauge!(STUCK, Unit::Count, "Settlements that wait for a person, by why.");
    describe_gauge!(
        NEWCOMERS,
        Unit::Count,
        "1 where wallets are taken that never paid before, 0.5 one at a time, 0 while they are paused."
    );
    describe_gauge!(OLDEST_DUE, Unit::Seconds, "For how long the oldest of them is owed.");
    describe_gauge!(UNWRITTEN_ROWS, Unit::Count, "Rows that wait for a checkpoint.");
}

/// A count as a metric; beyond `u32` the picture is the same.
fn as_gauge(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
