//! `POST /api/v1/agents/deposits`: a wallet fills an agent's balance. Credited once per settled payment, whatever is retried.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::claims::{self, RETRY_SECONDS};
use crate::billing::lane::Claimant;
use crate::http::api::Api;
use crate::http::limit::Caller;
use crate::http::openapi::params::PaymentHeader;
use crate::http::problem::{PaymentState, Problem};
use crate::http::x402::incoming::Incoming;
use crate::http::x402::settled;
use crate::http::{body, caller, limit, reply};
use crate::types::payload::field;
use crate::types::{AgentId, Usd};

/// The most that one deposit can be.
const DEPOSIT_MAX: Usd = Usd::from_micros(10_000_000_000);

/// A deposit to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DepositBody {
    /// How much, in US dollars: whole micro-dollars, at most 10000.
    #[schema(schema_with = amount_schema, example = 25)]
    amount_usd: Usd,
}

/// A deposit.
#[derive(Debug, Serialize, ToSchema)]
pub struct DepositAnswer {
    /// Its id, also in the agent's statement.
    id: String,
    /// How much, in US dollars.
    #[schema(value_type = f64)]
    amount_usd: Usd,
    /// What can be spent now, in US dollars.
    #[schema(value_type = f64)]
    virtual_balance_usd: Usd,
    /// `settled`, or `in_flight`: then send the same payment again in a while.
    payment_state: PaymentState,
    /// By which transaction; null where it is not settled yet.
    transaction: Option<String>,
}

fn amount_schema() -> utoipa::openapi::schema::Schema {
    crate::http::openapi::amount_within(Usd::from_micros(1), DEPOSIT_MAX).build().into()
}

/// Fills the agent's balance by a payment. The same payment again is the same deposit.
#[utoipa::path(
    post,
    path = "/api/v1/agents/deposits",
    operation_id = "deposit",
    tag = "agents",
    params(PaymentHeader),
    request_body = DepositBody,
    security(("agent" = [])),
    responses(
        (
            status = 201,
            description = "It is in the balance.",
            body = DepositAnswer,
            headers(
                ("Location" = String, description = "The statement that it is in."),
                ("PAYMENT-RESPONSE" = String, description = "How the payment was settled (x402), in base64."),
            )
        ),
        (
            status = 202,
            description = "The payment is claimed and not settled yet.",
            body = DepositAnswer,
            headers(("Retry-After" = i64, description = "When to send the same payment again, in seconds."))
        )
    )
)]
pub async fn deposit(State(api): State<Arc<Api>>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let incoming = Incoming::read(&parts.headers, api.node.has_networks())?;
    let bytes = body::read_json(&parts.headers, body).await?;
    let DepositBody { amount_usd } = field::read(body::text(&bytes)?).map_err(|fault| Problem::fields(vec![fault]))?;
    if amount_usd <= Usd::ZERO || amount_usd > DEPOSIT_MAX {
        return Err(Problem::field("/amount_usd", format!("must be above 0 and at most {DEPOSIT_MAX}")));
    }
    let agent = caller::require_agent(&api.node, &parts.headers)?;
    let budget = api.submits.take(Caller::Agent(agent))?;
    limit::told(budget, paid(&api, agent, amount_usd, incoming).await)
}

async fn paid(api: &Api, agent: AgentId, amount: Usd, incoming: Incoming) -> Result<Response, Problem> {
    if !api.node.has_networks() {
        return Err(claims::not_here());
    }
    let claim = claims::claim(api, &api.wares.deposits, amount, Claimant::Agent(agent), incoming).await?;
    let payment_state = claims::state_of(&claim);
    let body = DepositAnswer {
        id: format!("{:?}:deposit", claim.key),
        amount_usd: claim.amount,
        virtual_balance_usd: api.node.agent(agent).await?.available,
        payment_state,
        transaction: claims::transaction_of(&claim),
    };
    let status = if payment_state == PaymentState::Settled { StatusCode::CREATED } else { StatusCode::ACCEPTED };
    let mut response = reply::json(status, &body)?;
    settled::stamp(&mut response, settled::of_claim(&claim));
    if status == StatusCode::CREATED {
        reply::set(&mut response, header::LOCATION, format!("{}/api/v1/agents/ledger", api.settings.public_url));
    } else {
        response.headers_mut().insert(header::RETRY_AFTER, RETRY_SECONDS.into());
    }
    Ok(response)
}
