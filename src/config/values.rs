//! How the text of a setting is read. Every error is the rest of the sentence "VARIABLE …".

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use url::Url;

use crate::net::NameServers;
use crate::store::redis::Address;
use crate::store::sealed::Keys;
use crate::types::{Network, ServerKey, Usd, Wallet};

/// Where shards are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// In a folder of this machine.
    Embedded(PathBuf),
    /// In Redis, for nodes that share it.
    Redis(Address),
}

impl StoreUrl {
    /// As it may be shown: without user and password.
    pub fn shown(&self) -> String {
        match self {
            Self::Embedded(folder) => format!("embedded:{}", folder.display()),
            Self::Redis(address) => address.shown(),
        }
    }
}

impl FromStr for StoreUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("embedded", folder)) if !folder.is_empty() => Ok(Self::Embedded(PathBuf::from(folder))),
            Some((scheme @ ("redis" | "rediss" | "redis-cluster" | "rediss-cluster"), rest)) => {
                let is_cluster = scheme.ends_with("-cluster");
                let url = format!("{}:{rest}", scheme.trim_end_matches("-cluster"));
                // A URL like this often holds a password, so it is not repeated.
                match Url::parse(&url) {
                    Ok(parsed) if parsed.has_host() => Ok(Self::Redis(Address { url, is_cluster })),
                    Ok(_) | Err(_) => Err("must name a host, such as redis://127.0.0.1:6379".to_owned()),
                }
            }
            _ => {
                Err("must be embedded:DIR, such as embedded:./data, or redis://HOST:PORT, rediss:// with TLS, redis-cluster://".to_owned())
            }
        }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("must be text or json".to_owned()),
        }
    }
}

/// Networks, none twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkList(pub Vec<Network>);

impl FromStr for NetworkList {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let networks: Vec<Network> = items(text)
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map_err(|_| "must be CAIP-2 names of EVM chains, comma-separated, such as eip155:8453,eip155:84532".to_owned())?;
        match twice(&networks) {
            Some(network) => Err(format!("must name each network once, and {network} is there twice")),
            None => Ok(Self(networks)),
        }
    }
}

/// Wallets, none twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WalletList(pub Vec<Wallet>);

impl FromStr for WalletList {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wallets: Vec<Wallet> = items(text).map(str::parse).collect::<Result<_, _>>().map_err(|_| {
            "must be addresses, comma-separated: 0x and 40 hex digits each, in one case or with a right checksum".to_owned()
        })?;
        match twice(&wallets) {
            Some(wallet) => Err(format!("must name each address once, and {wallet} is there twice")),
            None => Ok(Self(wallets)),
        }
    }
}

/// The parts of a comma-separated list; nothing between two commas is no part.
pub(super) fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// The first that is there a second time.
pub(super) fn twice<T: PartialEq>(items: &[T]) -> Option<&T> {
    items.iter().enumerate().find(|(at, item)| items.iter().take(*at).any(|earlier| earlier == *item)).map(|(_, item)| item)
}

/// The one time of release that there is.
pub(super) fn released(text: &str) -> Result<String, String> {
    let only = text == "settled";
    only.then(|| text.to_owned()).ok_or_else(|| "must be settled: this version shows no result before its charge is settled".to_owned())
}

/// What is given away by the job: up to a dollar.
pub(super) fn waived(text: &str) -> Result<Usd, String> {
    at_most(text, Usd::from_micros(1_000_000))
}

/// What is given away by the wallet, of which anybody can make as many as he likes: up to $100.
pub(super) fn starting_credit(text: &str) -> Result<Usd, String> {
    at_most(text, Usd::from_micros(100_000_000))
}

fn at_most(text: &str, most: Usd) -> Result<Usd, String> {
    let amount = usd(text)?;
    let fits = !amount.is_negative() && amount <= most;
    fits.then_some(amount).ok_or_else(|| format!("must be from 0 to {most} US dollars"))
}

