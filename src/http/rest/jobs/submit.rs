//! `POST /api/v1/enrich/jobs`: the order of decisions is the contract's, each ending the request.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::order::SubmitRequest;
use super::order::Wanted;
use super::payment;
use crate::actors::{Error, IdempotencyKey, Order};
use crate::http::api::Api;
use crate::http::limit::Caller;
use crate::http::openapi::params::IdempotencyHeader;
use crate::http::problem::{Kind, Problem};
use crate::http::{body, caller, idempotency, limit, reply};
use crate::job::Spec;
use crate::job::view::{POLL_INTERVAL_SECONDS, billing_mode};
use crate::shard::Grant;
use crate::types::{JobId, PollBearer, Timestamp, Usd, WebhookSecret};

const CANCEL_AFTER: HeaderName = HeaderName::from_static("cancel-after");
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("2");

/// The job was accepted: what its buyer needs to see it through.
#[derive(Debug, Serialize, ToSchema)]
pub struct SubmitAnswer {
    /// Its id.
    #[schema(value_type = String, pattern = "^ej_[0-9a-z]{29}$")]
    job_id: JobId,
    /// Reads, streams and cancels this one job.
    #[schema(pattern = "^411j_[0-9a-z]{52}$")]
    poll_bearer: String,
    /// How often to poll, in seconds.
    poll_interval_sec: u32,
    /// How it is paid.
    billing_mode: &'static str,
    /// The most that it can cost, in US dollars.
    #[schema(value_type = f64)]
    bill_up_to_usd: Usd,
    /// When it is over at the latest, in seconds.
    max_timeout_seconds: u32,
    /// Always `queued`: where it stood when it was accepted.
    status: &'static str,
    /// Where to poll.
    #[schema(format = "uri")]
    poll_url: String,
    /// Where to stream.
    #[schema(format = "uri")]
    events_url: String,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// What its callback is signed with, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    callback_secret: Option<String>,
}

impl SubmitAnswer {
    /// From what never changes about a job, so that a replay is the first answer again.
    fn of(api: &Api, spec: &Spec) -> Self {
        let key = api.node.server_key();
        let poll_url = format!("{}/api/v1/enrich/jobs/{}", api.settings.public_url, spec.id);
        Self {
            job_id: spec.id,
            poll_bearer: PollBearer::derive(key, &spec.id).reveal(),
            poll_interval_sec: POLL_INTERVAL_SECONDS,
            billing_mode: billing_mode(spec.billing),
            bill_up_to_usd: spec.ceiling,
            max_timeout_seconds: api.settings.max_timeout_seconds,
            status: "queued",
            events_url: format!("{poll_url}/events"),
            poll_url,
            created_at: spec.created_at,
            callback_secret: spec.callback_url.as_ref().map(|_| WebhookSecret::derive(key, &spec.id).reveal()),
        }
    }
}

/// A request whose size, syntax and fields are in order, and whose caller is known.
struct Submit {
    wanted: Wanted,
    grant: Option<Grant>,
    key: Option<IdempotencyKey>,
    has_payment: bool,
}

/// Accepts a job.
#[utoipa::path(
    post,
    path = "/api/v1/enrich/jobs",
    operation_id = "submitJob",
    tag = "jobs",
    params(IdempotencyHeader),
    request_body(content = SubmitRequest, description = "The order."),
    security(("agent" = []), ("usage_key" = [])),
    responses((
        status = 202,
        description = "Accepted, and its ceiling held. Under an `Idempotency-Key` that was used before: the first answer again.",
        body = SubmitAnswer,
        headers(
            ("Location" = String, description = "Where to poll."),
            ("Retry-After" = i64, description = "When to poll first, in seconds."),
            ("Idempotency-Replayed" = String, description = "`true` where it is the first answer again."),
        )
    ))
)]
pub async fn submit(State(api): State<Arc<Api>>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let headers = &parts.headers;
    let has_payment = payment::came(headers)?;
    let bearer = caller::bearer(headers)?;
    refuse_unbuilt(headers)?;
    let bytes = body::read_json(headers, body).await?;
    let key = idempotency::of(headers, "POST", parts.uri.path(), &bytes)?;
    let wanted = Wanted::read(body::text(&bytes)?, &api.settings)?;
    let grant = caller::grant_of(&api.node, bearer)?;
    let submit = Submit { wanted, grant, key, has_payment };
    let from = grant.map_or_else(|| caller::address(&parts.extensions), |grant| Caller::Agent(grant.agent));
    match api.submits.take(from) {
        Ok(budget) => limit::told(budget, place(&api, submit).await),
        Err(too_many) => match (submit.grant, submit.key) {
            // A replay moves nothing, so it has the wider limit of polls.
            (Some(grant), Some(key)) => {
                api.polls.take(from)?;
                let replayed = api.node.replayed(grant, &key).await?;
                replayed.map_or(Err(too_many), |accepted| answer(&api, &accepted.job.spec, true))
            }
            (None, _) | (_, None) => Err(too_many),
        },
    }
}

/// What a later release does with it must not be lost in silence on this one.
fn refuse_unbuilt(headers: &HeaderMap) -> Result<(), Problem> {
    if headers.contains_key(CANCEL_AFTER) {
        let detail = "Cancel-After is not supported; POST to the job's /cancel when it should end.";
        return Err(Problem::new(Kind::HeaderNotSupported, detail));
    }
    Ok(())
}

async fn place(api: &Api, submit: Submit) -> Result<Response, Problem> {
    let Submit { wanted, grant, key, has_payment } = submit;
    let Some(grant) = grant.filter(|_| !has_payment) else {
        return Err(if api.node.is_draining() {
            Error::Draining.into()
        } else if has_payment {
            payment::refused(grant.is_some())
        } else {
            Problem::new(Kind::AgentTokenRequired, "Send Authorization: Bearer with an agent's token or a usage key.")
        });
    };
    let Wanted { route, payload, ceiling, callback_url, metadata } = wanted;
    // The node looks the key up before it looks at the balance, and before it refuses new work (api.md, Conventions).
    let accepted = api.node.submit(Order { caller: grant, route, payload, ceiling, callback_url, metadata, key }).await?;
    answer(api, &accepted.job.spec, accepted.replayed)
}

fn answer(api: &Api, spec: &Spec, replayed: bool) -> Result<Response, Problem> {
    let body = SubmitAnswer::of(api, spec);
    let mut response = reply::json(StatusCode::ACCEPTED, &body)?;
    reply::set(&mut response, header::LOCATION, body.poll_url);
    response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    idempotency::mark(response.headers_mut(), replayed);
    Ok(response)
}
