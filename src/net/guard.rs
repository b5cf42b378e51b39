//! The client for URLs that strangers give: one request, one connection, one bounded answer.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ipnet::IpNet;
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};
use url::Url;

use super::body::read_capped;
use super::policy::Policy;
use super::resolve::{GuardedResolver, Lookup, SystemLookup};
use super::{Capped, Error};
use crate::types::Reach;

/// The most time for name, TCP and TLS together (T-36).
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// What a guarded client is built from.
#[derive(Debug, Clone, Default)]
pub struct GuardSettings {
    /// How far calls may reach.
    pub reach: Reach,
    /// Public addresses that are out of reach all the same; see [`Policy::own`].
    pub own: Vec<IpNet>,
    /// Whom to write to about our calls: a URL or a mail address, shown in `User-Agent` (T-37).
    pub contact: String,
}

/// One call.
#[derive(Debug, Clone)]
pub struct Outbound<'a> {
    /// `GET`, `POST`, …
    pub method: Method,
    /// Where to, parsed once.
    pub url: &'a Url,
    /// On top of `Host` and `User-Agent`, which the client sets.
    pub headers: HeaderMap,
    /// Empty for none.
    pub body: Bytes,
    /// For everything from the name to the last byte.
    pub timeout: Duration,
    /// The most that is read of the answer's body.
    pub body_bytes_max: usize,
}

impl<'a> Outbound<'a> {
    /// A plain `GET`.
    pub fn get(url: &'a Url, timeout: Duration, body_bytes_max: usize) -> Self {
        Self { method: Method::GET, url, headers: HeaderMap::new(), body: Bytes::new(), timeout, body_bytes_max }
    }
}

/// What came back, 3xx included: following it is the caller's decision, with a new call that is judged like the first (T-33).
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body's beginning, as it came over the wire: nothing is decompressed.
    pub body: Capped,
    /// The address that answered.
    pub peer: IpAddr,
}

/// The client. A clone is a pointer.
#[derive(Debug, Clone)]
pub struct GuardedClient {
    client: reqwest::Client,
    policy: Arc<Policy>,
}

impl GuardedClient {
    /// A client that asks the system's resolver.
    ///
    /// # Errors
    /// [`Error::Setup`].
    pub fn new(settings: GuardSettings) -> Result<Self, Error> {
        Self::with_lookup(settings, Arc::new(SystemLookup::default()))
    }

    /// A client that asks `lookup` for addresses.
    ///
    /// # Errors
    /// [`Error::Setup`].
    pub fn with_lookup(settings: GuardSettings, lookup: Arc<dyn Lookup>) -> Result<Self, Error> {
        let GuardSettings { reach, own, contact } = settings;
        let policy = Arc::new(Policy { reach, own });
        let user_agent = format!("{}/{} (+{contact})", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        let client = super::bare()
            .dns_resolver(GuardedResolver { policy: Arc::clone(&policy), lookup })
            // No idle connections, and HTTP/1.1, which shares none: each attempt resolves and is judged afresh (T-32).
            .pool_max_idle_per_host(0)
            .http1_only()
            .user_agent(user_agent)
            .build()
            .map_err(Error::Setup)?;
        Ok(Self { client, policy })
    }

    /// Makes one call. Any status is an answer.
    ///
    /// # Errors
    /// [`Error`] where there is no answer, or none that may be used.
    pub async fn send(&self, call: Outbound<'_>) -> Result<Answer, Error> {
        // Before anything else, for a literal never comes past the resolver (N6).
        let side = self.policy.check_url(call.url)?;
        let timeout = call.timeout;
        let exchange = async {
            let Outbound { method, url, headers, body, timeout: _, body_bytes_max } = call;
            let mut request = self.client.request(method, url.clone()).headers(headers);
            if !body.is_empty() {
                request = request.body(body);
            }
            let response = request.send().await.map_err(Error::from_client)?;
            let peer = response.remote_addr();
            self.policy.check_peer(side, peer)?;
            let peer = peer.ok_or(super::Refusal::Peer(None))?.ip();
            let (status, headers) = (response.status(), response.headers().clone());
            let body = read_capped(response, body_bytes_max).await.map_err(Error::from_client)?;
            Ok(Answer { status, headers, body, peer })
        };
        tokio::time::timeout(timeout, exchange).await.map_err(|_elapsed| Error::TimedOut)?
    }
}

impl Answer {
    /// A header's value where it is there once and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value: &HeaderValue = values.next()?;
        if values.next().is_some() {
            return None;
        }
        value.to_str().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Refusal;
    use crate::net::fixture::{Reply, Server, client, deaf, lookup};

