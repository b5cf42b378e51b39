//! What everyone may read without asking the writer: durable state only, replaced whole.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use foldhash::fast::RandomState;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::job::{Job, Progress};
use crate::shard::Grant;
use crate::types::{JobId, Slot, TokenHash};

/// A borrowed grant is asked for anew at each request; it holds as long as that one may take to begin.
const BORROWED_FOR: Duration = Duration::from_secs(2);
const BORROWED_MAX: usize = 10_000;

/// Live and just-ended jobs, and what every token opens.
#[derive(Debug, Default)]
pub(super) struct Published {
    jobs: DashMap<JobId, Arc<Job>, RandomState>,
    tokens: DashMap<TokenHash, Grant, RandomState>,
    /// Of shards of other nodes, asked for just now.
    borrowed: DashMap<TokenHash, (Grant, Instant), RandomState>,
    waiters: DashMap<JobId, watch::Sender<u32>>,
    waiting: AtomicUsize,
    /// Of jobs that run here and have told of it. In memory only: a write for each would cost more than it is worth.
    progress: DashMap<JobId, Shown, RandomState>,
    ticks: AtomicU64,
}

/// What a run has told of itself.
#[derive(Debug, Clone, Default)]
pub struct Shown {
    /// Rises with everything that is told, on one node. 0 where nothing was.
    pub tick: u64,
    /// What was told.
    pub progress: Arc<Progress>,
}

impl Published {
    pub(super) fn job(&self, id: &JobId) -> Option<Arc<Job>> {
        self.jobs.get(id).map(|job| Arc::clone(&job))
    }

    /// Shows a job's durable state, and wakes who waits for it.
    pub(super) fn show(&self, job: Arc<Job>) {
        let (id, version) = (job.spec.id, job.state.version);
        self.jobs.insert(id, job);
        if self.waiting.load(Ordering::Relaxed) > 0
            && let Some(waiter) = self.waiters.get(&id)
        {
            waiter.send_replace(version);
        }
    }

    /// Shows how far a run is, and wakes who waits for its job.
    pub(super) fn show_progress(&self, id: JobId, progress: Progress) {
        let tick = self.ticks.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        self.progress.insert(id, Shown { tick, progress: Arc::new(progress) });
        if let Some(waiter) = self.waiters.get(&id) {
            waiter.send_modify(|_version| ());
        }
    }

    /// The run is over, or goes on elsewhere.
    pub(super) fn forget_progress(&self, id: &JobId) {
        self.progress.remove(id);
    }

    /// How far a job's run is.
    pub(super) fn progress(&self, id: &JobId) -> Shown {
        self.progress.get(id).map(|shown| shown.clone()).unwrap_or_default()
    }

    /// A shard was loaded: shows what it has.
    pub(super) fn show_all(&self, loaded: &crate::shard::Shard, just_ended: &[Arc<Job>]) {
        for (hash, grant) in loaded.tokens() {
            self.put_token(*hash, Some(*grant));
        }
        for job in loaded.jobs().chain(just_ended) {
            self.show(Arc::clone(job));
        }
    }

    /// A shard was loaded again: lets go of what it no longer has. A group may have become durable whose owner never heard of
    /// it, and it may have ended jobs and revoked tokens.
    pub(super) fn forget_others(&self, loaded: &crate::shard::Shard, just_ended: &[Arc<Job>], is_of_shard: impl Fn(Slot) -> bool) {
        self.tokens.retain(|hash, grant| !is_of_shard(grant.agent.slot()) || loaded.token(hash).is_some());
        let just_ended: HashSet<_> = just_ended.iter().map(|job| job.spec.id).collect();
        self.jobs.retain(|id, _| !is_of_shard(id.slot()) || loaded.job(id).is_some() || just_ended.contains(id));
    }

    /// A shard is another node's: lets go of all that is of it.
    pub(super) fn forget_all(&self, is_of_shard: impl Fn(Slot) -> bool) {
        self.tokens.retain(|_, grant| !is_of_shard(grant.agent.slot()));
        self.jobs.retain(|id, _| !is_of_shard(id.slot()));
        self.progress.retain(|id, _| !is_of_shard(id.slot()));
        // Whoever waits for a job of it looks again, and is sent on.
        for waiter in self.waiters.iter().filter(|waiter| is_of_shard(waiter.key().slot())) {
            waiter.send_modify(|_| {});
        }
    }

    /// Lets an ended job go: from now on its row is read.
    pub(super) fn forget(&self, id: &JobId) {
        self.jobs.remove(id);
    }

    pub(super) fn token(&self, hash: &TokenHash) -> Option<Grant> {
        if let Some(grant) = self.tokens.get(hash) {
            return Some(*grant);
        }
        let borrowed = self.borrowed.get(hash).filter(|borrowed| borrowed.1.elapsed() < BORROWED_FOR);
        borrowed.map(|borrowed| borrowed.0)
    }

    /// What a token of another node's shard opens, for the request that is at hand.
    pub(super) fn borrow(&self, hash: TokenHash, grant: Option<Grant>) {
        if self.borrowed.len() > BORROWED_MAX {
            self.borrowed.retain(|_, (_, at)| at.elapsed() < BORROWED_FOR);
        }
        match grant {
            Some(grant) => drop(self.borrowed.insert(hash, (grant, Instant::now()))),
            None => drop(self.borrowed.remove(&hash)),
        }
    }

    pub(super) fn put_token(&self, hash: TokenHash, grant: Option<Grant>) {
        match grant {
            Some(grant) => self.tokens.insert(hash, grant),
            None => self.tokens.remove(&hash).map(|(_, grant)| grant),
        };
    }

    /// Returns once `enough` holds for the job, or when `patience` is over. Takes nobody's mailbox (safety.md T-44).
    pub(super) async fn wait_until(&self, id: JobId, patience: Duration, enough: impl Fn(&Job) -> bool) {
        let mut waiting = Waiting::new(self, id);
        let waited = async {
            let Some(changes) = &mut waiting.changes else { return };
            // Looked at after subscribing, so that no change is missed between the two.
            while self.job(&id).is_some_and(|job| !enough(&job)) {
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        // Running out of patience is an answer like any other.
        tokio::time::timeout(patience, waited).await.ok();
    }
}

/// Somebody waits for a job. Gone with the last one, so that nothing is kept for jobs that nobody watches.
struct Waiting<'a> {
    published: &'a Published,
    id: JobId,
    /// Taken out when it is dropped: of two that leave at the same time, the later one has to see that it is the last.
    changes: Option<watch::Receiver<u32>>,
}

impl<'a> Waiting<'a> {
    fn new(published: &'a Published, id: JobId) -> Self {
        published.waiting.fetch_add(1, Ordering::Relaxed);
        let changes = published.waiters.entry(id).or_insert_with(|| watch::channel(0).0).subscribe();
        Self { published, id, changes: Some(changes) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.published.waiting.fetch_sub(1, Ordering::Relaxed);
        drop(self.changes.take());
        self.published.waiters.remove_if(&self.id, |_, sender| sender.receiver_count() == 0);
    }
}
