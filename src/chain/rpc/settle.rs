//! What a lane asks: how a settlement would go, where the chain stands, what became of its transactions.

use std::collections::BTreeSet;

use alloy_primitives::{B256, Bytes, U256};
use alloy_sol_types::{SolCall, SolEvent};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::reads::at;
use super::{FullReceipt, Node, Rpc};
use crate::billing::lane::{Check, Deep, Intent, ItemKey, Nonce, Observation, Receipt, Sight, TxHash};
use crate::billing::x402::abi::{IPermit2, IToken};
use crate::billing::x402::logs::{Log, Moved};
use crate::billing::x402::permit2::{is_spent, place};
use crate::billing::x402::{RevertReason, Simulation, amount};
use crate::chain::Error;
use crate::chain::abi::ISettler;
use crate::types::{Timestamp, Wallet};

/// Whose settlements, and how deep is for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settlements {
    /// Whose nonces.
    pub operator: Wallet,
    /// Who sends to the proxy: the settler, or the operator itself.
    pub facilitator: Wallet,
    /// The contract whose logs tell of items; `None` where there is none.
    pub settler: Option<Wallet>,
    /// Where Permit2 is.
    pub permit2: Wallet,
    /// Blocks, its own included, after which one won't go again.
    pub confirmations: u64,
}

/// One transaction that is asked for, with its account nonce.
pub type Asked = (u64, TxHash);

impl Rpc {
    /// Whether a settlement would go through now, from the facilitator's address.
    ///
    /// # Errors
    /// [`Error`], where nobody could say.
    pub async fn simulate_settle(&self, facilitator: Wallet, target: Wallet, call: &[u8]) -> Result<Simulation, Error> {
        self.any(|node| async move { node.simulate(facilitator, target, call).await }).await
    }

    /// Looks at the chain, and at transactions of one account. Everything comes from one node, the receipts last, so that what
    /// isn't there was not there after the nonces were read. A receipt that is missing for good is asked of a second node too, and
    /// then who used its account nonce.
    ///
    /// # Errors
    /// [`Error`]; single receipts that nobody could say anything of are left out.
    pub async fn observe(&self, of: &Settlements, txs: &[Asked], now: Timestamp) -> Result<Observation, Error> {
        let mut observation = self.any(|node| async move { node.observe(of, txs, now).await }).await?;
        let deep_nonce = observation.sight.deep_nonce;
        if self.has_two() {
            let mut sure = Vec::with_capacity(observation.receipts.len());
            for (hash, receipt) in observation.receipts {
                let is_gone = receipt.is_none() && txs.iter().any(|(nonce, tx)| *tx == hash && *nonce < deep_nonce);
                if is_gone {
                    // One that disagrees or is silent leaves the question open.
                    if let Ok(None) = self.agreeing(|node| async move { node.receipt(hash).await }).await {
                        sure.push((hash, None));
                    }
                } else {
                    sure.push((hash, receipt));
                }
            }
            observation.receipts = sure;
        }
        let is_absent = |hash: &TxHash| observation.receipts.iter().any(|(of, receipt)| of == hash && receipt.is_none());
        let used: BTreeSet<u64> = txs.iter().map(|(nonce, _)| *nonce).filter(|nonce| *nonce < deep_nonce).collect();
        for nonce in used {
            let family: Vec<TxHash> = txs.iter().filter(|(of, _)| *of == nonce).map(|(_, hash)| *hash).collect();
            let family = family.as_slice();
            // One that is silent, or knows too little of its past, leaves the question open.
            if family.iter().all(is_absent)
                && let Ok(true) = self.agreeing(|node| async move { node.used_by_another(of, nonce, family).await }).await
            {
                observation.foreign.push(nonce);
            }
        }
        Ok(observation)
    }

