//! F-V1, F-V2: pages and robots.txt of a server that answers badly on purpose, over the guarded client.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use url::Url;

use super::{Fetch, GuardedFetch, Page, PageFacts, Website, WebsiteSettings};
use crate::net::fixture::{Reply, Server, client};
use crate::net::{BreakerSettings, Breakers, LimitSettings, Limits, Reach};

/// A host without a robots.txt, whose pages come over the wire.
#[derive(Debug)]
struct Unruled(GuardedFetch);

#[async_trait::async_trait]
impl Fetch for Unruled {
    async fn get(&self, url: &Url, bytes_max: usize, timeout: Duration) -> Result<Page, String> {
        if url.path() == "/robots.txt" {
            return Ok(Page { url: url.clone(), status: 404, content_type: None, location: None, is_private: false, body: Vec::new() });
        }
        self.0.get(url, bytes_max, timeout).await
    }
}

fn guarded() -> GuardedFetch {
    GuardedFetch::new(client(Reach::PublicAndLoopback), Limits::new(LimitSettings::default()), Breakers::new(BreakerSettings::default()))
}

async fn read(fetch: impl Fetch + 'static, server: &Server) -> Result<Option<PageFacts>, String> {
    let settings = WebsiteSettings {
        timeout: Duration::from_secs(2),
        body_bytes_max: 100_000,
        host_interval: Duration::ZERO,
        ..WebsiteSettings::default()
    };
    let started = Instant::now();
    let found = Website::new(settings, Arc::new(fetch)).read(&Url::parse(&server.url("/")).unwrap()).await.map(|(facts, _)| facts);
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    found
}

fn html(rest: &str) -> Reply {
    Reply::text(&format!("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n{rest}"))
}

#[tokio::test]
async fn bad_pages_are_no_answer_in_time() {
    const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n";
    for (reply, wanted) in [
        (Reply::Hang, "the answer was not there in time"),
        (Reply::Drip { head: HEAD, bytes: "<" }, "the answer was not there in time"),
        (Reply::Flood { head: HEAD, bytes: "<div>" }, "the page is longer than 100000 bytes"),
        (Reply::text("220 mail.example ESMTP\r\n"), "the exchange broke off"),
        (html("content-length: 1000\r\n\r\n<title>"), "the exchange broke off"),
        (html("content-encoding: gzip\r\n\r\n\u{1f}x"), "the page is compressed"),
        (Reply::text("HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n"), "too many redirects"),
        (Reply::text("HTTP/1.1 302 Found\r\nlocation: http://10.0.0.1/\r\ncontent-length: 0\r\n\r\n"), "a redirect to another host"),
        (Reply::text("HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n"), "a redirect to nowhere"),
    ] {
        let server = Server::start(reply.clone()).await;
        assert_eq!(read(Unruled(guarded()), &server).await, Err(wanted.to_owned()), "{reply:?}");
    }
}

#[tokio::test]
async fn a_page_without_a_type_or_end_is_read() {
    let server = Server::start(Reply::text("HTTP/1.1 200 OK\r\n\r\n<!doctype html><title>Acme</title><p>Caf\u{e9} <b>813-555-0142")).await;
    let page = read(Unruled(guarded()), &server).await.unwrap().unwrap();
    assert_eq!((page.title.as_str(), page.text.as_str(), page.claims.len()), ("Acme", "Caf\u{e9} 813-555-0142", 2));
}

/// A host whose robots.txt can't be had isn't read, and isn't asked again at once.
#[tokio::test]
async fn a_bad_robots_txt_keeps_us_away() {
    const HEAD: &str = "HTTP/1.1 200 OK\r\n\r\n";
    for reply in
        [Reply::Hang, Reply::Flood { head: HEAD, bytes: "Allow: /\n" }, Reply::text("HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n")]
    {
        let server = Server::start(reply.clone()).await;
        assert_eq!(read(guarded(), &server).await, Err("robots.txt can't be had".to_owned()), "{reply:?}");
        assert_eq!(server.requests().len(), 1);
        let request = server.requests().remove(0);
        assert!(request.starts_with("GET /robots.txt HTTP/1.1\r\n") && request.contains("user-agent: enrich-jobs/"), "{request}");
    }
    // Noise is no rule.
    let server = Server::start(Reply::text("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n<title>Not found</title>")).await;
    assert_eq!(read(guarded(), &server).await.unwrap().unwrap().title, "Not found");
}
