//! Settlements that nobody here can make: whoever the payer named has left the configuration, or a lane takes them no more. They wait,
//! visibly; and what becomes of them is learned from the chain alone, for nothing is known before it says so (safety.md I-12).

use std::sync::Arc;
use std::time::Duration;

use super::chains::Chain;
use super::settlement::tell;
use super::stuck::Why;
use crate::actors::node::Inner;
use crate::billing::lane::{DeadReason, Intent, Outcome};
use crate::chain::Error;
use crate::chain::rpc::Settlements as Asking;
use crate::shard::Due;

/// Between two looks, doubling up to the last.
const LOOK_FIRST: Duration = Duration::from_secs(1);
const LOOK_LAST: Duration = Duration::from_secs(15);
/// Blocks' times may be a little ahead of ours, or behind.
const MARGIN_S: i64 = 3_600;

/// Waits with a due until the chain says what became of it. Ends once that is in the books; begun again at every start.
pub(super) async fn wait(node: &Arc<Inner>, chain: Option<&Chain>, due: &Due, why: Why) {
    let Some(_asking) = node.settlements.ask(due.key) else { return };
    let mut pause = LOOK_FIRST;
    let mut why = why;
    loop {
        node.settlements.stick(due, why);
        if let (Some(chain), Ok(intent)) = (chain, due.intent()) {
            match learn(chain, due, &intent).await {
                Ok(Learned::Outcome(outcome)) => {
                    let told = tell(node, &intent, due.network(), outcome).await;
                    if told && matches!(outcome, Outcome::Settled(_) | Outcome::Dead(_)) {
                        node.settlements.unstick(&due.key);
                        return;
                    }
                }
                Ok(Learned::Used) => why = Why::Unexplained,
                Ok(Learned::Nothing) | Err(_) => {}
            }
        }
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(2).min(LOOK_LAST);
    }
}

/// What the chain says.
enum Learned {
    Outcome(Outcome),
    /// It is used by something that we can't tell for ours. A payer who may have paid is no debtor (C9).
    Used,
    Nothing,
}

async fn learn(chain: &Chain, due: &Due, intent: &Intent) -> Result<Learned, Error> {
    let (rpc, confirmations) = (&chain.parts.rpc, chain.parts.policy.confirmations);
    let facilitator = due.payment.terms.facilitator;
    let permit2 = due.payment.terms.permit2;
    let asking = Asking { operator: facilitator, facilitator, settler: Some(facilitator), permit2, confirmations };
    let known = rpc.deep(&asking, intent).await?;
    if !known.nonce_used {
        // Mined, and not deep enough yet, it is still unused down there: so unused and late is for good.
        let is_over = known.block_time > intent.deadline;
        return Ok(if is_over { Learned::Outcome(Outcome::Dead(DeadReason::Expired)) } else { Learned::Nothing });
    }
    let time = |seconds: i64| u64::try_from(seconds).unwrap_or(0);
    let head = rpc.head().await?.block.number;
    let first = rpc.block_before(time(due.since.seconds().saturating_sub(MARGIN_S))).await?;
    // The block whose time is the deadline still takes it (C7).
    let last = rpc.block_before(intent.deadline).await?.min(head);
    match rpc.settlement_of(facilitator, intent, first, last).await? {
        Some(receipt) => {
            let depth = head.saturating_add(1).saturating_sub(receipt.block.number);
            let is_final = depth >= confirmations;
            Ok(Learned::Outcome(if is_final { Outcome::Settled(receipt.tx) } else { Outcome::Mined(receipt.tx) }))
        }
        None => Ok(Learned::Used),
    }
}
