//! One network's nodes, by JSON-RPC over HTTP: asked in the order of the configuration until one answers.
//!
//! Every call is bounded in time and size, and so is the number of calls at once. A node that fails again and again is left alone
//! for a while. Every node is asked for its chain id before anything else, and again from time to time (F-X2).

mod payers;
mod proofs;
pub(super) mod reads;
mod search;
mod send;
mod settle;
mod transfers;
mod wire;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use url::Url;

use super::{Error, meters};
use crate::net::{BreakerSettings, Breakers, Outbound, TrustedClient, host_key};
use crate::types::Network;

pub use payers::PayerQuery;
pub use proofs::Whole;
pub use reads::{FullReceipt, Head, Nonces};
pub use settle::{Asked, Settlements};
pub use transfers::TransferTo;

/// What a network's client is built from.
#[derive(Clone)]
pub struct RpcSettings {
    /// The chain that the nodes must be on.
    pub network: Network,
    /// Its nodes, the preferred one first. A path may hold a key, so they are never printed.
    pub urls: Vec<Url>,
    /// For one call, from the name to the last byte.
    pub timeout: Duration,
    /// Calls at once, over all nodes (T-43).
    pub calls_max: usize,
}

impl fmt::Debug for RpcSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<_> = self.urls.iter().map(host_key).collect();
        f.debug_struct("RpcSettings").field("network", &self.network).field("hosts", &hosts).finish_non_exhaustive()
    }
}

/// A network's nodes. A clone is a pointer.
#[derive(Debug, Clone)]
pub struct Rpc(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: RpcSettings,
    client: TrustedClient,
    breakers: Breakers,
    calls: Semaphore,
    ids: AtomicU64,
    /// When each node last said that it is on our chain.
    proven: Vec<Mutex<Option<Instant>>>,
}

/// One of them.
#[derive(Debug, Clone)]
pub struct Node {
    rpc: Rpc,
    at: usize,
}

/// The most that is read of one answer.
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How long a node's word on its chain is good for.
const PROVEN_FOR: Duration = Duration::from_mins(5);
/// Sooner than for strangers: a network of one node has no other.
const BREAKER: BreakerSettings =
    BreakerSettings { failures_max: 8, pause: Duration::from_secs(1), pause_max: Duration::from_secs(15), hosts_max: 64 };

impl Rpc {
    /// A client. Nothing is asked yet.
    ///
    /// # Errors
    /// Where the HTTP client can't be built.
    pub fn new(settings: RpcSettings) -> Result<Self, crate::net::Error> {
        let inner = Inner {
            client: TrustedClient::new()?,
            breakers: Breakers::new(BREAKER),
            calls: Semaphore::new(settings.calls_max.max(1)),
            ids: AtomicU64::new(1),
            proven: settings.urls.iter().map(|_| Mutex::new(None)).collect(),
            settings,
        };
        Ok(Self(Arc::new(inner)))
    }

    /// Its chain.
    pub fn network(&self) -> Network {
        self.0.settings.network
    }

    /// Its nodes, one by one.
    pub fn nodes(&self) -> impl Iterator<Item = Node> {
        (0..self.0.settings.urls.len()).map(|at| Node { rpc: self.clone(), at })
    }

    /// Whether a second node can be asked.
    pub fn has_two(&self) -> bool {
        self.0.settings.urls.len() > 1
    }

    /// Asks one node after the other until one answers, be it with a refusal.
    pub(crate) async fn any<T, F: Future<Output = Result<T, Error>>>(&self, ask: impl Fn(Node) -> F) -> Result<T, Error> {
        let mut failure = Error::Unanswered("no_node");
        for node in self.nodes() {
            match ask(node).await {
                Err(error @ (Error::Unanswered(_) | Error::Lying { .. } | Error::Disagreeing)) => failure = error,
                answer @ (Ok(_) | Err(Error::Refused { .. })) => return answer,
            }
        }
        Err(failure)
    }

