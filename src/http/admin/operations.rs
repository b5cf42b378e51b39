//! The node itself: shards, draining, audit, the log of what operators did, metrics.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::Admin;
use super::guard::Operator;
use super::reason::{self, ReasonBody};
use crate::actors::ShardStatus;
use crate::http::openapi::params::PageQuery;
use crate::http::problem::{Kind, Problem};
use crate::http::query::{Items, Listing};
use crate::http::reply;
use crate::shard::OperatorAct;
use crate::shard::audit::Broken;
use crate::types::Timestamp;

/// A shard.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShardLine {
    /// Its number.
    shard: u16,
    /// Under which ownership this node writes.
    epoch: u64,
    /// The last durable record.
    seq: u64,
    /// Jobs that have not ended.
    live_jobs: usize,
    /// Callbacks that are owed.
    callbacks_owed: usize,
    /// Rows that wait for a checkpoint.
    unwritten_rows: usize,
    /// Whether it answers.
    ready: bool,
    /// The node that holds it, where several share the store; null while it changes hands.
    owner: Option<String>,
    /// For how many milliseconds more, unless the lease is renewed, as of this node's last look.
    lease_left_ms: Option<u64>,
}

/// What an operator accepted.
#[derive(Debug, Serialize, ToSchema)]
pub struct AcceptedLoss {
    /// The shard.
    shard: u16,
    /// The number of the last record that was acknowledged.
    last: u64,
}

/// A node.
#[derive(Debug, Serialize, ToSchema)]
pub struct NodeLine {
    /// Its name.
    id: String,
    /// Where other nodes reach it.
    url: String,
    /// The shards that it holds.
    shards: Vec<u16>,
}

/// Whether the node takes new work.
#[derive(Debug, Serialize, ToSchema)]
pub struct Drain {
    /// It takes none.
    draining: bool,
    /// Jobs that run.
    running: usize,
    /// Jobs that wait.
    queued: usize,
}

/// What an audit found.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditAnswer {
    /// Every invariant holds.
    ok: bool,
    /// How many of each kind were looked at.
    checked: BTreeMap<&'static str, u64>,
    /// What does not hold.
    broken: Vec<BrokenLine>,
}

/// Something that must hold, and doesn't.
#[derive(Debug, Serialize, ToSchema)]
pub struct BrokenLine {
    /// Its id in the list of invariants.
    invariant: &'static str,
    /// What is wrong.
    detail: String,
}

/// What an operator did.
#[derive(Debug, Serialize, ToSchema)]
pub struct ActLine {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Which act.
    act: Box<str>,
    /// On what.
    subject: Box<str>,
    /// Why.
    reason: Box<str>,
}

impl ShardLine {
    fn of(status: &ShardStatus) -> Self {
        Self {
            shard: status.shard,
            epoch: status.epoch,
            seq: status.seq,
            live_jobs: status.live_jobs,
            callbacks_owed: status.callbacks_owed,
            unwritten_rows: status.unwritten_rows,
            ready: status.ready,
            owner: status.holder.as_ref().map(|(owner, _)| owner.clone()),
            lease_left_ms: status.holder.as_ref().map(|(_, left_ms)| *left_ms),
        }
    }
}

impl ActLine {
    fn of(act: &OperatorAct) -> Self {
        Self { at: act.at, act: act.act.clone(), subject: act.subject.clone(), reason: act.reason.clone() }
    }
}

/// Lists the shards of this node.
#[utoipa::path(
    get,
    path = "/admin/shards",
    operation_id = "listShards",
    tag = "node",
    security(("operator" = [])),
    responses((status = 200, description = "All of them.", body = Items<ShardLine>))
)]
pub async fn shards(_: Operator, State(admin): State<Arc<Admin>>) -> Result<Response, Problem> {
    let shards = admin.node.shards().await?;
    let items = shards.iter().map(ShardLine::of).collect::<Vec<_>>();
    reply::json(StatusCode::OK, &Items { items, next_cursor: None })
}

/// Lists the nodes that share the store, and what each holds.
#[utoipa::path(
    get,
    path = "/admin/nodes",
    operation_id = "listNodes",
    tag = "node",
    security(("operator" = [])),
    responses((status = 200, description = "All that are there; none where the store is one process's.", body = Items<NodeLine>))
)]
pub async fn nodes(_: Operator, State(admin): State<Arc<Admin>>) -> Result<Response, Problem> {
    let items: Vec<NodeLine> = admin.node.nodes().into_iter().map(|(id, url, shards)| NodeLine { id, url, shards }).collect();
    reply::json(StatusCode::OK, &Items { items, next_cursor: None })
}

