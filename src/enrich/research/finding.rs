//! What one source says of one business.

use std::fmt::Write as _;

use url::Url;

use super::own_site::{Evidence, is_own_site};
use crate::enrich::claim::{Claim, Field};
use crate::enrich::matching::{Subject, best, domain_of};
use crate::enrich::vendors::directory::Listing;
use crate::enrich::vendors::website::{PageFacts, PageKind, Person, hours_in_one_form};
use crate::types::Timestamp;

/// How far we rely on a page that answers being the website, in percent.
const WEBSITE_STRENGTH: u8 = 75;

/// What one source says of one business.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Which vendor found it.
    pub tool: &'static str,
    /// The page, where it is one.
    pub url: Option<String>,
    /// What to call the source.
    pub title: String,
    /// When it was asked.
    pub fetched_at: Timestamp,
    /// What it says.
    pub claims: Vec<Claim>,
    /// The same, as far as it tells one business from another.
    pub subject: Subject,
    /// The finding that named this page as the business's website, by its index.
    pub named_by: Option<usize>,
    /// The business's own word.
    pub own_site: bool,
    /// The people of the business whom it names.
    pub people: Vec<Person>,
    /// Pages of its host that are worth reading, best first.
    pub links: Vec<(PageKind, String)>,
    /// What people see of the page, for a model to read.
    pub text: String,
    /// Where the site has moved to, by its own word.
    pub moved_to: Option<String>,
    /// It says that the business is closed for good.
    pub is_closed: bool,
}

impl Finding {
    /// An entry of the directory.
    pub fn from_listing(listing: &Listing, fetched_at: Timestamp) -> Self {
        let mut claims = listing.claims();
        for hours in claims.iter_mut().filter(|claim| claim.field == Field::Hours) {
            hours.value = hours_in_one_form(&hours.value);
        }
        let mut title = format!("Directory: {}", listing.name);
        if !listing.city.is_empty() {
            write!(title, ", {}", listing.city).unwrap_or_default();
        }
        let people = listing.people.iter().map(|person| Person {
            name: person.name.clone(),
            role: Some(person.role.clone()).filter(|role| !role.is_empty()),
            ..Person::default()
        });
        Self {
            tool: "directory",
            url: None,
            title,
            fetched_at,
            subject: Subject::found(&claims),
            claims,
            named_by: None,
            own_site: false,
            people: people.collect(),
            links: Vec::new(),
            text: String::new(),
            moved_to: None,
            is_closed: false,
        }
    }

    /// Of a chain's page, the branch that fits best, with what the page says outside of its branches.
    ///
    /// `is_named` says that a source about the business gave this site as its website.
    pub fn from_page(facts: &PageFacts, asked: &Subject, fetched_at: Timestamp, named_by: Option<usize>, is_named: bool) -> Self {
        let branches: Vec<Subject> = facts.entities.iter().map(|claims| Subject::found(claims)).collect();
        let branch = best(asked, &branches).and_then(|(at, _)| facts.entities.get(at));
        let mut claims = branch.cloned().unwrap_or_default();
        let address_known = claims.iter().any(|claim| matches!(claim.field, Field::Street | Field::City | Field::Zip));
        // Parts of two addresses make a third one that doesn't exist.
        let of_address = |field: &Field| matches!(field, Field::Street | Field::City | Field::State | Field::Zip);
        claims.extend(facts.claims.iter().filter(|claim| !(address_known && of_address(&claim.field))).cloned());
        let url = Url::parse(&facts.url).ok();
        let own_site = url.as_ref().is_some_and(|url| is_own_site(Evidence { url, claims: &claims, is_named }, asked));
        if let Some(url) = url.filter(|_| own_site) {
            claims.extend(Claim::new(Field::Website, &front_of(&url, named_by.is_some()), WEBSITE_STRENGTH));
        }
        let subject = Subject::found(&claims).noting_city(asked, &format!("{} {}", facts.title, facts.text));
        let (url, title) = (Some(facts.url.clone()), facts.title.clone());
        Self {
            tool: "website",
            url,
            title,
            fetched_at,
            claims,
            subject,
            named_by,
            own_site,
            people: facts.people.clone(),
            links: facts.links.clone(),
            text: facts.text.clone(),
            moved_to: facts.moved_to.clone(),
            is_closed: facts.closed.is_some(),
        }
    }

    /// By what its claims tell the business from others.
    pub fn subject_of(&self, asked: &Subject) -> Subject {
        Subject::found(&self.claims).noting_city(asked, &format!("{} {}", self.title, self.text))
    }

    /// The page's host, without `www.`.
    pub fn host(&self) -> Option<String> {
        domain_of(self.url.as_deref()?)
    }
}

/// The site's front page; the page itself where it was given as such.
fn front_of(url: &Url, is_given: bool) -> String {
    let mut front = url.clone();
    front.set_query(None);
    front.set_fragment(None);
    if !is_given && url.domain().is_some() {
        front.set_path("/");
    }
    front.into()
}
