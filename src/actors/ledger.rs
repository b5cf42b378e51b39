//! A shard's single writer: applies commands to the live state, gathers what changed into groups, and answers once a
//! group is durable.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::api::Error;
use super::introductions::introduce;
use super::shard::{Admitted, ShardHandle};
use super::{meters, paid, retention};
use crate::billing::lane::Outcome;
use crate::shard::group::Images;
use crate::shard::{Command, Event, Group, Refusal, Reply, Shard, Unwritten};
use crate::store::{self, Append, Epoch, Seq};
use crate::types::JobId;

/// A checkpoint is due when so many rows wait, or when some have waited for [`CHECKPOINT_EVERY`].
const CHECKPOINT_ROWS: usize = 20_000;
const CHECKPOINT_EVERY: Duration = Duration::from_secs(5);
/// Rows in one write: small, because appends of all shards wait behind it.
const SLICE_ROWS: usize = 96;
/// Slices that are encoded before they can be written.
const SLICES_AHEAD: usize = 2;
/// Ended jobs that polls still find in memory: so many a shard, for so long.
const ENDED_KEPT: usize = 1_000;
const ENDED_KEPT_FOR: Duration = Duration::from_secs(30);

/// More than an owner of a shard ever counts: one a checkpoint, so for some centuries.
const GENERATIONS_AN_EPOCH: u64 = 1 << 32;

pub(super) type Answer = Result<Reply, Error>;

/// Orders to the ledger.
pub(super) enum Message {
    /// Carry out a command and answer once it is durable.
    Execute { command: Box<Command>, reply: oneshot::Sender<Answer>, admitted: Admitted },
    /// Look at the state; what is seen is handed over once it is durable.
    Read(Box<dyn FnOnce(&View<'_>) -> Deliver + Send>),
    /// The store answered for the group in flight.
    Appended(Result<(), store::Error>),
    /// The store answered for the checkpoint.
    Checkpointed(Result<(), store::Error>),
    /// See whether a checkpoint is due.
    Tick,
    /// Remove what is past its retention.
    Sweep,
    /// Write everything that waits, then say so and end.
    Close(oneshot::Sender<()>),
}

/// Hands a read's answer over.
pub(super) type Deliver = Box<dyn FnOnce() + Send>;

/// What a read sees.
pub(super) struct View<'a> {
    pub(super) shard: &'a Shard,
    pub(super) unwritten: &'a Unwritten,
    pub(super) checkpointing: Option<&'a Unwritten>,
    pub(super) seq: Seq,
}

/// A loaded shard, ready to be written to.
pub(super) struct Loaded {
    pub(super) shard: Shard,
    pub(super) unwritten: Unwritten,
    pub(super) epoch: Epoch,
    pub(super) seq: Seq,
}

pub(super) struct Ledger;

pub(super) struct State {
    handle: Arc<ShardHandle>,
    shard: Shard,
    epoch: Epoch,
    /// The last durable record.
    seq: Seq,
    open: Open,
    in_flight: Option<InFlight>,
    unwritten: Unwritten,
    checkpointing: Option<Arc<Unwritten>>,
    checkpointed_at: Instant,
    ended: VecDeque<(Instant, JobId)>,
    closing: Option<oneshot::Sender<()>>,
}

/// The group that is being gathered, and who waits for it.
#[derive(Default)]
struct Open {
    group: Group,
    waiting: Vec<Deliver>,
}

/// The group that is being appended.
struct InFlight {
    seq: Seq,
    sent: Instant,
    record: Bytes,
    images: Images,
    group: Group,
    waiting: Vec<Deliver>,
}

impl Actor for Ledger {
    type Msg = Message;
    type State = State;
    type Arguments = (Arc<ShardHandle>, Loaded);

    async fn pre_start(&self, me: ActorRef<Message>, (handle, loaded): Self::Arguments) -> Result<State, ActorProcessingErr> {
        let Loaded { mut shard, unwritten, epoch, seq } = loaded;
        me.send_interval(CHECKPOINT_EVERY / 8, || Message::Tick);
        me.send_interval(retention::EVERY, || Message::Sweep);
        me.cast(Message::Sweep)?;
        let open = Open::default();
        // Keys that were let go from memory before the shard was loaded again are not in it: look-ups of then don't hold now.
        // Nor do look-ups hold that were made while another node had the shard: its epoch was a lower one.
        shard.continue_generations(handle.generation_here().max(epoch.0.saturating_mul(GENERATIONS_AN_EPOCH)));
        handle.set_generation(shard.generation());
        let checkpointed_at = Instant::now();
        Ok(State {
            handle,
            shard,
            epoch,
            seq,
            open,
            in_flight: None,
            unwritten,
            checkpointing: None,
            checkpointed_at,
            ended: VecDeque::new(),
            closing: None,
        })
    }

