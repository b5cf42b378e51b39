//! The objects of x402 version 2 (x402.md 3): strict in what we write, lenient in what we read.
//!
//! Unknown fields are ignored everywhere. Addresses, numbers and signatures are read into their types, so that nothing later
//! compares spellings. Deliberately absent: version 1, and payments other than `upto` by Permit2 and `exact` by EIP-3009.

mod answer;
mod payload;
mod required;

pub use answer::{FacilitatorRequest, SettleResponse, Supported, SupportedKind, VerifyResponse};
pub use payload::{Authorized, Eip3009Authorization, PaymentPayload, Permit2Authorization, TokenPermissions, Witness};
pub use required::{PaymentRequired, Requirements, Resource};

/// The protocol's version that all of this is.
pub const VERSION: u64 = 2;

/// Members whose names are free: `extra`, `extensions`.
pub type Members = serde_json::Map<String, serde_json::Value>;
