//! Every option: its flag, its variable, its default, and what `--help` says of it.
#![allow(clippy::doc_markdown, reason = "`--help` shows these texts as they are")]

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use secrecy::{ExposeSecret, SecretString};

use super::ConfigError;
use super::values::{
    LogFormat, NetworkList, StoreUrl, WalletList, address, always, base_url, name_servers, released, seal_keys, secret, starting_credit,
    switch, usd, waived, whole,
};
use super::vendors::{CacheOptions, LlmOptions, SearchOptions};
use crate::net::NameServers;
use crate::store::sealed::Keys;
use crate::types::Usd;

/// All options of the server.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Listeners.
    #[command(flatten)]
    pub listen: ListenOptions,
    /// Where everything is kept.
    #[command(flatten)]
    pub store: StoreOptions,
    /// What it is sealed with.
    #[command(flatten)]
    pub seal: SealOptions,
    /// How a store is made and keyed.
    #[command(flatten)]
    pub keys: KeyOptions,
    /// Jobs.
    #[command(flatten)]
    pub jobs: JobOptions,
    /// Prices.
    #[command(flatten)]
    pub prices: PriceOptions,
    /// Payments by wallets.
    #[command(flatten)]
    pub payments: PaymentOptions,
    /// The directory.
    #[command(flatten)]
    pub directory: DirectoryOptions,
    /// Vendors.
    #[command(flatten)]
    pub vendors: VendorOptions,
    /// The web search.
    #[command(flatten)]
    pub search: SearchOptions,
    /// The language model.
    #[command(flatten)]
    pub llm: LlmOptions,
    /// The cache.
    #[command(flatten)]
    pub cache: CacheOptions,
    /// Limits.
    #[command(flatten)]
    pub limits: LimitOptions,
    /// Logs.
    #[command(flatten)]
    pub logs: LogOptions,
}

/// Where the server listens.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Listeners")]
pub struct ListenOptions {
    /// Where buyers come in; port 0 picks a free one
    #[arg(long, env = "ENRICH_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8411", value_parser = address)]
    pub listen: SocketAddr,
    /// Where operators come in; beyond loopback only with a token of at least 32 bytes
    #[arg(long, env = "ENRICH_ADMIN_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:9411", value_parser = address)]
    pub admin_listen: SocketAddr,
    /// What operators prove themselves with; without one, one is made and printed at the start
    #[arg(long, env = "ENRICH_ADMIN_TOKEN", value_name = "TOKEN", hide_env_values = true, value_parser = secret)]
    pub admin_token: Option<SecretString>,
    /// How the world reaches the server; without one, http:// and the address it listens on
    #[arg(long, env = "ENRICH_PUBLIC_URL", value_name = "URL", value_parser = base_url)]
    pub public_url: Option<String>,
}

/// Which store.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Store")]
pub struct StoreOptions {
    /// Where everything is kept: embedded:DIR for one process; redis://HOST:PORT, rediss:// or redis-cluster:// for nodes that share it
    #[arg(long, env = "ENRICH_STORE", value_name = "embedded:DIR|redis://…", default_value = "embedded:./data")]
    pub store: StoreUrl,
}

/// What the store is sealed with.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Store")]
pub struct SealOptions {
    /// What values in the store are encrypted with: 32 bytes in base64, or several, comma-separated. The first seals, all open;
    /// the word unsealed stands for no key, so that what was written without one can still be read
    #[arg(long, env = "ENRICH_SEAL_KEY", value_name = "KEYS", hide_env_values = true, value_parser = secret)]
    pub seal_key: Option<SecretString>,
}

impl SealOptions {
    /// The keys; without any, nothing is sealed.
    ///
    /// # Errors
    /// [`ConfigError`] where they can't be used.
    pub fn keys(&self) -> Result<Keys, ConfigError> {
        let given = self.seal_key.as_ref().filter(|keys| !keys.expose_secret().is_empty());
        let keys = given.map(seal_keys).transpose().map_err(|fault| ConfigError::new("ENRICH_SEAL_KEY", fault))?;
        Ok(keys.unwrap_or_else(Keys::none))
    }
}

