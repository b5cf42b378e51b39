//! Asking: each question is one hop, and what comes back is kept.

use std::collections::{BTreeMap, BTreeSet};

use url::Url;

use super::leaf::Business;
use super::resolve::{Resolution, Standing, members, resolve};
use super::{Finding, merge};
use crate::enrich::cache::{Cache, Question, Whose};
use crate::enrich::claim::{Claim, Field};
use crate::enrich::matching::{Subject, domain_of};
use crate::enrich::run::{Answer, Call, Keep, Shelf};
use crate::enrich::vendors::directory::{Directory, Listing};
use crate::enrich::vendors::email::{Email, EmailFacts};
use crate::enrich::vendors::llm::{Completion, Llm, Prepared};
use crate::enrich::vendors::phone::Phone;
use crate::enrich::vendors::search::{Search, SearchHit};
use crate::enrich::vendors::website::{self, PageFacts, PageKind, Website};
use crate::enrich::{Error, JournalError, Run, Stop};
use crate::types::WebsearchPayload;

/// Whom can be asked; what isn't configured isn't.
#[derive(Debug, Clone, Default)]
pub struct Tools {
    /// The operator's own data.
    pub directory: Option<Directory>,
    /// Public pages.
    pub website: Option<Website>,
    /// The web.
    pub search: Option<Search>,
    /// A language model.
    pub llm: Option<Llm>,
    /// What the digits of a number tell.
    pub phone: Option<Phone>,
    /// Whether an address takes mail.
    pub email: Option<Email>,
    /// What was answered of late.
    pub cache: Cache,
}

/// What the findings come to.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Which findings are about the business.
    pub resolution: Resolution,
    /// These findings, in the order of their source ids.
    pub members: Vec<(Finding, Standing)>,
    /// The business, merged; `None` without a match.
    pub business: Option<Business>,
}

/// What has been asked and found so far.
#[derive(Debug)]
pub struct Research<'a> {
    tools: &'a Tools,
    /// What the buyer knows of the business.
    pub asked: Subject,
    /// What was found, in the order in which it was.
    pub findings: Vec<Finding>,
    /// Addresses that were looked at.
    pub emails: BTreeMap<String, EmailFacts>,
    /// Sites that don't answer, or have nothing of their own any more.
    dead: BTreeSet<String>,
    urls: BTreeSet<String>,
    /// Sites that the directory, a search, or a page of another such site has led to: anybody can come by them.
    public: BTreeSet<String>,
    refresh: bool,
    whose: Whose,
    hops: u32,
    failures: Vec<String>,
    has_faults: bool,
}

impl<'a> Research<'a> {
    /// Nothing asked yet.
    pub fn new(tools: &'a Tools, asked: Subject) -> Self {
        Self {
            tools,
            asked,
            findings: Vec::new(),
            emails: BTreeMap::new(),
            dead: BTreeSet::new(),
            urls: BTreeSet::new(),
            public: BTreeSet::new(),
            refresh: false,
            whose: Whose::Callers,
            hops: 0,
            failures: Vec::new(),
            has_faults: false,
        }
    }

    /// For a buyer who wants nothing that is kept.
    pub fn refreshed(self, refresh: bool) -> Self {
        Self { refresh, ..self }
    }

    /// What is asked is a business to be found and nothing else, so that whoever asks for the same may have the same answer.
    pub fn of_public_interest(self) -> Self {
        Self { whose: Whose::Everybodys, ..self }
    }

    /// Whether a page was asked for already.
    pub fn has_read(&self, url: &Url) -> bool {
        self.urls.contains(url.as_str())
    }

    /// Whether any page of that host was asked for already.
    pub fn has_read_host(&self, url: &Url) -> bool {
        let host = host_key(url);
        self.urls.iter().filter_map(|url| Url::parse(url).ok()).any(|read| host_key(&read) == host)
    }

    /// What the findings come to: those about the business, and the business that they make together.
    pub fn outcome(&self) -> Outcome {
        let resolution = resolve(&self.asked, &self.findings);
        let mut members = members(&resolution, &self.findings);
        for (finding, _) in &mut members {
            // A website that has gone is no website, whoever still lists it.
            finding.claims.retain(|claim| {
                claim.field != Field::Website || !domain_of(&claim.value).is_some_and(|domain| self.dead.contains(&domain))
            });
        }
        let business = resolution.score.map(|score| merge::business(&members, &self.asked, score));
        Outcome { resolution, members, business }
    }