    const SECOND: Duration = Duration::from_secs(1);

    async fn get(client: &GuardedClient, url: &str) -> Result<Answer, Error> {
        client.send(Outbound::get(&url.parse().unwrap(), 5 * SECOND, 1024)).await
    }

    #[tokio::test]
    async fn an_answer_comes_back() {
        let server = Server::start(Reply::text("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 5\r\n\r\nhello")).await;
        let answer = get(&client(Reach::PublicAndLoopback), &server.url("/page?a=b")).await.unwrap();
        assert_eq!((answer.status.as_u16(), &answer.body.bytes[..], answer.body.is_cut), (200, &b"hello"[..], false));
        assert_eq!(answer.header("Content-Type"), Some("text/html"));
        assert!(answer.peer.is_loopback());
        let request = server.requests().remove(0);
        assert!(request.starts_with("GET /page?a=b HTTP/1.1\r\n"), "{request}");
        assert!(
            request.contains(concat!("user-agent: enrich-jobs/", env!("CARGO_PKG_VERSION"), " (+https://enrich.example)\r\n")),
            "{request}"
        );
        assert!(!request.contains("accept-encoding"), "T-36: nothing is asked to be compressed: {request}");
    }

    /// N6, T-30: a literal never sees the resolver, and is refused before there is a connection.
    #[tokio::test]
    async fn t30_a_literal_is_refused_without_a_connection() {
        let server = Server::start(Reply::text("HTTP/1.1 200 OK\r\n\r\n")).await;
        let client = client(Reach::Public);
        for host in ["127.0.0.1", "2130706433", "0x7f.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0"] {
            let error = get(&client, &format!("http://{host}:{}/", server.address.port())).await.unwrap_err();
            assert!(matches!(error, Error::Refused(Refusal::Host(_))), "{host}: {error:?}");
        }
        assert_eq!(server.connections(), 0);
    }

    /// T-32: one private address among the answers refuses them all.
    #[tokio::test]
    async fn t32_a_mixed_answer_is_refused() {
        let (answers, client) = lookup(Reach::PublicAndLoopback, &["8.8.8.8", "127.0.0.1"]);
        let error = get(&client, "http://shop.example/").await.unwrap_err();
        assert!(matches!(error, Error::Refused(Refusal::Resolved(forbidden)) if forbidden.address.is_loopback()), "{error:?}");
        assert_eq!(answers.asked(), 1);
    }

