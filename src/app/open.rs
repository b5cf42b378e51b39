//! Opens the store, with what this node needs to share it.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretBox};

use super::StartError;
use crate::actors::{NodeSecret, Peers};
use crate::clock::{Random, SystemClock, SystemRandom};
use crate::config::{SharedSettings, StoreSettings};
use crate::net::TrustedClient;
use crate::net::relay::Relay;
use crate::store::redis::{self, NodeFolder};
use crate::store::sealed::Keys;
use crate::store::{Embedded, Peer, Redis, Sealed, Store, embedded};
use crate::types::ServerKey;

/// An open store.
pub(super) struct Opened {
    pub(super) store: Arc<dyn Store>,
    pub(super) key: ServerKey,
    /// The way to the nodes that share it.
    pub(super) peers: Option<Peers>,
    /// Held as long as the node lives.
    pub(super) folder: Option<NodeFolder>,
}

pub(super) async fn open(settings: StoreSettings, key: Option<ServerKey>, seal: Keys) -> Result<Opened, StartError> {
    match (settings, key) {
        (StoreSettings::Embedded(settings), key) => embedded(settings, key, seal).await,
        (StoreSettings::Shared(settings), Some(key)) => shared(*settings, key, seal).await,
        // The settings were checked.
        (StoreSettings::Shared(_), None) => Err(StartError::Opening),
    }
}

/// Outside of the runtime's threads, since store and key both read and write files.
async fn embedded(settings: embedded::Settings, key: Option<ServerKey>, seal: Keys) -> Result<Opened, StartError> {
    let opened = tokio::task::spawn_blocking(move || {
        let store = Embedded::open(&settings, &SystemClock, &SystemRandom)?;
        let key = match key {
            Some(key) => key,
            None => server_key(&embedded::secret_key(&settings.path, &SystemRandom)?),
        };
        let id = store.id().to_owned();
        Ok(Opened { store: sealed(store, &id, seal), key, peers: None, folder: None })
    });
    opened.await.map_err(|_| StartError::Opening)?
}

async fn shared(settings: SharedSettings, key: ServerKey, seal: Keys) -> Result<Opened, StartError> {
    let SharedSettings { address, shards, require_always, node_dir, advertise_url, node_secret, lease } = settings;
    let opening = tokio::task::spawn_blocking(move || {
        let folder = NodeFolder::open(&node_dir, &SystemRandom)?;
        let known = folder.known_store()?;
        Ok::<_, crate::store::Error>((folder, known))
    });
    let (folder, known) = opening.await.map_err(|_| StartError::Opening)??;
    let node = Peer { id: folder.id().clone(), url: advertise_url };
    let mut drawn = [0; 16];
    SystemRandom.fill(&mut drawn);
    let settings = redis::Settings { address, shards, require_always, known, node, lease, tail: Some(folder.tail()) };
    let store = Redis::open(&settings, &hex::encode(drawn)).await?;
    folder.remember(store.id())?;
    tracing::info!(node = %folder.id(), store = store.id(), "this node shares a store");
    let peers = Peers::new(TrustedClient::new()?, Relay::new()?, NodeSecret::new(&node_secret));
    let id = store.id().to_owned();
    Ok(Opened { store: sealed(store, &id, seal), key, peers: Some(peers), folder: Some(folder) })
}

/// Without a key nothing is sealed, and a value that is says so instead of looking damaged.
fn sealed(store: impl Store + 'static, id: &str, keys: Keys) -> Arc<dyn Store> {
    Arc::new(Sealed::new(Arc::new(store), id, keys))
}

fn server_key(bytes: &SecretBox<[u8; 32]>) -> ServerKey {
    ServerKey::new(*bytes.expose_secret())
}
