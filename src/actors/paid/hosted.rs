//! Settling through somebody else's facilitator: asked until the chain itself shows what became of the charge.
//!
//! Its word is never enough (safety.md T-19): settled is a receipt with the token's log, and a refusal ends a settlement only where
//! the chain agrees that nothing happened. There is no second way: the payer's signature names the facilitator.

use std::sync::Arc;
use std::time::Duration;

use super::Way;
use super::chains::Chain;
use super::settlement::tell;
use super::solvency::query_of;
use crate::actors::node::Inner;
use crate::billing::lane::{DeadReason, Intent, Outcome, TxHash};
use crate::billing::x402::logs::transfer_in;
use crate::billing::x402::messages::FacilitatorRequest;
use crate::billing::x402::{Offer, RevertReason, amount};
use crate::chain::facilitator::Settlement;
use crate::shard::Due;

/// Between two looks at a transaction, and between two asks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const ASK_FIRST: Duration = Duration::from_millis(500);
const ASK_LAST: Duration = Duration::from_secs(15);

/// Sees a due through. Ends when the outcome is in the books; begun again at every start.
pub(super) async fn settle(node: &Arc<Inner>, chain: &Arc<Chain>, due: &Due) {
    let Way::Hosted { facilitator } = &chain.parts.way else { return };
    let (Ok(intent), Some(original)) = (due.intent(), due.payment.original.as_deref()) else {
        tracing::error!("a settlement that is owed can't be asked for");
        return;
    };
    let offer = Offer::new(&due.payment.terms, due.payment.verified.scheme(), due.amount);
    let requirements = offer.requirements();
    let Ok(request) = FacilitatorRequest::new(original, &requirements) else {
        tracing::error!("a stored payment is no JSON any more");
        return;
    };
    let mut hashes: Vec<TxHash> = match due.outcome {
        Outcome::Mined(tx) | Outcome::Settled(tx) => vec![tx],
        Outcome::Pending | Outcome::Dead(_) => Vec::new(),
    };
    let mut refused_since = None;
    let mut pause = ASK_FIRST;
    loop {
        if let Some(outcome) = look(chain, &intent, &hashes).await {
            if tell(node, &intent, due.network(), outcome).await && matches!(outcome, Outcome::Settled(_)) {
                return;
            }
            tokio::time::sleep(LOOK_EVERY).await;
            continue;
        }
        let now = node.clock.now();
        match facilitator.settle(&request, due.network()).await {
            Settlement::Claimed(tx) | Settlement::Pending(tx) => {
                refused_since = None;
                if !hashes.contains(&tx) {
                    tracing::info!(%tx, "the facilitator says that it settles with this transaction");
                    hashes.push(tx);
                }
                tokio::time::sleep(LOOK_EVERY).await;
                continue;
            }
            Settlement::Refused(reason) => {
                tracing::warn!(reason, "the facilitator refuses to settle");
                let since = *refused_since.get_or_insert(now);
                if let Some(dead) = ended(chain, due, now.millis_since(since)).await
                    && tell(node, &intent, due.network(), Outcome::Dead(dead)).await
                {
                    return;
                }
            }
            Settlement::Unknown { retry_after } => {
                if let Some(dead) = ended(chain, due, 0).await
                    && tell(node, &intent, due.network(), Outcome::Dead(dead)).await
                {
                    return;
                }
                pause = pause.max(retry_after.unwrap_or_default());
            }
        }
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(2).min(ASK_LAST);
    }
}

/// What the chain says of the transactions that were named.
async fn look(chain: &Chain, intent: &Intent, hashes: &[TxHash]) -> Option<Outcome> {
    for tx in hashes {
        let Ok(Some(receipt)) = chain.parts.rpc.receipt(*tx).await else { continue };
        if !receipt.ok || !transfer_in(&receipt.logs, &intent.moved()) {
            continue;
        }
        let head = chain.parts.rpc.head().await.ok()?;
        let depth = head.block.number.saturating_add(1).saturating_sub(receipt.block.number);
        return Some(if depth >= chain.parts.policy.confirmations { Outcome::Settled(*tx) } else { Outcome::Mined(*tx) });
    }
    None
}

/// Whether it is over: its time past with the authorization unused, or refused for long with a payer who can't pay the charge any
/// more (I-12). Never where it is used.
async fn ended(chain: &Chain, due: &Due, refused_for_ms: i64) -> Option<DeadReason> {
    let verified = &due.payment.verified;
    let states = chain.parts.rpc.payer_states(&due.payment.terms, &[query_of(verified)]).await.ok()?;
    let state = states.into_iter().next().flatten()?;
    let deadline = u64::try_from(verified.deadline.seconds()).unwrap_or(0);
    // Whoever used it: the facilitator may have, in a transaction that it never named or that was named before a restart. A payer who
    // may have paid is no debtor (C9), so this stays unknown until a person has looked.
    if state.nonce_used {
        tracing::error!(payer = %verified.payer, "an authorization is used, and no transaction that was named did it: look for the token's log");
        return None;
    }
    if state.block_time > deadline {
        return Some(DeadReason::Expired);
    }
    if refused_for_ms < chain.parts.policy.give_up_ms {
        return None;
    }
    let owed = amount::units(due.amount);
    (state.balance < owed || state.allowance < owed || (state.code_size > 0 && !due.payment.payer_has_code))
        .then_some(DeadReason::Refused(RevertReason::Empty))
}
