//! Reading pages and sitemaps over a web of a few pages.

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
        let page = self.pages.get(url.as_str()).copied();
        if url.path() == "/robots.txt" {
            return Ok(answer(url, page.unwrap_or((404, "text/plain", ""))));
        }
        self.got.lock().unwrap().push(url.to_string());
        Ok(answer(url, page.ok_or("connection refused")?))
    }
}

fn answer(url: &Url, (status, content_type, body): (u16, &str, &str)) -> Page {
    let location = (300..400).contains(&status).then(|| body.to_owned());
    let content_type = (!content_type.is_empty()).then(|| content_type.to_owned());
    Page { url: url.clone(), status, content_type, location, is_private: false, body: body.as_bytes().to_vec() }
}

type Answers<'a> = &'a [(&'static str, (u16, &'static str, &'static str))];

fn website(pages: Answers<'_>) -> (Website, Arc<Web>) {
    let web = Arc::new(Web { pages: pages.iter().copied().collect(), got: Mutex::default() });
    let settings = WebsiteSettings { host_interval: Duration::ZERO, ..WebsiteSettings::default() };
    (Website::new(settings, Arc::clone(&web) as Arc<dyn Fetch>), web)
}

async fn read(pages: Answers<'_>, url: &str) -> (Result<Option<String>, String>, usize) {
    let (website, web) = website(pages);
    let found = website.read(&Url::parse(url).unwrap()).await.map(|(facts, _)| facts);
    let calls = web.got.lock().unwrap().len();
    let show = |page: PageFacts| page.moved_to.map_or_else(|| format!("{} {}", page.url, page.title), |to| format!("{} -> {to}", page.url));
    (found.map(|page| page.map(show)), calls)
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
    for location in ["http://acme.example/", "http://other.example/", "https://169.254.169.254/", "file:///etc/passwd"] {
        let (found, calls) = read(&[("https://acme.example/", to(location))], "https://acme.example/").await;
        assert_eq!((found, calls), (Err("a redirect to another host".to_owned()), 1), "{location}");
    }
    let (found, calls) = read(&[("https://acme.example/", to("/"))], "https://acme.example/").await;
    assert_eq!((found, calls), (Err("too many redirects".to_owned()), 4));
}

/// Another host is never followed. Where a home page says that it is there for good, that is a fact, and reading it another hop.
#[tokio::test]
async fn a_home_page_that_moved_says_so() {
    let there = "https://acme.example.evil.example/";
    for (status, url, wanted) in [
        (301, "https://acme.example/", Ok(Some(format!("https://acme.example/ -> {there}")))),
        (308, "https://acme.example/", Ok(Some(format!("https://acme.example/ -> {there}")))),
        (302, "https://acme.example/", Err("a redirect to another host".to_owned())),
        (301, "https://acme.example/contact", Err("a redirect to another host".to_owned())),
    ] {
        let (found, calls) = read(&[(url, (status, "text/html", there))], url).await;
        assert_eq!((found, calls), (wanted, 1), "{status} {url}");
    }
}

#[tokio::test]
async fn a_page_without_a_type_is_looked_at() {
    for (content_type, body, is_read) in [
        ("", "\u{feff}\n <!DOCTYPE html><title>Acme</title>", true),
        ("", "<HTML><title>Acme</title>", true),
        ("", "%PDF-1.7 <html>", false),
        ("text/plain", "<html><title>Acme</title>", false),
        ("application/xhtml+xml; charset=utf-8", "<title>Acme</title>", true),
    ] {
        let (found, _) = read(&[("https://acme.example/", (200, content_type, body))], "https://acme.example/").await;
        assert_eq!(found, Ok(is_read.then(|| "https://acme.example/ Acme".to_owned())), "{content_type} {body}");
    }
}

#[tokio::test]
async fn robots_txt_is_kept() {
    let html = (200, "text/html", "<title>Acme</title>");
    let robots = (200, "text/plain", "User-agent: enrich-jobs\nDisallow: /private");
    let pages = [("https://acme.example/robots.txt", robots), ("https://acme.example/private/team", html), ("https://acme.example/", html)];
    let disallowed = Err("robots.txt disallows this page".to_owned());
    assert_eq!(read(&pages, "https://acme.example/private/team").await, (disallowed.clone(), 0));
    assert_eq!(read(&pages, "https://acme.example/").await.1, 1);
    // A redirect leads to no page that its host disallows.
    let pages = [("https://acme.example/robots.txt", robots), ("https://acme.example/", (302, "", "/private/team"))];
    assert_eq!(read(&pages, "https://acme.example/").await, (disallowed, 1));
}

#[tokio::test]
async fn pages_of_sitemaps() {
    const INDEX: &str = "<sitemapindex><sitemap><loc>https://acme.example/post-sitemap.xml</loc></sitemap><sitemap><loc>/page-sitemap.xml</loc></sitemap>
        <sitemap><loc>https://other.example/s.xml</loc></sitemap><sitemap><loc>https://acme.example/3.xml</loc></sitemap><sitemap><loc>/4.xml</loc></sitemap><sitemap><loc>/5.xml</loc></sitemap></sitemapindex>";
    const PAGES: &str = "<urlset><url><loc>https://www.acme.example/about-us/</loc></url><url><loc>https://acme.example/blog/1</loc></url>
        <url><loc>https://acme.example/contact</loc></url><url><loc>https://other.example/team</loc></url><url><loc>ftp://acme.example/team</loc></url></urlset>";
    let of = async |pages: Answers<'_>| {
        let (website, web) = website(pages);
        let found = website.sitemap(&Url::parse("https://acme.example/").unwrap()).await;
        let got = web.got.lock().unwrap().clone();
        (found.map(|pages| pages.into_iter().map(|(kind, url)| format!("{kind:?} {url}")).collect::<Vec<_>>().join(" ")), got.len())
    };
    let wanted = "Contact https://acme.example/contact About https://www.acme.example/about-us/".to_owned();
    let xml = |text| (200, "text/xml", text);
    assert_eq!(of(&[("https://acme.example/sitemap.xml", xml(PAGES))]).await, (Ok(wanted.clone()), 1));
    let robots =
        ("https://acme.example/robots.txt", (200, "", "Sitemap: https://acme.example/my.xml\nSitemap: https://evil.example/s.xml"));
    assert_eq!(
        of(&[robots, ("https://acme.example/my.xml", xml(INDEX)), ("https://acme.example/page-sitemap.xml", xml(PAGES))]).await,
        (Ok(wanted), 5)
    );
    // An index in an index is left.
    let again = "<sitemapindex><sitemap><loc>/sitemap.xml</loc></sitemap></sitemapindex>";
    assert_eq!(of(&[("https://acme.example/sitemap.xml", xml(again))]).await, (Ok(String::new()), 2));
    assert_eq!(of(&[("https://acme.example/sitemap.xml", (404, "", ""))]).await, (Ok(String::new()), 1));
    assert_eq!(of(&[]).await, (Err("connection refused".to_owned()), 1));
    let closed = ("https://acme.example/robots.txt", (200, "", "User-agent: *\nDisallow: /"));
    assert_eq!(of(&[closed]).await, (Err("robots.txt disallows this page".to_owned()), 0));
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
