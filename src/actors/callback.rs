//! Delivers what a shard's outbox owes: each when it is due, again until it is taken or given up.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use serde::Serialize;

use super::meters;
use super::shard::ShardHandle;
use crate::callbacks::{self, AGE_MAX, Outcome, next_attempt_after};
use crate::job::Job;
use crate::job::view::{PollBody, end_event};
use crate::shard::{Attempt, AttemptOutcome, Command, Delivery, Reply};
use crate::types::{CallbackUrl, DeliveryId, Timestamp, WebhookSecret};

/// Attempts that a shard has under way. Those that wait for a slow host's line are among them, so it is generous.
const UNDER_WAY_MAX: usize = 1_000;
/// The pause before an attempt is made again whose outcome could not be written down, or whose job could not be read.
const AGAIN: Duration = Duration::from_secs(1);

pub(super) struct Callbacks;

pub(super) enum Message {
    /// A callback is owed, or its schedule changed.
    Owed(Delivery),
    /// An attempt is over, and this is what is still owed.
    Attempted(DeliveryId, Next),
    /// Something is due.
    Due,
}

/// What follows an attempt.
pub(super) enum Next {
    /// The outbox says so.
    Stored(Option<Delivery>),
    /// Nothing was sent, or nobody knows; look again at this time.
    Later(Timestamp),
}

pub(super) struct State {
    handle: Arc<ShardHandle>,
    owed: HashMap<DeliveryId, Delivery>,
    schedule: BTreeSet<(Timestamp, DeliveryId)>,
    under_way: HashSet<DeliveryId>,
    /// What the outbox came to owe while an attempt was under way: newer than what the attempt comes back with.
    meanwhile: HashMap<DeliveryId, Delivery>,
    timer: Option<Timestamp>,
}

impl Actor for Callbacks {
    type Msg = Message;
    type State = State;
    type Arguments = (Arc<ShardHandle>, Vec<Delivery>);

    async fn pre_start(&self, me: ActorRef<Message>, (handle, owed): Self::Arguments) -> Result<State, ActorProcessingErr> {
        let mut state = State {
            handle,
            owed: HashMap::new(),
            schedule: BTreeSet::new(),
            under_way: HashSet::new(),
            meanwhile: HashMap::new(),
            timer: None,
        };
        for delivery in owed {
            state.schedule(delivery);
        }
        me.cast(Message::Due)?;
        Ok(state)
    }

    async fn handle(&self, me: ActorRef<Message>, message: Message, state: &mut State) -> Result<(), ActorProcessingErr> {
        match message {
            Message::Owed(delivery) => {
                if state.under_way.contains(&delivery.id) {
                    state.meanwhile.insert(delivery.id, delivery);
                } else {
                    state.schedule(delivery);
                }
            }
            Message::Attempted(id, next) => {
                state.under_way.remove(&id);
                match (state.meanwhile.remove(&id), next) {
                    // Asked for again by an operator, it may be, after the attempt was written down and before it came back here.
                    (Some(delivery), _) | (None, Next::Stored(Some(delivery))) => state.schedule(delivery),
                    (None, Next::Stored(None)) => {
                        state.owed.remove(&id);
                    }
                    (None, Next::Later(at)) => {
                        if let Some(delivery) = state.owed.get(&id).cloned() {
                            state.schedule(Delivery { next_at: at, ..delivery });
                        }
                    }
                }
            }
            Message::Due => state.timer = None,
        }
        state.work(&me);
        Ok(())
    }
}

impl State {
    fn schedule(&mut self, delivery: Delivery) {
        if let Some(known) = self.owed.get(&delivery.id) {
            self.schedule.remove(&(known.next_at, known.id));
        }
        self.schedule.insert((delivery.next_at, delivery.id));
        self.owed.insert(delivery.id, delivery);
    }

    /// Starts what is due, and sets the timer for what is next.
    fn work(&mut self, me: &ActorRef<Message>) {
        let now = self.handle.node.clock.now();
        while self.under_way.len() < UNDER_WAY_MAX {
            let Some((at, id)) = self.schedule.first().copied() else { return };
            if at > now {
                self.wake_at(me, now, at);
                return;
            }
            self.schedule.remove(&(at, id));
            let Some(delivery) = self.owed.get(&id).cloned() else { continue };
            self.under_way.insert(id);
            let (me, handle) = (me.clone(), Arc::clone(&self.handle));
            tokio::spawn(async move {
                let next = attempt(&handle, delivery).await;
                me.cast(Message::Attempted(id, next)).ok();
            });
        }
    }

