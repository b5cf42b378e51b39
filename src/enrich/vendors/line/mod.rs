//! The line to a vendor behind an HTTP API: what all of them have in common.
//!
//! A vendor says what to ask and how to read the answer; the line keeps the time-out, the bound on the body, the number of calls
//! at once, the breaker, the repeats, the clamp of the price and the counts. The time-out is for the whole call: waiting for a free
//! line, and pauses between repeats, are inside of it. Deliberately absent: following redirects, and whatever a vendor says
//! about prices, which come from our own sheet (F-V2).

mod fault;

use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use bytes::Bytes;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use url::Url;

pub use fault::{Fault, Repeat};

use super::meters::{self, Attempt, Ending};
use crate::clock::{Clock, Random};
use crate::enrich::Answer;
use crate::net::{BreakerSettings, Breakers, Outbound, Reply, TrustedClient};
use crate::types::Usd;

/// How often a call is made again at most.
const REPEATS_MAX: usize = 2;
/// The first pause before a repeat, doubled for the next. Chance adds up to as much again, so that calls which failed together
/// don't come back together.
const PAUSE_MIN: Duration = Duration::from_millis(200);
/// How much longer than the call itself a hop waits for it, so that a slow vendor is seen here, and counts as slow.
const GRACE: Duration = Duration::from_millis(500);

/// With less time than this no call is begun: it would only cost.
const TIME_MIN: Duration = Duration::from_millis(50);

const BREAKER: BreakerSettings =
    BreakerSettings { failures_max: 5, pause: Duration::from_secs(5), pause_max: Duration::from_mins(2), hosts_max: 1 };

/// How a vendor is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineSettings {
    /// The vendor's name, as hops and metrics have it.
    pub vendor: &'static str,
    /// For a whole call, repeats and waiting included.
    pub timeout: Duration,
    /// Calls at once; more wait.
    pub concurrency: usize,
    /// A longer answer is refused.
    pub body_bytes_max: usize,
}

/// What all lines of a process share.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// For the operator's own URLs.
    pub client: TrustedClient,
    /// Dates in `Retry-After` are compared with it.
    pub clock: Arc<dyn Clock>,
    /// For jitter.
    pub random: Arc<dyn Random>,
}

/// The line. A clone is a pointer.
#[derive(Debug, Clone)]
pub struct Line(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: LineSettings,
    exchange: Exchange,
    lines: Semaphore,
    breakers: Breakers,
}

/// One question to a vendor. Not printable: its URL and body may hold personal data, its headers a key.
#[derive(Clone)]
pub struct Question {
    /// `GET`, `POST`, …
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// Keys are marked as sensitive.
    pub headers: HeaderMap,
    /// Empty for none.
    pub body: Bytes,
    /// When it may be asked again.
    pub repeat: Repeat,
    /// The most that it can cost by our price sheet.
    pub cost_max: Usd,
}

/// What an answer's body says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading<T> {
    /// `None` where the vendor has nothing.
    pub value: Option<T>,
    /// By our price sheet.
    pub cost: Usd,
    /// What that price rests on.
    pub basis: Basis,
}

/// What a price rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// The price sheet, and quantities that are possible.
    Sheet,
    /// The vendor didn't say how much was used, so that what can't be shown isn't charged: the rest is our loss.
    Unreported,
    /// The vendor reported more than was possible, which counts as the possible.
    Overstated,
}

impl Basis {
    const fn outcome(self) -> &'static str {
        match self {
            Self::Sheet => "answered",
            Self::Unreported => "unpriced",
            Self::Overstated => "overstated",
        }
    }
}

impl Line {
    /// A line on which nobody speaks yet.
    pub fn new(settings: LineSettings, exchange: Exchange) -> Self {
        let lines = Semaphore::new(settings.concurrency.clamp(1, Semaphore::MAX_PERMITS));
        Self(Arc::new(Inner { settings, exchange, lines, breakers: Breakers::new(BREAKER) }))
    }

    /// How long a hop should wait for a call: a little longer than the call waits for the vendor.
    pub fn hop_timeout(&self) -> Duration {
        self.0.settings.timeout.saturating_add(GRACE)
    }

