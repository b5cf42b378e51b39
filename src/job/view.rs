//! A job as its buyer sees it: the body of a poll, and the `data` of a callback.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

use super::{Billing, Failure, FailureCode, FoundField, Hop, HopOutcome, Job, Progress, Spec, Status};
use crate::billing::x402::amount::units;
use crate::types::{JobId, Route, Timestamp, Usd};

/// How often a client may well ask again, in seconds.
pub const POLL_INTERVAL_SECONDS: u32 = 2;

/// A job as its buyer sees it (api.md, `GET /api/v1/enrich/jobs/{job_id}`).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Job)]
pub struct PollBody<'a> {
    /// Its id.
    #[schema(value_type = String, pattern = "^ej_[0-9a-z]{29}$")]
    job_id: JobId,
    /// What is done.
    #[schema(schema_with = route_schema)]
    route: &'static str,
    /// Where it stands; it moves forward only.
    #[schema(schema_with = status_schema)]
    status: &'static str,
    /// How it is paid.
    #[schema(schema_with = billing_mode_schema)]
    billing_mode: &'static str,
    /// Null until billing begins: `settled_virtual`, `settling`, `settled` or `settle_failed`.
    billing_status: Option<&'static str>,
    /// The most that it can cost, in US dollars.
    #[schema(value_type = f64, minimum = 0)]
    bill_up_to_usd: Usd,
    /// What it cost; null until billing is done.
    #[schema(value_type = Option<f64>, minimum = 0)]
    charged_usd: Option<Usd>,
    /// What came back from the hold; null until billing is done.
    #[schema(value_type = Option<f64>, minimum = 0)]
    refunded_usd: Option<Usd>,
    /// What the charge is made of.
    #[schema(value_type = Vec<Cost>)]
    costs: Costs<'a>,
    /// What a wallet signed and paid, where one pays. Amounts are atomic units of the asset.
    #[serde(skip_serializing_if = "Option::is_none")]
    payment: Option<PaymentBody>,
    /// While it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<ProgressBody<'a>>,
    /// The route's result, once it is completed; `billed` says whether it was charged for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    result: Option<Outcome<'a>>,
    /// What a job that failed had found, where it was charged for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    partial_result: Option<Outcome<'a>>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorBody<'a>>,
    /// What it was, found and cost, signed by the server: a compact JWS, once the job is over. Its keys are at `/.well-known/jwks.json`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+$")]
    receipt: Option<String>,
    /// The buyer's own pairs.
    #[schema(value_type = std::collections::HashMap<String, String>)]
    metadata: Pairs<'a>,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it first ran.
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    /// When billing was done.
    #[schema(value_type = Option<String>, format = DateTime)]
    completed_at: Option<Timestamp>,
    /// When it is over at the latest, in seconds from its acceptance.
    max_timeout_seconds: u32,
    /// How often to poll, in seconds.
    poll_interval_sec: u32,
}

/// How far a run is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Progress)]
struct ProgressBody<'a> {
    /// The last vendor that answered, or `starting`.
    stage: &'a str,
    /// Rounds that are over.
    rounds_done: u32,
    /// Rounds at most.
    rounds_max: u32,
    /// What it cost so far, in US dollars.
    #[schema(value_type = f64, minimum = 0)]
    cost_usd: Usd,
    /// The fields that have a value by now. More may come, and a better source may still change one.
    found: Vec<FoundBody<'a>>,
}

/// A field and what it would be if the run ended now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FoundField)]
struct FoundBody<'a> {
    /// Its name in the result.
    field: &'a str,
    /// Its value; left out for operators.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
    /// How certain it is, from 0 to 1.
    #[serde(serialize_with = "as_fraction")]
    #[schema(value_type = f64, minimum = 0, maximum = 1)]
    confidence: u32,
}

impl<'a> FoundBody<'a> {
    fn of(found: &'a FoundField) -> Self {
        Self { field: &found.field, value: Some(&found.value), confidence: found.confidence }
    }
}

/// A wallet's payment for a job.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobPayment)]
struct PaymentBody {
    /// The chain, by its CAIP-2 name.
    #[schema(example = "eip155:8453")]
    network: String,
    /// The token's address.
    asset: String,
    /// Who signed it.
    payer: String,
    /// The most that was signed for, in atomic units.
    #[schema(pattern = "^[0-9]+$")]
    max_amount: String,
    /// The last moment at which the chain takes what was signed. Nothing is charged by it later.
    #[schema(value_type = String, format = DateTime)]
    authorization_expires_at: Timestamp,
    /// What was paid, in atomic units; null until it is settled, and where it never will be.
    #[schema(pattern = "^[0-9]+$")]
    amount: Option<String>,
    /// By which transaction; null too where nothing was due.
    #[schema(pattern = "^0x[0-9a-f]{64}$")]
    transaction: Option<String>,
    /// When it was settled.
    #[schema(value_type = Option<String>, format = DateTime)]
    settled_at: Option<Timestamp>,
}

