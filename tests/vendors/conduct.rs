//! What all vendors have in common: time-outs, bounds, repeats, breaker, lines. Tried on the search, which has little of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::response::Response;
use enrich_jobs::enrich::vendors::line::{Basis, Fault, Line, LineSettings, Question, Reading, Repeat};
use enrich_jobs::enrich::vendors::search::{Search, SearchKind, SearchSettings};
use enrich_jobs::types::Usd;
use tokio::time::Instant;

use crate::support::{Counts, Seen, Vendor, drip, exchange, flood, hang, json, reset, status, with};

const FOUND: &str = r#"{"results":[{"url":"https://a.example/"}]}"#;
const COST: u64 = 10_000;

struct World {
    counts: Counts,
    vendor: Vendor,
    search: Search,
}

impl World {
    async fn new(timeout_ms: u64, answers: impl Fn(usize, &Seen) -> Response + Send + Sync + 'static) -> Self {
        let vendor = Vendor::start(answers).await;
        Self { counts: Counts::new(), search: search(vendor.url.clone(), timeout_ms, 2), vendor }
    }

    /// Asks once: the fault, how long it took, how often the vendor was asked, and what it may have cost us.
    async fn ask(&self) -> (Option<Fault>, Duration, usize, u64) {
        let began = Instant::now();
        let fault = self.search.find("x").await.err();
        let lost = self.counts.of("enrich_vendor_loss_microdollars_total{vendor=\"search\"}");
        (fault, began.elapsed(), self.vendor.seen().len(), lost)
    }

    fn calls(&self, outcome: &str) -> u64 {
        self.counts.of(&format!("enrich_vendor_calls_total{{vendor=\"search\",outcome=\"{outcome}\"}}"))
    }
}

fn search(url: url::Url, timeout_ms: u64, concurrency: usize) -> Search {
    let timeout = Duration::from_millis(timeout_ms);
    let cost = Usd::from_micros(10_000);
    Search::new(SearchSettings { kind: SearchKind::Searxng, url, key: None, cost, timeout, concurrency }, exchange())
}

/// F-V1: silence, and an answer that never ends, are over in the call's time; F-V3: what they may cost is our loss.
#[tokio::test]
async fn fv1_nothing_takes_longer_than_its_time() {
    for answers in [|_: usize, _: &Seen| hang(), |_: usize, _: &Seen| drip("{")] {
        let world = World::new(300, answers).await;
        let (fault, took, asked, lost) = world.ask().await;
        assert_eq!((fault, asked, lost), (Some(Fault::Unanswered("timed_out")), 1, COST));
        assert!(took >= Duration::from_millis(300) && took < Duration::from_secs(2), "{took:?}");
        assert_eq!(world.calls("timed_out"), 1);
    }
}

/// F-V1: a call whose job was cancelled is counted, and frees its line.
#[tokio::test]
async fn fv1_a_call_that_is_given_up() {
    let world = World::new(5000, |_, _| hang()).await;
    for _ in 0..3 {
        assert!(tokio::time::timeout(Duration::from_millis(100), world.search.find("x")).await.is_err());
    }
    assert_eq!((world.vendor.seen().len(), world.calls("given_up")), (3, 3), "two lines, three calls");
    assert_eq!(world.counts.of("enrich_vendor_loss_microdollars_total{vendor=\"search\"}"), 3 * COST);
}

/// F-V2: a gigabyte isn't read.
#[tokio::test]
async fn fv2_a_gigabyte_is_left_where_it_is() {
    let taken = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&taken);
    let world = World::new(20_000, move |_, _| flood("{\"results\":[", &counter)).await;
    let (fault, took, asked, lost) = world.ask().await;
    assert_eq!((fault, asked, lost), (Some(Fault::TooLong), 1, COST));
    let taken = taken.load(Ordering::SeqCst);
    assert!(taken < 64 * 1024 * 1024 && took < Duration::from_secs(15), "{taken} bytes in {took:?}");
}

