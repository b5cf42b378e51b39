//! When a failover of the store has forgotten what was acknowledged: it is written again by whoever has it (safety.md F-R5).

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::question::{Question, Told, What};
use crate::actors::node::{Inner, Node};
use crate::actors::shard::ShardHandle;
use crate::actors::{api, meters};
use crate::shard::Command;
use crate::store::{Acknowledged, Append, Epoch, Error, Last, Seq, Tails};
use crate::types::ShardId;

/// The last record of each shard that some node had acknowledged, as far as this one has heard.
#[derive(Debug, Default)]
pub(in crate::actors) struct Heard {
    last: Mutex<BTreeMap<ShardId, Last>>,
    accepted: Mutex<BTreeMap<ShardId, (Last, Box<str>)>>,
}

impl Heard {
    fn take(&self, tails: &dyn Tails, heard: impl IntoIterator<Item = (ShardId, Last)>) {
        let mut last = lock(&self.last);
        for (shard, (epoch, seq)) in heard {
            tails.raise_floor(shard, epoch);
            let known = last.entry(shard).or_insert((epoch, seq));
            *known = (*known).max((epoch, seq));
        }
    }

    fn of(&self, shard: ShardId) -> Option<Last> {
        lock(&self.last).get(&shard).copied()
    }

    /// Why an operator accepts that what is gone is gone.
    fn accepted(&self, shard: ShardId, last: Last) -> Option<Box<str>> {
        lock(&self.accepted).get(&shard).filter(|(accepted, _)| *accepted >= last).map(|(_, reason)| reason.clone())
    }
}

impl Node {
    /// Accepts that a shard's last acknowledged records are gone, and returns the number of the last one. It is loaded without them
    /// at its next try, and the operators' log then says so. Nothing where no record of it was ever heard of.
    pub fn accept_loss(&self, shard: u16, reason: Box<str>) -> Option<u64> {
        let (shard, heard) = (ShardId(shard), &self.inner.membership.heard);
        let last = heard.of(shard)?;
        lock(&heard.accepted).insert(shard, (last, reason));
        Some(last.1.0)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hears from all nodes what they had acknowledged.
pub(super) async fn hear(node: &Inner) {
    let Some(tails) = node.store.tails() else { return };
    node.membership.heard.take(tails, tails.acknowledged());
    let Some(peers) = &node.peers else { return };
    let asked = node.membership.others(node).into_iter().map(|peer| async move {
        let question = Question { shard: ShardId(0), what: What::Acknowledged };
        peers.ask(&peer, &question).await
    });
    for told in futures_util::future::join_all(asked).await {
        if let Told::Acknowledged(heard) = told {
            node.membership.heard.take(tails, heard);
        }
    }
}

/// Holds what the store has of a shard against what was acknowledged, and writes again what it forgot. The caller has just taken
/// the shard under `epoch`.
///
/// # Errors
/// [`Error::Forgotten`] where nobody has it: the shard stays away until somebody does, or an operator accepts the loss.
pub(in crate::actors) async fn recover(handle: &ShardHandle, epoch: Epoch) -> Result<(), Error> {
    let (node, shard) = (&handle.node, handle.id);
    let Some(tails) = node.store.tails() else { return Ok(()) };
    hear(node).await;
    let Some((under, wanted)) = node.membership.heard.of(shard) else { return Ok(()) };
    if under >= epoch {
        return Err(Error::Fenced { held: epoch.0, current: under.0 });
    }
    let last = tails.last(shard).await?;
    // Where the next owner began. One that wrote nothing was as far as we are, and is no other history.
    let began = tails.taken_after(shard, under, epoch).await?.filter(|began| *began < last).unwrap_or(last);
    if began >= wanted {
        return Ok(());
    }
    let ours = find(node, tails, shard, Seq(began.0.saturating_add(1))).await;
    if ours.is_empty() && last > began {
        tell_loss(handle, began, wanted, "another node had gone on without them");
        return Ok(());
    }
    // Written again already by an owner that died over it; or, where they are others, somebody has gone on without ours.
    for Acknowledged { seq, record, .. } in ours.iter().take_while(|record| record.seq <= last) {
        if tails.stored(shard, *seq).await?.as_ref() != Some(record) {
            tell_loss(handle, Seq(seq.0.saturating_sub(1)), wanted, "another node had gone on without them");
            return Ok(());
        }
    }
    let found = ours.last().map_or(last, |record| record.seq.max(last));
    let accepted = node.membership.heard.accepted(shard, (under, wanted));
    if found < wanted && accepted.is_none() {
        meters::frozen();
        return Err(Error::Forgotten { first: found.0.saturating_add(1), last: wanted.0 });
    }
    for Acknowledged { seq, record, .. } in ours.into_iter().filter(|record| record.seq > last) {
        tails.append_again(Append { shard, epoch, seq, record }).await?;
    }
    tails.began(shard, epoch, found).await?;
    if found > last {
        tracing::warn!(shard = shard.0, first = last.0.saturating_add(1), last = found.0, "wrote again what the store had forgotten");
        meters::written_again(found.0.saturating_sub(last.0));
    }
    if let Some(reason) = accepted.filter(|_| found < wanted) {
        tell_loss(handle, found, wanted, &format!("no node has them, and an operator accepted it: {reason}"));
    }
    Ok(())
}

/// The longest line of records from a number on that any node has.
async fn find(node: &Inner, tails: &dyn Tails, shard: ShardId, first: Seq) -> Vec<Acknowledged> {
    let mut best = tails.records(shard, first).await.unwrap_or_default();
    let Some(peers) = &node.peers else { return best };
    for peer in node.membership.others(node) {
        if let Told::Records(records) = peers.ask(&peer, &Question { shard, what: What::Records(first) }).await
            && records.len() > best.len()
        {
            best = records;
        }
    }
    best
}

/// What is gone is never gone silently: it stands in the operators' log.
fn tell_loss(handle: &ShardHandle, kept: Seq, wanted: Seq, why: &str) {
    let (shard, first) = (handle.id, kept.0.saturating_add(1));
    tracing::error!(shard = shard.0, first, last = wanted.0, why, "acknowledged records are lost");
    meters::records_lost(wanted.0.saturating_sub(kept.0));
    let (node, last, why) = (std::sync::Arc::clone(&handle.node), wanted.0, Box::<str>::from(why));
    tokio::spawn(async move {
        let command = Command::Log {
            act: "records_lost".into(),
            subject: format!("shard {}, records {first} to {last}", shard.0).into(),
            reason: why.clone(),
            at: node.clock.now(),
        };
        let Some(handle) = node.shards().find(|handle| handle.id == shard) else { return };
        while let Err(api::Error::Unavailable | api::Error::Overloaded) = handle.execute(command.clone()).await {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    });
}
