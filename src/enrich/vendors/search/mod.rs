//! `search`: a web search, by an own SearXNG or by Brave.
//!
//! One hop is one query. Hits are strangers' text: bounded in number and length, of http and https only, each page once.
//! Deliberately absent: reading the pages, and judging which of them is meant.

mod wire;

use std::time::Duration;

use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use super::line::{self, Basis, Exchange, Fault, Line, LineSettings, Question, Reading, Repeat};
use crate::enrich::Answer;
use crate::types::Usd;

/// What Brave takes; longer queries are cut at a word.
const QUERY_CHARS_MAX: usize = 400;
/// The same.
const QUERY_WORDS_MAX: usize = 50;
const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Whose format it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchKind {
    /// `GET {url}/search?q=…&format=json`.
    Searxng,
    /// `GET {url}/res/v1/web/search?q=…`.
    Brave,
}

/// Where to search, and what it costs.
#[derive(Debug, Clone)]
pub struct SearchSettings {
    /// Whose format (`VENDOR_SEARCH_KIND`).
    pub kind: SearchKind,
    /// What its path is put behind (`VENDOR_SEARCH_URL`).
    pub url: Url,
    /// Brave's subscription token, or a bearer for whoever stands before a SearXNG (`VENDOR_SEARCH_KEY`).
    pub key: Option<SecretString>,
    /// Per query (`VENDOR_SEARCH_COST_USD`).
    pub cost: Usd,
    /// For one query with its repeats (`VENDOR_SEARCH_TIMEOUT_MS`).
    pub timeout: Duration,
    /// Queries at once (`VENDOR_SEARCH_CONCURRENCY`).
    pub concurrency: usize,
}

/// A page that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchHit {
    /// http or https, without user and fragment, at most 2048 bytes.
    pub url: String,
    /// In one line, at most 300 characters.
    pub title: String,
    /// What it says about the query, in one line, at most 1000 characters.
    pub snippet: String,
}

/// Searches the web. A clone is a few pointers.
#[derive(Debug, Clone)]
pub struct Search {
    settings: SearchSettings,
    line: Line,
}

impl Search {
    /// A search at these settings.
    pub fn new(settings: SearchSettings, exchange: Exchange) -> Self {
        let SearchSettings { timeout, concurrency, .. } = settings;
        let line = Line::new(LineSettings { vendor: "search", timeout, concurrency, body_bytes_max: BODY_BYTES_MAX }, exchange);
        Self { settings, line }
    }

    /// Its settings.
    pub fn settings(&self) -> &SearchSettings {
        &self.settings
    }

    /// How long a hop should wait for it.
    pub fn hop_timeout(&self) -> Duration {
        self.line.hop_timeout()
    }

    /// The pages that a query finds, best first, at most 20; none is no value. A query is cut after 50 words or 400 characters.
    ///
    /// # Errors
    /// [`Fault`]; also where a SearXNG found nothing since its own engines didn't answer.
    pub async fn find(&self, query: &str) -> Result<Answer<Vec<SearchHit>>, Fault> {
        let cost = self.settings.cost;
        let read = |body: &[u8]| {
            let hits = match self.settings.kind {
                SearchKind::Searxng => wire::searxng(body)?,
                SearchKind::Brave => wire::brave(body)?,
            };
            Ok(Reading { value: (!hits.is_empty()).then_some(hits), cost, basis: Basis::Sheet })
        };
        self.line.ask(&self.question(&shortened(query)), read).await
    }

    fn question(&self, query: &str) -> Question {
        let SearchSettings { kind, url, key, cost, .. } = &self.settings;
        let mut headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
        let mut url = match kind {
            SearchKind::Searxng => line::below(url, "search"),
            SearchKind::Brave => line::below(url, "res/v1/web/search"),
        };
        url.query_pairs_mut().append_pair("q", query).extend_pairs(match kind {
            SearchKind::Searxng => &[("format", "json")][..],
            // Without marks for matched words, which would be HTML inside of the text.
            SearchKind::Brave => &[("count", "20"), ("text_decorations", "false")],
        });
        if let Some(key) = key {
            let (name, value) = match kind {
                SearchKind::Searxng => (AUTHORIZATION, format!("Bearer {}", key.expose_secret())),
                SearchKind::Brave => (HeaderName::from_static("x-subscription-token"), key.expose_secret().to_owned()),
            };
            // The configuration has made sure that it is a header's value.
            if let Ok(mut value) = HeaderValue::try_from(value) {
                value.set_sensitive(true);
                headers.insert(name, value);
            }
        }
        Question { method: Method::GET, url, headers, body: bytes::Bytes::new(), repeat: Repeat::Idempotent, cost_max: *cost }
    }
}

/// As many whole words as a query may have; of one that is too long alone, its beginning.
fn shortened(query: &str) -> String {
    let mut short = String::new();
    let mut chars = 0_usize;
    for word in query.split_whitespace().take(QUERY_WORDS_MAX) {
        let gap = usize::from(!short.is_empty());
        let room = QUERY_CHARS_MAX.saturating_sub(chars.saturating_add(gap));
        let length = word.chars().count();
        if length > room && !short.is_empty() {
            break;
        }
        if gap == 1 {
            short.push(' ');
        }
        short.extend(word.chars().take(room));
        chars = chars.saturating_add(gap).saturating_add(length.min(room));
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_queries_end_at_a_word() {
        assert_eq!(shortened("  acme \n roofing\tTampa "), "acme roofing Tampa");
        assert_eq!(shortened(&"word ".repeat(100)).split(' ').count(), QUERY_WORDS_MAX);
        let long = format!("{} {}", "a".repeat(398), "bb");
        assert_eq!(shortened(&long), "a".repeat(398));
        assert_eq!(shortened(&format!("{} b", "a".repeat(398))).chars().count(), 400);
        assert_eq!(shortened(&"é".repeat(500)), "é".repeat(400));
        assert_eq!(shortened(""), "");
    }
}
