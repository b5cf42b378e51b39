//! A run whose hops go into a book in memory, for the tests of vendors; and tools with a price that are not there.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use url::Url;

use super::research::Tools;
use super::run::{Journal, JournalError, Run, RunSettings};
use super::vendors::directory::{Directory, DirectorySettings};
use super::vendors::email::{Email, EmailSettings};
use super::vendors::line::Exchange;
use super::vendors::llm::{Llm, LlmSettings, PriceSheet, TokensField};
use super::vendors::search::{Search, SearchKind, SearchSettings};
use super::vendors::website::{Fetch, Page, Website, WebsiteSettings};
use crate::clock::{SystemClock, SystemRandom};
use crate::job::Hop;
use crate::net::{DnsError, MailLookup, MailRoute, TrustedClient};
use crate::types::Usd;

/// What was recorded.
#[derive(Clone, Default)]
pub(crate) struct Book(Arc<Mutex<Vec<Hop>>>);

#[async_trait::async_trait]
impl Journal for Book {
    async fn record(&self, hop: Hop) -> Result<(), JournalError> {
        self.0.lock().unwrap().push(hop);
        Ok(())
    }
}

impl Book {
    /// The hops so far.
    pub(crate) fn hops(&self) -> Vec<Hop> {
        self.0.lock().unwrap().clone()
    }

    /// An attempt that knows the hops of those before it, with a budget in micro-dollars for all of them.
    pub(crate) fn run(&self, budget: i64) -> Run {
        Run::new(RunSettings {
            journal: Arc::new(self.clone()),
            clock: Arc::new(SystemClock),
            recorded: self.hops(),
            budget: Usd::from_micros(budget),
            deadline: tokio::time::Instant::now() + Duration::from_mins(1),
            cancel: CancellationToken::new(),
            gate: None,
        })
    }
}

/// Neither pages nor name servers.
#[derive(Debug)]
struct Nobody;

#[async_trait::async_trait]
impl Fetch for Nobody {
    async fn get(&self, _url: &Url, _bytes_max: usize, _timeout: Duration) -> Result<Page, String> {
        Err("nobody is there".to_owned())
    }
}

#[async_trait::async_trait]
impl MailLookup for Nobody {
    async fn mail_route(&self, _domain: &str) -> Result<MailRoute, DnsError> {
        Err(DnsError::TimedOut)
    }
}

/// What a question costs at the [`priced_tools`], in micro-dollars.
pub(crate) const DIRECTORY: i64 = 100;
pub(crate) const SEARCH: i64 = 50;
pub(crate) const PAGE: i64 = 10;
pub(crate) const EMAIL: i64 = 1;

/// Tools that have nothing but their prices. A million of a model's tokens cost a million micro-dollars.
pub(crate) fn priced_tools() -> Tools {
    let (usd, timeout, url) = (Usd::from_micros, Duration::from_secs(1), Url::parse("http://127.0.0.1:9/").unwrap());
    let exchange = || Exchange { client: TrustedClient::new().unwrap(), clock: Arc::new(SystemClock), random: Arc::new(SystemRandom) };
    let search = SearchSettings { kind: SearchKind::Searxng, url: url.clone(), key: None, cost: usd(SEARCH), timeout, concurrency: 1 };
    let llm = LlmSettings {
        url,
        key: None,
        model: "none".to_owned(),
        prices: PriceSheet { input_per_mtok: usd(1_000_000), output_per_mtok: usd(1_000_000) },
        tokens_field: TokensField::MaxTokens,
        is_deterministic: true,
        timeout,
        concurrency: 1,
    };
    let website = WebsiteSettings { cost: usd(PAGE), ..WebsiteSettings::default() };
    Tools {
        directory: Some(Directory::new(DirectorySettings { dir: "/nowhere".into(), cost: usd(DIRECTORY), timeout })),
        website: Some(Website::new(website, Arc::new(Nobody))),
        search: Some(Search::new(search, exchange())),
        llm: Some(Llm::new(llm, exchange())),
        phone: None,
        cache: super::cache::Cache::default(),
        email: Some(Email::new(EmailSettings { cost: usd(EMAIL), ..EmailSettings::default() }, Arc::new(Nobody))),
    }
}
