//! From what was set to what the server is built from: the rules that take more than one setting, or more than its text.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use clap::builder::Resettable;
use clap::{Args, FromArgMatches};
use secrecy::{ExposeSecret, SecretString};

use super::receipt_keys;
use super::values::server_key;
use super::{Config, ConfigError, LimitOptions, Options, SharedSettings, StoreSettings, StoreUrl, Variables, networks};
use crate::billing::x402::Scheme;
use crate::billing::{Price, PriceList};
use crate::enrich::vendors::directory::DirectorySettings;
use crate::enrich::vendors::email::EmailSettings;
use crate::enrich::vendors::noop::NoopSettings;
use crate::enrich::vendors::phone::PhoneSettings;
use crate::enrich::vendors::website::WebsiteSettings;
use crate::http::settings::CEILING_MIN;
use crate::http::{Limits, Rate};
use crate::store::embedded;
use crate::types::{Reach, Usd};
use crate::{actors, http};

/// The least that a token beyond loopback must have (safety.md T-24).
const ADMIN_TOKEN_BYTES_MIN: usize = 32;

/// How long requests in flight are waited for at the end; jobs have their own time after it, and both fit into ten seconds.
const REQUEST_DRAIN: Duration = Duration::from_secs(2);

/// How long one query to the directory may take.
const DIRECTORY_TIMEOUT: Duration = Duration::from_secs(5);

/// A secret that can't be guessed.
const NODE_SECRET_BYTES_MIN: usize = 32;

