//! A session's state: what is known, what is lacking, and what could be asked.

use std::collections::BTreeSet;

use url::Url;

use super::fields::{self, Known};
use super::plan::{Action, Reach, Target};
use super::record::Record;
use super::want::{Ask, Want};
use crate::enrich::cache::Question;
use crate::enrich::claim::{Field, first};
use crate::enrich::matching::{NAME_ALIKE, judge};
use crate::enrich::research::hits::Hit;
use crate::enrich::research::{Finding, Research, Tools};
use crate::enrich::vendors::website::{PageKind, kind_by_address};
use crate::enrich::{JournalError, Run};
use crate::types::{LeadPayload, Usd};

/// An entry of the directory with fewer points isn't worth a page.
const PLAUSIBLE_SCORE: u32 = 35;
/// So many pages of each kind of the business's own site.
const PAGES_OF_A_KIND: usize = 2;
/// So many pages of its own that a search found.
const OWN_HITS_MAX: usize = 4;
/// So many pages of others about it.
const LISTINGS_MAX: usize = 4;

/// One session.
pub(super) struct Session<'a> {
    pub(super) record: Record,
    pub(super) payload: LeadPayload,
    pub(super) research: Research<'a>,
    pub(super) tools: &'a Tools,
    pub(super) hits: Vec<Hit>,
    asked: BTreeSet<String>,
    checked: BTreeSet<String>,
    /// Pages of the business that others' searches have led to and that are kept: they cost nothing.
    pub(super) warm: Vec<Url>,
    pub(super) rounds: Vec<Round>,
    pub(super) stopped_because: Option<&'static str>,
    /// There was something to ask, and it was not worth its price.
    pub(super) has_declined: bool,
}

/// One round, as the result tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Round {
    pub(super) tools: Vec<&'static str>,
    pub(super) found: Vec<&'static str>,
    pub(super) cost: Usd,
    pub(super) stopped_because: Option<&'static str>,
}

impl<'a> Session<'a> {
    pub(super) fn new(tools: &'a Tools, payload: LeadPayload) -> Self {
        let record = Record::read(&payload.lead);
        let research = Research::new(tools, record.subject()).refreshed(payload.refresh);
        let (asked, checked) = (BTreeSet::new(), BTreeSet::new());
        let (hits, warm, rounds) = (Vec::new(), Vec::new(), Vec::new());
        Self { record, payload, research, tools, hits, asked, checked, warm, rounds, stopped_because: None, has_declined: false }
    }

    /// What is known by now.
    pub(super) fn known(&self) -> Known {
        fields::known(&self.record, &self.research)
    }

    /// What could be asked now, each question once in a session.
    pub(super) fn candidates(&self, known: &Known) -> Vec<Action> {
        let mut actions = Vec::new();
        if let Some(directory) = &self.tools.directory
            && !self.asked.contains("directory")
        {
            actions.push(Action { ask: Ask::Directory, target: Target::Lead, cost_max: directory.settings().cost });
        }
        if let Some(search) = &self.tools.search {
            for (ask, words) in self.queries(known) {
                if !self.asked.contains(&words) {
                    actions.push(Action { ask, target: Target::Words(words), cost_max: search.settings().cost });
                }
            }
        }
        if let Some(website) = &self.tools.website {
            let cost_max = website.settings().cost;
            for (ask, url, named_by) in self.pages(known) {
                let cost_max = if self.warm.contains(&url) { Usd::ZERO } else { cost_max };
                actions.push(Action { ask, target: Target::Page(url, named_by), cost_max });
            }
        }
        if let (Some(website), Some(at)) = (&self.tools.website, self.unlisted(known)) {
            actions.push(Action { ask: Ask::Home, target: Target::Sitemap(at), cost_max: website.settings().cost });
        }
        if let Some(email) = &self.tools.email {
            for address in self.addresses(known) {
                actions.push(Action { ask: Ask::Email, target: Target::Address(address), cost_max: email.settings().cost });
            }
        }
        actions
    }

