//! `website`: a business's public pages, read for what they say of it.
//!
//! One hop is one page, or one site's list of pages. Pages are strangers' text: bounded in size, time and number of values, and
//! nothing in them is followed except a redirect on the same host. What a host's robots.txt disallows isn't read, and requests
//! to one host keep a distance. Deliberately absent: rendering, cookies, crawling.

mod address;
mod branches;
mod cards;
mod charset;
mod contact;
pub mod extract;
mod facts;
#[cfg(test)]
mod faults;
pub mod fetch;
pub mod guarded;
mod hours;
mod html;
mod json_ld;
mod kinds;
mod links;
mod manners;
mod markup;
mod names;
mod node;
mod notice;
mod others;
mod people;
mod prose;
mod robots;
mod roles;
mod schema_org;
mod sitemap;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use url::Url;

pub use facts::{PageFacts, PageKind, Person, TEXT_BYTES_MAX};
pub use fetch::{Fetch, Page};
pub use guarded::GuardedFetch;
pub use links::kind_by_address;
pub use robots::TOKEN as ROBOTS_TOKEN;

use self::manners::Manners;
use super::meters::metered;
use crate::enrich::run::Keep;
use crate::types::Usd;

/// What a failed page's text says before the status.
const ANSWERED: &str = "the server answered ";
/// What it says of a redirect that isn't followed.
const ELSEWHERE: &str = "a redirect to another host";

/// How often a page may send us on, on its own host.
const REDIRECTS_MAX: usize = 3;
/// Sitemaps of one site that are read.
const SITEMAPS_MAX: usize = 4;

/// What a page costs, and how much of it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebsiteSettings {
    /// Per page (`VENDOR_WEBSITE_COST_USD`).
    pub cost: Usd,
    /// For one page with its redirects, its host's robots.txt and the waits between them.
    pub timeout: Duration,
    /// A longer page is refused.
    pub body_bytes_max: usize,
    /// The least time between two requests to one host (`VENDOR_WEBSITE_HOST_INTERVAL_MS`); zero is none.
    pub host_interval: Duration,
}

impl Default for WebsiteSettings {
    fn default() -> Self {
        Self {
            cost: Usd::from_micros(5000),
            timeout: Duration::from_secs(10),
            body_bytes_max: 2 * 1024 * 1024,
            host_interval: Duration::from_millis(200),
        }
    }
}

/// Reads pages. Clones share what is known of hosts.
#[derive(Debug, Clone)]
pub struct Website {
    settings: WebsiteSettings,
    fetch: Arc<dyn Fetch>,
    manners: Arc<Manners>,
}

impl Website {
    /// A reader of pages that are got through `fetch`.
    pub fn new(settings: WebsiteSettings, fetch: Arc<dyn Fetch>) -> Self {
        Self { settings, fetch, manners: Arc::new(Manners::new(settings.host_interval)) }
    }

    /// Its settings.
    pub fn settings(&self) -> &WebsiteSettings {
        &self.settings
    }

    /// What the page at `url` says; `None` where there is no page, or none that is HTML. A home page that has moved to another
    /// host for good has nothing but [`PageFacts::moved_to`]. And whether its server lets us keep that.
    ///
    /// # Errors
    /// Text for the hop's record where the page can't be had: refused, disallowed by robots.txt, too slow, too long, or the
    /// server failed.
    pub async fn read(&self, url: &Url) -> Result<(Option<PageFacts>, Keep), String> {
        metered("website", self.settings.cost, self.read_page(url)).await
    }

    async fn read_page(&self, url: &Url) -> Result<(Option<PageFacts>, Keep), String> {
        let deadline = Instant::now() + self.settings.timeout;
        let mut url = url.clone();
        let mut keep = Keep::Yes;
        for _ in 0..=REDIRECTS_MAX {
            let page = self.manners.get(self.fetch.as_ref(), &url, self.settings.body_bytes_max, deadline).await?;
            if page.is_private {
                keep = Keep::No;
            }
            match page.status {
                200 if is_html(&page) => {
                    let read = move || {
                        let text = charset::decoded(&page.body, page.content_type.as_deref());
                        extract::extract(&page.url, &text)
                    };
                    let facts = tokio::task::spawn_blocking(read).await.map_err(|_| "the page can't be read".to_owned())?;
                    return Ok((Some(facts), keep));
                }
                200..=299 | 404 | 410 => return Ok((None, keep)),
                301 | 302 | 303 | 307 | 308 => match next(&url, page.location.as_deref())? {
                    Next::Here(to) => url = to,
                    Next::Elsewhere(to) if matches!(page.status, 301 | 308) && url.path() == "/" => {
                        let facts = PageFacts { url: url.into(), moved_to: Some(to.into()), ..PageFacts::default() };
                        return Ok((Some(facts), keep));
                    }
                    Next::Elsewhere(_) => return Err(ELSEWHERE.to_owned()),
                },
                status => return Err(format!("{ANSWERED}{status}")),
            }
        }
        Err("too many redirects".to_owned())
    }

