//! A shard of this node: its supervisor, and the handle by which the others reach its ledger, jobs and callbacks.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use ractor::{Actor, ActorProcessingErr, ActorRef, MessagingErr, SpawnErr, SupervisionEvent};
use tokio::sync::oneshot;

use super::api::Error;
use super::callback::{self, Callbacks};
use super::jobs::{self, Jobs};
use super::ledger::{self, Answer, Deliver, Ledger, Loaded, View};
use super::look::{AnyLook, Look};
use super::meters;
use super::node::Inner;
use super::nodes::{self, Failure, Question, Tenure, Told, What};
use super::slots::Slot;
use super::written_keys::{self, WrittenKeys};
use crate::shard::{Command, Delivery, Loader, codec};
use crate::store::{self, Epoch, Peer};
use crate::types::{JobId, ShardId};

/// Every call of a ledger ends after this: the answer is then unknown, and a repeat is safe.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Commands under way in one shard. Mailboxes have no bound, so the bound stands before them (safety.md T-45).
const COMMANDS_MAX: usize = 8_192;
/// A command waits for so long while its shard changes hands between nodes.
const HANDS_PATIENCE: Duration = Duration::from_secs(3);
const HANDS_PAUSE: Duration = Duration::from_millis(50);
/// The pause before a shard that failed is loaded again, times the failures in a row.
const RELOAD_PAUSE: Duration = Duration::from_millis(200);
const RELOAD_PAUSES_MAX: u32 = 25;

/// How the others reach a shard. Its actors may be replaced; the handle stays.
pub(super) struct ShardHandle {
    pub(super) id: ShardId,
    pub(super) node: Arc<Inner>,
    actors: RwLock<Option<Arc<Actors>>>,
    commands: Arc<AtomicUsize>,
    generation: AtomicU64,
    written_keys: RwLock<Arc<WrittenKeys>>,
    epoch: AtomicU64,
    /// For how long this node may act for it.
    pub(super) tenure: Tenure,
    supervisor: RwLock<Option<ActorRef<Message>>>,
    /// Why it could not be loaded the last time.
    trouble: RwLock<Option<Box<str>>>,
}

