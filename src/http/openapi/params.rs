//! Parameters of requests, for the documents. The handlers read them by hand, so nothing here is parsed.

use utoipa::IntoParams;

/// The job of a path.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct JobPath {
    /// The job's id.
    #[param(pattern = "^ej_[0-9a-z]{29}$", example = "ej_0400rs0v9s4g0e1r60r30c1g60r30")]
    pub job_id: String,
}

/// The job of an operators' path.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct AnyJobPath {
    /// The job's id.
    #[param(pattern = "^ej_[0-9a-z]{29}$")]
    pub id: String,
}

/// The agent of an operators' path.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct AgentPath {
    /// The agent's id.
    #[param(pattern = "^ag_[0-9a-z]{29}$")]
    pub id: String,
}

/// The usage key of a path.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct UsageKeyPath {
    /// The key's id.
    #[param(pattern = "^uk_[0-9a-z]{26}$")]
    pub id: String,
}

/// The problem of a path.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ProblemPath {
    /// The last segment of a problem's `type`.
    #[param(example = "validation-failed")]
    pub slug: String,
}

/// Which page of a list.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many rows at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
    /// The `next_cursor` of the page before.
    #[param(pattern = "^c[0-9a-hjkmnp-tv-z]{1,102}$")]
    pub cursor: Option<String>,
}

/// Which page of which jobs.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct JobListQuery {
    /// How many rows at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
    /// The `next_cursor` of the page before.
    #[param(pattern = "^c[0-9a-hjkmnp-tv-z]{1,102}$")]
    pub cursor: Option<String>,
    /// Only jobs that stand there: `queued`, `running`, `completing`, `completed`, `failed`.
    #[param(pattern = "^(queued|running|completing|completed|failed)$")]
    pub status: Option<String>,
    /// Only jobs of this route.
    #[param(pattern = "^enrich/(websearch|lead-session)$")]
    pub route: Option<String>,
}

/// What tells a repeat from another request.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct IdempotencyHeader {
    /// Your own name for this request, the same with each repeat: 1-255 visible ASCII characters. Kept as long as what it made.
    #[param(rename = "Idempotency-Key", min_length = 1, max_length = 255, pattern = "^[!-~]+$")]
    pub idempotency_key: Option<String>,
}

/// Which calls share a budget.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct SessionHeaders {
    /// Your own name for a session: an agent's calls under one name share a budget, from its balance. One that is idle for a day is over.
    #[param(rename = "X-Session-Id", min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9_-]+$")]
    pub session_id: Option<String>,
    /// What all its calls together may cost, in US dollars: more than 0, at most 50. Needed in the first call, and fixed by it.
    #[param(rename = "X-Session-Budget-Usd", pattern = r"^(0|[1-9][0-9]*)(\.[0-9]{1,6})?$", example = "5")]
    pub session_budget_usd: Option<String>,
}

/// How patient the client is.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct PreferHeader {
    /// `wait=N` holds the answer until the status changes or N seconds (1-60) are over (RFC 7240).
    #[param(rename = "Prefer", example = "wait=30")]
    pub prefer: Option<String>,
}

/// What a stream's client has seen.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct LastEventIdHeader {
    /// The `id` of the last event that was seen: what changed since then follows.
    #[param(rename = "Last-Event-ID", minimum = 0)]
    pub last_event_id: Option<u32>,
}

/// What a wallet pays with.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct PaymentHeader {
    /// A signed payment (x402 version 2), in base64: one of `accepts` of the 402 that the same request without it is answered with.
    #[param(rename = "PAYMENT-SIGNATURE", max_length = 24576)]
    pub payment_signature: Option<String>,
}

/// The wallet of a path.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct WalletPath {
    /// Its address.
    #[param(pattern = "^0x[0-9a-fA-F]{40}$")]
    pub wallet: String,
}

/// Which page of a catalogue.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CatalogueQuery {
    /// Only resources of this kind; all are `http`.
    pub r#type: Option<String>,
    /// How many resources at most.
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub limit: Option<u32>,
    /// How many to leave out first.
    #[param(minimum = 0, default = 0)]
    pub offset: Option<u32>,
}

/// What a catalogue is searched for.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SearchQuery {
    /// Words. A resource is found by any of them, and those with most of them come first.
    pub query: String,
    /// Only resources of this kind; all are `http`.
    pub r#type: Option<String>,
    /// How many resources at most.
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub limit: Option<u32>,
}
