//! What shows that somebody else's transaction settled a payment: where to look, and all that it may prove.

use alloy_primitives::{B256, Bytes};
use alloy_sol_types::SolEvent;
use serde::Deserialize;
use serde_json::{Value, json};

use super::reads::{RawLog, at};
use super::{FullReceipt, Node, Rpc};
use crate::billing::lane::{Intent, Nonce, TxHash};
use crate::billing::x402::abi::IToken;
use crate::billing::x402::amount;
use crate::billing::x402::logs::Log;
use crate::billing::x402::proof::Mined;
use crate::chain::Error;
use crate::types::Wallet;

/// A mined transaction, what it was called with, and its receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// Its receipt.
    pub receipt: FullReceipt,
    /// Whom it called; nobody where it made a contract.
    pub to: Option<Wallet>,
    /// What with.
    pub input: Vec<u8>,
}

impl Whole {
    /// As far as it can prove something.
    pub fn mined(&self) -> Mined<'_> {
        Mined { ok: self.receipt.ok, to: self.to, input: &self.input, logs: &self.receipt.logs }
    }
}

#[derive(Deserialize)]
struct RawTx {
    to: Option<alloy_primitives::Address>,
    input: Bytes,
}

impl Rpc {
    /// A mined transaction, from the first node that has one: one that lags must not hide it. `None` where no node has.
    ///
    /// # Errors
    /// [`Error`], where no node has it and one didn't say.
    pub async fn whole(&self, tx: TxHash) -> Result<Option<Whole>, Error> {
        let mut answer = Ok(None);
        for node in self.nodes() {
            match node.whole(tx).await {
                Ok(Some(whole)) => return Ok(Some(whole)),
                Ok(None) => {}
                Err(error) => answer = Err(error),
            }
        }
        answer
    }

    /// The same, agreed on by two nodes where there are two.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn whole_agreed(&self, tx: TxHash) -> Result<Option<Whole>, Error> {
        self.agreeing(|node| async move { node.whole(tx).await }).await
    }

    /// Whether a settlement's authorization is used by the newest block of any node: who lags must not hide it.
    ///
    /// # Errors
    /// [`Error`], where no node says that it is and one didn't say.
    pub async fn is_used(&self, permit2: Wallet, intent: &Intent) -> Result<bool, Error> {
        let mut answer = Ok(false);
        for node in self.nodes() {
            match node.used_at(permit2, intent, json!("latest")).await {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                Err(error) => answer = Err(error),
            }
        }
        answer
    }

    /// Whether a settlement's authorization was used in that very block: by its end it is, by the end of the one before it wasn't.
    ///
    /// # Errors
    /// [`Error`]; nodes that keep no old states don't say it of old blocks.
    pub async fn is_used_in(&self, permit2: Wallet, intent: &Intent, block: u64) -> Result<bool, Error> {
        let before = block.saturating_sub(1);
        let ask = |node: Node| async move {
            Ok(node.used_at(permit2, intent, at(block)).await? && !node.used_at(permit2, intent, at(before)).await?)
        };
        self.any(ask).await
    }

    /// The transactions, from block `first` to `last`, that may have settled a payment: those where the token says that its
    /// authorization was used; for Permit2, which logs none, those that moved the very amount from the payer to the recipient.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn suspects(&self, intent: &Intent, first: u64, last: u64) -> Result<Vec<TxHash>, Error> {
        let payer = intent.payer.address().into_word();
        let topics = match intent.nonce {
            Nonce::Permit2(_) => json!([IToken::Transfer::SIGNATURE_HASH, payer, intent.pay_to.address().into_word()]),
            Nonce::Token(nonce) => json!([IToken::AuthorizationUsed::SIGNATURE_HASH, payer, B256::from(nonce)]),
        };
        let logs = self.paged(first, last, |node, from, to| {
            let filter = json!([{"address": intent.asset, "topics": topics, "fromBlock": at(from), "toBlock": at(to)}]);
            async move { node.logs(filter).await }
        });
        let mut suspects: Vec<TxHash> = logs.await?.into_iter().filter_map(|log| suspect(log, intent)).collect();
        suspects.dedup();
        Ok(suspects)
    }
}

impl Node {
    async fn whole(&self, tx: TxHash) -> Result<Option<Whole>, Error> {
        let Some(receipt) = self.receipt(tx).await? else { return Ok(None) };
        let raw: Option<RawTx> = self.call("eth_getTransactionByHash", json!([tx.to_string()])).await?;
        Ok(raw.map(|raw| Whole { receipt, to: raw.to.map(Wallet::from), input: raw.input.to_vec() }))
    }

    async fn logs(&self, filter: Value) -> Result<Vec<RawLog>, Error> {
        self.call("eth_getLogs", filter).await
    }
}

fn suspect(raw: RawLog, intent: &Intent) -> Option<TxHash> {
    let tx = raw.transaction_hash.filter(|_| !raw.removed).map(|hash| TxHash(hash.0))?;
    let log = Log::from(raw);
    let is_one = match intent.nonce {
        Nonce::Permit2(_) => {
            let event = IToken::Transfer::decode_raw_log_validate(log.topics.iter().copied(), &log.data).ok()?;
            event.value == amount::units(intent.amount)
        }
        Nonce::Token(_) => true,
    };
    is_one.then_some(tx)
}
