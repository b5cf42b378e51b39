//! One attempt to deliver one callback.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue};
use reqwest::{Method, StatusCode};
use tokio::time::Instant;

use super::signature::{self, Message};
use crate::net::{self, BreakerSettings, Breakers, GuardedClient, LimitSettings, Limits, Outbound, host_key};
use crate::types::{CallbackUrl, DeliveryId, Timestamp, WebhookSecret};

/// For the whole exchange; a 2xx that comes later is none (F-C1).
const TIMEOUT: Duration = Duration::from_secs(15);
/// What is read of the answer's body, to see that it ends well. It is dropped: nobody gets it to see (T-35).
const BODY_BYTES_MAX: usize = 2048;
/// How long to wait for a line to the host. Then the callback goes back into the outbox, which waits for free.
const LINE_TIMEOUT: Duration = Duration::from_secs(5);

/// What to deliver.
#[derive(Debug, Clone)]
pub struct Delivery<'a> {
    /// The same in each attempt.
    pub id: DeliveryId,
    /// Where to.
    pub url: &'a CallbackUrl,
    /// What it is signed with.
    pub secret: &'a WebhookSecret,
    /// The secret before a rotation, as long as it is valid.
    pub previous_secret: Option<&'a WebhookSecret>,
    /// JSON, the same in each attempt.
    pub body: Bytes,
    /// Now: signed, so that a receiver can refuse an old attempt.
    pub at: Timestamp,
}

/// How an attempt went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took, waiting for a line included.
    pub duration_ms: u64,
}

/// How an attempt ended. Whoever gave the URL learns only that it was delivered, is pending or has failed (T-35).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A 2xx in time.
    Delivered {
        /// Which one.
        status: u16,
    },
    /// 410: the receiver wants no more. The subscription is disabled, the callback given up (F-C3).
    Gone,
    /// Anything else that was tried. A failure counts in [`super::next_attempt_after`].
    Failed {
        /// Where there was an answer.
        status: Option<u16>,
        /// One stable word for logs and metrics: `status`, `redirect`, or that of [`net::Error::class`].
        class: &'static str,
    },
    /// Nothing was sent, since the host is paused or all lines to it are busy. This is no attempt and no failure; counting it
    /// as one would use up a callback's attempts on the failures of others.
    Deferred {
        /// Earlier it makes no sense to try again.
        retry_after: Duration,
    },
}

/// Delivers callbacks, with few lines to each host and pauses for those that fail. A clone is a few pointers.
#[derive(Debug, Clone)]
pub struct Deliverer {
    client: GuardedClient,
    limits: Limits,
    breakers: Breakers,
}

impl Deliverer {
    /// With the usual limits and breakers.
    pub fn new(client: GuardedClient) -> Self {
        Self::with_settings(client, LimitSettings::default(), BreakerSettings::default())
    }

    /// With other limits and breakers.
    pub fn with_settings(client: GuardedClient, limits: LimitSettings, breakers: BreakerSettings) -> Self {
        Self { client, limits: Limits::new(limits), breakers: Breakers::new(breakers) }
    }

    /// Makes one attempt, in at most 20 seconds. It never fails: every end is an [`Outcome`].
    pub async fn deliver(&self, delivery: Delivery<'_>) -> Attempt {
        let started = Instant::now();
        let outcome = self.attempt(delivery).await;
        Attempt { outcome, duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX) }
    }

    async fn attempt(&self, delivery: Delivery<'_>) -> Outcome {
        let host = host_key(delivery.url.as_url());
        // Asked twice: before waiting, for the standing and for the host that is known to be paused; and behind it, for the
        // calls that waited for one line while the host failed on another.
        let standing = match self.breakers.standing(&host) {
            Ok(standing) => standing,
            Err(paused) => return Outcome::Deferred { retry_after: paused.retry_after },
        };
        let Ok(permit) = tokio::time::timeout(LINE_TIMEOUT, self.limits.acquire(&host, standing)).await else {
            return Outcome::Deferred { retry_after: LINE_TIMEOUT };
        };
        let pass = match self.breakers.admit(&host) {
            Ok(pass) => pass,
            Err(paused) => return Outcome::Deferred { retry_after: paused.retry_after },
        };
        let Ok(call) = outbound(delivery) else {
            return Outcome::Failed { status: None, class: "unsigned" };
        };
        let outcome = outcome_of(self.client.send(call).await.map(|answer| answer.status));
        drop(permit);
        if is_up(&outcome) {
            pass.answered();
        } else {
            pass.failed();
        }
        outcome
    }
}

