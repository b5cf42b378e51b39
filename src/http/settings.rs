//! What the edge needs to know from the configuration.

use secrecy::SecretString;

use crate::billing::PriceList;
use crate::types::Usd;

/// The least that a ceiling can be.
pub const CEILING_MIN: Usd = Usd::from_micros(50_000);

/// Of the public listener.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How the world reaches this server: scheme, host and port, without a slash at the end.
    pub public_url: String,
    /// The ceiling of a job that names none.
    pub ceiling_default: Usd,
    /// The most that a ceiling can be.
    pub ceiling_max: Usd,
    /// What it costs, for the documents.
    pub prices: PriceList,
    /// How long a job may take in all, as told to buyers.
    pub max_timeout_seconds: u32,
    /// Callbacks to this machine's loopback are allowed: for development.
    pub callback_allow_loopback: bool,
    /// Submits, and other requests that change something.
    pub rate_submit: Rate,
    /// Polls, replays and cancels.
    pub rate_poll: Rate,
    /// What the agent of a wallet starts with, once per wallet.
    pub wallet_credit: Usd,
    /// How many polls may wait and event streams be open at a time. Beyond it a poll answers at once and a stream is refused.
    pub waiting_max: usize,
}

/// How often one caller may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// In the long run; 0 switches the limit off.
    pub per_second: u32,
    /// At once.
    pub burst: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            public_url: "http://127.0.0.1:8411".to_owned(),
            ceiling_default: Usd::from_micros(1_500_000),
            ceiling_max: Usd::from_micros(50_000_000),
            prices: PriceList::default(),
            max_timeout_seconds: 1200,
            callback_allow_loopback: false,
            rate_submit: Rate { per_second: 200, burst: 1000 },
            rate_poll: Rate { per_second: 2000, burst: 5000 },
            wallet_credit: Usd::ZERO,
            waiting_max: 4096,
        }
    }
}

/// Of the operators' listener.
#[derive(Debug, Clone)]
pub struct AdminSettings {
    /// What operators prove themselves with.
    pub token: SecretString,
    /// As in [`Settings::public_url`], for the `type` of problems.
    pub public_url: String,
    /// As in [`Settings::max_timeout_seconds`], for the view of jobs.
    pub max_timeout_seconds: u32,
}