struct Actors {
    ledger: ActorRef<ledger::Message>,
    jobs: ActorRef<jobs::Message>,
    callbacks: ActorRef<callback::Message>,
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
            epoch: AtomicU64::new(0),
            tenure: Tenure::none(),
            supervisor: RwLock::new(None),
            trouble: RwLock::new(None),
        }
    }

    /// Takes the shard, loads it, and starts its actors.
    pub(super) async fn take(self: &Arc<Self>) -> Result<(), SpawnErr> {
        let (supervisor, _) = Actor::spawn(None, Shard, Arc::clone(self)).await?;
        self.set_supervisor(Some(supervisor));
        Ok(())
    }

    /// Why it could not be loaded the last time it was tried.
    pub(super) fn trouble(&self) -> Option<Box<str>> {
        self.trouble.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_trouble(&self, trouble: Option<String>) {
        *self.trouble.write().unwrap_or_else(PoisonError::into_inner) = trouble.map(String::into_boxed_str);
    }

    /// Whether this node holds it, or tries to.
    pub(super) fn is_taken(&self) -> bool {
        self.supervisor.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// It is another's, or nobody's: nothing happens here for it any more, and nothing of it is shown.
    pub(super) fn lose(&self) {
        self.tenure.end();
        if let Some(supervisor) = self.set_supervisor(None) {
            // One that is gone already has nothing to stop.
            supervisor.cast(Message::Lose).ok();
        }
    }

    fn set_supervisor(&self, supervisor: Option<ActorRef<Message>>) -> Option<ActorRef<Message>> {
        std::mem::replace(&mut *self.supervisor.write().unwrap_or_else(PoisonError::into_inner), supervisor)
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
                match peers.ask(&peer, &question).await {
                    Told::Failed(Failure::Elsewhere) => {}
                    Told::Failed(failure) => return Err(failure.into()),
                    told => return Ok(Some(told)),
                }
            }
            if Instant::now() >= patience || self.node.is_leaving() {
                return Err(self.unavailable());
            }
            tokio::time::sleep(HANDS_PAUSE).await;
        }
    }

    /// Whether others may hold it, and this node doesn't.
    fn is_others(&self) -> bool {
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
    fn read_keys_ahead(self: &Arc<Self>) {
        let keys = Arc::<WrittenKeys>::default();
        *self.written_keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&keys);
        tokio::spawn(written_keys::fill(Arc::clone(self), keys));
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
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

    fn stored_actors(&self) -> Option<Arc<Actors>> {
        self.actors.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_actors(&self, actors: Option<Actors>) {
        *self.actors.write().unwrap_or_else(PoisonError::into_inner) = actors.map(Arc::new);
    }

    fn unavailable(&self) -> Error {
        if self.node.store.accepts_work() { Error::Unavailable } else { Error::StorageFull }
    }
}

/// Supervises a shard's ledger, jobs and callbacks: when one of them fails, all are loaded anew from the store.
pub(super) struct Shard;

pub(super) enum Message {
    /// Load the shard and start its actors.
    Load,
    /// The shard is another's: end everything at once.
    Lose,
}

pub(super) struct State {
    handle: Arc<ShardHandle>,
    failures: u32,
    closed: bool,
}

impl Actor for Shard {
    type Msg = Message;
    type State = State;
    type Arguments = Arc<ShardHandle>;

    /// Loads the shard, so that a node that can't read its store does not start.
    async fn pre_start(&self, me: ActorRef<Message>, handle: Arc<ShardHandle>) -> Result<State, ActorProcessingErr> {
        start(&me, &handle).await?;
        Ok(State { handle, failures: 0, closed: false })
    }

    async fn handle(&self, me: ActorRef<Message>, message: Message, state: &mut State) -> Result<(), ActorProcessingErr> {
        match message {
            Message::Load => {
                if state.closed || state.handle.is_ready() {
                    return Ok(());
                }
                match start(&me, &state.handle).await {
                    Ok(()) => state.failures = 0,
                    Err(error) if is_elsewhere(&error) => {
                        tracing::error!(shard = state.handle.id.0, %error, "another node took the shard");
                        state.handle.lose();
                    }
                    Err(error) => {
                        tracing::error!(shard = state.handle.id.0, %error, "the shard can't be loaded, it is tried again");
                        state.load_later(&me);
                    }
                }
            }
            Message::Lose => {
                state.closed = true;
                end(&state.handle);
                me.stop(None);
            }
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        me: ActorRef<Message>,
        event: SupervisionEvent,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorFailed(who, error) => {
                tracing::error!(shard = state.handle.id.0, actor = ?who.get_id(), %error, "an actor of the shard failed, the shard is loaded again");
                // One that failed takes the others along: all of them start from the stored state.
                end_actors(&state.handle);
                if state.closed {
                    return Ok(());
                }
                meters::reload();
                state.load_later(&me);
            }
            SupervisionEvent::ActorTerminated(who, ..) => {
                let is_ledger = state.handle.stored_actors().is_some_and(|actors| actors.ledger.get_id() == who.get_id());
                if is_ledger {
                    // It ends by itself only when the shard is closed.
                    state.closed = true;
                    state.handle.set_actors(None);
                }
            }
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => {}
        }
        Ok(())
    }
}

impl State {
    fn load_later(&mut self, me: &ActorRef<Message>) {
        self.failures = self.failures.saturating_add(1).min(RELOAD_PAUSES_MAX);
        me.send_after(RELOAD_PAUSE.saturating_mul(self.failures), || Message::Load);
    }
}

/// Ends the shard's actors without another word: what they had in hand is not answered, and is refused by the store.
fn end_actors(handle: &ShardHandle) {
    if let Some(actors) = handle.stored_actors() {
        let Actors { ledger, jobs, callbacks } = &*actors;
        handle.set_actors(None);
        ledger.kill();
        jobs.kill();
        callbacks.kill();
    }
}

/// As [`end_actors`]; and what was shown of it is no longer true (architecture: memory answers only under a live lease).
fn end(handle: &ShardHandle) {
    end_actors(handle);
    let shards = handle.node.store.layout().shards;
    handle.node.published.forget_all(|slot| slot.shard(shards) == handle.id);
}

fn is_elsewhere(error: &ActorProcessingErr) -> bool {
    matches!(error.downcast_ref(), Some(store::Error::HeldElsewhere { .. }))
}

/// Takes the shard, loads it, shows it, and starts its actors; then every job that has not ended goes on by itself.
async fn start(me: &ActorRef<Message>, handle: &Arc<ShardHandle>) -> Result<(), ActorProcessingErr> {
    let again = handle.epoch() > 0;
    let loaded = load(handle).await;
    handle.set_trouble(loaded.as_ref().err().map(ToString::to_string));
    let loaded = loaded?;
    let node = &handle.node;
    let just_ended: Vec<_> = loaded.unwritten.ended_jobs().cloned().collect();
    node.published.show_all(&loaded.shard, &just_ended);
    // Not at a start, where nothing of the shard was shown and looking through all others' jobs would take its time.
    if again {
        let shards = node.store.layout().shards;
        node.published.forget_others(&loaded.shard, &just_ended, |slot| slot.shard(shards) == handle.id);
    }
    let mut waiting: Vec<_> = Vec::with_capacity(loaded.shard.jobs().size_hint().0);
    for job in loaded.shard.jobs() {
        // The longest under way first, then by age.
        waiting.push((job.state.started_at.is_none(), job.spec.id.uuid(), Arc::clone(&job.spec)));
    }
    waiting.sort_unstable_by_key(|(queued, age, _)| (*queued, *age));
    handle.read_keys_ahead();
    let owed: Vec<_> = loaded.shard.deliveries().cloned().collect();
    let dues: Vec<_> = loaded.shard.dues().cloned().collect();
    if !again {
        node.newcomers.begin(&loaded.shard);
    }
    let introductions: Vec<_> = loaded.shard.introductions().copied().collect();
    let supervisor = me.get_cell();
    let (jobs, _) = Actor::spawn_linked(None, Jobs, Arc::clone(handle), supervisor.clone()).await?;
    let (callbacks, _) = Actor::spawn_linked(None, Callbacks, (Arc::clone(handle), owed), supervisor.clone()).await?;
    let (ledger, _) = Actor::spawn_linked(None, Ledger, (Arc::clone(handle), loaded), supervisor).await?;
    handle.set_actors(Some(Actors { ledger, jobs, callbacks }));
    for (_, _, spec) in waiting {
        super::paid::time_out(node, &spec);
        node.enqueue(&spec);
    }
    for due in dues {
        super::paid::settle(node, due);
    }
    for introduction in introductions {
        super::introductions::introduce(node, introduction);
    }
    Ok(())
}

async fn load(handle: &ShardHandle) -> Result<Loaded, store::Error> {
    let store = &handle.node.store;
    let asked = Instant::now();
    let epoch = store.acquire(handle.id).await?;
    handle.epoch.store(epoch.0, Ordering::Relaxed);
    match store.leases() {
        Some(leases) => handle.tenure.extend(asked, leases.duration()),
        None => handle.tenure.for_ever(),
    }
    nodes::recover(handle, epoch).await?;
    let mut loader = Loader::new();
    let mut take = |loaded: store::Loaded<'_>| {
        match loaded {
            store::Loaded::Row(table, key, value) => loader.row(table, key, value),
            store::Loaded::Record(seq, bytes) => loader.record(seq.0, bytes).map(|_| ()),
        }
        .map_err(|error| error.to_string())
    };
    let seq = store.load(handle.id, &mut take).await?;
    let (shard, unwritten) = loader.finish();
    Ok(Loaded { shard, unwritten, epoch, seq })
}
