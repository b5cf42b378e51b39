//! Errors on the wire: RFC 9457 problems, every one of which has a page in `docs/problems.md`. The only place that knows the
//! status of an error.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::limit::Budget;
use crate::actors;
use crate::billing::x402::exposure::NoCredit;
use crate::job::Rejection;
use crate::shard::Refusal;
use crate::types::{FieldError, FieldErrorKind, Timestamp};

/// Where the page of a problem is, below the public URL.
pub const PAGES: &str = "/docs/problems/";

/// What a client does about a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RetryAction {
    /// Sign a new payment and send the request with it.
    Resign,
    /// Send the same request with the same payment.
    RetrySamePayment,
    /// Ask for the job it already has.
    Poll,
    /// Wait for `retry_after_seconds`, then send the same request, with the same `Idempotency-Key` where there was one.
    WaitAndRetry,
    /// Change the request.
    FixRequest,
    /// Give it up: no repeat can succeed.
    Abandon,
    /// Ask a person: for a token, for money, for help.
    HumanRequired,
}

/// What became of the payment that came with the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentState {
    /// There was none.
    #[default]
    None,
    /// It was not used and can be used elsewhere.
    Unused,
    /// It is claimed and not settled yet.
    InFlight,
    /// It is settled.
    Settled,
}

/// The row of a kind of problem: what is the same each time.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// The HTTP status.
    pub status: StatusCode,
    /// Stable, upper snake.
    pub code: &'static str,
    /// The last segment of its `type`.
    pub slug: &'static str,
    /// A short summary, the same each time.
    pub title: &'static str,
    /// What to do.
    pub action: RetryAction,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $status:ident $code:literal $slug:literal $title:literal $action:ident;)+) => {
        /// Every kind of problem that this service answers with.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Kind {
            $($(#[$doc])* $name,)+
        }

        impl Kind {
            /// All of them, in the order of their status.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// What is the same each time.
            pub const fn entry(self) -> Entry {
                match self {
                    $(Self::$name => Entry {
                        status: StatusCode::$status,
                        code: $code,
                        slug: $slug,
                        title: $title,
                        action: RetryAction::$action,
                    },)+
                }
            }
        }
    };
}

