//! The way to other nodes: questions about their shards, and requests of clients that are theirs to answer.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::question::{Failure, Question, Told};
use crate::net::relay::Relay;
use crate::net::{Outbound, TrustedClient};
use crate::shard::codec;
use crate::store::Peer;

/// By this a node proves to another that it is one.
pub const NODE_HEADER: HeaderName = HeaderName::from_static("x-enrich-node");
/// Where nodes ask one another.
pub const ASK_PATH: &str = "/internal/ask";
/// Every question is answered after this, or not at all.
const PATIENCE: Duration = Duration::from_secs(5);
/// The largest answer: a list of all live jobs of a shard.
const ANSWER_BYTES_MAX: usize = 256 << 20;

/// What nodes prove themselves to one another with.
#[derive(Debug, Clone)]
pub struct NodeSecret(SecretString);

impl NodeSecret {
    /// From the operator's secret, which is the same on all nodes and is never sent itself.
    pub fn new(secret: &SecretString) -> Self {
        use sha2::{Digest, Sha256};
        let proof = Sha256::new().chain_update(b"enrich-jobs node to node\0").chain_update(secret.expose_secret()).finalize();
        Self(SecretString::from(hex::encode(proof)))
    }

    /// The header's value.
    pub fn header(&self) -> HeaderValue {
        let mut value = HeaderValue::from_str(self.0.expose_secret()).unwrap_or(HeaderValue::from_static(""));
        value.set_sensitive(true);
        value
    }

    /// Whether a request comes from a node. In constant time.
    pub fn is_proved_by(&self, headers: &HeaderMap) -> bool {
        use subtle::ConstantTimeEq;
        let mut values = headers.get_all(NODE_HEADER).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return false };
        value.as_bytes().ct_eq(self.0.expose_secret().as_bytes()).into()
    }
}

/// The client for other nodes.
#[derive(Debug, Clone)]
pub struct Peers {
    client: TrustedClient,
    relay: Relay,
    secret: NodeSecret,
}

impl Peers {
    /// With what they prove themselves to one another.
    pub const fn new(client: TrustedClient, relay: Relay, secret: NodeSecret) -> Self {
        Self { client, relay, secret }
    }

    pub(super) const fn relay(&self) -> &Relay {
        &self.relay
    }

    /// What other nodes must show.
    pub const fn secret(&self) -> &NodeSecret {
        &self.secret
    }

    /// Asks a node about a shard that it holds. Without an answer, what was asked may have been done all the same.
    pub(in crate::actors) async fn ask(&self, peer: &Peer, question: &Question) -> Told {
        match self.exchange(peer, question).await {
            Ok(told) => told,
            Err(error) => {
                tracing::debug!(node = %peer.id, error, "another node gave no answer");
                Told::Failed(Failure::Unavailable)
            }
        }
    }

    async fn exchange(&self, peer: &Peer, question: &Question) -> Result<Told, String> {
        let url = Url::parse(&peer.url).and_then(|url| url.join(ASK_PATH)).map_err(|error| error.to_string())?;
        let headers = HeaderMap::from_iter([(NODE_HEADER, self.secret.header())]);
        let call = Outbound {
            method: Method::POST,
            url: &url,
            headers,
            body: Bytes::from(codec::encode(question)),
            timeout: PATIENCE,
            body_bytes_max: ANSWER_BYTES_MAX,
        };
        let reply = self.client.send(call).await.map_err(|error| error.to_string())?;
        if !reply.status.is_success() || reply.body.is_cut {
            return Err(format!("it answered {}", reply.status));
        }
        codec::decode(&reply.body.bytes).map_err(|error| error.to_string())
    }
}
