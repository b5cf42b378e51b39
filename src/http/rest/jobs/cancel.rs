//! `POST /api/v1/enrich/jobs/{job_id}/cancel`.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::access::Sight;
use crate::http::api::Api;
use crate::http::openapi::params::JobPath;
use crate::http::problem::Problem;
use crate::http::{limit, reply};
use crate::job::view::PollBody;

/// Cancels a job: free while it is queued; while it runs, charged what it cost so far.
#[utoipa::path(
    post,
    path = "/api/v1/enrich/jobs/{job_id}/cancel",
    operation_id = "cancelJob",
    tag = "jobs",
    params(JobPath),
    security(("poll_bearer" = []), ("agent" = [])),
    responses((status = 202, description = "It ends, or has ended by this.", body = PollBody))
)]
pub async fn cancel(State(api): State<Arc<Api>>, path: Result<Path<String>, PathRejection>, request: Request) -> Result<Response, Problem> {
    let sight = Sight::of(&api, request.headers(), request.extensions(), path).await?;
    let cancelled = async {
        sight.may_act()?;
        let job = api.node.cancel(sight.job.spec.id).await?;
        reply::job(StatusCode::ACCEPTED, &api.node, &job, api.settings.max_timeout_seconds)
    };
    let outcome = cancelled.await;
    limit::told(sight.budget, outcome)
}