    /// Looks at one settlement: would it go through now, and what is known of it for good.
    pub async fn check(&self, of: &Settlements, intent: &Intent, now: Timestamp) -> Check {
        let simulated = match self.simulate_settle(of.facilitator, intent.target, &intent.call).await {
            Ok(Simulation::Passed) => Some(Ok(())),
            Ok(Simulation::Reverted(reason)) => Some(Err(reason)),
            Err(_) => None,
        };
        // What would go through is neither used nor late.
        if simulated == Some(Ok(())) {
            return Check { at: now, simulated, deep: None };
        }
        Check { at: now, simulated, deep: self.deep(of, intent).await.ok() }
    }

    /// What is known of a settlement for good, agreed on by two nodes where there are two.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn deep(&self, of: &Settlements, intent: &Intent) -> Result<Deep, Error> {
        let agreed = self.agreeing(|node| async move { node.deep(of, intent).await.map(|deep| Agreed::of(&deep, intent)) });
        agreed.await.map(Deep::from)
    }
}

/// What two nodes have to agree on. Their heads, and so their times, differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Agreed {
    nonce_used: bool,
    /// `None`: not past the deadline.
    past: Option<u64>,
}

impl Agreed {
    fn of(deep: &Deep, intent: &Intent) -> Self {
        let is_past = deep.block_time > intent.deadline;
        Self { nonce_used: deep.nonce_used, past: is_past.then(|| intent.deadline.saturating_add(1)) }
    }
}

impl From<Agreed> for Deep {
    fn from(agreed: Agreed) -> Self {
        Self { nonce_used: agreed.nonce_used, block_time: agreed.past.unwrap_or(0) }
    }
}

impl Node {
    async fn simulate(&self, facilitator: Wallet, target: Wallet, call: &[u8]) -> Result<Simulation, Error> {
        let data = Bytes::copy_from_slice(call);
        match self.eth_call(json!({"from": facilitator, "to": target, "data": data}), json!("latest")).await {
            Ok(_nothing) => Ok(Simulation::Passed),
            Err(Error::Refused { code, message, data }) => match data {
                Some(data) => Ok(Simulation::Reverted(RevertReason::decode(&data))),
                None if code == REVERTED || message.to_lowercase().contains("revert") => Ok(Simulation::Reverted(RevertReason::Empty)),
                None => Err(Error::Refused { code, message, data: None }),
            },
            Err(error) => Err(error),
        }
    }

    async fn observe(&self, of: &Settlements, txs: &[Asked], now: Timestamp) -> Result<Observation, Error> {
        let head = self.head().await?;
        let nonce = self.nonce_at(of.operator, head.block.number).await?;
        let deep_nonce = self.nonce_at(of.operator, deep(head.block.number, of.confirmations)).await?;
        let sight = Sight { head: head.block, head_time: head.time, nonce, deep_nonce, at: now };
        let mut receipts = Vec::with_capacity(txs.len());
        for some in txs.chunks(AT_ONCE) {
            let answers = join_all(some.iter().map(|(_, hash)| async move { (*hash, self.receipt(*hash).await) })).await;
            for (hash, answer) in answers {
                if let Ok(receipt) = answer {
                    receipts.push((hash, receipt.map(|receipt| reduced(&receipt, of.settler))));
                }
            }
        }
        Ok(Observation { sight, receipts, foreign: Vec::new() })
    }

