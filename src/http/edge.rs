//! What every answer has, whichever handler gave it: a request id, the body of its problem, CORS, compression, a count.
//!
//! One hand-written layer around each route instead of a stack of them: a submit and a poll pay for one more future, no more.

use std::any::Any;
use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tower::{Layer, Service, ServiceExt};

use super::forward::{self, Passing, Stays};
use super::problem::{Kind, Problem};
use super::request_id::RequestIds;
use super::{compress, cors, meter::Meter};
use crate::actors::Node;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
/// Of a 402: the protocol's object, not a problem's.
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// What all routes of a listener share.
#[derive(Debug)]
pub struct Edge {
    /// The public URL, below which the pages of the problems are.
    pub base: String,
    /// Names requests.
    pub ids: RequestIds,
    /// Whether pages of other origins may call it.
    pub cors: bool,
    /// Where several nodes share a store: passes on what another one has to answer.
    pub shared: Option<Node>,
}

impl Edge {
    /// The layer of one route, which counts into `meter`.
    pub fn layer(self: &Arc<Self>, meter: Meter) -> EdgeLayer {
        EdgeLayer { edge: Arc::clone(self), meter: Arc::new(meter) }
    }

    fn finish(&self, mut response: Response, id: &HeaderValue) -> Response {
        if let Some(problem) = response.extensions_mut().remove::<Problem>() {
            self.write(&problem, &mut response, id);
        } else if response.status() == StatusCode::METHOD_NOT_ALLOWED {
            self.write(&Problem::new(Kind::MethodNotAllowed, "The header Allow lists the methods of this path."), &mut response, id);
        }
        let headers = response.headers_mut();
        headers.insert(REQUEST_ID, id.clone());
        response
    }

    fn write(&self, problem: &Problem, response: &mut Response, id: &HeaderValue) {
        let json = problem.to_json(&self.base, id.to_str().unwrap_or_default());
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_LENGTH);
        headers.insert(header::CONTENT_TYPE, if problem.demand().is_some() { JSON } else { PROBLEM_JSON });
        headers.insert(header::CACHE_CONTROL, NO_STORE);
        if let Some(seconds) = problem.retry_after_seconds() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        let entry = problem.kind().entry();
        if entry.status == StatusCode::UNAUTHORIZED {
            // RFC 6750 section 3.
            let challenge = if matches!(problem.kind(), Kind::InvalidToken) { "Bearer error=\"invalid_token\"" } else { "Bearer" };
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        *response.body_mut() = Body::from(json);
    }
}

/// See [`Edge::layer`].
#[derive(Debug, Clone)]
pub struct EdgeLayer {
    edge: Arc<Edge>,
    meter: Arc<Meter>,
}

impl<S> Layer<S> for EdgeLayer {
    type Service = EdgeService<S>;

    fn layer(&self, inner: S) -> EdgeService<S> {
        EdgeService { inner, edge: Arc::clone(&self.edge), meter: Arc::clone(&self.meter) }
    }
}

/// A route inside of its [`EdgeLayer`].
#[derive(Debug, Clone)]
pub struct EdgeService<S> {
    inner: S,
    edge: Arc<Edge>,
    meter: Arc<Meter>,
}

impl<S> Service<Request> for EdgeService<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // A clone is made ready for each call.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let (inner, edge, meter) = (self.inner.clone(), Arc::clone(&self.edge), Arc::clone(&self.meter));
        Box::pin(async move {
            let started = tokio::time::Instant::now();
            let id = edge.ids.of(request.headers().get(REQUEST_ID));
            let from_page = edge.cors && request.headers().contains_key(header::ORIGIN);
            let gzip = compress::is_wanted(request.headers());
            let response = if from_page && request.method() == Method::OPTIONS {
                cors::preflight()
            } else {
                let passing = match &edge.shared {
                    Some(node) => {
                        // Both nodes log it under one name.
                        request.headers_mut().insert(REQUEST_ID, id.clone());
                        forward::pass(node, request).await
                    }
                    None => Passing::Here(request, Stays::default()),
                };
                match passing {
                    Passing::Here(request, stays) => {
                        let Ok(response) = AssertUnwindSafe(inner.oneshot(request)).catch_unwind().await.unwrap_or_else(|panic| {
                            tracing::error!(request.id = id.to_str().unwrap_or_default(), panic = words_of(&*panic), "a handler panicked");
                            Ok(Problem::internal().into_response())
                        });
                        match &edge.shared {
                            Some(node) => stays.hold(node, response),
                            None => response,
                        }
                    }
                    Passing::Answered(response) => response,
                }
            };
            let mut response = edge.finish(response, &id);
            if edge.cors {
                cors::open(response.headers_mut(), from_page);
            }
            if gzip {
                response = compress::gzip(response).await;
            }
            meter.count(response.status(), started.elapsed());
            Ok(response)
        })
    }
}

fn words_of(panic: &(dyn Any + Send)) -> &str {
    let words = panic.downcast_ref::<&str>().copied();
    words.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("of no words")
}
