//! Chains: what they say, how bytes for them are signed, and facilitators who send them for us.
//!
//! [`Rpc`] asks one network's nodes, [`tx`] signs, [`boot`] says whether a network is what the configuration claims, and
//! [`Facilitator`] is a hosted one's client. What follows from an answer is decided in `billing::lane`; who asks, and when, in
//! `actors`. Deliberately absent: account nonces that count themselves and fees that fill themselves in. Both are money, and are
//! stored before they are used (C16, D-3).

pub mod abi;
pub mod boot;
pub mod facilitator;
pub mod key;
pub mod meters;
pub mod rpc;
pub mod tx;

pub use boot::{Doubt, Expected};
pub use facilitator::Facilitator;
pub use key::OperatorKey;
pub use rpc::{Node, Rpc, RpcSettings};

/// Why a node brought no usable answer, by what the caller can do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nobody knows: ask again, and take nothing for granted. What was sent may have arrived.
    #[error("the node gave no answer: {0}")]
    Unanswered(&'static str),
    /// The node said no.
    #[error("the node refused: {message} ({code})")]
    Refused {
        /// JSON-RPC's.
        code: i64,
        /// The node's words.
        message: Box<str>,
        /// What a contract reverted with.
        data: Option<Box<[u8]>>,
    },
    /// It is another chain's node (F-X2). Nothing that it says counts.
    #[error("the node is on chain {got}, not {expected}")]
    Lying {
        /// Ours.
        expected: u64,
        /// Its.
        got: u64,
    },
    /// Two nodes say different things, so neither is believed (F-X2).
    #[error("two nodes disagree")]
    Disagreeing,
}
