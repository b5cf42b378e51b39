//! Supervises a shard's running jobs: one actor each, started when the job has a slot.

use std::sync::Arc;

use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};

use super::job::{self, JobActor};
use super::shard::ShardHandle;
use super::slots::Slot;
use crate::types::{JobId, Map};

pub(super) struct Jobs;

pub(super) enum Message {
    /// The job has a slot: run it.
    Start(JobId, Slot),
    /// The job was cancelled: stop its run.
    Cancel(JobId),
}

pub(super) struct State {
    handle: Arc<ShardHandle>,
    running: Map<JobId, ActorRef<job::Message>>,
    by_actor: Map<ActorId, JobId>,
}

impl Actor for Jobs {
    type Msg = Message;
    type State = State;
    type Arguments = Arc<ShardHandle>;

    async fn pre_start(&self, _me: ActorRef<Message>, handle: Arc<ShardHandle>) -> Result<State, ActorProcessingErr> {
        Ok(State { handle, running: Map::default(), by_actor: Map::default() })
    }

    async fn handle(&self, me: ActorRef<Message>, message: Message, state: &mut State) -> Result<(), ActorProcessingErr> {
        match message {
            Message::Start(id, slot) => {
                // Twice in the queue after a reload: once is enough.
                if state.running.contains_key(&id) {
                    return Ok(());
                }
                let arguments = (Arc::clone(&state.handle), id, slot);
                let (actor, _) = Actor::spawn_linked(None, JobActor, arguments, me.get_cell()).await?;
                state.by_actor.insert(actor.get_id(), id);
                state.running.insert(id, actor);
            }
            Message::Cancel(id) => {
                if let Some(actor) = state.running.get(&id) {
                    // One that ends at this moment needs no stopping.
                    actor.cast(job::Message::Cancel).ok();
                }
            }
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _me: ActorRef<Message>,
        event: SupervisionEvent,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorTerminated(who, ..) => state.over(who.get_id()),
            SupervisionEvent::ActorFailed(who, error) => {
                let id = state.by_actor.get(&who.get_id()).copied();
                state.over(who.get_id());
                if let Some(id) = id {
                    tracing::error!(job.id = %id, %error, "a job's actor failed");
                    // Counted like any crash of a run, and queued again within its budget.
                    let handle = Arc::clone(&state.handle);
                    tokio::spawn(async move { job::crashed(&handle, id).await });
                }
            }
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => {}
        }
        Ok(())
    }
}

impl State {
    fn over(&mut self, actor: ActorId) {
        if let Some(id) = self.by_actor.remove(&actor) {
            self.running.remove(&id);
        }
    }
}

impl Drop for State {
    /// Whatever way the actor ends, the jobs' actors end with it.
    fn drop(&mut self) {
        for actor in self.running.values() {
            actor.kill();
        }
    }
}
