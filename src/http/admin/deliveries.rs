//! Callbacks: what is owed, what was tried, and trying again.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::guard::Operator;
use super::jobs::id_of;
use super::reason::ReasonBody;
use super::{Admin, reason};
use crate::http::openapi::params::{JobPath, PageQuery};
use crate::http::problem::Problem;
use crate::http::query::Listing;
use crate::http::reply;
use crate::shard::{Attempt, AttemptOutcome, Delivery};
use crate::types::{Cursor, DeliveryId, JobId, Timestamp};

/// An attempt at a callback.
#[derive(Debug, Serialize, ToSchema)]
pub struct AttemptLine {
    /// Also its `webhook-id`.
    #[schema(value_type = String)]
    delivery_id: DeliveryId,
    /// The job it tells of.
    #[schema(value_type = String)]
    job_id: JobId,
    /// Which attempt, from 0.
    attempt: u16,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// `delivered`, `failed` (another follows), `given_up` or `gone` (the receiver said 410).
    outcome: &'static str,
    /// The receiver's status, where it answered.
    status: Option<u16>,
    /// What kind of failure.
    class: Box<str>,
    /// How long it took.
    duration_ms: u32,
}

/// A callback that is owed.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwedLine {
    /// Also its `webhook-id`.
    #[schema(value_type = String)]
    delivery_id: DeliveryId,
    /// The job it tells of.
    #[schema(value_type = String)]
    job_id: JobId,
    /// When its event happened.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Attempts so far.
    attempts: u16,
    /// When it is tried next.
    #[schema(value_type = String, format = DateTime)]
    next_at: Timestamp,
}

/// Callbacks that are owed, and attempts, those of the newest jobs first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Deliveries {
    /// What is owed, whatever the page.
    owed: Vec<OwedLine>,
    /// Attempts.
    items: Vec<AttemptLine>,
    /// Give it as `cursor` to go on; null at the end.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

impl AttemptLine {
    /// A row of the log.
    pub fn of((id, number, attempt): &(DeliveryId, u16, Attempt)) -> Self {
        Self {
            delivery_id: *id,
            job_id: id.job(),
            attempt: *number,
            at: attempt.at,
            outcome: match attempt.outcome {
                AttemptOutcome::Delivered => "delivered",
                AttemptOutcome::Failed => "failed",
                AttemptOutcome::GivenUp => "given_up",
                AttemptOutcome::Gone => "gone",
            },
            status: attempt.status,
            class: attempt.class.clone(),
            duration_ms: attempt.duration_ms,
        }
    }
}

impl OwedLine {
    /// A row of the outbox.
    pub fn of(delivery: &Delivery) -> Self {
        Self {
            delivery_id: delivery.id,
            job_id: delivery.id.job(),
            created_at: delivery.created_at,
            attempts: delivery.attempts,
            next_at: delivery.next_at,
        }
    }
}

/// Lists callbacks.
#[utoipa::path(
    get,
    path = "/admin/deliveries",
    operation_id = "listDeliveries",
    tag = "deliveries",
    params(PageQuery),
    security(("operator" = [])),
    responses((status = 200, description = "What is owed, and a page of attempts.", body = Deliveries))
)]
pub async fn list(_: Operator, State(admin): State<Arc<Admin>>, request: Request) -> Result<Response, Problem> {
    let listing = Listing::plain(request.uri().query())?;
    let page = admin.node.attempts(listing.after, listing.limit).await?;
    let owed = admin.node.owed().await?;
    let answer = Deliveries {
        owed: owed.iter().map(OwedLine::of).collect(),
        items: page.items.iter().map(AttemptLine::of).collect(),
        next_cursor: page.next.as_ref().map(Cursor::to_text),
    };
    reply::json(StatusCode::OK, &answer)
}

/// Delivers a job's callback again, under the same `webhook-id`.
#[utoipa::path(
    post,
    path = "/admin/deliveries/{job_id}/redeliver",
    operation_id = "redeliver",
    tag = "deliveries",
    params(JobPath),
    request_body = ReasonBody,
    security(("operator" = [])),
    responses((status = 202, description = "It is owed again.", body = OwedLine))
)]
pub async fn redeliver(
    _: Operator,
    State(admin): State<Arc<Admin>>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let reason = reason::of(&parts, body).await?;
    let delivery = admin.node.redeliver(id_of(path)?, reason).await?;
    reply::json(StatusCode::ACCEPTED, &OwedLine::of(&delivery))
}
