//! Builds every part and wires them: the store, the vendors, the node, the listeners. And takes them down again in order.
//!
//! Deliberately absent: reading settings (that is `config`), and signals (that is `cli`).

mod files;
mod listeners;
mod networks;
mod open;

use std::net::SocketAddr;
use std::sync::Arc;

use secrecy::SecretString;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use self::listeners::url_of;

use self::listeners::{Listener, listen};
use self::open::Opened;
use crate::actors::{Node, Parts};
use crate::callbacks::Deliverer;
use crate::clock::{Clock, Random, SystemClock, SystemRandom};
use crate::config::Config;
use crate::enrich::cache::Cache;
use crate::enrich::lead_session::{Experience, LeadSession};
use crate::enrich::research::Tools;
use crate::enrich::vendors::directory::Directory;
use crate::enrich::vendors::email::{Email, EmailSettings};
use crate::enrich::vendors::line::Exchange;
use crate::enrich::vendors::llm::Llm;
use crate::enrich::vendors::noop::Noop;
use crate::enrich::vendors::phone::Phone;
use crate::enrich::vendors::search::Search;
use crate::enrich::vendors::website::{GuardedFetch, Website};
use crate::enrich::websearch::Websearch;
use crate::enrich::{Enricher, cache, phone, vendors};
use crate::net::{BreakerSettings, Breakers, GuardSettings, GuardedClient, LimitSettings, Limits, MailResolver, TrustedClient};
use crate::receipt::{KeyError, Keyring, Receipts};
use crate::store::Store;
use crate::store::redis::NodeFolder;
use crate::types::{Reach, Route};
use crate::{actors, chain, http, net, store};

/// A running server.
#[derive(Debug)]
pub struct App {
    addresses: Addresses,
    node: Node,
    store: Arc<dyn Store>,
    folder: Option<NodeFolder>,
    stop: CancellationToken,
    servers: Vec<JoinHandle<()>>,
}

/// Where a running server is reached, and by what operators.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// Of buyers.
    pub public: SocketAddr,
    /// How the world reaches it.
    pub public_url: String,
    /// Of operators.
    pub admin: SocketAddr,
    /// What operators prove themselves with.
    pub admin_token: SecretString,
    /// The start made the token, so somebody has to be told.
    pub is_token_made: bool,
}

