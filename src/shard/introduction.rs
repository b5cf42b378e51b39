//! Jobs that wallets pay for and agents ordered: they live in the payer's shard, and the agent's, where its list and its idempotency
//! keys are, learns of them by an outbox step. It may be told twice, and finds nothing to do the second time.

use serde::{Deserialize, Serialize};

use super::command::{Refusal, RequestKey};
use super::event::{Event, KeyEntry, Made, ScopedKey};
use super::state::{Answer, Decision, Shard};
use crate::types::{AgentId, JobId, Timestamp};

/// A job that its agent's shard has yet to hear of. Durable with the job, until that shard has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Introduction {
    /// Which.
    pub job: JobId,
    /// To whom.
    pub agent: AgentId,
    /// The agent's idempotency key that it was ordered under, and a hash of the request.
    pub key: Option<(ScopedKey, u128)>,
    /// When it was accepted.
    pub at: Timestamp,
}

impl Shard {
    /// Puts a job into its agent's list, and its key among the agent's. A key that stands for something else already stays so: the
    /// agent sent it twice at once.
    pub(super) fn introduce(&self, introduction: &Introduction, row: Option<KeyEntry>, looked_up_at: u64) -> Result<Decision, Refusal> {
        let Introduction { job, agent, key, at } = *introduction;
        let known = match (key, row) {
            (_, Some(row)) => Some(row.made),
            (Some((key, request)), None) => match self.replay(Some(RequestKey { key, request, looked_up_at })) {
                Err(Refusal::KeyReused) => self.key(&key).map(|entry| entry.made.clone()),
                known => known?,
            },
            (None, None) => None,
        };
        let is_its = known.as_ref().is_none_or(|made| *made == Made::Job(job));
        let mut events = vec![Event::JobListed(agent, job, key.filter(|_| is_its).map(|(key, _)| key))];
        if known.is_none() {
            events.extend(key.map(|(key, request)| Event::KeyPut(key, KeyEntry { request, made: Made::Job(job), at })));
        }
        Ok(Decision { events, answer: Answer::Introduced })
    }

    /// The agent's shard has it.
    pub(super) fn introduced(&self, job: JobId) -> Decision {
        let events = self.introductions.get(&job).map(|_| Event::IntroductionGone(job)).into_iter().collect();
        Decision { events, answer: Answer::Introduced }
    }

    /// Every job that an agent's shard has yet to hear of.
    pub fn introductions(&self) -> impl Iterator<Item = &Introduction> {
        self.introductions.values()
    }
}
