//! What must hold of sessions: none has spent or holds more than its budget, and both are what its jobs say (I-21).

use std::collections::HashMap;

use super::Shard;
use super::audit::Audit;
use crate::job::Job;
use crate::types::{SessionKey, Timestamp, Usd};

/// What the jobs of sessions say, until the sessions are compared.
#[derive(Debug, Default)]
pub(super) struct InSessions {
    /// When each ended call was accepted, and what it cost.
    ended: HashMap<SessionKey, Vec<(Timestamp, Usd)>>,
}

impl Audit {
    pub(super) fn ended_in_session(&mut self, job: &Job) {
        if let Some((key, bill)) = key_of(job).zip(job.state.bill) {
            self.in_sessions.ended.entry(key).or_default().push((job.spec.created_at, bill.charged));
        }
    }

    /// To be called with every ended job seen.
    pub(super) fn sessions(&mut self, shard: &Shard) {
        let mut live: HashMap<SessionKey, (u32, i128)> = HashMap::new();
        for job in shard.jobs() {
            let Some(key) = key_of(job) else { continue };
            let (count, held) = live.entry(key).or_default();
            *count = count.saturating_add(1);
            *held = held.saturating_add(i128::from(job.state.held.micros()));
        }
        let ended = std::mem::take(&mut self.in_sessions.ended);
        for session in shard.sessions() {
            let (key, micros) = (session.key(), |amount: Usd| i128::from(amount.micros()));
            let name = format!("session {} of {}", session.id, session.agent);
            let (count, held) = live.remove(&key).unwrap_or_default();
            if (session.live, micros(session.held)) != (count, held) {
                let says = format!("{} calls with {}", session.live, session.held);
                self.wrong("I-21", format!("{name} says it has {says}, its {count} live jobs hold {held} micro-dollars"));
            }
            // An older session of that name counts for nothing. Jobs may be past their retention, so more can have been spent.
            let of_its = ended.get(&key).into_iter().flatten().filter(|(at, _)| *at >= session.began_at);
            let spent: i128 = of_its.map(|(_, charged)| micros(*charged)).sum();
            if micros(session.spent) < spent {
                self.wrong("I-21", format!("{name} says it has spent {}, its jobs cost {spent} micro-dollars", session.spent));
            }
            if micros(session.spent).saturating_add(micros(session.held)) > micros(session.budget) {
                let taken = format!("{} spent and {} held", session.spent, session.held);
                self.wrong("I-21", format!("{name} has {taken} of {}", session.budget));
            }
        }
        for (key, (count, _)) in live {
            self.wrong("I-21", format!("{count} live jobs of {} are in a session that is not there", key.agent));
        }
    }
}

fn key_of(job: &Job) -> Option<SessionKey> {
    Some(SessionKey::new(job.spec.agent()?, &job.spec.session.as_ref()?.id))
}
