//! A client of the operators' listener.

use std::fmt::Write as _;

use reqwest::{Method, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use serde_json::value::RawValue;

use super::Failure;
use crate::clock::{Clock, Random, SystemClock, SystemRandom};
use crate::config::{AdminClientOptions, ConfigError};

/// Calls one server.
#[derive(Debug)]
pub(super) struct AdminClient {
    http: reqwest::Client,
    base: String,
    token: SecretString,
}

#[derive(Debug, serde::Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    items: Vec<&'a RawValue>,
    next_cursor: Option<String>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct Problem {
    title: String,
    detail: String,
    errors: Vec<Fault>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct Fault {
    pointer: String,
    detail: String,
}

impl AdminClient {
    /// Of the server that these options name.
    pub(super) fn new(options: &AdminClientOptions) -> Result<Self, Failure> {
        let token = options.admin_token.clone().filter(|token| !token.expose_secret().is_empty());
        let token = token.ok_or_else(|| ConfigError::new("ENRICH_ADMIN_TOKEN", "must be set to the token of the running server"))?;
        let base = options.admin_url.clone().unwrap_or_else(|| crate::app::url_of(options.admin_listen));
        Self::of(base, token)
    }

    /// Of the server at `base`.
    pub(super) fn of(base: String, token: SecretString) -> Result<Self, Failure> {
        Ok(Self { http: super::http_client()?, base, token })
    }

    /// One `GET`.
    pub(super) async fn get(&self, path: &str) -> Result<String, Failure> {
        self.send(self.request(Method::GET, path)).await
    }

    /// One `POST` under this key, or under a fresh one.
    pub(super) async fn post(&self, path: &str, body: &serde_json::Value, key: Option<String>) -> Result<String, Failure> {
        let key = key.unwrap_or_else(|| hex::encode(SystemRandom.uuid_v7(SystemClock.now())));
        self.send(self.request(Method::POST, path).header("idempotency-key", key).json(body)).await
    }

    /// All items of a list, as one JSON array.
    pub(super) async fn all(&self, path: &str, limit: u32) -> Result<String, Failure> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            // A cursor is made of characters that need no escape.
            let after = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
            let text = self.get(&format!("{path}?limit={limit}{after}")).await?;
            let page: Page<'_> = serde_json::from_str(&text).map_err(|error| Failure::of(&error))?;
            items.extend(page.items.iter().map(|item| item.get().to_owned()));
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(format!("[{}]", items.join(",")));
            }
        }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).bearer_auth(self.token.expose_secret())
    }

    async fn send(&self, request: RequestBuilder) -> Result<String, Failure> {
        let unreachable = |error: reqwest::Error| Failure::Failed(format!("{} does not answer: {}", self.base, cause_of(&error)));
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let text = response.text().await.map_err(unreachable)?;
        if status.is_success() {
            return Ok(text);
        }
        let Problem { title, detail, errors } = serde_json::from_str(&text).unwrap_or_default();
        let mut message = format!("the server answered {}: {title}. {detail}", status.as_u16());
        for fault in errors {
            write!(message, "; {} {}", fault.pointer, fault.detail).unwrap_or_default();
        }
        Err(Failure::Failed(message))
    }
}

/// The innermost cause, which names what is wrong.
fn cause_of(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
