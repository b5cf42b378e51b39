//! Pages of any origin may call the public listener. Without credentials: who may do what is in the bearer, never in a cookie.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PATCH, DELETE, OPTIONS");
/// A `*` would not cover `Authorization` (Fetch standard), so all are named.
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "Authorization, Content-Type, Idempotency-Key, Prefer, Last-Event-ID, X-Request-Id, PAYMENT-SIGNATURE, X-PAYMENT, Cancel-After, \
     X-Session-Id, X-Session-Budget-Usd",
);
const ANSWER_HEADERS: HeaderValue = HeaderValue::from_static(
    "Location, Retry-After, Preference-Applied, Idempotency-Replayed, X-Request-Id, RateLimit, RateLimit-Policy, PAYMENT-REQUIRED, \
     PAYMENT-RESPONSE, X-Session-Budget-Remaining-Usd, Enrich-Receipt",
);

/// Answers a browser's question whether a page may call.
pub fn preflight() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    response
}

/// Lets a page read the answer. The constant `*` is always sent, so that a cache can't keep an answer without it.
pub fn open(headers: &mut HeaderMap, from_page: bool) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    if from_page {
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, ANSWER_HEADERS);
    }
}
