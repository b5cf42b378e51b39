//! The one reader of flags and environment: what can be set, what it must be, and what follows from it.
//!
//! Every option is a flag and a variable ([`Options`]), but for those of each network ([`networks`]); [`Options::check`] turns them into a [`Config`] whose parts are the
//! settings of the modules, so nothing below knows where a setting came from. Deliberately absent: a file of its own, and
//! variables of features that this version doesn't have, which are refused by name ([`later`]) instead of being ignored.

mod check;
pub mod effective;
pub mod explain;
pub mod later;
pub mod networks;
mod options;
mod receipt_keys;
pub mod unread;
mod values;
mod vendors;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

pub use self::networks::{NetworkSettings, Variables, WaySettings};
pub use self::options::{
    AdminClientOptions, DirectoryOptions, JobOptions, LimitOptions, ListenOptions, LogOptions, NetworkOptions, Options, PaymentOptions,
    PriceOptions, SealOptions, StoreOptions, VendorOptions,
};
pub use self::values::{LogFormat, NetworkList, StoreUrl, WalletList, key_bytes};
pub use self::vendors::{LlmOptions, SearchOptions};

use crate::enrich::cache::CacheSettings;
use crate::enrich::vendors::directory::DirectorySettings;
use crate::enrich::vendors::email::EmailSettings;
use crate::enrich::vendors::llm::LlmSettings;
use crate::enrich::vendors::noop::NoopSettings;
use crate::enrich::vendors::phone::PhoneSettings;
use crate::enrich::vendors::search::SearchSettings;
use crate::enrich::vendors::website::WebsiteSettings;
use crate::store::redis::Address;
use crate::types::{Reach, ServerKey, Timestamp};
use crate::{actors, http, store};

/// A setting that can't be used: ends the start with exit code 2.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {fault}")]
pub struct ConfigError {
    /// The variable.
    pub variable: String,
    /// What it must be, as the rest of a sentence.
    pub fault: String,
}

impl ConfigError {
    /// About this variable.
    pub fn new(variable: impl Into<String>, fault: impl Into<String>) -> Self {
        Self { variable: variable.into(), fault: fault.into() }
    }
}

/// What the server is built from.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where buyers come in; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Where operators come in.
    pub admin_listen: SocketAddr,
    /// What operators prove themselves with; without one, the start makes one and prints it.
    pub admin_token: Option<SecretString>,
    /// How the world reaches the server; without one, by the address it listens on.
    pub public_url: Option<String>,
    /// The store.
    pub store: StoreSettings,
    /// What its values are sealed with.
    pub seal: store::sealed::Keys,
    /// Without one, the key in the store's folder.
    pub server_key: Option<ServerKey>,
    /// Further keys of receipts, each with the time from which it signs.
    pub receipt_keys: Vec<(Timestamp, ServerKey)>,
    /// The public routes; their public URL is still the one that was set, or none.
    pub edge: http::Settings,
    /// What the public listener takes on.
    pub public_limits: http::Limits,
    /// What the operators' listener takes on.
    pub admin_limits: http::Limits,
    /// The node.
    pub node: actors::Settings,
    /// Where wallets can pay.
    pub networks: Vec<NetworkSettings>,
    /// Where callbacks may go.
    pub callback_reach: Reach,
    /// The operator's directory.
    pub directory: DirectorySettings,
    /// Pages of businesses.
    pub website: WebsiteSettings,
    /// Where pages may lie.
    pub website_reach: Reach,
    /// A web search, where there is one.
    pub search: Option<SearchSettings>,
    /// Phone numbers.
    pub phone: PhoneSettings,
    /// E-mail addresses.
    pub email: EmailSettings,
    /// A language model, where there is one.
    pub llm: Option<LlmSettings>,
    /// What of vendors' answers is kept.
    pub cache: CacheSettings,
    /// Instead of every vendor, for measuring.
    pub noop: Option<NoopSettings>,
}

/// Which store, and what it takes.
#[derive(Debug, Clone)]
pub enum StoreSettings {
    /// In a folder, for this process alone.
    Embedded(store::embedded::Settings),
    /// In Redis, for nodes that share it.
    Shared(Box<SharedSettings>),
}

/// One node of several.
#[derive(Debug, Clone)]
pub struct SharedSettings {
    /// Where the store is.
    pub address: Address,
    /// Number of shards of a store that is made now.
    pub shards: u16,
    /// Only where every write is synced.
    pub require_always: bool,
    /// What this node remembers.
    pub node_dir: PathBuf,
    /// Where other nodes reach it.
    pub advertise_url: String,
    /// What nodes prove themselves with.
    pub node_secret: SecretString,
    /// How long a shard is held without renewing.
    pub lease: Duration,
}
