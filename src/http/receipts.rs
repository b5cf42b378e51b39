//! `GET /.well-known/jwks.json`, and the header in which a route's own answer carries its receipt.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderName;
use axum::response::Response;

use super::api::Api;
use super::problem::Problem;
use super::reply;
use crate::receipt::Jwks;

/// Carries the receipt where the body is the result itself.
pub const RECEIPT: HeaderName = HeaderName::from_static("enrich-receipt");
/// Clients and proxies refuse heads of more than 8 KiB; a receipt of up to 50 hops fits.
const HEADER_BYTES_MAX: usize = 6 * 1024;

/// The public keys that receipts are verified by.
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    operation_id = "receiptKeys",
    tag = "service",
    responses((status = 200, description = "Ed25519 keys, the newest first; may be kept for five minutes.", body = Jwks))
)]
pub async fn keys(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    let text = serde_json::to_vec(&api.node.receipt_keys()).map_err(|error| {
        tracing::error!(%error, "the receipts' keys could not be written");
        Problem::internal()
    })?;
    Ok(reply::public("application/jwk-set+json", text))
}

/// Adds the receipt to an answer, where it is short enough for a header.
pub fn stamp(response: &mut Response, receipt: Option<String>) {
    if let Some(receipt) = receipt.filter(|receipt| receipt.len() <= HEADER_BYTES_MAX) {
        reply::set(response, RECEIPT, receipt);
    }
}
