//! `GET /api/v1/enrich/jobs/{job_id}`: where a job stands, and `Prefer: wait` for when that changes.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::Response;

use super::access::Sight;
use crate::http::api::Api;
use crate::http::openapi::params::{JobPath, PreferHeader};
use crate::http::problem::Problem;
use crate::http::x402::settled;
use crate::http::{limit, reply};
use crate::job::Job;
use crate::job::view::PollBody;

const PREFER: HeaderName = HeaderName::from_static("prefer");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
/// The longest that an answer is held.
const WAIT_SECONDS_MAX: u64 = 60;

/// Where a job stands.
#[utoipa::path(
    get,
    path = "/api/v1/enrich/jobs/{job_id}",
    operation_id = "getJob",
    tag = "jobs",
    params(JobPath, PreferHeader),
    security(("poll_bearer" = []), ("agent" = []), ("usage_key" = [])),
    responses((
        status = 200,
        description = "Where it stands.",
        body = PollBody,
        headers(
            ("Preference-Applied" = String, description = "`wait=N` where the answer was held."),
            ("PAYMENT-RESPONSE" = String, description = "How the payment was settled (x402), in base64, once a job that a wallet pays for is over."),
        )
    ))
)]
pub async fn poll(State(api): State<Arc<Api>>, path: Result<Path<String>, PathRejection>, request: Request) -> Result<Response, Problem> {
    let sight = Sight::of(&api, request.headers(), request.extensions(), path).await?;
    let outcome = answer(&api, &sight.job, request.headers()).await;
    limit::told(sight.budget, outcome)
}

async fn answer(api: &Api, job: &Job, headers: &HeaderMap) -> Result<Response, Problem> {
    let wait = wait_seconds(headers).filter(|_| !job.state.status.is_ended());
    let waited = match wait {
        Some(seconds) => after_change(api, job, seconds).await?.map(|job| (job, seconds)),
        None => None,
    };
    let shown = waited.as_ref().map_or(job, |(changed, _)| changed);
    let told = api.node.progress(shown);
    let mut response = reply::json(
        StatusCode::OK,
        &PollBody::of(shown, api.settings.max_timeout_seconds).so_far(&told.progress).with_receipt(api.node.receipt(shown)),
    )?;
    settled::stamp(&mut response, settled::of_job(shown));
    if let Some((_, seconds)) = waited {
        reply::set(&mut response, PREFERENCE_APPLIED, format!("wait={seconds}"));
    }
    Ok(response)
}

/// The job after its status changed or the time ran out. Nothing where too many wait, or the server goes down: then the
/// poll is answered at once, which is what a client without patience gets.
async fn after_change(api: &Api, job: &Job, seconds: u64) -> Result<Option<Arc<Job>>, Problem> {
    let Ok(_place) = api.waiting.try_acquire() else { return Ok(None) };
    let waiting = api.node.job_after(job.spec.id, job.state.status, Duration::from_secs(seconds));
    Ok(api.shutdown.run_until_cancelled(waiting).await.transpose()?.flatten())
}

/// The seconds of `Prefer: wait=N` (RFC 7240 section 4.3), at most [`WAIT_SECONDS_MAX`]. What can't be read is ignored, as
/// preferences are.
fn wait_seconds(headers: &HeaderMap) -> Option<u64> {
    let preferences = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let wait = preferences.filter_map(|preference| {
        let (name, value) = preference.split(';').next()?.split_once('=')?;
        name.trim().eq_ignore_ascii_case("wait").then(|| value.trim().trim_matches('"').parse::<u64>().ok())
    });
    // The first one counts (RFC 7240 section 2).
    wait.take(1).next().flatten().filter(|seconds| *seconds > 0).map(|seconds| seconds.min(WAIT_SECONDS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preferences() {
        for (values, wanted) in [
            (&["wait=10"][..], Some(10)),
            (&["respond-async, wait=1"], Some(1)),
            (&["respond-async", "Wait = \"5\"; foo"], Some(5)),
            (&["wait=600"], Some(60)),
            (&["wait=3, wait=5"], Some(3)),
            (&["wait=0"], None),
            (&["wait=-1"], None),
            (&["wait"], None),
            (&["waiting=1"], None),
            (&[], None),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(PREFER, value.parse().unwrap());
            }
            assert_eq!(wait_seconds(&headers), wanted, "{values:?}");
        }
    }
}
