//! Jobs: look at everything there is to know of one, and fail one that is stuck.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::deliveries::{AttemptLine, OwedLine};
use super::guard::Operator;
use super::reason::ReasonBody;
use super::{Admin, reason};
use crate::actors::JobFile;
use crate::http::openapi::params::{AnyJobPath, JobListQuery};
use crate::http::problem::Problem;
use crate::http::query::{Items, Listing};
use crate::http::reply;
use crate::http::rest::agents::statement::Line;
use crate::job::view::PollBody;
use crate::job::{Hop, HopOutcome, Job, Progress, Status};
use crate::types::{AgentId, CallbackUrl, JobId, Timestamp, UsageKeyId, Usd};

/// A job, as operators see it.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobDetail<'a> {
    /// As its buyer sees it.
    #[schema(value_type = Object)]
    job: PollBody<'a>,
    /// Whose balance pays.
    #[schema(value_type = Option<String>)]
    agent_id: Option<AgentId>,
    /// The usage key that submitted it.
    #[schema(value_type = Option<String>)]
    usage_key_id: Option<UsageKeyId>,
    /// What was asked.
    #[schema(value_type = Object)]
    payload: &'a RawValue,
    /// Where its end is told: scheme and host only, for the rest may hold the receiver's secrets.
    callback_host: Option<String>,
    /// Counts every change.
    version: u32,
    /// How often its run crashed.
    crashes: u8,
    /// The buyer cancelled while it ran.
    cancel_requested: bool,
    /// Through which statuses it went, and when.
    history: Vec<Moved>,
    /// Every vendor call, in order.
    hops: Vec<HopLine<'a>>,
    /// Everything that it moved, oldest first.
    transfers: Vec<Line>,
    /// Attempts at its callback, oldest first.
    attempts: Vec<AttemptLine>,
    /// The callback that is still owed.
    owed: Option<OwedLine>,
}

/// When a job came into a status.
#[derive(Debug, Serialize, ToSchema)]
pub struct Moved {
    /// The status.
    status: &'static str,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// A vendor call.
#[derive(Debug, Serialize, ToSchema)]
pub struct HopLine<'a> {
    /// Counted from 1.
    hop: usize,
    /// Which vendor.
    tool: &'a str,
    /// How it went.
    outcome: &'static str,
    /// What it cost, in US dollars.
    #[schema(value_type = f64)]
    cost_usd: Usd,
    /// When it was answered.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

fn hop_line((index, hop): (usize, &Arc<Hop>)) -> HopLine<'_> {
    let outcome = match hop.outcome {
        HopOutcome::Found => "found",
        HopOutcome::Nothing => "nothing",
        HopOutcome::Failed => "failed",
        HopOutcome::Cached => "cached",
    };
    HopLine { hop: index.saturating_add(1), tool: &hop.tool, outcome, cost_usd: hop.cost, at: hop.at }
}

fn history(job: &Job) -> Vec<Moved> {
    let state = &job.state;
    let ended = if state.status.is_ended() { state.status } else { Status::Completed };
    [
        (Status::Queued, Some(job.spec.created_at)),
        (Status::Running, state.started_at),
        (Status::Completing, state.finished_at),
        (ended, state.ended_at),
    ]
    .into_iter()
    .filter_map(|(status, at)| Some(Moved { status: status.as_str(), at: at? }))
    .collect()
}

fn detail<'a>(file: &'a JobFile, told: &'a Progress, max_timeout_seconds: u32) -> JobDetail<'a> {
    let (spec, state) = (&*file.job.spec, &file.job.state);
    let callback = spec.callback_url.as_deref().and_then(|url| CallbackUrl::parse(url, true).ok());
    JobDetail {
        job: PollBody::of(&file.job, max_timeout_seconds).so_far(told).without_found_values(),
        agent_id: spec.owner(),
        usage_key_id: spec.usage_key(),
        payload: serde_json::from_str(&spec.payload).unwrap_or(RawValue::NULL),
        callback_host: callback.map(|url| url.to_string()),
        version: state.version,
        crashes: state.crashes,
        cancel_requested: state.cancel_requested,
        history: history(&file.job),
        hops: file.job.hops.iter().enumerate().map(hop_line).collect(),
        transfers: file.transfers.iter().map(Line::of).collect(),
        attempts: file.attempts.iter().map(AttemptLine::of).collect(),
        owed: file.owed.as_ref().map(OwedLine::of),
    }
}

/// Reads the id of a path. Operators may know that a job doesn't exist.
pub(super) fn id_of(path: Result<Path<String>, PathRejection>) -> Result<JobId, Problem> {
    path.ok().and_then(|Path(id)| id.parse().ok()).ok_or_else(Problem::job_not_found)
}

/// Lists all jobs, newest first.
#[utoipa::path(
    get,
    path = "/admin/jobs",
    operation_id = "listAllJobs",
    tag = "jobs",
    params(JobListQuery),
    security(("operator" = [])),
    responses((status = 200, description = "A page, newest first; without results.", body = Items<PollBody>))
)]
pub async fn list(_: Operator, State(admin): State<Arc<Admin>>, request: Request) -> Result<Response, Problem> {
    let listing = Listing::of_jobs(request.uri().query())?;
    let page = admin.node.jobs(listing.filter(), listing.after, listing.limit).await?;
    reply::json(StatusCode::OK, &Items::of(&page, |job| PollBody::summary(job, admin.max_timeout_seconds)))
}

/// Shows all there is to know of a job.
#[utoipa::path(
    get,
    path = "/admin/jobs/{id}",
    operation_id = "showJob",
    tag = "jobs",
    params(AnyJobPath),
    security(("operator" = [])),
    responses((status = 200, description = "The job and its history.", body = JobDetail))
)]
pub async fn show(_: Operator, State(admin): State<Arc<Admin>>, path: Result<Path<String>, PathRejection>) -> Result<Response, Problem> {
    let file = admin.node.job_file(id_of(path)?).await?;
    let told = admin.node.progress(&file.job);
    reply::json(StatusCode::OK, &detail(&file, &told.progress, admin.max_timeout_seconds))
}

/// Fails a job that is stuck; it costs nothing.
#[utoipa::path(
    post,
    path = "/admin/jobs/{id}/fail",
    operation_id = "failJob",
    tag = "jobs",
    params(AnyJobPath),
    request_body = ReasonBody,
    security(("operator" = [])),
    responses((status = 200, description = "It fails.", body = PollBody))
)]
pub async fn fail(
    _: Operator,
    State(admin): State<Arc<Admin>>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let reason = reason::of(&parts, body).await?;
    let job = admin.node.fail_job(id_of(path)?, reason).await?;
    reply::job(StatusCode::OK, &admin.node, &job, admin.max_timeout_seconds)
}