    /// Asks, and asks again where that is harmless. `read` gets the body of a 2xx; its complaint is in our words. The cost of what
    /// comes back is from zero to the question's `cost_max`, whatever was read.
    ///
    /// # Errors
    /// [`Fault`]
    pub async fn ask<T>(&self, question: &Question, read: impl Fn(&[u8]) -> Result<Reading<T>, &'static str>) -> Result<Answer<T>, Fault> {
        let deadline = Instant::now() + self.0.settings.timeout;
        let _line = self.free_line(deadline).await?;
        // Drawn from our own luck, so that a test can replay it.
        let seed = self.0.exchange.random.below(u64::MAX);
        let pauses = ExponentialBuilder::new().with_min_delay(PAUSE_MIN).with_max_times(REPEATS_MAX).with_jitter().with_jitter_seed(seed);
        (|| self.ask_once(question, &read, deadline))
            .retry(pauses)
            .when(|fault| fault.is_repeatable(question.repeat))
            .adjust(|fault, pause| {
                // Never earlier than it was told, and not at all where that is too late.
                let wait = pause?.saturating_add(fault.retry_after().unwrap_or_default());
                (Instant::now() + wait + TIME_MIN < deadline).then_some(wait)
            })
            .await
    }

    /// A place among the calls at once.
    async fn free_line(&self, deadline: Instant) -> Result<Option<tokio::sync::SemaphorePermit<'_>>, Fault> {
        let Inner { settings, lines, breakers, .. } = &*self.0;
        // Who is left alone need not be waited for.
        if breakers.standing(settings.vendor).is_err() {
            meters::count(settings.vendor, Fault::Paused.outcome());
            return Err(Fault::Paused);
        }
        match timeout_at(deadline - TIME_MIN, lines.acquire()).await {
            Ok(permit) => Ok(permit.ok()), // It is never closed.
            Err(_elapsed) => {
                meters::count(settings.vendor, Fault::Busy.outcome());
                Err(Fault::Busy)
            }
        }
    }

    async fn ask_once<T>(
        &self,
        question: &Question,
        read: impl Fn(&[u8]) -> Result<Reading<T>, &'static str>,
        deadline: Instant,
    ) -> Result<Answer<T>, Fault> {
        let Inner { settings: LineSettings { vendor, body_bytes_max, .. }, exchange, breakers, .. } = &*self.0;
        let Ok(pass) = breakers.admit(vendor) else {
            meters::count(vendor, Fault::Paused.outcome());
            return Err(Fault::Paused);
        };
        let attempt = Attempt::begin(vendor, question.cost_max);
        let reply = exchange.client.send(Outbound {
            method: question.method.clone(),
            url: &question.url,
            headers: question.headers.clone(),
            body: question.body.clone(),
            timeout: deadline.saturating_duration_since(Instant::now()),
            body_bytes_max: *body_bytes_max,
        });
        let reply = reply.await;
        let read = match &reply {
            Ok(reply) => self.read(reply, read),
            Err(error) => Err(Fault::of_exchange(error)),
        };
        match &read {
            Err(fault) if fault.is_outage() => pass.failed(),
            Ok(_) | Err(_) => pass.answered(),
        }
        meters::paused(vendor, breakers.standing(vendor).err().map(|paused| paused.retry_after));
        match read {
            Ok(Reading { value, cost, basis }) => {
                let cost = cost.min(question.cost_max).max(Usd::ZERO);
                let loss = match basis {
                    Basis::Unreported => question.cost_max.minus(cost).unwrap_or(Usd::ZERO),
                    Basis::Sheet | Basis::Overstated => Usd::ZERO,
                };
                attempt.end(Ending { outcome: basis.outcome(), cost, loss });
                Ok(Answer { value, cost })
            }
            Err(fault) => {
                if let Fault::Rejected(status) | Fault::Redirected(status) = fault {
                    tracing::warn!(vendor, status, "a vendor refuses our requests: look at its URL and its key");
                }
                let loss = if fault.may_be_charged() { question.cost_max } else { Usd::ZERO };
                attempt.end(Ending { outcome: fault.outcome(), cost: Usd::ZERO, loss });
                Err(fault)
            }
        }
    }

    fn read<T>(&self, reply: &Reply, read: impl Fn(&[u8]) -> Result<Reading<T>, &'static str>) -> Result<Reading<T>, Fault> {
        if let Some(fault) = Fault::of_status(reply.status, &reply.headers, self.0.exchange.clock.now()) {
            return Err(fault);
        }
        if reply.body.is_cut {
            return Err(Fault::TooLong);
        }
        read(&reply.body.bytes).map_err(Fault::Garbage)
    }
}

/// Reads a whole body as JSON. What serde says of a fault may quote it, so it isn't repeated.
///
/// # Errors
/// What is wrong, in our words.
pub fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, &'static str> {
    let text = std::str::from_utf8(body).map_err(|_| "it isn't UTF-8")?;
    serde_json::from_str(text).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => "it isn't in the vendor's format",
        serde_json::error::Category::Io | serde_json::error::Category::Syntax | serde_json::error::Category::Eof => "it isn't JSON",
    })
}

/// The URL `path` below `base`, whether or not that ends with a slash.
pub fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}
