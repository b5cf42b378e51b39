//! `llm`: a language model behind an OpenAI-compatible `/chat/completions`.
//!
//! One hop is one completion. Its highest cost is known before it is asked for, and what the server reports afterwards can only
//! lower it. Text and tool calls are a stranger's words: bounded, and worth no more than what [`Schema`] or the caller makes
//! sure of. Deliberately absent: prompts, running the tools, streaming.

mod answer;
pub mod price;
mod prompt;
pub mod schema;

use std::time::Duration;

use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

pub use answer::{Completion, Finish, ToolCall};
pub use price::{PriceSheet, Tokens};
pub use prompt::{Message, Prompt, Tool, ToolChoice};
pub use schema::{Mismatch, Schema, SchemaError};

use super::line::{self, Exchange, Fault, Line, LineSettings, Question, Repeat};
use crate::enrich::Answer;
use crate::types::Usd;

const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Which model is asked, where, and what it costs.
#[derive(Debug, Clone)]
pub struct LlmSettings {
    /// What `/chat/completions` is put behind (`VENDOR_LLM_URL`), such as `https://llm.example/v1`.
    pub url: Url,
    /// A bearer (`VENDOR_LLM_KEY`).
    pub key: Option<SecretString>,
    /// Which one (`VENDOR_LLM_MODEL`).
    pub model: String,
    /// By the token (`VENDOR_LLM_INPUT_USD_PER_MTOK`, `VENDOR_LLM_OUTPUT_USD_PER_MTOK`).
    pub prices: PriceSheet,
    /// What the server calls the limit of an answer (`VENDOR_LLM_LIMIT_NAME`).
    pub tokens_field: TokensField,
    /// Send temperature 0 and a seed (`VENDOR_LLM_DETERMINISTIC`).
    pub is_deterministic: bool,
    /// For one completion with its repeats (`VENDOR_LLM_TIMEOUT_MS`).
    pub timeout: Duration,
    /// Completions at once (`VENDOR_LLM_CONCURRENCY`).
    pub concurrency: usize,
}

/// The name of the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokensField {
    /// What nearly all servers know.
    MaxTokens,
    /// What newer models want instead.
    MaxCompletionTokens,
}

/// Asks the model. A clone is a few pointers.
#[derive(Debug, Clone)]
pub struct Llm {
    settings: LlmSettings,
    line: Line,
}

/// A prompt as it goes out, with the most that it can cost. Not printable: prompts hold what buyers ask for.
#[derive(Clone)]
pub struct Prepared {
    body: String,
    at_most: Tokens,
    cost_max: Usd,
}

impl Prepared {
    /// The whole request in one canonical text, for the hop.
    pub fn request(&self) -> &str {
        &self.body
    }

    /// What the budget is held against.
    pub fn cost_max(&self) -> Usd {
        self.cost_max
    }
}

impl Llm {
    /// The model at these settings.
    pub fn new(settings: LlmSettings, exchange: Exchange) -> Self {
        let LlmSettings { timeout, concurrency, .. } = settings;
        let line = Line::new(LineSettings { vendor: "llm", timeout, concurrency, body_bytes_max: BODY_BYTES_MAX }, exchange);
        Self { settings, line }
    }

    /// Its settings.
    pub fn settings(&self) -> &LlmSettings {
        &self.settings
    }

    /// How long a hop should wait for it.
    pub fn hop_timeout(&self) -> Duration {
        self.line.hop_timeout()
    }

    /// The request for a prompt. Equal prompts make equal requests.
    pub fn prepare(&self, prompt: &Prompt) -> Prepared {
        let body = prompt::body(prompt, &self.settings);
        // A token is at least a byte of what was sent, so there can't be more of them than bytes; and the answer ends at its limit.
        let at_most = Tokens { input: u64::try_from(body.len()).unwrap_or(u64::MAX), output: u64::from(prompt.tokens_max) };
        Prepared { cost_max: self.settings.prices.cost(at_most), body, at_most }
    }

    /// The most that a prompt can cost, whatever the server reports.
    pub fn cost_max(&self, prompt: &Prompt) -> Usd {
        self.prepare(prompt).cost_max
    }

    /// One completion. It costs our price of the tokens that the server reports, of which there are at most as many as were possible.
    /// What it doesn't report isn't charged (F-V2). It is asked for again only where it surely was not made.
    ///
    /// # Errors
    /// [`Fault`]
    pub async fn complete(&self, prepared: &Prepared) -> Result<Answer<Completion>, Fault> {
        let read = |body: &[u8]| answer::read(body, prepared.at_most, &self.settings.prices);
        self.line.ask(&self.question(prepared), read).await
    }

    fn question(&self, prepared: &Prepared) -> Question {
        let json = HeaderValue::from_static("application/json");
        let mut headers = HeaderMap::from_iter([(ACCEPT, json.clone()), (CONTENT_TYPE, json)]);
        // The configuration has made sure that it is a header's value.
        if let Some(key) = &self.settings.key
            && let Ok(mut value) = HeaderValue::try_from(format!("Bearer {}", key.expose_secret()))
        {
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Question {
            method: Method::POST,
            url: line::below(&self.settings.url, "chat/completions"),
            headers,
            body: prepared.body.clone().into(),
            repeat: Repeat::Unexecuted,
            cost_max: prepared.cost_max,
        }
    }
}