/// How a store is made, and the server's key.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Store")]
pub struct KeyOptions {
    /// 32 bytes in base64, from which poll bearers, callback secrets and the key of receipts are derived; without it, the file secret.key in the
    /// store's folder, made at the first start
    #[arg(long, env = "ENRICH_SECRET_KEY", value_name = "BASE64", hide_env_values = true, value_parser = secret)]
    pub secret_key: Option<SecretString>,
    /// Further keys that sign receipts, each with the time from which it does: TIME=BASE64, comma-separated, 16 at most, as in
    /// 2027-01-01T00:00:00Z=…; jobs that ended before all of them are signed by the key of the secret key
    #[arg(long, env = "ENRICH_RECEIPT_KEYS", value_name = "LIST", hide_env_values = true, value_parser = secret)]
    pub receipt_keys: Option<SecretString>,
    /// Number of shards; only when a store is made
    #[arg(long, env = "ENRICH_SHARDS", value_name = "NUMBER", default_value = "16", value_parser = whole::<1, 1024>)]
    pub shards: u32,
    /// Where other nodes reach this one; needed with a shared store
    #[arg(long, env = "ENRICH_ADVERTISE_URL", value_name = "URL", value_parser = base_url)]
    pub advertise_url: Option<String>,
    /// What nodes prove themselves to one another with, at least 32 bytes, the same on all; needed with a shared store
    #[arg(long, env = "ENRICH_NODE_SECRET", value_name = "SECRET", hide_env_values = true, value_parser = secret)]
    pub node_secret: Option<SecretString>,
    /// What a node remembers of a shared store: its own name, and which store it has used
    #[arg(long, env = "ENRICH_NODE_DIR", value_name = "DIR", default_value = "./data/node")]
    pub node_dir: PathBuf,
    /// How long a node holds a shard without renewing it: so long others wait when it dies
    #[arg(long, env = "ENRICH_LEASE_MS", value_name = "MILLISECONDS", default_value = "5000", value_parser = whole::<500, 60_000>)]
    pub lease_ms: u32,
    /// always: refuse a Redis that doesn't sync every write before it answers
    #[arg(long, env = "REDIS_REQUIRE_AOF", value_name = "always", value_parser = always)]
    pub redis_require_aof: Option<bool>,
}

/// Jobs: their ceilings and their times.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Jobs")]
pub struct JobOptions {
    /// The most that a job's ceiling can be
    #[arg(long, env = "ENRICH_JOB_BILL_UP_TO_MAX_USD", value_name = "USD", default_value = "50.00", value_parser = usd)]
    pub job_bill_up_to_max_usd: Usd,
    /// The ceiling of a job that names none
    #[arg(long, env = "ENRICH_JOB_BILL_UP_TO_DEFAULT_USD", value_name = "USD", default_value = "1.50", value_parser = usd)]
    pub job_bill_up_to_default_usd: Usd,
    /// How many jobs run at a time; with 0 they are accepted and wait, until a start with more
    #[arg(long, env = "ENRICH_JOB_SLOTS", value_name = "NUMBER", default_value = "64", value_parser = whole::<0, 100_000>)]
    pub job_slots: u32,
    /// Told to buyers as part of max_timeout_seconds; a job on a balance waits as long as it must
    #[arg(long, env = "JOB_QUEUE_SECONDS", value_name = "SECONDS", default_value = "120", value_parser = whole::<0, 86_400>)]
    pub job_queue_seconds: u32,
    /// How long a run may take
    #[arg(long, env = "JOB_RUN_SECONDS", value_name = "SECONDS", default_value = "900", value_parser = whole::<1, 86_400>)]
    pub job_run_seconds: u32,
    /// How long a settlement may take; the third part of max_timeout_seconds
    #[arg(long, env = "SETTLE_MARGIN_SECONDS", value_name = "SECONDS", default_value = "180", value_parser = whole::<0, 86_400>)]
    pub settle_margin_seconds: u32,
    /// Ended jobs are removed after so many days
    #[arg(long, env = "JOB_RETENTION_DAYS", value_name = "DAYS", default_value = "30", value_parser = whole::<1, 36_500>)]
    pub job_retention_days: u32,
    /// How long a shutdown waits for running jobs before it leaves them to the next start
    #[arg(long, env = "ENRICH_DRAIN_SECONDS", value_name = "SECONDS", default_value = "5", value_parser = whole::<0, 6>)]
    pub drain_seconds: u32,
    /// Let callbacks go to this machine over http: for development
    #[arg(long, env = "ENRICH_CALLBACK_ALLOW_LOOPBACK", value_name = "BOOL", default_value = "false", default_missing_value = "true",
          num_args = 0..=1, require_equals = true, action = clap::ArgAction::Set, value_parser = switch)]
    pub callback_allow_loopback: bool,
}

