//! `enrich-jobs settler`: our contract that settles many payments in one transaction.
#![allow(clippy::doc_markdown, reason = "`--help` shows these texts as they are")]

use std::time::Duration;

use clap::{Args, Subcommand};

use super::{Failure, print, runtime};
use crate::billing::lane::{FeePolicy, Fees, SignedTx, TxHash};
use crate::billing::x402::offer::Terms;
use crate::chain::boot::{Contract, settler_code};
use crate::chain::tx::{self, Body};
use crate::chain::{OperatorKey, Rpc};
use crate::clock::{Clock, SystemClock};
use crate::config::networks::{self, ChainSettings};
use crate::config::{ConfigError, Variables, WalletList};
use crate::types::{Network, Wallet};

/// How long a deployment is waited for, how often it is looked for, and how often its bytes are sent again.
const PATIENCE: Duration = Duration::from_mins(3);
const LOOK_EVERY: Duration = Duration::from_millis(500);
const SEND_EVERY: u32 = 10;

/// Of `settler`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Deploy a settler with the network's operators, and print what to put into the environment.
    ///
    /// Nodes and keys come from the network's own variables, such as X402_EIP155_8453_RPC_URL and X402_EIP155_8453_OPERATOR_KEYS.
    /// Before the server is started: a transaction that a running lane doesn't know of raises its alarm.
    Deploy(Deploy),
}

#[derive(Debug, Args)]
struct Deploy {
    /// Where, by its CAIP-2 name, such as eip155:8453
    #[arg(long, value_name = "NETWORK")]
    network: Network,
    /// The settler's operators, comma-separated; without it the accounts of the network's OPERATOR_KEYS, in their order
    #[arg(long, value_name = "ADDRESSES")]
    operators: Option<WalletList>,
    /// The variable with the key of the account that pays for it; without it the first of OPERATOR_KEYS
    #[arg(long, value_name = "VARIABLE")]
    key_env: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    super::logs::start_quietly();
    let Action::Deploy(deploy) = &arguments.action;
    let variables = Variables::of_process();
    let settings = networks::read_chain(deploy.network, &variables)?;
    let operators = match &deploy.operators {
        Some(WalletList(operators)) => operators.clone(),
        None => settings.operators.iter().map(OperatorKey::wallet).collect(),
    };
    let variable = networks::variable(deploy.network, "OPERATOR_KEYS");
    if !(1..=4).contains(&operators.len()) {
        let fault = format!("must hold 1 to 4 keys, or --operators name as many accounts: they are {}", operators.len());
        return Err(ConfigError::new(variable, fault).into());
    }
    let key = match &deploy.key_env {
        Some(name) => networks::key_of(name)?,
        None => settings.operators.first().cloned().ok_or_else(|| ConfigError::new(variable, "must be set, or --key-env given"))?,
    };
    runtime::run(Some(1), go(deploy.network, settings, operators, key))
}

async fn go(network: Network, settings: ChainSettings, operators: Vec<Wallet>, key: OperatorKey) -> Result<(), Failure> {
    let ChainSettings { rpc, settler, proxy_code_hash, .. } = settings;
    let rpc = Rpc::new(rpc).map_err(|error| Failure::of(&error))?;
    let code = settler_code(Terms::UPTO_PROXY, &operators);
    let code = code.map_err(|_| Failure::Failed("the settler's compiled bytes can't be read".to_owned()))?;
    if let Some(address) = settler
        && code_at(&rpc, address).await?.is_some_and(|there| there == code)
    {
        print(&format!("{} is right already: {address} settles for these operators. Nothing was sent.\n", variable(network)));
        return Ok(());
    }
    let proxy = rpc.any(|node| async move { node.code_hash(Terms::UPTO_PROXY).await }).await.map_err(|error| Failure::of(&error))?;
    match proxy {
        Some(hash) if hash == proxy_code_hash => {}
        Some(hash) => {
            let found = hex::encode(hash);
            let proxy = Contract::Proxy.as_str();
            return Err(Failure::Failed(format!(
                "{proxy} has other code than expected, of hash 0x{found}: a settler trusts it with every payment"
            )));
        }
        None => {
            return Err(Failure::Failed(format!(
                "there is no code at {}, where {} should be",
                Terms::UPTO_PROXY,
                Contract::Proxy.as_str()
            )));
        }
    }
    let address = deploy(&rpc, network, &operators, &key, |hash| eprintln!("sending {hash} from {}", key.wallet())).await?;
    if code_at(&rpc, address).await?.is_none_or(|there| there != code) {
        return Err(Failure::Failed(format!("what stands at {address} now is not the settler that was sent")));
    }
    let names = operators.iter().map(|operator| format!("  {operator}")).collect::<Vec<_>>().join("\n");
    print(&format!("deployed a settler at {address} for\n{names}\n\n{}={address}\n", variable(network)));
    Ok(())
}

fn variable(network: Network) -> String {
    networks::variable(network, "SETTLER_ADDRESS")
}

async fn code_at(rpc: &Rpc, address: Wallet) -> Result<Option<Vec<u8>>, Failure> {
    let code = rpc.any(|node| async move { node.code(address).await }).await.map_err(|error| Failure::of(&error))?;
    Ok(code.map(|code| code.to_vec()))
}

/// Sends it, and waits until it is mined. The same bytes as often as it takes: they deploy once. `sending` is told which
/// transaction goes out.
pub(super) async fn deploy(
    rpc: &Rpc,
    network: Network,
    operators: &[Wallet],
    key: &OperatorKey,
    sending: impl FnOnce(TxHash),
) -> Result<Wallet, Failure> {
    let nonces = rpc.nonces(key.wallet()).await.map_err(|error| Failure::of(&error))?;
    if nonces.pending > nonces.latest {
        return Err(Failure::Failed(format!("{} has transactions that wait: try again when they are mined", key.wallet())));
    }
    let quote = rpc.fees().await.map_err(|error| Failure::of(&error))?;
    let fees: Fees =
        FeePolicy::default().first(quote, false).ok_or_else(|| Failure::Failed("gas costs more than 50 gwei now".to_owned()))?;
    let body = Body::deploy_settler(Terms::UPTO_PROXY, operators).map_err(|error| Failure::of(&error))?;
    let tx = tx::sign(key, network, nonces.latest, fees, &body, SystemClock.now());
    let SignedTx { hash, raw, .. } = tx.map_err(|error| Failure::of(&error))?;
    sending(hash);
    let mut said = None;
    let mined = async {
        for look in 0_u32.. {
            if look.is_multiple_of(SEND_EVERY) {
                said = Some(rpc.send_raw(&raw).await);
            }
            if let Ok(Some(receipt)) = rpc.receipt(hash).await {
                return Some(receipt);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        None
    };
    match tokio::time::timeout(PATIENCE, mined).await {
        Ok(Some(receipt)) if receipt.ok => receipt.contract.ok_or_else(|| Failure::Failed(format!("{hash} made no contract"))),
        Ok(Some(_)) => Err(Failure::Failed(format!("{hash} was undone by the chain"))),
        Ok(None) | Err(_) => {
            Err(Failure::Failed(format!("{hash} is not mined yet; the node said {said:?}. It may still be: look before you try again")))
        }
    }
}