kinds! {
    /// The body is no JSON of ours.
    InvalidJson = BAD_REQUEST "INVALID_JSON" "invalid-json" "The body is not valid JSON" FixRequest;
    /// A header can't be read.
    InvalidHeader = BAD_REQUEST "INVALID_HEADER" "invalid-header" "A header can't be taken" FixRequest;
    /// A header asks for what is not built.
    HeaderNotSupported = BAD_REQUEST "HEADER_NOT_SUPPORTED" "header-not-supported" "A header asks for something this server can't do" FixRequest;
    /// A query parameter can't be read.
    InvalidQuery = BAD_REQUEST "INVALID_QUERY" "invalid-query" "A query parameter can't be taken" FixRequest;
    /// This act needs an `Idempotency-Key`.
    IdempotencyKeyRequired = BAD_REQUEST "IDEMPOTENCY_KEY_REQUIRED" "idempotency-key-required" "An Idempotency-Key is required" FixRequest;
    /// No bearer, and one is needed to buy.
    AgentTokenRequired = UNAUTHORIZED "AGENT_TOKEN_REQUIRED" "agent-token-required" "An agent's token is required" HumanRequired;
    /// No bearer, and one is needed to see a job.
    BearerRequired = UNAUTHORIZED "BEARER_REQUIRED" "bearer-required" "A bearer is required" FixRequest;
    /// Unknown, revoked or expired.
    InvalidToken = UNAUTHORIZED "INVALID_TOKEN" "invalid-token" "The token is not valid" HumanRequired;
    /// The operator's token is absent or wrong.
    AdminTokenRequired = UNAUTHORIZED "ADMIN_TOKEN_REQUIRED" "admin-token-required" "The operator's token is required" HumanRequired;
    /// The balance does not cover the ceiling.
    InsufficientBalance = PAYMENT_REQUIRED "INSUFFICIENT_BALANCE" "insufficient-balance" "The balance does not cover the ceiling" HumanRequired;
    /// The usage key's cap does not cover the ceiling.
    SpendCapReached = PAYMENT_REQUIRED "SPEND_CAP_REACHED" "spend-cap-reached" "The usage key's cap does not cover the ceiling" HumanRequired;
    /// A payment came, and this server takes none.
    X402NotOffered = PAYMENT_REQUIRED "X402_NOT_OFFERED" "x402-not-offered" "This server takes no x402 payments" FixRequest;
    /// The payer owes for earlier jobs.
    PayerInDebt = PAYMENT_REQUIRED "PAYER_IN_DEBT" "payer-in-debt" "The payer owes for earlier jobs" HumanRequired;
    /// The payer's unsettled maxima are at a limit.
    ExposureLimit = PAYMENT_REQUIRED "EXPOSURE_LIMIT" "exposure-limit" "Too much of the payer's is unsettled" WaitAndRetry;
    /// A poll bearer was used for something else than its job.
    PollBearerForbidden = FORBIDDEN "POLL_BEARER_FORBIDDEN" "poll-bearer-forbidden" "A poll bearer opens its own job only" FixRequest;
    /// A usage key was used for what only the agent may do.
    UsageKeyForbidden = FORBIDDEN "USAGE_KEY_FORBIDDEN" "usage-key-forbidden" "A usage key may not do this" HumanRequired;
    /// No such job, or not for this bearer.
    JobNotFound = NOT_FOUND "JOB_NOT_FOUND" "job-not-found" "No such job" Abandon;
    /// No such agent.
    AgentNotFound = NOT_FOUND "AGENT_NOT_FOUND" "agent-not-found" "No such agent" Abandon;
    /// No such usage key.
    UsageKeyNotFound = NOT_FOUND "USAGE_KEY_NOT_FOUND" "usage-key-not-found" "No such usage key" Abandon;
    /// The wallet owes nothing.
    WalletNotInDebt = NOT_FOUND "WALLET_NOT_IN_DEBT" "wallet-not-in-debt" "The wallet owes nothing" Abandon;
    /// No such page.
    NotFound = NOT_FOUND "NOT_FOUND" "not-found" "Nothing is here" Abandon;
    /// The path takes other methods.
    MethodNotAllowed = METHOD_NOT_ALLOWED "METHOD_NOT_ALLOWED" "method-not-allowed" "The method is not allowed here" FixRequest;
    /// The body came too slowly.
    RequestTimeout = REQUEST_TIMEOUT "REQUEST_TIMEOUT" "request-timeout" "The body took too long" WaitAndRetry;
    /// The job has ended.
    JobEnded = CONFLICT "JOB_ENDED" "job-ended" "The job has already ended" Poll;
    /// The job's status does not allow it.
    JobState = CONFLICT "JOB_STATE" "job-state" "Not possible in the job's status" Poll;
    /// The payment is claimed, and whoever sent it again can't be told from a stranger.
    PaymentAlreadyUsed = CONFLICT "PAYMENT_ALREADY_USED" "payment-already-used" "The payment is used already" Poll;
    /// The first request under the key is under way.
    IdempotencyInProgress = CONFLICT "IDEMPOTENCY_IN_PROGRESS" "idempotency-in-progress" "The first request under this key is still under way" WaitAndRetry;
    /// There is no room for another usage key.
    TooManyUsageKeys = CONFLICT "TOO_MANY_USAGE_KEYS" "too-many-usage-keys" "The agent has as many usage keys as it can have" FixRequest;
    /// The job has no callback.
    NoCallback = CONFLICT "NO_CALLBACK" "no-callback" "The job has no callback to deliver" Abandon;
    /// The body is too large.
    BodyTooLarge = PAYLOAD_TOO_LARGE "BODY_TOO_LARGE" "body-too-large" "The body is too large" FixRequest;
    /// The body is not declared as JSON.
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE "UNSUPPORTED_MEDIA_TYPE" "unsupported-media-type" "The body must be application/json" FixRequest;
    /// Fields are invalid.
    ValidationFailed = UNPROCESSABLE_ENTITY "VALIDATION_FAILED" "validation-failed" "Fields are invalid" FixRequest;
    /// The callback URL leads where nothing is called back.
    CallbackUrlForbidden = UNPROCESSABLE_ENTITY "CALLBACK_URL_FORBIDDEN" "callback-url-forbidden" "The callback URL can't be used" FixRequest;
    /// The key came with another request before.
    IdempotencyKeyReused = UNPROCESSABLE_ENTITY "IDEMPOTENCY_KEY_REUSED" "idempotency-key-reused" "The Idempotency-Key was used for another request" FixRequest;
    /// Too many requests.
    RateLimited = TOO_MANY_REQUESTS "RATE_LIMITED" "rate-limited" "Too many requests" WaitAndRetry;
    /// Ours.
    Internal = INTERNAL_SERVER_ERROR "INTERNAL" "internal" "Something went wrong on our side" WaitAndRetry;
    /// The node goes down.
    Draining = SERVICE_UNAVAILABLE "DRAINING" "draining" "The server takes no new work" WaitAndRetry;
    /// Too much is under way.
    Overloaded = SERVICE_UNAVAILABLE "OVERLOADED" "overloaded" "Too much work is under way" WaitAndRetry;
    /// The disk is full.
    StorageFull = SERVICE_UNAVAILABLE "STORAGE_FULL" "storage-full" "The server has no room for new work" WaitAndRetry;
    /// No endpoint of the payment's chain answers.
    ChainUnavailable = SERVICE_UNAVAILABLE "CHAIN_UNAVAILABLE" "chain-unavailable" "The payment's chain can't be read" RetrySamePayment;
    /// The store can't be reached.
    StoreUnavailable = SERVICE_UNAVAILABLE "STORE_UNAVAILABLE" "store-unavailable" "The store can't be reached" WaitAndRetry;
}