    /// Whether an account nonce was used for good by none of these transactions: the block in which the account got past it holds
    /// none of them. Blocks tell it, for receipts and logs come from indexes, which may lag.
    async fn used_by_another(&self, of: &Settlements, nonce: u64, txs: &[TxHash]) -> Result<bool, Error> {
        let head = self.head().await?.block.number;
        let mut past = deep(head, of.confirmations);
        if self.nonce_at(of.operator, past).await? <= nonce {
            return Ok(false);
        }
        // Back in growing steps: it is most likely recent, and many nodes know the state of recent blocks only.
        let mut step = 1_u64;
        let mut before = past.saturating_sub(step);
        while self.nonce_at(of.operator, before).await? > nonce {
            if before == 0 {
                return Ok(false);
            }
            (past, step) = (before, step.saturating_mul(2));
            before = past.saturating_sub(step);
        }
        while past.saturating_sub(before) > 1 {
            let middle = before.midpoint(past);
            if self.nonce_at(of.operator, middle).await? > nonce { past = middle } else { before = middle }
        }
        let block = self.body_at(past).await?;
        // Once more by their names: heights may have come to mean other blocks meanwhile.
        let got_past_it =
            self.nonce_in(of.operator, block.hash).await? > nonce && self.nonce_in(of.operator, block.parent_hash).await? <= nonce;
        Ok(got_past_it && !block.transactions.iter().any(|tx| txs.contains(&TxHash(tx.0))))
    }

    async fn deep(&self, of: &Settlements, intent: &Intent) -> Result<Deep, Error> {
        let head = self.head().await?;
        let block = self.block_at(deep(head.block.number, of.confirmations)).await?;
        Ok(Deep { nonce_used: self.used_at(of.permit2, intent, at(block.block.number)).await?, block_time: block.time })
    }

    /// Whether a settlement's authorization is used as of a block.
    pub(super) async fn used_at(&self, permit2: Wallet, intent: &Intent, block: Value) -> Result<bool, Error> {
        match intent.nonce {
            Nonce::Permit2(nonce) => {
                let nonce = U256::from_be_bytes(nonce);
                let word = place(nonce).0;
                let call = IPermit2::nonceBitmapCall { owner: intent.payer.address(), word };
                Ok(is_spent(nonce, self.view_at(permit2, &call, block).await?))
            }
            Nonce::Token(nonce) => {
                let call = IToken::authorizationStateCall { authorizer: intent.payer.address(), nonce: B256::from(nonce) };
                self.view_at(intent.asset, &call, block).await
            }
        }
    }

    async fn view_at<C: SolCall>(&self, to: Wallet, call: &C, block: Value) -> Result<C::Return, Error> {
        let answer = self.eth_call(json!({"to": to, "data": Bytes::from(call.abi_encode())}), block).await?;
        C::abi_decode_returns_validate(&answer).map_err(|_| Error::Unanswered("no_such_function"))
    }
}

/// Receipts that one look asks for at once.
const AT_ONCE: usize = 4;
/// geth's code for a call that reverted, and most others'.
const REVERTED: i64 = 3;

const fn deep(head: u64, confirmations: u64) -> u64 {
    head.saturating_sub(confirmations.saturating_sub(1))
}

/// A receipt, as far as it decides.
pub(crate) fn reduced(receipt: &FullReceipt, settler: Option<Wallet>) -> Receipt {
    let items = settler.map(|settler| receipt.logs.iter().filter(|log| log.address == settler).filter_map(said).collect());
    Receipt { tx: receipt.tx, block: receipt.block, ok: receipt.ok, moved: receipt.logs.iter().filter_map(moved).collect(), items }
}

fn decoded<E: SolEvent>(log: &Log) -> Option<E> {
    E::decode_raw_log_validate(log.topics.iter().copied(), &log.data).ok()
}

/// What the settler said of one item.
fn said(log: &Log) -> Option<(ItemKey, Option<[u8; 4]>)> {
    let settled = decoded::<ISettler::ItemSettled>(log).map(|event| (ItemKey(event.key.0), None));
    settled.or_else(|| decoded::<ISettler::ItemFailed>(log).map(|event| (ItemKey(event.key.0), Some(event.reason.0))))
}

fn moved(log: &Log) -> Option<Moved> {
    let event = decoded::<IToken::Transfer>(log)?;
    // More than we can count is no settlement of ours.
    let amount = amount::usd(event.value)?;
    Some(Moved { asset: log.address, from: event.from.into(), to: event.to.into(), amount })
}
