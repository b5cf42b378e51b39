//! What a wallet's jobs came to, asked of everybody: of the buyer's polls, of the operators' books, and of the chain.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::buyer::Entry;
use super::orders::ORDERS;
use super::paid_report;
use super::wallet::{Bought, WalletBuyer};
use crate::cli::admin_client::AdminClient;
use crate::cli::local_chain::LocalChain;
use crate::cli::{Failure, audit_chain, print};
use crate::config::Variables;
use crate::config::networks::read_asset;
use crate::store::Embedded;
use crate::types::{Usd, Wallet};

/// `keccak256("Transfer(address,address,uint256)")`.
const TRANSFER: &str = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
/// How long a settlement that is mined may take into the books.
const LOOK_EVERY: Duration = Duration::from_millis(50);
const LOOKS_MAX: u32 = 400;

/// A `Transfer` log of the token, from the buyer to the recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OnChain {
    /// In atomic units, of which a dollar has a million.
    pub(super) amount: Usd,
    pub(super) transaction: String,
}

/// A job, and what it left elsewhere.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) bought: Bought,
    /// By the chain's own logs.
    pub(super) on_chain: Vec<OnChain>,
    /// Blocks that the chain has made meanwhile; each has a transaction.
    pub(super) blocks: u64,
    /// By the operators' books.
    pub(super) booked: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
struct JobFile {
    transfers: Vec<Entry>,
}

/// Buys two jobs with a wallet: one that matches, and one that doesn't.
pub(super) async fn story(url: String, admin: &AdminClient, chain: &LocalChain, folder: &Path) -> Result<(), Failure> {
    let wallet = chain.buyers.first().ok_or_else(|| Failure::Failed("the local chain has no buyer".to_owned()))?;
    let buyer = WalletBuyer::new(url, wallet)?;
    buyer.wait_until_offered().await?;
    print(&paid_report::place(chain, wallet.wallet()));
    let mut seen = Vec::new();
    for order in [ORDERS.first(), ORDERS.last()].into_iter().flatten() {
        let (before, logs) = (chain.node.block_number().await?, transfers(chain, wallet.wallet()).await?);
        let bought = buyer.buy(order).await?;
        let booked = booked(admin, &bought).await?;
        let on_chain = transfers(chain, wallet.wallet()).await?.split_off(logs.len());
        let blocks = chain.node.block_number().await?.saturating_sub(before);
        seen.push(Seen { bought, on_chain, blocks, booked });
    }
    print(&paid_report::jobs(&seen)?);
    print(&paid_report::books(&seen));
    let compared = compared(chain, folder).await?;
    let text = paid_report::compared(&compared.to_string());
    if compared.is_ok() {
        print(&text);
        return Ok(());
    }
    Err(Failure::Failed(text))
}

/// Every payment of the buyer so far, oldest first.
async fn transfers(chain: &LocalChain, buyer: Wallet) -> Result<Vec<OnChain>, Failure> {
    let topic = |wallet: Wallet| format!("0x{:0>64}", hex::encode(wallet.as_bytes()));
    let topics = json!([TRANSFER, topic(buyer), topic(chain.pay_to)]);
    let asked = json!([{ "address": chain.token.to_string(), "fromBlock": "0x0", "topics": topics }]);
    let logs = chain.node.call("eth_getLogs", asked).await?;
    logs.as_array()
        .into_iter()
        .flatten()
        .map(on_chain)
        .collect::<Option<_>>()
        .ok_or_else(|| Failure::Failed(format!("strange logs: {logs}")))
}

fn on_chain(log: &Value) -> Option<OnChain> {
    let amount = i64::from_str_radix(log.get("data")?.as_str()?.strip_prefix("0x")?, 16).ok()?;
    Some(OnChain { amount: Usd::from_micros(amount), transaction: log.get("transactionHash")?.as_str()?.to_owned() })
}

/// What the job moved, once all of it is in the books: a charge is claimed, and settled when it is final on the chain.
async fn booked(admin: &AdminClient, bought: &Bought) -> Result<Vec<Entry>, Failure> {
    let charged = bought.job.charged_usd.unwrap_or_default();
    for _ in 0..LOOKS_MAX {
        let file = admin.get(&format!("/admin/jobs/{}", bought.accepted.job_id)).await?;
        let JobFile { transfers } = serde_json::from_str(&file).map_err(|error| Failure::of(&error))?;
        if charged.is_zero() || transfers.iter().any(|line| line.kind == "settle") {
            return Ok(transfers);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Err(Failure::Failed(format!("the settlement of {} is not booked", bought.accepted.job_id)))
}

/// `audit --chain`, on the folder of the running server.
async fn compared(chain: &LocalChain, folder: &Path) -> Result<audit_chain::ChainReport, Failure> {
    let asset = read_asset(chain.network, &Variables::from_iter(chain.public_variables()))?;
    let reader = Embedded::open_read_only(folder).map_err(|error| Failure::of(&error))?;
    audit_chain::compare(&reader, reader.layout().shards, asset, Some(chain.first_block)).await
}
