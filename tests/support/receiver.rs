//! A receiver of callbacks on loopback: it keeps what it gets, and answers as it is told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{OriginalUri, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use enrich_jobs::clock::{Clock, SystemClock};
use serde_json::Value;
use tokio::sync::watch;

/// One attempt, as it came over the wire.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// In seconds since 1970.
    pub came_at: i64,
}

impl Attempt {
    pub fn webhook_id(&self) -> &str {
        self.headers["webhook-id"].to_str().unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The job that it tells of.
    pub fn job(&self) -> String {
        self.json()["data"]["job_id"].as_str().unwrap().to_owned()
    }

    /// Both signatures: the reference implementation makes the same one, at a time that was right when it came.
    pub fn verify(&self, secret: &str) {
        use hmac::Mac;
        let header = |name: &str| self.headers[name].to_str().unwrap();
        let signed_at: i64 = header("webhook-timestamp").parse().unwrap();
        assert!((signed_at - self.came_at).abs() < 60, "signed at {signed_at}, came at {}", self.came_at);
        let wanted = standardwebhooks::Webhook::new(secret).unwrap().sign(self.webhook_id(), signed_at, &self.body).unwrap();
        assert_eq!(header("webhook-signature"), wanted);
        let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(&self.body);
        assert_eq!(header("x-411data-signature"), format!("sha256={}", hex::encode(mac.finalize().into_bytes())));
    }
}

/// What an attempt is answered.
#[derive(Debug, Clone)]
pub enum Answer {
    Status(u16),
    /// 204, but not before this is notified.
    Held(Arc<tokio::sync::Notify>),
    /// 307 to this.
    Redirect(&'static str),
    /// Nothing for so long, then the connection is closed.
    Hang(Duration),
}

/// Decides by the attempt and its number, counted from 1 for each `webhook-id`.
type Behaviour = dyn Fn(&Attempt, usize) -> Answer + Send + Sync;

struct Inner {
    seen: Mutex<Vec<Attempt>>,
    count: watch::Sender<usize>,
    behaviour: Box<Behaviour>,
}

pub struct Receiver {
    address: SocketAddr,
    inner: Arc<Inner>,
}

impl Receiver {
    /// An address where nobody listens yet.
    pub async fn reserve() -> SocketAddr {
        tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
    }

    pub async fn start(behaviour: impl Fn(&Attempt, usize) -> Answer + Send + Sync + 'static) -> Self {
        Self::start_at(Self::reserve().await, behaviour).await
    }

    pub async fn start_at(address: SocketAddr, behaviour: impl Fn(&Attempt, usize) -> Answer + Send + Sync + 'static) -> Self {
        let inner = Arc::new(Inner { seen: Mutex::default(), count: watch::Sender::new(0), behaviour: Box::new(behaviour) });
        let app = axum::Router::new().fallback(take).with_state(Arc::clone(&inner));
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, inner }
    }

    /// One that takes everything.
    pub async fn willing() -> Self {
        Self::start(|_, _| Answer::Status(204)).await
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Everything that came so far.
    pub fn seen(&self) -> Vec<Attempt> {
        self.inner.seen.lock().unwrap().clone()
    }

    /// Every attempt to tell of one job.
    pub fn of_job(&self, job: &str) -> Vec<Attempt> {
        self.seen().into_iter().filter(|attempt| attempt.job() == job).collect()
    }

    /// Returns once so many attempts came.
    pub async fn came(&self, count: usize) {
        let mut counts = self.inner.count.subscribe();
        let came = tokio::time::timeout(Duration::from_secs(30), counts.wait_for(|came| *came >= count)).await;
        came.unwrap_or_else(|_| panic!("{count} callbacks were awaited, {} came", self.seen().len())).unwrap();
    }
}

async fn take(State(inner): State<Arc<Inner>>, OriginalUri(uri): OriginalUri, headers: HeaderMap, body: Bytes) -> Response {
    let attempt = Attempt { path: uri.to_string(), headers, body, came_at: SystemClock.now().seconds() };
    let number = {
        let mut seen = inner.seen.lock().unwrap();
        seen.push(attempt.clone());
        let number = seen.iter().filter(|known| known.webhook_id() == attempt.webhook_id()).count();
        inner.count.send_replace(seen.len());
        number
    };
    match (inner.behaviour)(&attempt, number) {
        Answer::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Answer::Held(until) => {
            until.notified().await;
            StatusCode::NO_CONTENT.into_response()
        }
        Answer::Redirect(to) => (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, to)]).into_response(),
        Answer::Hang(time) => {
            tokio::time::sleep(time).await;
            // A body that breaks off: the connection is closed without an answer that holds.
            let broken = futures_util::stream::iter([Err::<Bytes, _>(std::io::Error::other("closed"))]);
            axum::body::Body::from_stream(broken).into_response()
        }
    }
}