/// Accepts that a shard's last acknowledged records are gone, which the store forgot and no node has: it goes on without them, and
/// the operators' log names them.
#[utoipa::path(
    post,
    path = "/admin/shards/{shard}/accept-loss",
    operation_id = "acceptLoss",
    tag = "node",
    params(("shard" = u16, Path, description = "Its number.")),
    request_body = ReasonBody,
    security(("operator" = [])),
    responses((status = 200, description = "The shard is loaded without them, at its next try.", body = AcceptedLoss))
)]
pub async fn accept_loss(
    _: Operator,
    State(admin): State<Arc<Admin>>,
    path: Result<Path<u16>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let reason = reason::of(&parts, body).await?;
    let Ok(Path(shard)) = path else { return Err(Problem::new(Kind::NotFound, "There is no such shard.")) };
    match admin.node.accept_loss(shard, reason) {
        Some(last) => reply::json(StatusCode::OK, &AcceptedLoss { shard, last }),
        None => Err(Problem::new(Kind::NotFound, "Nothing is known to be lost of that shard.")),
    }
}

/// Stops taking new jobs; those under way go on. It lasts until the process ends.
#[utoipa::path(
    post,
    path = "/admin/drain",
    operation_id = "drain",
    tag = "node",
    security(("operator" = [])),
    responses((status = 200, description = "It drains.", body = Drain))
)]
pub async fn drain(_: Operator, State(admin): State<Arc<Admin>>) -> Result<Response, Problem> {
    admin.node.drain();
    tracing::info!("an operator drains this node");
    let (running, queued) = admin.node.load();
    reply::json(StatusCode::OK, &Drain { draining: admin.node.is_draining(), running, queued })
}

/// Computes every balance again from the transfers, and checks every invariant of the money.
#[utoipa::path(
    get,
    path = "/admin/audit",
    operation_id = "audit",
    tag = "node",
    security(("operator" = [])),
    responses((status = 200, description = "What was found, whether all is well or not.", body = AuditAnswer))
)]
pub async fn audit(_: Operator, State(admin): State<Arc<Admin>>) -> Result<Response, Problem> {
    let findings = admin.node.audit().await?;
    let ok = findings.is_ok();
    let broken = findings.broken.into_iter().map(|Broken { invariant, detail }| BrokenLine { invariant, detail }).collect();
    reply::json(StatusCode::OK, &AuditAnswer { ok, checked: findings.checked, broken })
}

/// Lists what operators did, and why, newest first.
#[utoipa::path(
    get,
    path = "/admin/log",
    operation_id = "listActs",
    tag = "node",
    params(PageQuery),
    security(("operator" = [])),
    responses((status = 200, description = "A page, newest first.", body = Items<ActLine>))
)]
pub async fn log(_: Operator, State(admin): State<Arc<Admin>>, request: Request) -> Result<Response, Problem> {
    let listing = Listing::plain(request.uri().query())?;
    let page = admin.node.operator_log(listing.after, listing.limit).await?;
    reply::json(StatusCode::OK, &Items::of(&page, ActLine::of))
}

/// Shows the metrics in Prometheus' text format.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "metrics",
    tag = "node",
    security(("operator" = [])),
    responses((status = 200, description = "The metrics.", body = String, content_type = "text/plain"))
)]
pub async fn metrics(_: Operator, State(admin): State<Arc<Admin>>) -> Response {
    let text = match &admin.exposition {
        Some(exposition) => exposition.text(&admin.node).await,
        None => String::new(),
    };
    let mut response = reply::public("text/plain; version=0.0.4; charset=utf-8", text);
    response.headers_mut().insert(axum::http::header::CACHE_CONTROL, axum::http::HeaderValue::from_static("no-store"));
    response
}

/// Shows this document.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "getAdminOpenApi",
    tag = "node",
    security(("operator" = [])),
    responses((status = 200, description = "The document.", body = Object))
)]
pub async fn openapi(_: Operator, State(admin): State<Arc<Admin>>) -> Response {
    reply::public("application/json", admin.document.clone())
}
