//! One running job: starts its run, turns what happens into events, and tries again what the store could not take.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::api::Error;
use super::paid::{Gate, Solvency};
use super::shard::ShardHandle;
use super::slots::Slot;
use crate::enrich::run::RunSettings;
use crate::enrich::{self, Found, Journal, JournalError, Run, Stop};
use crate::job::{Effect, Event, Hop, Job, Progress, Rejection, Status};
use crate::shard::{Command, Refusal, Reply};
use crate::types::JobId;

/// How long a run that ignores its deadline is waited for.
const OVERTIME: Duration = Duration::from_secs(30);
/// Pauses between tries while the store is away, doubling from the first to the last.
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_LAST: Duration = Duration::from_secs(2);
/// The pause before a run that crashed starts anew.
const CRASH_PAUSE: Duration = Duration::from_millis(200);

pub(super) struct JobActor;

pub(super) enum Message {
    /// The buyer cancelled.
    Cancel,
    /// The driver panicked outside of the run.
    Crashed,
}

pub(super) struct State {
    cancel: CancellationToken,
    driver: AbortHandle,
    _slot: Slot,
}

/// How a run ended.
pub(super) enum Outcome {
    /// By itself, or because it had to stop.
    Found(Found, Option<Stop>),
    /// Without a result.
    Failed(enrich::Error, Option<Stop>),
    /// It ignored its deadline.
    Overtime,
    /// It panicked.
    Panicked,
}

impl Actor for JobActor {
    type Msg = Message;
    type State = State;
    type Arguments = (Arc<ShardHandle>, JobId, Slot);

    async fn pre_start(&self, me: ActorRef<Message>, (handle, id, slot): Self::Arguments) -> Result<State, ActorProcessingErr> {
        let cancel = CancellationToken::new();
        let canceller = cancel.clone();
        let driver = tokio::spawn(async move {
            match AssertUnwindSafe(drive(&handle, id, &cancel)).catch_unwind().await {
                Ok(()) => me.stop(None),
                // Where the actor is gone already, its shard is loaded again and sees to the job.
                Err(_) => drop(me.cast(Message::Crashed)),
            }
        });
        Ok(State { cancel: canceller, driver: driver.abort_handle(), _slot: slot })
    }

    async fn handle(&self, _me: ActorRef<Message>, message: Message, state: &mut State) -> Result<(), ActorProcessingErr> {
        match message {
            Message::Cancel => state.cancel.cancel(),
            Message::Crashed => return Err("the driver of a job panicked".into()),
        }
        Ok(())
    }
}

