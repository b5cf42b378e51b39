//! The table of what is served: the router and the OpenAPI document are made from the same rows, so neither can lack one.

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter, any, on};
use utoipa::openapi::path::{HttpMethod, Operation};

use super::edge::Edge;
use super::meter::Meter;
use super::problem::{Kind, Problem};

/// One method of one path.
pub struct Row<S> {
    /// Its method.
    pub method: HttpMethod,
    /// Its path, with `{parameters}`.
    pub path: String,
    /// Its part of the document.
    pub operation: Operation,
    handler: MethodRouter<S>,
}

impl<S> std::fmt::Debug for Row<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Row({} {})", name(&self.method), self.path)
    }
}

impl<S: Clone + Send + Sync + 'static> Row<S> {
    /// The row of a handler and the declaration above it.
    pub fn new<P, H, T>(_declared: P, handler: H) -> Self
    where
        P: utoipa::Path,
        H: Handler<T, S>,
        T: 'static,
    {
        let method = P::methods().into_iter().next().unwrap_or(HttpMethod::Get);
        let operation = P::operation();
        Self { path: P::path(), operation, handler: on(filter(&method), handler), method }
    }

    /// As counted: `GET /x/{id}`.
    pub fn label(&self) -> String {
        format!("{} {}", name(&self.method), self.path)
    }
}

/// A router of these rows, each inside its own layer, and a problem for every other path.
pub fn router<S: Clone + Send + Sync + 'static>(rows: Vec<Row<S>>, edge: &Arc<Edge>, listener: &'static str, state: S) -> Router {
    let mut router = Router::new();
    for row in rows {
        let layer = edge.layer(Meter::new(listener, &row.label()));
        router = router.route(&row.path, row.handler.layer(layer));
    }
    let elsewhere = any(nothing_here).layer(edge.layer(Meter::new(listener, "none")));
    router.fallback_service(elsewhere.with_state(())).with_state(state)
}

async fn nothing_here() -> Problem {
    Problem::new(Kind::NotFound, "No such path; /openapi.json lists them all.")
}

fn filter(method: &HttpMethod) -> MethodFilter {
    match method {
        HttpMethod::Get => MethodFilter::GET,
        HttpMethod::Post => MethodFilter::POST,
        HttpMethod::Put => MethodFilter::PUT,
        HttpMethod::Delete => MethodFilter::DELETE,
        HttpMethod::Options => MethodFilter::OPTIONS,
        HttpMethod::Head => MethodFilter::HEAD,
        HttpMethod::Patch => MethodFilter::PATCH,
        HttpMethod::Trace => MethodFilter::TRACE,
    }
}

fn name(method: &HttpMethod) -> &'static str {
    match method {
        HttpMethod::Get => "GET",
        HttpMethod::Post => "POST",
        HttpMethod::Put => "PUT",
        HttpMethod::Delete => "DELETE",
        HttpMethod::Options => "OPTIONS",
        HttpMethod::Head => "HEAD",
        HttpMethod::Patch => "PATCH",
        HttpMethod::Trace => "TRACE",
    }
}
