//! `GET /api/v1/enrich/jobs/{job_id}/events`: the job's changes as Server-Sent Events, until it ends.
//!
//! An event's id is the job's version, which is stored with it: it means the same after a restart. A client that comes back
//! with `Last-Event-ID` gets what changed since then; changes that followed one another quickly may come as one. What a run tells of
//! itself between two changes comes under the id of the earlier one.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream, StreamExt};
use tokio::sync::OwnedSemaphorePermit;

use super::access::Sight;
use crate::actors::{Node, Place, Shown};
use crate::http::api::Api;
use crate::http::openapi::params::{JobPath, LastEventIdHeader};
use crate::http::problem::{Kind, Problem};
use crate::http::{limit, reply};
use crate::job::view::PollBody;
use crate::job::{Job, Status};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Tells proxies that look for it not to hold events back.
const NO_BUFFERING: (HeaderName, HeaderValue) = (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Streams a job's changes.
#[utoipa::path(
    get,
    path = "/api/v1/enrich/jobs/{job_id}/events",
    operation_id = "streamJob",
    tag = "jobs",
    params(JobPath, LastEventIdHeader),
    security(("poll_bearer" = []), ("agent" = []), ("usage_key" = [])),
    responses(
        (
            status = 200,
            description = "Server-Sent Events `status`, `progress` and, at the end, `done`; `data` is the job, `id` counts its changes.",
            body = String,
            content_type = "text/event-stream"
        ),
        (status = 204, description = "The job has ended, and its last event was seen.")
    )
)]
pub async fn events(State(api): State<Arc<Api>>, path: Result<Path<String>, PathRejection>, request: Request) -> Result<Response, Problem> {
    let sight = Sight::of(&api, request.headers(), request.extensions(), path).await?;
    let seen = last_event_id(request.headers())?;
    if sight.job.state.status.is_ended() && seen.is_some_and(|seen| seen >= sight.job.state.version) {
        // It has had `done`; a 204 is how an EventSource learns not to come back.
        return Ok(reply::no_content());
    }
    let Ok(place) = Arc::clone(&api.waiting).try_acquire_owned() else {
        return Err(Problem::new(Kind::Overloaded, "Too many streams are open; poll the job instead."));
    };
    let changes = Changes {
        node: api.node.clone(),
        max_timeout_seconds: api.settings.max_timeout_seconds,
        seen,
        told: 0,
        status: None,
        next: Some(Arc::clone(&sight.job)),
        job: sight.job.spec.id,
        _place: place,
    };
    let stream = changes.stream().take_until(api.shutdown.clone().cancelled_owned());
    let mut response = Sse::new(stream).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("heartbeat")).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(NO_BUFFERING.0, NO_BUFFERING.1);
    limit::told(sight.budget, Ok(response))
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<u32>, Problem> {
    let Some(value) = headers.get(LAST_EVENT_ID).filter(|value| !value.is_empty()) else { return Ok(None) };
    let version = value.to_str().ok().and_then(|text| text.parse().ok());
    version.map(Some).ok_or_else(|| Problem::new(Kind::InvalidHeader, "Last-Event-ID must be the id of an event of this stream."))
}

/// Where a stream stands.
struct Changes {
    node: Node,
    max_timeout_seconds: u32,
    job: crate::types::JobId,
    /// The version of the last event.
    seen: Option<u32>,
    /// Up to where it told of the run.
    told: u64,
    /// The status that the last event told.
    status: Option<Status>,
    /// The job as the request found it, to be looked at first.
    next: Option<Arc<Job>>,
    _place: OwnedSemaphorePermit,
}

impl Changes {
    fn stream(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, |mut changes| async move {
            let event = changes.next_event().await?;
            Some((Ok(event), changes))
        })
    }

    /// The next event; nothing after `done`, or where the job can't be read any more: the client comes back by itself.
    async fn next_event(&mut self) -> Option<Event> {
        loop {
            if self.status.is_some_and(Status::is_ended) {
                return None;
            }
            let job = match self.next.take() {
                Some(job) => job,
                // Another node has it now, where the client is sent when it comes back.
                None if matches!(self.node.place(self.job.slot()), Place::At(_)) => return None,
                None => self.node.job_beyond(self.job, self.seen.unwrap_or(0), self.told, HEARTBEAT).await.ok()??,
            };
            let shown = self.node.progress(&job);
            if self.seen.is_some_and(|seen| seen >= job.state.version) && shown.tick <= self.told {
                if job.state.status.is_ended() {
                    return None;
                }
                continue;
            }
            return self.event(&job, &shown);
        }
    }

    fn event(&mut self, job: &Job, shown: &Shown) -> Option<Event> {
        let status = job.state.status;
        let name = match self.status {
            _ if status.is_ended() => "done",
            Some(told) if told == status => "progress",
            Some(_) | None => "status",
        };
        (self.seen, self.status, self.told) = (Some(job.state.version), Some(status), self.told.max(shown.tick));
        let data = serde_json::to_string(
            &PollBody::of(job, self.max_timeout_seconds).so_far(&shown.progress).with_receipt(self.node.receipt(job)),
        )
        .ok()?;
        Some(Event::default().id(job.state.version.to_string()).event(name).data(data))
    }
}