/// The price table.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Prices")]
pub struct PriceOptions {
    /// What the catalogue shows for a lead session
    #[arg(long, env = "PRICE_LEAD_SESSION_CATALOGUE_USD", value_name = "USD", default_value = "1.50", value_parser = usd)]
    pub price_lead_session_catalogue_usd: Usd,
    /// The least that a lead session with a match is charged
    #[arg(long, env = "PRICE_LEAD_SESSION_MINIMUM_USD", value_name = "USD", default_value = "0", value_parser = usd)]
    pub price_lead_session_minimum_usd: Usd,
    /// Added to the vendors' cost of a lead session, in basis points (1/100 of a percent)
    #[arg(long, env = "PRICE_LEAD_SESSION_MARKUP_BPS", value_name = "NUMBER", default_value = "0", value_parser = whole::<0, 1_000_000>)]
    pub price_lead_session_markup_bps: u32,
    /// What the catalogue shows for a websearch
    #[arg(long, env = "PRICE_WEBSEARCH_CATALOGUE_USD", value_name = "USD", default_value = "1.00", value_parser = usd)]
    pub price_websearch_catalogue_usd: Usd,
    /// The least that a websearch with a match is charged
    #[arg(long, env = "PRICE_WEBSEARCH_MINIMUM_USD", value_name = "USD", default_value = "0", value_parser = usd)]
    pub price_websearch_minimum_usd: Usd,
    /// Added to the vendors' cost, in hundredths of a percent
    #[arg(long, env = "PRICE_WEBSEARCH_MARKUP_BPS", value_name = "NUMBER", default_value = "0", value_parser = whole::<0, 1_000_000>)]
    pub price_websearch_markup_bps: u32,
}

/// Payments by wallets: where they are taken, how much credit they get, and how charges are settled.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Payments (x402)")]
pub struct PaymentOptions {
    /// Where.
    #[command(flatten)]
    pub networks: NetworkOptions,
    /// The most that one wallet may have signed for and not paid yet
    #[arg(long, env = "UPTO_MAX_EXPOSURE_USD", value_name = "USD", default_value = "100.00", value_parser = usd)]
    pub upto_max_exposure_usd: Usd,
    /// The same for a wallet that no settlement went well for yet
    #[arg(long, env = "UPTO_UNPROVEN_EXPOSURE_USD", value_name = "USD", default_value = "50.00", value_parser = usd)]
    pub upto_unproven_exposure_usd: Usd,
    /// The same for all such wallets together
    #[arg(long, env = "UPTO_UNPROVEN_TOTAL_USD", value_name = "USD", default_value = "500.00", value_parser = usd)]
    pub upto_unproven_total_usd: Usd,
    /// Losses by wallets that never paid before which pause all such wallets for a while; 0 never does
    #[arg(long, env = "UPTO_BREAKER_LOSSES", value_name = "NUMBER", default_value = "5", value_parser = whole::<0, 1000>)]
    pub upto_breaker_losses: u32,
    /// Within so many seconds
    #[arg(long, env = "UPTO_BREAKER_WINDOW_SECONDS", value_name = "SECONDS", default_value = "600", value_parser = whole::<1, 86_400>)]
    pub upto_breaker_window_seconds: u32,
    /// How long they are paused
    #[arg(long, env = "UPTO_BREAKER_PAUSE_SECONDS", value_name = "SECONDS", default_value = "900", value_parser = whole::<1, 86_400>)]
    pub upto_breaker_pause_seconds: u32,
    /// Wallets with code that may pay, comma-separated; all others have none
    #[arg(long, env = "UPTO_ALLOWED_CONTRACTS", value_name = "ADDRESSES")]
    pub upto_allowed_contracts: Option<WalletList>,
    /// Send along what wallets that have paid before sign for Permit2 (EIP-2612), so that they need no allowance and no gas
    #[arg(long, env = "UPTO_SPONSOR_ALLOWANCE", value_name = "BOOL", default_value = "false", default_missing_value = "true",
          num_args = 0..=1, require_equals = true, action = clap::ArgAction::Set, value_parser = switch)]
    pub upto_sponsor_allowance: bool,
    /// When a result is shown: once its charge is settled
    #[arg(long, env = "UPTO_RELEASE", value_name = "settled", default_value = "settled", value_parser = released)]
    pub upto_release: String,
    /// Charges by upto below this are waived: what settling them takes would be more
    #[arg(long, env = "UPTO_WAIVE_BELOW_USD", value_name = "USD", default_value = "0", value_parser = waived)]
    pub upto_waive_below_usd: Usd,
    /// What the agent of a wallet that signs in starts with, once per wallet
    #[arg(long, env = "WALLET_STARTING_CREDIT_USD", value_name = "USD", default_value = "0", value_parser = starting_credit)]
    pub wallet_starting_credit_usd: Usd,
    /// How long a charge waits for others to be settled with
    #[arg(long, env = "SETTLE_LINGER_MS", value_name = "MS", default_value = "1000", value_parser = whole::<0, 60_000>)]
    pub settle_linger_ms: u32,
    /// Charges in one transaction of a settler
    #[arg(long, env = "SETTLE_BATCH_MAX", value_name = "NUMBER", default_value = "25", value_parser = whole::<1, 25>)]
    pub settle_batch_max: u32,
    /// Blocks, its own included, after which a settlement is booked as final
    #[arg(long, env = "CONFIRMATIONS", value_name = "NUMBER", default_value = "1", value_parser = whole::<1, 1000>)]
    pub confirmations: u32,
    /// A charge whose settlement would fail for so long is given up, and its wallet owes it
    #[arg(long, env = "SETTLE_GIVE_UP_SECONDS", value_name = "SECONDS", default_value = "30", value_parser = whole::<1, 600>)]
    pub settle_give_up_seconds: u32,
    /// No payment is taken on a chain without a new block for so long; without it, blocks may be as rare as they like
    #[arg(long, env = "CHAIN_STALL_SECONDS", value_name = "SECONDS", value_parser = whole::<1, 86_400>)]
    pub chain_stall_seconds: Option<u32>,
}

