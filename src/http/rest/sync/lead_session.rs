//! `POST /api/v1/enrich/lead-session`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::Sold;
use crate::http::api::Api;
use crate::http::openapi::params::{IdempotencyHeader, PaymentHeader, SessionHeaders};
use crate::http::problem::Problem;
use crate::types::{FieldError, LeadPayload, Route, Usd};

const SOLD: Sold = Sold { route: Route::LeadSession, check: held };

/// The most that a call's budget can be.
pub const BUDGET_MAX: Usd = Usd::from_micros(20_000_000);

/// What a session made of a lead, for the document: the route writes it.
#[derive(Debug, Serialize, ToSchema)]
pub struct LeadSessionResult {
    /// Something was found that the record lacked.
    matched: bool,
    /// It was charged for.
    billed: bool,
    /// It came from a recent identical session.
    cache_hit: bool,
    /// The record, with what was found merged into it.
    #[schema(value_type = Option<Object>)]
    lead: Option<serde_json::Value>,
    /// Each value that was found, with its confidence, its sources, and what stood there before.
    #[schema(value_type = Option<Object>)]
    fields: Option<serde_json::Value>,
    /// Who was found: the business and the person.
    #[schema(value_type = Option<Vec<Object>>)]
    entities: Option<Vec<serde_json::Value>>,
    /// What each round asked, found and cost.
    #[schema(value_type = Option<Vec<Object>>)]
    rounds: Option<Vec<serde_json::Value>>,
    /// Why there was no further round.
    stopped_because: Option<String>,
    /// For a person.
    summary_markdown: Option<String>,
    /// What the rounds cost, in US dollars.
    #[schema(value_type = Option<f64>)]
    cost_usd: Option<Usd>,
    /// Where it was read.
    #[schema(value_type = Option<Vec<Object>>)]
    sources: Option<Vec<serde_json::Value>>,
}

/// The budget where that is more than the price: what a balance has to cover.
fn held(text: &str, price: Usd) -> Result<Usd, Vec<FieldError>> {
    let Some(budget) = LeadPayload::parse(text)?.budget_usd else { return Ok(price) };
    if budget > BUDGET_MAX {
        let detail = format!("must be at most {BUDGET_MAX} while you wait; a job's budget can be as large as its bill_up_to_usd");
        return Err(vec![FieldError::invalid("/budget_usd", detail)]);
    }
    Ok(budget.max(price))
}

/// Completes a lead in rounds, and answers with what was found.
#[utoipa::path(
    post,
    path = "/api/v1/enrich/lead-session",
    operation_id = "leadSession",
    tag = "sync",
    params(IdempotencyHeader, PaymentHeader, SessionHeaders),
    request_body(
        content = LeadPayload,
        description = "The lead. On a balance the catalogue's price is held, or `budget_usd` where that is more, at most 20; by x402 the price paid is the budget."
    ),
    security((), ("agent" = []), ("usage_key" = [])),
    responses((
        status = 200,
        description = "What was found. A no-match costs nothing. It takes up to 180 seconds; then a 504 names the job, which goes on.",
        body = LeadSessionResult,
        headers(
            ("PAYMENT-RESPONSE" = String, description = "How the payment was settled (x402), in base64, where a wallet paid."),
            ("Enrich-Receipt" = String, description = "The receipt, a compact JWS, where it has at most 6 KiB."),
            ("Idempotency-Replayed" = String, description = "`true` where it is the first answer again."),
            ("X-Session-Budget-Remaining-Usd" = String, description = "What is left of the session's budget, in each answer to a call of one."),
        )
    ))
)]
pub async fn lead_session(State(api): State<Arc<Api>>, request: Request) -> Result<Response, Problem> {
    super::sell(&api, &SOLD, request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRICE: Usd = Usd::from_micros(1_500_000);

    #[test]
    fn a_balance_covers_the_price_or_the_budget() {
        let of = |budget: &str| format!(r#"{{"lead":{{"company":"Acme"}}{budget}}}"#);
        let dear = Usd::from_micros(30_000_000);
        assert_eq!(held(&of(""), dear), Ok(dear), "who names no budget is not told that it is too large");
        let held = |budget: &str| held(&of(budget), PRICE);
        for (budget, wanted) in [
            ("", Ok(1_500_000)),
            (r#","budget_usd":0.2"#, Ok(1_500_000)),
            (r#","budget_usd":1.500001"#, Ok(1_500_001)),
            (r#","budget_usd":20"#, Ok(20_000_000)),
            (r#","budget_usd":20.000001"#, Err("/budget_usd")),
            (r#","max_rounds":11"#, Err("/max_rounds")),
        ] {
            let asked = held(budget);
            assert_eq!(asked.as_ref().map(|held| held.micros()).map_err(|faults| faults[0].pointer.as_str()), wanted, "{budget}");
        }
    }
}