/// Why a job failed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobError)]
struct ErrorBody<'a> {
    /// `VENDOR_UNAVAILABLE`, `TIMED_OUT`, `CANCELLED`, `PAYER_INSOLVENT`, `SETTLEMENT_FAILED` or `INTERNAL`.
    code: &'static str,
    /// In words.
    message: &'a str,
}

/// One line of the bill: a vendor, how often it was called, what that cost.
#[derive(Debug, Serialize, ToSchema)]
#[allow(clippy::struct_field_names, reason = "the wire says `cost_usd`")]
struct Cost<'a> {
    /// Counted from 1.
    hop: usize,
    /// Which vendor.
    tool: &'a str,
    /// How often it was called; 0 where an earlier answer was kept.
    calls: u32,
    /// What that cost, in US dollars.
    #[schema(value_type = f64, minimum = 0)]
    cost_usd: Usd,
}

fn one_of<'n>(names: impl IntoIterator<Item = &'n str>) -> Schema {
    let names = names.into_iter().map(str::to_owned).collect::<Vec<_>>();
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).build().into()
}

fn route_schema() -> Schema {
    one_of(Route::ALL.map(Route::as_str))
}

fn status_schema() -> Schema {
    one_of(Status::ALL.map(Status::as_str))
}

fn billing_mode_schema() -> Schema {
    one_of(["virtual_balance", "x402_upto", "x402_exact"])
}

#[derive(Debug)]
struct Costs<'a>(&'a [std::sync::Arc<Hop>]);

impl Serialize for Costs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let lines = self.0.iter().filter(|hop| !hop.is_note()).enumerate();
        serializer.collect_seq(lines.map(|(index, hop)| Cost {
            hop: index.saturating_add(1),
            tool: &hop.tool,
            calls: u32::from(hop.outcome != HopOutcome::Cached),
            cost_usd: hop.cost,
        }))
    }
}

#[derive(Debug)]
struct Pairs<'a>(&'a [(Box<str>, Box<str>)]);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

/// The route's result with `billed`: whether the buyer paid for it.
#[derive(Debug)]
struct Outcome<'a> {
    json: &'a str,
    billed: bool,
}

impl Serialize for Outcome<'_> {
    /// The stored text is spliced, not parsed: it is a JSON object that we wrote ourselves.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let body = self.json.trim().strip_prefix('{').map(str::trim_start);
        let spliced = match body {
            Some("}") => format!("{{\"billed\":{}}}", self.billed),
            Some(rest) => format!("{{\"billed\":{},{rest}", self.billed),
            None => return serializer.serialize_map(Some(0))?.end(),
        };
        RawValue::from_string(spliced).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl<'a> PollBody<'a> {
    /// The view of a job. `max_timeout_seconds` is the server's.
    pub fn of(job: &'a Job, max_timeout_seconds: u32) -> Self {
        let (spec, state) = (&*job.spec, &job.state);
        let bill = state.bill.filter(|_| state.status.is_ended());
        let outcome = |json: &'a std::sync::Arc<str>| Outcome { json, billed: bill.is_some_and(|bill| !bill.charged.is_zero()) };
        let shown = |status| state.result.as_ref().filter(|_| state.status == status).map(outcome);
        Self {
            job_id: spec.id,
            route: spec.route.as_str(),
            status: state.status.as_str(),
            billing_mode: billing_mode(spec),
            billing_status: billing_status(job),
            bill_up_to_usd: spec.ceiling,
            charged_usd: bill.map(|bill| bill.charged),
            refunded_usd: bill.and_then(|bill| bill.refunded),
            costs: Costs(&job.hops),
            payment: PaymentBody::of(job),
            progress: (state.status == Status::Running).then(|| ProgressBody {
                stage: job.hops.iter().rev().find(|hop| !hop.is_note()).map_or("starting", |hop| &*hop.tool),
                rounds_done: 0,
                rounds_max: 1,
                cost_usd: state.cost,
                found: Vec::new(),
            }),
            result: shown(Status::Completed),
            partial_result: shown(Status::Failed).filter(|outcome| outcome.billed),
            error: state.failure.as_ref().filter(|_| state.status == Status::Failed).map(ErrorBody::of),
            receipt: None,
            metadata: Pairs(&spec.metadata),
            created_at: spec.created_at,
            started_at: state.started_at,
            completed_at: state.ended_at,
            max_timeout_seconds,
            poll_interval_sec: POLL_INTERVAL_SECONDS,
        }
    }
}

