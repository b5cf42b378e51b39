//! Vendors that say what a test wants, at prices of its own, and a book of hops.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use enrich_jobs::clock::{Clock, SystemClock, SystemRandom};
use enrich_jobs::enrich::lead_session::{Experience, LeadSession};
use enrich_jobs::enrich::research::Tools;
use enrich_jobs::enrich::vendors::directory::{Directory, DirectorySettings, import};
use enrich_jobs::enrich::vendors::email::{Email, EmailSettings};
use enrich_jobs::enrich::vendors::line::Exchange;
use enrich_jobs::enrich::vendors::llm::{Llm, LlmSettings, PriceSheet, TokensField};
use enrich_jobs::enrich::vendors::search::{Search, SearchKind, SearchSettings};
use enrich_jobs::enrich::vendors::website::{Fetch, Page, Website, WebsiteSettings};
use enrich_jobs::enrich::{Enricher, Error, Journal, JournalError, Run, RunSettings, Stop};
use enrich_jobs::job::{Hop, Progress};
use enrich_jobs::net::{MailLookup, TrustedClient};
use enrich_jobs::types::{Timestamp, Usd};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use url::Url;

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    /// For a page, by its URL.
    Page,
    /// For a search, by its words.
    Search,
    /// For a completion, by its whole request.
    Model,
}

/// What a vendor does.
#[derive(Debug, Clone)]
pub(crate) enum Said {
    /// HTML or JSON.
    Text(String),
    Status(u16),
    /// Nothing, for ever.
    Hang,
}

type Speak = dyn Fn(Who, &str) -> Said + Send + Sync;

/// All vendors behind HTTP.
pub(crate) struct Vendors {
    speak: Box<Speak>,
    asked: Mutex<BTreeMap<(Who, String), u32>>,
}

impl std::fmt::Debug for Vendors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vendors")
    }
}

impl Vendors {
    fn ask(&self, who: Who, question: &str) -> Said {
        if !question.ends_with("/robots.txt") {
            *self.asked.lock().unwrap().entry((who, question.to_owned())).or_default() += 1;
        }
        (self.speak)(who, question)
    }
}

#[async_trait::async_trait]
impl Fetch for Vendors {
    async fn get(&self, url: &Url, _: usize, timeout: Duration) -> Result<Page, String> {
        let (status, body) = match self.ask(Who::Page, url.as_str()) {
            _ if url.path() == "/robots.txt" => (404, String::new()),
            Said::Text(html) => (200, html),
            Said::Status(0) => return Err("the connection broke".to_owned()),
            Said::Status(status) => (status, String::new()),
            Said::Hang => {
                tokio::time::sleep(timeout).await;
                return Err("it took too long".to_owned());
            }
        };
        Ok(Page {
            url: url.clone(),
            status,
            content_type: Some("text/html".to_owned()),
            location: None,
            body: body.into_bytes(),
            is_private: false,
        })
    }
}

async fn serve(State(vendors): State<Arc<Vendors>>, OriginalUri(uri): OriginalUri, body: String) -> Response {
    let said = if uri.path().ends_with("/search") {
        let pairs = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        let words = pairs.into_iter().find(|(name, _)| name == "q").map(|(_, words)| words.into_owned()).unwrap_or_default();
        vendors.ask(Who::Search, &words)
    } else {
        vendors.ask(Who::Model, &body)
    };
    match said {
        Said::Text(json) => ([(CONTENT_TYPE, "application/json")], json).into_response(),
        Said::Status(status) => StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST).into_response(),
        Said::Hang => std::future::pending().await,
    }
}

/// In micro-dollars; the model's by a million tokens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prices {
    pub(crate) directory: i64,
    pub(crate) page: i64,
    pub(crate) search: i64,
    pub(crate) input: i64,
    pub(crate) output: i64,
}

impl Default for Prices {
    fn default() -> Self {
        Self { directory: 10_000, page: 5_000, search: 10_000, input: 1_000_000, output: 4_000_000 }
    }
}

/// It stands still, so that a resumed session comes to the same result to the byte.
#[derive(Debug)]
struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000)
    }
}

/// Hops and progress, as a job's actor would keep them.
#[derive(Default)]
pub(crate) struct Book {
    pub(crate) hops: Mutex<Vec<Hop>>,
    pub(crate) shown: Mutex<Vec<Progress>>,
    /// Cancels after so many hops.
    cancel_after: Option<(usize, CancellationToken)>,
}

#[async_trait::async_trait]
impl Journal for Book {
    async fn record(&self, hop: Hop) -> Result<(), JournalError> {
        let mut hops = self.hops.lock().unwrap();
        hops.push(hop);
        if let Some((count, cancel)) = &self.cancel_after
            && paid(&hops).count() == *count
        {
            cancel.cancel();
        }
        Ok(())
    }

    fn show(&self, progress: Progress) {
        self.shown.lock().unwrap().push(progress);
    }
}

/// Those that a vendor was asked for.
pub(crate) fn paid(hops: &[Hop]) -> impl Iterator<Item = &Hop> {
    hops.iter().filter(|hop| !hop.is_note())
}

