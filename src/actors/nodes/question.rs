//! What nodes ask of one another about a shard, and how it is answered where the shard is.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::membership::Place;
use crate::actors::api::Error;
use crate::actors::look::{AnyLook, DueOf};
use crate::actors::node::{Inner, Node};
use crate::actors::paid;
use crate::job::Effect;
use crate::shard::{Command, Grant, Refusal, Reply, codec};
use crate::store::{Acknowledged, Last, Seq};
use crate::types::{ShardId, TokenHash, Usd};

/// A question about one shard.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::actors) struct Question {
    pub(in crate::actors) shard: ShardId,
    pub(in crate::actors) what: What,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::actors) enum What {
    /// Carry a command out.
    Execute(Box<Command>),
    /// Look at the state; the answer is encoded as its kind of look says.
    Look(AnyLook),
    /// How often idempotency keys were let go from memory.
    Generation,
    /// What a token opens.
    Grant(TokenHash),
    /// The last record of each shard that the node had acknowledged; the question's shard is nothing.
    Acknowledged,
    /// The records from a number on that the node had acknowledged, whoever holds the shard.
    Records(Seq),
    /// What the node has set aside for unproven payers and not yet in its books; the question's shard is nothing.
    Reserved,
}

/// The answer to [`What`], in the same order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::actors) enum Told {
    Executed(Reply),
    Seen(Vec<u8>),
    Generation(u64),
    Granted(Option<Grant>),
    Acknowledged(Vec<(ShardId, Last)>),
    Records(Vec<Acknowledged>),
    Reserved(Usd),
    Failed(Failure),
}

/// [`Error`] on its way between nodes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::actors) enum Failure {
    /// This node doesn't hold the shard; nothing was done.
    Elsewhere,
    Refused(Refusal),
    Overloaded,
    StorageFull,
    Corrupt(String),
    /// Whether anything was done is unknown.
    Unavailable,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(refusal) => Self::Refused(refusal),
            Error::Overloaded => Self::Overloaded,
            Error::StorageFull => Self::StorageFull,
            Error::Corrupt(what) => Self::Corrupt(what),
            Error::NoJob(_) | Error::NoAgent(_) | Error::Draining | Error::Unavailable => Self::Unavailable,
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => Self::Refused(refusal),
            Failure::Overloaded => Self::Overloaded,
            Failure::StorageFull => Self::StorageFull,
            Failure::Corrupt(what) => Self::Corrupt(what),
            Failure::Elsewhere | Failure::Unavailable => Self::Unavailable,
        }
    }
}

impl Node {
    /// Answers another node. The caller has proved to be one.
    pub async fn answer(&self, question: &[u8]) -> Vec<u8> {
        let told = match codec::decode(question) {
            Ok(question) => answer(&self.inner, question).await,
            // A node of another version, while they are upgraded one by one.
            Err(error) => {
                tracing::warn!(%error, "another node asked something that can't be read");
                Told::Failed(Failure::Unavailable)
            }
        };
        codec::encode(&told)
    }
}

async fn answer(node: &Arc<Inner>, Question { shard, what }: Question) -> Told {
    match (&what, node.store.tails()) {
        (What::Acknowledged, Some(tails)) => return Told::Acknowledged(tails.acknowledged()),
        (What::Records(first), Some(tails)) => {
            return tails.records(shard, *first).await.map_or(Told::Failed(Failure::Unavailable), Told::Records);
        }
        (What::Reserved, _) => return Told::Reserved(node.settlements.reserved()),
        _ => {}
    }
    let Some(handle) = node.shards().find(|handle| handle.id == shard).filter(|handle| handle.is_ready()) else {
        return Told::Failed(Failure::Elsewhere);
    };
    let told = match what {
        What::Execute(command) => {
            let after = After::of(&command);
            handle.execute_here(*command).await.map(|reply| {
                after.happen(node, &reply);
                Told::Executed(reply)
            })
        }
        What::Look(look) => handle.look_here(look).await.map(Told::Seen),
        What::Generation => Ok(Told::Generation(handle.generation_here())),
        What::Acknowledged | What::Records(_) | What::Reserved => Ok(Told::Failed(Failure::Unavailable)),
        What::Grant(token) => match (node.published.token(&token), handle.is_ready()) {
            // Its tokens may have been let go with it just now.
            (None, false) => return Told::Failed(Failure::Elsewhere),
            (grant, _) => Ok(Told::Granted(grant)),
        },
    };
    told.unwrap_or_else(|error| Told::Failed(error.into()))
}

