//! `enrich/websearch`: find a business and what is publicly known of it.
//!
//! The directory is asked first. Then pages are read: the best candidate's own website where it may be the one, and the domain
//! that the buyer named, each with its contact page where the first page says no phone or no address. What is decided to be
//! the business asked for, by the rule of [`super::matching`], is merged with its sources. Everything follows from the payload
//! and the recorded hops, so a resumed run comes to the same bytes.

mod merge;
mod result;

use std::fmt::Write as _;

use url::Url;

use super::claim::{Claim, Field, first};
use super::matching::{NAME_ALIKE, Subject, Verdict, best, judge};
use super::run::{Answer, Call};
use super::vendors::directory::{Directory, Listing};
use super::vendors::llm::Llm;
use super::vendors::search::Search as WebSearch;
use super::vendors::website::{PageFacts, Website};
use super::{Enricher, Error, Found, JournalError, Run, Stop};
use crate::types::{Route, Timestamp, WebsearchPayload};

/// A candidate with fewer points isn't worth a page.
const PLAUSIBLE_SCORE: u32 = 35;

/// How far we rely on a page that answers being the website, in percent.
const WEBSITE_STRENGTH: u8 = 75;

/// Whom a websearch asks; what isn't configured isn't asked.
#[derive(Debug, Clone, Default)]
pub struct WebsearchVendors {
    /// The operator's own data.
    pub directory: Option<Directory>,
    /// Public pages.
    pub website: Option<Website>,
    /// The web.
    pub search: Option<WebSearch>,
    /// A language model.
    pub llm: Option<Llm>,
}

/// The enricher of `enrich/websearch`.
#[derive(Debug, Clone)]
pub struct Websearch {
    vendors: WebsearchVendors,
}

impl Websearch {
    /// Asks these vendors.
    pub fn new(vendors: WebsearchVendors) -> Self {
        Self { vendors }
    }
}

#[async_trait::async_trait]
impl Enricher for Websearch {
    fn route(&self) -> Route {
        Route::Websearch
    }

    async fn run(&self, payload: &str, run: &mut Run) -> Result<Found, Error> {
        let payload = WebsearchPayload::parse(payload).map_err(|faults| {
            let first = faults.into_iter().next().map_or_else(String::new, |fault| format!("{}: {}", fault.pointer, fault.detail));
            Error::Payload(serde::de::Error::custom(first))
        })?;
        let mut search = Search::new(&self.vendors, payload);
        search.look_up(run).await?;
        search.read_pages(run).await?;
        search.conclude(run)
    }
}

/// What one source says of one business.
#[derive(Debug, Clone)]
struct Finding {
    tool: &'static str,
    url: Option<String>,
    title: String,
    fetched_at: Timestamp,
    claims: Vec<Claim>,
    subject: Subject,
}

/// The search so far.
struct Search<'a> {
    vendors: &'a WebsearchVendors,
    payload: WebsearchPayload,
    asked: Subject,
    /// The best entry of the directory.
    listing: Option<(Finding, Verdict)>,
    /// Pages that are about the business, with their points.
    pages: Vec<(Finding, Verdict)>,
    pages_asked: i64,
    hops: u32,
    failures: Vec<String>,
}

impl<'a> Search<'a> {
    fn new(vendors: &'a WebsearchVendors, payload: WebsearchPayload) -> Self {
        let asked = Subject::asked(&payload);
        Self { vendors, payload, asked, listing: None, pages: Vec::new(), pages_asked: 0, hops: 0, failures: Vec::new() }
    }

