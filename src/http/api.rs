//! What the handlers of the public listener share.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::limit::Limiter;
use super::settings::Settings;
use super::x402::wares::Wares;
use crate::actors::Node;
use crate::clock::Clock;
use crate::types::Timestamp;

/// How often the buckets of callers who stay away are thrown out.
const TIDY_EVERY: Duration = Duration::from_mins(1);

/// What every handler of the public listener can reach.
#[derive(Debug)]
pub struct Api {
    /// Where everything is done.
    pub node: Node,
    /// What the operator chose.
    pub settings: Settings,
    /// Tells whether a time lies in the future.
    pub clock: Arc<dyn Clock>,
    /// Of requests that change something.
    pub submits: Limiter,
    /// Of polls, replays and cancels.
    pub polls: Limiter,
    /// Who may still wait or stream.
    pub waiting: Arc<Semaphore>,
    /// When it was started.
    pub started_at: Timestamp,
    /// What has a price.
    pub wares: Wares,
    /// The OpenAPI document.
    pub document: Bytes,
    /// Ends what waits and streams when the server goes down.
    pub shutdown: CancellationToken,
}

impl Api {
    /// From the operator's settings.
    pub fn new(node: Node, settings: Settings, clock: Arc<dyn Clock>, document: Bytes, shutdown: CancellationToken) -> Arc<Self> {
        let submits = Limiter::new("submit", settings.rate_submit);
        let polls = Limiter::new("poll", settings.rate_poll);
        let waiting = Arc::new(Semaphore::new(settings.waiting_max.min(Semaphore::MAX_PERMITS)));
        let wares = Wares::new(&settings, node.sponsors_allowances());
        let started_at = clock.now();
        Arc::new(Self { node, settings, clock, submits, polls, waiting, started_at, wares, document, shutdown })
    }

    /// Keeps the buckets tidy until the server goes down.
    pub fn start_tidying(self: &Arc<Self>) {
        let api = Arc::clone(self);
        tokio::spawn(async move {
            let shutdown = api.shutdown.clone();
            let forever = async {
                loop {
                    tokio::time::sleep(TIDY_EVERY).await;
                    api.submits.tidy();
                    api.polls.tidy();
                }
            };
            shutdown.run_until_cancelled(forever).await;
        });
    }
}
