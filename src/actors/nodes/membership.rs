//! This node among others: says that it is there, renews what it holds, takes what is its share and free, gives up what is another's.

use std::sync::{Arc, PoisonError, RwLock};

use tokio::time::Instant;

use super::plan::plan;
use super::recovery::{Heard, hear};
use crate::actors::meters;
use crate::actors::node::{Inner, Node};
use crate::actors::shard::ShardHandle;
use crate::store::{Epoch, Error, Holder, Leases, NodeId, Peer};
use crate::types::{ShardId, Slot};

/// Looks at nodes and shards so many times a lease.
const LOOKS: u32 = 15;
/// Renews so many times a lease (architecture: at a third of it).
const RENEWALS: u32 = 3;
/// Shards that are handed over at a time, so that one node's coming is no stampede.
const HANDED_OVER_AT_ONCE: usize = 2;

/// Where a shard is answered for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// By this node.
    Here,
    /// By this one.
    At(Peer),
    /// By nobody at the moment: it changes hands.
    Nowhere,
}

/// What this node knows of the others, as of its last look.
#[derive(Debug, Default)]
pub(in crate::actors) struct Membership {
    pub(in crate::actors) heard: Heard,
    seen: RwLock<Arc<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    peers: Vec<Peer>,
    holders: Vec<Option<Holder>>,
}

impl Membership {
    /// Who else holds the shard.
    pub(in crate::actors) fn holder(&self, shard: ShardId) -> Option<Holder> {
        self.seen().holders.get(usize::from(shard.0)).cloned().flatten()
    }

    /// All nodes that are there, and which shards each holds.
    fn held(&self) -> Vec<(Peer, Vec<u16>)> {
        let seen = self.seen();
        let of = |peer: &Peer| {
            let held = (0_u16..).zip(&seen.holders).filter(|(_, holder)| holder.as_ref().is_some_and(|holder| holder.node.id == peer.id));
            held.map(|(shard, _)| shard).collect()
        };
        seen.peers.iter().map(|peer| (peer.clone(), of(peer))).collect()
    }

    /// All other nodes that are there.
    pub(super) fn others(&self, node: &Inner) -> Vec<Peer> {
        let me = node.store.leases().map(Leases::me);
        self.seen().peers.iter().filter(|peer| Some(&peer.id) != me).cloned().collect()
    }

    /// Whether a node holds a shard.
    pub(super) fn holds_any(&self, peer: &Peer) -> bool {
        self.seen().holders.iter().flatten().any(|holder| holder.node.id == peer.id)
    }