/// An address with a port.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "must be an IP address and a port, such as 127.0.0.1:8411 or [::1]:0".to_owned())
}

/// `system`, or a name server's address.
pub(super) fn name_servers(text: &str) -> Result<NameServers, String> {
    if text == "system" {
        return Ok(NameServers::System);
    }
    let address = text.parse::<SocketAddr>().ok().filter(|address| address.port() != 0);
    address.map(NameServers::At).ok_or_else(|| "must be system, or a name server's IP:PORT such as 127.0.0.1:53".to_owned())
}

/// A whole number within bounds.
pub(super) fn whole<const MIN: u32, const MAX: u32>(text: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|number| (MIN..=MAX).contains(number));
    number.ok_or_else(|| format!("must be a whole number from {MIN} to {MAX}"))
}

/// True or false.
pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" | "" => Ok(false),
        _ => Err("must be true or false".to_owned()),
    }
}

/// An exact amount.
pub(super) fn usd(text: &str) -> Result<Usd, String> {
    text.parse::<Usd>().map_err(|error| format!("{error} (US dollars, such as 0.01)"))
}

/// Anything; never shown.
#[allow(clippy::unnecessary_wraps, reason = "the shape of a parser")]
pub(super) fn secret(text: &str) -> Result<SecretString, String> {
    Ok(SecretString::from(text))
}

/// The one word that there is; or nothing.
pub(super) fn always(text: &str) -> Result<bool, String> {
    match text {
        "always" => Ok(true),
        "" => Ok(false),
        _ => Err("must be always, or unset".to_owned()),
    }
}