/// On which networks wallets pay.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Payments (x402)")]
pub struct NetworkOptions {
    /// Networks where wallets can pay, by their CAIP-2 names, comma-separated, such as eip155:8453. Each has variables of its
    /// own, such as X402_EIP155_8453_RPC_URL; docs/operating.md lists them
    #[arg(long, env = "X402_NETWORKS", value_name = "NETWORKS")]
    pub x402_networks: Option<NetworkList>,
}

/// Where the directory lies.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Vendors")]
pub struct DirectoryOptions {
    /// The folder that import-directory writes to
    #[arg(long = "directory-path", env = "VENDOR_DIRECTORY_PATH", value_name = "DIR", default_value = "./data/directory")]
    pub directory_path: PathBuf,
}

/// What vendors cost, and where pages may lie.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Vendors")]
pub struct VendorOptions {
    /// A query to the directory
    #[arg(long, env = "VENDOR_DIRECTORY_COST_USD", value_name = "USD", default_value = "0.01", value_parser = usd)]
    pub directory_cost_usd: Usd,
    /// A page of a website
    #[arg(long, env = "VENDOR_WEBSITE_COST_USD", value_name = "USD", default_value = "0.005", value_parser = usd)]
    pub website_cost_usd: Usd,
    /// The least time between two requests to one host; 0 is none
    #[arg(long, env = "VENDOR_WEBSITE_HOST_INTERVAL_MS", value_name = "MS", default_value = "200", value_parser = whole::<0, 5000>)]
    pub website_host_interval_ms: u32,
    /// Let websites lie on this machine: for development
    #[arg(long, env = "VENDOR_WEBSITE_ALLOW_LOOPBACK", value_name = "BOOL", default_value = "false", default_missing_value = "true",
          num_args = 0..=1, require_equals = true, action = clap::ArgAction::Set, value_parser = switch)]
    pub website_allow_loopback: bool,
    /// A phone number that is read
    #[arg(long, env = "VENDOR_PHONE_COST_USD", value_name = "USD", default_value = "0", value_parser = usd)]
    pub phone_cost_usd: Usd,
    /// An e-mail address that is checked or derived
    #[arg(long, env = "VENDOR_EMAIL_COST_USD", value_name = "USD", default_value = "0.001", value_parser = usd)]
    pub email_cost_usd: Usd,
    /// Who is asked where mail goes: system, or one name server as IP:PORT
    #[arg(long, env = "VENDOR_EMAIL_RESOLVER", value_name = "RESOLVER", default_value = "system", value_parser = name_servers)]
    pub email_resolver: NameServers,
    /// How long name servers have for all questions about one domain
    #[arg(long, env = "VENDOR_EMAIL_TIMEOUT_MS", value_name = "MS", default_value = "5000", value_parser = whole::<100, 60_000>)]
    pub email_timeout_ms: u32,
    /// Ask nobody and always match: for measuring, never for selling
    #[arg(long, env = "VENDOR_NOOP", value_name = "BOOL", default_value = "false", default_missing_value = "true",
          num_args = 0..=1, require_equals = true, action = clap::ArgAction::Set, value_parser = switch)]
    pub vendor_noop: bool,
    /// What the noop vendor's one hop costs
    #[arg(long, env = "VENDOR_NOOP_COST_USD", value_name = "USD", default_value = "0.01", value_parser = usd)]
    pub noop_cost_usd: Usd,
    /// How long the noop vendor's one hop takes
    #[arg(long, env = "VENDOR_NOOP_DELAY_MS", value_name = "MS", default_value = "0", value_parser = whole::<0, 86_400_000>)]
    pub noop_delay_ms: u32,
}

