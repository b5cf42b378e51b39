//! Settling through somebody else's facilitator: asked until the chain itself shows what became of the charge.
//!
//! Its word is never enough (safety.md T-19). Settled is a log that this very authorization caused, and proves nothing else; dead is
//! a deadline that is past for good with the authorization unused. That it refuses ends nothing: it has the signature, and may use it
//! until then. There is no second way either: the payer's signature names the facilitator. Where that isn't configured any more the
//! chain is watched all the same.

use std::sync::Arc;
use std::time::Duration;

use super::chains::Chain;
use super::settlement::{Proving, persist, prove, tell};
use super::stuck::Why;
use crate::actors::node::Inner;
use crate::billing::lane::{DeadReason, Intent, Outcome, TxHash};
use crate::billing::x402::Offer;
use crate::billing::x402::messages::FacilitatorRequest;
use crate::billing::x402::proof::{Proof, proof};
use crate::chain::Error;
use crate::chain::facilitator::{Facilitator, Settlement};
use crate::chain::rpc::Whole;
use crate::shard::{Command, Due};

/// Between two looks at a transaction, and between two asks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const ASK_FIRST: Duration = Duration::from_millis(500);
const ASK_LAST: Duration = Duration::from_secs(15);
const MILLIS_MIN: i64 = 1_000;
/// How much further back is looked than the block at which the authorization was unused: a reorg may have moved heights.
const BLOCKS_BACK: u64 = 64;

/// A settlement and what was told of it.
struct Case<'a> {
    node: &'a Arc<Inner>,
    chain: &'a Chain,
    due: &'a Due,
    intent: Intent,
    named: Vec<TxHash>,
    told: Outcome,
}

/// What the chain says of it.
enum Sight {
    /// One of these logs proves that it is paid.
    Paid(Box<Whole>, Vec<usize>),
    /// It is used, and nothing that is known did it.
    Unexplained,
    /// It was not used in time, for good.
    Expired,
    /// It can be settled still.
    Open,
}

/// Sees a due through. Ends when the outcome is in the books; begun again at every start.
pub(super) async fn settle(node: &Arc<Inner>, chain: &Chain, due: &Due) {
    let Ok(intent) = due.intent() else {
        tracing::error!("a settlement that is owed can't be asked for");
        return;
    };
    let offer = Offer::new(&due.payment.terms, due.payment.verified.scheme(), due.amount);
    let requirements = offer.requirements();
    let hosted = due.payment.hosted.as_deref();
    let request = hosted.and_then(|hosted| FacilitatorRequest::new(&hosted.original, &requirements).ok());
    let asked = chain.facilitator().filter(|_| chain.can_ask(due)).zip(request);
    if asked.is_none() {
        node.settlements.stick(due, Why::Facilitator);
    }
    let mut case = Case { node, chain, due, intent, named: due.named.clone(), told: due.outcome };
    case.see_through(asked).await;
    node.settlements.unstick(&due.key);
}

