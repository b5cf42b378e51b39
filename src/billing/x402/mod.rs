//! x402 version 2 on EVM chains: the messages, what we offer, and whether a signed payment fits it.
//!
//! Pure: what a chain says comes in as values, the chain's time too. A payment is only ever checked against an offer of our
//! own, never against the buyer's echo of one. Order, cheapest first: decode the header, look the payment up as a repeat
//! ([`claim`]), [`verify::verify`] it, [`verify::judge`] what the chain says of its payer, then [`exposure::admit`] it.
//! Deliberately absent: RPC, sending transactions, hosted facilitators, wallets with code (ERC-1271, ERC-6492), version 1.

pub mod abi;
pub mod amount;
pub mod calldata;
pub mod claim;
pub mod exposure;
pub mod extensions;
pub mod header;
pub mod logs;
pub mod messages;
pub mod newcomers;
pub mod offer;
pub mod permit2;
pub mod proof;
pub mod refusal;
pub mod revert;
pub mod signature;
pub mod siwe;
pub mod sponsoring;
pub mod token;
pub mod verify;

pub use claim::{ClientKey, PaymentId, PaymentKey, RequestHash};
pub use header::HeaderError;
pub use messages::{PaymentPayload, PaymentRequired, Requirements, Resource, SettleResponse};
pub use offer::{Offer, Scheme, Terms};
pub use refusal::{Reason, Refusal};
pub use revert::RevertReason;
pub use signature::{Signature, SignatureFault};
pub use verify::{Authorization, PayerState, Simulation, Verified};

#[cfg(test)]
mod samples;
