//! Others on this machine: the web sites of a few invented businesses, and the buyer's receiver of callbacks.

use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::buyer::Accepted;
use crate::app::url_of;
use crate::cli::{Failure, samples};
use crate::types::mac::hmac_sha256;

/// How long a page takes, so that there is something to watch.
const PAGE_TAKES: Duration = Duration::from_millis(250);
/// How long the callback is waited for.
const CALLBACK_PATIENCE: Duration = Duration::from_secs(10);

/// Both, until this is dropped.
#[derive(Debug)]
pub(super) struct Guests {
    sites: Guest,
    receiver: Guest,
    inbox: mpsc::Receiver<Received>,
}

/// What came to the receiver.
#[derive(Debug)]
struct Received {
    headers: HeaderMap,
    body: Bytes,
}

/// A callback, as the receiver judged it.
#[derive(Debug)]
pub(super) struct Callback {
    /// `enrich.job_completed`, …
    pub(super) event: String,
    /// The signature is that of the job's secret.
    pub(super) is_genuine: bool,
    /// A changed byte would have been noticed.
    pub(super) is_forgery_noticed: bool,
}

#[derive(Debug)]
struct Guest {
    url: String,
    serving: JoinHandle<()>,
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Guests {
    pub(super) async fn start() -> Result<Self, Failure> {
        let (outbox, inbox) = mpsc::channel(16);
        let sites = Guest::start(Router::new().fallback(get(page))).await?;
        let receiver = Guest::start(Router::new().route("/callback", post(receive)).with_state(outbox)).await?;
        Ok(Self { sites, receiver, inbox })
    }

    /// Below it each host has its pages.
    pub(super) fn sites_url(&self) -> String {
        self.sites.url.clone()
    }

    pub(super) fn callback_url(&self) -> String {
        format!("{}/callback", self.receiver.url)
    }

    /// Waits for a callback and checks its signature, as a buyer would: with nothing but the secret that the submit answered.
    pub(super) async fn callback(&mut self, accepted: &[Accepted]) -> Option<Callback> {
        let secret = accepted.iter().find_map(|accepted| accepted.callback_secret.as_deref())?;
        let Received { headers, body } = tokio::time::timeout(CALLBACK_PATIENCE, self.inbox.recv()).await.ok()??;
        let event: serde_json::Value = serde_json::from_slice(&body).ok()?;
        let forged: Bytes = body.iter().map(|byte| if *byte == b'0' { b'9' } else { *byte }).collect();
        Some(Callback {
            event: event.get("type")?.as_str()?.to_owned(),
            is_genuine: is_signed(secret, &headers, &body) == Some(true),
            is_forgery_noticed: is_signed(secret, &headers, &forged) == Some(false),
        })
    }
}

impl Guest {
    async fn start(router: Router) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::Failed(format!("no port is free on loopback: {error}"));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(failed)?;
        let url = url_of(listener.local_addr().map_err(failed)?);
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::warn!(%error, "a guest of the demo ended");
            }
        });
        Ok(Self { url, serving })
    }
}

/// `/{host}/{path}`.
async fn page(uri: Uri) -> Response {
    tokio::time::sleep(PAGE_TAKES).await;
    let path = uri.path().trim_start_matches('/');
    let (host, rest) = path.split_at(path.find('/').unwrap_or(path.len()));
    match samples::page(host, if rest.is_empty() { "/" } else { rest }) {
        Some((content_type, bytes)) => ([(header::CONTENT_TYPE, content_type)], bytes).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn receive(State(outbox): State<mpsc::Sender<Received>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    match outbox.try_send(Received { headers, body }) {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// Standard Webhooks: `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; `None` where a header is missing.
fn is_signed(secret: &str, headers: &HeaderMap, body: &[u8]) -> Option<bool> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    let key = <[u8; 32]>::try_from(STANDARD.decode(secret.strip_prefix("whsec_")?).ok()?).ok()?;
    let (id, timestamp) = (text("webhook-id")?, text("webhook-timestamp")?);
    let wanted = hmac_sha256(&key, &[id.as_bytes(), b".", timestamp.as_bytes(), b".", body]);
    let mut signatures = text("webhook-signature")?.split(' ').filter_map(|signature| STANDARD.decode(signature.strip_prefix("v1,")?).ok());
    Some(signatures.any(|signature| bool::from(signature.ct_eq(&wanted))))
}
