//! Networks where wallets pay. Each has variables of its own, `X402_EIP155_8453_RPC_URL` and so on: how many there are depends on
//! `X402_NETWORKS`, so they are no flags. What is secret in them, keys and the paths of URLs, is in no message.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::options::PaymentOptions;
use super::values::{items, twice};
use super::{ConfigError, effective};
use crate::billing::lane::Policy;
use crate::billing::x402::exposure::Caps;
use crate::billing::x402::newcomers::BreakerPolicy;
use crate::billing::x402::offer::Terms;
use crate::chain::boot::UPTO_PROXY_CODE_HASH;
use crate::chain::facilitator::{CdpKey, FacilitatorSettings};
use crate::chain::{OperatorKey, RpcSettings};
use crate::net::host_key;
use crate::types::{Network, Wallet};

/// What the variables of a network end with.
const RPC_URL: &str = "RPC_URL";
const ASSET: &str = "ASSET";
const ASSET_NAME: &str = "ASSET_NAME";
const ASSET_VERSION: &str = "ASSET_VERSION";
const PAY_TO: &str = "PAY_TO";
const OPERATOR_KEYS: &str = "OPERATOR_KEYS";
const SETTLER_ADDRESS: &str = "SETTLER_ADDRESS";
const FACILITATOR_URL: &str = "FACILITATOR_URL";
const CDP_API_KEY_ID: &str = "CDP_API_KEY_ID";
const CDP_API_KEY_SECRET: &str = "CDP_API_KEY_SECRET";
const PROXY_CODE_HASH: &str = "PROXY_CODE_HASH";

/// All of them, in the order in which they are shown.
const ALL: [&str; 11] = [
    RPC_URL,
    ASSET,
    ASSET_NAME,
    ASSET_VERSION,
    PAY_TO,
    OPERATOR_KEYS,
    SETTLER_ADDRESS,
    FACILITATOR_URL,
    CDP_API_KEY_ID,
    CDP_API_KEY_SECRET,
    PROXY_CODE_HASH,
];

/// Of all networks.
const SPONSOR_ALLOWANCE: &str = "UPTO_SPONSOR_ALLOWANCE";

/// A settler's places for operators; as many accounts can settle directly.
const OPERATORS_MAX: usize = 4;
/// For one call to a node.
const RPC_TIMEOUT: Duration = Duration::from_secs(10);
/// Calls to a network's nodes at once.
const RPC_CALLS_MAX: usize = 32;
/// For one call to a facilitator; a settle may wait for a block.
const FACILITATOR_TIMEOUT: Duration = Duration::from_secs(10);
const SETTLE_TIMEOUT: Duration = Duration::from_mins(1);
/// For how long its addresses are believed.
const SUPPORTED_FOR: Duration = Duration::from_mins(10);

/// A token that is known where it is: nobody has to look its domain up.
struct KnownAsset {
    network: Network,
    address: Wallet,
    name: &'static str,
    version: &'static str,
}

/// USDC (x402.md 1).
const KNOWN: [KnownAsset; 2] = [
    KnownAsset {
        network: Network::Eip155(8453),
        address: Wallet::from_bytes(alloy_primitives::hex!("833589fCD6eDb6E08f4c7C32D4f71b54bdA02913")),
        name: "USD Coin",
        version: "2",
    },
    KnownAsset {
        network: Network::Eip155(84_532),
        address: Wallet::from_bytes(alloy_primitives::hex!("036CbD53842c5426634e7929541eC2318f3dCF7e")),
        name: "USDC",
        version: "2",
    },
];

/// One network, checked.
#[derive(Debug, Clone)]
pub struct NetworkSettings {
    /// Its nodes.
    pub rpc: RpcSettings,
    /// Token, recipient, contracts; the facilitator follows from the way.
    pub terms: Terms,
    /// How charges are settled.
    pub way: WaySettings,
    /// What the upto proxy's code must hash to.
    pub proxy_code_hash: [u8; 32],
    /// The limits of credit.
    pub caps: Caps,
    /// How lanes behave.
    pub policy: Policy,
    /// Wallets with code that may pay.
    pub contracts: Vec<Wallet>,
    /// Nothing is taken where there was no block for so long.
    pub stall_seconds: Option<u64>,
}

