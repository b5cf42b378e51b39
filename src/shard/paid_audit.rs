//! What must hold of jobs and claims that wallets pay for: every charge is owed, then settled or written off, and nothing else is.

use std::collections::HashMap;

use super::audit::Audit;
use super::unsettled::item_key;
use super::{Due, Shard};
use crate::billing::lane::{Claimant, ItemKey, Outcome};
use crate::billing::x402::PaymentKey;
use crate::billing::{Account, JobTransfer};
use crate::job::{Billing, FailureCode, Job, Payment, Status};
use crate::types::{JobId, Network, Timestamp, Usd, Wallet};

/// What is known of wallets' payments until the live state is compared.
#[derive(Debug, Default)]
pub(super) struct Paid {
    /// Who is paid by each (I-7).
    payments: HashMap<PaymentKey, Claimant>,
    ended: Vec<Ended>,
    written_off: i128,
    recovered: i128,
}

#[derive(Debug)]
struct Ended {
    id: JobId,
    item: ItemKey,
    charged: Usd,
    waive_below: Usd,
    failed_to_settle: bool,
}

impl Paid {
    pub(super) fn write_off(&mut self, amount: Usd) {
        self.written_off = self.written_off.saturating_add(i128::from(amount.micros()));
    }

    pub(super) fn recovery(&mut self, amount: Usd) {
        self.recovered = self.recovered.saturating_add(i128::from(amount.micros()));
    }
}

impl Audit {
    /// A name that is booked a second time as something else.
    pub(super) fn booked_once(&mut self, id: &dyn std::fmt::Display, known: (Usd, Timestamp), again: (Usd, Timestamp)) {
        if known != again {
            self.wrong("I-3", format!("{id} is booked as {} at {}, and as {} at {}", known.0, known.1, again.0, again.1));
        }
    }

    pub(super) fn ended_paid(&mut self, job: &Job) {
        let id = job.spec.id;
        let Some(bill) = job.state.bill else { return self.wrong("I-2", format!("{id} has ended without a bill")) };
        let Some(payment) = &job.spec.payment else { return self.wrong("I-7", format!("{id} is paid by a wallet, and has no payment")) };
        self.bill(job, payment);
        let failed_to_settle = job.state.failure.as_ref().is_some_and(|failure| failure.code == FailureCode::SettlementFailed);
        self.paid.ended.push(Ended {
            id,
            item: item_key(payment),
            charged: bill.charged,
            waive_below: payment.waive_below,
            failed_to_settle,
        });
    }

    /// The charge is within what was signed, and by `exact` all of it or nothing (I-6); its payment is nobody else's (I-7).
    fn bill(&mut self, job: &Job, payment: &Payment) {
        let (id, ceiling, max) = (job.spec.id, job.spec.ceiling, payment.verified.max);
        self.payment_of(payment, Claimant::Job(id));
        let charged = job.state.bill.map(|bill| bill.charged).unwrap_or_default();
        if charged.is_negative() || charged > ceiling || charged > max {
            self.wrong("I-6", format!("{id} is charged {charged} of {ceiling}, and {max} are signed for"));
        }
        if payment.is_exact() && !charged.is_zero() && charged != max {
            self.wrong("I-6", format!("{id} is charged {charged} of exactly {max}"));
        }
        let whose = Billing::Upto { network: payment.verified.network, payer: payment.verified.payer };
        if job.spec.billing != whose {
            self.wrong("I-7", format!("{id} is billed to {:?}, its payment is of {whose:?}", job.spec.billing));
        }
    }

    fn payment_of(&mut self, payment: &Payment, claimant: Claimant) {
        let id = payment.verified.id();
        if let Some(other) = self.paid.payments.insert(id.key(), claimant)
            && other != claimant
        {
            self.wrong("I-7", format!("the payment {:?} of {} is claimed for {other:?} and for {claimant:?}", id.nonce, id.payer));
        }
    }

