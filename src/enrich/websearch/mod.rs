//! `enrich/websearch`: find a business and what is publicly known of it.
//!
//! The directory is asked first. Then pages are read: the best candidate's own website where it may be the one, and the domain
//! that the buyer named, each with its contact page where the first page says no phone or no address. What is decided to be
//! the business asked for, by the rule of [`super::matching`], is merged with its sources. What is missing then a language model may
//! read out of the pages, where one is configured. Everything follows from the payload
//! and the recorded hops, so a resumed run comes to the same bytes. Where all that was answered was kept from earlier searches,
//! whoever made them, the result says so; it is made from this buyer's payload all the same.

mod estimate;
mod reading;
mod result;

use std::collections::BTreeSet;

use url::Url;

use super::cache::Question;
use super::claim::{Field, first};
use super::matching::{NAME_ALIKE, NAME_RELATED, Subject, best, judge};
use super::phone;
use super::research::hits::Hit;
use super::research::resolve::Standing;
use super::research::{Finding, Outcome, Research, Resolution, Tools, resolve};
use super::vendors::website::{PageFacts, PageKind};
use super::{Enricher, Error, Found, JournalError, Run};
use crate::billing::quote::Estimate;
use crate::types::{Route, WebsearchPayload};

/// A candidate with fewer points isn't worth a page.
const PLAUSIBLE_SCORE: u32 = 35;

/// Pages that are read for each candidate of `max_results`.
const PAGES_A_CANDIDATE: i64 = 2;

/// What a page says with less strength, it says in passing.
const IN_PLACE: u8 = 50;

/// The enricher of `enrich/websearch`.
#[derive(Debug, Clone)]
pub struct Websearch {
    tools: Tools,
}

impl Websearch {
    /// Asks these vendors.
    pub fn new(tools: Tools) -> Self {
        Self { tools }
    }
}

#[async_trait::async_trait]
impl Enricher for Websearch {
    fn route(&self) -> Route {
        Route::Websearch
    }

    fn estimate(&self, payload: &str) -> Estimate {
        let payload = WebsearchPayload::parse(payload).ok();
        payload.and_then(|payload| estimate::estimate(&self.tools, &payload).ok()).unwrap_or_else(Estimate::unknown)
    }

    async fn run(&self, payload: &str, run: &mut Run) -> Result<Found, Error> {
        let payload = WebsearchPayload::parse(payload).map_err(|faults| {
            let first = faults.into_iter().next().map_or_else(String::new, |fault| format!("{}: {}", fault.pointer, fault.detail));
            Error::Payload(serde::de::Error::custom(first))
        })?;
        let mut search = Search::new(&self.tools, payload);
        search.look_up(run).await?;
        search.read_given_sites(run).await?;
        search.search(run).await?;
        search.read_by_model(run).await?;
        search.conclude(run)
    }
}

/// The search so far.
struct Search<'a> {
    payload: WebsearchPayload,
    research: Research<'a>,
    pages_asked: i64,
}

impl<'a> Search<'a> {
    fn new(tools: &'a Tools, payload: WebsearchPayload) -> Self {
        let research = Research::new(tools, Subject::asked(&payload)).of_public_interest().refreshed(payload.refresh);
        Self { payload, research, pages_asked: 0 }
    }

    async fn look_up(&mut self, run: &mut Run) -> Result<(), JournalError> {
        let limit = usize::try_from(self.payload.max_results).unwrap_or(1);
        self.research.look_up(run, self.payload.clone(), limit).await.map(drop)
    }

    /// The sites that are given: the best entry's website, and the domain that the buyer named.
    async fn read_given_sites(&mut self, run: &mut Run) -> Result<(), JournalError> {
        let asked = &self.research.asked;
        let subjects: Vec<Subject> = self.research.findings.iter().map(|finding| finding.subject.clone()).collect();
        if let Some((at, verdict)) = best(asked, &subjects)
            && verdict.score >= PLAUSIBLE_SCORE
            && asked.name_likeness(self.subject_of(at)) >= NAME_RELATED
        {
            self.read_named_site(run, at).await?;
        }
        if let Some(domain) = self.payload.domain.clone()
            && let Ok(url) = Url::parse(&format!("https://{domain}/"))
            && !self.research.has_read_host(&url)
        {
            self.read_site(run, url, None).await?;
        }
        Ok(())
    }

