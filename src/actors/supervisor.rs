//! The supervisor of a shard of this node: takes it, loads it, starts its actors, and loads it anew when one of them fails.

use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use tokio::time::Instant;

use super::callback::Callbacks;
use super::jobs::Jobs;
use super::ledger::{Ledger, Loaded};
use super::shard::{Actors, ShardHandle};
use super::{meters, nodes};
use crate::shard::{Loader, Precedents};
use crate::store::{self, Epoch};

/// The pause before a shard that failed is loaded again, times the failures in a row.
const RELOAD_PAUSE: Duration = Duration::from_millis(200);
const RELOAD_PAUSES_MAX: u32 = 25;

/// Supervises a shard's ledger, jobs and callbacks: when one of them fails, all are loaded anew from the store.
pub(super) struct Supervisor;

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

impl Actor for Supervisor {
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
                state.handle.lost();
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
    handle.remember_only(&Precedents::default());
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
    handle.remember_only(loaded.shard.precedents());
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
    handle.set_epoch(epoch);
    match store.leases() {
        Some(leases) => handle.tenure.begin(asked, leases.duration()),
        None => handle.tenure.for_ever(),
    }
    let loaded = load_under(handle, epoch).await;
    if let (Err(_), Some(leases)) = (&loaded, store.leases()) {
        // Renewed without being loaded, it could never be taken by a node that can load it.
        handle.tenure.end();
        if let Err(error) = leases.release(handle.id, epoch).await {
            tracing::debug!(shard = handle.id.0, %error, "the lease of a shard that can't be loaded was not given up, and runs out");
        }
    }
    loaded
}

async fn load_under(handle: &ShardHandle, epoch: Epoch) -> Result<Loaded, store::Error> {
    nodes::recover(handle, epoch).await?;
    let mut loader = Loader::new();
    let mut take = |loaded: store::Loaded<'_>| {
        match loaded {
            store::Loaded::Row(table, key, value) => loader.row(table, key, value),
            store::Loaded::Record(seq, bytes) => loader.record(seq.0, bytes).map(|_| ()),
        }
        .map_err(|error| error.to_string())
    };
    let seq = handle.node.store.load(handle.id, &mut take).await?;
    let (shard, unwritten) = loader.finish();
    Ok(Loaded { shard, unwritten, epoch, seq })
}