    fn wake_at(&mut self, me: &ActorRef<Message>, now: Timestamp, at: Timestamp) {
        if self.timer.is_some_and(|timer| timer <= at) {
            return;
        }
        self.timer = Some(at);
        // The wall clock may step: never sleep longer than a minute before looking again.
        let wait = u64::try_from(at.millis_since(now)).unwrap_or(0).min(60_000);
        me.send_after(Duration::from_millis(wait), || Message::Due);
    }
}

/// The body of an event callback (api.md, "Event callbacks").
#[derive(Debug, Serialize)]
struct EventBody<'a> {
    id: DeliveryId,
    #[serde(rename = "type")]
    kind: &'static str,
    created_at: Timestamp,
    data: PollBody<'a>,
}

/// Makes one attempt and writes down how it went.
async fn attempt(handle: &ShardHandle, delivery: Delivery) -> Next {
    let node = &handle.node;
    let later = |pause: Duration| Next::Later(node.clock.now().plus_millis(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX)));
    let job = match node.stored_job(delivery.id.job()).await {
        Ok(job) => job,
        Err(error) => {
            tracing::warn!(delivery = %delivery.id, %error, "the job of a callback can't be read now");
            return later(AGAIN);
        }
    };
    // A node that wakes up late has read an outbox that is another's by now (safety.md F-N1).
    if !handle.tenure.runs() {
        return later(AGAIN);
    }
    let (outcome, duration_ms) = match job.as_deref().and_then(|job| Some((job, job.spec.callback_url.as_deref()?))) {
        Some((job, url)) => post(handle, &delivery, job, url).await,
        // Nothing is there to tell any more: the job was removed after its retention.
        None => (Outcome::Failed { status: None, class: "job_removed" }, 0),
    };
    let now = node.clock.now();
    let too_old = now.millis_since(delivery.created_at) > i64::try_from(AGE_MAX.as_millis()).unwrap_or(i64::MAX);
    let mut next_at = None;
    let (how, status, class) = match outcome {
        Outcome::Deferred { retry_after } if !too_old => return later(retry_after),
        Outcome::Delivered { status } => (AttemptOutcome::Delivered, Some(status), ""),
        Outcome::Gone => (AttemptOutcome::Gone, Some(410), "gone"),
        Outcome::Deferred { .. } => (AttemptOutcome::GivenUp, None, "deferred"),
        Outcome::Failed { status, class } => {
            let failures = u32::from(delivery.failures).saturating_add(1);
            let pause = next_attempt_after(failures, node.random.below(u64::MAX)).filter(|_| !too_old && job.is_some());
            next_at = pause.map(|pause| now.plus_millis(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX)));
            (AttemptOutcome::Failed, status, class)
        }
    };
    metrics::counter!(meters::CALLBACKS, "outcome" => outcome_label(how)).increment(1);
    let attempt =
        Attempt { at: now, outcome: how, status, class: class.into(), duration_ms: u32::try_from(duration_ms).unwrap_or(u32::MAX) };
    match handle.execute(Command::Attempted { id: delivery.id, attempt, next_at }).await {
        Ok(Reply::Delivery(next)) => Next::Stored(next),
        // Refused: another attempt or the retention has ended it meanwhile.
        Ok(_) | Err(super::api::Error::Refused(_)) => Next::Stored(None),
        // Not written down: it is sent again under the same id (CP-23).
        Err(_) => later(AGAIN),
    }
}

async fn post(handle: &ShardHandle, delivery: &Delivery, job: &Job, url: &str) -> (Outcome, u64) {
    let node = &handle.node;
    // Checked when the job was accepted; the guarded client applies the operator's rule at each attempt.
    let Ok(url) = CallbackUrl::parse(url, true) else {
        return (Outcome::Failed { status: None, class: "url" }, 0);
    };
    let body = EventBody {
        id: delivery.id,
        kind: end_event(job.state.status),
        created_at: delivery.created_at,
        data: PollBody::of(job, node.settings.max_timeout_seconds).with_receipt(node.receipts.of(job)),
    };
    let Ok(body) = serde_json::to_vec(&body) else {
        return (Outcome::Failed { status: None, class: "body" }, 0);
    };
    let secret = WebhookSecret::derive(&node.server_key, &job.spec.id);
    let at = node.clock.now();
    let call = callbacks::Delivery { id: delivery.id, url: &url, secret: &secret, previous_secret: None, body: Bytes::from(body), at };
    let attempt = node.deliverer.deliver(call).await;
    (attempt.outcome, attempt.duration_ms)
}

const fn outcome_label(outcome: AttemptOutcome) -> &'static str {
    match outcome {
        AttemptOutcome::Delivered => "delivered",
        AttemptOutcome::Failed => "failed",
        AttemptOutcome::GivenUp => "given_up",
        AttemptOutcome::Gone => "gone",
    }
}
