//! What wallets owe: dues and books, and the sums of what each has signed for, which follow from live jobs and dues (D-5, I-17).

use std::sync::Arc;

use super::Shard;
use super::due::{Due, WalletBook};
use crate::billing::lane::{Claimant, ItemKey, Outcome};
use crate::job::{Job, Payment};
use crate::types::{Usd, Wallet};

impl Shard {
    pub(super) fn put_job(&mut self, job: Arc<Job>) {
        let (id, payment) = (job.spec.id, job.spec.payment.clone());
        self.keeping_sums(payment.as_deref(), None, Claimant::Job(id), |shard| drop(shard.jobs.insert(id, job)));
    }

    pub(super) fn put_due(&mut self, due: Due) {
        let (payment, key, claimant) = (Arc::clone(&due.payment), due.key, due.claimant);
        self.keeping_sums(Some(&payment), Some(key), claimant, |shard| drop(shard.dues.insert(due.key, due)));
    }

    pub(super) fn remove_job(&mut self, job: &Job) {
        let id = job.spec.id;
        self.keeping_sums(job.spec.payment.as_deref(), None, Claimant::Job(id), |shard| drop(shard.jobs.remove(&id)));
    }

    pub(super) fn remove_due(&mut self, key: &ItemKey) {
        if let Some((payment, claimant)) = self.dues.get(key).map(|due| (Arc::clone(&due.payment), due.claimant)) {
            self.keeping_sums(Some(&payment), Some(*key), claimant, |shard| drop(shard.dues.remove(key)));
        }
    }

    /// Changes a job or a due and, as far as that opens or closes its payment, the sum of what its payer has signed for. What
    /// counts is asked before and after, so the sum follows from jobs and dues however often and over whatever a change is replayed.
    fn keeping_sums(&mut self, payment: Option<&Payment>, key: Option<ItemKey>, claimant: Claimant, change: impl FnOnce(&mut Self)) {
        let Some(payment) = payment else { return change(self) };
        let (payer, max) = (payment.verified.payer, payment.verified.max);
        let brought = u32::from(payment.verified.sponsored.is_some());
        let key = || key.unwrap_or_else(|| item_key(payment));
        let before = self.is_unsettled(key, claimant);
        change(self);
        let (sum, sponsored) = (self.unsettled(&payer), self.sponsored(&payer));
        let (sum, sponsored) = match (before, self.is_unsettled(key, claimant)) {
            // In range: it was admitted below limits that are far from the end.
            (false, true) => (sum.plus(max).unwrap_or(Usd::MAX_WIRE), sponsored.saturating_add(brought)),
            (true, false) => (sum.minus(max).unwrap_or_default(), sponsored.saturating_sub(brought)),
            (true, true) | (false, false) => return,
        };
        if sum > Usd::ZERO {
            self.unsettled.insert(payer, sum);
        } else {
            self.unsettled.remove(&payer);
        }
        if sponsored > 0 {
            self.sponsored.insert(payer, sponsored);
        } else {
            self.sponsored.remove(&payer);
        }
    }

    /// Whether the whole maximum of a payment may still be charged: while its job lives, and again where a reorg has undone the
    /// settlement of one that has ended (F-X4).
    fn is_unsettled(&self, key: impl FnOnce() -> ItemKey, claimant: Claimant) -> bool {
        let due = || self.dues.get(&key());
        match claimant {
            Claimant::Job(id) => self.jobs.contains_key(&id) || due().is_some_and(|due| due.outcome == Outcome::Pending),
            Claimant::Agent(_) | Claimant::Debtor(_) => due().is_some(),
        }
    }

    /// The sum of a wallet's maxima that are neither settled nor dead.
    pub fn unsettled(&self, wallet: &Wallet) -> Usd {
        self.unsettled.get(wallet).copied().unwrap_or_default()
    }

    /// How many of a wallet's unsettled payments bring their allowance along: one at most, unless a reorg brings an older one back.
    pub(super) fn sponsored(&self, wallet: &Wallet) -> u32 {
        self.sponsored.get(wallet).copied().unwrap_or_default()
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
}

/// What names a payment's settlement.
pub(super) fn item_key(payment: &Payment) -> ItemKey {
    ItemKey::of(payment.verified.payer, payment.verified.nonce().to_be_bytes())
}
