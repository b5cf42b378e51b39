//! A local chain to settle on, and what can happen on it behind a server's back.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};

/// Longer than a start takes, however busy the machine is.
const START: Duration = Duration::from_mins(1);
/// Longer than a chain takes to answer or to mine.
const CALL: Duration = Duration::from_secs(30);

/// `keccak256("Transfer(address,address,uint256)")`.
const TRANSFER: &str = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";

/// An account that the chain also signs for, with its private key in hex.
#[derive(Debug, Clone, Deserialize)]
pub struct Account {
    pub address: String,
    pub key: String,
}

/// What is on the chain, as `tests/chain/up.mjs` says it: addresses and keys in hex with `0x`.
#[derive(Debug, Clone, Deserialize)]
pub struct Place {
    pub rpc_url: String,
    pub chain_id: u64,
    pub token: String,
    pub token_name: String,
    pub token_version: String,
    pub permit2: String,
    pub proxy: String,
    /// What the code there hashes to: not what the original's does.
    pub proxy_code_hash: String,
    pub settler: String,
    pub pay_to: String,
    pub deployer: Account,
    pub operators: Vec<Account>,
    /// Has ETH, and no part in anything.
    pub stranger: Account,
    pub payers: Vec<Account>,
    pub payers_without_allowance: Vec<Account>,
    /// What each payer starts with, in the token's smallest units.
    pub payer_funds: String,
}

/// One `Transfer` log of the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// In lower case.
    pub from: String,
    pub amount: u128,
    pub transaction: String,
    pub block: u64,
}

/// A running chain. Dropped, it ends.
pub struct Chain {
    pub place: Place,
    client: reqwest::Client,
    /// The launcher ends the chain when this closes, also where this process is killed. To kill the launcher instead would
    /// leave it no time for that.
    _open: ChildStdin,
    _launcher: Child,
}

impl Chain {
    /// Starts one with the launcher's arguments, or says why it can't and returns nothing. In CI that is a failure.
    pub async fn start(arguments: &[&str]) -> Option<Self> {
        if let Some(missing) = missing().await {
            assert!(std::env::var_os("CI").is_none(), "{missing}");
            eprintln!("SKIPPED: {missing}");
            return None;
        }
        let launcher = top().join("tests/chain/up.mjs");
        let mut command = Command::new("node");
        command.arg(launcher).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut launcher = command.spawn().unwrap();
        let open = launcher.stdin.take().unwrap();
        let mut lines = BufReader::new(launcher.stdout.take().unwrap()).lines();
        let line = tokio::time::timeout(START, lines.next_line()).await.expect("the chain starts in time").unwrap();
        let place = serde_json::from_str(&line.expect("the chain starts; what it said is above")).unwrap();
        let client = reqwest::Client::builder().no_proxy().timeout(CALL).build().unwrap();
        Some(Self { place, client, _open: open, _launcher: launcher })
    }

    /// The answer, or the chain's error.
    pub async fn try_rpc(&self, method: &str, params: Value) -> Result<Value, Value> {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let answer = self.client.post(&self.place.rpc_url).json(&request).send().await.unwrap();
        let mut answer: Value = answer.json().await.unwrap();
        match answer.get_mut("error") {
            Some(error) => Err(error.take()),
            None => Ok(answer["result"].take()),
        }
    }

