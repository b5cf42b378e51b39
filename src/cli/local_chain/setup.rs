//! What is put on a new chain, and how.

use std::time::Duration;

use alloy_primitives::{Bytes, U256, keccak256};
use alloy_sol_types::{SolCall, sol};
use serde_json::{Value, json};
use url::Url;

use super::node::Node;
use super::process::Process;
use super::{Account, Found, LocalChain, Wanted};
use crate::billing::x402::offer::Terms;
use crate::chain::abi::Artifact;
use crate::chain::{Rpc, RpcSettings};
use crate::cli::{Failure, settler};
use crate::types::{Network, Wallet};

/// The test token's EIP-712 domain.
pub(super) const TOKEN_NAME: &str = "USDC";
pub(super) const TOKEN_VERSION: &str = "2";

/// Of Permit2's runtime code as its sources compile to it, with nothing cached for a chain id: the domain is computed anew then.
const PERMIT2_CODE_HASH: [u8; 32] = alloy_primitives::hex!("463331fa7a0d5f07488e42c37b461bb56a822145c161a821fbafe7d4e916b546");
/// What a buyer has, in atomic units: $1,000.
const FUNDS: u64 = 1_000_000_000;
/// What every account has for gas, in wei: 1,000 ETH.
const WEI: &str = "0x3635c9adc5dea00000";
/// Enough for all that is sent here, and said, so that nothing has to be estimated.
const GAS: &str = "0x4c4b40";
/// Mined at once, but not always before the answer.
const LOOK_EVERY: Duration = Duration::from_millis(5);
const LOOKS_MAX: u32 = 2_000;

sol! {
    interface IToken {
        function mint(address to, uint256 amount) external;
        function approve(address spender, uint256 amount) external;
    }
}

/// Permit2's code. It is not ours to keep here; anvil brings it with the rules of another kind of network.
pub(super) async fn permit2(found: &Found) -> Result<Bytes, Failure> {
    let other = Process::start(&found.anvil, &["--network", "tempo", "--accounts", "1"]).await?;
    let code = Node::new(other.url())?.call("eth_getCode", json!([Terms::PERMIT2.to_string(), "latest"])).await?;
    let code: Bytes = serde_json::from_value(code).map_err(|error| Failure::of(&error))?;
    if keccak256(&code).0 == PERMIT2_CODE_HASH {
        return Ok(code);
    }
    Err(Failure::Failed(
        "this anvil brings no Permit2, or another: version 1.7.1 does, which `npm --prefix contracts ci` installs".to_owned(),
    ))
}

pub(super) async fn set_up(
    process: Process,
    found: &Found,
    network: Network,
    wanted: Wanted,
    permit2: &Bytes,
) -> Result<LocalChain, Failure> {
    let node = Node::new(process.url())?;
    let proxy = artifact(found, "UptoProxyStandIn")?.deployed_bytecode;
    for (place, code) in [(Terms::PERMIT2, permit2), (Terms::UPTO_PROXY, &proxy)] {
        node.call("anvil_setCode", json!([place.to_string(), code])).await?;
    }
    // Its guard, as any earlier call would have left it.
    node.call("anvil_setStorageAt", json!([Terms::UPTO_PROXY.to_string(), "0x0", format!("0x{:064x}", 1)])).await?;
    let deployer = deployer(&node).await?;
    let mint = |to: Wallet, amount: u64| IToken::mintCall { to: to.address(), amount: U256::from(amount) }.abi_encode();
    let token = send(&node, &json!({ "from": deployer, "data": artifact(found, "TestToken")?.bytecode })).await?;
    let token = token.get("contractAddress").and_then(Value::as_str).and_then(|address| address.parse::<Wallet>().ok());
    let token = token.ok_or_else(|| Failure::Failed("the local chain made no token".to_owned()))?;
    let to_token = |from: &str, data: Vec<u8>| json!({ "from": from, "to": token.to_string(), "data": Bytes::from(data) });
    let accounts = |count| (0..count).map(|_| Account::new()).collect::<Result<Vec<_>, _>>();
    let (operators, buyers) = (accounts(wanted.operators)?, accounts(wanted.buyers)?);
    for account in operators.iter().chain(&buyers) {
        node.call("anvil_setBalance", json!([account.wallet().to_string(), WEI])).await?;
    }
    // It has been paid before, as it is on all days but the first.
    let pay_to = Account::new()?.wallet();
    send(&node, &to_token(&deployer, mint(pay_to, 1))).await?;
    node.call("anvil_autoImpersonateAccount", json!([true])).await?;
    for buyer in &buyers {
        send(&node, &to_token(&deployer, mint(buyer.wallet(), FUNDS))).await?;
        let approve = IToken::approveCall { spender: Terms::PERMIT2.address(), amount: U256::MAX }.abi_encode();
        send(&node, &to_token(&buyer.wallet().to_string(), approve)).await?;
    }
    node.call("anvil_autoImpersonateAccount", json!([false])).await?;
    let settler = if wanted.batch { Some(settler_of(&node, network, &operators).await?) } else { None };
    let proxy_code_hash = keccak256(&proxy).0;
    let first_block = node.block_number().await?.saturating_add(1);
    Ok(LocalChain { network, first_block, node, token, pay_to, settler, operators, buyers, proxy_code_hash, _process: process })
}

/// Ours, as `settler deploy` does it.
async fn settler_of(node: &Node, network: Network, operators: &[Account]) -> Result<Wallet, Failure> {
    let urls = vec![Url::parse(node.url()).map_err(|error| Failure::of(&error))?];
    let rpc =
        Rpc::new(RpcSettings { network, urls, timeout: Duration::from_secs(10), calls_max: 4 }).map_err(|error| Failure::of(&error))?;
    let first = operators.first().ok_or_else(|| Failure::Failed("a settler needs an operator".to_owned()))?;
    let wallets: Vec<_> = operators.iter().map(Account::wallet).collect();
    settler::deploy(&rpc, network, &wallets, &first.key, |_| {}).await
}

/// An account that the chain signs for.
async fn deployer(node: &Node) -> Result<String, Failure> {
    let accounts = node.call("eth_accounts", json!([])).await?;
    let first = accounts.get(0).and_then(Value::as_str).map(str::to_owned);
    first.ok_or_else(|| Failure::Failed("the local chain signs for nobody".to_owned()))
}

/// Sends a transaction that has to succeed, and returns its receipt.
async fn send(node: &Node, transaction: &Value) -> Result<Value, Failure> {
    let mut transaction = transaction.clone();
    if let Some(fields) = transaction.as_object_mut() {
        fields.insert("gas".to_owned(), GAS.into());
    }
    let hash = node.call("eth_sendTransaction", json!([transaction])).await?;
    for _ in 0..LOOKS_MAX {
        let receipt = node.call("eth_getTransactionReceipt", json!([hash])).await?;
        match receipt.get("status").and_then(Value::as_str) {
            Some("0x1") => return Ok(receipt),
            Some(_) => return Err(Failure::Failed(format!("the local chain undid {hash}"))),
            None => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
    Err(Failure::Failed(format!("the local chain does not mine {hash}")))
}

fn artifact(found: &Found, name: &str) -> Result<Artifact, Failure> {
    let file = found.contracts.join(format!("artifacts/{name}.json"));
    let failed = |error: &dyn std::fmt::Display| Failure::Failed(format!("{} can't be read: {error}", file.display()));
    let text = std::fs::read(&file).map_err(|error| failed(&error))?;
    serde_json::from_slice(&text).map_err(|error| failed(&error))
}