/// Why the server can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A listener.
    #[error("can't listen on {address} ({variable})")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// Where it was asked for.
        variable: &'static str,
        /// Why not.
        source: std::io::Error,
    },
    /// The client for callbacks or pages.
    #[error(transparent)]
    Client(#[from] net::Error),
    /// A shard, or a lane.
    #[error(transparent)]
    Node(#[from] crate::actors::StartError),
    /// The keys of receipts.
    #[error("ENRICH_RECEIPT_KEYS {0}")]
    Keys(#[from] KeyError),
    /// The store's thread panicked at the start.
    #[error("opening the store ended early")]
    Opening,
}

impl App {
    /// Starts everything. When it returns the server answers.
    ///
    /// # Errors
    /// See [`StartError`]; nothing is left running then.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let (clock, random): (Arc<dyn Clock>, Arc<dyn Random>) = (Arc::new(SystemClock), Arc::new(SystemRandom));
        let Opened { store, key: server_key, peers, folder } =
            open::open(config.store.clone(), config.server_key.clone(), config.seal.clone()).await?;
        let public = listen(config.listen, "ENRICH_LISTEN").await?;
        let admin = listen(config.admin_listen, "ENRICH_ADMIN_LISTEN").await?;
        let public_url = config.public_url.clone().unwrap_or_else(|| listeners::url_of(public.address));
        let is_token_made = config.admin_token.is_none();
        let admin_token = config.admin_token.clone().unwrap_or_else(|| make_token(&*random));
        let addresses = Addresses { public: public.address, public_url, admin: admin.address, admin_token, is_token_made };
        let keys = Keyring::new(&server_key, &config.receipt_keys)?;
        let parts = Parts {
            store: Arc::clone(&store),
            clock: Arc::clone(&clock),
            random: Arc::clone(&random),
            server_key,
            receipts: Receipts::new(keys, config.public_url.as_deref()),
            enrichers: enrichers(&config, &addresses, (&clock, &random))?,
            deliverer: Deliverer::new(client(config.callback_reach, &addresses)?),
            peers,
            chains: networks::chains(&config.networks, &clock, &random)?,
            settings: config.node,
        };
        let node = Node::start(parts).await?;
        let stop = CancellationToken::new();
        let servers = serve(&config, &addresses, (public, admin), &node, (&clock, &*random), &stop);
        Ok(Self { addresses, node, store, folder, stop, servers })
    }

    /// Where it is reached.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Takes no new work, lets requests and jobs end for a few seconds, writes everything and lets go of the store (CP-28).
    pub async fn shutdown(self) {
        let (running, queued) = self.node.load();
        tracing::info!(running, queued, "shutting down");
        self.node.drain();
        self.stop.cancel();
        for server in self.servers {
            if server.await.is_err() {
                tracing::error!("a listener panicked");
            }
        }
        self.node.shutdown().await;
        self.store.close().await;
        // Its name may be another process's from here on.
        drop(self.folder);
        tracing::info!("all is written");
    }
}

fn make_token(random: &dyn Random) -> SecretString {
    SecretString::from(hex::encode(random.secret()))
}

/// What is sold.
fn enrichers(
    config: &Config,
    addresses: &Addresses,
    (clock, random): (&Arc<dyn Clock>, &Arc<dyn Random>),
) -> Result<Vec<Arc<dyn Enricher>>, net::Error> {
    if let Some(settings) = config.noop {
        tracing::warn!("VENDOR_NOOP is set: nobody is asked, and every job matches");
        return Ok(Route::ALL.map(|route| Arc::new(Noop::new(route, settings)) as Arc<dyn Enricher>).into());
    }
    // Takes a while, and not on the threads that serve; a number that comes earlier waits for it.
    drop(tokio::task::spawn_blocking(phone::load));
    let (limits, breakers) = (Limits::new(LimitSettings::default()), Breakers::new(BreakerSettings::default()));
    let fetch = GuardedFetch::new(client(config.website_reach, addresses)?, limits, breakers);
    let exchange = Exchange { client: TrustedClient::new()?, clock: Arc::clone(clock), random: Arc::clone(random) };
    let tools = Tools {
        directory: Some(Directory::new(config.directory.clone())),
        website: Some(Website::new(config.website, Arc::new(fetch))),
        search: config.search.clone().map(|settings| Search::new(settings, exchange.clone())),
        llm: config.llm.clone().map(|settings| Llm::new(settings, exchange)),
        phone: Some(Phone::new(config.phone)),
        email: mail(&config.email),
        cache: Cache::new(config.cache, random.as_ref()),
    };
    Ok(vec![Arc::new(Websearch::new(tools.clone())), Arc::new(LeadSession::new(tools, Experience::default()))])
}

/// Looks at addresses, where the system says whom to ask for names.
fn mail(settings: &EmailSettings) -> Option<Email> {
    match MailResolver::new(settings.resolver, settings.timeout) {
        Ok(resolver) => Some(Email::new(*settings, Arc::new(resolver))),
        Err(error) => {
            tracing::warn!(%error, "no e-mail address is looked at");
            None
        }
    }
}

/// A client for the URLs of strangers, which must not lead to this server itself (T-30).
fn client(reach: Reach, addresses: &Addresses) -> Result<GuardedClient, net::Error> {
    let own = [addresses.public.ip(), addresses.admin.ip()].into_iter().filter(|ip| !ip.is_unspecified() && !ip.is_loopback());
    GuardedClient::new(GuardSettings { reach, own: own.map(Into::into).collect(), contact: addresses.public_url.clone() })
}

/// Starts both listeners.
fn serve(
    config: &Config,
    addresses: &Addresses,
    (public, admin): (Listener, Listener),
    node: &Node,
    (clock, random): (&Arc<dyn Clock>, &dyn Random),
    stop: &CancellationToken,
) -> Vec<JoinHandle<()>> {
    let public_url = addresses.public_url.clone();
    let exposition = http::Exposition::install(stop.clone());
    // Before the routers, whose counters look for it.
    let exposition = exposition.map_err(|error| tracing::warn!(%error, "no metrics are kept")).ok();
    actors::meters::describe();
    chain::meters::describe();
    vendors::meters::describe();
    cache::meters::describe();
    store::describe_meters();
    let edge = http::Settings { public_url: public_url.clone(), ..config.edge.clone() };
    let admin_settings =
        http::AdminSettings { token: addresses.admin_token.clone(), public_url, max_timeout_seconds: config.node.max_timeout_seconds };
    let buyers = http::public_router(node.clone(), edge, Arc::clone(clock), random, stop.clone());
    let operators = http::admin_router(node.clone(), &admin_settings, exposition, random);
    let connections_max = files::connections_max(config.public_limits.connections_max);
    let public_limits = http::Limits { connections_max, ..config.public_limits.clone() };
    vec![
        tokio::spawn(http::serve(public.socket, buyers, public_limits, stop.clone())),
        tokio::spawn(http::serve(admin.socket, operators, config.admin_limits.clone(), stop.clone())),
    ]
}
