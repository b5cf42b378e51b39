//! Lists: rows of the store and what no checkpoint has written yet, merged, a page at a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::api::{Error, JobFilter};
use super::look::{Agents, Fresh, Jobs};
use super::node::{Node, unread};
use super::shard::ShardHandle;
use crate::billing::Transfer;
use crate::job::Job;
use crate::shard::history::{JobByOwner, job_key};
use crate::shard::{Agent, Attempt, Grant, OperatorAct, Table, codec};
use crate::store::Range;
use crate::types::{AgentId, Cursor, DeliveryId, Page};

/// How many pages a filter may look through for one page of its own.
const PAGES_MAX: usize = 50;

type Rows = Vec<(Vec<u8>, Vec<u8>)>;

impl Node {
    /// An agent's jobs, newest first; for a usage key only its own.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn jobs_of(&self, caller: Grant, filter: JobFilter, after: Option<Cursor>, limit: usize) -> Result<Page<Arc<Job>>, Error> {
        let shard = self.shard(caller.agent.slot())?;
        let keep = |job: &Job| filter.keeps(job) && (caller.key.is_none() || job.spec.usage_key() == caller.key);
        let mut items = Vec::new();
        let mut after = after.map(|cursor| cursor.0);
        for _ in 0..PAGES_MAX {
            let range = Range { prefix: caller.agent.as_bytes().to_vec(), after: after.clone(), newest_first: true, limit };
            let rows = self.appended(shard, Table::JobByOwner, range).await?;
            let last_page = rows.len() < limit;
            for (key, value) in rows {
                if items.len() == limit {
                    return Ok(Page { items, next: after.map(Cursor) });
                }
                let (id, _): JobByOwner = decode(&value)?;
                items.extend(self.job(id).await?.filter(|job| keep(job)));
                after = Some(key);
            }
            if last_page {
                return Ok(Page { items, next: None });
            }
        }
        Ok(Page { items, next: after.map(Cursor) })
    }

    /// An agent's transfers, newest first.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn statement(&self, agent: AgentId, after: Option<Cursor>, limit: usize) -> Result<Page<Transfer>, Error> {
        let range = Range { prefix: agent.as_bytes().to_vec(), after: after.map(|cursor| cursor.0), newest_first: true, limit };
        let rows = self.appended(self.shard(agent.slot())?, Table::Transfer, range).await?;
        page(&rows, limit)
    }

    /// All jobs, newest first.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn jobs(&self, filter: JobFilter, after: Option<Cursor>, limit: usize) -> Result<Page<Arc<Job>>, Error> {
        let mut items = Vec::new();
        let mut after = after.map(|cursor| cursor.0);
        for _ in 0..PAGES_MAX {
            let jobs = self.jobs_page(after.clone(), limit).await?;
            let last_page = jobs.len() < limit;
            for (key, job) in jobs {
                if items.len() == limit {
                    return Ok(Page { items, next: after.map(Cursor) });
                }
                items.extend(Some(job).filter(|job| filter.keeps(job)));
                after = Some(key);
            }
            if last_page {
                return Ok(Page { items, next: None });
            }
        }
        Ok(Page { items, next: after.map(Cursor) })
    }

    /// Attempts at callbacks, those of the newest jobs first.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn attempts(&self, after: Option<Cursor>, limit: usize) -> Result<Page<(DeliveryId, u16, Attempt)>, Error> {
        page(&self.across(Table::Attempt, after, limit).await?, limit)
    }

    /// What operators did, newest first.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn operator_log(&self, after: Option<Cursor>, limit: usize) -> Result<Page<OperatorAct>, Error> {
        page(&self.across(Table::OperatorLog, after, limit).await?, limit)
    }

    /// Agents, newest first.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn agents(&self, after: Option<Cursor>, limit: usize) -> Result<Page<Agent>, Error> {
        let mut agents = BTreeMap::new();
        for shard in self.shards.iter() {
            let seen = shard.look(Agents {}).await?;
            agents.extend(seen.into_iter().map(|agent| (agent_key(&agent.id), agent)));
        }
        let before = after.map(|cursor| cursor.0);
        let mut items: Vec<_> = agents.into_iter().rev().filter(|(key, _)| before.as_ref().is_none_or(|before| key < before)).collect();
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|(key, _)| Cursor(key.clone()));
        Ok(Page { items: items.into_iter().map(|(_, agent)| agent).collect(), next })
    }

    /// Rows of an append-only table of one shard.
    pub(super) async fn appended(&self, shard: &ShardHandle, table: Table, range: Range) -> Result<Rows, Error> {
        // Memory first: a row that is written between the two looks is then seen twice, and not missed.
        let fresh: Rows = shard.look(Fresh { table, prefix: range.prefix.clone() }).await?;
        let stored = shard.node.store.scan(shard.id, table, range.clone()).await.map_err(unread)?;
        Ok(merged(fresh.into_iter().chain(stored), &range))
    }

    /// Rows of an append-only table over all shards, newest first.
    async fn across(&self, table: Table, after: Option<Cursor>, limit: usize) -> Result<Rows, Error> {
        let range = Range { prefix: Vec::new(), after: after.map(|cursor| cursor.0), newest_first: true, limit };
        let mut rows = Vec::new();
        for shard in self.shards.iter() {
            rows.extend(self.appended(shard, table, range.clone()).await?);
        }
        Ok(merged(rows.into_iter(), &range))
    }

    async fn jobs_page(&self, after: Option<Vec<u8>>, limit: usize) -> Result<Vec<(Vec<u8>, Arc<Job>)>, Error> {
        let range = Range { prefix: Vec::new(), after, newest_first: true, limit };
        let mut jobs: BTreeMap<Vec<u8>, Arc<Job>> = BTreeMap::new();
        for shard in self.shards.iter() {
            let fresh = shard.look(Jobs {}).await?;
            for (key, row) in shard.node.store.scan(shard.id, Table::EndedJob, range.clone()).await.map_err(unread)? {
                jobs.insert(key, Arc::new(decode(&row)?));
            }
            jobs.extend(fresh.into_iter().map(|job| (job_key(&job.spec.id), job)));
        }
        let before = range.after;
        let older = jobs.into_iter().rev().filter(|(key, _)| before.as_ref().is_none_or(|before| key < before));
        Ok(older.take(limit).collect())
    }
}

