//! `GET /api/v1/enrich/jobs`: an agent's own jobs, newest first.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use crate::http::api::Api;
use crate::http::limit::Caller;
use crate::http::openapi::params::JobListQuery;
use crate::http::problem::Problem;
use crate::http::query::{Items, Listing};
use crate::http::{caller, limit, reply};
use crate::job::view::PollBody;

/// Lists the caller's jobs; a usage key sees those that it submitted.
#[utoipa::path(
    get,
    path = "/api/v1/enrich/jobs",
    operation_id = "listJobs",
    tag = "jobs",
    params(JobListQuery),
    security(("agent" = []), ("usage_key" = [])),
    responses((status = 200, description = "A page, newest first; without results.", body = Items<PollBody>))
)]
pub async fn list(State(api): State<Arc<Api>>, request: Request) -> Result<Response, Problem> {
    let grant = caller::require_grant(&api.node, request.headers())?;
    let listing = Listing::of_jobs(request.uri().query())?;
    let budget = api.polls.take(Caller::Agent(grant.agent))?;
    let page = api.node.jobs_of(grant, listing.filter(), listing.after, listing.limit).await?;
    let items = Items::of(&page, |job| PollBody::summary(job, api.settings.max_timeout_seconds));
    limit::told(budget, reply::json(StatusCode::OK, &items))
}
