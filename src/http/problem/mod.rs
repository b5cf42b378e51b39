//! Errors on the wire: RFC 9457 problems, every one of which has a page in `docs/problems.md`. The only place that knows the
//! status of an error.

mod kind;
mod of;

use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

pub use self::kind::{Entry, Kind, PaymentState, RetryAction};

use super::limit::Budget;
use super::x402::demand::{After, Demand, PAYMENT_REQUIRED};
use super::x402::settled::PAYMENT_RESPONSE;
use crate::billing::x402::PaymentRequired;
use crate::types::{FieldError, FieldErrorKind, JobId, Timestamp};

/// Where the page of a problem is, below the public URL.
pub const PAGES: &str = "/docs/problems/";

/// A field that can't be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Fault {
    /// Where: a JSON Pointer (RFC 6901) into the body.
    #[schema(example = "/payload/business_name")]
    pub pointer: String,
    /// What it should be.
    #[schema(example = "is required")]
    pub detail: String,
}

/// The body of every error (RFC 9457), with what an agent needs to act without guessing.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody<'a> {
    /// A page that explains the kind of problem.
    #[schema(format = "uri-reference", example = "/docs/problems/validation-failed")]
    r#type: String,
    /// A short summary, the same each time.
    title: &'static str,
    /// The HTTP status again.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What happened this time.
    detail: &'a str,
    /// Stable, for programs.
    #[schema(pattern = "^[A-Z][A-Z0-9_]*$", example = "VALIDATION_FAILED")]
    code: &'static str,
    /// The `X-Request-Id` of the answer.
    request_id: &'a str,
    /// The fields that can't be taken.
    #[serde(skip_serializing_if = "<[Fault]>::is_empty")]
    errors: &'a [Fault],
    /// Whether the same request may succeed later.
    retryable: bool,
    /// What to do.
    retry_action: RetryAction,
    /// How long to wait first.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_seconds: Option<u64>,
    /// What became of the payment.
    payment_state: PaymentState,
    /// Until when the payment's authorization could still be used, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    authorization_expires_at: Option<Timestamp>,
    /// The job of a call that has no result to answer with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^ej_[0-9a-z]{29}$")]
    job_id: Option<JobId>,
    /// Reads, streams and cancels that job.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^411j_[0-9a-z]{52}$")]
    poll_bearer: Option<&'a str>,
}

/// The body of a payment that was refused: what would be taken instead, and what an agent needs to go on.
#[derive(Serialize)]
struct RefusedBody<'a> {
    #[serde(flatten)]
    required: &'a PaymentRequired,
    code: &'static str,
    detail: &'a str,
    retryable: bool,
    retry_action: RetryAction,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_seconds: Option<u64>,
    payment_state: PaymentState,
    request_id: &'a str,
}