    async fn look_up(&mut self, run: &mut Run) -> Result<(), JournalError> {
        let Some(directory) = &self.vendors.directory else { return Ok(()) };
        let settings = directory.settings();
        // Whether an older answer would do makes no difference to the question.
        let payload = WebsearchPayload { refresh: false, ..self.payload.clone() };
        let request = serde_json::to_string(&payload).unwrap_or_default();
        // Never only one, or a rival would go unseen.
        let limit = usize::try_from(payload.max_results).unwrap_or(1).max(2);
        let call = Call { tool: "directory", request: &request, cost_max: settings.cost, timeout: settings.timeout };
        let work = async {
            let found = directory.find(payload, limit).await?;
            Ok(Answer { value: (!found.is_empty()).then_some(found), cost: settings.cost })
        };
        let Some(listings) = self.hop::<Vec<Listing>>(run, call, work).await? else { return Ok(()) };
        let findings: Vec<Finding> = listings.iter().map(|listing| Finding::from_listing(listing, run.answered_at())).collect();
        let subjects: Vec<Subject> = findings.iter().map(|finding| finding.subject.clone()).collect();
        self.listing = best(&self.asked, &subjects).and_then(|(at, verdict)| Some((findings.into_iter().nth(at)?, verdict)));
        Ok(())
    }

    async fn read_pages(&mut self, run: &mut Run) -> Result<(), JournalError> {
        if let Some((listing, verdict)) = self.listing.clone()
            && verdict.score >= PLAUSIBLE_SCORE
            && let Some(url) = first(&listing.claims, &Field::Website).and_then(|website| Url::parse(website).ok())
        {
            self.read_site(run, url, Some(&listing)).await?;
        }
        let read_before = |host: &str| self.pages.iter().any(|(page, _)| page.host().as_deref() == Some(host));
        if let Some(domain) = self.payload.domain.clone()
            && !read_before(domain.strip_prefix("www.").unwrap_or(&domain))
            && let Ok(url) = Url::parse(&format!("https://{domain}/"))
        {
            self.read_site(run, url, None).await?;
        }
        Ok(())
    }

    /// Reads a site's first page, and its contact page where that could say more. A page that came by way of a listing has to
    /// be about the same business as the listing; any other has to be a match by itself.
    async fn read_site(&mut self, run: &mut Run, url: Url, listing: Option<&Finding>) -> Result<(), JournalError> {
        let Some(facts) = self.read_page(run, &url).await? else { return Ok(()) };
        let mut page = Finding::from_page(&facts, &self.asked, run.answered_at());
        page.claims.extend(Claim::new(Field::Website, &facts.url, WEBSITE_STRENGTH));
        page.subject = Subject::found(&page.claims);
        let mut verdict = judge(&self.asked, &page.subject);
        let (same, rivalled) = match (listing, &self.listing) {
            (Some(listing), Some((_, of_listing))) => (is_vouched_for(&page.subject, &listing.subject), of_listing.rivalled),
            (Some(_) | None, _) => (false, false),
        };
        verdict.matched &= !rivalled; // The page of one of two that fit as well is no better than its listing.
        if !same && !verdict.matched {
            return Ok(());
        }
        let lacks = |field: Field| first(&page.claims, &field).is_none();
        let says_more = lacks(Field::Phone) || lacks(Field::Zip);
        self.pages.push((page, verdict));
        let contact = facts.contact_pages.first().and_then(|contact| Url::parse(contact).ok());
        if let Some(contact) = contact.filter(|_| says_more)
            && let Some(facts) = self.read_page(run, &contact).await?
        {
            let page = Finding::from_page(&facts, &self.asked, run.answered_at());
            let verdict = Verdict { matched: false, ..judge(&self.asked, &page.subject) };
            self.pages.push((page, verdict));
        }
        Ok(())
    }

    async fn read_page(&mut self, run: &mut Run, url: &Url) -> Result<Option<PageFacts>, JournalError> {
        let Some(website) = &self.vendors.website else { return Ok(None) };
        if self.pages_asked >= self.payload.max_results {
            return Ok(None);
        }
        self.pages_asked += 1;
        let settings = website.settings();
        let call = Call { tool: "website", request: url.as_str(), cost_max: settings.cost, timeout: settings.timeout };
        let work = async { website.read(url).await.map(|value| Answer { value, cost: settings.cost }) };
        self.hop(run, call, work).await
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
        let answered = run.hop(call, work).await?;
        if answered.is_ok() {
            self.hops += 1;
        }
        Ok(match answered {
            Ok(Ok(value)) => value,
            Ok(Err(message)) => {
                self.failures.push(format!("{}: {message}", call.tool));
                None
            }
            Err(Stop::Budget | Stop::Deadline | Stop::Cancelled | Stop::Insolvent) => None,
        })
    }

