//! The null server: what the same framework does at best when there is nothing to do.
//!
//! A POST parses a body like a job's into owned fields and answers 202 with a body of an acceptance's size; a GET answers
//! with a body of a poll's. No authentication, no store, no limits: a ceiling, not a service.

use axum::Json;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

/// Where a POST goes.
pub(super) const POST_PATH: &str = "/null/jobs";
/// Where a GET goes.
pub(super) const GET_PATH: &str = "/null/jobs/ej_00000000000000000000000000000";

#[derive(Debug, Deserialize)]
struct Order {
    route: String,
    payload: Payload,
    bill_up_to_usd: f64,
    metadata: Metadata,
}

#[derive(Debug, Deserialize)]
struct Payload {
    business_name: String,
    street: String,
    city: String,
    state: String,
    zip: String,
    phone: String,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    reference: String,
}

#[derive(Debug, Serialize)]
struct Accepted {
    job_id: &'static str,
    poll_bearer: &'static str,
    poll_interval_sec: u32,
    bill_up_to_usd: f64,
    max_timeout_seconds: u32,
    status: &'static str,
    poll_url: &'static str,
    /// Makes the answer depend on every field, so that none is read for nothing.
    bytes: usize,
}

/// As much as a queued job's poll holds.
#[derive(Debug, Serialize)]
struct Shown {
    id: &'static str,
    route: &'static str,
    billing_mode: &'static str,
    bill_up_to_usd: f64,
    status: &'static str,
    billing_status: Option<&'static str>,
    created_at: &'static str,
    started_at: Option<&'static str>,
    completed_at: Option<&'static str>,
    charged_usd: Option<f64>,
    poll_interval_sec: u32,
}

/// Serves until it is killed.
pub(super) async fn serve() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    super::super::print(&format!("null server on http://{}\n", listener.local_addr()?));
    let router = Router::new().route(POST_PATH, post(accept)).route("/null/jobs/{job_id}", get(show));
    let listener = listener.tap_io(|stream| {
        // Without it answers only come later.
        stream.set_nodelay(true).ok();
    });
    axum::serve(listener, router).await
}

async fn accept(Json(order): Json<Order>) -> (StatusCode, Json<Accepted>) {
    let Order { route, payload: Payload { business_name, street, city, state, zip, phone }, bill_up_to_usd, metadata } = order;
    let texts = [&route, &business_name, &street, &city, &state, &zip, &phone, &metadata.reference];
    let accepted = Accepted {
        job_id: "ej_00000000000000000000000000000",
        poll_bearer: "411j_0000000000000000000000000000000000000000000000000000",
        poll_interval_sec: 2,
        bill_up_to_usd,
        max_timeout_seconds: 1200,
        status: "queued",
        poll_url: "http://127.0.0.1:8411/api/v1/enrich/jobs/ej_00000000000000000000000000000",
        bytes: texts.iter().map(|text| text.len()).sum(),
    };
    (StatusCode::ACCEPTED, Json(accepted))
}

async fn show() -> Json<Shown> {
    Json(Shown {
        id: "ej_00000000000000000000000000000",
        route: "enrich/websearch",
        billing_mode: "virtual_balance",
        bill_up_to_usd: 0.05,
        status: "queued",
        billing_status: None,
        created_at: "2026-01-01T00:00:00.000Z",
        started_at: None,
        completed_at: None,
        charged_usd: None,
        poll_interval_sec: 2,
    })
}