/// How often callers may come, and how much there may be at a time.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitOptions {
    /// Submits a second of one agent or address; 0 is no limit
    #[arg(long, env = "RATE_SUBMIT_PER_S", value_name = "NUMBER", default_value = "200", value_parser = whole::<0, 1_000_000>)]
    pub rate_submit_per_s: u32,
    /// Submits at once
    #[arg(long, env = "RATE_SUBMIT_BURST", value_name = "NUMBER", default_value = "1000", value_parser = whole::<1, 1_000_000>)]
    pub rate_submit_burst: u32,
    /// Polls, replays and cancels a second of one agent or address; 0 is no limit
    #[arg(long, env = "RATE_POLL_PER_S", value_name = "NUMBER", default_value = "2000", value_parser = whole::<0, 1_000_000>)]
    pub rate_poll_per_s: u32,
    /// Polls at once
    #[arg(long, env = "RATE_POLL_BURST", value_name = "NUMBER", default_value = "5000", value_parser = whole::<1, 1_000_000>)]
    pub rate_poll_burst: u32,
    /// Open connections of buyers; fewer where the process may not open so many files (`ulimit -n`)
    #[arg(long, env = "ENRICH_CONNECTIONS_MAX", value_name = "NUMBER", default_value = "16384", value_parser = whole::<1, 1_000_000>)]
    pub connections_max: u32,
    /// Open connections of operators
    #[arg(long, env = "ENRICH_ADMIN_CONNECTIONS_MAX", value_name = "NUMBER", default_value = "256", value_parser = whole::<1, 100_000>)]
    pub admin_connections_max: u32,
    /// Polls that wait and event streams that are open at a time
    #[arg(long, env = "ENRICH_WAITING_MAX", value_name = "NUMBER", default_value = "4096", value_parser = whole::<0, 1_000_000>)]
    pub waiting_max: u32,
    /// Threads that serve; without it, one for each core
    #[arg(long, env = "ENRICH_WORKER_THREADS", value_name = "NUMBER", value_parser = whole::<1, 1024>)]
    pub worker_threads: Option<u32>,
}

/// What is logged, to standard error.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Logs")]
pub struct LogOptions {
    /// How much: error, warn, info, debug, or by module as in info,enrich_jobs::net=debug
    #[arg(long, env = "ENRICH_LOG", value_name = "FILTER", default_value = "info")]
    pub log: String,
    /// text or json; without it, text on a terminal and else json
    #[arg(long, env = "ENRICH_LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
}

/// How a command reaches the operators' listener of a running server.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Server")]
pub struct AdminClientOptions {
    /// The operators' listener
    #[arg(long, env = "ENRICH_ADMIN_URL", value_name = "URL", value_parser = base_url)]
    pub admin_url: Option<String>,
    /// Its address, where no URL is given
    #[arg(long, env = "ENRICH_ADMIN_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:9411", value_parser = address)]
    pub admin_listen: SocketAddr,
    /// The operators' token
    #[arg(long, env = "ENRICH_ADMIN_TOKEN", value_name = "TOKEN", hide_env_values = true, value_parser = secret)]
    pub admin_token: Option<SecretString>,
}