impl Kind {
    /// How long to wait where nothing better is known.
    const fn wait_seconds(self) -> Option<u64> {
        if !matches!(self.entry().action, RetryAction::WaitAndRetry) {
            return None;
        }
        if matches!(self, Self::StorageFull) {
            return Some(30);
        }
        Some(if matches!(self, Self::Draining | Self::StoreUnavailable) { 2 } else { 1 })
    }
}

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
}

/// A problem on its way out. The edge gives it its request id and its body.
#[derive(Debug, Clone)]
pub struct Problem(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    kind: Kind,
    detail: String,
    faults: Vec<Fault>,
    retry_after: Option<u64>,
    payment: PaymentState,
    authorization_expires_at: Option<Timestamp>,
    budget: Option<Budget>,
}

impl Problem {
    /// A problem of this kind, and what happened this time.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            detail: detail.into(),
            faults: Vec::new(),
            retry_after: kind.wait_seconds(),
            payment: PaymentState::None,
            authorization_expires_at: None,
            budget: None,
        }))
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
        let body = ProblemBody {
            r#type: format!("{base}{PAGES}{}", entry.slug),
            title: entry.title,
            status: entry.status.as_u16(),
            detail: &self.0.detail,
            code: entry.code,
            request_id,
            errors: &self.0.faults,
            retryable: matches!(entry.action, RetryAction::WaitAndRetry | RetryAction::RetrySamePayment),
            retry_action: entry.action,
            retry_after_seconds: self.0.retry_after,
            payment_state: self.0.payment,
            authorization_expires_at: self.0.authorization_expires_at,
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
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::InsufficientBalance { available, wanted } => {
                Self::new(Kind::InsufficientBalance, format!("The ceiling is ${wanted}; ${available} can be spent."))
            }
            Refusal::SpendCap { left, wanted } => {
                Self::new(Kind::SpendCapReached, format!("The ceiling is ${wanted}; ${left} is left under the usage key's cap."))
            }
            Refusal::KeyReused => {
                Self::new(Kind::IdempotencyKeyReused, "The Idempotency-Key came with another path or body before; use a new one.")
            }
            Refusal::NoAgent => Self::new(Kind::AgentNotFound, "There is no such agent, or it is disabled."),
            Refusal::NoUsageKey => Self::new(Kind::UsageKeyNotFound, "The agent has no usage key of that id."),
            Refusal::TooManyUsageKeys => Self::new(Kind::TooManyUsageKeys, "Revoke one that is not needed any more."),
            // Only live jobs are asked to change, so one that is not among them has ended.
            Refusal::NoJob | Refusal::Job(Rejection::Ended) => Self::new(Kind::JobEnded, "Nothing about it can change any more."),
            Refusal::NoCallback => Self::new(Kind::NoCallback, "It was submitted without a callback_url, or has not ended."),
            Refusal::Job(Rejection::OutOfOrder(status)) => {
                Self::new(Kind::JobState, format!("The job is {}; look at it again.", status.as_str()))
            }
            Refusal::NoCredit(why @ NoCredit::InDebt { .. }) => Self::new(Kind::PayerInDebt, format!("Pay them first: {why}.")),
            Refusal::NoCredit(why @ NoCredit::Beyond { .. }) => Self::new(Kind::ExposureLimit, format!("Nothing was claimed: {why}.")),
            Refusal::NoDebt => Self::new(Kind::WalletNotInDebt, "There is nothing to pay."),
            Refusal::OtherDebt { owed, offered } => {
                Self::new(Kind::WalletNotInDebt, format!("The wallet owes ${owed}; ${offered} was offered. Ask for the amount again."))
            }
            // Only an operator asks about one by its job.
            Refusal::NoDue => Self::new(Kind::JobEnded, "Nothing is owed for it."),
            Refusal::Lane(_) | Refusal::LookAgain | Refusal::Job(Rejection::OtherBilling | Rejection::Amount(_)) | Refusal::Amount(_) => {
                tracing::error!(%refusal, "the node refused what it should have handled");
                Self::internal()
            }
        }
    }
}

impl From<actors::Error> for Problem {
    fn from(error: actors::Error) -> Self {
        match error {
            actors::Error::Refused(refusal) => refusal.into(),
            actors::Error::NoJob(_) => Self::job_not_found(),
            actors::Error::NoAgent(_) => Self::new(Kind::AgentNotFound, "There is no agent of that id."),
            actors::Error::Overloaded => Self::new(Kind::Overloaded, "Nothing was changed; try again in a moment."),
            actors::Error::Draining => Self::new(Kind::Draining, "Nothing was changed; this server is going down."),
            actors::Error::StorageFull => Self::new(Kind::StorageFull, "Nothing was changed; jobs under way go on."),
            actors::Error::Unavailable => Self::new(
                Kind::StoreUnavailable,
                "Whether anything was done is unknown; a repeat under the same Idempotency-Key does it once at most.",
            ),
            actors::Error::Corrupt(ref what) => {
                tracing::error!(what, "stored data can't be read");
                Self::internal()
            }
        }
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
