//! Money: what a job costs its buyer, how a wallet pays for it, and the double-entry accounts that every amount moves between.
//!
//! Pure. Deliberately absent: who may do what, and when (that is the job machine's and the shard's), and any float.
#![cfg_attr(not(test), deny(clippy::float_arithmetic, clippy::arithmetic_side_effects, clippy::as_conversions))]

pub mod lane;
pub mod ledger;
pub mod price;
pub mod quote;
pub mod reconcile;
pub mod x402;

pub use ledger::{Account, CreditKey, JobTransfer, PaymentTransfer, Source, Transfer, TransferId};
pub use price::{Price, PriceList, charge};

pub use crate::types::Network;
