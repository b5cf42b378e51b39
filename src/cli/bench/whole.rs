//! Whole jobs: from the submit over HTTP to the end, billed, with every state of them durable.

use std::time::Duration;

use tokio::time::Instant;

use super::Bench;
use super::child::Server;
use super::figures::{Figure as F, PEER_SHARE};
use super::load::{self, Pace};
use super::machine::{Seen, Watch, micros_each};
use super::market::{self, Counter, Counts, make_accounts};
use super::numbers::as_f64;
use super::scripts::{Quota, Submit};
use super::trouble::{Context as _, Result, ensure};

/// Jobs that run at a time: the server's default.
pub(super) const SLOTS: u32 = 64;
/// How many jobs may be submitted beyond those that are known to have ended. Enough that the server never waits for the next look.
const BACKLOG_MAX: u64 = 1_024;
/// How often the count of ended jobs is read. Each look costs the server a fraction of a millisecond, which is counted as its cost.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long the jobs that are left at the end may take.
const END_TIME_MAX: Duration = Duration::from_mins(1);

/// What the looks saw.
struct Window {
    time: Duration,
    first: Counts,
    last: Counts,
    seen: Seen,
}

pub(super) async fn run(bench: &mut Bench, store: &str, null_post: f64) -> Result<()> {
    let store = format!("{store}-jobs");
    let server = bench.serve(&store, SLOTS).await?;
    let accounts = make_accounts(&server, bench.scale).await?;
    let quota = Quota::rising(BACKLOG_MAX);
    let submitters = Submit::many(bench.scale.connections, &accounts, &quota, 1)?;
    let warm_up = bench.scale.time / 5;
    let time = warm_up + bench.scale.time;
    let load = load::run(server.public, submitters, Pace::Closed, time);
    let (loaded, window) = tokio::join!(load, watch(&server, &quota, warm_up, time));
    let ((tally, submitters), window) = (loaded?, window?);
    let mut counter = Counter::open(&server).await?;
    counter.wait_until(END_TIME_MAX, "ending the jobs", |counts| counts.live == 0).await?;
    let jobs = submitters.into_iter().flat_map(|submitter| submitter.kept).collect();
    let ends = market::ends(&server, bench.scale, &jobs).await?;
    let all_ended = counter.read().await?.ended;
    let polled = u64::try_from(ends.len()).context("too many jobs")?;
    let submitted = tally.answered;
    ensure(submitted == all_ended && submitted == polled, || format!("{submitted} submitted, {all_ended} ended, {polled} polled"))?;
    drop(server);
    bench.discard(&store)?;

    let Window { time, first, last, seen } = window;
    let ended = last.ended.saturating_sub(first.ended);
    let rate = as_f64(ended) / time.as_secs_f64();
    bench.book.enter(F::Jobs, rate, seen.foreign);
    bench.book.enter(F::JobsShare, rate / (null_post * PEER_SHARE), seen.foreign);
    bench.book.enter_known(F::JobsCpu, micros_each(seen.server, ended), seen.foreign);
    let groups = last.groups.saturating_sub(first.groups).max(1);
    bench.book.enter(F::JobsGroup, as_f64(last.events.saturating_sub(first.events)) / as_f64(groups), seen.foreign);
    Ok(())
}

/// Lets the submitters go on as jobs end, and counts what ends between `warm_up` and `time`.
async fn watch(server: &Server, quota: &Quota, warm_up: Duration, time: Duration) -> Result<Window> {
    let mut counter = Counter::open(server).await?;
    let begin = Instant::now();
    let mut window: Option<(Instant, Counts, Watch)> = None;
    let mut last = None;
    while begin.elapsed() < time {
        let counts = counter.read().await?;
        let now = Instant::now();
        quota.raise(counts.ended.saturating_add(BACKLOG_MAX));
        match &window {
            None if begin.elapsed() >= warm_up => window = Some((now, counts, Watch::start(Some(server.pid())))),
            Some((first_at, _, watch)) => last = Some((now.duration_since(*first_at), counts, watch.end())),
            None => {}
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let ((_, first, _), (time, last, seen)) = window.zip(last).context("the time is too short for two looks")?;
    Ok(Window { time, first, last, seen })
}