/// What a node does beside the command where the shard is its own: done here when another node sends it.
enum After {
    Nothing,
    Stop(crate::types::JobId),
    StopIfAsked(crate::types::JobId),
    Wake(crate::billing::lane::LaneId),
    Announce(crate::billing::lane::ItemKey, crate::billing::lane::Outcome),
    Settle(crate::types::JobId),
}

impl After {
    fn of(command: &Command) -> Self {
        match command {
            Command::Job { id, .. } => Self::StopIfAsked(*id),
            Command::FailJob { id, .. } => Self::Stop(*id),
            Command::Lane { id, .. } => Self::Wake(*id),
            Command::Heard { key, outcome, .. } => Self::Announce(*key, *outcome),
            Command::Proven { key, tx, .. } => Self::Announce(*key, crate::billing::lane::Outcome::Mined(*tx)),
            Command::RetrySettlement { job, .. } => Self::Settle(*job),
            Command::Submit { .. }
            | Command::SubmitPaid { .. }
            | Command::ClaimExact { .. }
            | Command::Introduce { .. }
            | Command::Introduced { .. }
            | Command::AssignLane { .. }
            | Command::Named { .. }
            | Command::Deposit { .. }
            | Command::Forgive { .. }
            | Command::Log { .. }
            | Command::RunEnded { .. }
            | Command::ForgetSessions { .. }
            | Command::CreateAgent { .. }
            | Command::SignIn { .. }
            | Command::Credit { .. }
            | Command::DisableAgent { .. }
            | Command::RotateToken { .. }
            | Command::CreateUsageKey { .. }
            | Command::RevokeUsageKey { .. }
            | Command::Attempted { .. }
            | Command::Redeliver { .. } => Self::Nothing,
        }
    }

    fn happen(self, node: &Arc<Inner>, reply: &Reply) {
        match self {
            Self::Nothing => {}
            Self::StopIfAsked(job) => {
                if matches!(reply, Reply::Moved(_, effects) if effects.contains(&Effect::StopRun)) {
                    stop(node, job);
                }
            }
            Self::Stop(job) => stop(node, job),
            Self::Wake(lane) => node.settlements.wake(&lane),
            Self::Announce(key, outcome) => node.settlements.announce(key, outcome),
            Self::Settle(job) => {
                let node = Arc::clone(node);
                tokio::spawn(async move {
                    if let Some(shard) = node.shard_of(job.slot())
                        && let Ok(Some(due)) = shard.look(DueOf { job }).await
                    {
                        paid::settle(&node, due);
                    }
                });
            }
        }
    }
}

fn stop(node: &Inner, job: crate::types::JobId) {
    if let Some(shard) = node.shard_of(job.slot()) {
        shard.stop(job);
    }
}

/// What all other nodes have set aside for unproven payers. Asked before the books are looked at, and after one's own share was set
/// aside: of two nodes that decide at the same time, at least one then sees what the other does.
///
/// # Errors
/// [`Error::Unavailable`] where a node that holds shards doesn't say.
pub(in crate::actors) async fn reserved_elsewhere(node: &Inner) -> Result<Usd, Error> {
    let Some(peers) = &node.peers else { return Ok(Usd::ZERO) };
    let asked = node.membership.others(node).into_iter().map(|peer| async move {
        if let Told::Reserved(reserved) = peers.ask(&peer, &Question { shard: ShardId(0), what: What::Reserved }).await {
            return Ok(reserved);
        }
        if node.membership.holds_any(&peer) { Err(Error::Unavailable) } else { Ok(Usd::ZERO) }
    });
    let reserved = futures_util::future::try_join_all(asked).await?;
    Ok(reserved.into_iter().fold(Usd::ZERO, |sum, one| sum.plus(one).unwrap_or(Usd::MAX_WIRE)))
}

impl Node {
    /// What a token opens that is of a shard of another node: to be asked before [`Self::authenticate`], which then knows it for a moment.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where nobody can say.
    pub async fn borrow_token(&self, token: &crate::types::Token) -> Result<(), Error> {
        let Some(shard) = self.inner.shard_of(token.slot()) else { return Ok(()) };
        if self.place(token.slot()) == Place::Here {
            return Ok(());
        }
        let hash = token.hash();
        match shard.ask(What::Grant(hash)).await? {
            Some(Told::Granted(grant)) => {
                self.inner.published.borrow(hash, grant);
                Ok(())
            }
            // It came over: what is shown here holds.
            None => Ok(()),
            Some(_) => Err(Error::Unavailable),
        }
    }
}