/// The base of a URL: http or https, a host, perhaps a port and a path, no slash at the end.
pub(super) fn base_url(text: &str) -> Result<String, String> {
    let fault = || "must be an http or https URL without user, query or fragment, such as https://enrich.example".to_owned();
    let url = Url::parse(text).map_err(|_| fault())?;
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !plain {
        return Err(fault());
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// The server's key.
pub(super) fn server_key(text: &SecretString) -> Result<ServerKey, String> {
    key_bytes(text).map(|bytes| ServerKey::new(*bytes.expose_secret()))
}

/// 32 bytes in base64, with or without padding, in either alphabet.
///
/// # Errors
/// What it must be, without what it is.
pub fn key_bytes(text: &SecretString) -> Result<SecretBox<[u8; 32]>, String> {
    let bytes = secret_bytes(text.expose_secret()).map(|bytes| SecretBox::new(Box::new(bytes)));
    bytes.ok_or_else(|| "must be 32 bytes in base64, as `openssl rand -base64 32` prints them".to_owned())
}

/// The word for no key, in a list of keys that seal.
const UNSEALED: &str = "unsealed";

/// What the store is sealed with: keys, comma-separated, none twice; the first seals, all open.
pub(super) fn seal_keys(text: &SecretString) -> Result<Keys, String> {
    let fault = "must be 32 bytes in base64, as `openssl rand -base64 32` prints them, or several comma-separated; \
                 the word unsealed stands for no key";
    let read = |item: &str| match item {
        UNSEALED => Some(None),
        key => secret_bytes(key).map(|bytes| Some(SecretBox::new(Box::new(bytes)))),
    };
    let list: Option<Vec<_>> = items(text.expose_secret()).map(read).collect();
    let keys = list.and_then(|list| Keys::new(&list)).ok_or(fault)?;
    let seals: Vec<_> = keys.seals().collect();
    match twice(&seals) {
        Some(_) => Err("must name each key once".to_owned()),
        None => Ok(keys),
    }
}

/// 32 bytes in base64, with or without padding, in either alphabet.
fn secret_bytes(text: &str) -> Option<[u8; 32]> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let text = text.trim();
    let alphabet = if text.contains(['-', '_']) { &alphabet::URL_SAFE } else { &alphabet::STANDARD };
    GeneralPurpose::new(alphabet, config).decode(text).ok().and_then(|bytes| bytes.try_into().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores() {
        assert_eq!("embedded:./data".parse(), Ok(StoreUrl::Embedded("./data".into())));
        assert_eq!("embedded:/a:b".parse(), Ok(StoreUrl::Embedded("/a:b".into())));
        for wrong in ["", "embedded", "embedded:", "./data", "sqlite:x"] {
            assert!(wrong.parse::<StoreUrl>().unwrap_err().contains("embedded:./data"), "{wrong}");
        }
        for (url, shown) in [
            ("redis://user:hunter2@host/3", "redis://host/3"),
            ("rediss://:hunter2@host:6380", "rediss://host:6380"),
            ("rediss-cluster://:hunter2@host", "rediss-cluster://host"),
        ] {
            let store: StoreUrl = url.parse().unwrap();
            assert_eq!((store.shown().as_str(), format!("{store:?}").contains("hunter2")), (shown, false), "{url}");
        }
        for wrong in ["redis://user:hunter2@", "redis:hunter2", "redis-cluster://"] {
            let fault = wrong.parse::<StoreUrl>().unwrap_err();
            assert!(fault.contains("must name a host") && !fault.contains("hunter2"), "{wrong}: {fault}");
        }
    }

    #[test]
    fn numbers_switches_and_money() {
        assert_eq!(whole::<1, 9>("9"), Ok(9));
        for wrong in ["0", "10", "", "-1", "1.0", "+"] {
            assert_eq!(whole::<1, 9>(wrong), Err("must be a whole number from 1 to 9".to_owned()), "{wrong}");
        }
        assert_eq!((switch("TRUE"), switch("0")), (Ok(true), Ok(false)));
        assert!(switch("maybe").is_err());
        assert_eq!(usd("0.005"), Ok(Usd::from_micros(5000)));
        for wrong in ["0.0000001", "-1", "$1", "", "1e400"] {
            assert!(usd(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn urls_and_keys() {
        assert_eq!(base_url("https://enrich.example/"), Ok("https://enrich.example".to_owned()));
        assert_eq!(base_url("http://10.0.0.1:8411/x/"), Ok("http://10.0.0.1:8411/x".to_owned()));
        for wrong in ["enrich.example", "ftp://enrich.example", "https://a:b@enrich.example", "https://enrich.example/?a", ""] {
            assert!(base_url(wrong).is_err(), "{wrong}");
        }
        let key = |text: &str| server_key(&SecretString::from(text));
        let bytes = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";
        assert!(key(bytes).is_ok() && key(&format!("{bytes}=")).is_ok() && key(&format!("{bytes}=\n")).is_ok());
        assert!(key(&"_".repeat(43)).is_err(), "trailing bits");
        for wrong in ["", "BwcH", "not base64 at all"] {
            let fault = key(wrong).unwrap_err();
            assert!(fault.contains("32 bytes") && !fault.contains("BwcH"), "{fault}");
        }
    }

    #[test]
    fn keys_that_seal_are_a_list() {
        let keys = |text: &str| seal_keys(&SecretString::from(text));
        let (one, other) = ("BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=", "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg");
        let seals = |text: &str| keys(text).unwrap().seals().map(|seal| seal.to_string()).collect::<Vec<_>>();
        assert_eq!(seals(&format!("{one}, {other},unsealed")), [seals(one), seals(other), vec!["nothing".to_owned()]].concat());
        assert_ne!(seals(one), seals(other));
        for wrong in ["", ",", "BwcH", &format!("{one},BwcH"), &format!("{one},{}", one.trim_end_matches('=')), "Unsealed"] {
            let fault = keys(wrong).unwrap_err();
            assert!(fault.starts_with("must") && !fault.contains("BwcH"), "{fault}");
        }
        assert!(!format!("{:?}", keys(one)).contains("7, 7"), "the key isn't shown");
    }
}
