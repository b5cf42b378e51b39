//! A shard, and the handle by which the others reach its ledger, jobs and callbacks, here or at the node that holds it.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use ractor::{Actor, ActorRef, MessagingErr, SpawnErr};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::api::Error;
use super::callback;
use super::jobs;
use super::ledger::{self, Answer, Deliver, View};
use super::look::{AnyLook, Look};
use super::node::Inner;
use super::nodes::{Failure, Question, Tenure, Told, What};
use super::quotes::Outcome;
use super::slots::Slot;
use super::supervisor::{Message, Supervisor};
use super::written_keys::{self, WrittenKeys};
use crate::shard::precedent::Put;
use crate::shard::{Command, Delivery, Precedent, Precedents, codec};
use crate::store::{Epoch, Peer};
use crate::types::{JobId, Route, ShardId};

/// Every call of a ledger ends after this: the answer is then unknown, and a repeat is safe.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Commands under way in one shard. Mailboxes have no bound, so the bound stands before them (safety.md T-45).
const COMMANDS_MAX: usize = 8_192;
/// A command waits for so long while its shard changes hands between nodes.
const HANDS_PATIENCE: Duration = Duration::from_secs(3);
const HANDS_PAUSE: Duration = Duration::from_millis(50);
/// The pause before a shard that this node could not load is taken again.
const TAKE_AGAIN_PAUSE: Duration = Duration::from_secs(1);

/// How the others reach a shard. Its actors may be replaced; the handle stays.
pub(super) struct ShardHandle {
    pub(super) id: ShardId,
    pub(super) node: Arc<Inner>,
    actors: RwLock<Option<Arc<Actors>>>,
    commands: Arc<AtomicUsize>,
    generation: AtomicU64,
    written_keys: RwLock<Arc<WrittenKeys>>,
    precedents: Mutex<Precedents>,
    epoch: AtomicU64,
    /// For how long this node may act for it.
    pub(super) tenure: Tenure,
    supervisor: RwLock<Option<ActorRef<Message>>>,
    /// Its supervisor was told to end everything, and has not done so yet.
    is_being_lost: AtomicBool,
    /// Why it could not be loaded the last time, and when that was.
    trouble: RwLock<Option<(Instant, Box<str>)>>,
}

pub(super) struct Actors {
    pub(super) ledger: ActorRef<ledger::Message>,
    pub(super) jobs: ActorRef<jobs::Message>,
    pub(super) callbacks: ActorRef<callback::Message>,
}

/// One command's place under the bound; given back when it is dropped.
pub(super) struct Admitted(Arc<AtomicUsize>);

impl Drop for Admitted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl ShardHandle {
    pub(super) fn new(id: ShardId, node: Arc<Inner>) -> Self {
        Self {
            id,
            node,
            actors: RwLock::new(None),
            commands: Arc::default(),
            generation: AtomicU64::new(0),
            written_keys: RwLock::default(),
            precedents: Mutex::default(),
            epoch: AtomicU64::new(0),
            tenure: Tenure::none(),
            supervisor: RwLock::new(None),
            is_being_lost: AtomicBool::new(false),
            trouble: RwLock::new(None),
        }
    }

    /// Takes the shard, loads it, and starts its actors.
    pub(super) async fn take(self: &Arc<Self>) -> Result<(), SpawnErr> {
        let (supervisor, _) = Actor::spawn(None, Supervisor, Arc::clone(self)).await?;
        self.set_supervisor(Some(supervisor));
        Ok(())
    }

    /// Why it could not be loaded the last time it was tried.
    pub(super) fn trouble(&self) -> Option<Box<str>> {
        self.trouble.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(|(_, why)| why.clone())
    }

    /// Whether it failed to load a moment ago: what is missing won't be there yet, and each try takes a new epoch.
    pub(super) fn failed_just_now(&self) -> bool {
        let trouble = self.trouble.read().unwrap_or_else(PoisonError::into_inner);
        trouble.as_ref().is_some_and(|(at, _)| at.elapsed() < TAKE_AGAIN_PAUSE)
    }

    pub(super) fn set_trouble(&self, trouble: Option<String>) {
        *self.trouble.write().unwrap_or_else(PoisonError::into_inner) = trouble.map(|why| (Instant::now(), why.into_boxed_str()));
    }

    /// Whether a supervisor of it is there, be it one that is about to end. There are never two: the one would end the other's actors.
    pub(super) fn is_taken(&self) -> bool {
        self.supervisor().is_some()
    }

    /// Whether this node holds it, or tries to, and means to go on.
    pub(super) fn is_kept(&self) -> bool {
        self.is_taken() && !self.is_being_lost.load(Ordering::Acquire)
    }

    /// It is another's, or nobody's: nothing happens here for it any more, and nothing of it is shown once its supervisor has heard.
    /// Whether this is news.
    pub(super) fn lose(&self) -> bool {
        self.tenure.end();
        let Some(supervisor) = self.supervisor() else { return false };
        if self.is_being_lost.swap(true, Ordering::AcqRel) {
            return false;
        }
        if supervisor.cast(Message::Lose).is_err() {
            // It is gone already, and has nothing to stop.
            self.lost();
        }
        true
    }

