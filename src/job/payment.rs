//! A payment as it was taken: what was signed, on which terms, and by what it is recognised when it comes again.

use serde::{Deserialize, Serialize};

use crate::billing::x402::claim::{Repeat, Replay};
use crate::billing::x402::{ClientKey, RequestHash, Scheme, Terms, Verified};
use crate::types::Usd;

/// A claimed x402 payment. Never changes: what the payer's signature binds was fixed on the day of the order.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// What was signed.
    pub verified: Verified,
    /// On which terms of ours: whom it names as facilitator settles it, whatever the configuration says by then.
    pub terms: Terms,
    /// The request that it was claimed for (safety.md C11).
    pub request: RequestHash,
    /// What only its buyer knows, where a key came with it.
    pub client_key: Option<ClientKey>,
    /// What it takes to have it settled by somebody else's facilitator, where one was offered.
    pub hosted: Option<Box<Hosted>>,
    /// The payer is a contract that an operator has let in.
    pub payer_has_code: bool,
    /// A charge below this is waived; 0 for `exact`, which is charged whole.
    pub waive_below: Usd,
}

/// What is kept of a payment that somebody else's facilitator settles. Without the original, which holds a signature, in print.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hosted {
    /// The payment as it came: the facilitator wants to see it again.
    pub original: Box<str>,
    /// The facilitator's host, as configured when the payment was taken: no other is shown the payment.
    pub host: Box<str>,
    /// The block at which its authorization was seen unused: what used it came later.
    pub unused_at: u64,
}

impl std::fmt::Debug for Hosted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hosted").field("host", &self.host).field("unused_at", &self.unused_at).finish_non_exhaustive()
    }
}

impl Payment {
    /// It names one amount, to be charged whole or not at all.
    pub fn is_exact(&self) -> bool {
        self.verified.scheme() == Scheme::Exact
    }

    /// Whether a charge is too small to be worth a settlement (safety.md T-15).
    pub fn waives(&self, charge: Usd) -> bool {
        !charge.is_zero() && charge < self.waive_below && !self.is_exact()
    }

    /// What the same payment is told when it comes again (safety.md D-12). `may_be_public` once bytes that settle it may have
    /// been sent.
    pub fn replay(&self, request: RequestHash, client_key: Option<ClientKey>, may_be_public: bool) -> Replay {
        let same_client_key = client_key.is_some() && client_key == self.client_key;
        Repeat { same_request: request == self.request, broadcast: may_be_public, same_client_key }.answer()
    }
}

/// Without the original, which holds a signature.
impl std::fmt::Debug for Payment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Payment").field("id", &self.verified.id()).field("max", &self.verified.max).finish_non_exhaustive()
    }
}