    async fn handle(&self, me: ActorRef<Message>, message: Message, state: &mut State) -> Result<(), ActorProcessingErr> {
        match message {
            Message::Execute { command, reply, admitted } => {
                let answer = state.shard.execute(*command, &mut state.open.group).map_err(Error::Refused);
                state.deliver_when_durable(Box::new(move || {
                    // A caller that has stopped waiting is no failure of ours.
                    reply.send(answer).ok();
                    drop(admitted);
                }));
                state.flush(&me);
            }
            Message::Read(read) => {
                let view = View {
                    shard: &state.shard,
                    unwritten: &state.unwritten,
                    checkpointing: state.checkpointing.as_deref(),
                    seq: state.seq,
                };
                let deliver = read(&view);
                state.deliver_when_durable(deliver);
            }
            Message::Appended(Ok(())) => {
                state.appended();
                state.flush(&me);
                state.close_if_done(&me);
            }
            Message::Appended(Err(error)) => return state.append_failed(&me, error),
            Message::Checkpointed(result) => {
                let written = result.is_ok();
                state.checkpointed(result);
                if written {
                    state.close_if_done(&me);
                } else if state.in_flight.is_none() {
                    // The journal has it all: the next start goes on from there.
                    state.closed(&me);
                }
            }
            Message::Tick => {
                state.forget_ended();
                state.checkpoint_if_due(&me);
            }
            Message::Sweep => {
                state.forget_sessions(&me);
                let owed = retention::owed(&state.handle, &state.shard);
                tokio::spawn(retention::sweep(Arc::clone(&state.handle), state.epoch, owed));
            }
            Message::Close(done) => {
                state.closing = Some(done);
                state.close_if_done(&me);
            }
        }
        Ok(())
    }
}

impl State {
    /// An answer leaves only when everything that it saw is durable: with the newest group, or at once where none is open.
    fn deliver_when_durable(&mut self, deliver: Deliver) {
        if !self.open.group.is_empty() {
            self.open.waiting.push(deliver);
        } else if let Some(in_flight) = &mut self.in_flight {
            in_flight.waiting.push(deliver);
        } else {
            deliver();
        }
    }

    /// Sends the open group off unless one is under way: then the next gathers meanwhile.
    fn flush(&mut self, me: &ActorRef<Message>) {
        if self.in_flight.is_some() || self.open.group.is_empty() {
            return;
        }
        let Open { group, waiting } = std::mem::take(&mut self.open);
        let in_flight = InFlight {
            seq: Seq(self.seq.0.saturating_add(1)),
            sent: Instant::now(),
            record: Bytes::from(group.encode()),
            images: group.images(&self.shard),
            group,
            waiting,
        };
        self.send(me, &in_flight, Duration::ZERO);
        self.in_flight = Some(in_flight);
    }

    fn send(&self, me: &ActorRef<Message>, in_flight: &InFlight, pause: Duration) {
        let append = Append { shard: self.handle.id, epoch: self.epoch, seq: in_flight.seq, record: in_flight.record.clone() };
        let (store, me) = (Arc::clone(&self.handle.node.store), me.clone());
        tokio::spawn(async move {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            let result = store.append(append).await;
            // Gone where the actor has ended meanwhile: its successor loads the truth.
            me.cast(Message::Appended(result)).ok();
        });
    }

    /// The group is durable: show it, set off what follows from it, and only then answer.
    fn appended(&mut self) {
        let Some(InFlight { seq, sent, images, group, waiting, .. }) = self.in_flight.take() else { return };
        self.seq = seq;
        meters::group(sent.elapsed(), group.events.len(), group.jobs.values().map(|job| &**job));
        self.unwritten.absorb(images);
        let node = &self.handle.node;
        let Group { events, jobs } = group;
        for job in jobs.into_values() {
            node.newcomers.see(&self.shard, &job);
            node.published.show(job);
        }
        let mut opened: Vec<Arc<crate::job::Spec>> = Vec::new();
        for event in events {
            match event {
                Event::JobOpened(spec, _) => opened.push(spec),
                Event::TokenPut(hash, grant) => node.published.put_token(hash, grant),
                Event::OutboxPut(delivery) => self.handle.owe(delivery),
                Event::DuePut(due) if due.outcome == Outcome::Pending => paid::settle(node, *due),
                Event::IntroductionPut(introduction) => introduce(node, introduction),
                Event::PrecedentPut(precedent) => self.handle.remember(&precedent),
                Event::DuePut(_)
                | Event::JobListed(..)
                | Event::IntroductionGone(_)
                | Event::JobMoved(..)
                | Event::HopAdded(..)
                | Event::AgentPut(_)
                | Event::Balance { .. }
                | Event::KeyUsed { .. }
                | Event::AccountPut(..)
                | Event::Posted(_)
                | Event::KeyPut(..)
                | Event::OutboxGone(_)
                | Event::DueGone(_)
                | Event::WalletPut(_)
                | Event::LaneMoved(..)
                | Event::SessionPut(_)
                | Event::SessionGone(_)
                | Event::Attempted(..)
                | Event::OperatorActed(_) => {}
            }
        }
        for deliver in waiting {
            deliver();
        }
        for spec in opened {
            paid::time_out(node, &spec);
            node.enqueue(&spec);
        }
    }

