//! The kinds of problems: one table of statuses, codes, titles and what to do.

use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

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
    /// A payment can't be read.
    MalformedPayment = BAD_REQUEST "MALFORMED_PAYMENT" "malformed-payment" "The payment can't be read" FixRequest;
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
    /// Nothing was paid, and payment is possible.
    PaymentRequired = PAYMENT_REQUIRED "PAYMENT_REQUIRED" "payment-required" "Payment is required" Resign;
    /// The payment doesn't fit, or its chain would not honour it.
    PaymentRefused = PAYMENT_REQUIRED "PAYMENT_REFUSED" "payment-refused" "The payment is refused" Resign;
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
    /// The payment can't be settled any more.
    SettlementFailed = CONFLICT "SETTLEMENT_FAILED" "settlement-failed" "The payment could not be settled" Resign;
    /// The payment-identifier came with another payment or request before.
    PaymentIdentifierReused = CONFLICT "PAYMENT_IDENTIFIER_REUSED" "payment-identifier-reused" "The payment-identifier was used for another payment" FixRequest;
    /// The signed message has signed in before.
    SignInUsed = CONFLICT "SIGN_IN_USED" "sign-in-used" "The signed message was used already" FixRequest;
    /// The first request under the key is under way.
    IdempotencyInProgress = CONFLICT "IDEMPOTENCY_IN_PROGRESS" "idempotency-in-progress" "The first request under this key is still under way" WaitAndRetry;
    /// There is no room for another usage key.
    TooManyUsageKeys = CONFLICT "TOO_MANY_USAGE_KEYS" "too-many-usage-keys" "The agent has as many usage keys as it can have" FixRequest;
    /// The call doesn't fit into what is left of its session's budget.
    SessionBudgetExhausted = CONFLICT "SESSION_BUDGET_EXHAUSTED" "session-budget-exhausted" "The session's budget does not cover the call" FixRequest;
    /// There is no room for another session.
    TooManySessions = CONFLICT "TOO_MANY_SESSIONS" "too-many-sessions" "The agent has as many sessions as it can have" FixRequest;
    /// The job has no callback.
    NoCallback = CONFLICT "NO_CALLBACK" "no-callback" "The job has no callback to deliver" Abandon;
    /// The payer hasn't allowed Permit2 to move enough.
    Permit2AllowanceRequired = PRECONDITION_FAILED "PERMIT2_ALLOWANCE_REQUIRED" "permit2-allowance-required" "Permit2 may not move enough of the payer's tokens" RetrySamePayment;
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
    /// The session's first call named another budget.
    SessionBudgetFixed = UNPROCESSABLE_ENTITY "SESSION_BUDGET_FIXED" "session-budget-fixed" "The session has another budget" FixRequest;
    /// No such session, and no budget to begin it with.
    SessionUnknown = UNPROCESSABLE_ENTITY "SESSION_UNKNOWN" "session-unknown" "The session has not begun" FixRequest;
    /// A call of a session without a bearer, or with a payment.
    SessionNeedsBalance = UNPROCESSABLE_ENTITY "SESSION_NEEDS_BALANCE" "session-needs-balance" "A session is paid from an agent's balance" FixRequest;
    /// Too many requests.
    RateLimited = TOO_MANY_REQUESTS "RATE_LIMITED" "rate-limited" "Too many requests" WaitAndRetry;
    /// Ours.
    Internal = INTERNAL_SERVER_ERROR "INTERNAL" "internal" "Something went wrong on our side" WaitAndRetry;
    /// The job of a call failed.
    JobFailed = BAD_GATEWAY "JOB_FAILED" "job-failed" "The job failed" FixRequest;
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
    /// The job of a call goes on.
    StillRunning = GATEWAY_TIMEOUT "STILL_RUNNING" "still-running" "The job goes on" Poll;
}

impl Kind {
    /// How long to wait where nothing better is known.
    pub(super) const fn wait_seconds(self) -> Option<u64> {
        if !matches!(self.entry().action, RetryAction::WaitAndRetry) {
            return None;
        }
        if matches!(self, Self::StorageFull) {
            return Some(30);
        }
        Some(if matches!(self, Self::Draining | Self::StoreUnavailable) { 2 } else { 1 })
    }
}
