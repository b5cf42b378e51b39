//! The buyer: knows a base URL and a bearer, and nothing of the server's insides.

use reqwest::{Method, RequestBuilder, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::orders::Order;
use crate::cli::Failure;
use crate::clock::{Clock, Random, SystemClock, SystemRandom};
use crate::types::Usd;

/// Buys from one server.
#[derive(Debug)]
pub(super) struct Buyer {
    http: reqwest::Client,
    base: String,
    bearer: String,
    /// Begins every idempotency key.
    run: String,
}

/// The 202.
#[derive(Debug, Deserialize)]
pub(super) struct Accepted {
    pub(super) job_id: String,
    pub(super) poll_bearer: String,
    pub(super) bill_up_to_usd: Usd,
    pub(super) billing_mode: String,
    pub(super) callback_secret: Option<String>,
}

/// The body of a poll.
#[derive(Debug, Deserialize)]
pub(super) struct Job {
    pub(super) status: String,
    pub(super) bill_up_to_usd: Usd,
    pub(super) charged_usd: Option<Usd>,
    pub(super) refunded_usd: Option<Usd>,
    pub(super) costs: Vec<Cost>,
    pub(super) progress: Option<Progress>,
    pub(super) result: Option<Value>,
    pub(super) error: Option<Value>,
}

/// How far it is, while it runs.
#[derive(Debug, Deserialize)]
pub(super) struct Progress {
    pub(super) rounds_done: u32,
    pub(super) rounds_max: u32,
    pub(super) cost_usd: Usd,
    pub(super) found: Vec<FoundField>,
}

/// A field that has a value by now.
#[derive(Debug, Deserialize)]
pub(super) struct FoundField {
    pub(super) field: String,
    pub(super) value: String,
}

/// A line of the bill.
#[derive(Debug, Deserialize)]
#[allow(clippy::struct_field_names, reason = "the wire says `cost_usd`")]
pub(super) struct Cost {
    pub(super) hop: u32,
    pub(super) tool: String,
    pub(super) calls: u32,
    pub(super) cost_usd: Usd,
}

/// A line of the statement.
#[derive(Debug, Deserialize)]
pub(super) struct Entry {
    pub(super) kind: String,
    pub(super) amount_usd: Usd,
    pub(super) debit: String,
    pub(super) credit: String,
    pub(super) job_id: Option<String>,
}

/// What a second submit under the same key answered.
#[derive(Debug)]
pub(super) struct Again {
    /// The same job.
    pub(super) is_same_job: bool,
    /// The answer says that it is a replay.
    pub(super) is_replay: bool,
}

#[derive(Debug, Deserialize)]
struct Balance {
    virtual_balance_usd: Usd,
}

#[derive(Debug, Deserialize)]
struct Entries {
    items: Vec<Entry>,
}

impl Job {
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.status.as_str(), "completed" | "failed")
    }

    /// The text at `pointer` (RFC 6901) of the result.
    pub(super) fn text(&self, pointer: &str) -> Option<&str> {
        self.result.as_ref()?.pointer(pointer)?.as_str()
    }

    /// What its hops cost so far.
    pub(super) fn spent(&self) -> Usd {
        self.costs.iter().try_fold(Usd::ZERO, |sum, cost| sum.plus(cost.cost_usd)).unwrap_or_default()
    }

    pub(super) fn is_match(&self) -> bool {
        self.result.as_ref().and_then(|result| result.get("matched")).and_then(Value::as_bool) == Some(true)
    }
}

impl Buyer {
    pub(super) fn new(base: String, bearer: String) -> Result<Self, Failure> {
        let run = hex::encode(SystemRandom.uuid_v7(SystemClock.now()));
        Ok(Self { http: crate::cli::http_client()?, base, bearer, run })
    }

    pub(super) async fn submit(&self, order: &Order, callback_url: &str) -> Result<Accepted, Failure> {
        read(self.submitted(order, callback_url).await?).await
    }

    /// Submits the first order once more under the same key.
    pub(super) async fn again(&self, orders: &[Order], accepted: &[Accepted], callback_url: &str) -> Result<Again, Failure> {
        let Some((order, first)) = orders.iter().zip(accepted).next() else { return Ok(Again { is_same_job: false, is_replay: false }) };
        let response = self.submitted(order, callback_url).await?;
        let is_replay = response.headers().get("idempotency-replayed").is_some_and(|value| value == "true");
        let second: Accepted = read(response).await?;
        Ok(Again { is_same_job: second.job_id == first.job_id, is_replay })
    }

    /// Submits a body under a title of its own.
    pub(super) async fn order(&self, title: &str, body: &Value) -> Result<Accepted, Failure> {
        read(self.posted(title, body).await?).await
    }

    async fn submitted(&self, order: &Order, callback_url: &str) -> Result<Response, Failure> {
        self.posted(order.title, &order.body(Some(callback_url))).await
    }

    async fn posted(&self, title: &str, body: &Value) -> Result<Response, Failure> {
        let key = format!("{}-{}", self.run, title.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-"));
        let request = self.request(Method::POST, "/api/v1/enrich/jobs", &self.bearer);
        send(request.header("idempotency-key", key).json(body)).await
    }

    /// Looks at a job with its own bearer, which opens nothing else.
    pub(super) async fn poll(&self, accepted: &Accepted) -> Result<Job, Failure> {
        let path = format!("/api/v1/enrich/jobs/{}", accepted.job_id);
        read(send(self.request(Method::GET, &path, &accepted.poll_bearer)).await?).await
    }

    pub(super) async fn balance(&self) -> Result<Usd, Failure> {
        let balance: Balance = read(send(self.request(Method::GET, "/api/v1/agents/balance", &self.bearer)).await?).await?;
        Ok(balance.virtual_balance_usd)
    }

    /// The whole statement, oldest first.
    pub(super) async fn ledger(&self) -> Result<Vec<Entry>, Failure> {
        let entries: Entries = read(send(self.request(Method::GET, "/api/v1/agents/ledger?limit=200", &self.bearer)).await?).await?;
        Ok(entries.items.into_iter().rev().collect())
    }

    fn request(&self, method: Method, path: &str, bearer: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).bearer_auth(bearer)
    }
}

async fn send(request: RequestBuilder) -> Result<Response, Failure> {
    request.send().await.map_err(|error| Failure::of(&error))
}

async fn read<T: DeserializeOwned>(response: Response) -> Result<T, Failure> {
    let status = response.status();
    let text = response.text().await.map_err(|error| Failure::of(&error))?;
    if !status.is_success() {
        return Err(Failure::Failed(format!("the server answered {status}: {text}")));
    }
    serde_json::from_str(&text).map_err(|error| Failure::of(&error))
}