    /// T-32: the connection goes to the address that was judged, and each attempt is judged afresh.
    #[tokio::test]
    async fn t32_each_attempt_asks_once_and_is_pinned() {
        let server = Server::start(Reply::KeptOpen("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_owned())).await;
        let (answers, client) = lookup(Reach::PublicAndLoopback, &["127.0.0.1"]);
        let url = format!("http://localhost:{}/", server.address.port());
        for attempt in 1..=3 {
            get(&client, &url).await.unwrap();
            assert_eq!((answers.asked(), server.connections()), (attempt, attempt));
        }
        answers.set(&["10.0.0.1"]);
        assert!(matches!(get(&client, &url).await, Err(Error::Refused(Refusal::Resolved(_)))));
        answers.set(&[]);
        assert_eq!(get(&client, &url).await.unwrap_err().class(), "unresolved");
        assert_eq!(server.connections(), 3);
    }

    /// T-33: a redirect is an answer, and what it points to sees nobody.
    #[tokio::test]
    async fn t33_a_redirect_is_not_followed() {
        let target = Server::start(Reply::text("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")).await;
        for status in [301, 302, 303, 307, 308] {
            let location = target.url("/");
            let server =
                Server::start(Reply::Text(format!("HTTP/1.1 {status} Moved\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"))).await;
            let answer = get(&client(Reach::PublicAndLoopback), &server.url("/")).await.unwrap();
            assert_eq!(answer.status.as_u16(), status);
            assert_eq!(answer.header("location"), Some(location.as_str()));
        }
        assert_eq!(target.connections(), 0);
    }

    /// T-36, F-C1: whatever the peer does, the whole exchange ends when its time is over.
    #[tokio::test]
    async fn t36_slow_peers_are_cut_off_in_time() {
        for reply in [
            Reply::Hang,
            Reply::Drip { head: "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n", bytes: "x" },
            Reply::Drip { head: "HTTP/1.1 200 OK\r\n", bytes: "x" },
            Reply::Drip { head: "", bytes: "HTTP/1.1 103 Early Hints\r\n\r\n" },
        ] {
            let server = Server::start(reply.clone()).await;
            let url = server.url("/").parse().unwrap();
            let started = tokio::time::Instant::now();
            let outcome = client(Reach::PublicAndLoopback).send(Outbound::get(&url, SECOND / 4, 2048)).await;
            assert!(matches!(outcome, Err(Error::TimedOut)), "{reply:?}: {outcome:?}");
            assert!(started.elapsed() < 3 * SECOND, "{reply:?}");
        }
    }

    /// T-36: an endless body is read up to the cap, whether or not it says how long it is.
    #[tokio::test]
    async fn t36_an_endless_body_is_cut() {
        for head in ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n"] {
            let server = Server::start(Reply::Flood { head, bytes: "xxxxxxxxxxxxxxxx" }).await;
            let answer = get(&client(Reach::PublicAndLoopback), &server.url("/")).await.unwrap();
            assert_eq!((answer.body.bytes.len(), answer.body.is_cut), (1024, true));
            server.all_hung_up().await;
        }
    }

    /// T-36: endless headers and interim answers end too, by the parser's own bound or by the time-out.
    #[tokio::test]
    async fn t36_endless_headers_are_cut() {
        for (head, bytes) in [("HTTP/1.1 200 OK\r\n", "a: bbbbbbbbbbbbbbbbbbbb\r\n"), ("", "HTTP/1.1 100 Continue\r\n\r\n")] {
            let server = Server::start(Reply::Flood { head, bytes }).await;
            let url = server.url("/").parse().unwrap();
            let outcome = client(Reach::PublicAndLoopback).send(Outbound::get(&url, SECOND / 4, 2048)).await;
            assert!(matches!(outcome, Err(Error::TimedOut | Error::Broken(_))), "{outcome:?}");
            server.all_hung_up().await;
        }
    }

    /// T-36: a gzip bomb stays the few bytes that came over the wire.
    #[tokio::test]
    async fn t36_nothing_is_decompressed() {
        let server = Server::start(Reply::text("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nbomb")).await;
        let answer = get(&client(Reach::PublicAndLoopback), &server.url("/")).await.unwrap();
        assert_eq!(&answer.body.bytes[..], b"bomb");
    }

    /// F-C1: a peer that closes in the middle has not answered.
    #[tokio::test]
    async fn fc1_a_body_that_breaks_off_is_no_answer() {
        let server = Server::start(Reply::text("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")).await;
        let error = get(&client(Reach::PublicAndLoopback), &server.url("/")).await.unwrap_err();
        assert_eq!(error.class(), "broken");
    }

    /// T-25: an error that is logged with all its causes doesn't show the URL.
    #[tokio::test]
    async fn t25_errors_do_not_show_the_url() {
        let server = Server::start(Reply::text("not http at all\r\n\r\n")).await;
        let error = get(&client(Reach::PublicAndLoopback), &server.url("/s3cret?key=s3cret")).await.unwrap_err();
        assert_eq!(error.class(), "broken");
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        let (_socket, address) = deaf();
        let error = get(&client(Reach::PublicAndLoopback), &format!("http://{address}/s3cret")).await.unwrap_err();
        assert_eq!(error.class(), "unreachable");
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }

    /// N6, T-34: with proxies in the environment the same call still goes straight to the server.
    ///
    /// The environment can't be changed in this process, so another one runs `an_answer_comes_back` with every proxy variable
    /// pointing to a server of ours, which must not hear of it.
    #[tokio::test]
    async fn t34_the_environments_proxy_is_ignored() {
        let proxy = Server::start(Reply::text("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n")).await;
        let mut command = tokio::process::Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "net::guard::tests::an_answer_comes_back"]);
        for variable in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            command.env(variable, proxy.url("")).env(variable.to_lowercase(), proxy.url(""));
        }
        let output = command.env_remove("NO_PROXY").env_remove("no_proxy").env_remove("REQUEST_METHOD").output().await.unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && printed.contains("1 passed"), "{printed}");
        assert_eq!(proxy.connections(), 0);
    }
}
