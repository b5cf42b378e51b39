//! What operators ask about payments: what is owed, where it stands, who owes, and how much credit is given.

use std::collections::BTreeMap;

use super::settlement::settle;
use crate::actors::api::Error;
use crate::actors::look::{Debtors, DueOf, Exposures, Facilitators, Settling};
use crate::actors::node::{Inner, Node};
use crate::billing::lane::{ItemState, Lane, LaneId, TxHash};
use crate::billing::x402::exposure::Caps;
use crate::shard::{Command, Due, Refusal, WalletBook};
use crate::types::{JobId, Network, Timestamp, Usd, Wallet};

/// Everything that is on its way.
#[derive(Debug, Clone)]
pub struct SettlementsStatus {
    /// What is owed, the oldest first.
    pub dues: Vec<Due>,
    /// Every lane that ever did anything, and those that are configured.
    pub lanes: Vec<LaneStatus>,
}

/// One lane.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct LaneStatus {
    /// Which.
    pub id: LaneId,
    /// Its key is configured, so it works.
    pub is_driven: bool,
    /// The next account nonce that it signs for; none before it first saw the chain.
    pub next: Option<u64>,
    /// Settlements that wait for a transaction.
    pub waiting: usize,
    /// What it has signed and may still have to send.
    pub families: Vec<FamilyStatus>,
}

/// Everything that was signed for one account nonce.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct FamilyStatus {
    /// Which.
    pub account_nonce: u64,
    /// Its transactions, oldest first.
    pub txs: Vec<TxHash>,
    /// How many settlements ride in it.
    pub items: usize,
    /// Given up, by a transaction of nothing.
    pub is_cancelled: bool,
    /// The one that is mined.
    pub mined: Option<TxHash>,
}

/// How much credit is given.
#[derive(Debug, Clone)]
pub struct ExposureStatus {
    /// The limits; none where no network is configured.
    pub caps: Option<Caps>,
    /// What all wallets have signed for and not paid.
    pub total: Usd,
    /// What those have that no settlement went well for yet.
    pub unproven_total: Usd,
    /// Every such wallet, the largest sum first.
    pub wallets: Vec<WalletExposure>,
}

/// One wallet's credit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct WalletExposure {
    /// Whose.
    pub wallet: Wallet,
    /// What it has signed for and not paid.
    pub unsettled: Usd,
    /// A settlement went well for it.
    pub is_proven: bool,
    /// What it owes from settlements that failed.
    pub owed: Usd,
}

impl LaneStatus {
    pub(in crate::actors) fn of(lane: &Lane, is_driven: bool) -> Self {
        let families = lane.families.iter().map(|(nonce, family)| FamilyStatus {
            account_nonce: *nonce,
            txs: family.txs.iter().map(|tx| tx.hash).collect(),
            items: family.items.len(),
            is_cancelled: family.is_cancelled(),
            mined: family.mined.map(|mined| mined.tx),
        });
        let waiting = lane.items.values().filter(|item| matches!(item.state, ItemState::Waiting { .. })).count();
        Self { id: lane.id, is_driven, next: lane.next, waiting, families: families.collect() }
    }
}

impl Node {
    /// The node's time.
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// Everything that is on its way.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn settlements(&self) -> Result<SettlementsStatus, Error> {
        let (mut dues, mut lanes) = (Vec::new(), BTreeMap::new());
        for shard in self.inner.shards() {
            let (owed, working) = shard.look(Settling {}).await?;
            dues.extend(owed);
            lanes.extend(working.into_iter().map(|lane| (lane.id, lane)));
        }
        for id in self.inner.chains.lanes() {
            lanes.entry(id).or_insert_with(|| LaneStatus::of(&Lane::new(id), false));
        }
        for (id, lane) in &mut lanes {
            lane.is_driven = self.inner.settlements.drives(id);
        }
        dues.sort_by_key(|due| (due.since, due.key));
        Ok(SettlementsStatus { dues, lanes: lanes.into_values().collect() })
    }

    /// Hands a job's settlement over again. What it moves and which lane moves it stay as they are.
    ///
    /// # Errors
    /// [`Refusal::NoDue`] where nothing is owed for the job.
    pub async fn retry_settlement(&self, job: JobId, reason: Box<str>) -> Result<Due, Error> {
        let shard = self.shard(job.slot())?;
        shard.execute(Command::RetrySettlement { job, reason, at: self.inner.clock.now() }).await?;
        let due = shard.look(DueOf { job }).await?;
        let due = due.ok_or(Error::Refused(Refusal::NoDue))?;
        settle(&self.inner, due.clone());
        Ok(due)
    }

    /// Every wallet that owes, the one that owes most first.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn debtors(&self) -> Result<Vec<WalletBook>, Error> {
        let mut debtors = Vec::new();
        for shard in self.inner.shards() {
            debtors.extend(shard.look(Debtors {}).await?);
        }
        debtors.sort_by_key(|book| (std::cmp::Reverse(book.owed()), book.wallet));
        Ok(debtors)
    }

    /// Forgives a wallet what it owes, and returns how much that was. Its payments are taken again.
    ///
    /// # Errors
    /// [`Refusal::NoDebt`].
    pub async fn forgive(&self, wallet: Wallet, reason: Box<str>) -> Result<Usd, Error> {
        let owed = self.debts(wallet).await?.map(|book| book.owed()).unwrap_or_default();
        self.shard(wallet.slot())?.execute(Command::Forgive { wallet, reason, at: self.inner.clock.now() }).await?;
        Ok(owed)
    }

    /// How much credit is given.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn exposure(&self) -> Result<ExposureStatus, Error> {
        let mut wallets = Vec::new();
        for shard in self.inner.shards() {
            wallets.extend(shard.look(Exposures {}).await?);
        }
        wallets.sort_by_key(|one| (std::cmp::Reverse(one.unsettled), one.wallet));
        let sum = |keep: fn(&WalletExposure) -> bool| {
            wallets.iter().filter(|one| keep(one)).fold(Usd::ZERO, |sum, one| sum.plus(one.unsettled).unwrap_or(Usd::MAX_WIRE))
        };
        let (total, unproven_total) = (sum(|_| true), sum(|one| !one.is_proven));
        Ok(ExposureStatus { caps: self.inner.chains.caps(), total, unproven_total, wallets })
    }
}

/// How many authorizations are open on a network, by the facilitator that they name: each may take a transaction yet.
pub(super) async fn open_by_facilitator(node: &Inner, network: Network) -> Result<BTreeMap<Wallet, u64>, Error> {
    let mut open = BTreeMap::new();
    for shard in node.shards() {
        for facilitator in shard.look(Facilitators { network }).await? {
            let count: &mut u64 = open.entry(facilitator).or_default();
            *count = count.saturating_add(1);
        }
    }
    Ok(open)
}
