//! What wallets have signed for and owe, and the lanes that collect it: put into a shard's state, and read from it.

use std::sync::Arc;

use super::due::{Due, WalletBook};
use super::state::Shard;
use crate::billing::lane::{Claimant, ItemKey, Lane, LaneId};
use crate::job::Payment;
use crate::types::{Usd, Wallet};

impl Shard {
    pub(super) fn put_due(&mut self, due: Due) {
        let payment = counts_by_itself(&due).then(|| Arc::clone(&due.payment));
        if self.dues.insert(due.key, due).is_none() {
            self.add_exposure(payment.as_deref());
        }
    }

    pub(super) fn lane_mut(&mut self, id: LaneId) -> &mut Lane {
        self.lanes.entry(id).or_insert_with(|| Lane::new(id))
    }

    pub(super) fn add_exposure(&mut self, payment: Option<&Payment>) {
        if let Some(payment) = payment {
            let sum = self.unsettled.entry(payment.verified.payer).or_default();
            // In range: it was admitted below limits that are far from the end.
            *sum = sum.plus(payment.verified.max).unwrap_or(Usd::MAX_WIRE);
        }
    }

    pub(super) fn settle_exposure(&mut self, payment: Option<&Payment>) {
        let Some(payment) = payment else { return };
        let left = self.unsettled(&payment.verified.payer).minus(payment.verified.max).unwrap_or_default();
        if left > Usd::ZERO {
            self.unsettled.insert(payment.verified.payer, left);
        } else {
            self.unsettled.remove(&payment.verified.payer);
        }
    }

    /// The sum of a wallet's maxima that are neither settled nor dead.
    pub fn unsettled(&self, wallet: &Wallet) -> Usd {
        self.unsettled.get(wallet).copied().unwrap_or_default()
    }

    /// Every wallet with unsettled maxima, and their sum.
    pub fn exposures(&self) -> impl Iterator<Item = (&Wallet, &Usd)> {
        self.unsettled.iter()
    }

    /// A settlement that is owed.
    pub fn due(&self, key: &ItemKey) -> Option<&Due> {
        self.dues.get(key)
    }

    /// Every settlement that is owed.
    pub fn dues(&self) -> impl Iterator<Item = &Due> {
        self.dues.values()
    }

    /// How a wallet has behaved; nothing where nothing was heard of it yet.
    pub fn wallet(&self, wallet: &Wallet) -> Option<&WalletBook> {
        self.wallets.get(wallet)
    }

    /// Every wallet that has a book.
    pub fn wallets(&self) -> impl Iterator<Item = &WalletBook> {
        self.wallets.values()
    }

    /// Every lane.
    pub fn lanes(&self) -> impl Iterator<Item = &Lane> {
        self.lanes.values()
    }

    /// A lane.
    pub fn lane(&self, id: &LaneId) -> Option<&Lane> {
        self.lanes.get(id)
    }
}

/// A job's due is counted with its job.
pub(super) const fn counts_by_itself(due: &Due) -> bool {
    match due.claimant {
        Claimant::Job(_) => false,
        Claimant::Agent(_) | Claimant::Debtor(_) => true,
    }
}
