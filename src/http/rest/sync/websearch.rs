//! `POST /api/v1/enrich/websearch`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::Sold;
use crate::http::api::Api;
use crate::http::openapi::params::{IdempotencyHeader, PaymentHeader, SessionHeaders};
use crate::http::problem::Problem;
use crate::types::{Route, WebsearchPayload};

const SOLD: Sold = Sold { route: Route::Websearch, check: |text, price| WebsearchPayload::parse(text).map(|_| price) };

/// What a search found, for the document: the route writes it.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebsearchResult {
    /// By the matching rule.
    matched: bool,
    /// It was charged for.
    billed: bool,
    /// Everything that was answered was kept from a recent search for the same business, so the vendors cost nothing.
    cache_hit: bool,
    /// The business, each value with its confidence and sources.
    #[schema(value_type = Option<Object>)]
    business: Option<serde_json::Value>,
    /// Where it was read.
    #[schema(value_type = Option<Vec<Object>>)]
    sources: Option<Vec<serde_json::Value>>,
    /// For a person.
    summary_markdown: Option<String>,
    /// What ended the search early.
    stopped_because: Option<String>,
}

/// Finds a business, and answers with what was found.
#[utoipa::path(
    post,
    path = "/api/v1/enrich/websearch",
    operation_id = "websearch",
    tag = "sync",
    params(IdempotencyHeader, PaymentHeader, SessionHeaders),
    request_body(content = WebsearchPayload, description = "The business."),
    security((), ("agent" = []), ("usage_key" = [])),
    responses((
        status = 200,
        description = "What was found. A no-match costs nothing. It takes up to 180 seconds; then a 504 names the job, which goes on.",
        body = WebsearchResult,
        headers(
            ("PAYMENT-RESPONSE" = String, description = "How the payment was settled (x402), in base64, where a wallet paid."),
            ("Enrich-Receipt" = String, description = "The receipt, a compact JWS, where it has at most 6 KiB."),
            ("Idempotency-Replayed" = String, description = "`true` where it is the first answer again."),
            ("X-Session-Budget-Remaining-Usd" = String, description = "What is left of the session's budget, in each answer to a call of one."),
        )
    ))
)]
pub async fn websearch(State(api): State<Arc<Api>>, request: Request) -> Result<Response, Problem> {
    super::sell(&api, &SOLD, request).await
}
