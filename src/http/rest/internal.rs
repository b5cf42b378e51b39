//! What nodes ask of one another. To everybody else there is no such path.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::actors::Node;

/// Answers another node.
pub(super) async fn ask(State(node): State<Node>, headers: HeaderMap, question: Bytes) -> Response {
    if !node.is_from_node(&headers) {
        return StatusCode::NOT_FOUND.into_response();
    }
    ([(header::CACHE_CONTROL, "no-store")], node.answer(&question).await).into_response()
}