    /// To be called with every transfer taken and every ended job seen.
    pub(super) fn finish_paid(&mut self, shard: &Shard) {
        let mut owed: HashMap<Network, i128> = HashMap::new();
        for due in shard.dues() {
            self.due(due);
            if matches!(due.claimant, Claimant::Job(_)) {
                let sum = owed.entry(due.network()).or_default();
                *sum = sum.saturating_add(i128::from(due.amount.micros()));
            }
        }
        for job in shard.jobs() {
            self.live_paid(shard, job);
        }
        for ended in std::mem::take(&mut self.paid.ended) {
            let due = due_of(shard, &ended.item, ended.id);
            self.end(&ended, due);
        }
        self.claims(&owed);
        self.unsettled(shard);
        self.debts(shard);
    }

    fn due(&mut self, due: &Due) {
        let (key, amount, max) = (due.key, due.amount, due.payment.verified.max);
        self.payment_of(&due.payment, due.claimant);
        if key != item_key(&due.payment) {
            self.wrong("I-8", format!("what is owed as {key:?} has a payment of another name"));
        }
        if let Err(error) = due.intent() {
            self.wrong("I-6", format!("{key:?}: {amount} of {max} can't be settled: {error}"));
        }
        match due.claimant {
            Claimant::Job(id) => {
                let claim = self.booked(id, JobTransfer::Claim).unwrap_or_default();
                if claim != amount {
                    self.wrong("I-3", format!("{id}: {amount} are owed, the ledger has a claim of {claim}"));
                }
            }
            Claimant::Agent(_) | Claimant::Debtor(_) if amount != max => {
                self.wrong("I-6", format!("{key:?}: {amount} are owed of exactly {max}"));
            }
            Claimant::Agent(_) | Claimant::Debtor(_) => {}
        }
    }

    fn live_paid(&mut self, shard: &Shard, job: &Job) {
        let Some(payment) = &job.spec.payment else { return };
        self.bill(job, payment);
        let id = job.spec.id;
        let due = due_of(shard, &item_key(payment), id).map(|due| due.amount);
        let charged = job.state.bill.map(|bill| bill.charged);
        if due != charged || charged.is_some() != (job.state.status == Status::Completing) {
            let status = job.state.status.as_str();
            self.wrong("I-6", format!("{id} is {status} with a charge of {charged:?}, and {due:?} are owed"));
        }
        let end = [JobTransfer::Settle, JobTransfer::WriteOff, JobTransfer::Waive].map(|kind| self.booked(id, kind));
        if end != [None, None, None] {
            self.wrong(
                "I-3",
                format!("{id} has not ended, and its charge is booked as settled {:?}, lost {:?} or waived {:?}", end[0], end[1], end[2]),
            );
        }
    }

    /// Nothing is owed for nothing; a charge is a claim, which is open, or settled, or written off (I-6), each whole and once.
    fn end(&mut self, ended: &Ended, due: Option<&Due>) {
        let Ended { id, charged, failed_to_settle, waive_below, .. } = *ended;
        // What is waived was a claim, too, which is why it needs a line of its own; the buyer is charged nothing.
        let waived = self.booked(id, JobTransfer::Waive);
        let claimed = if charged.is_zero() { waived } else { None };
        if waived.is_some_and(|waived| !charged.is_zero() || waived >= waive_below) {
            self.wrong("I-6", format!("{id} is charged {charged}, and {waived:?} below {waive_below} are waived"));
        }
        let some = Some(charged).filter(|charged| !charged.is_zero());
        let [claim, settle, write_off] = [JobTransfer::Claim, JobTransfer::Settle, JobTransfer::WriteOff].map(|kind| self.booked(id, kind));
        if claim != some.or(claimed) {
            self.wrong("I-3", format!("{id} is charged {charged}, the ledger has a claim of {claim:?}"));
        }
        let ends: Vec<_> = [due.map(|due| due.amount), settle, write_off].into_iter().flatten().collect();
        if ends.iter().copied().ne(some) {
            let open = due.map(|due| due.amount);
            self.wrong("I-6", format!("{id} is charged {charged}: open {open:?}, settled {settle:?}, written off {write_off:?}"));
        }
        if failed_to_settle && write_off != some {
            self.wrong("I-6", format!("{id} failed to settle, and {write_off:?} of {charged} are written off"));
        }
    }

