//! Whether a payer could still pay: asked before work starts and before each dear step, because a signed maximum is a cheque
//! (safety.md T-01 to T-04).

use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::U256;

use super::chains::{Chain, Chains};
use crate::billing::lane::Nonce;
use crate::billing::x402::verify::{PayerState, check_payer};
use crate::billing::x402::{Authorization, Refusal, Terms, Verified, amount};
use crate::chain::Error;
use crate::chain::rpc::PayerQuery;
use crate::job::Payment;

/// How often a chain that doesn't answer is asked again, and after what pause.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(400);

/// What is known of a payer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::actors) enum Solvency {
    /// It could pay the whole maximum.
    Good,
    /// It couldn't, for this reason.
    Gone(Refusal),
    /// The chain doesn't say. Never read as either.
    Unknown,
}

impl Chains {
    /// Looks at the payer of a payment that was taken.
    pub(in crate::actors) async fn solvency(&self, payment: &Payment) -> Solvency {
        for attempt in 0..TRIES {
            match self.payer_state(payment).await {
                Ok(Some(mut state)) => {
                    if payment.payer_has_code {
                        // Let in as a contract: its code is no news.
                        state.code_size = 0;
                    }
                    return check_payer(&payment.verified, &state).map_or_else(Solvency::Gone, |()| Solvency::Good);
                }
                Ok(None) | Err(_) => tokio::time::sleep(PAUSE.saturating_mul(attempt.saturating_add(1))).await,
            }
        }
        Solvency::Unknown
    }

    async fn payer_state(&self, payment: &Payment) -> Result<Option<PayerState>, Error> {
        match self.of(payment.verified.network) {
            Some(chain) => chain.payer_state(&payment.terms, &payment.verified).await,
            None => Ok(None),
        }
    }
}

impl Chain {
    /// What the chain says of a payer. An allowance that comes along counts as given for as long as its number is the token's next.
    pub(super) async fn payer_state(&self, terms: &Terms, verified: &Verified) -> Result<Option<PayerState>, Error> {
        let rpc = &self.parts.rpc;
        // First: used in between, it has become the allowance that is read then.
        let is_good = match &verified.sponsored {
            Some(sponsored) => rpc.permit_number(terms.asset, verified.payer).await? == sponsored.nonce.0,
            None => false,
        };
        let state = rpc.payer_states(terms, &[query_of(verified)]).await?.into_iter().next().flatten();
        let given = if is_good { amount::units(verified.max) } else { U256::ZERO };
        Ok(state.map(|state| PayerState { allowance: state.allowance.max(given), ..state }))
    }
}

/// What is asked about a payment's payer.
pub(super) fn query_of(verified: &Verified) -> PayerQuery {
    let nonce = verified.nonce().to_be_bytes();
    let nonce = match verified.authorization {
        Authorization::Upto(_) => Nonce::Permit2(nonce),
        Authorization::Exact(_) => Nonce::Token(nonce),
    };
    PayerQuery { payer: verified.payer, nonce }
}

/// A job's gate: what a run asks before a dear step.
#[derive(Debug)]
pub(in crate::actors) struct Gate {
    pub(in crate::actors) chains: Arc<Chains>,
    pub(in crate::actors) payment: Arc<Payment>,
}

#[async_trait::async_trait]
impl crate::enrich::Gate for Gate {
    async fn is_open(&self) -> bool {
        self.chains.solvency(&self.payment).await == Solvency::Good
    }
}
