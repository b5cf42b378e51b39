//! Whether a payment fits an offer of ours, and whether the chain will honour it.
//!
//! The first part needs nothing but the payment and costs a hash and a recovery at most, so a flood of junk never reaches an
//! RPC (T-43). The second judges what was read for the payer, all of it at one block. All times are the chain's: a wrong clock
//! of ours, or of the buyer, must not decide (safety.md D-8).

use alloy_primitives::U256;
use serde::{Deserialize, Serialize};

use super::amount::{self, Uint};
use super::claim::PaymentId;
use super::messages::{Eip3009Authorization, PaymentPayload, Permit2Authorization};
use super::offer::{Offer, Scheme, Terms};
use super::refusal::{Reason, Refusal};
use super::revert::RevertReason;
use super::signature::{Form, Signature};
use super::sponsoring::Sponsored;
use super::{permit2, token};
use crate::types::{Network, Timestamp, Usd, Wallet};

/// How much of the offered time may have passed on arrival, in seconds: signing, sending, clocks that differ (safety.md D-4).
pub const ARRIVAL_SECONDS: u64 = 60;
/// How much longer than offered an authorization may last, in seconds: a client whose clock is an hour ahead is still served.
pub const AHEAD_SECONDS: u64 = 3600;

/// What a payer signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Authorization {
    /// A maximum, for `upto`.
    Upto(Permit2Authorization),
    /// An amount, for `exact`.
    Exact(Eip3009Authorization),
}

/// A payment that the payer did sign, for an offer of ours, in time. Whether he has the money is another question. All that a
/// settlement needs, so it is what a record keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// The chain.
    pub network: Network,
    /// Who pays.
    pub payer: Wallet,
    /// The most that can be charged.
    pub max: Usd,
    /// The last moment, in block time, at which it can be settled.
    pub deadline: Timestamp,
    /// What was signed.
    pub authorization: Authorization,
    /// The payer's signature.
    pub signature: Signature,
    /// The allowance that comes along with it, where it is taken.
    pub sponsored: Option<Sponsored>,
}

impl Verified {
    /// How it is paid.
    pub const fn scheme(&self) -> Scheme {
        match self.authorization {
            Authorization::Upto(_) => Scheme::Upto,
            Authorization::Exact(_) => Scheme::Exact,
        }
    }

    /// The number that makes it one payment.
    pub fn nonce(&self) -> U256 {
        match &self.authorization {
            Authorization::Upto(permit) => permit.nonce.0,
            Authorization::Exact(transfer) => transfer.nonce.into(),
        }
    }

    /// What it is claimed under.
    pub fn id(&self) -> PaymentId {
        PaymentId { network: self.network, payer: self.payer, nonce: Uint(self.nonce()) }
    }

    const fn refused(&self, reason: Reason) -> Refusal {
        Refusal { scheme: self.scheme(), reason }
    }
}

/// Checks all that can be known without asking a chain, cheapest first: echo, fields, times, signature (x402.md 4.7, 5).
/// `now` is the chain's time in Unix seconds: that of its newest block, or of the block that it would make now.
///
/// # Errors
/// With the first thing that is wrong.
pub fn verify(payment: &PaymentPayload, offer: &Offer<'_>, now: u64) -> Result<Verified, Refusal> {
    let refuse = |reason| Refusal { scheme: offer.scheme, reason };
    Offer::taken(&[*offer], payment)?;
    let body = &payment.payload;
    let (payer, end, authorization) = match (offer.scheme, &body.permit2_authorization, &body.authorization) {
        (Scheme::Upto, Some(permit), None) => {
            let window = check_permit(permit, offer).map_err(refuse)?;
            (permit.from, check_window(window, offer, now).map_err(refuse)?, Authorization::Upto(*permit))
        }
        (Scheme::Exact, None, Some(transfer)) => {
            let window = check_transfer(transfer, offer).map_err(refuse)?;
            (transfer.from, check_window(window, offer, now).map_err(refuse)?, Authorization::Exact(*transfer))
        }
        (Scheme::Upto | Scheme::Exact, _, _) => return Err(refuse(Reason::PayloadType)),
    };
    check_signature(&authorization, &body.signature, offer.terms).map_err(refuse)?;
    Ok(Verified {
        network: offer.terms.network,
        payer,
        max: offer.amount,
        deadline: at(end),
        authorization,
        signature: body.signature.clone(),
        sponsored: None,
    })
}

/// The first and the last second of a block that can hold the settlement.
#[derive(Clone, Copy)]
struct Window {
    first: Option<u64>,
    last: Option<u64>,
}