impl Drop for State {
    /// However the actor ends, its driver must not outlive it: the job may be another's by then.
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Sees a job through, beside the actor, which stays free for a cancel: takes the slot, runs, reports, and again where the run
/// crashed.
async fn drive(handle: &Arc<ShardHandle>, id: JobId, cancel: &CancellationToken) {
    let _shown = WhileItRuns { handle, id };
    let mut next = grant(handle, id).await;
    while let Some(job) = next {
        if job.state.cancel_requested {
            cancel.cancel();
        }
        let run = AssertUnwindSafe(run(handle, &job, cancel.clone())).catch_unwind().await;
        next = report(handle, id, run.unwrap_or(Outcome::Panicked)).await;
    }
}

/// Moves a queued job to running. `None` where there is nothing to run any more.
async fn grant(handle: &ShardHandle, id: JobId) -> Option<Arc<Job>> {
    let job = handle.node.published.job(&id)?;
    match job.state.status {
        // Under way when the node went down: its recorded hops are in the job.
        Status::Running => Some(job),
        Status::Queued => {
            let event = first_event(handle, &job).await;
            let runs = matches!(event, Event::SlotGranted { .. });
            apply(handle, id, event).await.map(|(job, _)| job).filter(|_| runs)
        }
        Status::Completing | Status::Completed | Status::Failed => None,
    }
}

/// What happens to a job that has a slot: it runs, unless it waited too long or its payer is gone (D-4, T-01).
async fn first_event(handle: &ShardHandle, job: &Job) -> Event {
    let node = &handle.node;
    let Some(payment) = &job.spec.payment else { return Event::SlotGranted { at: node.clock.now() } };
    let solvency = node.chains.solvency(payment).await;
    let at = node.clock.now();
    let waited_ms = at.millis_since(job.spec.created_at);
    match solvency {
        Solvency::Gone(reason) => {
            tracing::info!(job.id = %job.spec.id, reason = reason.as_str(), "the payer can not pay any more, so nothing is bought for it");
            Event::PayerInsolvent { at }
        }
        // A chain that doesn't answer is no reason to work on credit.
        Solvency::Unknown => Event::QueueTimedOut { at },
        Solvency::Good if waited_ms > node.settings.queue_ms => Event::QueueTimedOut { at },
        Solvency::Good => Event::SlotGranted { at },
    }
}

/// Tells the ledger how the run ended. A job comes back where the run has to start anew.
async fn report(handle: &ShardHandle, id: JobId, outcome: Outcome) -> Option<Arc<Job>> {
    let at = handle.node.clock.now();
    let nothing_found = || Event::DeadlineReached { at, matched: false, result: "{}".into() };
    let event = match outcome {
        // Whatever it had found by then: the work is never given away.
        Outcome::Found(_, Some(Stop::Insolvent)) | Outcome::Failed(_, Some(Stop::Insolvent)) => Event::PayerInsolvent { at },
        Outcome::Found(Found { result, .. }, Some(Stop::Cancelled)) => Event::Cancelled { at, partial: Some(result.into()) },
        Outcome::Failed(_, Some(Stop::Cancelled)) => Event::Cancelled { at, partial: None },
        Outcome::Found(Found { matched, result }, Some(Stop::Deadline)) => Event::DeadlineReached { at, matched, result: result.into() },
        Outcome::Found(Found { matched, result }, None | Some(Stop::Budget)) => Event::Finished { at, matched, result: result.into() },
        Outcome::Failed(_, Some(Stop::Deadline)) | Outcome::Overtime => nothing_found(),
        Outcome::Failed(enrich::Error::VendorUnavailable(_), _) => {
            let message = "no vendor could be reached, so nothing can be said about a match; nothing was charged";
            Event::VendorFailed { at, message: message.into() }
        }
        // The hop could not be written: the job is another's by now, or it has ended.
        Outcome::Failed(enrich::Error::Journal(_), _) => return None,
        Outcome::Failed(enrich::Error::Payload(error), _) => {
            tracing::error!(job.id = %id, %error, "the stored payload can't be read");
            Event::Crashed { at }
        }
        Outcome::Panicked => Event::Crashed { at },
    };
    let (job, effects) = apply(handle, id, event).await?;
    if !effects.contains(&Effect::StartRun) {
        return None;
    }
    tokio::time::sleep(CRASH_PAUSE.saturating_mul(u32::from(job.state.crashes))).await;
    Some(job)
}

/// A job's actor died: counts as a crash of its run, and puts the job back into the queue within its budget.
pub(super) async fn crashed(handle: &Arc<ShardHandle>, id: JobId) {
    let event = Event::Crashed { at: handle.node.clock.now() };
    if let Some((job, effects)) = apply(handle, id, event).await
        && effects.contains(&Effect::StartRun)
    {
        tokio::time::sleep(CRASH_PAUSE.saturating_mul(u32::from(job.state.crashes))).await;
        handle.node.enqueue(&job.spec);
    }
}

/// Applies an event, again and again while the store is away: unknown is not failed, and every event can be sent twice.
/// `None` where the machine says no: the job has moved on without us.
async fn apply(handle: &ShardHandle, id: JobId, event: Event) -> Option<(Arc<Job>, Vec<Effect>)> {
    let mut pause = RETRY_FIRST;
    loop {
        match handle.execute(Command::Job { id, event: event.clone() }).await {
            Ok(Reply::Moved(job, effects)) => return Some((job, effects)),
            // Sent twice: the first got through.
            Err(Error::Refused(Refusal::Job(Rejection::OutOfOrder(Status::Running)))) if matches!(event, Event::SlotGranted { .. }) => {
                return handle.node.published.job(&id).map(|job| (job, Vec::new()));
            }
            Ok(_) | Err(Error::Refused(Refusal::NoJob)) => return None,
            Err(Error::Refused(refusal)) => {
                tracing::warn!(job.id = %id, %refusal, "the job does not take its run's event");
                return None;
            }
            Err(error) => {
                tracing::debug!(job.id = %id, %error, "the event is sent again");
                tokio::time::sleep(pause).await;
                pause = pause.saturating_mul(2).min(RETRY_LAST);
            }
        }
    }
}

/// Runs the job's enricher, after the hops that are on record.
async fn run(handle: &Arc<ShardHandle>, job: &Job, cancel: CancellationToken) -> Outcome {
    let node = &handle.node;
    // The wall clock says how much of the run's time an earlier attempt has used; from here on it may step as it likes.
    let now = node.clock.now();
    let left_ms = job.run_deadline().unwrap_or(now).millis_since(now).clamp(0, job.spec.run_ms);
    let left = Duration::from_millis(u64::try_from(left_ms).unwrap_or(0));
    let mut run = Run::new(RunSettings {
        journal: Arc::new(HopWriter { handle: Arc::clone(handle), id: job.spec.id }),
        clock: Arc::clone(&node.clock),
        recorded: job.hops.iter().map(|hop| (**hop).clone()).collect(),
        budget: job.spec.ceiling,
        deadline: Instant::now() + left,
        cancel,
        gate: job.spec.payment.as_ref().map(|payment| {
            let gate: Arc<dyn enrich::Gate> = Arc::new(Gate { chains: Arc::clone(&node.chains), payment: Arc::clone(payment) });
            gate
        }),
    });
    let Some(enricher) = node.enricher(job.spec.route) else {
        return Outcome::Failed(enrich::Error::VendorUnavailable("the route is not sold here".to_owned()), None);
    };
    match tokio::time::timeout(left.saturating_add(OVERTIME), enricher.run(&job.spec.payload, &mut run)).await {
        Ok(Ok(found)) => Outcome::Found(found, run.stopped()),
        Ok(Err(error)) => Outcome::Failed(error, run.stopped()),
        Err(_) => Outcome::Overtime,
    }
}

/// Lets go of what a run has told of itself, however its driver ends.
struct WhileItRuns<'a> {
    handle: &'a ShardHandle,
    id: JobId,
}

impl Drop for WhileItRuns<'_> {
    fn drop(&mut self) {
        self.handle.node.published.forget_progress(&self.id);
    }
}

/// Writes a run's hops into its job.
struct HopWriter {
    handle: Arc<ShardHandle>,
    id: JobId,
}

#[async_trait::async_trait]
impl Journal for HopWriter {
    /// Waits as long as the store is away: the vendor is paid, and the next one isn't called before this is on record.
    async fn record(&self, hop: Hop) -> Result<(), JournalError> {
        let event = Event::HopRecorded { hop: Arc::new(hop) };
        apply(&self.handle, self.id, event).await.map(|_| ()).ok_or(JournalError)
    }

    fn show(&self, progress: Progress) {
        self.handle.node.published.show_progress(self.id, progress);
    }
}
