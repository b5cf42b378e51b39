//! Makes paid jobs known in the shards of the agents who ordered them: at least once, again at every start, until the job's own shard
//! has it in writing that they are.

use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use tokio::sync::watch;

use super::api::Error;
use super::keyed::stored_key;
use super::ledger::is_look_again;
use super::node::Inner;
use crate::shard::{Command, Introduction, KeyEntry, Made, ScopedKey};
use crate::types::JobId;

/// The pause before it is tried again, doubling up to the last.
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_LAST: Duration = Duration::from_secs(2);
/// How long an order waits for its place in the agent's list before it is answered without.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is on its way.
#[derive(Debug, Default)]
pub(super) struct Introductions {
    /// The keys in it: a repeat may come before they are where it looks for them.
    keys: DashMap<ScopedKey, KeyEntry>,
    waiting: DashMap<JobId, watch::Sender<()>>,
}

impl Introductions {
    /// What a key stands for that is still on its way.
    pub(super) fn key(&self, key: &ScopedKey) -> Option<KeyEntry> {
        self.keys.get(key).map(|entry| entry.clone())
    }

    /// Waits until a job is known to its agent's shard, or for long enough.
    pub(super) async fn known(&self, job: &JobId) {
        let Some(mut waiting) = self.waiting.get(job).map(|sender| sender.subscribe()) else { return };
        // It is dropped, never sent to.
        tokio::time::timeout(PATIENCE, waiting.changed()).await.ok();
    }

    fn begin(&self, introduction: &Introduction) {
        let Introduction { job, key, at, .. } = *introduction;
        if let Some((key, request)) = key {
            self.keys.insert(key, KeyEntry { request, made: Made::Job(job), at });
        }
        self.waiting.entry(job).or_insert_with(|| watch::channel(()).0);
    }

    fn end(&self, introduction: &Introduction) {
        if let Some((key, _)) = introduction.key {
            self.keys.remove(&key);
        }
        self.waiting.remove(&introduction.job);
    }
}

/// Sees to one. Called for each at a start, and when it becomes durable.
pub(super) fn introduce(node: &Arc<Inner>, introduction: Introduction) {
    node.introductions.begin(&introduction);
    let node = Arc::clone(node);
    let ending = node.settlements.ending();
    tokio::spawn(async move { ending.run_until_cancelled(see_to(&node, &introduction)).await });
}

async fn see_to(node: &Inner, introduction: &Introduction) {
    let mut pause = RETRY_FIRST;
    while let Err(error) = tell(node, introduction).await {
        if let Error::Refused(refusal) = &error {
            tracing::error!(job.id = %introduction.job, %refusal, "a job can't be put into its agent's list");
        }
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(2).min(RETRY_LAST);
    }
    node.introductions.end(introduction);
    // Where this is lost it is told again after the next start, which changes nothing.
    while let Some(shard) = node.shard_of(introduction.job.slot())
        && let Err(error) = shard.execute(Command::Introduced { job: introduction.job }).await
        && !matches!(error, Error::Refused(_))
    {
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(2).min(RETRY_LAST);
    }
}

async fn tell(node: &Inner, introduction: &Introduction) -> Result<(), Error> {
    let shard = node.shard_of(introduction.agent.slot()).ok_or(Error::Unavailable)?;
    loop {
        let looked_up_at = shard.generation().await?;
        let row = match introduction.key {
            Some((key, _)) => stored_key(shard, key).await?,
            None => None,
        };
        let answer = shard.execute(Command::Introduce { introduction: *introduction, row, looked_up_at }).await;
        if !is_look_again(&answer) {
            return answer.map(drop);
        }
    }
}