fn check_permit(permit: &Permit2Authorization, offer: &Offer<'_>) -> Result<Window, Reason> {
    let terms = offer.terms;
    first_failed([
        (permit.spender == terms.proxy, Reason::Spender),
        (permit.permitted.token == terms.asset, Reason::Asset),
        (permit.witness.to == terms.pay_to, Reason::Recipient),
        (permit.witness.facilitator == terms.facilitator, Reason::Facilitator),
        (permit.permitted.amount.0 == amount::units(offer.amount), Reason::Amount),
    ])?;
    // Both bounds count: Permit2 refuses blocks later than the deadline, the proxy those earlier than validAfter (x402.md 4.3).
    Ok(Window { first: permit.witness.valid_after.seconds(), last: permit.deadline.seconds() })
}

fn check_transfer(transfer: &Eip3009Authorization, offer: &Offer<'_>) -> Result<Window, Reason> {
    first_failed([
        (transfer.to == offer.terms.pay_to, Reason::Recipient),
        (transfer.value.0 == amount::units(offer.amount), Reason::Amount),
    ])?;
    // Neither bound counts: a token wants a block after the one and before the other (x402.md 5).
    Ok(Window {
        first: transfer.valid_after.seconds().and_then(|second| second.checked_add(1)),
        last: transfer.valid_before.seconds().and_then(|second| second.checked_sub(1)),
    })
}

fn first_failed<const N: usize>(checks: [(bool, Reason); N]) -> Result<(), Reason> {
    checks.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, reason)| Err(reason))
}

/// The last second, where the window is open and stays so for long enough, but not for ever.
fn check_window(window: Window, offer: &Offer<'_>, now: u64) -> Result<u64, Reason> {
    if window.first.is_none_or(|first| first > now) {
        return Err(Reason::TooEarly);
    }
    let last = window.last.ok_or(Reason::DeadlineFar)?;
    check_runway(last, offer, now)?;
    let most = now.saturating_add(offer.timeout_seconds).saturating_add(AHEAD_SECONDS);
    if last > most { Err(Reason::DeadlineFar) } else { Ok(last) }
}

fn check_runway(last: u64, offer: &Offer<'_>, now: u64) -> Result<(), Reason> {
    let seconds = last.checked_sub(now).ok_or(Reason::Expired)?;
    let needed = offer.timeout_seconds.saturating_sub(ARRIVAL_SECONDS);
    if seconds < needed { Err(Reason::RunwayShort { seconds, needed }) } else { Ok(()) }
}

fn check_signature(authorization: &Authorization, signature: &Signature, terms: &Terms) -> Result<(), Reason> {
    match authorization {
        Authorization::Upto(permit) => signature.check(&permit2::digest(permit, terms), Form::Permit2, permit.from),
        Authorization::Exact(transfer) => signature.check(&token::transfer_digest(transfer, terms), Form::Plain, transfer.from),
    }
    .map_err(Reason::Signature)
}

fn at(second: u64) -> Timestamp {
    Timestamp::from_millis(i64::try_from(second).unwrap_or(i64::MAX).saturating_mul(1000))
}

/// What a chain says of a payer and a payment, all of it at one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayerState {
    /// The block.
    pub block_number: u64,
    /// Its time, in Unix seconds.
    pub block_time: u64,
    /// Of the asset, in atomic units.
    pub balance: U256,
    /// Of the asset, for Permit2. Not looked at for `exact`.
    pub allowance: U256,
    /// The bit in Permit2's bitmap, or the token's `authorizationState`.
    pub nonce_used: bool,
    /// Bytes of code at the payer's address; an EIP-7702 delegation is 23.
    pub code_size: u64,
}

/// How the settlement of the whole maximum ended when it was tried with `eth_call`, from the facilitator's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Simulation {
    /// It went through.
    Passed,
    /// It didn't.
    Reverted(RevertReason),
}

/// Judges what the chain says, before a payment is admitted.
///
/// # Errors
/// With the first thing that is wrong.
pub fn judge(verified: &Verified, offer: &Offer<'_>, state: &PayerState, simulation: Simulation) -> Result<(), Refusal> {
    let last = u64::try_from(verified.deadline.seconds()).unwrap_or(0);
    check_runway(last, offer, state.block_time).map_err(|reason| verified.refused(reason))?;
    check_payer(verified, state)?;
    match simulation {
        Simulation::Passed => Ok(()),
        Simulation::Reverted(reason) => Err(verified.refused(Reason::Simulation(reason))),
    }
}

/// Whether the payer could still pay the whole maximum: before work starts, and before each step that costs (T-01 to T-04).
/// Other authorizations of the same payer are the exposure's business.
///
/// # Errors
/// With the first thing that is wrong.
pub fn check_payer(verified: &Verified, state: &PayerState) -> Result<(), Refusal> {
    let max = amount::units(verified.max);
    let by_permit2 = verified.scheme() == Scheme::Upto;
    first_failed([
        (state.code_size == 0, Reason::UnsupportedPayer),
        (!state.nonce_used, Reason::NonceUsed),
        (!by_permit2 || state.allowance >= max, Reason::Allowance),
        (state.balance >= max, Reason::Balance),
    ])
    .map_err(|reason| verified.refused(reason))
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
