//! Agents: make, look at, credit, shut out.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::guard::Operator;
use super::reason::ReasonBody;
use super::{Admin, reason};
use crate::actors;
use crate::http::openapi::params::{AgentPath, IdempotencyHeader, PageQuery};
use crate::http::problem::{Kind, Problem};
use crate::http::query::{Items, Listing};
use crate::http::rest::agents::keys::label_of;
use crate::http::{idempotency, reply};
use crate::shard::{Agent, Refusal};
use crate::types::{AgentId, FieldError, Timestamp, Usd, usd};

/// An agent to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAgentBody {
    /// The operator's name for it.
    #[schema(min_length = 1, max_length = 100, pattern = r"\S", example = "acme-crm")]
    label: String,
    /// Its first balance, in US dollars.
    #[serde(default, deserialize_with = "usd::present")]
    #[schema(schema_with = crate::http::openapi::amount)]
    credit_usd: Option<Usd>,
}

/// A credit to be booked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreditBody {
    /// How much, in US dollars; more than 0.
    #[schema(schema_with = crate::http::openapi::amount)]
    amount_usd: Usd,
    /// Why, for the statement and the log.
    #[schema(min_length = 1, max_length = 500, pattern = r"\S", example = "invoice 2026-117")]
    reason: String,
}

/// An agent that was made.
#[derive(Debug, Serialize, ToSchema)]
pub struct MadeAgent {
    /// Its id.
    #[schema(value_type = String)]
    agent_id: AgentId,
    /// Its bearer, shown once: absent where the request is a repeat.
    #[serde(skip_serializing_if = "Option::is_none")]
    bearer: Option<String>,
    /// What it can spend, in US dollars.
    #[schema(value_type = f64)]
    virtual_balance_usd: Usd,
}

/// An agent, as operators see it.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgentLine {
    /// Its id.
    #[schema(value_type = String)]
    agent_id: AgentId,
    /// The operator's name for it.
    label: Box<str>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Shut out.
    disabled: bool,
    /// What it can spend, in US dollars.
    #[schema(value_type = f64)]
    virtual_balance_usd: Usd,
    /// What its jobs have set aside, in US dollars.
    #[schema(value_type = f64)]
    held_usd: Usd,
    /// How many usage keys it has.
    usage_keys: usize,
}

/// A credit that was booked.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreditAnswer {
    /// To whom.
    #[schema(value_type = String)]
    agent_id: AgentId,
    /// How much, in US dollars.
    #[schema(value_type = f64)]
    amount_usd: Usd,
    /// What could be spent right after it.
    #[schema(value_type = f64)]
    virtual_balance_usd: Usd,
}

impl AgentLine {
    fn of(agent: &Agent) -> Self {
        Self {
            agent_id: agent.id,
            label: agent.label.clone(),
            created_at: agent.created_at,
            disabled: agent.disabled,
            virtual_balance_usd: agent.available,
            held_usd: agent.held,
            usage_keys: agent.keys.len(),
        }
    }
}

fn id_of(path: Result<Path<String>, PathRejection>) -> Result<AgentId, Problem> {
    let id = path.ok().and_then(|Path(id)| id.parse().ok());
    id.ok_or_else(|| Problem::new(Kind::AgentNotFound, "There is no agent of that id."))
}

/// A sum that leaves the range of money is the amount's fault, which each by itself was in range.
fn refused(error: actors::Error, pointer: &str) -> Problem {
    if matches!(error, actors::Error::Refused(Refusal::Amount(_))) {
        return Problem::fields(vec![FieldError::invalid(pointer, "would take a balance out of range")]);
    }
    error.into()
}

