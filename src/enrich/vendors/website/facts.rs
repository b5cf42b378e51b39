//! What one page says, as it is recorded.

use serde::{Deserialize, Serialize};

use crate::enrich::claim::Claim;

/// What one page says. Everything in it is strangers' text: data to be weighed, never instructions to follow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageFacts {
    /// Where it was found, after redirects.
    pub url: String,
    /// Its title, on one line.
    pub title: String,
    /// The organizations and branches that it describes, in order; each keeps its own address, phones and hours.
    pub entities: Vec<Vec<Claim>>,
    /// What the page says outside of that.
    pub claims: Vec<Claim>,
    /// Pages of the same host that promise a way to get in touch, best first: those of [`Self::links`] but the people's.
    pub contact_pages: Vec<String>,
    /// Pages of the same host that are worth reading, best first, each once.
    #[serde(default)]
    pub links: Vec<(PageKind, String)>,
    /// The people of the business whom it names.
    #[serde(default)]
    pub people: Vec<Person>,
    /// What people see of it, a line an element, without navigation: at most [`TEXT_BYTES_MAX`] bytes.
    #[serde(default)]
    pub text: String,
    /// Its language as it says itself, such as `de` or `pt-BR`.
    #[serde(default)]
    pub lang: Option<String>,
    /// The sentence that says the business is closed for good.
    #[serde(default)]
    pub closed: Option<String>,
    /// The sentence that says the business has moved: what else is said of its address may be the old one.
    #[serde(default)]
    pub moved: Option<String>,
    /// The domain is parked or for sale. Nothing on such a page is about a business, so there is nothing else here.
    #[serde(default)]
    pub parked: bool,
    /// The home page lies on another host for good, says a permanent redirect. It wasn't followed: this is somebody else's word
    /// until that page has been read for itself.
    #[serde(default)]
    pub moved_to: Option<String>,
}

/// The longest [`PageFacts::text`], in bytes.
pub const TEXT_BYTES_MAX: usize = 8 * 1024;

/// Somebody who works at the business.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// As the page writes it.
    pub name: String,
    /// What they are there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// An address that stands with the person, not just on the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// A number that stands with the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

/// What a page is for, as far as links to it say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageKind {
    /// How to get in touch.
    Contact,
    /// Who answers for the site by law, as in Germany: name, address and directors.
    Imprint,
    /// About the business.
    About,
    /// Where its branches are.
    Locations,
    /// The people.
    Team,
}
