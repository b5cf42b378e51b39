//! A chain of one's own on loopback: anvil as a child, and on it all that payments need. For the demo.
//!
//! What this service doesn't bring itself (a dollar, Permit2, the upto proxy) is put there as it is put for tests, from
//! `contracts/artifacts` and from anvil itself; our settler is deployed as `settler deploy` does it. Every chain has an id and
//! accounts of its own, so that a store which has seen another one can't take this one for it. Deliberately absent: any use of
//! this by `serve`, which knows no other chains than those it is told of.

mod found;
mod node;
mod process;
mod setup;
mod signed;

use secrecy::{ExposeSecret, SecretString};

pub(super) use self::found::Found;
pub(super) use self::node::Node;
pub(super) use self::signed::{Purse, sign};

use self::process::Process;
use super::Failure;
use crate::chain::OperatorKey;
use crate::clock::{Random, SystemRandom};
use crate::config::networks::variable;
use crate::types::{Network, Wallet};

/// The least of the chain's id, and how many there are: far from those of known chains.
const CHAIN_ID_MIN: u64 = 31_337_000_000;
const CHAIN_IDS: u64 = 1_000_000;

/// What is wanted on a chain.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// Accounts that settle, 1 to 4.
    pub(super) operators: usize,
    /// Through our settler, which is deployed then; else each by itself.
    pub(super) batch: bool,
    /// Wallets with tokens and an allowance for Permit2.
    pub(super) buyers: usize,
}

/// An account that was made for this chain alone.
#[derive(Debug, Clone)]
pub(super) struct Account {
    pub(super) key: OperatorKey,
    secret: SecretString,
}

/// A running chain. It ends when this is dropped, and with this process at the latest.
#[derive(Debug)]
pub(super) struct LocalChain {
    pub(super) network: Network,
    /// The first one after all was put there.
    pub(super) first_block: u64,
    pub(super) node: Node,
    pub(super) token: Wallet,
    pub(super) pay_to: Wallet,
    /// `None` where each operator settles by itself.
    pub(super) settler: Option<Wallet>,
    pub(super) operators: Vec<Account>,
    pub(super) buyers: Vec<Account>,
    proxy_code_hash: [u8; 32],
    /// Ends the chain.
    _process: Process,
}

impl Account {
    fn new() -> Result<Self, Failure> {
        let secret = hex::encode(SystemRandom.secret());
        let key = OperatorKey::from_hex(&secret).map_err(|error| Failure::of(&error))?;
        Ok(Self { key, secret: secret.into() })
    }

    pub(super) const fn wallet(&self) -> Wallet {
        self.key.wallet()
    }

    /// Its secret key with `0x`: worth nothing anywhere else.
    pub(super) fn secret(&self) -> String {
        format!("0x{}", self.secret.expose_secret())
    }
}

impl LocalChain {
    /// Starts a chain and puts everything there. Its blocks come with transactions.
    pub(super) async fn start(found: &Found, wanted: Wanted) -> Result<Self, Failure> {
        let code = setup::permit2(found).await?;
        let network = Network::Eip155(CHAIN_ID_MIN.saturating_add(number() % CHAIN_IDS));
        let chain_id = network.chain_id().to_string();
        let process = Process::start(&found.anvil, &["--chain-id", &chain_id, "--accounts", "1"]).await?;
        setup::set_up(process, found, network, wanted, &code).await
    }

    /// What a server has to be told, as its environment: the network's variables.
    pub(super) fn variables(&self) -> Vec<(String, String)> {
        let keys: Vec<_> = self.operators.iter().map(Account::secret).collect();
        let mut variables = self.public_variables();
        variables.push((variable(self.network, "OPERATOR_KEYS"), keys.join(",")));
        variables.push((variable(self.network, "PROXY_CODE_HASH"), format!("0x{}", hex::encode(self.proxy_code_hash))));
        variables.extend(self.settler.map(|settler| (variable(self.network, "SETTLER_ADDRESS"), settler.to_string())));
        variables
    }

    /// Those that comparing books with the chain takes.
    pub(super) fn public_variables(&self) -> Vec<(String, String)> {
        let of_network = [
            ("RPC_URL", self.node.url().to_owned()),
            ("ASSET", self.token.to_string()),
            ("ASSET_NAME", setup::TOKEN_NAME.to_owned()),
            ("ASSET_VERSION", setup::TOKEN_VERSION.to_owned()),
            ("PAY_TO", self.pay_to.to_string()),
        ];
        of_network.map(|(end, value)| (variable(self.network, end), value)).into()
    }
}

fn number() -> u64 {
    let secret = SystemRandom.secret();
    secret.iter().take(7).fold(0, |number, byte| (number << 8) | u64::from(*byte))
}