impl Options {
    /// The defaults with these flags, whatever the environment says.
    ///
    /// # Errors
    /// The flag that can't be used.
    pub fn from_flags<'a>(flags: impl IntoIterator<Item = &'a str>) -> Result<Self, clap::Error> {
        let command = Self::augment_args(clap::Command::new(env!("CARGO_PKG_NAME")).no_binary_name(true));
        let command = command.mut_args(|argument| argument.env(Resettable::<clap::builder::OsStr>::Reset));
        Self::from_arg_matches(&command.try_get_matches_from(flags)?)
    }

    /// Checks what one text alone can't show, and sorts it by module. Networks that are named have their own variables, which are
    /// read from the environment.
    ///
    /// # Errors
    /// [`ConfigError`] with the variable.
    pub fn check(&self) -> Result<Config, ConfigError> {
        self.check_with(&Variables::of_process())
    }

    /// [`Self::check`], with these variables in place of the environment's.
    ///
    /// # Errors
    /// [`ConfigError`] with the variable.
    pub fn check_with(&self, variables: &Variables) -> Result<Config, ConfigError> {
        let admin_token = self.listen.admin_token.clone().filter(|token| !token.expose_secret().is_empty());
        check_admin(self.listen.admin_listen, admin_token.as_ref())?;
        let key = self.keys.secret_key.as_ref().filter(|key| !key.expose_secret().is_empty());
        let server_key = key.map(server_key).transpose().map_err(|fault| ConfigError::new("ENRICH_SECRET_KEY", fault))?;
        let receipt_keys = receipt_keys::read(self.keys.receipt_keys.as_ref())?;
        let jobs = &self.jobs;
        check_ceilings(jobs.job_bill_up_to_default_usd, jobs.job_bill_up_to_max_usd)?;
        let prices = self.prices();
        let max_timeout_seconds = jobs.job_queue_seconds.saturating_add(jobs.job_run_seconds).saturating_add(jobs.settle_margin_seconds);
        let networks = networks::read(&self.payments, variables)?;
        check_times(&networks, max_timeout_seconds)?;
        let shards = u16::try_from(self.keys.shards).map_err(|_| ConfigError::new("ENRICH_SHARDS", "must be at most 1024"))?;
        let vendors = &self.vendors;
        let noop = NoopSettings { cost: vendors.noop_cost_usd, delay: Duration::from_millis(u64::from(vendors.noop_delay_ms)) };
        let directory = self.directory.directory_path.clone();
        Ok(Config {
            listen: self.listen.listen,
            admin_listen: self.listen.admin_listen,
            admin_token,
            public_url: self.listen.public_url.clone(),
            store: self.store(shards, server_key.is_some())?,
            seal: self.seal.keys()?,
            server_key,
            receipt_keys,
            edge: self.edge(prices, max_timeout_seconds),
            public_limits: connections(self.limits.connections_max),
            admin_limits: connections(self.limits.admin_connections_max),
            node: actors::Settings {
                prices,
                slots: count(jobs.job_slots),
                run_ms: i64::from(jobs.job_run_seconds).saturating_mul(1000),
                queue_ms: i64::from(jobs.job_queue_seconds).saturating_mul(1000),
                max_timeout_seconds,
                job_retention_days: jobs.job_retention_days,
                newcomers: networks::newcomers(&self.payments),
                waive_below: self.payments.upto_waive_below_usd,
                drain_for: Duration::from_secs(u64::from(jobs.drain_seconds)),
            },
            networks,
            callback_reach: reach(jobs.callback_allow_loopback),
            directory: DirectorySettings { dir: directory, cost: vendors.directory_cost_usd, timeout: DIRECTORY_TIMEOUT },
            website: WebsiteSettings {
                cost: vendors.website_cost_usd,
                host_interval: Duration::from_millis(u64::from(vendors.website_host_interval_ms)),
                ..WebsiteSettings::default()
            },
            website_reach: reach(vendors.website_allow_loopback),
            search: self.search.check()?,
            phone: PhoneSettings { cost: vendors.phone_cost_usd },
            email: EmailSettings {
                cost: vendors.email_cost_usd,
                resolver: vendors.email_resolver,
                timeout: Duration::from_millis(u64::from(vendors.email_timeout_ms)),
            },
            llm: self.llm.check()?,
            cache: self.cache.settings(),
            noop: vendors.vendor_noop.then_some(noop),
        })
    }

    /// A shared store needs what all nodes must agree on.
    fn store(&self, shards: u16, has_server_key: bool) -> Result<StoreSettings, ConfigError> {
        let keys = &self.keys;
        let address = match &self.store.store {
            StoreUrl::Embedded(folder) => {
                return Ok(StoreSettings::Embedded(embedded::Settings { shards, ..embedded::Settings::new(folder) }));
            }
            StoreUrl::Redis(address) => address.clone(),
        };
        if !has_server_key {
            let what =
                "must be set with a shared store, the same on all nodes: 32 bytes in base64, as `openssl rand -base64 32` prints them";
            return Err(ConfigError::new("ENRICH_SECRET_KEY", what));
        }
        let Some(advertise_url) = keys.advertise_url.clone() else {
            let what = "must be set with a shared store: where other nodes reach this one's public listener, such as http://10.0.0.5:8411";
            return Err(ConfigError::new("ENRICH_ADVERTISE_URL", what));
        };
        let long_enough = |secret: &&SecretString| secret.expose_secret().len() >= NODE_SECRET_BYTES_MIN;
        let Some(node_secret) = keys.node_secret.as_ref().filter(long_enough).cloned() else {
            let what = "must be set with a shared store, the same on all nodes, to at least 32 bytes";
            return Err(ConfigError::new("ENRICH_NODE_SECRET", what));
        };
        Ok(StoreSettings::Shared(Box::new(SharedSettings {
            address,
            shards,
            require_always: keys.redis_require_aof.unwrap_or(false),
            node_dir: keys.node_dir.clone(),
            advertise_url,
            node_secret,
            lease: Duration::from_millis(u64::from(keys.lease_ms)),
        })))
    }

    fn prices(&self) -> PriceList {
        let prices = &self.prices;
        PriceList {
            websearch: Price {
                catalogue: prices.price_websearch_catalogue_usd,
                minimum: prices.price_websearch_minimum_usd,
                markup_bps: prices.price_websearch_markup_bps,
            },
            lead_session: Price {
                catalogue: prices.price_lead_session_catalogue_usd,
                minimum: prices.price_lead_session_minimum_usd,
                markup_bps: prices.price_lead_session_markup_bps,
            },
        }
    }

    fn edge(&self, prices: PriceList, max_timeout_seconds: u32) -> http::Settings {
        let LimitOptions { rate_submit_per_s, rate_submit_burst, rate_poll_per_s, rate_poll_burst, waiting_max, .. } = self.limits;
        http::Settings {
            public_url: self.listen.public_url.clone().unwrap_or_default(),
            ceiling_default: self.jobs.job_bill_up_to_default_usd,
            ceiling_max: self.jobs.job_bill_up_to_max_usd,
            prices,
            max_timeout_seconds,
            callback_allow_loopback: self.jobs.callback_allow_loopback,
            rate_submit: Rate { per_second: rate_submit_per_s, burst: rate_submit_burst },
            rate_poll: Rate { per_second: rate_poll_per_s, burst: rate_poll_burst },
            waiting_max: count(waiting_max),
            wallet_credit: self.payments.wallet_starting_credit_usd,
        }
    }
}

