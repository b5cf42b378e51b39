//! What a token's holders sent to somebody: for comparing it with books.

use alloy_primitives::B256;
use alloy_sol_types::SolEvent;
use serde_json::json;

use super::reads::{RawLog, at};
use super::{Node, Rpc};
use crate::billing::lane::TxHash;
use crate::billing::x402::abi::IToken;
use crate::billing::x402::amount;
use crate::billing::x402::logs::Log;
use crate::chain::Error;
use crate::types::{Usd, Wallet};

/// One transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransferTo {
    /// In which transaction.
    pub tx: TxHash,
    /// By whom.
    pub from: Wallet,
    /// How much. What is beyond all that we count is all that we count.
    pub amount: Usd,
}

/// Blocks that are asked for at once, at first: many providers allow no more.
const PAGE: u64 = 10_000;

impl Rpc {
    /// Every transfer of `token` to `account` in the blocks from `first` to `last`, in their order.
    ///
    /// # Errors
    /// [`Error`], where a single block can't be read.
    pub async fn transfers_to(&self, token: Wallet, account: Wallet, first: u64, last: u64) -> Result<Vec<TransferTo>, Error> {
        self.paged(first, last, |node, from, to| async move { node.transfers_to(token, account, from, to).await }).await
    }

    /// Asks for logs page by page, in smaller ones where a provider wants them.
    pub(super) async fn paged<T, F: Future<Output = Result<Vec<T>, Error>>>(
        &self,
        first: u64,
        last: u64,
        ask: impl Fn(Node, u64, u64) -> F,
    ) -> Result<Vec<T>, Error> {
        let mut found = Vec::new();
        let (mut from, mut page) = (first, PAGE);
        while from <= last {
            let to = from.saturating_add(page.saturating_sub(1)).min(last);
            match self.any(|node| ask(node, from, to)).await {
                Ok(some) => {
                    found.extend(some);
                    from = to.saturating_add(1);
                }
                // Too many blocks, or too many logs in them, for this provider.
                Err(Error::Refused { .. }) if page > 1 => page = page.div_euclid(4).max(1),
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// The last block that is at most as young as `time`, in seconds; the first one where none is.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn block_before(&self, time: u64) -> Result<u64, Error> {
        let (mut low, mut high) = (0, self.head().await?.block.number);
        while low < high {
            let middle = low.saturating_add(high.saturating_sub(low).div_ceil(2));
            let block = self.any(|node| async move { node.block_at(middle).await }).await?;
            if block.time <= time { low = middle } else { high = middle.saturating_sub(1) }
        }
        Ok(low)
    }
}

impl Node {
    async fn transfers_to(&self, token: Wallet, account: Wallet, from: u64, to: u64) -> Result<Vec<TransferTo>, Error> {
        let topics = json!([IToken::Transfer::SIGNATURE_HASH, null, account.address().into_word()]);
        let filter = json!([{"address": token, "topics": topics, "fromBlock": at(from), "toBlock": at(to)}]);
        let logs: Vec<RawLog> = self.call("eth_getLogs", filter).await?;
        logs.into_iter().filter(|log| !log.removed).map(|log| read(log).ok_or(Error::Unanswered("garbage"))).collect()
    }
}

fn read(raw: RawLog) -> Option<TransferTo> {
    let tx = raw.transaction_hash.map(|hash: B256| TxHash(hash.0))?;
    let log = Log::from(raw);
    let event = IToken::Transfer::decode_raw_log_validate(log.topics.iter().copied(), &log.data).ok()?;
    Some(TransferTo { tx, from: event.from.into(), amount: amount::usd_at_most(event.value) })
}