    fn append_failed(&mut self, me: &ActorRef<Message>, error: store::Error) -> Result<(), ActorProcessingErr> {
        // Unknown is not failed: the same bytes under the same number are written once, however often they are sent.
        if matches!(error, store::Error::Unavailable(_)) && self.closing.is_none() {
            tracing::warn!(shard = self.handle.id.0, error = %error, "append unanswered, sending it again");
            if let Some(in_flight) = &self.in_flight {
                self.send(me, in_flight, Duration::from_millis(100));
            }
            return Ok(());
        }
        // The state has moved past what the store has: throw it away and load again, never patch it.
        tracing::error!(shard = self.handle.id.0, error = %error, "append refused, the shard is loaded again");
        Err(Box::new(error))
    }

    fn checkpoint_if_due(&mut self, me: &ActorRef<Message>) {
        let due = self.unwritten.len() >= CHECKPOINT_ROWS || self.checkpointed_at.elapsed() >= CHECKPOINT_EVERY;
        if self.checkpointing.is_some() || self.unwritten.is_empty() || !due {
            return;
        }
        self.checkpoint(me);
    }

    /// Writes the rows of everything that is durable so far, then trims the journal up to there.
    fn checkpoint(&mut self, me: &ActorRef<Message>) {
        self.checkpointed_at = Instant::now();
        let rows = Arc::new(std::mem::take(&mut self.unwritten));
        self.checkpointing = Some(Arc::clone(&rows));
        let (store, me) = (Arc::clone(&self.handle.node.store), me.clone());
        let (shard, epoch, upto) = (self.handle.id, self.epoch, self.seq);
        // Sorting and encoding some ten thousand rows would hold up whoever shares a runtime's thread with it.
        let (encoded, mut slices) = tokio::sync::mpsc::channel(SLICES_AHEAD);
        let encoding = tokio::task::spawn_blocking(move || {
            for slice in rows.slices(SLICE_ROWS) {
                if encoded.blocking_send(slice).is_err() {
                    break;
                }
            }
        });
        tokio::spawn(async move {
            let mut result = Ok(());
            while let (true, Some(slice)) = (result.is_ok(), slices.recv().await) {
                result = store.put_rows(shard, epoch, slice).await;
            }
            // The encoder sees that nobody takes more. It has let go of its half of the rows when it is told of here.
            drop(slices);
            result = result.and(encoding.await.map_err(|error| store::Error::Unavailable(error.to_string())));
            if result.is_ok() {
                result = store.trim(shard, epoch, upto).await;
            }
            me.cast(Message::Checkpointed(result)).ok();
        });
    }

    fn checkpointed(&mut self, result: Result<(), store::Error>) {
        let Some(rows) = self.checkpointing.take() else { return };
        match result {
            Ok(()) => {
                self.handle.written_keys().add(rows.keys().copied());
                self.shard.forget_keys(rows.keys());
                self.handle.set_generation(self.shard.generation());
                let now = Instant::now();
                self.ended.extend(rows.ended_jobs().map(|job| (now, job.spec.id)));
                self.forget_ended();
                // As many as were encoded: freeing them takes its time too.
                tokio::task::spawn_blocking(move || drop(rows));
            }
            Err(error) => {
                tracing::warn!(shard = self.handle.id.0, error = %error, "checkpoint not written, it is tried again");
                // The writing task has dropped its half before it told us, so this takes the rows themselves.
                if let Some(rows) = Arc::into_inner(rows) {
                    self.unwritten.give_back(rows);
                }
            }
        }
    }

    /// Ended jobs whose rows are written leave the memory after a while.
    fn forget_ended(&mut self) {
        while let Some((since, id)) = self.ended.front() {
            if self.ended.len() <= ENDED_KEPT && since.elapsed() < ENDED_KEPT_FOR {
                break;
            }
            self.handle.node.published.forget(id);
            self.ended.pop_front();
        }
    }

    /// Sessions that nobody used for long leave the memory, and the store. Nobody waits to be told.
    fn forget_sessions(&mut self, me: &ActorRef<Message>) {
        let at = self.handle.node.clock.now();
        if let Err(error) = self.shard.execute(Command::ForgetSessions { at }, &mut self.open.group) {
            tracing::error!(shard = self.handle.id.0, %error, "old sessions can't be forgotten");
        }
        self.flush(me);
    }

    fn close_if_done(&mut self, me: &ActorRef<Message>) {
        if self.closing.is_none() || self.in_flight.is_some() || self.checkpointing.is_some() {
            return;
        }
        if !self.unwritten.is_empty() {
            self.checkpoint(me);
            return;
        }
        self.closed(me);
    }

    fn closed(&mut self, me: &ActorRef<Message>) {
        if let Some(done) = self.closing.take() {
            done.send(()).ok();
            me.stop(None);
        }
    }
}

/// The refusal that sends the caller back to the rows.
pub(super) fn is_look_again(answer: &Answer) -> bool {
    matches!(answer, Err(Error::Refused(Refusal::LookAgain)))
}