    /// What is claimed and neither settled nor lost is what is owed, on each network (I-5).
    fn claims(&mut self, owed: &HashMap<Network, i128>) {
        let booked = self.balances.iter().filter_map(|(account, balance)| match account {
            Account::Claims(network) => Some((*network, balance.saturating_neg())),
            Account::Agent(_) | Account::Hold(_) | Account::Revenue | Account::Deposits(_) | Account::Chain(_) | Account::WriteOff => None,
        });
        let booked: HashMap<Network, i128> = booked.collect();
        for network in owed.keys().chain(booked.keys().filter(|network| !owed.contains_key(network))) {
            let open = owed.get(network).copied().unwrap_or_default();
            let claims = booked.get(network).copied().unwrap_or_default();
            if claims != open || claims < 0 {
                self.broken_claims(*network, claims, open);
            }
        }
    }

    fn broken_claims(&mut self, network: Network, claims: i128, open: i128) {
        self.wrong("I-5", format!("on {network} {claims} micro-dollars are claimed, and {open} are owed"));
    }

    /// The sums by which credit is given are those of the jobs and dues (I-17).
    fn unsettled(&mut self, shard: &Shard) {
        let jobs = shard.jobs().filter_map(|job| Some((job.spec.payment.as_deref()?, Claimant::Job(job.spec.id))));
        let dues = shard.dues().map(|due| (&*due.payment, due.claimant));
        let open: HashMap<_, _> = jobs.chain(dues).map(|(payment, claimant)| (item_key(payment), (payment, claimant))).collect();
        let mut sums: HashMap<Wallet, i128> = shard.exposures().map(|(wallet, sum)| (*wallet, i128::from(sum.micros()))).collect();
        let mut brought: HashMap<Wallet, i64> = shard.sponsored.iter().map(|(wallet, count)| (*wallet, i64::from(*count))).collect();
        for (key, (payment, claimant)) in open {
            let is_mined = shard.due(&key).is_some_and(|due| due.outcome != Outcome::Pending);
            let counts = match claimant {
                Claimant::Job(id) => shard.job(&id).is_some() || !is_mined,
                Claimant::Agent(_) | Claimant::Debtor(_) => true,
            };
            if counts {
                let sum = sums.entry(payment.verified.payer).or_default();
                *sum = sum.saturating_sub(i128::from(payment.verified.max.micros()));
                let count = brought.entry(payment.verified.payer).or_default();
                *count = count.saturating_sub(i64::from(payment.verified.sponsored.is_some()));
            }
        }
        for (wallet, difference) in sums.into_iter().filter(|(_, difference)| *difference != 0) {
            self.wrong("I-17", format!("{wallet} counts {difference} micro-dollars more than it has signed for and not paid"));
        }
        for (wallet, difference) in brought.into_iter().filter(|(_, difference)| *difference != 0) {
            self.wrong("I-17", format!("{wallet} counts {difference} allowances more than come along with what it has not paid"));
        }
    }

    /// Every debt is a charge that was written off, and all together are no more than what is lost for good.
    fn debts(&mut self, shard: &Shard) {
        let mut of_jobs: HashMap<JobId, Wallet> = HashMap::new();
        let mut owed = 0_i128;
        for (wallet, debt) in shard.wallets().flat_map(|book| book.debts.iter().map(|debt| (book.wallet, debt))) {
            let lost = self.booked(debt.job, JobTransfer::WriteOff);
            if lost != Some(debt.amount) || of_jobs.insert(debt.job, wallet).is_some() {
                self.wrong("I-5", format!("{wallet} owes {} for {}, of which {lost:?} is written off", debt.amount, debt.job));
            }
            owed = owed.saturating_add(i128::from(debt.amount.micros()));
        }
        let lost = self.paid.written_off.saturating_sub(self.paid.recovered);
        if owed > lost {
            self.wrong("I-5", format!("wallets owe {owed} micro-dollars, and {lost} are lost"));
        }
    }
}

fn due_of<'a>(shard: &'a Shard, key: &ItemKey, job: JobId) -> Option<&'a Due> {
    shard.due(key).filter(|due| due.claimant == Claimant::Job(job))
}
