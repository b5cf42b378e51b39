//! Removes ended jobs whose retention is over, with their place in lists, their idempotency key and their callback log. A job whose
//! callback is owed stays (safety.md CP-25).

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::shard::ShardHandle;
use crate::job::Job;
use crate::shard::history::{JobByOwner, attempts_prefix, key_row, leftovers};
use crate::shard::{Row, Shard, Table, codec};
use crate::store::{self, Epoch, Range};
use crate::types::{JobId, Timestamp};

/// How often a shard looks.
pub(super) const EVERY: Duration = Duration::from_hours(1);
/// Ended jobs that are read at a time.
const JOBS_AT_ONCE: usize = 200;
/// The pause between two such reads, so that new work goes first.
const PAUSE: Duration = Duration::from_millis(50);
const DAY_MS: i64 = 86_400_000;

/// The jobs that a sweep of this moment has to leave: their end is still to be told, and a callback brings the whole job along; or
/// their agents' lists have yet to hear of them.
pub(super) fn owed(handle: &ShardHandle, shard: &Shard) -> HashSet<JobId> {
    let before = ended_before(handle);
    let told = shard.deliveries().filter(|delivery| delivery.created_at < before).map(|delivery| delivery.id.job());
    told.chain(shard.introductions().map(|introduction| introduction.job)).collect()
}

/// One sweep over a shard's oldest ended jobs. What is left for the next one does no harm.
pub(super) async fn sweep(handle: Arc<ShardHandle>, epoch: Epoch, owed: HashSet<JobId>) {
    let mut removed: u64 = 0;
    let mut after = None;
    loop {
        match remove_some(&handle, epoch, &owed, after).await {
            Ok((count, next)) => {
                removed = removed.saturating_add(count);
                after = next;
            }
            Err(error) => {
                tracing::warn!(shard = handle.id.0, %error, "old jobs could not be removed, it is tried again later");
                break;
            }
        }
        if after.is_none() {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    if removed > 0 {
        tracing::info!(shard = handle.id.0, removed, "removed ended jobs after their retention");
    }
}

/// Removes what is due among the next ended jobs. Returns how many there were, and behind which key to go on where there may be more.
async fn remove_some(
    handle: &ShardHandle,
    epoch: Epoch,
    owed: &HashSet<JobId>,
    after: Option<Vec<u8>>,
) -> Result<(u64, Option<Vec<u8>>), store::Error> {
    let store = &handle.node.store;
    let before = ended_before(handle);
    let oldest = Range { prefix: Vec::new(), after, newest_first: false, limit: JOBS_AT_ONCE };
    let mut rows = Vec::new();
    let mut jobs = 0_u64;
    let mut last = None;
    for (key, value) in store.scan(handle.id, Table::EndedJob, oldest).await? {
        let job: Job = codec::decode(&value).map_err(|error| store::Error::Corrupt(error.to_string()))?;
        last = Some(key);
        // Rows are sorted by when a job was accepted; one may have ended much later, and all after it are younger.
        if job.spec.created_at >= before {
            last = None;
            break;
        }
        if job.state.ended_at.is_some_and(|ended_at| ended_at >= before) || owed.contains(&job.spec.id) {
            continue;
        }
        jobs = jobs.saturating_add(1);
        let left = leftovers(&job);
        if let Some((owner, by_owner)) = left.by_owner {
            let Some(home) = handle.node.shard_of(owner.slot()) else { continue };
            let mut listed = Vec::with_capacity(2);
            if let Some(value) = store.get(home.id, by_owner.table, &by_owner.key).await? {
                let (_, key): JobByOwner = codec::decode(&value).map_err(|error| store::Error::Corrupt(error.to_string()))?;
                listed.extend(key.map(|key| Row { table: Table::Key, key: key_row(key), value: None }));
            }
            listed.push(by_owner);
            if home.id == handle.id {
                rows.append(&mut listed);
            } else {
                // First: cut off here, the next sweep finds the job again, and with it what is left.
                store.put_rows(home.id, home.current_epoch(), listed).await?;
            }
        }
        let log = Range { prefix: attempts_prefix(&job.spec.id), after: None, newest_first: false, limit: 200 };
        let log = store.scan(handle.id, Table::Attempt, log).await?;
        rows.extend(log.into_iter().map(|(key, _)| Row { table: Table::Attempt, key, value: None }));
        rows.push(left.job);
    }
    if !rows.is_empty() {
        store.put_rows(handle.id, epoch, rows).await?;
    }
    Ok((jobs, last))
}

/// Jobs that ended earlier are past their retention.
fn ended_before(handle: &ShardHandle) -> Timestamp {
    let kept_ms = i64::from(handle.node.settings.job_retention_days).saturating_mul(DAY_MS);
    handle.node.clock.now().plus_millis(kept_ms.saturating_neg())
}
