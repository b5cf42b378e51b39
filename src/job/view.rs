//! A job as its buyer sees it: the body of a poll, and the `data` of a callback.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

use super::{Billing, Failure, Hop, Job, Status};
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
    /// While it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<Progress<'a>>,
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
struct Progress<'a> {
    /// The last vendor that answered, or `starting`.
    stage: &'a str,
    /// Rounds that are over.
    rounds_done: u32,
    /// Rounds at most.
    rounds_max: u32,
    /// What it cost so far, in US dollars.
    #[schema(value_type = f64, minimum = 0)]
    cost_usd: Usd,
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
    /// How often it was called.
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
    one_of(["virtual_balance", "x402_upto"])
}

#[derive(Debug)]
struct Costs<'a>(&'a [std::sync::Arc<Hop>]);

impl Serialize for Costs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let lines = self.0.iter().enumerate();
        serializer.collect_seq(lines.map(|(index, hop)| Cost {
            hop: index.saturating_add(1),
            tool: &hop.tool,
            calls: 1,
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
            billing_mode: billing_mode(spec.billing),
            billing_status: billing_status(job),
            bill_up_to_usd: spec.ceiling,
            charged_usd: bill.map(|bill| bill.charged),
            refunded_usd: bill.and_then(|bill| bill.refunded),
            costs: Costs(&job.hops),
            progress: (state.status == Status::Running).then(|| Progress {
                stage: job.hops.last().map_or("starting", |hop| &*hop.tool),
                rounds_done: 0,
                rounds_max: 1,
                cost_usd: state.cost,
            }),
            result: shown(Status::Completed),
            partial_result: shown(Status::Failed).filter(|outcome| outcome.billed),
            error: state.failure.as_ref().filter(|_| state.status == Status::Failed).map(ErrorBody::of),
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

/// How a job is paid, as the wire says it.
pub const fn billing_mode(billing: Billing) -> &'static str {
    match billing {
        Billing::Virtual { .. } => "virtual_balance",
        Billing::Upto { .. } => "x402_upto",
    }
}

/// Where the billing stands: null until it begins.
pub fn billing_status(job: &Job) -> Option<&'static str> {
    let failed_to_settle = job.state.failure.as_ref().is_some_and(|failure| failure.code == super::FailureCode::SettlementFailed);
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