    /// Asks until two nodes have answered, and takes only what both say. Where there is one node, its word has to do, and depth
    /// stands in for the second (F-X2).
    ///
    /// # Errors
    /// [`Error::Disagreeing`], or why fewer than two answered.
    pub async fn agreeing<T: PartialEq, F: Future<Output = Result<T, Error>>>(&self, ask: impl Fn(Node) -> F) -> Result<T, Error> {
        if !self.has_two() {
            return self.any(ask).await;
        }
        let mut first = None;
        let mut failure = Error::Unanswered("no_node");
        for node in self.nodes() {
            match (ask(node).await, first.take()) {
                (Ok(answer), None) => first = Some(answer),
                (Ok(answer), Some(other)) if answer == other => return Ok(answer),
                (Ok(_), Some(_)) => return Err(Error::Disagreeing),
                (Err(error), answer) => (failure, first) = (error, answer),
            }
        }
        Err(failure)
    }
}

impl Node {
    fn url(&self) -> Option<&Url> {
        self.rpc.0.settings.urls.get(self.at)
    }

    /// The node's host, for messages.
    pub fn host(&self) -> String {
        self.url().map_or_else(String::new, host_key)
    }

    /// One call, after the node's chain is known.
    async fn call<T: DeserializeOwned>(&self, method: &'static str, params: Value) -> Result<T, Error> {
        self.prove().await?;
        self.call_unproven(method, params).await
    }

    async fn prove(&self) -> Result<(), Error> {
        let Some(proven) = self.rpc.0.proven.get(self.at) else { return Err(Error::Unanswered("no_node")) };
        // A plain value: as good behind a poisoned lock.
        let last = *proven.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some_and(|at| at.elapsed() < PROVEN_FOR) {
            return Ok(());
        }
        let (expected, got) = (self.rpc.network().chain_id(), self.chain_id().await?);
        if got != expected {
            return Err(Error::Lying { expected, got });
        }
        *proven.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        Ok(())
    }

    /// What chain it says that it is on, asked afresh.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn chain_id(&self) -> Result<u64, Error> {
        let id: alloy_primitives::U64 = self.call_unproven("eth_chainId", Value::Array(Vec::new())).await?;
        Ok(id.to())
    }

    async fn call_unproven<T: DeserializeOwned>(&self, method: &'static str, params: Value) -> Result<T, Error> {
        let began = Instant::now();
        let answer = self.exchange(method, params).await;
        meters::call(method, began.elapsed(), &answer);
        if matches!(answer, Err(Error::Unanswered(_)))
            && let Some(proven) = self.rpc.0.proven.get(self.at)
        {
            // Who comes back after a failure may be somebody else.
            *proven.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        answer
    }

    async fn exchange<T: DeserializeOwned>(&self, method: &'static str, params: Value) -> Result<T, Error> {
        let inner = &self.rpc.0;
        let url = self.url().ok_or(Error::Unanswered("no_node"))?;
        let host = host_key(url);
        let pass = inner.breakers.admit(&host).map_err(|_paused| Error::Unanswered("paused"))?;
        let body = wire::request(inner.ids.fetch_add(1, Ordering::Relaxed), method, params);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let call = Outbound { method: Method::POST, url, headers, body, timeout: inner.settings.timeout, body_bytes_max: BODY_BYTES_MAX };
        // Closed never; and whoever waits here for too long is told so, as of a slow node.
        let line = tokio::time::timeout(inner.settings.timeout, inner.calls.acquire()).await;
        let _line = line.map_err(|_elapsed| Error::Unanswered("busy"))?.map_err(|_closed| Error::Unanswered("busy"))?;
        let answer = match inner.client.send(call).await {
            Ok(reply) => wire::answer(&reply),
            Err(error) => Err(Error::Unanswered(error.class())),
        };
        if matches!(answer, Err(Error::Unanswered(_))) {
            pass.failed();
        } else {
            pass.answered();
        }
        answer
    }
}
