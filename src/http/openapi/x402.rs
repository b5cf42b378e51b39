//! The objects of x402 version 2 (x402 specification, section 5), for the document. Nothing is read or written by these.

use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::http::problem::{PaymentState, RetryAction};

/// What can be paid: the body of a 402 or 412, and, in base64, its header `PAYMENT-REQUIRED`. Where a payment came and was
/// refused, the body also says why and what to do.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "only its schema is used")]
pub struct PaymentRequired {
    /// Always 2.
    x402_version: u64,
    /// `payment required`, `insufficient balance`, or why the payment was refused.
    error: Option<String>,
    /// What is bought.
    resource: Resource,
    /// Each way to pay for it.
    accepts: Vec<Requirements>,
    /// `payment-identifier`, never required, and `bazaar` with the schema of the request.
    #[schema(value_type = Option<Object>)]
    extensions: Option<Map<String, Value>>,
    /// Stable, for programs.
    #[schema(pattern = "^[A-Z][A-Z0-9_]*$")]
    code: Option<String>,
    /// Why this payment was refused.
    detail: Option<String>,
    /// Whether the same request may succeed later.
    retryable: Option<bool>,
    /// What to do.
    #[schema(rename = "retry_action")]
    retry_action: Option<RetryAction>,
    /// How long to wait first.
    #[schema(rename = "retry_after_seconds")]
    retry_after_seconds: Option<u64>,
    /// Always `unused`: a payment that is claimed is never answered so.
    #[schema(rename = "payment_state")]
    payment_state: Option<PaymentState>,
    /// The `X-Request-Id` of the answer.
    #[schema(rename = "request_id")]
    request_id: Option<String>,
}

/// What a payment buys.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "only its schema is used")]
pub struct Resource {
    /// Where it is.
    #[schema(format = "uri")]
    url: String,
    /// In words.
    description: Option<String>,
    /// Of the answer.
    mime_type: Option<String>,
    /// Whose it is.
    service_name: Option<String>,
    /// What it is found by.
    tags: Option<Vec<String>>,
}

/// One way to pay.
#[derive(Debug, ToSchema)]
#[schema(as = PaymentRequirements, rename_all = "camelCase")]
#[allow(dead_code, reason = "only its schema is used")]
pub struct Requirements {
    /// `upto`: a signed maximum, of which what was used is charged. `exact`: all of it, before the answer.
    #[schema(pattern = "^(upto|exact)$")]
    scheme: String,
    /// The chain, by its CAIP-2 name.
    #[schema(example = "eip155:8453")]
    network: String,
    /// In atomic units of the asset.
    #[schema(pattern = "^[0-9]+$")]
    amount: String,
    /// The token's address.
    asset: String,
    /// Who is paid.
    pay_to: String,
    /// For how long to sign, in seconds.
    max_timeout_seconds: u64,
    /// What else is needed for signing.
    #[schema(value_type = Object)]
    extra: Map<String, Value>,
}
