//! The commands about callbacks that are owed.

use super::command::Refusal;
use super::event::{Attempt, AttemptOutcome, Delivery, Event};
use super::state::{Answer, Decision, END_EVENT, Shard, acted};
use crate::job::Job;
use crate::types::{DeliveryId, Timestamp};

impl Shard {
    pub(super) fn attempted(&self, id: &DeliveryId, mut attempt: Attempt, next_at: Option<Timestamp>) -> Result<Decision, Refusal> {
        let delivery = self.outbox.get(id).ok_or(Refusal::NoJob)?;
        let number = delivery.attempts;
        let over = match attempt.outcome {
            AttemptOutcome::Delivered | AttemptOutcome::Gone | AttemptOutcome::GivenUp => true,
            AttemptOutcome::Failed => next_at.is_none(),
        };
        if over && attempt.outcome == AttemptOutcome::Failed {
            attempt.outcome = AttemptOutcome::GivenUp;
        }
        let mut events = vec![Event::Attempted(delivery.id, number, attempt)];
        let next = next_at.filter(|_| !over).map(|next_at| Delivery {
            attempts: number.saturating_add(1),
            failures: delivery.failures.saturating_add(1),
            next_at,
            ..delivery.clone()
        });
        events.push(next.clone().map_or(Event::OutboxGone(delivery.id), Event::OutboxPut));
        Ok(Decision { events, answer: Answer::Delivery(next) })
    }

    pub(super) fn redeliver(&self, job: &Job, attempts: u16, reason: &str, at: Timestamp) -> Result<Decision, Refusal> {
        if job.spec.callback_url.is_none() || !job.state.status.is_ended() {
            return Err(Refusal::NoCallback);
        }
        let id = DeliveryId::new(&job.spec.id, END_EVENT);
        let attempts = self.outbox.get(&id).map_or(attempts, |known| known.attempts.max(attempts));
        let created_at = job.state.ended_at.unwrap_or(at);
        let delivery = Delivery { id, created_at, attempts, failures: 0, next_at: at };
        let events = vec![Event::OutboxPut(delivery.clone()), acted(at, "callback_redelivered", &job.spec.id, reason)];
        Ok(Decision { events, answer: Answer::Delivery(Some(delivery)) })
    }
}
