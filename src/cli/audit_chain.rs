//! `enrich-jobs audit --chain`: what is booked as paid, against what the token's own logs say was paid. Both ways.

use std::collections::HashMap;
use std::fmt;

use futures_util::{StreamExt, TryStreamExt};
use serde::Serialize;

use super::{Failure, runtime};
use crate::actors::{Books, books};
use crate::billing::lane::{ItemKey, TxHash};
use crate::billing::reconcile::{self, Differences, Paid, reconcile};
use crate::billing::x402::logs::{authorizations_in, settled_in};
use crate::chain::Rpc;
use crate::chain::rpc::TransferTo;
use crate::config::networks::{self, AssetSettings};
use crate::config::{ConfigError, NetworkOptions, Variables};
use crate::store::Snapshot;
use crate::types::{Network, Usd, Wallet};

/// Receipts that are asked for at once.
const RECEIPTS: usize = 8;
/// Blocks and books have clocks of their own: an hour covers what they differ by.
const MARGIN_S: u64 = 3_600;

/// What a comparison found on one network.
#[derive(Debug, Serialize)]
pub(super) struct ChainReport {
    network: Network,
    ok: bool,
    from_block: u64,
    to_block: u64,
    matched: u64,
    matched_usd: Usd,
    under_way: u64,
    booked_not_paid: Vec<Line>,
    paid_not_booked: Vec<Line>,
    other_transfers: usize,
}

/// Something that doesn't fit.
#[derive(Debug, Serialize)]
struct Line {
    what: String,
    amount_usd: Usd,
    transaction: Option<String>,
    payer: Option<Wallet>,
}

/// Compares every network of the list.
pub(super) fn run(
    store: &dyn Snapshot,
    shards: u16,
    options: &NetworkOptions,
    from_block: Option<u64>,
) -> Result<Vec<ChainReport>, Failure> {
    let variables = Variables::of_process();
    let listed = options.x402_networks.clone().unwrap_or_default().0;
    if listed.is_empty() {
        return Err(ConfigError::new("X402_NETWORKS", "must name the networks to compare with").into());
    }
    let assets: Vec<AssetSettings> = listed.iter().map(|network| networks::read_asset(*network, &variables)).collect::<Result<_, _>>()?;
    runtime::run(Some(1), async {
        let mut reports = Vec::new();
        for asset in assets {
            reports.push(compare(store, shards, asset, from_block).await?);
        }
        Ok(reports)
    })
}

/// Compares one. Nothing is written on either side.
pub(super) async fn compare(
    store: &dyn Snapshot,
    shards: u16,
    asset: AssetSettings,
    from_block: Option<u64>,
) -> Result<ChainReport, Failure> {
    let AssetSettings { rpc, network, asset, pay_to, proxy } = asset;
    let failed = |error: crate::chain::Error| Failure::Failed(format!("{network}: {error}"));
    let rpc = Rpc::new(rpc).map_err(|error| Failure::of(&error))?;
    // Before the books are read: what they say then is at least as new.
    let last = rpc.head().await.map_err(failed)?.block.number;
    let mut all = books(store, shards, &[network]).map_err(|error| Failure::of(&error))?;
    let Books { booked, owed } = all.remove(&network).unwrap_or_default();
    let first = match (from_block, booked.iter().map(|one| one.at.seconds()).min()) {
        (Some(block), _) => block,
        (None, Some(oldest)) => {
            let time = u64::try_from(oldest).unwrap_or(0).saturating_sub(MARGIN_S);
            rpc.block_before(time).await.map_err(failed)?
        }
        // Nothing is booked: what would be the first block, nobody knows.
        (None, None) => last.saturating_sub(MARGIN_S),
    };
    let mut transfers = rpc.transfers_to(asset, pay_to, first, last).await.map_err(failed)?;
    // Booked from a block that is younger than the end of the look.
    let seen: std::collections::HashSet<TxHash> = transfers.iter().map(|transfer| transfer.tx).collect();
    for tx in booked.iter().filter_map(|one| one.tx).filter(|tx| !seen.contains(tx)) {
        transfers.extend(newer(&rpc, tx, last, asset, pay_to).await.map_err(failed)?);
    }
    let paid = told(&rpc, transfers, asset, proxy).await.map_err(failed)?;
    let booked = booked.into_iter().map(|one| reconcile::Booked {
        name: one.id.to_string(),
        amount: one.amount,
        payer: one.payer,
        tx: one.tx,
        key: one.key,
    });
    let owed = owed.into_iter().map(|(payer, amount, _)| (payer, amount)).collect();
    Ok(ChainReport::of(network, (first, last), reconcile(booked.collect(), paid, owed)))
}