    fn seen(&self) -> Arc<Seen> {
        Arc::clone(&self.seen.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn see(&self, seen: Seen) {
        *self.seen.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(seen);
    }
}

impl Node {
    /// Where the shard of a slot is answered for.
    pub fn place(&self, slot: Slot) -> Place {
        let Some(shard) = self.inner.shard_of(slot) else { return Place::Nowhere };
        if shard.is_ready() {
            return Place::Here;
        }
        let me = self.inner.store.leases().map(Leases::me);
        match self.inner.membership.holder(shard.id) {
            Some(holder) if Some(&holder.node.id) != me => Place::At(holder.node),
            _ => Place::Nowhere,
        }
    }

    /// Under which epoch this node answers for a slot's shard; nothing where it doesn't.
    pub fn epoch_here(&self, slot: Slot) -> Option<u64> {
        self.inner.shard_of(slot).filter(|shard| shard.is_ready()).map(|shard| shard.epoch())
    }

    /// The nodes that share the store, as this one last saw them: name, address, and the numbers of the shards that it holds.
    pub fn nodes(&self) -> Vec<(String, String, Vec<u16>)> {
        self.inner.membership.held().into_iter().map(|(peer, shards)| (peer.id.0, peer.url, shards)).collect()
    }
}

/// Takes this node's share, then goes on by itself until the node goes down.
///
/// # Errors
/// Where the store can't be asked.
pub(in crate::actors) async fn start(node: &Arc<Inner>) -> Result<(), Error> {
    let Some(leases) = node.store.leases() else { return Ok(()) };
    look(node, leases).await?;
    let every = leases.duration() / LOOKS;
    let node = Arc::clone(node);
    let ending = node.settlements.ending();
    tokio::spawn(ending.run_until_cancelled_owned(async move {
        let Some(leases) = node.store.leases() else { return };
        let mut renewed = Instant::now();
        let mut is_troubled = false;
        loop {
            tokio::time::sleep(every).await;
            if renewed.elapsed() >= leases.duration() / RENEWALS {
                renewed = Instant::now();
                // Beside the look, which may wait for a shard that is being taken.
                let renewing = Arc::clone(&node);
                tokio::spawn(async move { futures_util::future::join(renew(&renewing), hear(&renewing)).await });
            }
            give_up_what_is_over(&node);
            match look(&node, leases).await {
                Ok(()) => is_troubled = false,
                Err(error) if is_troubled => tracing::debug!(%error, "the nodes can't be seen"),
                Err(error) => {
                    is_troubled = true;
                    tracing::warn!(%error, "the nodes can't be seen, so leases run out unless this passes soon");
                }
            }
        }
    }));
    Ok(())
}

/// Gives everything up in order, so that others can go on at once. What is held was written before.
pub(in crate::actors) async fn leave(node: &Arc<Inner>) {
    let Some(leases) = node.store.leases() else { return };
    if let Err(error) = leases.leave().await {
        tracing::warn!(%error, "the other nodes were not told that this one goes");
    }
}

async fn renew(node: &Arc<Inner>) {
    let Some(leases) = node.store.leases() else { return };
    let held: Vec<_> = node.shards().filter(|shard| shard.tenure.runs()).cloned().collect();
    let renewals = held.into_iter().map(|shard| async move {
        let (asked, epoch) = (Instant::now(), Epoch(shard.epoch()));
        match leases.renew(shard.id, epoch).await {
            Ok(()) => shard.tenure.extend(asked, leases.duration()),
            // Loaded again meanwhile by ourselves, under a newer epoch: that one is renewed next.
            Err(Error::Fenced { current, .. }) if current == shard.epoch() => {}
            Err(Error::Fenced { .. }) => {
                if lose(&shard) {
                    tracing::error!(shard = shard.id.0, "another node took the shard");
                }
            }
            Err(error) => tracing::debug!(shard = shard.id.0, %error, "a lease was not renewed"),
        }
    });
    futures_util::future::join_all(renewals).await;
}

/// Whatever was not renewed in time is another's by now, it may be.
fn give_up_what_is_over(node: &Arc<Inner>) {
    // One that could not be loaded has given its lease up by itself, and is tried again.
    for shard in node.shards().filter(|shard| shard.is_kept() && shard.stored_actors().is_some() && !shard.tenure.runs()) {
        if lose(shard) {
            tracing::error!(shard = shard.id.0, "the lease of a shard ran out, so this node stops acting for it");
        }
    }
}

fn lose(shard: &Arc<ShardHandle>) -> bool {
    let is_news = shard.lose();
    if is_news {
        meters::shard_lost();
    }
    is_news
}

async fn look(node: &Arc<Inner>, leases: &dyn Leases) -> Result<(), Error> {
    let (peers, holders) = futures_util::future::try_join(leases.hello(), leases.holders()).await?;
    let nodes: Vec<NodeId> = peers.iter().map(|peer| peer.id.clone()).collect();
    let planned = plan(&nodes, node.store.layout().shards);
    let me = leases.me();
    let is_mine = |shard: ShardId| planned.get(usize::from(shard.0)).and_then(|at| nodes.get(*at)).is_none_or(|node| node == me);
    let held_by = |shard: ShardId| holders.get(usize::from(shard.0)).and_then(Option::as_ref).map(|holder| &holder.node.id);
    let draining = node.is_leaving();
    let take: Vec<_> = node
        .shards()
        .filter(|shard| !draining && is_mine(shard.id) && !shard.is_taken() && !shard.failed_just_now())
        .filter(|shard| held_by(shard.id).is_none_or(|holder| holder == me))
        .cloned()
        .collect();
    // One that can't be loaded here too: whoever it belongs to may be able to.
    let give: Vec<_> = node.shards().filter(|shard| shard.is_kept() && !is_mine(shard.id)).take(HANDED_OVER_AT_ONCE).cloned().collect();
    node.membership.see(Seen { peers, holders });
    futures_util::future::join(
        futures_util::future::join_all(take.into_iter().map(|shard| async move {
            if let Err(error) = shard.take().await {
                tracing::warn!(shard = shard.id.0, %error, "a shard can't be taken, it is tried again");
            }
        })),
        futures_util::future::join_all(give.into_iter().map(|shard| async move { hand_over(&shard, leases).await })),
    )
    .await;
    Ok(())
}

/// Ends a shard in order, then gives up its lease.
async fn hand_over(shard: &Arc<ShardHandle>, leases: &dyn Leases) {
    let epoch = Epoch(shard.epoch());
    shard.close().await;
    shard.lose();
    match leases.release(shard.id, epoch).await {
        Ok(()) => tracing::info!(shard = shard.id.0, "handed a shard over"),
        // Then it runs out.
        Err(error) => tracing::warn!(shard = shard.id.0, %error, "the lease of a shard was not given up"),
    }
}

/// Ends a shard in order when the node goes down.
pub(in crate::actors) async fn give_up(node: &Arc<Inner>, shard: &Arc<ShardHandle>) {
    match node.store.leases() {
        Some(leases) if shard.is_kept() => hand_over(shard, leases).await,
        Some(_) => {}
        None => shard.close().await,
    }
}