    /// Pages of the site at `site` that are worth reading, best first, by its sitemaps: those that robots.txt names, else
    /// `/sitemap.xml`; of an index the first few. Empty where there is none. Only pages of the same host are listed.
    ///
    /// # Errors
    /// As [`Self::read`], where not one sitemap could be asked for.
    pub async fn sitemap(&self, site: &Url) -> Result<Vec<(PageKind, String)>, String> {
        let deadline = Instant::now() + self.settings.timeout;
        let fetch = self.fetch.as_ref();
        let known = self.manners.known(fetch, site, deadline).await?;
        let named = known.get().map(|known| known.robots.sitemaps.clone()).unwrap_or_default();
        let same_host = |text: &str| site.join(text).ok().filter(|url| host(url) == host(site) && is_web(url));
        let mut waiting: Vec<Url> = named.iter().filter_map(|text| same_host(text)).collect();
        if waiting.is_empty() {
            waiting.extend(same_host("/sitemap.xml"));
        }
        let (mut pages, mut read, mut failure, mut is_nested) = (Vec::new(), 0, None, false);
        while !waiting.is_empty() {
            let mut below = Vec::new();
            for url in std::mem::take(&mut waiting).into_iter().take(SITEMAPS_MAX) {
                match self.manners.get(fetch, &url, self.settings.body_bytes_max, deadline).await {
                    Ok(Page { status: 200, body, .. }) => {
                        let bytes_max = self.settings.body_bytes_max;
                        let found = tokio::task::spawn_blocking(move || sitemap::read(&body, bytes_max)).await.unwrap_or_default();
                        pages.extend(found.pages.iter().filter_map(|page| same_host(page)));
                        below.extend(found.sitemaps.iter().filter_map(|text| same_host(text)));
                        read += 1;
                    }
                    Ok(Page { status: 200..=499, .. }) => read += 1,
                    Ok(Page { status, .. }) => failure = Some(format!("{ANSWERED}{status}")),
                    Err(error) => failure = Some(error),
                }
            }
            // One level deep, and the pages before the posts and products.
            if !std::mem::replace(&mut is_nested, true) {
                below.sort_by_key(|url| !url.path().contains("page"));
                waiting = below;
            }
        }
        match failure {
            Some(failure) if read == 0 => Err(failure),
            Some(_) | None => Ok(links::classified(pages)),
        }
    }
}

/// Whether the text of a failed page says that the site won't let us read it, which is no failure of its and won't be another
/// thing in a minute.
pub fn is_refusal(message: &str) -> bool {
    let status = message.strip_prefix(ANSWERED).and_then(|status| status.parse::<u16>().ok());
    message == manners::DISALLOWED || message == ELSEWHERE || status.is_some_and(|status| matches!(status, 400..=407 | 411..=418 | 451))
}

/// Where a redirect leads.
enum Next {
    /// On the host: `www.` more or less, and https where it was http, but never back.
    Here(Url),
    /// To another host, which is somebody else's word for what this site is.
    Elsewhere(Url),
}

fn next(from: &Url, location: Option<&str>) -> Result<Next, String> {
    let location = location.ok_or("a redirect to nowhere")?;
    let to = from.join(location).map_err(|_| "a redirect to no URL".to_owned())?;
    let secure_stays_secure = from.scheme() == to.scheme() || (from.scheme() == "http" && to.scheme() == "https");
    if host(from) == host(&to) && host(&to).is_some() && secure_stays_secure {
        return Ok(Next::Here(to));
    }
    // An address in digits is no business's site.
    if secure_stays_secure && to.domain().is_some() && host(from) != host(&to) {
        return Ok(Next::Elsewhere(to));
    }
    Err(ELSEWHERE.to_owned())
}

fn host(url: &Url) -> Option<&str> {
    url.host_str().map(|host| host.strip_prefix("www.").unwrap_or(host))
}

fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}

/// Opening hours in the one form in which they are given, where they can be told, else the text.
pub fn hours_in_one_form(text: &str) -> String {
    hours::normalised(text)
}

/// By its content type; where the server gives none, by how it begins.
fn is_html(page: &Page) -> bool {
    let Some(content_type) = page.content_type.as_deref() else {
        let start = page.body.get(..1024.min(page.body.len())).unwrap_or_default();
        let start = String::from_utf8_lossy(start).trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
        return ["<!doctype html", "<html", "<head", "<body", "<title", "<!--"].iter().any(|beginning| start.starts_with(beginning));
    };
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    matches!(essence.as_str(), "text/html" | "application/xhtml+xml")
}

#[cfg(test)]
#[path = "website_tests.rs"]
mod tests;