fn connections(max: u32) -> Limits {
    Limits { connections_max: count(max), drain_time: REQUEST_DRAIN, ..Limits::default() }
}

/// T-24: whoever reaches this listener beyond loopback must not get in by guessing.
fn check_admin(listen: SocketAddr, token: Option<&SecretString>) -> Result<(), ConfigError> {
    let bytes = token.map_or(0, |token| token.expose_secret().len());
    if token.is_some_and(|token| !token.expose_secret().bytes().all(|byte| byte.is_ascii_graphic())) {
        return Err(ConfigError::new("ENRICH_ADMIN_TOKEN", "must be visible ASCII characters without spaces, as a header needs them"));
    }
    if is_loopback(listen.ip()) || bytes >= ADMIN_TOKEN_BYTES_MIN {
        return Ok(());
    }
    let fault = format!(
        "must have at least {ADMIN_TOKEN_BYTES_MIN} bytes where ENRICH_ADMIN_LISTEN ({listen}) is beyond loopback: set one, or listen on 127.0.0.1"
    );
    Err(ConfigError::new("ENRICH_ADMIN_TOKEN", fault))
}

fn check_ceilings(default: Usd, max: Usd) -> Result<(), ConfigError> {
    if max < CEILING_MIN {
        return Err(ConfigError::new("ENRICH_JOB_BILL_UP_TO_MAX_USD", format!("must be at least {CEILING_MIN}")));
    }
    if default < CEILING_MIN || default > max {
        let fault = format!("must be from {CEILING_MIN} to ENRICH_JOB_BILL_UP_TO_MAX_USD, which is {max}");
        return Err(ConfigError::new("ENRICH_JOB_BILL_UP_TO_DEFAULT_USD", fault));
    }
    Ok(())
}

/// A wallet signs for as long as its scheme says, so a job must be over by then.
fn check_times(networks: &[networks::NetworkSettings], max_timeout_seconds: u32) -> Result<(), ConfigError> {
    let signed_for = Scheme::Upto.timeout_seconds();
    if networks.is_empty() || u64::from(max_timeout_seconds) <= signed_for {
        return Ok(());
    }
    let fault = format!(
        "must be less: with X402_NETWORKS it makes at most {signed_for} together with JOB_QUEUE_SECONDS and SETTLE_MARGIN_SECONDS, not {max_timeout_seconds}"
    );
    Err(ConfigError::new("JOB_RUN_SECONDS", fault))
}

fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

const fn reach(allow_loopback: bool) -> Reach {
    if allow_loopback { Reach::PublicAndLoopback } else { Reach::Public }
}