/// A problem on its way out. The edge gives it its request id and its body.
#[derive(Debug, Clone)]
pub struct Problem(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    kind: Kind,
    action: RetryAction,
    detail: String,
    faults: Vec<Fault>,
    retry_after: Option<u64>,
    payment: PaymentState,
    authorization_expires_at: Option<Timestamp>,
    budget: Option<Budget>,
    demand: Option<Demand>,
    job: Option<(JobId, String)>,
    settled: Option<HeaderValue>,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem of this kind, and what happened this time.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            action: kind.entry().action,
            detail: detail.into(),
            faults: Vec::new(),
            retry_after: kind.wait_seconds(),
            payment: PaymentState::None,
            authorization_expires_at: None,
            budget: None,
            demand: None,
            job: None,
            settled: None,
            header: None,
        }))
    }

    /// To be answered in another way than its kind usually is.
    pub fn with_action(mut self, action: RetryAction) -> Self {
        self.0.action = action;
        self
    }

    /// With what can be paid instead.
    pub fn with_demand(mut self, demand: Demand) -> Self {
        self.0.demand = Some(demand);
        self
    }

    /// With the job that it is about, and the bearer that opens it.
    pub fn with_job(mut self, id: JobId, poll_bearer: String) -> Self {
        self.0.job = Some((id, poll_bearer));
        self
    }

    /// With a `PAYMENT-RESPONSE`, for a payment whose settlement has ended.
    pub fn with_payment_response(mut self, header: Option<HeaderValue>) -> Self {
        self.0.settled = header;
        self
    }

    /// With one more header.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.header = Some((name, value));
        self
    }

    /// What can be paid instead.
    pub fn demand(&self) -> Option<&Demand> {
        self.0.demand.as_ref()
    }

    /// What became of the payment.
    pub fn payment_state(&self) -> PaymentState {
        self.0.payment
    }

    /// With the invalid fields.
    pub fn with_faults(mut self, faults: Vec<Fault>) -> Self {
        self.0.faults = faults;
        self
    }

    /// To be tried again after this many seconds.
    pub fn after_seconds(mut self, seconds: u64) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    /// What became of the payment that came with it.
    pub fn with_payment(mut self, state: PaymentState) -> Self {
        self.0.payment = state;
        self
    }

    /// Until when the payment that came with it could still be used.
    pub fn with_authorization_until(mut self, at: Timestamp) -> Self {
        self.0.authorization_expires_at = Some(at);
        self
    }

    /// With the caller's budget of requests, for the headers.
    pub fn with_budget(mut self, budget: Budget) -> Self {
        self.0.budget = Some(budget);
        self
    }

    /// One invalid field.
    pub fn field(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::fields(vec![FieldError::invalid(pointer, detail)])
    }

    /// Faults of a body: 400 where it is no JSON of ours, else 422.
    pub fn fields(faults: Vec<FieldError>) -> Self {
        let syntax = faults.iter().find(|fault| fault.kind == FieldErrorKind::Syntax);
        let (kind, detail) = match (syntax, faults.first()) {
            (Some(fault), _) if fault.pointer.is_empty() => (Kind::InvalidJson, fault.detail.clone()),
            (Some(fault), _) => (Kind::InvalidJson, format!("{} {}", fault.pointer, fault.detail)),
            (None, Some(fault)) if faults.len() == 1 && fault.pointer.is_empty() => (Kind::ValidationFailed, fault.detail.clone()),
            (None, Some(fault)) if faults.len() == 1 => (Kind::ValidationFailed, format!("{} {}", fault.pointer, fault.detail)),
            (None, _) => (Kind::ValidationFailed, format!("{} fields are invalid", faults.len())),
        };
        let faults = faults.into_iter().map(|fault| Fault { pointer: fault.pointer, detail: fault.detail });
        Self::new(kind, detail).with_faults(faults.collect())
    }

    /// Ours: what it was stays in the log.
    pub fn internal() -> Self {
        Self::new(Kind::Internal, "The failure is logged under this request id.")
    }

    /// The one answer for a job that isn't there or isn't for this bearer (T-22).
    pub fn job_not_found() -> Self {
        Self::new(Kind::JobNotFound, "No job of that id can be seen with this bearer.")
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The fields that can't be taken.
    pub fn faults(&self) -> &[Fault] {
        &self.0.faults
    }

    /// How long to wait, where waiting helps.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        self.0.retry_after
    }

    /// What happened this time, for a log line: it never holds a secret.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// Its body. `base` is the public URL, below which the pages are.
    pub fn to_json(&self, base: &str, request_id: &str) -> Vec<u8> {
        let entry = self.0.kind.entry();
        let (action, detail) = (self.0.action, self.0.detail.as_str());
        let retryable = matches!(action, RetryAction::WaitAndRetry | RetryAction::RetrySamePayment);
        if let Some(demand) = &self.0.demand {
            return match demand.after {
                After::Nothing => serde_json::to_vec(&demand.required).unwrap_or_default(),
                After::Payment => {
                    let body = RefusedBody {
                        required: &demand.required,
                        code: entry.code,
                        detail,
                        retryable,
                        retry_action: action,
                        retry_after_seconds: self.0.retry_after,
                        payment_state: self.0.payment,
                        request_id,
                    };
                    serde_json::to_vec(&body).unwrap_or_default()
                }
            };
        }
        let body = ProblemBody {
            r#type: format!("{base}{PAGES}{}", entry.slug),
            title: entry.title,
            status: entry.status.as_u16(),
            detail,
            code: entry.code,
            request_id,
            errors: &self.0.faults,
            retryable,
            retry_action: action,
            retry_after_seconds: self.0.retry_after,
            payment_state: self.0.payment,
            authorization_expires_at: self.0.authorization_expires_at,
            job_id: self.0.job.as_ref().map(|(id, _)| *id),
            poll_bearer: self.0.job.as_ref().map(|(_, bearer)| bearer.as_str()),
        };
        serde_json::to_vec(&body).unwrap_or_default()
    }
}

impl IntoResponse for Problem {
    /// Without a body: the edge knows the request id and writes it.
    fn into_response(self) -> Response {
        let mut response = Response::new(axum::body::Body::empty());
        *response.status_mut() = self.0.kind.entry().status;
        if let Some(budget) = &self.0.budget {
            budget.stamp(response.headers_mut());
        }
        if let Some(demand) = &self.0.demand {
            response.headers_mut().insert(PAYMENT_REQUIRED, demand.header.clone());
        }
        if let Some(settled) = &self.0.settled {
            response.headers_mut().insert(PAYMENT_RESPONSE, settled.clone());
        }
        if let Some((name, value)) = &self.0.header {
            response.headers_mut().insert(name, value.clone());
        }
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_and_slugs_say_the_same_and_are_unique() {
        let mut seen = HashSet::new();
        for kind in Kind::ALL {
            let entry = kind.entry();
            assert_eq!(entry.code.to_lowercase().replace('_', "-"), entry.slug);
            assert!(seen.insert(entry.code), "{} is there twice", entry.code);
        }
        assert!(Kind::ALL.is_sorted_by_key(|kind| kind.entry().status.as_u16()));
    }

    #[test]
    fn what_can_be_retried_says_when() {
        for kind in Kind::ALL {
            let problem = Problem::new(*kind, "x");
            assert_eq!(problem.retry_after_seconds().is_some(), kind.entry().action == RetryAction::WaitAndRetry, "{kind:?}");
        }
    }

    #[test]
    fn syntax_is_400_and_limits_are_422() {
        let syntax = Problem::fields(vec![FieldError::invalid("/a", "x"), FieldError::syntax("/b", "is given twice")]);
        assert_eq!(syntax.kind(), Kind::InvalidJson);
        assert_eq!(Problem::field("/a", "x").kind(), Kind::ValidationFailed);
    }
}