pub(crate) fn sum(hops: &[Hop]) -> i64 {
    hops.iter().map(|hop| hop.cost.micros()).sum()
}

/// What a session came to.
pub(crate) struct Ended {
    pub(crate) result: Result<(bool, Value), Error>,
    pub(crate) hops: Vec<Hop>,
    pub(crate) shown: Vec<Progress>,
    pub(crate) spent: i64,
    pub(crate) stopped: Option<Stop>,
}

impl Ended {
    pub(crate) fn result(&self) -> &Value {
        &self.result.as_ref().expect("it comes to a result").1
    }
}

/// How a session is run.
#[derive(Debug, Clone)]
pub(crate) struct How {
    /// In micro-dollars.
    pub(crate) ceiling: i64,
    /// Hops of an earlier attempt.
    pub(crate) recorded: Vec<Hop>,
    pub(crate) cancel_after: Option<usize>,
    pub(crate) deadline: Duration,
}

impl Default for How {
    fn default() -> Self {
        Self { ceiling: 5_000_000, recorded: Vec::new(), cancel_after: None, deadline: Duration::from_mins(1) }
    }
}

pub(crate) struct World {
    pub(crate) vendors: Arc<Vendors>,
    session: LeadSession,
    tools: Tools,
    _dir: tempfile::TempDir,
}

impl World {
    /// With a directory of these rows (CSV), and vendors that speak so. A vendor that hangs is waited for for so long.
    pub(crate) async fn new(
        directory: &str,
        prices: Prices,
        patience: Duration,
        speak: impl Fn(Who, &str) -> Said + Send + Sync + 'static,
    ) -> Self {
        let vendors = Arc::new(Vendors { speak: Box::new(speak), asked: Mutex::default() });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: Url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let app = axum::Router::new().fallback(serve).with_state(Arc::clone(&vendors));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let dir = tempfile::tempdir().unwrap();
        import(directory.as_bytes(), dir.path(), true).unwrap();
        let usd = Usd::from_micros;
        let exchange = || Exchange { client: TrustedClient::new().unwrap(), clock: Arc::new(SystemClock), random: Arc::new(SystemRandom) };
        let search = SearchSettings {
            kind: SearchKind::Searxng,
            url: url.clone(),
            key: None,
            cost: usd(prices.search),
            timeout: patience,
            concurrency: 4,
        };
        let llm = LlmSettings {
            url: url.join("/v1").unwrap(),
            key: None,
            model: "scripted-1".to_owned(),
            prices: PriceSheet { input_per_mtok: usd(prices.input), output_per_mtok: usd(prices.output) },
            tokens_field: TokensField::MaxTokens,
            is_deterministic: true,
            timeout: patience,
            concurrency: 4,
        };
        let website =
            WebsiteSettings { cost: usd(prices.page), timeout: patience, host_interval: Duration::ZERO, ..WebsiteSettings::default() };
        let fetch: Arc<dyn Fetch> = Arc::<Vendors>::clone(&vendors);
        let tools = Tools {
            directory: Some(Directory::new(DirectorySettings {
                dir: dir.path().to_owned(),
                cost: usd(prices.directory),
                timeout: Duration::from_secs(20),
            })),
            website: Some(Website::new(website, fetch)),
            search: Some(Search::new(search, exchange())),
            llm: Some(Llm::new(llm, exchange())),
            phone: None,
            email: None,
            cache: enrich_jobs::enrich::cache::Cache::default(),
        };
        Self { vendors, session: LeadSession::new(tools.clone(), Experience::default()), tools, _dir: dir }
    }

    /// With addresses that can be checked.
    pub(crate) fn with_mail(self, lookup: Arc<dyn MailLookup>) -> Self {
        let tools = Tools { email: Some(Email::new(EmailSettings::default(), lookup)), ..self.tools };
        Self { session: LeadSession::new(tools.clone(), Experience::default()), tools, ..self }
    }

    pub(crate) async fn run(&self, payload: &Value, how: How) -> Ended {
        let How { ceiling, recorded, cancel_after, deadline } = how;
        let cancel = CancellationToken::new();
        let cancel_after = cancel_after.map(|count| (count, cancel.clone()));
        let book = Arc::new(Book { hops: Mutex::new(recorded.clone()), shown: Mutex::default(), cancel_after });
        let mut run = Run::new(RunSettings {
            journal: Arc::clone(&book) as Arc<dyn Journal>,
            clock: Arc::new(Noon),
            recorded,
            budget: Usd::from_micros(ceiling),
            deadline: tokio::time::Instant::now() + deadline,
            cancel,
            gate: None,
        });
        let result = self.session.run(&payload.to_string(), &mut run).await;
        let result = result.map(|found| (found.matched, serde_json::from_str(&found.result).unwrap()));
        let hops = book.hops.lock().unwrap().clone();
        let shown = book.shown.lock().unwrap().clone();
        Ended { result, hops, shown, spent: run.spent().micros(), stopped: run.stopped() }
    }

    /// Every question that a vendor has heard, and how often; and starts to count anew.
    pub(crate) fn asked(&self) -> BTreeMap<(Who, String), u32> {
        std::mem::take(&mut *self.vendors.asked.lock().unwrap())
    }
}
