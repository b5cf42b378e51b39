//! A server that plays a vendor, and the counters of one test.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse, Response};
use enrich_jobs::clock::{SystemClock, SystemRandom};
use enrich_jobs::enrich::vendors::line::Exchange;
use enrich_jobs::net::TrustedClient;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use url::Url;

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// Answers the n-th request, from 0.
type Answers = dyn Fn(usize, &Seen) -> Response + Send + Sync;

/// A vendor on loopback. It ends with the test's runtime.
pub(crate) struct Vendor {
    pub(crate) url: Url,
    seen: Arc<Mutex<Vec<Seen>>>,
}

#[derive(Clone)]
struct Stage {
    answers: Arc<Answers>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Vendor {
    pub(crate) async fn start(answers: impl Fn(usize, &Seen) -> Response + Send + Sync + 'static) -> Self {
        let stage = Stage { answers: Arc::new(answers), seen: Arc::default() };
        let seen = Arc::clone(&stage.seen);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        tokio::spawn(axum::serve(listener, axum::Router::new().fallback(serve).with_state(stage)).into_future());
        Self { url, seen }
    }

    /// One that says this to everything.
    pub(crate) async fn saying(body: impl Into<Bytes>) -> Self {
        let body = body.into();
        Self::start(move |_, _| json(body.clone())).await
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(State(stage): State<Stage>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 16 * 1024 * 1024).await.unwrap();
    let seen = Seen { method: parts.method, uri: parts.uri, headers: parts.headers, body: String::from_utf8(body.to_vec()).unwrap() };
    let at = {
        let mut all = stage.seen.lock().unwrap();
        all.push(seen.clone());
        all.len() - 1
    };
    let response = (stage.answers)(at, &seen);
    if response.headers().contains_key(HANG) {
        std::future::pending::<()>().await;
    }
    response
}

const HANG: &str = "x-hang";

/// Never an answer.
pub(crate) fn hang() -> Response {
    [(HANG, "1")].into_response()
}

pub(crate) fn json(body: impl Into<Body>) -> Response {
    ([("content-type", "application/json")], body.into()).into_response()
}

pub(crate) fn status(code: u16) -> Response {
    axum::http::StatusCode::from_u16(code).unwrap().into_response()
}

pub(crate) fn with(mut response: Response, name: &'static str, value: &'static str) -> Response {
    response.headers_mut().insert(name, value.parse().unwrap());
    response
}

/// `head`, then a byte every 20 ms for ever.
pub(crate) fn drip(head: &'static str) -> Response {
    let rest = futures_util::stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Some((Ok::<_, std::io::Error>(Bytes::from_static(b" ")), ()))
    });
    let head = futures_util::stream::iter([Ok(Bytes::from_static(head.as_bytes()))]);
    json(Body::from_stream(futures_util::StreamExt::chain(head, rest)))
}

/// A gigabyte, and how much of it was taken.
pub(crate) fn flood(head: &'static str, taken: &Arc<std::sync::atomic::AtomicUsize>) -> Response {
    const BLOCK: usize = 64 * 1024;
    let taken = Arc::clone(taken);
    let block = Bytes::from(vec![b' '; BLOCK]);
    let blocks = (0..1024 * 1024 * 1024 / BLOCK).map(move |_| {
        taken.fetch_add(BLOCK, std::sync::atomic::Ordering::SeqCst);
        Ok::<_, std::io::Error>(block.clone())
    });
    let head = [Ok(Bytes::from_static(head.as_bytes()))];
    json(Body::from_stream(futures_util::stream::iter(head.into_iter().chain(blocks))))
}

/// `head`, then the connection breaks.
pub(crate) fn reset(head: &'static str) -> Response {
    let parts = [Ok(Bytes::from_static(head.as_bytes())), Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))];
    json(Body::from_stream(futures_util::stream::iter(parts)))
}

pub(crate) fn exchange() -> Exchange {
    Exchange { client: TrustedClient::new().unwrap(), clock: Arc::new(SystemClock), random: Arc::new(SystemRandom) }
}

/// What this test's thread counts, from now on.
pub(crate) struct Counts {
    handle: PrometheusHandle,
    _recorder: metrics::LocalRecorderGuard<'static>,
}

impl Counts {
    pub(crate) fn new() -> Self {
        let recorder = Box::leak(Box::new(PrometheusBuilder::new().build_recorder()));
        let handle = recorder.handle();
        Self { handle, _recorder: metrics::set_default_local_recorder(recorder) }
    }

    /// The value of a series by its name and labels, as they are shown; 0 where there is none.
    pub(crate) fn of(&self, series: &str) -> u64 {
        let text = self.text();
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.map_or(0, |value| value.parse().unwrap())
    }

    pub(crate) fn text(&self) -> String {
        self.handle.render()
    }
}
