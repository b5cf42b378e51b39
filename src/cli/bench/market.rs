//! What parts have in common: accounts, filling a queue, and what the server counts.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Scale;
use super::child::{ADMIN_TOKEN, Server};
use super::connection::Connection;
use super::load::{self, Pace, expect};
use super::scripts::{Accepted, Accounts, End, MakeAgents, Poll, Quota, Submit, request};
use super::trouble::{Context as _, Result, ensure};

/// The longest that preparing may take.
const PREPARE_TIME_MAX: Duration = Duration::from_mins(10);
/// How long a server may take to bring its rows to the disk.
const SETTLE_TIME_MAX: Duration = Duration::from_mins(1);
/// How often it is asked whether it has.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Makes accounts with a big credit each.
pub(super) async fn make_accounts(server: &Server, scale: Scale) -> Result<Accounts> {
    let makers = MakeAgents::many(scale.connections, ADMIN_TOKEN, &Quota::of(scale.accounts));
    let (_, makers) = load::run(server.admin, makers, Pace::Closed, PREPARE_TIME_MAX).await.context("no accounts can be made")?;
    Ok(makers.into_iter().flat_map(|maker| maker.bearers).collect())
}

/// Submits so many jobs, and returns one of every `keep_every`.
pub(super) async fn fill(server: &Server, scale: Scale, accounts: &Accounts, count: u64, keep_every: u64) -> Result<Arc<[Accepted]>> {
    let submitters = Submit::many(scale.connections, accounts, &Quota::of(count), keep_every)?;
    let (tally, submitters) =
        load::run(server.public, submitters, Pace::Closed, PREPARE_TIME_MAX).await.context("a queue can't be filled")?;
    ensure(tally.answered == count, || format!("only {} of {count} jobs could be submitted in {PREPARE_TIME_MAX:?}", tally.answered))?;
    Ok(submitters.into_iter().flat_map(|submitter| submitter.kept).collect())
}

/// Polls every job once, and tells how each has ended. An error where one has not, or was not charged.
pub(super) async fn ends(server: &Server, scale: Scale, jobs: &Arc<[Accepted]>) -> Result<Vec<End>> {
    let polls = Poll::many(scale.connections, jobs, true)?;
    let (_, polls) = load::run(server.public, polls, Pace::Closed, PREPARE_TIME_MAX).await.context("jobs can't be polled")?;
    let ends: Vec<End> = polls.into_iter().flat_map(|poll| poll.ends).collect();
    let good = ends.iter().filter(|end| end.is_good).count();
    ensure(good == jobs.len(), || format!("{good} of {} jobs are completed and charged", jobs.len()))?;
    Ok(ends)
}

/// What the server counts, as its metrics show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counts {
    /// Jobs that ended, since the start of the server.
    pub(super) ended: u64,
    pub(super) groups: u64,
    pub(super) events: u64,
    /// Jobs that have not ended.
    pub(super) live: u64,
    pub(super) unwritten_rows: u64,
}

impl Counts {
    fn read(text: &str) -> Self {
        let sum = |name: &str, label: &str| {
            let values = text.lines().filter_map(|line| {
                let rest = line.strip_prefix(name)?;
                let is_it = rest.starts_with(['{', ' ']) && rest.contains(label);
                rest.rsplit(' ').next().filter(|_| is_it)?.parse::<u64>().ok()
            });
            values.fold(0, u64::saturating_add)
        };
        Self {
            ended: sum("enrich_jobs_ended_total", ""),
            groups: sum("enrich_journal_groups_total", ""),
            events: sum("enrich_journal_events_total", ""),
            live: sum("enrich_jobs", "state=\"live\""),
            unwritten_rows: sum("enrich_unwritten_rows", ""),
        }
    }
}

/// Asks a server for its counts. Opened anew for each use: the server closes a connection that is idle for some seconds.
#[derive(Debug)]
pub(super) struct Counter {
    connection: Connection,
    request: Vec<u8>,
}

impl Counter {
    pub(super) async fn open(server: &Server) -> Result<Self> {
        let connection = Connection::open(server.admin).await.context("can't connect to the operators' listener")?;
        let request = request("GET", "/metrics", &[("Authorization", &format!("Bearer {ADMIN_TOKEN}"))], "");
        Ok(Self { connection, request })
    }

    pub(super) async fn read(&mut self) -> Result<Counts> {
        let answer = self.connection.exchange(&self.request).await.context("the metrics can't be read")?;
        expect(200, answer)?;
        Ok(Counts::read(&String::from_utf8_lossy(answer.body)))
    }

    /// Waits until the counts are as wanted.
    pub(super) async fn wait_until(&mut self, patience: Duration, what: &str, is_so: impl Fn(Counts) -> bool) -> Result<()> {
        let until = Instant::now() + patience;
        loop {
            let counts = self.read().await?;
            if is_so(counts) {
                return Ok(());
            }
            ensure(Instant::now() < until, || format!("{what} took more than {patience:?}; now {counts:?}"))?;
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// Waits until every row is on the disk, so that what follows is not charged with it.
pub(super) async fn settle(server: &Server) -> Result<()> {
    Counter::open(server).await?.wait_until(SETTLE_TIME_MAX, "bringing rows to the disk", |counts| counts.unwritten_rows == 0).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_metrics() {
        let text = "# TYPE enrich_jobs_ended_total counter\nenrich_jobs_ended_total{status=\"completed\"} 40\n\
            enrich_jobs_ended_total{status=\"failed\"} 2\nenrich_jobs{state=\"live\"} 7\nenrich_jobs{state=\"queued\"} 6\n\
            enrich_journal_groups_total 3\nenrich_journal_events_total 9\nenrich_unwritten_rows 5\n";
        let wanted = Counts { ended: 42, groups: 3, events: 9, live: 7, unwritten_rows: 5 };
        assert_eq!(Counts::read(text), wanted);
    }
}
