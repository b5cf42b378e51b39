//! Vendors behind HTTP APIs: what can be set of them, and what must fit together.
#![allow(clippy::doc_markdown, rustdoc::bare_urls, reason = "`--help` shows these texts as they are")]

use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use super::ConfigError;
use super::check::count;
use super::values::{base_url, secret, switch, usd, whole};
use crate::enrich::cache::CacheSettings;
use crate::enrich::vendors::llm::{LlmSettings, PriceSheet, TokensField};
use crate::enrich::vendors::search::{SearchKind, SearchSettings};
use crate::types::Usd;

/// The web search.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Vendors")]
pub struct SearchOptions {
    /// The base URL of a web search; without it, none is asked
    #[arg(long, env = "VENDOR_SEARCH_URL", value_name = "URL", value_parser = base_url)]
    pub search_url: Option<String>,
    /// Whose format it speaks: searxng or brave
    #[arg(long, env = "VENDOR_SEARCH_KIND", value_name = "KIND", default_value = "searxng")]
    pub search_kind: SearchKind,
    /// Brave's subscription token, or a bearer for whoever stands before a SearXNG; beyond this machine only over https
    #[arg(long, env = "VENDOR_SEARCH_KEY", value_name = "KEY", hide_env_values = true, value_parser = secret)]
    pub search_key: Option<SecretString>,
    /// A web search
    #[arg(long, env = "VENDOR_SEARCH_COST_USD", value_name = "USD", default_value = "0.01", value_parser = usd)]
    pub search_cost_usd: Usd,
    /// How long one web search may take, repeats included
    #[arg(long, env = "VENDOR_SEARCH_TIMEOUT_MS", value_name = "MS", default_value = "10000", value_parser = whole::<100, 600_000>)]
    pub search_timeout_ms: u32,
    /// Web searches at once; more wait
    #[arg(long, env = "VENDOR_SEARCH_CONCURRENCY", value_name = "NUMBER", default_value = "16", value_parser = whole::<1, 10_000>)]
    pub search_concurrency: u32,
}

/// What vendors said of late.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Cache")]
pub struct CacheOptions {
    /// For how long an answer of a vendor will do for the same question; 0 keeps none
    #[arg(long, env = "ENRICH_CACHE_SECONDS", value_name = "SECONDS", default_value = "86400", value_parser = whole::<0, 2_592_000>)]
    pub cache_seconds: u32,
    /// The most that all answers take in memory
    #[arg(long, env = "ENRICH_CACHE_MB", value_name = "MB", default_value = "64", value_parser = whole::<1, 65_536>)]
    pub cache_mb: u32,
}

impl CacheOptions {
    pub(super) fn settings(&self) -> CacheSettings {
        CacheSettings { keep: Duration::from_secs(u64::from(self.cache_seconds)), bytes_max: u64::from(self.cache_mb) << 20 }
    }
}

/// The language model.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Vendors")]
pub struct LlmOptions {
    /// The base URL of a language model, for instance one that ends in /v1: /chat/completions is put behind it; without it, none
    /// is asked
    #[arg(long, env = "VENDOR_LLM_URL", value_name = "URL", value_parser = base_url)]
    pub llm_url: Option<String>,
    /// Its bearer; beyond this machine only over https
    #[arg(long, env = "VENDOR_LLM_KEY", value_name = "KEY", hide_env_values = true, value_parser = secret)]
    pub llm_key: Option<SecretString>,
    /// Which model
    #[arg(long, env = "VENDOR_LLM_MODEL", value_name = "NAME")]
    pub llm_model: Option<String>,
    /// A million tokens that are sent; 0 where they cost nothing
    #[arg(long, env = "VENDOR_LLM_INPUT_USD_PER_MTOK", value_name = "USD", value_parser = usd)]
    pub llm_input_usd_per_mtok: Option<Usd>,
    /// A million tokens that are answered; 0 where they cost nothing
    #[arg(long, env = "VENDOR_LLM_OUTPUT_USD_PER_MTOK", value_name = "USD", value_parser = usd)]
    pub llm_output_usd_per_mtok: Option<Usd>,
    /// What the server calls the limit of an answer: max_tokens or max_completion_tokens
    #[arg(long, env = "VENDOR_LLM_LIMIT_NAME", value_name = "NAME", default_value = "max_tokens")]
    pub llm_limit_name: TokensField,
    /// Send temperature 0 and a seed; false for models that refuse them
    #[arg(long, env = "VENDOR_LLM_DETERMINISTIC", value_name = "BOOL", default_value = "true", default_missing_value = "true",
          num_args = 0..=1, require_equals = true, action = clap::ArgAction::Set, value_parser = switch)]
    pub llm_deterministic: bool,
    /// How long one completion may take, repeats included
    #[arg(long, env = "VENDOR_LLM_TIMEOUT_MS", value_name = "MS", default_value = "60000", value_parser = whole::<100, 600_000>)]
    pub llm_timeout_ms: u32,
    /// Completions at once; more wait
    #[arg(long, env = "VENDOR_LLM_CONCURRENCY", value_name = "NUMBER", default_value = "16", value_parser = whole::<1, 10_000>)]
    pub llm_concurrency: u32,
}