    /// What a search finds: the business's own site first, then others' pages about it as long as something is lacking. The
    /// search is made in any case, or a rival or a contradiction would go unseen.
    async fn search(&mut self, run: &mut Run) -> Result<(), JournalError> {
        let WebsearchPayload { business_name, city, state, zip, .. } = &self.payload;
        let place = [city, state].into_iter().flatten().map(String::as_str);
        let zip = zip.as_deref().filter(|_| city.is_none());
        let query = [&[business_name.as_str()], place.chain(zip).collect::<Vec<_>>().as_slice()].concat().join(" ");
        let question = Question::business(business_name, city.as_deref(), state.as_deref(), zip);
        let found = self.research.search(run, &query, &question).await?;
        let asked = &self.research.asked;
        let mut hits: Vec<Hit> =
            found.iter().filter_map(|hit| Hit::judged(asked, &hit.url, &hit.title, &hit.snippet)).filter(Hit::is_worth_reading).collect();
        hits.sort_by_key(|hit| std::cmp::Reverse(hit.points));
        let is_name_alone = asked.is_a_name_alone();
        for hit in hits.iter().filter(|hit| hit.is_own) {
            // Asked by name alone, each site of that name may be the one, and has to be seen.
            if !self.research.has_read_host(&hit.url) && (is_name_alone || !self.knows_own_site()) {
                self.read_site(run, hit.front(), None).await?;
            }
        }
        for hit in hits.iter().filter(|hit| !hit.is_own) {
            if self.lacks_nothing() && !is_name_alone {
                break;
            }
            let Some((_, at)) = self.read_page(run, &hit.url, None).await? else { continue };
            if !self.knows_own_site() && judge(&self.research.asked, self.subject_of(at)).matched {
                self.read_named_site(run, at).await?;
            }
        }
        Ok(())
    }

    fn subject_of(&self, at: usize) -> &Subject {
        self.research.findings.get(at).map_or(&self.research.asked, |finding| &finding.subject)
    }

    /// Whether a page of the business's own has been read.
    fn knows_own_site(&self) -> bool {
        let resolution = resolve(&self.research.asked, &self.research.findings);
        resolution.members.iter().any(|(_, standing)| *standing >= Standing::Own)
    }

    fn lacks_nothing(&self) -> bool {
        let resolution = resolve(&self.research.asked, &self.research.findings);
        let says = |field: &Field| {
            let members = resolution.members.iter().filter_map(|(at, _)| self.research.findings.get(*at));
            members.into_iter().any(|finding| first(&finding.claims, field).is_some())
        };
        resolution.score.is_some() && [Field::Phone, Field::Street, Field::Website].iter().all(says)
    }

    /// Reads the site that a finding names as the business's own.
    async fn read_named_site(&mut self, run: &mut Run, at: usize) -> Result<(), JournalError> {
        let website = self.research.findings.get(at).and_then(|finding| first(&finding.claims, &Field::Website));
        if let Some(url) = website.and_then(|website| Url::parse(website).ok())
            && !self.research.has_read_host(&url)
        {
            self.read_site(run, url, Some(at)).await?;
        }
        Ok(())
    }