/// How charges get onto a chain.
#[derive(Debug, Clone)]
pub enum WaySettings {
    /// Through our settler.
    Batch {
        /// Where it is.
        settler: Wallet,
        /// Its operators, in the order of its deployment.
        operators: Vec<OperatorKey>,
    },
    /// By the operators themselves.
    Direct {
        /// They.
        operators: Vec<OperatorKey>,
        /// Allowances that payers sign are sent along.
        sponsors: bool,
    },
    /// By somebody else.
    Hosted(FacilitatorSettings),
}

/// The variables of the process that are about networks. Their values are never printed.
#[derive(Clone, Default)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Those of this process. One without a value is none.
    pub fn of_process() -> Self {
        let ours = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        let ours = ours.filter(|(name, _)| name.starts_with("X402_"));
        Self(ours.map(|(name, value)| (name, value.to_string_lossy().trim().to_owned())).filter(|(_, value)| !value.is_empty()).collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl FromIterator<(String, String)> for Variables {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self(variables.into_iter().collect())
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// The name of a network's variable.
pub fn variable(network: Network, end: &str) -> String {
    let Network::Eip155(chain) = network;
    format!("X402_EIP155_{chain}_{end}")
}

/// Whether a network of the list has a variable of this name.
pub fn is_known(name: &str, networks: &[Network]) -> bool {
    networks.iter().any(|network| ALL.iter().any(|end| variable(*network, end) == name))
}

/// One network's variables while they are read.
struct Reader<'a> {
    network: Network,
    variables: &'a Variables,
}

/// Reads every network that the options name.
///
/// # Errors
/// [`ConfigError`] with the variable.
pub(super) fn read(options: &PaymentOptions, variables: &Variables) -> Result<Vec<NetworkSettings>, ConfigError> {
    let networks = options.networks.x402_networks.clone().unwrap_or_default().0;
    networks.into_iter().map(|network| Reader { network, variables }.settings(options)).collect()
}

/// Reads one network alone, for commands that need no server.
///
/// # Errors
/// [`ConfigError`] with the variable.
pub fn read_chain(network: Network, variables: &Variables) -> Result<ChainSettings, ConfigError> {
    let reader = Reader { network, variables };
    let settler = reader.wallet(SETTLER_ADDRESS)?;
    Ok(ChainSettings { rpc: reader.rpc()?, operators: reader.operators()?, settler, proxy_code_hash: reader.proxy_code_hash()? })
}

/// Reads what comparing books with a network takes.
///
/// # Errors
/// [`ConfigError`] with the variable.
pub fn read_asset(network: Network, variables: &Variables) -> Result<AssetSettings, ConfigError> {
    let reader = Reader { network, variables };
    let (asset, ..) = reader.asset()?;
    Ok(AssetSettings { rpc: reader.rpc()?, network, asset, pay_to: reader.pay_to()?, proxy: Terms::UPTO_PROXY })
}

/// What comparing books with a network takes.
#[derive(Debug, Clone)]
pub struct AssetSettings {
    /// Its nodes.
    pub rpc: RpcSettings,
    /// Which.
    pub network: Network,
    /// The token.
    pub asset: Wallet,
    /// Who is paid.
    pub pay_to: Wallet,
    /// The upto proxy.
    pub proxy: Wallet,
}

/// The key in a variable of any name.
///
/// # Errors
/// [`ConfigError`] with the name.
pub fn key_of(name: &str) -> Result<OperatorKey, ConfigError> {
    let text = std::env::var_os(name).map(|text| text.to_string_lossy().into_owned()).unwrap_or_default();
    OperatorKey::from_hex(&text).map_err(|error| ConfigError::new(name, error.to_string()))
}

/// What deploying on a network takes.
#[derive(Debug, Clone)]
pub struct ChainSettings {
    /// Its nodes.
    pub rpc: RpcSettings,
    /// The operator accounts; none where somebody else settles.
    pub operators: Vec<OperatorKey>,
    /// The settler, where there is one already.
    pub settler: Option<Wallet>,
    /// What the upto proxy's code must hash to.
    pub proxy_code_hash: [u8; 32],
}

impl Reader<'_> {
    fn settings(&self, options: &PaymentOptions) -> Result<NetworkSettings, ConfigError> {
        let (asset, asset_name, asset_version) = self.asset()?;
        let pay_to = self.pay_to()?;
        let way = self.way(options.upto_sponsor_allowance)?;
        if way.operators().iter().any(|key| key.wallet() == pay_to) {
            // T-20: an operator's key is in this process, and what was earned must not be in its reach.
            return Err(self.fault(PAY_TO, "must not be an operator account: whoever gets its key would get all that was paid"));
        }
        Ok(NetworkSettings {
            rpc: self.rpc()?,
            terms: Terms {
                network: self.network,
                asset,
                asset_name,
                asset_version,
                pay_to,
                facilitator: Wallet::ZERO,
                permit2: Terms::PERMIT2,
                proxy: Terms::UPTO_PROXY,
            },
            way,
            proxy_code_hash: self.proxy_code_hash()?,
            caps: caps(options),
            policy: policy(options),
            contracts: options.upto_allowed_contracts.clone().unwrap_or_default().0,
            stall_seconds: options.chain_stall_seconds.map(u64::from),
        })
    }

    fn fault(&self, end: &str, fault: impl Into<String>) -> ConfigError {
        ConfigError::new(variable(self.network, end), fault)
    }

    fn get(&self, end: &str) -> Option<&str> {
        self.variables.get(&variable(self.network, end))
    }

    fn wallet(&self, end: &str) -> Result<Option<Wallet>, ConfigError> {
        let Some(text) = self.get(end) else { return Ok(None) };
        let wallet: Wallet = text.parse().map_err(|error| self.fault(end, format!("{error}; it is {text:?}")))?;
        if wallet == Wallet::ZERO {
            return Err(self.fault(end, "must not be the address of nobody"));
        }
        Ok(Some(wallet))
    }

    fn pay_to(&self) -> Result<Wallet, ConfigError> {
        self.wallet(PAY_TO)?.ok_or_else(|| self.fault(PAY_TO, "must be set to the address that is paid"))
    }

    fn asset(&self) -> Result<(Wallet, Box<str>, Box<str>), ConfigError> {
        let known = KNOWN.iter().find(|known| known.network == self.network);
        let set = self.wallet(ASSET)?;
        let Some(address) = set.or_else(|| known.map(|known| known.address)) else {
            return Err(self.fault(ASSET, "must be set to the address of a token that is worth a dollar and has 6 decimals"));
        };
        let known = known.filter(|known| known.address == address);
        let text = |end, of_known: Option<&'static str>| match self.get(end).or(of_known) {
            Some(text) => Ok(Box::from(text)),
            None => Err(self.fault(end, "must be set, as the token's EIP-712 domain has it")),
        };
        Ok((address, text(ASSET_NAME, known.map(|known| known.name))?, text(ASSET_VERSION, known.map(|known| known.version))?))
    }

    fn rpc(&self) -> Result<RpcSettings, ConfigError> {
        let text = self.get(RPC_URL).ok_or_else(|| self.fault(RPC_URL, "must be set to the URL of a node, or several, comma-separated"))?;
        let urls = items(text).map(|text| self.url(RPC_URL, text)).collect::<Result<Vec<_>, _>>()?;
        if urls.is_empty() {
            return Err(self.fault(RPC_URL, "must name a node"));
        }
        if twice(&urls).is_some() {
            return Err(self.fault(RPC_URL, "must name each node once: one node's word is not made sure by asking it twice"));
        }
        Ok(RpcSettings { network: self.network, urls, timeout: RPC_TIMEOUT, calls_max: RPC_CALLS_MAX })
    }

    /// A URL, which may hold a key and is never repeated.
    fn url(&self, end: &str, text: &str) -> Result<Url, ConfigError> {
        let url =
            Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host() && url.fragment().is_none());
        url.ok_or_else(|| self.fault(end, "must be an http or https URL, such as https://node.example/key"))
    }

    fn operators(&self) -> Result<Vec<OperatorKey>, ConfigError> {
        let keys = items(self.get(OPERATOR_KEYS).unwrap_or_default());
        let keys: Vec<OperatorKey> = keys.map(OperatorKey::from_hex).collect::<Result<_, _>>().map_err(|_| {
            self.fault(OPERATOR_KEYS, "must be secp256k1 secret keys, comma-separated: 64 hex digits each, with or without 0x")
        })?;
        let wallets: Vec<_> = keys.iter().map(OperatorKey::wallet).collect();
        if let Some(wallet) = twice(&wallets) {
            return Err(self.fault(OPERATOR_KEYS, format!("must hold each key once, and that of {wallet} is there twice")));
        }
        if keys.len() > OPERATORS_MAX {
            return Err(self.fault(OPERATOR_KEYS, format!("must be at most {OPERATORS_MAX} keys")));
        }
        Ok(keys)
    }

    fn way(&self, sponsors: bool) -> Result<WaySettings, ConfigError> {
        // A settler calls the proxy's plain settle alone, and somebody else's facilitator can't be told to.
        for end in [SETTLER_ADDRESS, FACILITATOR_URL] {
            if sponsors && self.get(end).is_some() {
                let (setting, fault) = (SPONSOR_ALLOWANCE, "only an operator account that settles by itself can send an allowance along");
                return Err(ConfigError::new(setting, format!("must be false where {} is set: {fault}", variable(self.network, end))));
            }
        }
        let (operators, settler) = (self.operators()?, self.wallet(SETTLER_ADDRESS)?);
        let cdp = self.cdp()?;
        let Some(url) = self.get(FACILITATOR_URL) else {
            if cdp.is_some() {
                return Err(self.fault(FACILITATOR_URL, format!("must be set where {CDP_API_KEY_ID} is")));
            }
            if operators.is_empty() {
                let fault = format!(
                    "must be set to the keys of 1 to {OPERATORS_MAX} accounts that settle, or else {FACILITATOR_URL} to whoever does it"
                );
                return Err(self.fault(OPERATOR_KEYS, fault));
            }
            return Ok(match settler {
                Some(settler) => WaySettings::Batch { settler, operators },
                None => WaySettings::Direct { operators, sponsors },
            });
        };
        let url = self.url(FACILITATOR_URL, url)?;
        for (end, is_set) in [(OPERATOR_KEYS, !operators.is_empty()), (SETTLER_ADDRESS, settler.is_some())] {
            if is_set {
                return Err(self.fault(end, format!("must not be set together with {}", variable(self.network, FACILITATOR_URL))));
            }
        }
        let (timeout, settle_timeout) = (FACILITATOR_TIMEOUT, SETTLE_TIMEOUT);
        Ok(WaySettings::Hosted(FacilitatorSettings { url, cdp, timeout, settle_timeout, supported_for: SUPPORTED_FOR }))
    }

    fn cdp(&self) -> Result<Option<CdpKey>, ConfigError> {
        match (self.get(CDP_API_KEY_ID), self.get(CDP_API_KEY_SECRET)) {
            (Some(id), Some(secret)) => {
                let key = CdpKey::new(id, &SecretString::from(secret));
                key.map(Some)
                    .map_err(|error| self.fault(CDP_API_KEY_SECRET, error.to_string().replace("the key does", "is a key that does")))
            }
            (Some(_), None) => Err(self.fault(CDP_API_KEY_SECRET, format!("must be set where {CDP_API_KEY_ID} is"))),
            (None, Some(_)) => Err(self.fault(CDP_API_KEY_ID, format!("must be set where {CDP_API_KEY_SECRET} is"))),
            (None, None) => Ok(None),
        }
    }

    fn proxy_code_hash(&self) -> Result<[u8; 32], ConfigError> {
        let Some(text) = self.get(PROXY_CODE_HASH) else { return Ok(UPTO_PROXY_CODE_HASH) };
        let mut hash = [0; 32];
        let read = hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), &mut hash);
        read.map_err(|_| self.fault(PROXY_CODE_HASH, "must be a keccak256 hash: 64 hex digits, with or without 0x"))?;
        Ok(hash)
    }

    /// What `enrich-jobs config` shows of one variable, and where it comes from.
    fn shown(&self, end: &str) -> (Option<String>, &'static str) {
        if let Some(value) = self.get(end) {
            return (Some(self.masked(end, value)), "environment");
        }
        let known = KNOWN.iter().find(|known| known.network == self.network);
        let is_known = known.is_some_and(|known| self.wallet(ASSET).is_ok_and(|set| set.is_none_or(|set| set == known.address)));
        let known = known.filter(|_| is_known);
        let derived = match end {
            ASSET => known.map(|known| known.address.to_string()),
            ASSET_NAME => known.map(|known| known.name.to_owned()),
            ASSET_VERSION => known.map(|known| known.version.to_owned()),
            PROXY_CODE_HASH => Some(format!("0x{}", hex::encode(UPTO_PROXY_CODE_HASH))),
            _ => None,
        };
        (derived, "default")
    }

    fn masked(&self, end: &str, value: &str) -> String {
        let host = |text: &str| self.url(end, text).map_or_else(|_| effective::MASK.to_owned(), |url| host_key(&url));
        match end {
            RPC_URL | FACILITATOR_URL => items(value).map(host).collect::<Vec<_>>().join(","),
            OPERATOR_KEYS => {
                let accounts = self.operators().unwrap_or_default().iter().map(|key| key.wallet().to_string()).collect::<Vec<_>>();
                format!("{} (of {})", effective::MASK, accounts.join(","))
            }
            CDP_API_KEY_SECRET => effective::MASK.to_owned(),
            _ => value.to_owned(),
        }
    }
}

