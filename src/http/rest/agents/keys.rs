//! Usage keys: `GET|POST /api/v1/agents/usage-keys`, `DELETE /api/v1/agents/usage-keys/{id}`.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::actors::NewUsageKey;
use crate::http::api::Api;
use crate::http::limit::Caller;
use crate::http::openapi::params::{IdempotencyHeader, PageQuery, UsageKeyPath};
use crate::http::problem::{Kind, Problem};
use crate::http::query::{Items, Listing};
use crate::http::{body, caller, idempotency, limit, reply};
use crate::shard::UsageKey;
use crate::types::payload::field;
use crate::types::{Cursor, FieldError, Page, Timestamp, UsageKeyId, Usd, usd};

/// The most characters of a label.
pub const LABEL_CHARS_MAX: usize = 100;

/// A usage key to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKeyBody {
    /// The agent's name for it.
    #[schema(min_length = 1, max_length = 100, pattern = r"\S", example = "nightly import")]
    label: String,
    /// The most that its jobs may cost in all, in US dollars.
    #[serde(default, deserialize_with = "usd::present")]
    #[schema(schema_with = crate::http::openapi::amount)]
    spend_cap_usd: Option<Usd>,
    /// Unknown from then on; must lie ahead.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

/// A usage key, without the key itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyLine {
    /// Its public name.
    #[schema(value_type = String, pattern = "^uk_[0-9a-z]{26}$")]
    id: UsageKeyId,
    /// The agent's name for it.
    label: Box<str>,
    /// The most that its jobs may cost in all, in US dollars.
    #[schema(value_type = Option<f64>)]
    spend_cap_usd: Option<Usd>,
    /// What its ended jobs cost.
    #[schema(value_type = f64)]
    spent_usd: Usd,
    /// What its jobs under way have set aside; counts into the cap.
    #[schema(value_type = f64)]
    held_usd: Usd,
    /// Unknown from then on.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// A usage key that was made.
#[derive(Debug, Serialize, ToSchema)]
pub struct MadeKey {
    /// What is kept of it.
    #[serde(flatten)]
    line: KeyLine,
    /// The key itself, shown once: absent where the request is a repeat.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^411k_[0-9a-z]{55}$")]
    bearer: Option<String>,
}

impl KeyLine {
    fn of(key: &UsageKey) -> Self {
        Self {
            id: key.id,
            label: key.label.clone(),
            spend_cap_usd: key.spend_cap,
            spent_usd: key.spent,
            held_usd: key.held,
            expires_at: key.expires_at,
            created_at: key.created_at,
        }
    }
}

/// Reads a label.
///
/// # Errors
/// In words, where it is blank or too long.
pub fn label_of(text: &str) -> Result<Box<str>, FieldError> {
    match (text.trim(), text.chars().count()) {
        ("", _) => Err(FieldError::invalid("/label", "must not be empty")),
        (label, 0..=LABEL_CHARS_MAX) => Ok(label.into()),
        _ => Err(FieldError::invalid("/label", format!("must have at most {LABEL_CHARS_MAX} characters"))),
    }
}

/// Makes a usage key.
#[utoipa::path(
    post,
    path = "/api/v1/agents/usage-keys",
    operation_id = "createUsageKey",
    tag = "agents",
    params(IdempotencyHeader),
    request_body = NewKeyBody,
    security(("agent" = [])),
    responses((
        status = 201,
        description = "The key, shown once.",
        body = MadeKey,
        headers(("Location" = String, description = "Where it can be revoked."))
    ))
)]
pub async fn create(State(api): State<Arc<Api>>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let bytes = body::read_json(&parts.headers, body).await?;
    let key = idempotency::of(&parts.headers, "POST", parts.uri.path(), &bytes)?;
    let wanted: NewKeyBody = field::read(body::text(&bytes)?).map_err(|fault| Problem::fields(vec![fault]))?;
    let mut faults = Vec::new();
    let label = label_of(&wanted.label).map_err(|fault| faults.push(fault)).unwrap_or_default();
    if wanted.expires_at.is_some_and(|at| at <= api.clock.now()) {
        faults.push(FieldError::invalid("/expires_at", "must lie ahead"));
    }
    if !faults.is_empty() {
        return Err(Problem::fields(faults));
    }
    let agent = caller::require_agent(&api.node, &parts.headers)?;
    let budget = api.submits.take(Caller::Agent(agent))?;
    let new = NewUsageKey { label, spend_cap: wanted.spend_cap_usd, expires_at: wanted.expires_at, key };
    let made = api.node.create_usage_key(agent, new).await?;
    let replayed = made.token.is_none();
    let answer = MadeKey { line: KeyLine::of(&made.key), bearer: made.token.map(|token| token.reveal()) };
    let mut response = reply::json(StatusCode::CREATED, &answer)?;
    reply::set(&mut response, header::LOCATION, format!("{}/api/v1/agents/usage-keys/{}", api.settings.public_url, made.key.id));
    idempotency::mark(response.headers_mut(), replayed);
    limit::told(budget, Ok(response))
}

/// Lists the usage keys that were not revoked, oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/agents/usage-keys",
    operation_id = "listUsageKeys",
    tag = "agents",
    params(PageQuery),
    security(("agent" = [])),
    responses((status = 200, description = "A page, oldest first.", body = Items<KeyLine>))
)]
pub async fn list(State(api): State<Arc<Api>>, request: Request) -> Result<Response, Problem> {
    let agent = caller::require_agent(&api.node, request.headers())?;
    let listing = Listing::plain(request.uri().query())?;
    let budget = api.polls.take(Caller::Agent(agent))?;
    let mut keys = api.node.agent(agent).await?.keys;
    // Ids sort by time, and a cursor is the id of the last one shown.
    keys.sort_unstable_by_key(|key| key.id);
    if let Some(Cursor(after)) = &listing.after {
        keys.retain(|key| key.id.as_bytes().as_slice() > after.as_slice());
    }
    let has_more = keys.len() > listing.limit;
    keys.truncate(listing.limit);
    let next = keys.last().filter(|_| has_more).map(|key| Cursor(key.id.as_bytes().to_vec()));
    limit::told(budget, reply::json(StatusCode::OK, &Items::of(&Page { items: keys, next }, KeyLine::of)))
}

/// Revokes a usage key; its jobs under way go on.
#[utoipa::path(
    delete,
    path = "/api/v1/agents/usage-keys/{id}",
    operation_id = "revokeUsageKey",
    tag = "agents",
    params(UsageKeyPath),
    security(("agent" = [])),
    responses((status = 204, description = "It opens nothing any more."))
)]
pub async fn revoke(State(api): State<Arc<Api>>, path: Result<Path<String>, PathRejection>, request: Request) -> Result<Response, Problem> {
    let agent = caller::require_agent(&api.node, request.headers())?;
    let budget = api.submits.take(Caller::Agent(agent))?;
    let Some(id) = path.ok().and_then(|Path(id)| id.parse::<UsageKeyId>().ok()) else {
        return Err(Problem::new(Kind::UsageKeyNotFound, "The agent has no usage key of that id."));
    };
    api.node.revoke_usage_key(agent, id).await?;
    limit::told(budget, Ok(reply::no_content()))
}