    fn conclude(self, run: &Run) -> Result<Found, Error> {
        let cut_short = matches!(run.stopped(), Some(Stop::Deadline | Stop::Cancelled | Stop::Insolvent));
        if run.all_vendors_failed() && !cut_short {
            return Err(Error::VendorUnavailable(self.failures.join("; ")));
        }
        if self.hops == 0 && run.stopped().is_none() {
            return Err(Error::VendorUnavailable("nothing is configured that could be asked".to_owned()));
        }
        let rivalled = self.listing.as_ref().is_some_and(|(_, verdict)| verdict.rivalled);
        // Where only a page is the business, the listing still counts if it is the same one.
        let listing = self.listing.filter(|(listing, verdict)| {
            verdict.matched || self.pages.iter().any(|(page, of_page)| of_page.matched && page.subject.is_same_business(&listing.subject))
        });
        let verdicts = listing.iter().chain(&self.pages).map(|(_, verdict)| *verdict);
        let score = verdicts.filter(|verdict| verdict.matched).map(|verdict| verdict.score).max();
        let findings: Vec<Finding> = match score {
            Some(_) => listing.into_iter().chain(self.pages).map(|(finding, _)| finding).collect(),
            None => Vec::new(),
        };
        let report = result::Report {
            payload: &self.payload,
            business: score.map(|score| merge::business(&findings, &self.asked, score)),
            findings: &findings,
            score,
            rivalled,
            stopped: run.stopped(),
        };
        Ok(Found { matched: score.is_some(), result: report.to_json() })
    }
}

/// Whether a page that a listing gave as its website is about the listing's business. The listing's word for it is enough where
/// the page goes by the same name and nothing else on it says otherwise.
fn is_vouched_for(page: &Subject, listing: &Subject) -> bool {
    let same_name = listing.name_likeness(page) >= NAME_ALIKE;
    page.is_same_business(listing) || (same_name && judge(listing, page).score >= NAME_ALIKE / 2)
}

impl Finding {
    fn from_listing(listing: &Listing, fetched_at: Timestamp) -> Self {
        let claims = listing.claims();
        let mut title = format!("Directory: {}", listing.name);
        if !listing.city.is_empty() {
            write!(title, ", {}", listing.city).unwrap_or_default();
        }
        Self { tool: "directory", url: None, title, fetched_at, subject: Subject::found(&claims), claims }
    }

    /// Of a chain's page, the branch that fits best, with what the page says outside of its branches.
    fn from_page(facts: &PageFacts, asked: &Subject, fetched_at: Timestamp) -> Self {
        let branches: Vec<Subject> = facts.entities.iter().map(|claims| Subject::found(claims)).collect();
        let branch = best(asked, &branches).and_then(|(at, _)| facts.entities.get(at));
        let mut claims = branch.cloned().unwrap_or_default();
        let address_known = claims.iter().any(|claim| matches!(claim.field, Field::Street | Field::City | Field::Zip));
        // Parts of two addresses make a third one that doesn't exist.
        let of_address = |field: &Field| matches!(field, Field::Street | Field::City | Field::State | Field::Zip);
        claims.extend(facts.claims.iter().filter(|claim| !(address_known && of_address(&claim.field))).cloned());
        let subject = Subject::found(&claims);
        Self { tool: "website", url: Some(facts.url.clone()), title: facts.title.clone(), fetched_at, claims, subject }
    }

    fn host(&self) -> Option<String> {
        super::matching::domain_of(self.url.as_deref()?)
    }
}