/// The variables of every network of the list, as they are in force, with secrets masked.
pub(super) fn shown(networks: &[Network], variables: &Variables) -> Vec<(String, Option<String>, &'static str)> {
    let of = |network: &Network| {
        let reader = Reader { network: *network, variables };
        ALL.map(|end| {
            let (value, source) = reader.shown(end);
            (variable(reader.network, end), value, source)
        })
    };
    networks.iter().flat_map(of).collect()
}

impl WaySettings {
    fn operators(&self) -> &[OperatorKey] {
        match self {
            Self::Batch { operators, .. } | Self::Direct { operators, .. } => operators,
            Self::Hosted(_) => &[],
        }
    }
}

fn caps(options: &PaymentOptions) -> Caps {
    Caps {
        each: options.upto_max_exposure_usd,
        unproven: options.upto_unproven_exposure_usd,
        unproven_total: options.upto_unproven_total_usd,
    }
}

/// When payers that never paid before are paused.
pub(super) fn newcomers(options: &PaymentOptions) -> BreakerPolicy {
    BreakerPolicy {
        losses_max: super::check::count(options.upto_breaker_losses),
        window_ms: i64::from(options.upto_breaker_window_seconds).saturating_mul(1000),
        pause_ms: i64::from(options.upto_breaker_pause_seconds).saturating_mul(1000),
    }
}

fn policy(options: &PaymentOptions) -> Policy {
    let policy = Policy::default();
    let confirmations = u64::from(options.confirmations);
    Policy {
        batch_max: super::check::count(options.settle_batch_max),
        linger_ms: i64::from(options.settle_linger_ms),
        confirmations,
        keep_blocks: policy.keep_blocks.max(confirmations),
        give_up_ms: i64::from(options.settle_give_up_seconds).saturating_mul(1000),
        ..policy
    }
}