impl<'a> PollBody<'a> {
    /// With what the run has told of itself, while there is one.
    #[must_use]
    pub fn so_far(mut self, told: &'a Progress) -> Self {
        // A run that has told nothing yet has no rounds: the body keeps what is true of any run.
        if let Some(body) = self.progress.as_mut().filter(|_| told.rounds_max > 0) {
            (body.rounds_done, body.rounds_max) = (told.rounds_done, told.rounds_max);
            body.found = told.found.iter().map(FoundBody::of).collect();
        }
        self
    }

    /// With the receipt, where there is one.
    #[must_use]
    pub fn with_receipt(mut self, receipt: Option<String>) -> Self {
        self.receipt = receipt;
        self
    }

    /// For operators, whom it is no business of what was found: that it was is enough.
    #[must_use]
    pub fn without_found_values(mut self) -> Self {
        let found = self.progress.iter_mut().flat_map(|progress| &mut progress.found);
        found.for_each(|found| found.value = None);
        self
    }

    /// The view of a job in a list: without what was found, which can be long.
    pub fn summary(job: &'a Job, max_timeout_seconds: u32) -> Self {
        Self { result: None, partial_result: None, ..Self::of(job, max_timeout_seconds) }
    }
}

impl<'a> ErrorBody<'a> {
    fn of(failure: &'a Failure) -> Self {
        Self { code: failure.code.as_str(), message: &failure.message }
    }
}

impl PaymentBody {
    fn of(job: &Job) -> Option<Self> {
        let payment = job.spec.payment.as_ref()?;
        let is_settled = job.is_settled();
        let paid = |charged| if job.state.settled_in.is_some() { charged } else { Usd::ZERO };
        Some(Self {
            network: payment.verified.network.to_string(),
            asset: payment.terms.asset.to_string(),
            payer: payment.verified.payer.to_string(),
            max_amount: units(payment.verified.max).to_string(),
            authorization_expires_at: payment.verified.deadline,
            amount: job.state.bill.filter(|_| is_settled).map(|bill| units(paid(bill.charged)).to_string()),
            transaction: job.state.settled_in.map(|tx| tx.to_string()),
            settled_at: job.state.ended_at.filter(|_| is_settled),
        })
    }
}

/// Percent as a fraction of one, exactly: two digits behind the point.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields so")]
fn as_fraction<S: Serializer>(percent: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    let percent = (*percent).min(100);
    let text = if percent == 100 { "1.0".to_owned() } else { format!("0.{percent:02}") };
    RawValue::from_string(text).map_err(serde::ser::Error::custom)?.serialize(serializer)
}

/// The result of a job that is completed, as the route itself answers.
pub fn result_of(job: &Job) -> Option<impl Serialize + '_> {
    PollBody::of(job, 0).result
}

/// What a poll shows of what was found: the result, or what a job that failed had found and charged for.
pub fn outcome_of(job: &Job) -> Option<impl Serialize + '_> {
    let body = PollBody::of(job, 0);
    body.result.or(body.partial_result)
}

/// How a job is paid, as the wire says it.
pub fn billing_mode(spec: &Spec) -> &'static str {
    match spec.billing {
        Billing::Virtual { .. } => "virtual_balance",
        Billing::Upto { .. } if spec.payment.as_ref().is_some_and(|payment| payment.is_exact()) => "x402_exact",
        Billing::Upto { .. } => "x402_upto",
    }
}

/// Where the billing stands: null until it begins.
pub fn billing_status(job: &Job) -> Option<&'static str> {
    let failed_to_settle = job.state.failure.as_ref().is_some_and(|failure| failure.code == FailureCode::SettlementFailed);
    match (job.state.status, job.spec.billing) {
        (Status::Queued | Status::Running, _) => None,
        (Status::Completing, Billing::Virtual { .. }) | (Status::Completed | Status::Failed, Billing::Virtual { .. }) => {
            Some("settled_virtual")
        }
        (Status::Completing, Billing::Upto { .. }) => Some("settling"),
        (Status::Completed | Status::Failed, Billing::Upto { .. }) if failed_to_settle => Some("settle_failed"),
        (Status::Completed | Status::Failed, Billing::Upto { .. }) => Some("settled"),
    }
}

/// The type of the event that tells of a job's end.
pub const fn end_event(status: Status) -> &'static str {
    match status {
        Status::Failed => "enrich.job_failed",
        Status::Queued | Status::Running | Status::Completing | Status::Completed => "enrich.job_completed",
    }
}