pub(super) fn count(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::NameServers;

    fn checked(flags: &[&str]) -> Result<Config, String> {
        Options::from_flags(flags.iter().copied()).unwrap().check().map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_are_those_of_the_contract() {
        let config = checked(&[]).unwrap();
        assert_eq!(
            (config.listen.to_string(), config.admin_listen.to_string()),
            ("127.0.0.1:8411".to_owned(), "127.0.0.1:9411".to_owned())
        );
        assert_eq!((config.edge.ceiling_default, config.edge.ceiling_max), (Usd::from_micros(1_500_000), Usd::from_micros(50_000_000)));
        assert_eq!((config.node.max_timeout_seconds, config.node.slots, config.node.run_ms), (1200, 64, 900_000));
        assert_eq!(config.node.prices, PriceList::default());
        assert!(matches!(config.store, StoreSettings::Embedded(embedded::Settings { shards: 16, .. })));
        assert_eq!((config.directory.cost, config.website.cost), (Usd::from_micros(10_000), Usd::from_micros(5000)));
        assert_eq!((config.phone, config.email), (PhoneSettings::default(), EmailSettings::default()));
        assert_eq!((config.callback_reach, config.website_reach, config.noop), (Reach::Public, Reach::Public, None));
        assert_eq!(config.website.host_interval, Duration::from_millis(200));
        assert_eq!(config.cache, crate::enrich::cache::CacheSettings::default());
        assert!(checked(&["--cache-seconds=0"]).unwrap().cache.keep.is_zero());
        assert!(checked(&["--website-host-interval-ms=0"]).unwrap().website.host_interval.is_zero());
        assert!(config.admin_token.is_none() && config.public_url.is_none() && config.server_key.is_none());
    }

    #[test]
    fn what_is_given_away_is_set() {
        let config = checked(&[]).unwrap();
        assert_eq!((config.edge.wallet_credit, config.node.waive_below), (Usd::ZERO, Usd::ZERO));
        assert_eq!(config.node.newcomers, crate::billing::x402::newcomers::BreakerPolicy::default());
        let flags = [
            "--wallet-starting-credit-usd=2.5",
            "--upto-waive-below-usd=0.01",
            "--upto-breaker-losses=0",
            "--upto-breaker-pause-seconds=7",
        ];
        let config = checked(&flags).unwrap();
        assert_eq!((config.edge.wallet_credit, config.node.waive_below), (Usd::from_micros(2_500_000), Usd::from_micros(10_000)));
        assert_eq!((config.node.newcomers.losses_max, config.node.newcomers.pause_ms), (0, 7_000));
    }

    #[test]
    fn three_settings_make_the_timeout() {
        let config = checked(&["--job-queue-seconds=1", "--job-run-seconds=20", "--settle-margin-seconds=300"]).unwrap();
        assert_eq!(config.node.max_timeout_seconds, 321);
    }

    /// T-24
    #[test]
    fn t24_beyond_loopback_only_with_a_long_token() {
        let long = "a".repeat(32);
        for listen in ["0.0.0.0:9411", "[::]:0", "10.0.0.1:9411"] {
            let refused = checked(&["--admin-listen", listen]).unwrap_err();
            assert!(refused.starts_with("ENRICH_ADMIN_TOKEN must have at least 32 bytes"), "{refused}");
            assert!(checked(&["--admin-listen", listen, "--admin-token", &long[1..]]).is_err());
            assert!(checked(&["--admin-listen", listen, "--admin-token", &long]).is_ok());
        }
        for listen in ["127.0.0.1:0", "[::1]:9411", "127.8.8.8:1", "[::ffff:127.0.0.1]:1"] {
            assert!(checked(&["--admin-listen", listen]).is_ok(), "{listen}");
        }
        let refused = checked(&["--admin-token", "two words"]).unwrap_err();
        assert!(refused.contains("visible ASCII") && !refused.contains("two words"), "{refused}");
        assert!(checked(&["--admin-token", ""]).unwrap().admin_token.is_none());
    }

    #[test]
    fn ceilings_must_fit_together() {
        let refused = checked(&["--job-bill-up-to-max-usd=1"]).unwrap_err();
        assert_eq!(refused, "ENRICH_JOB_BILL_UP_TO_DEFAULT_USD must be from 0.05 to ENRICH_JOB_BILL_UP_TO_MAX_USD, which is 1");
        assert!(checked(&["--job-bill-up-to-max-usd=0.04"]).unwrap_err().starts_with("ENRICH_JOB_BILL_UP_TO_MAX_USD"));
        assert!(checked(&["--job-bill-up-to-max-usd=1", "--job-bill-up-to-default-usd=0.05"]).is_ok());
    }

    #[test]
    fn a_name_server_can_be_named() {
        let config =
            checked(&["--email-resolver=127.0.0.1:5353", "--email-timeout-ms=250", "--email-cost-usd=0", "--phone-cost-usd=0.002"])
                .unwrap();
        let address = "127.0.0.1:5353".parse().unwrap();
        let email = EmailSettings { cost: Usd::ZERO, resolver: NameServers::At(address), timeout: Duration::from_millis(250) };
        assert_eq!((config.email, config.phone.cost), (email, Usd::from_micros(2000)));
        for wrong in ["--email-resolver=dns.example", "--email-resolver=1.1.1.1", "--email-resolver=1.1.1.1:0", "--email-timeout-ms=0"] {
            assert!(Options::from_flags([wrong]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn switches_take_a_value_or_none() {
        assert_eq!(checked(&["--website-allow-loopback"]).unwrap().website_reach, Reach::PublicAndLoopback);
        assert_eq!(checked(&["--website-allow-loopback=false"]).unwrap().website_reach, Reach::Public);
        assert!(checked(&["--vendor-noop", "--noop-delay-ms=5"]).unwrap().noop.is_some_and(|noop| noop.delay.as_millis() == 5));
    }
}
