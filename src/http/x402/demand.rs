//! What a buyer is asked for: the `PAYMENT-REQUIRED` header, and the body that says the same.

use axum::http::{HeaderName, HeaderValue};

use super::wares::Ware;
use crate::billing::x402::extensions::BAZAAR;
use crate::billing::x402::header::{WRITTEN_MAX, encode};
use crate::billing::x402::messages::VERSION;
use crate::billing::x402::{PaymentRequired, Requirements, Scheme};
use crate::http::api::Api;
use crate::http::problem::{Kind, PaymentState, Problem, RetryAction};
use crate::types::Usd;

/// The answer's header.
pub const PAYMENT_REQUIRED: HeaderName = HeaderName::from_static(crate::billing::x402::header::PAYMENT_REQUIRED);
/// How long to wait for a chain that can't be read, in seconds. They are looked at as often.
const CHAIN_WAIT_SECONDS: u64 = 3;

/// A demand on its way out.
#[derive(Debug, Clone)]
pub struct Demand {
    /// What is asked for.
    pub required: PaymentRequired,
    /// The same, as a header.
    pub header: HeaderValue,
    /// What came before it.
    pub after: After,
}

/// What was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// No payment came: the body is the header's object and nothing else.
    Nothing,
    /// One came and was refused: the body also says what to do.
    Payment,
}

impl Demand {
    /// For a ware, in each of these ways. `None` where it can't be written, which is none of our messages.
    pub fn new(ware: &Ware, accepts: Vec<Requirements>, error: &str, after: After) -> Option<Self> {
        let mut required = PaymentRequired {
            x402_version: VERSION,
            error: Some(error.to_owned()),
            resource: ware.resource.clone(),
            accepts,
            extensions: Some(ware.extensions.clone()),
        };
        let mut header = encode(&required).ok()?;
        if header.len() > WRITTEN_MAX {
            // The catalogue's part is the longest, and no buyer needs it: the discovery document has all of it.
            required.extensions.as_mut()?.remove(BAZAAR);
            header = encode(&required).ok()?;
        }
        Some(Self { header: HeaderValue::try_from(header).ok()?, required, after })
    }
}

/// What a request has to be paid with.
#[derive(Debug, Clone, Copy)]
pub struct Due<'a> {
    /// What is bought.
    pub ware: &'a Ware,
    /// How it is paid.
    pub scheme: Scheme,
    /// The most that it costs, or all of it.
    pub amount: Usd,
}

impl Due<'_> {
    /// The answer to a request without a payment that is taken: a 402, or 503 while no network is offered.
    pub fn unpaid(&self, api: &Api, kind: Kind, error: &str) -> Problem {
        let accepts = api.node.requirements(self.scheme, self.amount);
        if accepts.is_empty() {
            return nothing_offered(PaymentState::None);
        }
        demanded(Problem::new(kind, error), Demand::new(self.ware, accepts, error, After::Nothing))
    }

    /// The answer to a payment that was not taken. `word` is the protocol's for why, or ours.
    pub fn refused(&self, api: &Api, problem: Problem, word: &str) -> Problem {
        let accepts = api.node.requirements(self.scheme, self.amount);
        if accepts.is_empty() {
            return nothing_offered(PaymentState::Unused);
        }
        let problem = problem.with_payment(PaymentState::Unused);
        demanded(problem, Demand::new(self.ware, accepts, word, After::Payment))
    }
}

fn demanded(problem: Problem, demand: Option<Demand>) -> Problem {
    if let Some(demand) = demand {
        return problem.with_demand(demand);
    }
    tracing::error!("a 402 could not be written");
    Problem::internal()
}

fn nothing_offered(state: PaymentState) -> Problem {
    let problem = Problem::new(Kind::ChainUnavailable, "No chain can be read now, so no payment can be taken. Nothing was claimed.");
    let action = if state == PaymentState::None { RetryAction::WaitAndRetry } else { RetryAction::RetrySamePayment };
    problem.with_action(action).after_seconds(CHAIN_WAIT_SECONDS).with_payment(state)
}
