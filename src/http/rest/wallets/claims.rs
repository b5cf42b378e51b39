//! An `exact` payment for somebody's benefit, as debts and deposits take it.

use std::time::Duration;

use crate::actors::{Claim, ClaimState};
use crate::billing::lane::Claimant;
use crate::billing::x402::Scheme;
use crate::billing::x402::amount::usd_at_most;
use crate::http::api::Api;
use crate::http::problem::{Kind, PaymentState, Problem};
use crate::http::x402::demand::Due;
use crate::http::x402::incoming::{Incoming, OLD_VERSION, Signed};
use crate::http::x402::outcome::{self, By};
use crate::http::x402::settled;
use crate::http::x402::wares::Ware;
use crate::types::Usd;

/// How long a settlement is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// When to send the same payment again, in seconds, where its settlement takes longer.
pub const RETRY_SECONDS: u64 = 5;

/// Claims the payment that came, or asks for one. A payment that is claimed already has its answer whatever is owed by now.
///
/// # Errors
/// The 402, and everything that [`outcome`] has.
pub async fn claim(api: &Api, ware: &Ware, amount: Usd, claimant: Claimant, incoming: Incoming) -> Result<Claim, Problem> {
    let due = Due { ware, scheme: Scheme::Exact, amount };
    let signed = match incoming {
        Incoming::Signed(signed) => signed,
        Incoming::NotTaken => return Err(not_here()),
        Incoming::Old => return Err(due.unpaid(api, Kind::PaymentRequired, OLD_VERSION)),
        Incoming::Nothing => return Err(due.unpaid(api, Kind::PaymentRequired, "payment required")),
    };
    let claimed = api.node.claim(&signed.payment, amount, claimant, PATIENCE).await;
    let claim = claimed.map_err(|error| outcome::of(api, &due, By::Key, signed.expires_at(), error))?;
    match claim.state {
        ClaimState::Dead => {
            let detail = "It can't be settled any more and nothing was booked; sign another.";
            let problem = Problem::new(Kind::SettlementFailed, detail).with_payment(PaymentState::Unused);
            Err(problem.with_payment_response(settled::header(settled::of_claim(&claim))))
        }
        ClaimState::Pending | ClaimState::Settled { .. } => Ok(claim),
    }
}

/// The amount that a payment names.
pub fn said(signed: &Signed) -> Option<Usd> {
    signed.payment.payload.payload.authorization.map(|transfer| usd_at_most(transfer.value.0))
}

/// Where the claim stands, as a body says it.
pub const fn state_of(claim: &Claim) -> PaymentState {
    match claim.state {
        ClaimState::Settled { .. } => PaymentState::Settled,
        ClaimState::Pending | ClaimState::Dead => PaymentState::InFlight,
    }
}

/// The transaction that settled it, once it is settled.
pub fn transaction_of(claim: &Claim) -> Option<String> {
    match claim.state {
        ClaimState::Settled { tx, .. } => Some(tx.to_string()),
        ClaimState::Pending | ClaimState::Dead => None,
    }
}

/// The answer where no wallet can pay at all.
pub fn not_here() -> Problem {
    Problem::new(Kind::NotFound, "This server has no x402 network, so no wallet can pay here.")
}