#[tokio::test]
async fn fv2_a_connection_that_breaks() {
    let world = World::new(5000, |_, _| reset(r#"{"results":[{"url":"https://a.example/"}"#)).await;
    let (fault, _, asked, lost) = world.ask().await;
    assert_eq!((fault, asked, lost), (Some(Fault::Unanswered("broken")), 1, COST));
}

/// A redirect is an answer, and no way to anywhere.
#[tokio::test]
async fn redirects_are_never_followed() {
    let trap = Vendor::saying(FOUND).await;
    for code in [301, 302, 303, 307, 308] {
        let to: &'static str = Box::leak(trap.url.to_string().into_boxed_str());
        let world = World::new(5000, move |_, _| with(status(code), "location", to)).await;
        let (fault, _, asked, lost) = world.ask().await;
        assert_eq!((fault, asked, lost), (Some(Fault::Redirected(code)), 1, 0));
    }
    assert_eq!(trap.seen().len(), 0);
}

/// What passes is asked again, two times more at the most; what doesn't pass isn't.
#[tokio::test]
async fn repeats() {
    for code in [429, 500, 502, 503, 504] {
        let world = World::new(10_000, move |at, _| if at < 2 { status(code) } else { json(FOUND) }).await;
        let (fault, took, asked, _) = world.ask().await;
        assert_eq!((fault, asked), (None, 3), "{code}");
        assert!(took >= Duration::from_millis(600), "{code}: 200 and 400 ms and chance: {took:?}");
        let world = World::new(10_000, move |_, _| status(code)).await;
        let (fault, _, asked, _) = world.ask().await;
        assert!(fault.is_some() && asked == 3, "{code}: {fault:?} after {asked}");
    }
    for code in [400, 401, 403, 404, 422] {
        let world = World::new(10_000, move |_, _| status(code)).await;
        assert_eq!(world.ask().await.0, Some(Fault::Rejected(code)));
        assert_eq!((world.vendor.seen().len(), world.calls("rejected")), (1, 1));
    }
}

/// `Retry-After` is kept where it fits into the call's time; where it doesn't, nobody waits for it.
#[tokio::test]
async fn retry_after_is_kept() {
    let busy = |value: &'static str| move |at: usize, _: &Seen| if at == 0 { with(status(429), "retry-after", value) } else { json(FOUND) };
    let world = World::new(10_000, busy("1")).await;
    let (fault, took, asked, lost) = world.ask().await;
    assert_eq!((fault, asked, lost), (None, 2, 0));
    assert!(took >= Duration::from_millis(1200), "{took:?}");
    let world = World::new(10_000, busy("3600")).await;
    let (fault, took, asked, _) = world.ask().await;
    assert_eq!(fault, Some(Fault::Throttled { status: 429, retry_after: Some(Duration::from_mins(10)) }));
    assert!(asked == 1 && took < Duration::from_secs(2), "{took:?}");
}

/// Nobody there: the same line tries again, and says that nothing was sent.
#[tokio::test]
async fn nobody_listens() {
    let counts = Counts::new();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap()).parse().unwrap();
    assert_eq!(search(url, 5000, 1).find("x").await, Err(Fault::Unsent("unreachable")));
    assert_eq!(counts.of("enrich_vendor_calls_total{vendor=\"search\",outcome=\"unreachable\"}"), 3);
    assert_eq!(counts.of("enrich_vendor_loss_microdollars_total{vendor=\"search\"}"), 0);
}

/// T-37: after five failures in a row it is left alone.
#[tokio::test]
async fn t37_a_failing_vendor_is_left_alone() {
    let world = World::new(5000, |_, _| status(500)).await;
    assert_eq!((world.ask().await.0, world.ask().await.0), (Some(Fault::Failed(500)), Some(Fault::Paused)));
    let (fault, took, asked, _) = world.ask().await;
    assert_eq!((fault, asked), (Some(Fault::Paused), 5));
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!((world.calls("failed"), world.counts.of("enrich_vendor_paused{vendor=\"search\"}")), (5, 1));
}

/// So many calls at once, and no more; who finds no free line in time has sent nothing.
#[tokio::test]
async fn lines_are_few() {
    let world = World::new(400, |_, _| hang()).await;
    let ends = futures_util::future::join_all((0..5).map(|_| world.search.find("x"))).await;
    let of = |wanted: Fault| ends.iter().filter(|end| end.as_ref().is_err_and(|fault| *fault == wanted)).count();
    assert_eq!(of(Fault::Unanswered("timed_out")), 2, "{ends:?}");
    assert_eq!(of(Fault::Busy) + of(Fault::Unanswered("timed_out")), 5, "{ends:?}");
    assert_eq!(world.calls("busy"), 3);
}

/// F-V2: whatever a vendor's reader makes of an answer, it costs from nothing to what was known before.
#[tokio::test]
async fn fv2_the_line_clamps_every_price() {
    let vendor = Vendor::saying("{}").await;
    let settings = LineSettings { vendor: "any", timeout: Duration::from_secs(5), concurrency: 1, body_bytes_max: 100 };
    let line = Line::new(settings, exchange());
    let question = Question {
        method: reqwest::Method::GET,
        url: vendor.url.clone(),
        headers: reqwest::header::HeaderMap::new(),
        body: bytes::Bytes::new(),
        repeat: Repeat::Unexecuted,
        cost_max: Usd::from_micros(100),
    };
    for (priced, charged) in [(i64::MIN, 0), (-1, 0), (0, 0), (100, 100), (101, 100), (i64::MAX, 100)] {
        let read = |_: &[u8]| Ok(Reading { value: Some(()), cost: Usd::from_micros(priced), basis: Basis::Sheet });
        assert_eq!(line.ask(&question, read).await.unwrap().cost, Usd::from_micros(charged), "{priced}");
    }
}