/// Makes an agent.
#[utoipa::path(
    post,
    path = "/admin/agents",
    operation_id = "createAgent",
    tag = "agents",
    params(IdempotencyHeader),
    request_body = NewAgentBody,
    security(("operator" = [])),
    responses((status = 201, description = "The agent; its bearer is shown once.", body = MadeAgent))
)]
pub async fn create(_: Operator, State(admin): State<Arc<Admin>>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let (NewAgentBody { label, credit_usd }, bytes) = reason::read(&parts, body).await?;
    let label = label_of(&label).map_err(|fault| Problem::fields(vec![fault]))?;
    let key = idempotency::of(&parts.headers, "POST", parts.uri.path(), &bytes)?;
    let made = admin.node.create_agent(label, credit_usd.unwrap_or_default(), key).await.map_err(|error| refused(error, "/credit_usd"))?;
    let replayed = made.token.is_none();
    let answer =
        MadeAgent { agent_id: made.agent.id, bearer: made.token.map(|token| token.reveal()), virtual_balance_usd: made.agent.available };
    let mut response = reply::json(StatusCode::CREATED, &answer)?;
    reply::set(&mut response, header::LOCATION, format!("/admin/agents/{}", made.agent.id));
    idempotency::mark(response.headers_mut(), replayed);
    Ok(response)
}

/// Lists the agents.
#[utoipa::path(
    get,
    path = "/admin/agents",
    operation_id = "listAgents",
    tag = "agents",
    params(PageQuery),
    security(("operator" = [])),
    responses((status = 200, description = "A page.", body = Items<AgentLine>))
)]
pub async fn list(_: Operator, State(admin): State<Arc<Admin>>, request: Request) -> Result<Response, Problem> {
    let listing = Listing::plain(request.uri().query())?;
    let page = admin.node.agents(listing.after, listing.limit).await?;
    reply::json(StatusCode::OK, &Items::of(&page, AgentLine::of))
}

/// Shows an agent.
#[utoipa::path(
    get,
    path = "/admin/agents/{id}",
    operation_id = "showAgent",
    tag = "agents",
    params(AgentPath),
    security(("operator" = [])),
    responses((status = 200, description = "The agent.", body = AgentLine))
)]
pub async fn show(_: Operator, State(admin): State<Arc<Admin>>, path: Result<Path<String>, PathRejection>) -> Result<Response, Problem> {
    let agent = admin.node.agent(id_of(path)?).await?;
    reply::json(StatusCode::OK, &AgentLine::of(&agent))
}

/// Credits an agent. Needs an `Idempotency-Key`: a repeat could not be told from a second credit.
#[utoipa::path(
    post,
    path = "/admin/agents/{id}/credit",
    operation_id = "creditAgent",
    tag = "agents",
    params(AgentPath, IdempotencyHeader),
    request_body = CreditBody,
    security(("operator" = [])),
    responses((status = 200, description = "Booked.", body = CreditAnswer))
)]
pub async fn credit(
    _: Operator,
    State(admin): State<Arc<Admin>>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let (CreditBody { amount_usd, reason }, bytes) = reason::read(&parts, body).await?;
    let mut faults = Vec::new();
    if amount_usd.is_zero() {
        faults.push(FieldError::invalid("/amount_usd", "must be more than 0"));
    }
    let reason = reason::checked(&reason).map_err(|fault| faults.push(fault)).unwrap_or_default();
    if !faults.is_empty() {
        return Err(Problem::fields(faults));
    }
    let key = idempotency::required(&parts.headers, "POST", parts.uri.path(), &bytes)?;
    let id = id_of(path)?;
    let credited = admin.node.credit(id, amount_usd, reason, key).await.map_err(|error| refused(error, "/amount_usd"))?;
    let answer = CreditAnswer { agent_id: id, amount_usd: credited.amount, virtual_balance_usd: credited.available };
    let mut response = reply::json(StatusCode::OK, &answer)?;
    idempotency::mark(response.headers_mut(), credited.replayed);
    Ok(response)
}

/// Shuts an agent out; its balance and its jobs under way stay.
#[utoipa::path(
    post,
    path = "/admin/agents/{id}/disable",
    operation_id = "disableAgent",
    tag = "agents",
    params(AgentPath),
    request_body = ReasonBody,
    security(("operator" = [])),
    responses((status = 200, description = "Shut out.", body = AgentLine))
)]
pub async fn disable(
    _: Operator,
    State(admin): State<Arc<Admin>>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let reason = reason::of(&parts, body).await?;
    let agent = admin.node.disable_agent(id_of(path)?, reason).await?;
    reply::json(StatusCode::OK, &AgentLine::of(&agent))
}