fn outbound(delivery: Delivery<'_>) -> Result<Outbound<'_>, InvalidHeaderValue> {
    let Delivery { id, url, secret, previous_secret, body, at } = delivery;
    let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    for (name, value) in signature::sign(Message { id, at, body: &body }, secret, previous_secret) {
        headers.insert(HeaderName::from_static(name), HeaderValue::try_from(value)?);
    }
    Ok(Outbound { method: Method::POST, url: url.as_url(), headers, body, timeout: TIMEOUT, body_bytes_max: BODY_BYTES_MAX })
}

fn outcome_of(answer: Result<StatusCode, net::Error>) -> Outcome {
    match answer {
        Ok(StatusCode::GONE) => Outcome::Gone,
        Ok(status) if status.is_success() => Outcome::Delivered { status: status.as_u16() },
        Ok(status) if status.is_redirection() => Outcome::Failed { status: Some(status.as_u16()), class: "redirect" },
        Ok(status) => Outcome::Failed { status: Some(status.as_u16()), class: "status" },
        Err(error) => Outcome::Failed { status: None, class: error.class() },
    }
}

/// Many receivers share a host, and one of them that says no to its callbacks must not pause those of the others. So only
/// silence counts against a host, and where it says itself that it can't now.
fn is_up(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Failed { status: Some(status), .. } => !matches!(status, 429 | 502..=504),
        Outcome::Failed { status: None, .. } => false,
        Outcome::Delivered { .. } | Outcome::Gone | Outcome::Deferred { .. } => true,
    }
}

#[cfg(test)]
mod tests {
    use super::super::signature::tests::id;
    use super::*;
    use crate::clock::{Clock, SystemClock};
    use crate::net::Reach;
    use crate::net::fixture::{Reply, Server, client, deaf};
    use standardwebhooks::Webhook;

    const BODY: &str = r#"{"type":"enrich.job_completed"}"#;

    fn answer(status: &str) -> Reply {
        Reply::Text(format!("HTTP/1.1 {status}\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"))
    }

    fn deliverer() -> Deliverer {
        Deliverer::new(client(Reach::PublicAndLoopback))
    }

    async fn deliver(deliverer: &Deliverer, url: &str) -> Outcome {
        let url = CallbackUrl::parse(url, true).unwrap();
        let secret = WebhookSecret::new([7; 32]);
        let body = Bytes::from_static(BODY.as_bytes());
        let delivery = Delivery { id: id(), url: &url, secret: &secret, previous_secret: None, body, at: SystemClock.now() };
        deliverer.deliver(delivery).await.outcome
    }