    pub async fn rpc(&self, method: &str, params: Value) -> Value {
        self.try_rpc(method, params).await.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// Mines a block with what waits.
    pub async fn mine(&self) {
        self.rpc("evm_mine", json!([])).await;
    }

    /// Whether each transaction gets a block at once. Without it, they wait for [`Self::mine`].
    pub async fn set_automine(&self, on: bool) {
        self.rpc("evm_setAutomine", json!([on])).await;
    }

    /// Winds the chain's clock on, for all later blocks: fresh signatures may have expired then.
    pub async fn wind(&self, time: Duration) {
        self.rpc("evm_increaseTime", json!([time.as_secs()])).await;
        self.mine().await;
    }

    pub async fn block_number(&self) -> u64 {
        u64::try_from(number(&self.rpc("eth_blockNumber", json!([])).await)).unwrap()
    }

    /// Sends a transaction from an account that the chain signs for, and returns its hash.
    pub async fn submit(&self, from: &str, to: &str, data: &str) -> String {
        // Said, so that nothing is estimated: one that reverts is to be sent too.
        let transaction = json!({ "from": from, "to": to, "data": data, "gas": "0x200000" });
        self.rpc("eth_sendTransaction", json!([transaction])).await.as_str().unwrap().to_owned()
    }

    /// The receipt of a transaction, once it is mined.
    pub async fn receipt(&self, hash: &str) -> Value {
        let mined = async {
            loop {
                let receipt = self.rpc("eth_getTransactionReceipt", json!([hash])).await;
                if !receipt.is_null() {
                    break receipt;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(CALL, mined).await.unwrap_or_else(|_| panic!("{hash} is not mined"))
    }

    /// Sends a transaction that has to succeed.
    async fn send(&self, from: &str, to: &str, data: &str) {
        let receipt = self.receipt(&self.submit(from, to, data).await).await;
        assert_eq!(receipt["status"], "0x1", "{receipt}");
    }

    async fn call(&self, to: &str, data: &str) -> u128 {
        number(&self.rpc("eth_call", json!([{ "to": to, "data": data }, "latest"])).await)
    }

    pub async fn mint(&self, to: &str, amount: u128) {
        let data = format!("0x40c10f19{}{amount:064x}", word(to));
        self.send(&self.place.deployer.address, &self.place.token, &data).await;
    }

    /// Lets Permit2 take so much of an account; 0 revokes it.
    pub async fn approve(&self, owner: &str, amount: u128) {
        let data = format!("0x095ea7b3{}{amount:064x}", word(&self.place.permit2));
        self.send(owner, &self.place.token, &data).await;
    }

    /// Spends all that an account has.
    pub async fn drain(&self, owner: &str) {
        let amount = self.balance(owner).await;
        let data = format!("0xa9059cbb{}{amount:064x}", word(&self.place.stranger.address));
        self.send(owner, &self.place.token, &data).await;
    }

    /// Burns a nonce of Permit2, as a payer can at will.
    pub async fn invalidate_nonce(&self, owner: &str, nonce: [u8; 32]) {
        let (place, bit) = bit_of(nonce);
        self.send(owner, &self.place.permit2, &format!("0x3ff9dcb1{place}{}", hex::encode(bit))).await;
    }

    /// Whether a nonce of Permit2 is used or burnt.
    pub async fn nonce_used(&self, owner: &str, nonce: [u8; 32]) -> bool {
        let (place, bit) = bit_of(nonce);
        let data = format!("0x4fe02b44{}{place}", word(owner));
        let bitmap = self.rpc("eth_call", json!([{ "to": self.place.permit2, "data": data }, "latest"])).await;
        let bitmap = hex::decode(bitmap.as_str().unwrap().trim_start_matches("0x")).unwrap();
        bitmap.iter().zip(bit).any(|(word, bit)| word & bit != 0)
    }

    /// Stops every transfer of the token, or lets them go on.
    pub async fn set_paused(&self, paused: bool) {
        let data = format!("0x16c38b3c{:064x}", u8::from(paused));
        self.send(&self.place.deployer.address, &self.place.token, &data).await;
    }

    /// Stops every transfer from and to an account, or lets them go on.
    pub async fn set_blacklisted(&self, account: &str, blacklisted: bool) {
        let data = format!("0xd01dd6d2{}{:064x}", word(account), u8::from(blacklisted));
        self.send(&self.place.deployer.address, &self.place.token, &data).await;
    }

    /// What an account has of the token.
    pub async fn balance(&self, owner: &str) -> u128 {
        self.call(&self.place.token, &format!("0x70a08231{}", word(owner))).await
    }

    /// What an account has in wei, for gas.
    pub async fn wei(&self, owner: &str) -> u128 {
        number(&self.rpc("eth_getBalance", json!([owner, "latest"])).await)
    }

    /// What Permit2 may take of an account; [`u128::MAX`] stands for all above.
    pub async fn allowance(&self, owner: &str) -> u128 {
        self.call(&self.place.token, &format!("0xdd62ed3e{}{}", word(owner), word(&self.place.permit2))).await
    }

    /// Every transfer of the token to an account since a block, in their order: what it was paid.
    pub async fn transfers_to(&self, account: &str, since: u64) -> Vec<Transfer> {
        let topics = json!([TRANSFER, null, format!("0x{}", word(account))]);
        let asked = json!([{ "address": self.place.token, "fromBlock": format!("{since:#x}"), "topics": topics }]);
        let logs = self.rpc("eth_getLogs", asked).await;
        let transfer = |log: &Value| Transfer {
            from: format!("0x{}", &log["topics"][1].as_str().unwrap()[26..]),
            amount: number(&log["data"]),
            transaction: log["transactionHash"].as_str().unwrap().to_owned(),
            block: u64::try_from(number(&log["blockNumber"])).unwrap(),
        };
        logs.as_array().unwrap().iter().map(transfer).collect()
    }
}

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What a chain needs and this machine lacks.
async fn missing() -> Option<String> {
    let node = Command::new("node").arg("--version").stdout(Stdio::null()).status().await;
    if !node.is_ok_and(|status| status.success()) {
        return Some("a local chain needs Node.js; `scripts/test` installs it".to_owned());
    }
    let installed = top().join("contracts/node_modules/.package-lock.json").exists();
    (!installed).then(|| "a local chain needs `npm ci` in contracts/; `scripts/test` does it".to_owned())
}

/// An address as a word of calldata.
fn word(address: &str) -> String {
    format!("{:0>64}", address.trim_start_matches("0x").to_lowercase())
}

/// The word of Permit2's bitmap that holds a nonce, in hex, and the nonce's bit in it.
fn bit_of(nonce: [u8; 32]) -> (String, [u8; 32]) {
    let mut bit = [0; 32];
    bit[31 - usize::from(nonce[31] / 8)] = 1 << (nonce[31] % 8);
    (format!("00{}", hex::encode(&nonce[..31])), bit)
}

/// A number in hex; [`u128::MAX`] where it is larger.
fn number(value: &Value) -> u128 {
    let digits = value.as_str().and_then(|text| text.strip_prefix("0x")).unwrap_or_else(|| panic!("{value} is no number"));
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() { 0 } else { u128::from_str_radix(digits, 16).unwrap_or(u128::MAX) }
}
