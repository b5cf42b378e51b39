//! Requests of clients that another node has to answer.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use url::Url;

use super::peers::NODE_HEADER;
use crate::actors::node::Node;
use crate::net::relay::{Answered, Relayed};
use crate::net::{self};
use crate::store::Peer;

/// The address of the client, as the node saw it that the client spoke to.
pub const CLIENT_HEADER: HeaderName = HeaderName::from_static("x-enrich-client");

/// A request as it came, its body read.
#[derive(Debug, Clone)]
pub struct Passed {
    /// Its method.
    pub method: Method,
    /// Its path with the query.
    pub path: String,
    /// Its headers, without those of one connection.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// Why there is no answer to pass back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotPassed {
    /// It did not arrive, so it can be passed on again.
    NeverArrived,
    /// It may have been carried out.
    Unknown,
}

impl Node {
    /// Whether other nodes may share the store.
    pub fn has_peers(&self) -> bool {
        self.inner.peers.is_some()
    }

    /// Whether a request comes from another node.
    pub fn is_from_node(&self, headers: &HeaderMap) -> bool {
        self.inner.peers.as_ref().is_some_and(|peers| peers.secret().is_proved_by(headers))
    }

    /// Passes a request on to the node that has to answer it.
    ///
    /// # Errors
    /// [`NotPassed`].
    pub async fn pass(&self, peer: &Peer, passed: &Passed, client: Option<HeaderValue>) -> Result<Answered, NotPassed> {
        let Some(peers) = &self.inner.peers else { return Err(NotPassed::NeverArrived) };
        let url = Url::parse(&peer.url).and_then(|url| url.join(&passed.path)).map_err(|error| {
            tracing::error!(node = %peer.id, %error, "the address of another node is none");
            NotPassed::NeverArrived
        })?;
        let mut headers = passed.headers.clone();
        headers.insert(NODE_HEADER, peers.secret().header());
        if let Some(client) = client {
            headers.insert(CLIENT_HEADER, client);
        }
        let request = Relayed { method: passed.method.clone(), url: &url, headers, body: passed.body.clone() };
        peers.relay().pass(request).await.map_err(|error| {
            tracing::debug!(node = %peer.id, %error, "a request was not passed on");
            if matches!(error, net::Error::Unreachable(_)) { NotPassed::NeverArrived } else { NotPassed::Unknown }
        })
    }
}