    /// Reads a site's first page, and more of it where that is the business's own and could say more: its contact page or
    /// imprint, and the page of its people.
    async fn read_site(&mut self, run: &mut Run, url: Url, named_by: Option<usize>) -> Result<(), JournalError> {
        let Some((mut facts, at)) = self.read_page(run, &url, named_by).await? else { return Ok(()) };
        if let Some(moved) = facts.moved_to.as_deref().and_then(|moved| Url::parse(moved).ok())
            && !self.research.has_read_host(&moved)
        {
            // The old address was the business's, so its word for the new one is worth a page.
            return Box::pin(self.read_site(run, moved, named_by)).await;
        }
        if !self.could_be_its_own(at) {
            return Ok(());
        }
        let claims = self.research.findings.get(at).map(|page| page.claims.as_slice()).unwrap_or_default();
        let of = |field: Field| claims.iter().filter(move |claim| claim.field == field);
        // A number in a sentence may be anybody's, and of several the contact page tells which is the one.
        let in_place = of(Field::Phone).filter(|claim| claim.strength >= IN_PLACE).count();
        let numbers: BTreeSet<Option<String>> = of(Field::Phone).map(|claim| phone::key(&claim.value, &self.payload.country)).collect();
        let says_where = numbers.len() == 1 && in_place > 0 && of(Field::Zip).next().is_some();
        // A front page that draws its menu with scripts has no links; the list for search engines has them. One that says it all
        // may be the only page that there is.
        if !says_where && facts.links.is_empty() && self.pages_asked < self.pages_max() {
            self.pages_asked += 1;
            self.research.list_pages(run, at).await?;
            facts.links = self.research.findings.get(at).map(|page| page.links.clone()).unwrap_or_default();
        }
        if !says_where {
            for kind in [PageKind::Contact, PageKind::Imprint, PageKind::Locations] {
                if self.read_linked(run, &facts, kind).await? {
                    break;
                }
            }
        }
        if facts.people.is_empty() && self.knows_own_site() {
            // The law of some countries has the imprint name who is in charge.
            if !self.read_linked(run, &facts, PageKind::Team).await? {
                self.read_linked(run, &facts, PageKind::Imprint).await?;
            }
        }
        Ok(())
    }

    /// Whether a page is the business's own word, and by the name that was asked for.
    fn could_be_its_own(&self, at: usize) -> bool {
        let page = self.research.findings.get(at);
        page.is_some_and(|page| page.own_site && self.research.asked.name_likeness(&page.subject) >= NAME_ALIKE) || self.is_member(at)
    }

    fn is_member(&self, at: usize) -> bool {
        let resolution = resolve(&self.research.asked, &self.research.findings);
        resolution.members.iter().any(|(member, _)| *member == at)
    }

    /// Reads the best page of a kind that a page links to; whether there was one to read.
    async fn read_linked(&mut self, run: &mut Run, facts: &PageFacts, kind: PageKind) -> Result<bool, JournalError> {
        let links = facts.links.iter().filter(|(of, _)| *of == kind).filter_map(|(_, url)| Url::parse(url).ok());
        let Some(url) = links.into_iter().find(|url| !self.research.has_read(url)) else { return Ok(false) };
        Ok(self.read_page(run, &url, None).await?.is_some())
    }

    fn pages_max(&self) -> i64 {
        PAGES_A_CANDIDATE * self.payload.max_results
    }

    async fn read_page(&mut self, run: &mut Run, url: &Url, named_by: Option<usize>) -> Result<Option<(PageFacts, usize)>, JournalError> {
        if self.pages_asked >= self.pages_max() || self.research.has_read(url) {
            return Ok(None);
        }
        self.pages_asked += 1;
        self.research.read(run, url, named_by).await
    }

    fn conclude(self, run: &Run) -> Result<Found, Error> {
        self.research.check_answered(run)?;
        let Outcome { resolution: Resolution { score, rivalled, closed, .. }, members, business } = self.research.outcome();
        self.research.remember(run, &members);
        let findings: Vec<Finding> = members.into_iter().map(|(finding, _)| finding).collect();
        let (payload, stopped) = (&self.payload, run.stopped());
        let cache_hit = run.is_all_cached();
        let report = result::Report { payload, cache_hit, business, findings: &findings, score, rivalled, closed, stopped };
        Ok(Found { matched: score.is_some(), result: report.to_json() })
    }
}
