//! A facilitator that says what a test wants, and settles nothing: for what the real one can't be made to do.

use std::sync::{Arc, Mutex};

use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::{Value, json};

/// What it says of every settle.
#[derive(Debug, Clone)]
pub enum Says {
    /// Nothing: an error of its own, after which it may have sent something.
    Nothing,
    /// That it waits for this transaction.
    Pending(String),
    /// That this transaction did it.
    Settled(String),
    /// That it won't.
    Refused,
}

struct Inner {
    says: Mutex<Says>,
    address: Mutex<String>,
    has_exact: Mutex<bool>,
    /// The requests to settle, as they came.
    asked: Mutex<Vec<Value>>,
}

/// It runs until the test's runtime ends.
#[derive(Clone)]
pub struct Facilitator {
    pub url: String,
    inner: Arc<Inner>,
}

impl Facilitator {
    /// Payments have to name this address.
    pub async fn start(address: &str) -> Self {
        let inner = Arc::new(Inner {
            says: Mutex::new(Says::Nothing),
            address: Mutex::new(address.to_owned()),
            has_exact: Mutex::new(true),
            asked: Mutex::new(Vec::new()),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = Arc::clone(&inner);
        let router = Router::new().fallback(move |uri: Uri, body: String| {
            let inner = Arc::clone(&serving);
            async move { answer(&inner, uri.path(), &body) }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, inner }
    }

    pub fn say(&self, says: Says) {
        *self.inner.says.lock().unwrap() = says;
    }

    /// From now on, new payments have to name this one.
    pub fn move_to(&self, address: &str) {
        address.clone_into(&mut self.inner.address.lock().unwrap());
    }

    pub fn drop_exact(&self) {
        *self.inner.has_exact.lock().unwrap() = false;
    }

    pub fn asked(&self) -> Vec<Value> {
        self.inner.asked.lock().unwrap().clone()
    }
}

fn answer(inner: &Inner, path: &str, body: &str) -> Response {
    if path == "/supported" {
        let kind = |scheme: &str| json!({"x402Version": 2, "scheme": scheme, "network": "eip155:31337"});
        let mut kinds = vec![kind("upto")];
        kinds[0]["extra"] = json!({"facilitatorAddress": *inner.address.lock().unwrap()});
        kinds.extend(inner.has_exact.lock().unwrap().then(|| kind("exact")));
        return Json(json!({"kinds": kinds})).into_response();
    }
    inner.asked.lock().unwrap().push(serde_json::from_str(body).unwrap());
    let said = |success: bool, reason: Option<&str>, tx: &str| {
        Json(json!({"success": success, "errorReason": reason, "transaction": tx, "network": "eip155:31337"})).into_response()
    };
    match &*inner.says.lock().unwrap() {
        Says::Nothing => StatusCode::BAD_GATEWAY.into_response(),
        Says::Pending(tx) => said(false, Some("settlement_pending"), tx),
        Says::Settled(tx) => said(true, None, tx),
        Says::Refused => said(false, Some("invalid_payload"), ""),
    }
}
