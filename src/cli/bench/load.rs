//! The load: many connections at once, each saying what its script says, in a closed loop or at a fixed rate.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::connection::{Answer, Connection};
use super::numbers::as_f64;
use super::trouble::{Context as _, Result, Trouble};

/// How long a connection looks away when its script says [`Next::Later`].
const LATER: Duration = Duration::from_millis(1);
/// An answer that takes longer than this ends the bench: better than a wait without end.
const ANSWER_TIME_MAX: Duration = Duration::from_mins(1);
/// Latencies are kept to three digits, in microseconds up to this.
const MICROS_MAX: u64 = 120_000_000;

/// What one connection says, and what it makes of the answers.
pub(super) trait Script: Send + 'static {
    /// The next request.
    fn next(&mut self) -> Next<'_>;

    /// Takes the answer to the last request. An error ends the whole load.
    fn take(&mut self, answer: Answer<'_>) -> Result<()>;
}

/// What a script says next.
pub(super) enum Next<'a> {
    /// These bytes.
    Send(&'a [u8]),
    /// Nothing now.
    Later,
    /// Nothing ever again.
    Done,
}

/// When the next request goes out.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pace {
    /// As soon as the last answer is there.
    Closed,
    /// So many a second over all connections, whatever the answers do. A request that had to wait for a free connection
    /// counts from the moment it was meant for, so a server that stalls can't hide it.
    PerSecond(f64),
}

/// What a load came to.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) answered: u64,
    pub(super) elapsed: Duration,
    micros: Histogram<u64>,
}

impl Tally {
    /// Answers a second.
    pub(super) fn rate(&self) -> f64 {
        as_f64(self.answered) / self.elapsed.as_secs_f64()
    }

    /// In milliseconds.
    pub(super) fn quantile_ms(&self, quantile: f64) -> f64 {
        as_f64(self.micros.value_at_quantile(quantile)) / 1000.0
    }
}

/// Runs one connection for every script, until `time` is over or all scripts are done, and gives the scripts back.
pub(super) async fn run<S: Script>(to: SocketAddr, scripts: Vec<S>, pace: Pace, time: Duration) -> Result<(Tally, Vec<S>)> {
    let mut connections = Vec::with_capacity(scripts.len());
    for script in scripts {
        connections.push((Connection::open(to).await.with_context(|| format!("can't connect to {to}"))?, script));
    }
    let start = Instant::now();
    let clock = Clock { start, end: start + time, pace, sent: Arc::default() };
    let mut workers = JoinSet::new();
    for (connection, script) in connections {
        workers.spawn(worker(connection, script, clock.clone()));
    }
    let mut micros = histogram()?;
    let mut scripts = Vec::new();
    let all = async {
        while let Some(worker) = workers.join_next().await {
            let (of_worker, script) = worker.context("a connection's task ended early")??;
            micros.add(&of_worker).context("histograms differ")?;
            scripts.push(script);
        }
        Ok::<_, Trouble>(())
    };
    let patience = time.saturating_add(ANSWER_TIME_MAX);
    tokio::time::timeout(patience, all).await.context("the server has stopped answering")??;
    Ok((Tally { answered: micros.len(), elapsed: start.elapsed(), micros }, scripts))
}

#[derive(Debug, Clone)]
struct Clock {
    start: Instant,
    end: Instant,
    pace: Pace,
    /// Requests that were given out, at a fixed pace.
    sent: Arc<AtomicU64>,
}

impl Clock {
    /// When the next request is meant to go out; nothing when the time is over.
    fn due(&self) -> Option<Instant> {
        let due = match self.pace {
            Pace::Closed => Instant::now(),
            Pace::PerSecond(rate) => {
                let number = self.sent.fetch_add(1, Ordering::Relaxed);
                self.start + Duration::try_from_secs_f64(as_f64(number) / rate).ok()?
            }
        };
        (due < self.end).then_some(due)
    }
}

async fn worker<S: Script>(mut connection: Connection, mut script: S, clock: Clock) -> Result<(Histogram<u64>, S)> {
    let mut micros = histogram()?;
    while let Some(due) = clock.due() {
        if matches!(clock.pace, Pace::PerSecond(_)) && due > Instant::now() {
            tokio::time::sleep_until(due).await;
        }
        let request = match script.next() {
            Next::Send(request) => request,
            Next::Later => {
                tokio::time::sleep(LATER).await;
                continue;
            }
            Next::Done => break,
        };
        let answer = connection.exchange(request).await.context("a request failed")?;
        let took = u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX);
        script.take(answer)?;
        micros.saturating_record(took);
    }
    Ok((micros, script))
}

fn histogram() -> Result<Histogram<u64>> {
    Histogram::new_with_bounds(1, MICROS_MAX, 3).context("a histogram can't be made")
}

/// The status that a script waits for, or else what came instead.
pub(super) fn expect(wanted: u16, answer: Answer<'_>) -> Result<()> {
    if answer.status == wanted {
        return Ok(());
    }
    let body = answer.body.get(..answer.body.len().min(500)).unwrap_or_default();
    Err(Trouble::new(format!("answered {} where {wanted} was expected: {}", answer.status, String::from_utf8_lossy(body))))
}

/// The same request again and again.
#[derive(Debug, Clone)]
pub(super) struct Same {
    pub(super) request: Arc<[u8]>,
    pub(super) status: u16,
}

impl Script for Same {
    fn next(&mut self) -> Next<'_> {
        Next::Send(&self.request)
    }

    fn take(&mut self, answer: Answer<'_>) -> Result<()> {
        expect(self.status, answer)
    }
}