/// The transfers of one transaction, where it is younger than the look.
async fn newer(rpc: &Rpc, tx: TxHash, last: u64, asset: Wallet, pay_to: Wallet) -> Result<Vec<TransferTo>, crate::chain::Error> {
    match rpc.receipt(tx).await? {
        Some(receipt) if receipt.block.number > last => {
            let number = receipt.block.number;
            let of_block = rpc.transfers_to(asset, pay_to, number, number).await?;
            Ok(of_block.into_iter().filter(|transfer| transfer.tx == tx).collect())
        }
        Some(_) | None => Ok(Vec::new()),
    }
}

/// What the transactions say of themselves: whether they settled, and by which authorizations.
async fn told(rpc: &Rpc, transfers: Vec<TransferTo>, asset: Wallet, proxy: Wallet) -> Result<Vec<Paid>, crate::chain::Error> {
    let mut txs: Vec<TxHash> = transfers.iter().map(|transfer| transfer.tx).collect();
    txs.sort_unstable();
    txs.dedup();
    let asked = futures_util::stream::iter(txs).map(|tx| async move { rpc.receipt(tx).await.map(|receipt| (tx, receipt)) });
    let receipts: HashMap<TxHash, _> = asked.buffer_unordered(RECEIPTS).try_collect().await?;
    let paid = transfers.into_iter().map(|transfer| {
        let logs = receipts.get(&transfer.tx).and_then(Option::as_ref).map(|receipt| receipt.logs.as_slice()).unwrap_or_default();
        let authorizations = authorizations_in(logs, asset).into_iter().filter(|(payer, _)| *payer == transfer.from);
        let keys: Vec<ItemKey> = authorizations.map(|(payer, nonce)| ItemKey::of(payer, nonce.0)).collect();
        let is_settlement = !keys.is_empty() || settled_in(logs, proxy);
        Paid { tx: transfer.tx, payer: transfer.from, amount: transfer.amount, keys, is_settlement }
    });
    Ok(paid.collect())
}

impl ChainReport {
    fn of(network: Network, (from_block, to_block): (u64, u64), found: Differences) -> Self {
        let ok = found.is_ok();
        let booked = found.not_paid.into_iter().map(|one| Line {
            what: one.name,
            amount_usd: one.amount,
            transaction: one.tx.map(|tx| tx.to_string()),
            payer: one.payer,
        });
        let paid = found.not_booked.into_iter().map(|one| Line {
            what: "a settlement".to_owned(),
            amount_usd: one.amount,
            transaction: Some(one.tx.to_string()),
            payer: Some(one.payer),
        });
        Self {
            network,
            ok,
            from_block,
            to_block,
            matched: found.matched,
            matched_usd: found.matched_usd,
            under_way: found.under_way,
            booked_not_paid: booked.collect(),
            paid_not_booked: paid.collect(),
            other_transfers: found.gifts.len(),
        }
    }

    pub(super) const fn is_ok(&self) -> bool {
        self.ok
    }
}

impl fmt::Display for ChainReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { network, from_block, to_block, matched, matched_usd, .. } = self;
        writeln!(f, "{network}, blocks {from_block} to {to_block}")?;
        writeln!(f, "  {matched} payments of ${matched_usd} in all are booked, and on the chain")?;
        if self.under_way > 0 {
            writeln!(f, "  {} are mined and will be booked", self.under_way)?;
        }
        if self.other_transfers > 0 {
            writeln!(f, "  {} transfers settled nothing of ours", self.other_transfers)?;
        }
        if self.ok {
            return writeln!(f, "Books and chain say the same, to the micro-dollar.");
        }
        for (head, lines) in [("BOOKED, NOT PAID", &self.booked_not_paid), ("PAID, NOT BOOKED", &self.paid_not_booked)] {
            for Line { what, amount_usd, transaction, payer } in lines {
                let payer = payer.map(|payer| format!(" by {payer}")).unwrap_or_default();
                let tx = transaction.as_ref().map(|tx| format!(" in {tx}")).unwrap_or_default();
                writeln!(f, "  {head}: {what} of ${amount_usd}{payer}{tx}")?;
            }
        }
        Ok(())
    }
}
