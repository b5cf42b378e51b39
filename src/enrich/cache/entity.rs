//! From a business to its pages: what was found for one buyer leads another one's lead there at once.
//!
//! A business goes by *marks*: a phone number, a domain, its name at its place ([`Subject::marks`]). A mark leads to pages only where a
//! source that was come by in public told of it, and only to pages that were come by in public: through the directory, a search,
//! or a link on such a page. So nothing that a buyer sent, a number or a domain, leads anybody anywhere. What leads there is an
//! address to look at; whether the page is about the lead's business is decided as for any other.

use url::Url;

use super::{Cache, Question};
use crate::enrich::matching::Subject;
use crate::types::Timestamp;

/// Pages of one business that are remembered, and looked at for one lead.
pub const PAGES_MAX: usize = 6;
/// Under what tool they are kept.
const TOOL: &str = "entity";

impl Cache {
    /// Remembers these pages of a business that public sources tell of so.
    pub fn lead_to<'a>(&self, pages: impl Iterator<Item = &'a str>, told: impl Iterator<Item = &'a Subject>, at: Timestamp) {
        let pages: Vec<&str> = pages.take(PAGES_MAX).collect();
        if pages.is_empty() || !self.is_on() {
            return;
        }
        let answer = serde_json::to_string(&pages).unwrap_or_default();
        for mark in told.flat_map(Subject::marks) {
            if let Some(key) = self.key(TOOL, &Question::entity(&mark), None) {
                self.put(key, &answer, false, at);
            }
        }
    }

    /// Pages of the business that a lead is about, of those that are kept and so cost nothing.
    pub fn pages_of(&self, lead: &Subject) -> Vec<Url> {
        let mut pages: Vec<Url> = Vec::new();
        for mark in lead.marks() {
            let kept = self.key(TOOL, &Question::entity(&mark), None).and_then(|key| self.get(key));
            let known: Vec<String> = kept.and_then(|kept| serde_json::from_str(&kept.answer).ok()).unwrap_or_default();
            for url in known.iter().filter_map(|url| Url::parse(url).ok()) {
                if !pages.contains(&url) && self.has_page(&url) {
                    pages.push(url);
                }
            }
        }
        pages.truncate(PAGES_MAX);
        pages
    }

    fn has_page(&self, url: &Url) -> bool {
        self.key("website", &Question::page(url), None).is_some_and(|key| self.get(key).is_some())
    }
}
