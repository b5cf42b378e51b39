//! `POST /api/v1/enrich/jobs`: the order of decisions is the contract's, each ending the request.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::order::SubmitRequest;
use super::order::Wanted;
use crate::actors::{Error, IdempotencyKey, Order, PaidOrder};
use crate::billing::x402::{RequestHash, Scheme};
use crate::http::api::Api;
use crate::http::limit::Caller;
use crate::http::openapi::params::{IdempotencyHeader, PaymentHeader};
use crate::http::problem::{Kind, Problem};
use crate::http::rest::sync::session;
use crate::http::x402::demand::Due;
use crate::http::x402::incoming::{self, Incoming, OLD_VERSION, Signed};
use crate::http::x402::outcome::{self, By};
use crate::http::{body, caller, idempotency, limit, reply};
use crate::job::Spec;
use crate::job::view::{POLL_INTERVAL_SECONDS, billing_mode};
use crate::shard::{Grant, Refusal};
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
            billing_mode: billing_mode(spec),
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
    incoming: Incoming,
    request: RequestHash,
}

/// Accepts a job.
#[utoipa::path(
    post,
    path = "/api/v1/enrich/jobs",
    operation_id = "submitJob",
    tag = "jobs",
    params(IdempotencyHeader, PaymentHeader),
    request_body(content = SubmitRequest, description = "The order."),
    security((), ("agent" = []), ("usage_key" = [])),
    responses((
        status = 202,
        description = "Accepted, and its ceiling held, or its payment claimed. Under an `Idempotency-Key` that was used before: the first answer again.",
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
    let incoming = Incoming::read(headers, api.node.has_networks())?;
    let bearer = caller::bearer(headers)?;
    refuse_unbuilt(headers)?;
    let bytes = body::read_json(headers, body).await?;
    let key = idempotency::of(headers, "POST", parts.uri.path(), &bytes)?;
    let request = RequestHash::of("POST", parts.uri.path(), &bytes);
    let wanted = Wanted::read(body::text(&bytes)?, &api.settings)?;
    let grant = caller::grant_of(&api.node, bearer)?;
    let submit = Submit { wanted, grant, key, incoming, request };
    let from = grant.map_or_else(|| caller::address(&parts.extensions), |grant| Caller::Agent(grant.agent));
    match api.submits.take(from) {
        Ok(budget) => limit::told(budget, place(&api, submit).await),
        Err(too_many) => {
            let may_be_repeat = submit.grant.is_some() && submit.key.is_some() || matches!(submit.incoming, Incoming::Signed(_));
            if !may_be_repeat {
                return Err(too_many);
            }
            // A replay moves nothing, so it has the wider limit of polls.
            api.polls.take(from)?;
            replayed(&api, submit).await?.ok_or(too_many)
        }
    }
}

/// What a later release does with it must not be lost in silence on this one.
fn refuse_unbuilt(headers: &HeaderMap) -> Result<(), Problem> {
    if headers.contains_key(CANCEL_AFTER) {
        let detail = "Cancel-After is not supported; POST to the job's /cancel when it should end.";
        return Err(Problem::new(Kind::HeaderNotSupported, detail));
    }
    // A budget that is not kept would be worse than none.
    if session::is_meant(headers) {
        let detail = "Sessions are for calls that wait; a job is bounded by its own bill_up_to_usd.";
        return Err(Problem::new(Kind::HeaderNotSupported, detail));
    }
    Ok(())
}

async fn place(api: &Api, submit: Submit) -> Result<Response, Problem> {
    let Submit { wanted, grant, key, incoming, request } = submit;
    let due = Due { ware: &api.wares.jobs, scheme: Scheme::Upto, amount: wanted.ceiling };
    match (incoming, grant) {
        (Incoming::Signed(signed), _) => {
            if let Some(accepted) = replayed_by_agent(api, grant, key.as_ref()).await.map_err(outcome::unused)? {
                return accepted;
            }
            let (by, until) = (By::of(key.as_ref()), signed.expires_at());
            let order = paid_order(*signed, wanted, grant, key, request);
            let accepted = api.node.submit_paid(order).await.map_err(|error| outcome::of(api, &due, by, until, error))?;
            answer(api, &accepted.job.spec, accepted.replayed)
        }
        // The node looks the key up before it refuses new work (api.md, Conventions); without a key there is nothing to look up.
        (Incoming::NotTaken | Incoming::Old, _) | (Incoming::Nothing, None) if api.node.is_draining() => Err(Error::Draining.into()),
        (Incoming::NotTaken, grant) => Err(incoming::not_taken(grant.is_some())),
        (Incoming::Old, _) => Err(due.unpaid(api, Kind::PaymentRequired, OLD_VERSION)),
        (Incoming::Nothing, None) if api.node.has_networks() => Err(due.unpaid(api, Kind::PaymentRequired, "payment required")),
        (Incoming::Nothing, None) => {
            Err(Problem::new(Kind::AgentTokenRequired, "Send Authorization: Bearer with an agent's token or a usage key."))
        }
        (Incoming::Nothing, Some(caller)) => {
            let Wanted { route, payload, ceiling, callback_url, metadata } = wanted;
            // The node looks the key up before it looks at the balance.
            match api.node.submit(Order { caller, route, payload, ceiling, callback_url, metadata, key, session: None }).await {
                Ok(accepted) => answer(api, &accepted.job.spec, accepted.replayed),
                Err(Error::Refused(Refusal::InsufficientBalance { .. })) if api.node.has_networks() => {
                    Err(due.unpaid(api, Kind::InsufficientBalance, "insufficient balance"))
                }
                Err(error) => Err(error.into()),
            }
        }
    }
}

/// The first answer again, where this is a repeat.
async fn replayed(api: &Api, submit: Submit) -> Result<Option<Response>, Problem> {
    let Submit { wanted, grant, key, incoming, request } = submit;
    if let Some(replayed) = replayed_by_agent(api, grant, key.as_ref()).await? {
        return replayed.map(Some);
    }
    let Incoming::Signed(signed) = incoming else { return Ok(None) };
    let due = Due { ware: &api.wares.jobs, scheme: Scheme::Upto, amount: wanted.ceiling };
    let (by, until) = (By::of(key.as_ref()), signed.expires_at());
    let order = paid_order(*signed, wanted, grant, key, request);
    let replayed = api.node.replayed_paid(&order).await.map_err(|error| outcome::of(api, &due, by, until, error))?;
    replayed.map(|accepted| answer(api, &accepted.job.spec, true)).transpose()
}

/// With a bearer the key belongs to the agent, paid or not: what it made on the balance is there already, and no payment is
/// claimed for it again.
async fn replayed_by_agent(
    api: &Api,
    grant: Option<Grant>,
    key: Option<&IdempotencyKey>,
) -> Result<Option<Result<Response, Problem>>, Problem> {
    let (Some(grant), Some(key)) = (grant, key) else { return Ok(None) };
    let replayed = api.node.replayed(grant, key).await?;
    Ok(replayed.map(|accepted| answer(api, &accepted.job.spec, true)))
}

fn paid_order(signed: Signed, wanted: Wanted, caller: Option<Grant>, key: Option<IdempotencyKey>, request: RequestHash) -> PaidOrder {
    let Wanted { route, payload, ceiling, callback_url, metadata } = wanted;
    let client_key = signed.client_key(key.as_ref());
    let key = signed.key(key, request);
    let payment = signed.payment;
    PaidOrder { payment, scheme: Scheme::Upto, caller, request, client_key, key, route, payload, ceiling, callback_url, metadata }
}

fn answer(api: &Api, spec: &Spec, replayed: bool) -> Result<Response, Problem> {
    let body = SubmitAnswer::of(api, spec);
    let mut response = reply::json(StatusCode::ACCEPTED, &body)?;
    reply::set(&mut response, header::LOCATION, body.poll_url);
    response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    idempotency::mark(response.headers_mut(), replayed);
    Ok(response)
}
