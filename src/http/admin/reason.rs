//! Why an operator acts: every change is logged with it.

use axum::body::Body;
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use crate::http::body;
use crate::http::problem::Problem;
use crate::types::FieldError;
use crate::types::payload::field;

/// The most characters of a reason.
pub const REASON_CHARS_MAX: usize = 500;

/// An act that needs nothing but its reason.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonBody {
    /// For the log, and where it concerns a buyer's job, for the buyer.
    #[schema(min_length = 1, max_length = 500, pattern = r"\S", example = "the vendor confirmed an outage")]
    pub reason: String,
}

/// Reads a JSON body into `T`, and gives the raw bytes for its idempotency key.
///
/// # Errors
/// As [`body::read_json`], and 400 or 422 with the field's pointer.
pub async fn read<T: DeserializeOwned>(parts: &Parts, body: Body) -> Result<(T, axum::body::Bytes), Problem> {
    let bytes = body::read_json(&parts.headers, body).await?;
    let value = field::read(body::text(&bytes)?).map_err(|fault| Problem::fields(vec![fault]))?;
    Ok((value, bytes))
}

/// Checks a reason.
///
/// # Errors
/// Where it is blank or too long.
pub fn checked(text: &str) -> Result<Box<str>, FieldError> {
    match (text.trim(), text.chars().count()) {
        ("", _) => Err(FieldError::invalid("/reason", "must not be empty")),
        (reason, 0..=REASON_CHARS_MAX) => Ok(reason.into()),
        _ => Err(FieldError::invalid("/reason", format!("must have at most {REASON_CHARS_MAX} characters"))),
    }
}

/// Reads the body of an act that needs nothing but its reason.
///
/// # Errors
/// As [`read`] and [`checked`].
pub async fn of(parts: &Parts, body: Body) -> Result<Box<str>, Problem> {
    let (ReasonBody { reason }, _) = read(parts, body).await?;
    checked(&reason).map_err(|fault| Problem::fields(vec![fault]))
}