    /// Whether one of the business's own pages was read, or its contact page or the page of its people is known.
    pub(super) fn reach(&self, candidates: &[Action]) -> Reach {
        let is_open = self.research.findings.iter().any(|finding| finding.own_site)
            || candidates.iter().any(|action| matches!(action.ask, Ask::Contact | Ask::Team));
        Reach { page: self.tools.website.as_ref().map(|website| website.settings().cost), is_open }
    }

    /// Asks, and remembers that it did.
    pub(super) async fn act(&mut self, run: &mut Run, action: &Action) -> Result<&'static str, JournalError> {
        match &action.target {
            Target::Lead => {
                self.asked.insert("directory".to_owned());
                let query = self.record.query();
                self.research.look_up(run, query, 5).await?;
                Ok("directory")
            }
            Target::Words(words) => {
                self.asked.insert(words.clone());
                let question = self.question(words);
                let found = self.research.search(run, words, &question).await?;
                let asked = &self.research.asked;
                let hits = found.iter().filter_map(|hit| Hit::judged(asked, &hit.url, &hit.title, &hit.snippet));
                self.hits.extend(hits);
                self.hits.sort_by_key(|hit| std::cmp::Reverse(hit.points));
                Ok("search")
            }
            Target::Page(url, named_by) => {
                self.research.read(run, url, *named_by).await?;
                Ok("website")
            }
            Target::Sitemap(at) => {
                self.asked.insert(sitemap_of(*at));
                self.research.list_pages(run, *at).await?;
                Ok("website")
            }
            Target::Address(address) => {
                self.checked.insert(address.clone());
                self.research.check_email(run, address).await?;
                Ok("email")
            }
        }
    }

    /// Those words as a question. By the record's company at its place anybody may search; whatever else stands in words is this
    /// buyer's.
    fn question(&self, words: &str) -> Question {
        let [city, state] = [Want::City, Want::State].map(|want| self.record.value(want));
        match self.record.company() {
            Some(name) if words == business_words(name, [city, state]) => Question::business(name, city, state, None),
            Some(_) | None => Question::words(words),
        }
    }

    fn queries(&self, known: &Known) -> Vec<(Ask, String)> {
        let mut queries = Vec::new();
        let name = self.record.company().or(known.company.as_deref());
        let place: Vec<&str> = [Want::City, Want::State].iter().filter_map(|want| self.record.value(*want)).collect();
        let number = self.record.numbers().first().map(|(_, number)| number.clone());
        if let Some(name) = name {
            let first = business_words(name, [Want::City, Want::State].map(|want| self.record.value(want)));
            let is_first = !self.asked.contains(&first);
            queries.push((Ask::Search, first));
            if let Some(person) = self.record.person() {
                queries.push((Ask::SearchPerson, [&[person, name], place.get(..1).unwrap_or_default()].concat().join(" ")));
            }
            // In other words, where the first ones have been tried: its door, and its number, by which lists can be found.
            let door: Vec<&str> = [Want::Street, Want::Zip].iter().filter_map(|want| self.record.value(*want)).collect();
            let found = || known.business.as_ref().and_then(|business| Some(business.phones.first()?.value.clone()));
            if !is_first && !door.is_empty() && known.business.is_none() {
                queries.push((Ask::SearchPerson, [&[name], door.as_slice()].concat().join(" ")));
            }
            if !is_first && let Some(number) = number.or_else(found) {
                queries.push((Ask::SearchPerson, format!("{name} {number}")));
            }
        } else if let Some(number) = number {
            queries.push((Ask::Search, number));
        } else if let (Some(person), [_, ..]) = (self.record.person(), place.as_slice()) {
            queries.push((Ask::SearchPerson, [&[person], place.as_slice()].concat().join(" ")));
        }
        queries
    }

    /// Pages that haven't been read, with what they are expected to be.
    fn pages(&self, known: &Known) -> Vec<(Ask, Url, Option<usize>)> {
        let mut pages: Vec<(Ask, Url, Option<usize>)> = Vec::new();
        let mut add = |ask: Ask, url: Url, named_by: Option<usize>| {
            if !self.research.has_read(&url) && !pages.iter().any(|(_, known, _)| *known == url) {
                pages.push((ask, url, named_by));
            }
        };
        for url in &self.warm {
            add(kind_by_address(url).map_or(Ask::Home, ask_of), url.clone(), None);
        }
        let own_site_known = self.research.findings.iter().any(|finding| finding.own_site);
        if let Some(url) = self.record.domain().and_then(|domain| Url::parse(&format!("https://{domain}/")).ok())
            && !self.research.has_read_host(&url)
        {
            add(Ask::Home, url, None);
        }
        for (index, finding) in self.research.findings.iter().enumerate().filter(|(_, finding)| !finding.own_site) {
            let verdict = judge(&self.research.asked, &finding.subject);
            let is_named_so = self.research.asked.name_likeness(&finding.subject) >= NAME_ALIKE && verdict.score >= PLAUSIBLE_SCORE;
            let website = first(&finding.claims, &Field::Website).and_then(|website| Url::parse(website).ok());
            if let Some(url) = website.filter(|url| (verdict.matched || is_named_so) && !self.research.has_read_host(url)) {
                add(Ask::Home, url, Some(index));
            }
        }
        for (index, finding) in self.research.findings.iter().enumerate() {
            if let Some(url) = finding.moved_to.as_deref().and_then(|url| Url::parse(url).ok()) {
                add(Ask::Home, url, Some(index));
            }
        }
        // Pages of the business's own, and of a site that could be: its contact page may tell.
        let could_be = |finding: &Finding| finding.own_site && self.research.asked.name_likeness(&finding.subject) >= NAME_ALIKE;
        let own = self.research.findings.iter().enumerate().filter(|(at, page)| known.own_pages.contains(at) || could_be(page));
        for (_, page) in own {
            for kind in [PageKind::Contact, PageKind::Imprint, PageKind::Team, PageKind::About, PageKind::Locations] {
                let links = page.links.iter().filter(|(of, _)| *of == kind).take(PAGES_OF_A_KIND);
                for url in links.filter_map(|(_, url)| Url::parse(url).ok()) {
                    add(ask_of(kind), url, None);
                }
            }
        }
        for hit in self.hits.iter().filter(|hit| hit.is_own).take(OWN_HITS_MAX) {
            let kind = kind_by_address(&hit.url).map(ask_of);
            if let Some(ask) = kind {
                add(ask, hit.url.clone(), None);
            }
            if !own_site_known {
                add(Ask::Home, hit.front(), None);
            }
        }
        let others = self.hits.iter().filter(|hit| !hit.is_own && hit.is_worth_reading()).take(LISTINGS_MAX);
        for hit in others {
            add(Ask::Listing, hit.url.clone(), None);
        }
        pages
    }

    /// A page of the business's own that links to no other, as one does that draws its menu with scripts.
    fn unlisted(&self, known: &Known) -> Option<usize> {
        let findings = &self.research.findings;
        let is_linked = |host: &str| findings.iter().any(|page| page.host().as_deref() == Some(host) && !page.links.is_empty());
        let own = known.own_pages.iter().copied().filter(|at| !self.asked.contains(&sitemap_of(*at)));
        own.into_iter().find(|at| findings.get(*at).and_then(Finding::host).is_some_and(|host| !is_linked(&host)))
    }

    /// Addresses to be checked: the record's own, and the one that follows from the coworkers'.
    fn addresses(&self, known: &Known) -> Vec<String> {
        let own = self.record.email().map(str::to_owned);
        own.into_iter()
            .chain(known.derived_email.as_ref().map(|derived| derived.email.clone()))
            .filter(|address| !self.checked.contains(address))
            .collect()
    }
}

/// What to search for a business by.
fn business_words(name: &str, place: [Option<&str>; 2]) -> String {
    std::iter::once(name).chain(place.into_iter().flatten()).collect::<Vec<_>>().join(" ")
}

/// What a page of that kind is expected to be good for.
fn ask_of(kind: PageKind) -> Ask {
    match kind {
        PageKind::Contact => Ask::Contact,
        PageKind::Imprint => Ask::Imprint,
        PageKind::Team => Ask::Team,
        PageKind::About => Ask::About,
        PageKind::Locations => Ask::Locations,
    }
}

fn sitemap_of(finding: usize) -> String {
    format!("sitemap {finding}")
}
