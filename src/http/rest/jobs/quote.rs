//! `POST /api/v1/enrich/quote`: what a job would cost. Nothing is charged, held or kept.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::order::{SubmitRequest, Wanted};
use crate::actors::{Compared, Quoted};
use crate::billing::quote::{JOBS_MIN, Question};
use crate::http::api::Api;
use crate::http::limit::Caller;
use crate::http::problem::Problem;
use crate::http::{body, caller, limit, reply};
use crate::types::payload::Cohort;
use crate::types::{Timestamp, Usd};

/// What a job would cost.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Quote)]
#[allow(clippy::struct_field_names, reason = "the wire says `_usd`")]
pub struct QuoteAnswer {
    /// At least: 0, since a no-match costs nothing.
    #[schema(value_type = f64, minimum = 0)]
    min_usd: Usd,
    /// On average, as `basis` says.
    #[schema(value_type = f64, minimum = 0)]
    expected_usd: Usd,
    /// At most; never above `bill_up_to_usd`.
    #[schema(value_type = f64, minimum = 0)]
    max_usd: Usd,
    /// What this rests on.
    basis: Basis,
}

/// What a quote rests on.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = QuoteBasis)]
pub struct Basis {
    /// Of `expected_usd`. `recent_jobs`: the mean over jobs that ended, no-matches among them. `price_sheet`, where there are fewer
    /// than `jobs_min` of those: a match as it mostly goes, by the prices below.
    #[schema(pattern = "^(recent_jobs|price_sheet)$")]
    expected_from: &'static str,
    /// Of `max_usd`. `plan`: all that a run can ask; `budget_usd`: the payload's; `bill_up_to_usd`: the job's ceiling.
    #[schema(pattern = "^(plan|budget_usd|bill_up_to_usd)$")]
    max_from: &'static str,
    /// What kind of payload it is, by what it gives.
    cohort: Option<&'static str>,
    /// What ended jobs came to.
    recent_jobs: RecentJobs,
    /// What it is charged by.
    price_sheet: Sheet,
}

/// What this server's last jobs of the route came to. Each is priced as this one would be: what its questions cost then, within this
/// job's bounds, at today's markup and minimum.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = QuoteRecentJobs)]
pub struct RecentJobs {
    /// Which: `cohort`, those with the same kind of payload, where there are `jobs_min` of them; else `route`, all of the route.
    #[schema(pattern = "^(cohort|route)$")]
    of: &'static str,
    /// How many there are.
    jobs: usize,
    /// With fewer, nothing is told of them.
    jobs_min: usize,
    /// Of each route so many are remembered at most, over all shards, the latest of each shard.
    jobs_max: usize,
    /// When the first of them ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// When the last of them ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// How many of them matched.
    matched: Option<usize>,
    /// The mean of their charges, rounded down.
    #[schema(value_type = Option<f64>, minimum = 0)]
    mean_usd: Option<Usd>,
    /// Half of them would be charged at most this.
    #[schema(value_type = Option<f64>, minimum = 0)]
    p50_usd: Option<Usd>,
    /// Nine of ten of them would be charged at most this.
    #[schema(value_type = Option<f64>, minimum = 0)]
    p90_usd: Option<Usd>,
}

/// What a job is charged by: its questions with the markup, at least the minimum, where it matched.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = QuotePriceSheet)]
pub struct Sheet {
    /// The least that a match is charged.
    #[schema(value_type = f64, minimum = 0)]
    minimum_usd: Usd,
    /// Added to what the questions cost, in hundredths of a percent.
    markup_bps: u32,
    /// The payload's bound on what the questions cost, where it names one.
    #[schema(value_type = Option<f64>, minimum = 0)]
    budget_usd: Option<Usd>,
    /// What a run can ask.
    tools: Vec<Tool>,
}

/// What one kind of question costs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = QuoteTool)]
#[allow(clippy::struct_field_names, reason = "a job's `costs` say `tool` too")]
pub struct Tool {
    /// Who is asked, as in a job's `costs`.
    tool: &'static str,
    /// Each time, at most; null where it depends on the question.
    #[schema(value_type = Option<f64>, minimum = 0)]
    cost_usd: Option<Usd>,
    /// How often at most; null where only the budget bounds it.
    calls_max: Option<u32>,
}

impl QuoteAnswer {
    fn of(quoted: Quoted) -> Self {
        let Quoted { quote, cohort, compared, jobs, window, jobs_max, price, questions, budget } = quoted;
        // Of a few jobs nothing but their number: what each of them came to is their buyers' business.
        let window = window.filter(|_| quote.past.is_some());
        let recent_jobs = RecentJobs {
            of: match compared {
                Compared::Cohort => "cohort",
                Compared::Route => "route",
            },
            jobs,
            jobs_min: JOBS_MIN,
            jobs_max,
            since: window.map(|(since, _)| since),
            until: window.map(|(_, until)| until),
            matched: quote.past.map(|past| past.matched),
            mean_usd: quote.past.map(|past| past.mean),
            p50_usd: quote.past.map(|past| past.median),
            p90_usd: quote.past.map(|past| past.p90),
        };
        let tools = questions.into_iter().map(|Question { tool, cost, at_most }| Tool { tool, cost_usd: cost, calls_max: at_most });
        let basis = Basis {
            expected_from: if quote.past.is_some() { "recent_jobs" } else { "price_sheet" },
            max_from: quote.bound.as_str(),
            cohort: cohort.map(Cohort::as_str),
            recent_jobs,
            price_sheet: Sheet { minimum_usd: price.minimum, markup_bps: price.markup_bps, budget_usd: budget, tools: tools.collect() },
        };
        Self { min_usd: Usd::ZERO, expected_usd: quote.expected, max_usd: quote.max, basis }
    }
}

/// Says what a job would cost. Nothing is charged, and no token is needed.
#[utoipa::path(
    post,
    path = "/api/v1/enrich/quote",
    operation_id = "quoteJob",
    tag = "jobs",
    request_body(content = SubmitRequest, description = "The order, as for a submit."),
    security((), ("agent" = []), ("usage_key" = [])),
    responses((status = 200, description = "What it would cost.", body = QuoteAnswer))
)]
pub async fn quote(State(api): State<Arc<Api>>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let bearer = caller::bearer(&parts.headers)?;
    let bytes = body::read_json(&parts.headers, body).await?;
    let wanted = Wanted::read(body::text(&bytes)?, &api.settings)?;
    let grant = caller::grant_of(&api.node, bearer)?;
    let from = grant.map_or_else(|| caller::address(&parts.extensions), |grant| Caller::Agent(grant.agent));
    // It moves nothing, so it has the wider limit of polls.
    let budget = api.polls.take(from)?;
    let quoted = api.node.quote(wanted.route, &wanted.payload, wanted.ceiling).await?;
    limit::told(budget, reply::json(StatusCode::OK, &QuoteAnswer::of(quoted)))
}
