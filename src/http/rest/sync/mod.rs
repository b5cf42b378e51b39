//! A route while its caller waits for the result: the job machine's work, with the price asked at once.
//!
//! One file for each route: its payload, its result for the document, and what it holds on a balance.

pub mod lead_session;
pub mod session;
pub mod websearch;

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;

use crate::actors::{Accepted, Error, IdempotencyKey, Order, PaidOrder};
use crate::billing::x402::RequestHash;
use crate::http::api::Api;
use crate::http::limit::Caller;
use crate::http::problem::{Kind, PaymentState, Problem, RetryAction};
use crate::http::x402::demand::Due;
use crate::http::x402::incoming::{self, Incoming, OLD_VERSION};
use crate::http::x402::outcome::{self, By};
use crate::http::x402::settled;
use crate::http::{body, caller, idempotency, limit, receipts, reply};
use crate::job::view::result_of;
use crate::job::{Billing, Failure, FailureCode, Job};
use crate::shard::{Grant, Refusal};
use crate::types::{FieldError, PollBearer, Route, SessionCall, Usd};

/// How long an answer is held. Then the job goes on by itself.
const HELD: Duration = Duration::from_mins(3);

/// A route, as far as a caller who waits is concerned.
struct Sold {
    route: Route,
    /// Reads a payload, and says what is held for it on a balance, which is at least the price in the catalogue.
    check: fn(&str, Usd) -> Result<Usd, Vec<FieldError>>,
}

/// A request whose size, syntax and fields are in order, and whose caller is known.
struct Asked {
    route: Route,
    payload: Box<str>,
    /// The most that it costs on a balance.
    held: Usd,
    grant: Option<Grant>,
    key: Option<IdempotencyKey>,
    incoming: Incoming,
    request: RequestHash,
    session: Option<SessionCall>,
}

async fn sell(api: &Api, sold: &Sold, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let Some(call) = session::read(&parts.headers)? else { return called(api, sold, &parts, body, None).await };
    let answer = called(api, sold, &parts, body, Some(call.clone())).await;
    session::told(api, &parts.headers, &call, answer).await
}

async fn called(api: &Api, sold: &Sold, parts: &Parts, body: Body, session: Option<SessionCall>) -> Result<Response, Problem> {
    let headers = &parts.headers;
    let incoming = Incoming::read(headers, api.node.has_networks())?;
    let bearer = caller::bearer(headers)?;
    let bytes = body::read_json(headers, body).await?;
    let key = idempotency::of(headers, "POST", parts.uri.path(), &bytes)?;
    let request = RequestHash::of("POST", parts.uri.path(), &bytes);
    let text = body::text(&bytes)?;
    let held = (sold.check)(text, price(api, sold.route)).map_err(Problem::fields)?;
    let grant = caller::grant_of(&api.node, bearer)?;
    if session.is_some() {
        session::needs_balance(&incoming, grant)?;
    }
    let from = grant.map_or_else(|| caller::address(&parts.extensions), |grant| Caller::Agent(grant.agent));
    let budget = api.submits.take(from)?;
    let asked = Asked { route: sold.route, payload: text.into(), held, grant, key, incoming, request, session };
    limit::told(budget, answer(api, asked).await)
}

async fn answer(api: &Api, asked: Asked) -> Result<Response, Problem> {
    // Taken before anything is: a call that can't wait would only be told where its job is.
    let Ok(_place) = api.waiting.try_acquire() else { return Err(Error::Overloaded.into()) };
    let Accepted { job, replayed } = ordered(api, asked).await?;
    let waiting = api.node.job_ended(job.spec.id, HELD);
    let ended = api.shutdown.run_until_cancelled(waiting).await.transpose()?.flatten().unwrap_or(job);
    let mut response = shown(api, &ended)?;
    idempotency::mark(response.headers_mut(), replayed);
    Ok(response)
}

