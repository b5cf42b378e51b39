//! `GET /api/v1/agents/me`, `GET /api/v1/agents/balance`, `POST /api/v1/agents/token/rotate`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::api::Api;
use crate::http::limit::Caller;
use crate::http::problem::Problem;
use crate::http::{caller, limit, reply};
use crate::shard::Agent;
use crate::types::{AgentId, Timestamp, Usd};

/// An agent, as it sees itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct Me {
    /// Its id.
    #[schema(value_type = String, pattern = "^ag_[0-9a-z]{29}$")]
    agent_id: AgentId,
    /// The operator's name for it.
    label: Box<str>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// What can be spent now, in US dollars.
    #[schema(value_type = f64)]
    virtual_balance_usd: Usd,
    /// What jobs under way have set aside, in US dollars; it is no longer in the balance.
    #[schema(value_type = f64)]
    held_usd: Usd,
    /// How many usage keys it has.
    usage_keys: usize,
}

/// What an agent has.
#[derive(Debug, Serialize, ToSchema)]
pub struct Balance {
    /// What can be spent now, in US dollars.
    #[schema(value_type = f64)]
    virtual_balance_usd: Usd,
    /// What jobs under way have set aside, in US dollars; it is no longer in the balance.
    #[schema(value_type = f64)]
    held_usd: Usd,
}

/// A new token, shown once.
#[derive(Debug, Serialize, ToSchema)]
pub struct Rotated {
    /// The agent's bearer from now on; the old one is unknown.
    #[schema(pattern = "^411_[0-9a-z]{55}$")]
    bearer: String,
}

/// Shows the agent of the token.
#[utoipa::path(
    get,
    path = "/api/v1/agents/me",
    operation_id = "getAgent",
    tag = "agents",
    security(("agent" = [])),
    responses((status = 200, description = "The agent.", body = Me))
)]
pub async fn me(State(api): State<Arc<Api>>, request: Request) -> Result<Response, Problem> {
    let id = caller::require_agent(&api.node, request.headers())?;
    let budget = api.polls.take(Caller::Agent(id))?;
    let Agent { label, created_at, available, held, keys, .. } = api.node.agent(id).await?;
    let me = Me { agent_id: id, label, created_at, virtual_balance_usd: available, held_usd: held, usage_keys: keys.len() };
    limit::told(budget, reply::json(StatusCode::OK, &me))
}

/// Shows what can be spent; for usage keys too.
#[utoipa::path(
    get,
    path = "/api/v1/agents/balance",
    operation_id = "getBalance",
    tag = "agents",
    security(("agent" = []), ("usage_key" = [])),
    responses((status = 200, description = "The balance.", body = Balance))
)]
pub async fn balance(State(api): State<Arc<Api>>, request: Request) -> Result<Response, Problem> {
    let grant = caller::require_grant(&api.node, request.headers())?;
    let budget = api.polls.take(Caller::Agent(grant.agent))?;
    let agent = api.node.agent(grant.agent).await?;
    let balance = Balance { virtual_balance_usd: agent.available, held_usd: agent.held };
    limit::told(budget, reply::json(StatusCode::OK, &balance))
}

/// Gives the agent a new token.
#[utoipa::path(
    post,
    path = "/api/v1/agents/token/rotate",
    operation_id = "rotateToken",
    tag = "agents",
    security(("agent" = [])),
    responses((status = 200, description = "The new token, shown once.", body = Rotated))
)]
pub async fn rotate(State(api): State<Arc<Api>>, request: Request) -> Result<Response, Problem> {
    let id = caller::require_agent(&api.node, request.headers())?;
    let budget = api.submits.take(Caller::Agent(id))?;
    let token = api.node.rotate_token(id).await?;
    limit::told(budget, reply::json(StatusCode::OK, &Rotated { bearer: token.reveal() }))
}