impl JobFilter {
    fn keeps(self, job: &Job) -> bool {
        self.status.is_none_or(|status| job.state.status == status) && self.route.is_none_or(|route| job.spec.route == route)
    }
}

fn merged(rows: impl Iterator<Item = (Vec<u8>, Vec<u8>)>, range: &Range) -> Rows {
    let all: BTreeMap<Vec<u8>, Vec<u8>> = rows.collect();
    let beyond = |key: &Vec<u8>| match &range.after {
        None => true,
        Some(after) if range.newest_first => key < after,
        Some(after) => key > after,
    };
    let rows = all.into_iter().filter(|(key, _)| beyond(key));
    if range.newest_first { rows.rev().take(range.limit).collect() } else { rows.take(range.limit).collect() }
}

fn page<T: serde::de::DeserializeOwned>(rows: &Rows, limit: usize) -> Result<Page<T>, Error> {
    let next = rows.last().filter(|_| rows.len() >= limit).map(|(key, _)| Cursor(key.clone()));
    let items = rows.iter().map(|(_, value)| decode(value)).collect::<Result<_, _>>()?;
    Ok(Page { items, next })
}

/// By age: the id without its slot.
fn agent_key(id: &AgentId) -> Vec<u8> {
    let (slot, uuid) = id.as_bytes().split_at(2);
    [uuid, slot].concat()
}

fn decode<T: serde::de::DeserializeOwned>(value: &[u8]) -> Result<T, Error> {
    codec::decode(value).map_err(|error| Error::Corrupt(error.to_string()))
}