    /// What a receiver sees is what the reference implementation verifies; with any other body it doesn't.
    #[tokio::test]
    async fn a_receiver_can_verify_it() {
        let server = Server::start(answer("204 No Content")).await;
        assert_eq!(deliver(&deliverer(), &server.url("/hook?for=me")).await, Outcome::Delivered { status: 204 });
        let request = server.requests().remove(0);
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /hook?for=me HTTP/1.1\r\n"), "{head}");
        assert_eq!(body, BODY);
        let headers: HeaderMap = head
            .lines()
            .skip(1)
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap()))
            .collect();
        assert_eq!(headers[CONTENT_TYPE], "application/json");
        assert_eq!(headers["webhook-id"], id().to_string().as_str());
        assert!(headers["x-411data-signature"].to_str().unwrap().starts_with("sha256="));
        let receiver = Webhook::new(&WebhookSecret::new([7; 32]).reveal()).unwrap();
        receiver.verify(body.as_bytes(), &headers).unwrap();
        assert!(receiver.verify(b"{}", &headers).is_err());
    }

    /// T-33, F-C1, F-C3: what each answer means.
    #[tokio::test]
    async fn what_each_answer_means() {
        let failed = |status, class| Outcome::Failed { status: Some(status), class };
        for (status, wanted) in [
            ("200 OK", Outcome::Delivered { status: 200 }),
            ("202 Accepted", Outcome::Delivered { status: 202 }),
            ("301 Moved", failed(301, "redirect")),
            ("304 Not Modified", failed(304, "redirect")),
            ("307 Temporary", failed(307, "redirect")),
            ("400 Bad", failed(400, "status")),
            ("401 Who", failed(401, "status")),
            ("404 Not Found", failed(404, "status")),
            ("410 Gone", Outcome::Gone),
            ("429 Slow", failed(429, "status")),
            ("500 Oops", failed(500, "status")),
            ("503 Later", failed(503, "status")),
        ] {
            let server = Server::start(answer(status)).await;
            assert_eq!(deliver(&deliverer(), &server.url("/")).await, wanted, "{status}");
            assert_eq!(server.connections(), 1, "{status}");
        }
    }

    /// T-30, F-C1: no answer is a failure that says no more than its class.
    #[tokio::test]
    async fn no_answer_is_a_failure() {
        let failed = |class| Outcome::Failed { status: None, class };
        let (_socket, address) = deaf();
        assert_eq!(deliver(&deliverer(), &format!("http://{address}/")).await, failed("unreachable"));
        let server = Server::start(Reply::text("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")).await;
        assert_eq!(deliver(&deliverer(), &server.url("/")).await, failed("broken"));
        // Accepted while loopback was allowed, delivered when it no longer is.
        let closed = Deliverer::new(client(Reach::Public));
        assert_eq!(deliver(&closed, &server.url("/")).await, failed("refused"));
        assert_eq!(server.connections(), 1);
    }

    /// T-36: a 200 with an endless body is a 200, and its body isn't read on.
    #[tokio::test]
    async fn t36_an_endless_body_does_not_matter() {
        let server = Server::start(Reply::Flood { head: "HTTP/1.1 200 OK\r\n\r\n", bytes: "xxxxxxxxxxxxxxxx" }).await;
        assert_eq!(deliver(&deliverer(), &server.url("/")).await, Outcome::Delivered { status: 200 });
        server.all_hung_up().await;
    }

    /// T-37, F-C1: a host that says it can't is left alone, which costs its callbacks no attempt; others don't notice.
    #[tokio::test]
    async fn t37_a_failing_host_is_paused() {
        let (bad, good) = (Server::start(answer("503 Later")).await, Server::start(answer("200 OK")).await);
        let deliverer = deliverer();
        for _ in 0..5 {
            assert_eq!(deliver(&deliverer, &bad.url("/")).await, Outcome::Failed { status: Some(503), class: "status" });
        }
        assert!(matches!(deliver(&deliverer, &bad.url("/")).await, Outcome::Deferred { retry_after } if !retry_after.is_zero()));
        assert_eq!(bad.connections(), 5);
        assert_eq!(deliver(&deliverer, &good.url("/")).await, Outcome::Delivered { status: 200 });
    }

    /// F-C1: a receiver that says no doesn't pause its neighbours on the same host.
    #[tokio::test]
    async fn fc1_a_no_is_not_an_outage() {
        let server = Server::start(answer("404 Not Found")).await;
        let deliverer = deliverer();
        for _ in 0..20 {
            assert_eq!(deliver(&deliverer, &server.url("/")).await, Outcome::Failed { status: Some(404), class: "status" });
        }
        assert_eq!(server.connections(), 20);
    }

    /// T-36: at most four calls to one host at a time; calls that are given up free their lines.
    #[tokio::test]
    async fn t36_four_lines_to_a_host() {
        let server = Server::start(Reply::Hang).await;
        let (deliverer, url) = (deliverer(), server.url("/"));
        tokio::select! {
            outcomes = futures_util::future::join_all((0..10).map(|_| deliver(&deliverer, &url))) => panic!("{outcomes:?}"),
            in_flight = async { server.opened(4).await; deliverer.limits.in_flight() } => assert_eq!(in_flight, 4),
        }
        assert_eq!((deliverer.limits.hosts(), deliverer.limits.in_flight(), server.connections()), (0, 0, 4));
    }

    /// F-C1: while strange hosts hang on all the lines that they get, one that is known to work is served at once.
    #[tokio::test]
    async fn fc1_hanging_hosts_do_not_delay_a_good_one() {
        let limits = LimitSettings { per_host: 4, total: 4, unproven: 3 };
        let deliverer = Deliverer::with_settings(client(Reach::PublicAndLoopback), limits, BreakerSettings::default());
        let good = Server::start(answer("200 OK")).await;
        let success = Outcome::Delivered { status: 200 };
        assert_eq!(deliver(&deliverer, &good.url("/")).await, success);
        let mut hanging = Vec::new();
        for _ in 0..10 {
            hanging.push(Server::start(Reply::Hang).await.url("/"));
        }
        let hang = futures_util::future::join_all(hanging.iter().map(|url| deliver(&deliverer, url)));
        let serve = async {
            while deliverer.limits.in_flight() < 3 {
                tokio::task::yield_now().await;
            }
            for _ in 0..20 {
                assert_eq!(deliver(&deliverer, &good.url("/")).await, success);
            }
        };
        tokio::select! {
            outcomes = hang => panic!("{outcomes:?}"),
            () = serve => {}
        }
    }
}