/// The order of decisions is a submit's; what differs is the price, and that a payment is for all of it.
async fn ordered(api: &Api, asked: Asked) -> Result<Accepted, Problem> {
    let Asked { route, payload, held, grant, key, incoming, request, session } = asked;
    let ware = api.wares.sync(route);
    // A wallet pays the price in the catalogue whatever it would have held: what is paid is the budget.
    let due = Due { ware, scheme: ware.scheme, amount: price(api, route) };
    match (incoming, grant) {
        (Incoming::Signed(signed), _) => {
            if let (Some(grant), Some(key)) = (grant, &key)
                && let Some(accepted) = api.node.replayed(grant, key).await.map_err(|error| outcome::unused(error.into()))?
            {
                return Ok(accepted);
            }
            let (by, client_key, until) = (By::of(key.as_ref()), signed.client_key(key.as_ref()), signed.expires_at());
            let order = PaidOrder {
                scheme: due.scheme,
                caller: grant,
                request,
                client_key,
                key: signed.key(key, request),
                payment: signed.payment,
                route,
                payload,
                ceiling: due.amount,
                callback_url: None,
                metadata: Box::default(),
            };
            api.node.submit_paid(order).await.map_err(|error| outcome::of(api, &due, by, until, error))
        }
        (Incoming::NotTaken | Incoming::Old, _) | (Incoming::Nothing, None) if api.node.is_draining() => Err(Error::Draining.into()),
        (Incoming::NotTaken, grant) => Err(incoming::not_taken(grant.is_some())),
        (Incoming::Old, _) => Err(due.unpaid(api, Kind::PaymentRequired, OLD_VERSION)),
        (Incoming::Nothing, None) if api.node.has_networks() => Err(due.unpaid(api, Kind::PaymentRequired, "payment required")),
        (Incoming::Nothing, None) => {
            Err(Problem::new(Kind::AgentTokenRequired, "Send Authorization: Bearer with an agent's token or a usage key."))
        }
        (Incoming::Nothing, Some(caller)) => {
            // A payment would be outside of the session's budget, so none is asked for.
            let may_pay = api.node.has_networks() && session.is_none();
            let order = Order { caller, route, payload, ceiling: held, callback_url: None, metadata: Box::default(), key, session };
            match api.node.submit(order).await {
                Err(Error::Refused(Refusal::InsufficientBalance { .. })) if may_pay => {
                    Err(due.unpaid(api, Kind::InsufficientBalance, "insufficient balance"))
                }
                other => Ok(other?),
            }
        }
    }
}

fn price(api: &Api, route: Route) -> Usd {
    api.settings.prices.of(route).catalogue
}

fn shown(api: &Api, job: &Job) -> Result<Response, Problem> {
    if let Some(result) = result_of(job) {
        let mut response = reply::json(StatusCode::OK, &result)?;
        settled::stamp(&mut response, settled::of_job(job));
        receipts::stamp(&mut response, api.node.receipt(job));
        return Ok(response);
    }
    let by_wallet = matches!(job.spec.billing, Billing::Upto { .. });
    let problem = match &job.state.failure {
        Some(failure) if job.state.status.is_ended() => failed(failure, by_wallet),
        Some(_) | None => {
            let detail = format!("It takes longer than {} s. Poll it with poll_bearer; nothing is lost.", HELD.as_secs());
            let state = if by_wallet { PaymentState::InFlight } else { PaymentState::None };
            Problem::new(Kind::StillRunning, detail).with_payment(state)
        }
    };
    let poll_bearer = PollBearer::derive(api.node.server_key(), &job.spec.id).reveal();
    Err(problem.with_job(job.spec.id, poll_bearer).with_payment_response(settled::header(settled::of_job(job))))
}

/// A payment of a job that failed is claimed, so it is never asked for again by a 402: its buyer is told to sign another.
fn failed(failure: &Failure, by_wallet: bool) -> Problem {
    let code = failure.code.as_str();
    let (kind, words) = if failure.code == FailureCode::SettlementFailed {
        (Kind::SettlementFailed, "the charge is a debt of the wallet now, see POST /api/v1/debts/{wallet}")
    } else {
        (Kind::JobFailed, "to try again, send it under a new Idempotency-Key")
    };
    let problem = Problem::new(kind, format!("{code}: {}; {words}.", failure.message));
    if by_wallet { problem.with_action(RetryAction::Resign).with_payment(PaymentState::Unused) } else { problem }
}
