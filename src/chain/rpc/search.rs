//! Who settled something, where none of our own hashes tells: asked of the chain alone.

use alloy_primitives::{Address, Bytes};
use serde::Deserialize;
use serde_json::json;

use super::settle::reduced;
use super::{Node, Rpc};
use crate::billing::lane::{Intent, Receipt, TxHash};
use crate::chain::Error;
use crate::types::Wallet;

#[derive(Deserialize)]
struct RawTransaction {
    #[serde(default)]
    to: Option<Address>,
    input: Bytes,
}

impl Rpc {
    /// The transaction in the blocks from `first` to `last` that settled `intent`, whose payer named `facilitator`. A transfer of
    /// the right amount alone proves nothing, for a payer may owe the same twice: the settler has to have logged its key, or the
    /// transaction has to be that very call.
    ///
    /// # Errors
    /// [`Error`], where nobody could say.
    pub async fn settlement_of(&self, facilitator: Wallet, intent: &Intent, first: u64, last: u64) -> Result<Option<Receipt>, Error> {
        for transfer in self.transfers_to(intent.asset, intent.pay_to, first, last).await? {
            if transfer.from != intent.payer || transfer.amount != intent.amount {
                continue;
            }
            let Some(receipt) = self.receipt(transfer.tx).await? else { continue };
            let receipt = reduced(&receipt, Some(facilitator));
            let is_logged = receipt.items.iter().flatten().any(|(key, failed)| *key == intent.key && failed.is_none());
            let is_it = is_logged || self.any(|node| async move { node.is_call(transfer.tx, intent).await }).await?;
            if is_it && receipt.ok && receipt.moved.contains(&intent.moved()) {
                return Ok(Some(receipt));
            }
        }
        Ok(None)
    }
}

impl Node {
    /// Whether a transaction is an intent's own call.
    async fn is_call(&self, tx: TxHash, intent: &Intent) -> Result<bool, Error> {
        let found: Option<RawTransaction> = self.call("eth_getTransactionByHash", json!([tx.to_string()])).await?;
        Ok(found.is_some_and(|tx| tx.to == Some(intent.target.address()) && *tx.input == *intent.call))
    }
}
