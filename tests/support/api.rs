//! A client of the server over HTTP, as a buyer or an operator writes one.

use std::sync::{Arc, RwLock};
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::binary::{OPERATOR, Server};
use super::money::amount;

/// Longer than the longest poll that a test makes.
const CALL: Duration = Duration::from_secs(15);

/// An answer, with the bytes of its body.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text()))
    }

    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        self
    }
}

/// There was no whole answer: nobody listened, or the connection broke.
#[derive(Debug)]
pub struct NoAnswer;

impl From<reqwest::Error> for NoAnswer {
    fn from(_: reqwest::Error) -> Self {
        Self
    }
}

pub type Answer = Result<Reply, NoAnswer>;

/// An agent as its owner knows it.
#[derive(Debug, Clone)]
pub struct Agent {
    pub id: String,
    pub bearer: String,
    pub credit: i64,
}

/// Finds the server wherever it listens now: a restart gives it other ports.
#[derive(Debug, Clone, Default)]
pub struct Api {
    http: reqwest::Client,
    at: Arc<RwLock<Option<(String, String)>>>,
}

impl Api {
    pub fn of(server: &Server) -> Self {
        let api = Self { http: reqwest::Client::builder().no_proxy().timeout(CALL).build().unwrap(), at: Arc::default() };
        api.moved_to(server);
        api
    }

    pub fn moved_to(&self, server: &Server) {
        *self.at.write().unwrap() = Some((server.public.clone(), server.admin.clone()));
    }

    /// Nobody is there from now on. Another server may come to listen on the same port.
    pub fn gone(&self) {
        *self.at.write().unwrap() = None;
    }

    fn public(&self, path: &str) -> Result<String, NoAnswer> {
        self.at.read().unwrap().as_ref().map(|(public, _)| format!("{public}{path}")).ok_or(NoAnswer)
    }

    fn operators(&self, path: &str) -> Result<String, NoAnswer> {
        self.at.read().unwrap().as_ref().map(|(_, operators)| format!("{operators}{path}")).ok_or(NoAnswer)
    }

    /// One call; an error where no whole answer came.
    pub async fn call(&self, method: Method, url: String, bearer: &str, headers: &[(&str, &str)], body: Option<String>) -> Answer {
        let mut request = self.http.request(method, url).bearer_auth(bearer);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let answer = request.send().await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        Ok(Reply { status, headers, body: answer.bytes().await?.to_vec() })
    }

    pub async fn get(&self, path: &str, bearer: &str) -> Answer {
        self.call(Method::GET, self.public(path)?, bearer, &[], None).await
    }

    pub async fn admin(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Option<String>) -> Answer {
        self.call(method, self.operators(path)?, OPERATOR, headers, body).await
    }

    /// A new agent with so many micro-dollars.
    pub async fn agent(&self, credit: i64) -> Agent {
        let text = format!("{}.{:06}", credit / 1_000_000, credit % 1_000_000);
        let body = json!({"label": "buyer", "credit_usd": text});
        let made = self.admin(Method::POST, "/admin/agents", &[], Some(body.to_string())).await.unwrap().expect(201).json();
        let text = |field: &str| made[field].as_str().unwrap().to_owned();
        Agent { id: text("agent_id"), bearer: text("bearer"), credit }
    }

    /// What an agent can spend, and what is held.
    pub async fn balance(&self, agent: &Agent) -> (i64, i64) {
        let body = self.get("/api/v1/agents/balance", &agent.bearer).await.unwrap().expect(200).body;
        (amount(&body, "virtual_balance_usd"), amount(&body, "held_usd"))
    }

    pub async fn submit(&self, bearer: &str, key: Option<&str>, body: &str) -> Answer {
        let headers: Vec<_> = key.map(|key| ("idempotency-key", key)).into_iter().collect();
        self.call(Method::POST, self.public("/api/v1/enrich/jobs")?, bearer, &headers, Some(body.to_owned())).await
    }

    /// What a job would cost; asked as a stranger does.
    pub async fn quote(&self, body: &str) -> Value {
        let url = self.public("/api/v1/enrich/quote").unwrap();
        let request = self.http.post(url).header("content-type", "application/json").body(body.to_owned());
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
    }

    pub async fn poll(&self, job: &str, bearer: &str) -> Answer {
        self.get(&format!("/api/v1/enrich/jobs/{job}"), bearer).await
    }

    pub async fn cancel(&self, job: &str, bearer: &str) -> Answer {
        self.call(Method::POST, self.public(&format!("/api/v1/enrich/jobs/{job}/cancel"))?, bearer, &[], None).await
    }

    /// The poll that shows the end.
    pub async fn ended(&self, job: &str, bearer: &str) -> Reply {
        let url = self.public(&format!("/api/v1/enrich/jobs/{job}")).unwrap();
        let polled = async {
            loop {
                let reply = self.call(Method::GET, url.clone(), bearer, &[("prefer", "wait=10")], None).await.unwrap().expect(200);
                if is_ended(&reply.json()) {
                    return reply;
                }
            }
        };
        tokio::time::timeout(Duration::from_mins(1), polled).await.unwrap_or_else(|_| panic!("{job} does not end"))
    }

    /// Every job in an agent's list, newest first.
    pub async fn list(&self, agent: &Agent) -> Vec<String> {
        let mut jobs = Vec::new();
        let mut path = "/api/v1/enrich/jobs?limit=200".to_owned();
        loop {
            let page = self.get(&path, &agent.bearer).await.unwrap().expect(200).json();
            jobs.extend(page["items"].as_array().unwrap().iter().map(|job| job["job_id"].as_str().unwrap().to_owned()));
            let Some(next) = page["next_cursor"].as_str() else { return jobs };
            path = format!("/api/v1/enrich/jobs?limit=200&cursor={next}");
        }
    }

    /// The names of the lines of an agent's statement, newest first.
    pub async fn statement(&self, agent: &Agent) -> Vec<String> {
        let mut lines = Vec::new();
        let mut path = "/api/v1/agents/ledger?limit=200".to_owned();
        loop {
            let page = self.get(&path, &agent.bearer).await.unwrap().expect(200).json();
            lines.extend(page["items"].as_array().unwrap().iter().map(|line| line["id"].as_str().unwrap().to_owned()));
            let Some(next) = page["next_cursor"].as_str() else { return lines };
            path = format!("/api/v1/agents/ledger?limit=200&cursor={next}");
        }
    }

    /// Callbacks that are owed.
    pub async fn owed(&self) -> Vec<Value> {
        let deliveries = self.admin(Method::GET, "/admin/deliveries", &[], None).await.unwrap().expect(200).json();
        deliveries["owed"].as_array().unwrap().clone()
    }

    pub async fn redeliver(&self, job: &str) -> Reply {
        let body = json!({"reason": "test"});
        self.admin(Method::POST, &format!("/admin/deliveries/{job}/redeliver"), &[], Some(body.to_string())).await.unwrap()
    }
}

pub fn is_ended(poll: &Value) -> bool {
    ["completed", "failed"].contains(&poll["status"].as_str().unwrap())
}
