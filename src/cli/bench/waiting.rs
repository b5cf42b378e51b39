//! Jobs that wait: what each costs in memory, and whether a long queue is worked off as fast as a short one.

use std::sync::Arc;
use std::time::Duration;

use super::child::Server;
use super::figures::Figure as F;
use super::machine::Watch;
use super::market::{self, Counter, make_accounts};
use super::numbers::{as_f64, len_f64};
use super::scripts::{Accepted, Accounts, End};
use super::trouble::{Context as _, Result, Trouble, ensure};
use super::whole::SLOTS;
use super::{Bench, Part};

/// Jobs that are submitted before memory is looked at first: what the first requests leave behind is no job's.
const FIRST_JOBS: u64 = 2_000;
/// What an allocator gives back, it gives back within this.
const PAUSE: Duration = Duration::from_secs(2);
/// How long a queue may take to be worked off.
const DRAIN_TIME_MAX: Duration = Duration::from_mins(5);

pub(super) async fn run(bench: &mut Bench, store: &str) -> Result<()> {
    let long = drain(bench, &format!("{store}-long"), bench.scale.long_queue, true).await?;
    if !bench.wants(&[Part::Drain]) {
        return Ok(());
    }
    let mut short = Drained::default();
    for number in 0..bench.scale.short_queues {
        let one = drain(bench, &format!("{store}-short-{number}"), bench.scale.short_queue, false).await?;
        short.jobs += one.jobs;
        short.seconds += one.seconds;
    }
    bench.book.enter(F::DrainDeep, long.rate(), long.foreign);
    bench.book.enter(F::DrainShallow, short.rate(), long.foreign);
    bench.book.enter(F::DrainShare, long.rate() / short.rate(), long.foreign);
    bench.book.enter(F::DrainWithin, long.first_to_last, long.foreign);
    Ok(())
}

/// Submits jobs, and tells how many bytes of memory each has taken. Returns one of every `keep_every`.
pub(super) async fn fill(
    server: &Server,
    bench: &Bench,
    accounts: &Accounts,
    count: u64,
    keep_every: u64,
) -> Result<(Arc<[Accepted]>, f64)> {
    let first_count = FIRST_JOBS.min(count / 2);
    let first = market::fill(server, bench.scale, accounts, first_count, keep_every).await?;
    market::settle(server).await?;
    let before = server.resident()?;
    let rest = count.saturating_sub(first_count);
    let jobs = market::fill(server, bench.scale, accounts, rest, keep_every).await?;
    market::settle(server).await?;
    tokio::time::sleep(PAUSE).await;
    let bytes = server.resident()?.saturating_sub(before);
    let jobs = first.iter().chain(&*jobs).cloned().collect();
    Ok((jobs, as_f64(bytes) / as_f64(rest)))
}

/// A queue that was worked off, between 5 % and 95 % of it.
#[derive(Debug, Default)]
struct Drained {
    jobs: f64,
    seconds: f64,
    /// The rate of its first fifth to that of its last.
    first_to_last: f64,
    foreign: Option<f64>,
}

impl Drained {
    fn rate(&self) -> f64 {
        self.jobs / self.seconds
    }
}

/// Fills a queue that no job leaves, ends the server, starts it with its slots, and lets it work.
async fn drain(bench: &mut Bench, store: &str, count: u64, with_memory: bool) -> Result<Drained> {
    let server = bench.serve(store, 0).await?;
    let watch = Watch::start(Some(server.pid()));
    let accounts = make_accounts(&server, bench.scale).await?;
    let (jobs, bytes) = fill(&server, bench, &accounts, count, 1).await?;
    if with_memory && bench.wants(&[Part::Memory]) {
        bench.book.enter(F::Memory, bytes, watch.end().foreign);
    }
    server.kill()?;
    if !bench.wants(&[Part::Drain]) {
        bench.discard(store)?;
        return Ok(Drained::default());
    }
    let server = bench.serve(store, SLOTS).await?;
    let watch = Watch::start(Some(server.pid()));
    Counter::open(&server).await?.wait_until(DRAIN_TIME_MAX, "working off a queue", |counts| counts.live == 0).await?;
    let foreign = watch.end().foreign;
    let ends = market::ends(&server, bench.scale, &jobs).await?;
    drop(server);
    bench.discard(store)?;
    drained(ends, foreign)
}

/// From the server's own times: no look at it while it works could be as exact, or cost as little.
fn drained(ends: Vec<End>, foreign: Option<f64>) -> Result<Drained> {
    let mut times: Vec<i64> = ends.into_iter().map(|end| end.at_ms).collect();
    times.sort_unstable();
    let percent = |percent: usize| {
        let at = times.len().saturating_mul(percent) / 100;
        times.get(at.min(times.len().saturating_sub(1))).copied().context("there are no jobs")
    };
    let between = |from: usize, to: usize| {
        let millis = u32::try_from(percent(to)?.saturating_sub(percent(from)?)).context("the times are out of order")?;
        Ok::<_, Trouble>(f64::from(millis) / 1000.0)
    };
    let seconds = between(5, 95)?;
    ensure(seconds > 0.0, || "the queue is too short to time its end".to_owned())?;
    let (first, last) = (between(5, 25)?, between(75, 95)?);
    Ok(Drained { jobs: len_f64(times.len()) * 0.9, seconds, first_to_last: if first > 0.0 { last / first } else { 1.0 }, foreign })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_middle() {
        // A thousand a second; the last fifty come late.
        let ends = (0..1000).map(|n| End { is_good: true, at_ms: if n < 951 { n } else { n + 5000 } }).rev().collect();
        let drained = drained(ends, None).unwrap();
        assert!((drained.rate() - 1000.0).abs() < 1e-9 && (drained.first_to_last - 1.0).abs() < 1e-9, "{drained:?}");
    }
}
