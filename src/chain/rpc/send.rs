//! Sending signed bytes, and what nodes say to them.

use alloy_primitives::{B256, Bytes};
use futures_util::future::join_all;
use serde_json::json;

use super::{Node, Rpc};
use crate::billing::lane::Sent;
use crate::chain::Error;

impl Rpc {
    /// Sends signed bytes to every node, and tells the best of what they say. What became of the transaction is told by receipts
    /// alone: even [`Sent::Refused`] doesn't prove that it will never be mined (C8).
    pub async fn send_raw(&self, raw: &[u8]) -> Sent {
        let answers = join_all(self.nodes().map(|node| async move { node.send_raw(raw).await })).await;
        answers.into_iter().min_by_key(rank).unwrap_or(Sent::Unanswered)
    }
}

impl Node {
    async fn send_raw(&self, raw: &[u8]) -> Sent {
        match self.call::<B256>("eth_sendRawTransaction", json!([Bytes::copy_from_slice(raw)])).await {
            Ok(_hash) => Sent::Sent,
            Err(Error::Refused { message, .. }) => refused(&message),
            Err(Error::Unanswered(_) | Error::Lying { .. } | Error::Disagreeing) => Sent::Unanswered,
        }
    }
}

const fn rank(sent: &Sent) -> u8 {
    match sent {
        Sent::Sent => 0,
        Sent::AlreadyKnown => 1,
        Sent::NonceTooLow => 2,
        Sent::InsufficientFunds => 3,
        Sent::Underpriced => 4,
        Sent::Refused(_) => 5,
        Sent::Unanswered => 6,
    }
}

/// There are no codes for these, so it's the words of the nodes there are: geth and op-geth, reth, Erigon, Nethermind, Besu,
/// anvil. Words that nobody knows yet are told as they are, and decide nothing.
fn refused(message: &str) -> Sent {
    let message = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&["already known", "already imported", "alreadyknown", "known transaction", "already in the pool", "already exists"]) {
        Sent::AlreadyKnown
    } else if says(&["nonce too low", "nonce is too low", "oldnonce", "nonce_too_low", "lower than the account's current nonce"]) {
        Sent::NonceTooLow
    } else if says(&["insufficient funds", "insufficientfunds", "upfront cost exceeds", "insufficient balance"]) {
        Sent::InsufficientFunds
    } else if says(&["underpriced", "fee too low", "feetoolow", "less than block base fee", "fee cap less than", "max fee per gas less"]) {
        Sent::Underpriced
    } else {
        Sent::Refused(message.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nodes_say() {
        for (message, wanted) in [
            ("already known", Sent::AlreadyKnown),
            ("AlreadyKnown", Sent::AlreadyKnown),
            ("transaction already imported", Sent::AlreadyKnown),
            ("nonce too low: next nonce 5, tx nonce 4", Sent::NonceTooLow),
            ("OldNonce", Sent::NonceTooLow),
            ("replacement transaction underpriced", Sent::Underpriced),
            ("transaction underpriced: tip needed 1, tip permitted 0", Sent::Underpriced),
            ("max fee per gas less than block base fee: address 0x1, maxFeePerGas: 1, baseFee: 2", Sent::Underpriced),
            ("insufficient funds for gas * price + value: balance 0", Sent::InsufficientFunds),
            ("Insufficient funds for gas * price + value", Sent::InsufficientFunds),
            ("Gateway policy", Sent::Refused("gateway policy".into())),
        ] {
            assert_eq!(refused(message), wanted, "{message}");
        }
    }
}