    /// The model, where there is one.
    pub fn model(&self) -> Option<&'a Llm> {
        self.tools.llm.as_ref()
    }

    /// How many hops there were, recorded ones included.
    pub fn hops(&self) -> u32 {
        self.hops
    }

    /// Asks the directory; at most `limit` entries, and never fewer than two, or a rival would go unseen. The indices of what
    /// it brought.
    ///
    /// # Errors
    /// The hop could not be recorded.
    pub async fn look_up(&mut self, run: &mut Run, query: WebsearchPayload, limit: usize) -> Result<std::ops::Range<usize>, JournalError> {
        let first = self.findings.len();
        let Some(directory) = &self.tools.directory else { return Ok(first..first) };
        let settings = directory.settings();
        // Whether an older answer would do makes no difference to the question.
        let query = WebsearchPayload { refresh: false, ..query };
        let request = serde_json::to_string(&query).unwrap_or_default();
        let call = Call { tool: "directory", request: &request, cost_max: settings.cost, timeout: settings.timeout };
        let limit = limit.max(2);
        let question = Question::directory(self.whose, &query, limit, &directory.version());
        let work = async {
            let found = directory.find(query, limit).await?;
            Ok((Answer { value: (!found.is_empty()).then_some(found), cost: settings.cost }, Keep::Yes))
        };
        if let Some(listings) = self.cached::<Vec<Listing>>(run, call, &question, work).await? {
            self.findings.extend(listings.iter().map(|listing| Finding::from_listing(listing, run.answered_at())));
            let news = self.findings.get(first..).unwrap_or_default();
            self.public.extend(news.iter().flat_map(|finding| sites_of(&finding.claims)));
        }
        Ok(first..self.findings.len())
    }

    /// Reads one page; `named_by` is the finding that gave it as the business's website. Its facts, and the index of the
    /// finding that was made of them.
    ///
    /// # Errors
    /// The hop could not be recorded.
    pub async fn read(&mut self, run: &mut Run, url: &Url, named_by: Option<usize>) -> Result<Option<(PageFacts, usize)>, JournalError> {
        let Some(website) = &self.tools.website else { return Ok(None) };
        self.urls.insert(url.as_str().to_owned());
        let settings = website.settings();
        let call = Call { tool: "website", request: url.as_str(), cost_max: settings.cost, timeout: settings.timeout };
        let question = Question::page(url);
        let work = async { website.read(url).await.map(|(value, keep)| (Answer { value, cost: settings.cost }, keep)) };
        let facts = self.cached::<PageFacts>(run, call, &question, work).await?;
        let is_dead = facts.as_ref().is_none_or(|facts| facts.parked || facts.moved_to.is_some());
        if is_dead && run.stopped().is_none() && url.path() == "/" {
            self.dead.extend(domain_of(url.as_str()));
        }
        let Some(facts) = facts.filter(|facts| !facts.parked) else { return Ok(None) };
        if self.is_public(url.as_str()) {
            let moved_to = facts.moved_to.as_deref().and_then(|moved| host_key(&Url::parse(moved).ok()?));
            self.public.extend(sites_of(&facts.claims).into_iter().chain(moved_to));
        }
        let host = domain_of(url.as_str());
        let is_named = named_by.is_some() || self.findings.iter().any(|page| page.named_by.is_some() && page.host() == host);
        self.findings.push(Finding::from_page(&facts, &self.asked, run.answered_at(), named_by, is_named));
        Ok(Some((facts, self.findings.len() - 1)))
    }

    /// Asks the site of a finding for its own list of pages, and gives them to the finding, whose page links to none.
    ///
    /// # Errors
    /// The hop could not be recorded.
    pub async fn list_pages(&mut self, run: &mut Run, at: usize) -> Result<(), JournalError> {
        let url = self.findings.get(at).and_then(|page| Url::parse(page.url.as_deref()?).ok());
        let (Some(website), Some(url)) = (&self.tools.website, url) else { return Ok(()) };
        let settings = website.settings();
        let request = format!("sitemap of {}", url.origin().ascii_serialization());
        let call = Call { tool: "website", request: &request, cost_max: settings.cost, timeout: settings.timeout };
        let work = async {
            let pages = website.sitemap(&url).await?;
            Ok(Answer { value: (!pages.is_empty()).then_some(pages), cost: settings.cost })
        };
        let pages = self.hop::<Vec<(PageKind, String)>>(run, call, work).await?;
        if let Some(page) = self.findings.get_mut(at) {
            page.links = pages.unwrap_or_default();
        }
        Ok(())
    }

    /// Searches the web for `query`, which is `question` in words; nothing where there is no search, or it found nothing.
    ///
    /// # Errors
    /// The hop could not be recorded.
    pub async fn search(&mut self, run: &mut Run, query: &str, question: &Question) -> Result<Vec<SearchHit>, JournalError> {
        let Some(search) = &self.tools.search else { return Ok(Vec::new()) };
        let call = Call { tool: "search", request: query, cost_max: search.settings().cost, timeout: search.hop_timeout() };
        let work = async { search.find(query).await.map(|answer| (answer, Keep::Yes)).map_err(|fault| fault.to_string()) };
        let hits: Vec<SearchHit> = self.cached(run, call, question, work).await?.unwrap_or_default();
        self.public.extend(hits.iter().filter_map(|hit| host_key(&Url::parse(&hit.url).ok()?)));
        Ok(hits)
    }

    /// The model's turn; nothing where there is no model, or it failed.
    ///
    /// # Errors
    /// The hop could not be recorded.
    pub async fn complete(&mut self, run: &mut Run, prepared: &Prepared) -> Result<Option<Completion>, JournalError> {
        let Some(llm) = &self.tools.llm else { return Ok(None) };
        let call = Call { tool: "llm", request: prepared.request(), cost_max: prepared.cost_max(), timeout: llm.hop_timeout() };
        let work = async { llm.complete(prepared).await.map_err(|fault| fault.to_string()) };
        self.hop(run, call, work).await
    }

    /// Looks at an address: whether mail to it can arrive.
    ///
    /// # Errors
    /// The hop could not be recorded.
    pub async fn check_email(&mut self, run: &mut Run, address: &str) -> Result<(), JournalError> {
        let Some(email) = &self.tools.email else { return Ok(()) };
        let told = email.check(run, address).await?;
        if let Some(facts) = self.told("email", told) {
            self.emails.insert(address.to_owned(), facts);
        }
        Ok(())
    }

    /// Whether an address was looked at, and mail to it can arrive.
    pub fn takes_mail(&self, address: &str) -> bool {
        self.emails.get(address).is_some_and(EmailFacts::is_usable)
    }

    /// One hop; a failure is remembered, and a stop leaves nothing to be had.
    async fn hop<T>(
        &mut self,
        run: &mut Run,
        call: Call<'_>,
        work: impl Future<Output = Result<Answer<T>, String>>,
    ) -> Result<Option<T>, JournalError>
    where
        T: serde::Serialize + serde::de::DeserializeOwned,
    {
        let told = run.hop(call, work).await?;
        Ok(self.told(call.tool, told))
    }

    /// One hop that an earlier answer to the same question will do for.
    async fn cached<T>(
        &mut self,
        run: &mut Run,
        call: Call<'_>,
        question: &Question,
        work: impl Future<Output = Result<(Answer<T>, Keep), String>>,
    ) -> Result<Option<T>, JournalError>
    where
        T: serde::Serialize + serde::de::DeserializeOwned,
    {
        let from = Shelf { cache: &self.tools.cache, refresh: self.refresh };
        // Boxed, or each future around it would hold it several times.
        let told = run.cached_hop(call, from, question, Box::pin(work)).await?;
        Ok(self.told(call.tool, told))
    }

    /// Whether anybody can come by this page's site.
    fn is_public(&self, url: &str) -> bool {
        Url::parse(url).ok().and_then(|url| host_key(&url)).is_some_and(|host| self.public.contains(&host))
    }

    /// Whether a vendor failed, rather than had nothing or refused: another time it may answer.
    pub fn has_faults(&self) -> bool {
        self.has_faults
    }

    /// Remembers the business's own pages, of those that anybody can come by, for leads that are about it.
    pub fn remember(&self, run: &Run, members: &[(Finding, Standing)]) {
        let public = |finding: &&Finding| finding.url.as_deref().is_none_or(|url| self.is_public(url));
        let told = members.iter().map(|(finding, _)| finding).filter(public);
        let own = members.iter().filter(|(_, standing)| *standing >= Standing::Own).map(|(finding, _)| finding).filter(public);
        self.tools.cache.lead_to(own.filter_map(|page| page.url.as_deref()), told.map(|finding| &finding.subject), run.now());
    }

    /// What a hop came to.
    fn told<T>(&mut self, tool: &str, told: Result<Result<Option<T>, String>, Stop>) -> Option<T> {
        if told.is_ok() {
            self.hops += 1;
        }
        match told {
            Ok(Ok(value)) => value,
            Ok(Err(message)) => {
                self.has_faults |= tool != "website" || !website::is_refusal(&message);
                self.failures.push(format!("{tool}: {message}"));
                None
            }
            Err(Stop::Budget | Stop::Deadline | Stop::Cancelled | Stop::Insolvent) => None,
        }
    }

    /// Whether there is anything to conclude from.
    ///
    /// # Errors
    /// [`Error::VendorUnavailable`] where nobody could be asked, or everybody failed.
    pub fn check_answered(&self, run: &Run) -> Result<(), Error> {
        let cut_short = matches!(run.stopped(), Some(Stop::Deadline | Stop::Cancelled | Stop::Insolvent));
        if run.all_vendors_failed() && !cut_short {
            return Err(Error::VendorUnavailable(self.failures.join("; ")));
        }
        if self.hops == 0 && run.stopped().is_none() {
            return Err(Error::VendorUnavailable("nothing is configured that could be asked".to_owned()));
        }
        Ok(())
    }
}

/// The sites that claims name as the business's.
fn sites_of(claims: &[Claim]) -> Vec<String> {
    let sites = claims.iter().filter(|claim| claim.field == Field::Website);
    sites.filter_map(|claim| host_key(&Url::parse(&claim.value).ok()?)).collect()
}

/// What tells one site from another: an address in digits stands for many, each below its first path segment.
fn host_key(url: &Url) -> Option<String> {
    match domain_of(url.as_str()) {
        Some(host) => Some(host),
        None => Some(format!("{}/{}", url.authority(), url.path_segments()?.next()?)),
    }
}