impl FromStr for TokensField {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "max_tokens" => Ok(Self::MaxTokens),
            "max_completion_tokens" => Ok(Self::MaxCompletionTokens),
            _ => Err("must be max_tokens or max_completion_tokens".to_owned()),
        }
    }
}

impl FromStr for SearchKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "searxng" => Ok(Self::Searxng),
            "brave" => Ok(Self::Brave),
            _ => Err("must be searxng or brave".to_owned()),
        }
    }
}

/// The variables of one vendor that belong together.
struct Reached<'a> {
    url_variable: &'static str,
    url: Option<&'a str>,
    key_variable: &'static str,
    key: Option<&'a SecretString>,
}

impl SearchOptions {
    /// # Errors
    /// [`ConfigError`] with the variable.
    pub(super) fn check(&self) -> Result<Option<SearchSettings>, ConfigError> {
        let reached = Reached {
            url_variable: "VENDOR_SEARCH_URL",
            url: self.search_url.as_deref(),
            key_variable: "VENDOR_SEARCH_KEY",
            key: self.search_key.as_ref(),
        };
        let Some((url, key)) = reached.check()? else { return Ok(None) };
        if self.search_kind == SearchKind::Brave && key.is_none() {
            return Err(ConfigError::new("VENDOR_SEARCH_KEY", "must be set where VENDOR_SEARCH_KIND is brave"));
        }
        Ok(Some(SearchSettings {
            kind: self.search_kind,
            url,
            key,
            cost: self.search_cost_usd,
            timeout: millis(self.search_timeout_ms),
            concurrency: count(self.search_concurrency),
        }))
    }
}

impl LlmOptions {
    /// # Errors
    /// [`ConfigError`] with the variable.
    pub(super) fn check(&self) -> Result<Option<LlmSettings>, ConfigError> {
        let reached = Reached {
            url_variable: "VENDOR_LLM_URL",
            url: self.llm_url.as_deref(),
            key_variable: "VENDOR_LLM_KEY",
            key: self.llm_key.as_ref(),
        };
        let Some((url, key)) = reached.check()? else { return Ok(None) };
        let missing = |variable: &str| ConfigError::new(variable, "must be set where VENDOR_LLM_URL is");
        let model = self.llm_model.clone().filter(|model| !model.is_empty()).ok_or_else(|| missing("VENDOR_LLM_MODEL"))?;
        // No default: a price that nobody set would be wrong for nearly every model, and unseen.
        let prices = PriceSheet {
            input_per_mtok: self.llm_input_usd_per_mtok.ok_or_else(|| missing("VENDOR_LLM_INPUT_USD_PER_MTOK"))?,
            output_per_mtok: self.llm_output_usd_per_mtok.ok_or_else(|| missing("VENDOR_LLM_OUTPUT_USD_PER_MTOK"))?,
        };
        Ok(Some(LlmSettings {
            url,
            key,
            model,
            prices,
            tokens_field: self.llm_limit_name,
            is_deterministic: self.llm_deterministic,
            timeout: millis(self.llm_timeout_ms),
            concurrency: count(self.llm_concurrency),
        }))
    }
}

impl Reached<'_> {
    /// Where it is, if anywhere, and with which key. A key never goes over a network in the clear.
    fn check(&self) -> Result<Option<(Url, Option<SecretString>)>, ConfigError> {
        let key = self.key.filter(|key| !key.expose_secret().is_empty());
        let Some(url) = self.url else {
            return match key {
                Some(_) => Err(ConfigError::new(self.url_variable, format!("must be set where {} is", self.key_variable))),
                None => Ok(None),
            };
        };
        let url = Url::parse(url).map_err(|_| ConfigError::new(self.url_variable, "must be an http or https URL"))?;
        if let Some(key) = key {
            if !key.expose_secret().bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(ConfigError::new(self.key_variable, "must be visible ASCII characters without spaces, as a header needs them"));
            }
            if url.scheme() != "https" && !is_here(&url) {
                let fault = format!(
                    "must be an https URL, or one of this machine, where {} is set: it would go out in the clear",
                    self.key_variable
                );
                return Err(ConfigError::new(self.url_variable, fault));
            }
        }
        Ok(Some((url, key.cloned())))
    }
}

fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).to_canonical().is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn millis(number: u32) -> Duration {
    Duration::from_millis(u64::from(number))
}

#[cfg(test)]
mod tests {
    use super::super::{Config, Options};
    use super::TokensField;

    fn checked(flags: &[&str]) -> Result<Config, String> {
        Options::from_flags(flags.iter().copied()).unwrap().check().map_err(|error| error.to_string())
    }

    #[test]
    fn a_search_is_asked_where_there_is_one() {
        assert!(checked(&[]).unwrap().search.is_none());
        assert!(checked(&["--search-key="]).unwrap().search.is_none());
        let search = checked(&["--search-url=http://searxng.example:8080/x/"]).unwrap().search.unwrap();
        assert_eq!((search.url.as_str(), search.cost.micros(), search.timeout.as_secs()), ("http://searxng.example:8080/x", 10_000, 10));
        assert_eq!(checked(&["--search-key=hunter2"]).unwrap_err(), "VENDOR_SEARCH_URL must be set where VENDOR_SEARCH_KEY is");
        let brave = ["--search-url=https://brave.example", "--search-kind=brave"];
        assert_eq!(checked(&brave).unwrap_err(), "VENDOR_SEARCH_KEY must be set where VENDOR_SEARCH_KIND is brave");
        assert!(checked(&[&brave[..], &["--search-key=hunter2"]].concat()).unwrap().search.unwrap().key.is_some());
    }

    /// A model without a price would be sold for nothing.
    #[test]
    fn a_model_has_a_name_and_prices() {
        assert!(checked(&[]).unwrap().llm.is_none());
        let all = ["--llm-url=https://llm.example/v1", "--llm-model=m", "--llm-input-usd-per-mtok=2.5", "--llm-output-usd-per-mtok=0"];
        let llm = checked(&all).unwrap().llm.unwrap();
        assert_eq!((llm.prices.input_per_mtok.micros(), llm.prices.output_per_mtok.micros()), (2_500_000, 0));
        assert_eq!((llm.tokens_field, llm.is_deterministic, llm.timeout.as_secs()), (TokensField::MaxTokens, true, 60));
        for (left_out, variable) in [(1, "VENDOR_LLM_MODEL"), (2, "VENDOR_LLM_INPUT_USD_PER_MTOK"), (3, "VENDOR_LLM_OUTPUT_USD_PER_MTOK")] {
            let flags: Vec<&str> = all.iter().enumerate().filter(|(at, _)| *at != left_out).map(|(_, flag)| *flag).collect();
            assert_eq!(checked(&flags).unwrap_err(), format!("{variable} must be set where VENDOR_LLM_URL is"));
        }
        let in_the_clear = [&["--llm-url=http://llm.example/v1", "--llm-key=hunter2"], &all[2..]].concat();
        assert!(checked(&in_the_clear).unwrap_err().starts_with("VENDOR_LLM_URL must be an https URL"));
    }

    /// T-25: a key goes to this machine, or over TLS, or nowhere.
    #[test]
    fn t25_no_key_in_the_clear() {
        for url in ["http://127.0.0.1:8080", "http://[::1]:8080", "http://localhost", "https://searxng.example"] {
            assert!(checked(&[&format!("--search-url={url}"), "--search-key=hunter2"]).is_ok(), "{url}");
        }
        for url in ["http://searxng.example", "http://10.0.0.1:8080", "http://localhost.example", "http://127.0.0.1.example"] {
            let refused = checked(&[&format!("--search-url={url}"), "--search-key=hunter2"]).unwrap_err();
            assert!(refused.starts_with("VENDOR_SEARCH_URL must be an https URL") && !refused.contains("hunter2"), "{refused}");
        }
        let refused = checked(&["--search-url=https://searxng.example", "--search-key=hunter2\n"]).unwrap_err();
        assert!(refused.starts_with("VENDOR_SEARCH_KEY must be visible") && !refused.contains("hunter2"), "{refused}");
    }
}
