//! `website`: a business's public pages, read for what they say of it.
//!
//! One hop is one page. Pages are strangers' text: bounded in size, time and number of values, and nothing in them is
//! followed except a redirect on the same host. Deliberately absent: rendering, cookies, crawling.

pub mod extract;
pub mod fetch;
pub mod guarded;
mod html;
mod json_ld;
mod prose;

use std::sync::Arc;
use std::time::Duration;

use url::Url;

pub use extract::PageFacts;
pub use fetch::{Fetch, Page};
pub use guarded::GuardedFetch;

use super::meters::metered;
use crate::types::Usd;

/// How often a page may send us on, on its own host.
const REDIRECTS_MAX: usize = 3;

/// What a page costs, and how much of it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebsiteSettings {
    /// Per page (`VENDOR_WEBSITE_COST_USD`).
    pub cost: Usd,
    /// For one page with its redirects.
    pub timeout: Duration,
    /// A longer page is refused.
    pub body_bytes_max: usize,
}

impl Default for WebsiteSettings {
    fn default() -> Self {
        Self { cost: Usd::from_micros(5000), timeout: Duration::from_secs(10), body_bytes_max: 2 * 1024 * 1024 }
    }
}

/// Reads pages.
#[derive(Debug, Clone)]
pub struct Website {
    settings: WebsiteSettings,
    fetch: Arc<dyn Fetch>,
}

impl Website {
    /// A reader of pages that are got through `fetch`.
    pub fn new(settings: WebsiteSettings, fetch: Arc<dyn Fetch>) -> Self {
        Self { settings, fetch }
    }

    /// Its settings.
    pub fn settings(&self) -> &WebsiteSettings {
        &self.settings
    }

    /// What the page at `url` says; `None` where there is no page, or none that is HTML.
    ///
    /// # Errors
    /// Text for the hop's record where the page can't be had: refused, too slow, too long, or the server failed.
    pub async fn read(&self, url: &Url) -> Result<Option<PageFacts>, String> {
        metered("website", self.settings.cost, self.read_page(url)).await
    }

    async fn read_page(&self, url: &Url) -> Result<Option<PageFacts>, String> {
        let mut url = url.clone();
        for _ in 0..=REDIRECTS_MAX {
            let page = self.fetch.get(&url, self.settings.body_bytes_max, self.settings.timeout).await?;
            match page.status {
                200 if is_html(page.content_type.as_deref()) => {
                    let url = page.url.clone();
                    let read = move || extract::extract(&url, &String::from_utf8_lossy(&page.body));
                    return tokio::task::spawn_blocking(read).await.map(Some).map_err(|_| "the page can't be read".to_owned());
                }
                200..=299 | 404 | 410 => return Ok(None),
                301 | 302 | 303 | 307 | 308 => url = next(&url, page.location.as_deref())?,
                status => return Err(format!("the server answered {status}")),
            }
        }
        Err("too many redirects".to_owned())
    }
}

/// Where a redirect leads, if it stays on the host: `www.` more or less, and https where it was http, but never back. Any other
/// host is somebody else's word for what this site is.
fn next(from: &Url, location: Option<&str>) -> Result<Url, String> {
    let location = location.ok_or("a redirect to nowhere")?;
    let to = from.join(location).map_err(|_| "a redirect to no URL".to_owned())?;
    let host = |url: &Url| url.host_str().map(|host| host.strip_prefix("www.").unwrap_or(host).to_owned());
    let secure_stays_secure = from.scheme() == to.scheme() || (from.scheme() == "http" && to.scheme() == "https");
    if host(from) == host(&to) && host(&to).is_some() && secure_stays_secure {
        Ok(to)
    } else {
        Err("a redirect to another host".to_owned())
    }
}

fn is_html(content_type: Option<&str>) -> bool {
    let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    matches!(essence.as_str(), "text/html" | "application/xhtml+xml")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Mutex;

    use super::*;

    /// Pages by URL; what isn't there fails to connect.
    #[derive(Debug, Default)]
    struct Web {
        pages: BTreeMap<&'static str, (u16, &'static str, &'static str)>,
        got: Mutex<Vec<String>>,
    }

    #[async_trait::async_trait]
    impl Fetch for Web {
        async fn get(&self, url: &Url, _bytes_max: usize, _timeout: Duration) -> Result<Page, String> {
            self.got.lock().unwrap().push(url.to_string());
            let (status, content_type, body) = *self.pages.get(url.as_str()).ok_or("connection refused")?;
            let location = (300..400).contains(&status).then(|| body.to_owned());
            Ok(Page { url: url.clone(), status, content_type: Some(content_type.to_owned()), location, body: body.as_bytes().to_vec() })
        }
    }

    async fn read(pages: &[(&'static str, (u16, &'static str, &'static str))], url: &str) -> (Result<Option<String>, String>, usize) {
        let web = Arc::new(Web { pages: pages.iter().copied().collect(), got: Mutex::default() });
        let website = Website::new(WebsiteSettings::default(), Arc::clone(&web) as Arc<dyn Fetch>);
        let found = website.read(&Url::parse(url).unwrap()).await;
        let calls = web.got.lock().unwrap().len();
        (found.map(|page| page.map(|page| format!("{} {}", page.url, page.title))), calls)
    }

    #[tokio::test]
    async fn redirects_stay_on_the_host_and_end() {
        let html = (200, "text/html; charset=utf-8", "<title>Acme</title>");
        let to = |location| (301, "text/html", location);
        let (found, calls) = read(
            &[
                ("http://acme.example/", to("https://acme.example/")),
                ("https://acme.example/", to("https://www.acme.example/home")),
                ("https://www.acme.example/home", html),
            ],
            "http://acme.example/",
        )
        .await;
        assert_eq!((found, calls), (Ok(Some("https://www.acme.example/home Acme".to_owned())), 3));
        for location in [
            "https://other.example/",
            "http://acme.example/",
            "http://169.254.169.254/",
            "file:///etc/passwd",
            "https://acme.example.evil.example/",
        ] {
            let (found, calls) = read(&[("https://acme.example/", to(location))], "https://acme.example/").await;
            assert_eq!((found, calls), (Err("a redirect to another host".to_owned()), 1), "{location}");
        }
        let (found, calls) = read(&[("https://acme.example/", to("/"))], "https://acme.example/").await;
        assert_eq!((found, calls), (Err("too many redirects".to_owned()), 4));
    }

    #[tokio::test]
    async fn only_html_is_read_and_a_failing_server_is_no_answer() {
        for (answer, wanted) in [
            ((200, "application/pdf", "%PDF"), Ok(None)),
            ((404, "text/html", "gone"), Ok(None)),
            ((204, "text/html", ""), Ok(None)),
            ((503, "text/html", "busy"), Err("the server answered 503".to_owned())),
            ((403, "text/html", "no"), Err("the server answered 403".to_owned())),
        ] {
            assert_eq!(read(&[("https://a.example/", answer)], "https://a.example/").await.0, wanted);
        }
        assert_eq!(read(&[], "https://a.example/").await.0, Err("connection refused".to_owned()));
    }
}