    /// Its supervisor has ended everything.
    pub(super) fn lost(&self) {
        // One that was loading meanwhile may have begun it anew.
        self.tenure.end();
        self.set_supervisor(None);
        self.is_being_lost.store(false, Ordering::Release);
    }

    fn supervisor(&self) -> Option<ActorRef<Message>> {
        self.supervisor.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_supervisor(&self, supervisor: Option<ActorRef<Message>>) {
        *self.supervisor.write().unwrap_or_else(PoisonError::into_inner) = supervisor;
    }

    /// The node that holds it, where that is another one.
    fn elsewhere(&self) -> Option<Peer> {
        if self.is_ready() {
            return None;
        }
        let me = self.node.store.leases()?.me();
        self.node.membership.holder(self.id).map(|holder| holder.node).filter(|node| node.id != *me)
    }

    /// Asks the node that holds it. Waits a little while it changes hands. Nothing where it has come over here meanwhile.
    pub(super) async fn ask(&self, what: What) -> Result<Option<Told>, Error> {
        let Some(peers) = &self.node.peers else { return Err(self.unavailable()) };
        let question = Question { shard: self.id, what };
        let patience = Instant::now() + HANDS_PATIENCE;
        loop {
            if self.is_ready() {
                return Ok(None);
            }
            if let Some(peer) = self.elsewhere() {
                let told = peers.ask(&peer, &question).await;
                let Told::Failed(failure) = told else { return Ok(Some(told)) };
                if !matches!(failure, Failure::Elsewhere) {
                    return Err(failure.into());
                }
            }
            if Instant::now() >= patience || self.node.is_leaving() {
                return Err(self.unavailable());
            }
            tokio::time::sleep(HANDS_PAUSE).await;
        }
    }

    /// Whether others may hold it, and this node doesn't.
    pub(super) fn is_others(&self) -> bool {
        self.node.peers.is_some() && !self.is_ready()
    }

    /// Carries a command out, here or where the shard is. Durable when this returns.
    pub(super) async fn execute(&self, command: Command) -> Answer {
        if !self.is_others() {
            return self.execute_here(command).await;
        }
        match self.ask(What::Execute(Box::new(command.clone()))).await? {
            Some(Told::Executed(reply)) => Ok(reply),
            Some(_) => Err(Error::Unavailable),
            None => self.execute_here(command).await,
        }
    }

    /// Carries a command out on a shard of this node.
    pub(super) async fn execute_here(&self, command: Command) -> Answer {
        let admitted = self.admit()?;
        let Some(actors) = self.actors() else { return Err(self.unavailable()) };
        let (reply, answer) = oneshot::channel();
        let message = ledger::Message::Execute { command: Box::new(command), reply, admitted };
        actors.ledger.cast(message).map_err(|_| self.unavailable())?;
        match tokio::time::timeout(CALL_TIMEOUT, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => Err(self.unavailable()),
        }
    }

    /// Looks at the shard's state.
    pub(super) async fn read<T: Send + 'static>(&self, look: impl FnOnce(&View<'_>) -> T + Send + 'static) -> Result<T, Error> {
        let Some(actors) = self.actors() else { return Err(self.unavailable()) };
        let (reply, answer) = oneshot::channel();
        let read = Box::new(move |view: &View<'_>| {
            let seen = look(view);
            let deliver: Deliver = Box::new(move || {
                // Nobody has to wait for what they asked.
                reply.send(seen).ok();
            });
            deliver
        });
        actors.ledger.cast(ledger::Message::Read(read)).map_err(|_| self.unavailable())?;
        match tokio::time::timeout(CALL_TIMEOUT, answer).await {
            Ok(Ok(seen)) => Ok(seen),
            Ok(Err(_)) | Err(_) => Err(self.unavailable()),
        }
    }

    /// Looks at the shard's state, here or at the node that holds it.
    pub(super) async fn look<L: Look>(&self, look: L) -> Result<L::Seen, Error> {
        if !self.is_others() {
            return self.read(move |view| look.see(view)).await;
        }
        match self.ask(What::Look(look.clone().into())).await? {
            Some(Told::Seen(seen)) => codec::decode(&seen).map_err(|error| Error::Corrupt(error.to_string())),
            Some(_) => Err(Error::Unavailable),
            None => self.read(move |view| look.see(view)).await,
        }
    }

    /// Looks at a shard of this node for another one.
    pub(super) async fn look_here(&self, look: AnyLook) -> Result<Vec<u8>, Error> {
        self.read(move |view| look.see(view)).await
    }

    /// A job has a slot. False where the shard is being loaded again: then it queues the job anew.
    pub(super) fn start(&self, job: JobId) -> bool {
        let Some(actors) = self.actors() else { return false };
        let sent = actors.jobs.cast(jobs::Message::Start(job, Slot::granted(Arc::clone(&self.node))));
        if let Err(MessagingErr::SendErr(jobs::Message::Start(_, slot))) = sent {
            slot.give_back();
            return false;
        }
        true
    }

    /// A running job was cancelled.
    pub(super) fn stop(&self, job: JobId) {
        if let Some(actors) = self.actors() {
            // Where its actor is gone the job is over or will be started anew, and sees the cancel in its state.
            actors.jobs.cast(jobs::Message::Cancel(job)).ok();
        }
    }

    /// A callback is owed.
    pub(super) fn owe(&self, delivery: Delivery) {
        if let Some(actors) = self.actors() {
            // A shard that is loaded again owes everything in its outbox.
            actors.callbacks.cast(callback::Message::Owed(delivery)).ok();
        }
    }

    /// How often the shard let idempotency keys go from memory, here or where it is.
    pub(super) async fn generation(&self) -> Result<u64, Error> {
        if !self.is_others() {
            return Ok(self.generation_here());
        }
        match self.ask(What::Generation).await? {
            Some(Told::Generation(generation)) => Ok(generation),
            Some(_) => Err(Error::Unavailable),
            None => Ok(self.generation_here()),
        }
    }

    /// As [`Self::generation`], for a shard of this node.
    pub(super) fn generation_here(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(super) fn set_generation(&self, generation: u64) {
        self.generation.store(generation, Ordering::Release);
    }

    /// Which idempotency keys may have a row.
    pub(super) fn written_keys(&self) -> Arc<WrittenKeys> {
        Arc::clone(&self.written_keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The shard was loaded: what was known of its rows may be out of date, and is read again in the background.
    pub(super) fn read_keys_ahead(self: &Arc<Self>) {
        let keys = Arc::<WrittenKeys>::default();
        *self.written_keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&keys);
        tokio::spawn(written_keys::fill(Arc::clone(self), keys));
    }

    /// What the last jobs of a route came to, where the shard is this node's. It has to be quick: who ends a job waits for it.
    pub(super) fn precedents(&self, route: Route) -> Vec<Outcome> {
        self.durable_precedents().of(route).map(|precedent| Outcome::of(precedent)).collect()
    }

    /// A durable precedent: it counts from now on, and the one in whose place it is doesn't.
    pub(super) fn remember(&self, precedent: &Arc<Precedent>) {
        let mut precedents = self.durable_precedents();
        let Put::New(old) = precedents.put(precedent) else { return };
        let Some(enricher) = self.node.enricher(precedent.route) else { return };
        enricher.learn(&precedent.lessons);
        if let Some(old) = old {
            enricher.forget(&old.lessons);
        }
    }

    /// The shard was loaded: its precedents are these, and no others.
    pub(super) fn remember_only(&self, loaded: &Precedents) {
        let before = std::mem::take(&mut *self.durable_precedents());
        for old in before.iter() {
            if let Some(enricher) = self.node.enricher(old.route) {
                enricher.forget(&old.lessons);
            }
        }
        loaded.iter().for_each(|precedent| self.remember(precedent));
    }

    fn durable_precedents(&self) -> MutexGuard<'_, Precedents> {
        // Each of its steps is whole: as good behind a poisoned lock.
        self.precedents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    pub(super) fn set_epoch(&self, epoch: Epoch) {
        self.epoch.store(epoch.0, Ordering::Relaxed);
    }

    /// Under which the shard is written to now, here or by the node that holds it.
    pub(super) fn current_epoch(&self) -> Epoch {
        let holder = self.node.membership.holder(self.id).filter(|_| !self.is_ready());
        holder.map_or(Epoch(self.epoch()), |holder| holder.epoch)
    }

    pub(super) fn is_ready(&self) -> bool {
        self.actors().is_some()
    }

    /// Writes what waits and ends. Jobs that run are left as they are stored.
    pub(super) async fn close(&self) {
        let Some(actors) = self.actors() else { return };
        let Actors { ledger, jobs, callbacks } = &*actors;
        jobs.stop(None);
        callbacks.stop(None);
        let (done, closed) = oneshot::channel();
        if ledger.cast(ledger::Message::Close(done)).is_ok() {
            // A ledger that dies meanwhile has nothing more to say.
            closed.await.ok();
        }
    }

    fn admit(&self) -> Result<Admitted, Error> {
        if self.commands.fetch_add(1, Ordering::Relaxed) >= COMMANDS_MAX {
            self.commands.fetch_sub(1, Ordering::Relaxed);
            return Err(Error::Overloaded);
        }
        Ok(Admitted(Arc::clone(&self.commands)))
    }

    /// Its actors, as long as this node may act for it.
    fn actors(&self) -> Option<Arc<Actors>> {
        if !self.tenure.runs() {
            return None;
        }
        self.stored_actors()
    }

    /// Its actors, whether or not this node may still act for it.
    pub(super) fn stored_actors(&self) -> Option<Arc<Actors>> {
        self.actors.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_actors(&self, actors: Option<Actors>) {
        *self.actors.write().unwrap_or_else(PoisonError::into_inner) = actors.map(Arc::new);
    }

    fn unavailable(&self) -> Error {
        if self.node.store.accepts_work() { Error::Unavailable } else { Error::StorageFull }
    }
}