impl Case<'_> {
    async fn see_through(&mut self, asked: Option<(&Facilitator, FacilitatorRequest<'_>)>) {
        // Who is to be given up after so long is asked more than once until then.
        let half_ms = self.chain.parts.policy.give_up_ms.div_euclid(2).max(MILLIS_MIN);
        let longest = ASK_LAST.min(Duration::from_millis(half_ms.unsigned_abs()));
        let mut pause = ASK_FIRST;
        let mut refused_since = None;
        loop {
            let seen = self.look().await;
            if let Ok(Sight::Paid(whole, logs)) = &seen {
                if self.paid(whole, logs).await {
                    return;
                }
                tokio::time::sleep(LOOK_EVERY).await;
                continue;
            }
            if seen.is_ok() && !self.undone().await {
                tokio::time::sleep(LOOK_EVERY).await;
                continue;
            }
            match seen {
                Ok(Sight::Expired) if self.tell(Outcome::Dead(DeadReason::Expired)).await => return,
                // Whoever used it, it may have been for us: a payer who may have paid is no debtor (C9).
                Ok(Sight::Unexplained) => self.node.settlements.stick(self.due, Why::Unexplained),
                Ok(Sight::Expired | Sight::Open | Sight::Paid(..)) | Err(_) => {}
            }
            if let Some((facilitator, request)) = &asked {
                let now = self.node.clock.now();
                match facilitator.settle(request, self.due.network()).await {
                    Settlement::Claimed(tx) | Settlement::Pending(tx) => {
                        refused_since = None;
                        if self.name(tx).await {
                            pause = ASK_FIRST;
                        }
                    }
                    Settlement::Refused(reason) => {
                        let since = *refused_since.get_or_insert(now);
                        tracing::warn!(reason, "the facilitator refuses to settle");
                        if now.millis_since(since) >= self.chain.parts.policy.give_up_ms {
                            self.node.settlements.stick_if_free(self.due, Why::Refused);
                        }
                    }
                    Settlement::Unknown { retry_after } => pause = pause.max(retry_after.unwrap_or_default()),
                }
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(longest);
        }
    }

    /// Keeps a name, durably, before anything is done about it. True for a new one.
    async fn name(&mut self, tx: TxHash) -> bool {
        if self.named.contains(&tx) {
            return false;
        }
        tracing::info!(%tx, "the facilitator says that it settles with this transaction");
        let key = self.due.key;
        persist(self.node, self.intent.payer, || Command::Named { key, tx }).await;
        if self.named.len() >= Due::NAMED_MAX {
            self.named.remove(0);
        }
        self.named.push(tx);
        true
    }

    /// Looks where the facilitator said, then wherever it can be.
    async fn look(&self) -> Result<Sight, Error> {
        for tx in self.named.iter().rev() {
            // What can't be read of one name is no reason to look no further.
            if let Ok(Some(paid)) = self.judged(*tx).await {
                return Ok(paid);
            }
        }
        let (rpc, permit2) = (&self.chain.parts.rpc, self.due.payment.terms.permit2);
        let of = self.chain.asking(self.due.payment.terms.facilitator);
        if rpc.is_used(permit2, &self.intent).await? {
            let (first, last) = self.blocks().await?;
            for tx in rpc.suspects(&self.intent, first, last).await? {
                if let Some(paid) = self.judged(tx).await? {
                    return Ok(paid);
                }
            }
            // A node that lags has its logs later.
            let is_sure = rpc.deep(&of, &self.intent).await?.nonce_used;
            return Ok(if is_sure { Sight::Unexplained } else { Sight::Open });
        }
        let deep = rpc.deep(&of, &self.intent).await?;
        // The block whose time is the deadline still takes it (C7).
        Ok(if !deep.nonce_used && deep.block_time > self.intent.deadline { Sight::Expired } else { Sight::Open })
    }

    /// Where the authorization can have been used: after it was seen unused, and not after its deadline.
    async fn blocks(&self) -> Result<(u64, u64), Error> {
        let rpc = &self.chain.parts.rpc;
        let head = rpc.head().await?;
        let last = if head.time > self.intent.deadline { rpc.block_before(self.intent.deadline).await? } else { head.block.number };
        let unused_at = self.due.payment.hosted.as_ref().map_or(last, |hosted| hosted.unused_at);
        Ok((unused_at.saturating_sub(BLOCKS_BACK), last))
    }

    async fn judged(&self, tx: TxHash) -> Result<Option<Sight>, Error> {
        let rpc = &self.chain.parts.rpc;
        let Some(whole) = rpc.whole(tx).await? else { return Ok(None) };
        let (payment, moved) = (&self.due.payment, self.intent.moved());
        let logs = match proof(&payment.verified, &payment.terms, &moved, &whole.mined()) {
            Proof::Log(log) => vec![log],
            Proof::IfUsedInBlock(logs) if rpc.is_used_in(payment.terms.permit2, &self.intent, whole.receipt.block.number).await? => logs,
            Proof::IfUsedInBlock(_) | Proof::None => return Ok(None),
        };
        Ok(Some(Sight::Paid(Box::new(whole), logs)))
    }

    /// Books a proof: as mined at once, and for good when it is deep enough and a second node says the same. True then.
    async fn paid(&mut self, whole: &Whole, logs: &[usize]) -> bool {
        let tx = whole.receipt.tx;
        if self.told != Outcome::Mined(tx) {
            for log in logs {
                match prove(self.node, &self.intent, self.due.network(), (tx, *log)).await {
                    Proving::Booked => {
                        self.told = Outcome::Mined(tx);
                        self.node.settlements.unstick(&self.due.key);
                        break;
                    }
                    Proving::Taken => {}
                    Proving::Unknown => return false,
                }
            }
            if self.told != Outcome::Mined(tx) {
                self.node.settlements.stick(self.due, Why::Unexplained);
                return false;
            }
        }
        let rpc = &self.chain.parts.rpc;
        let Ok(head) = rpc.head().await else { return false };
        let depth = head.block.number.saturating_add(1).saturating_sub(whole.receipt.block.number);
        depth >= self.chain.parts.policy.confirmations
            && rpc.whole_agreed(tx).await.is_ok_and(|agreed| agreed.as_ref() == Some(whole))
            && self.tell(Outcome::Settled(tx)).await
    }

    /// What was mined and isn't any more is pending again (F-X3). False where that couldn't be booked.
    async fn undone(&mut self) -> bool {
        matches!(self.told, Outcome::Pending) || self.tell(Outcome::Pending).await
    }

    async fn tell(&mut self, outcome: Outcome) -> bool {
        let is_booked = tell(self.node, &self.intent, self.due.network(), outcome).await;
        if is_booked {
            self.told = outcome;
        }
        is_booked
    }
}
