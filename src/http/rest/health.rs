//! `/healthz` and `/readyz`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::actors::{NetworkStatus, Stuck};
use crate::http::api::Api;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::types::Network;

/// The process is alive.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// Always `ok`.
    status: &'static str,
}

/// Whether this node can answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    /// Send work here.
    ready: bool,
    /// Why not.
    reasons: Vec<String>,
    /// Where wallets can pay. One whose chain is down is no reason against the node: balances don't need it.
    networks: Vec<NetworkReadiness>,
    /// What waits for a person, and is no reason against the node: settlements that get no further by themselves.
    degraded: Vec<String>,
}

/// Whether wallets can pay on a network.
#[derive(Debug, Serialize, ToSchema)]
pub struct NetworkReadiness {
    /// Its CAIP-2 name.
    #[schema(value_type = String, example = "eip155:8453")]
    network: Network,
    /// Payments are taken there.
    offered: bool,
    /// Why not.
    reasons: Vec<String>,
}

/// Says that the process is alive.
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "health",
    tag = "service",
    responses((status = 200, description = "Alive.", body = Health))
)]
pub async fn healthz() -> Result<Response, Problem> {
    reply::json(StatusCode::OK, &Health { status: "ok" })
}

/// Says whether this node can answer.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "readiness",
    tag = "service",
    responses(
        (status = 200, description = "It can answer.", body = Readiness),
        (status = 503, description = "It can't, or is going down.", body = Readiness)
    )
)]
pub async fn readyz(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    let mut reasons = api.node.not_ready();
    if api.node.is_draining() && !reasons.iter().any(|reason| reason.contains("drain")) {
        reasons.push("draining".to_owned());
    }
    let networks = api.node.networks().into_iter();
    let networks =
        networks.map(|NetworkStatus { network, is_offered, reasons }| NetworkReadiness { network, offered: is_offered, reasons });
    let networks = networks.collect();
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    reply::json(status, &Readiness { ready: reasons.is_empty(), reasons, networks, degraded: degraded(&api.node.stuck_settlements()) })
}

/// A line for each network and reason: how many settlements wait there.
fn degraded(stuck: &[Stuck]) -> Vec<String> {
    let alike = stuck.chunk_by(|one, next| (one.network, one.why) == (next.network, next.why));
    let line =
        |some: &[Stuck]| some.first().map(|one| format!("{} settlements wait on {}: {}", some.len(), one.network, one.why.explained()));
    alike.filter_map(line).collect()
}
