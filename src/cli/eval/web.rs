//! The set's web on this machine: its pages and a search engine over them, behind a real server on loopback, and its mail
//! servers' names. Our own clients speak to it as they speak to the world's.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use rusqlite::Connection;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::script;
use super::set::Page;
use crate::cli::Failure;
use crate::enrich::vendors::website::{self, Fetch};
use crate::net::{DnsError, MailLookup, MailRoute, Outbound, TrustedClient};

/// Hits of one query.
const HITS_MAX: i64 = 10;
/// What of a page is found by a search, in characters.
const INDEXED_CHARS_MAX: usize = 20_000;

/// The server's part.
struct Web {
    pages: HashMap<String, Page>,
    hosts: std::collections::HashSet<String>,
    index: Mutex<Connection>,
}

#[derive(Deserialize)]
struct Wanted {
    url: String,
}

#[derive(Deserialize)]
struct Asked {
    q: String,
}

/// Serves the pages until the runtime ends; where it listens.
pub(super) async fn serve(pages: Vec<Page>) -> Result<Url, Failure> {
    let failed = |error: String| Failure::Failed(format!("the set can't be served: {error}"));
    let web = tokio::task::spawn_blocking(move || Web::new(pages)).await.map_err(|error| failed(error.to_string()))?;
    let web = web.map_err(|error| failed(error.to_string()))?;
    let app = axum::Router::new()
        .route("/page", axum::routing::get(page))
        .route("/search", axum::routing::get(search))
        .route("/v1/chat/completions", axum::routing::post(script::complete))
        .with_state(Arc::new(web));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.map_err(|error| failed(error.to_string()))?;
    let address = listener.local_addr().map_err(|error| failed(error.to_string()))?;
    tokio::spawn(async move { axum::serve(listener, app).await });
    Url::parse(&format!("http://{address}/")).map_err(|error| failed(error.to_string()))
}

impl Web {
    fn new(pages: Vec<Page>) -> Result<Self, rusqlite::Error> {
        let index = Connection::open_in_memory()?;
        index.execute_batch(
            "CREATE VIRTUAL TABLE page USING fts5(url UNINDEXED, title, text, tokenize = \"unicode61 remove_diacritics 2\")",
        )?;
        for page in pages.iter().filter(|page| page.status == 200 && page.content_type.starts_with("text/html")) {
            let (title, text) = visible(&page.body);
            index.execute("INSERT INTO page (url, title, text) VALUES (?1, ?2, ?3)", (&page.url, &title, &text))?;
        }
        let hosts = pages.iter().filter_map(|page| Some(Url::parse(&page.url).ok()?.host_str()?.to_owned())).collect();
        let pages = pages.into_iter().map(|page| (page.url.clone(), page)).collect();
        Ok(Self { pages, hosts, index: Mutex::new(index) })
    }

    /// The best pages by BM25, a title's words counting threefold.
    fn find(&self, query: &str) -> Result<Vec<Value>, rusqlite::Error> {
        let words: Vec<String> = query
            .split(|letter: char| !letter.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(|word| format!("\"{word}\""))
            .collect();
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        let mut statement = index.prepare_cached(
            "SELECT url, title, snippet(page, 2, '', '', ' … ', 40) FROM page WHERE page MATCH ?1 ORDER BY bm25(page, 0.0, 3.0, 1.0), url LIMIT ?2",
        )?;
        let hit = |row: &rusqlite::Row<'_>| {
            let (url, title, content): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(json!({ "url": url, "title": title, "content": content, "engine": "bm25" }))
        };
        let hits = statement.query_map((words.join(" OR "), HITS_MAX), hit)?;
        hits.collect()
    }
}

/// A page's title, and the text that people see.
fn visible(html: &str) -> (String, String) {
    let document = scraper::Html::parse_document(html);
    let mut text = String::new();
    let mut title = String::new();
    for node in document.tree.nodes() {
        let Some(piece) = node.value().as_text() else { continue };
        let parent = node.parent().and_then(|parent| parent.value().as_element().map(|element| element.name().to_owned()));
        match parent.as_deref() {
            Some("script" | "style" | "noscript" | "template") => {}
            Some("title") => title.push_str(piece),
            Some(_) | None => {
                text.push_str(piece.trim());
                text.push(' ');
            }
        }
    }
    (title.trim().to_owned(), text.chars().take(INDEXED_CHARS_MAX).collect())
}

/// The page, whatever its host: a host that isn't there is a bad gateway.
async fn page(State(web): State<Arc<Web>>, Query(Wanted { url }): Query<Wanted>) -> Response {
    let Some(page) = web.pages.get(&url) else {
        let is_host = Url::parse(&url).ok().and_then(|url| url.host_str().map(|host| web.hosts.contains(host)));
        return if is_host == Some(true) { StatusCode::NOT_FOUND } else { StatusCode::BAD_GATEWAY }.into_response();
    };
    let mut headers = HeaderMap::new();
    let mut put = |name, value: &str| HeaderValue::from_str(value).map(|value| headers.insert(name, value)).ok();
    put(CONTENT_TYPE, &page.content_type);
    if let Some(location) = page.headers.get("location") {
        put(LOCATION, location);
    }
    (StatusCode::from_u16(page.status).unwrap_or(StatusCode::BAD_GATEWAY), headers, page.body.clone()).into_response()
}

async fn search(State(web): State<Arc<Web>>, Query(Asked { q }): Query<Asked>) -> Response {
    let found = tokio::task::spawn_blocking(move || web.find(&q).map(|results| json!({ "query": q, "results": results }))).await;
    match found {
        Ok(Ok(found)) => Json(found).into_response(),
        Ok(Err(_)) | Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Gets the set's pages by their own addresses.
#[derive(Debug, Clone)]
pub(super) struct FromSet {
    pub(super) client: TrustedClient,
    pub(super) base: Url,
}

#[async_trait::async_trait]
impl Fetch for FromSet {
    async fn get(&self, url: &Url, bytes_max: usize, timeout: Duration) -> Result<website::Page, String> {
        let mut at = self.base.clone();
        at.set_path("/page");
        at.query_pairs_mut().append_pair("url", url.as_str());
        let reply = self.client.send(Outbound::get(&at, timeout, bytes_max)).await.map_err(|error| error.to_string())?;
        if reply.status == StatusCode::BAD_GATEWAY {
            return Err("the name does not resolve".to_owned());
        }
        let header = |name: &axum::http::HeaderName| reply.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Ok(website::Page {
            url: url.clone(),
            status: reply.status.as_u16(),
            content_type: header(&CONTENT_TYPE),
            location: header(&LOCATION),
            is_private: false,
            body: reply.body.bytes.to_vec(),
        })
    }
}

/// Mail routes by the set's `dns.ndjson`.
#[derive(Debug)]
pub(super) struct MailOfSet(pub(super) BTreeMap<String, Vec<String>>);

#[async_trait::async_trait]
impl MailLookup for MailOfSet {
    async fn mail_route(&self, domain: &str) -> Result<MailRoute, DnsError> {
        Ok(match self.0.get(domain).map(Vec::as_slice) {
            Some([root]) if root == "." => MailRoute::Refused,
            Some([]) => MailRoute::NoHost,
            Some(hosts) => MailRoute::Hosts(hosts.to_vec()),
            None => MailRoute::NoDomain,
        })
    }
}
