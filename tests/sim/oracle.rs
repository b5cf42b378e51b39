//! A second, simpler memory of what was promised and paid. It learns only of what is durable, and of what stood on the chain.

use std::collections::{BTreeMap, BTreeSet};

use enrich_jobs::billing::lane::{Change, Claimant, ItemKey, LaneId, TxHash};
use enrich_jobs::billing::{Account, JobTransfer, Transfer, TransferId};
use enrich_jobs::job::view::PollBody;
use enrich_jobs::job::{Job, Status};
use enrich_jobs::shard::{Due, Event, Group, ScopedKey};
use enrich_jobs::types::{JobId, Usd};

use crate::chain::Chain;
use crate::payments::{claim_key, item_key};

#[derive(Default)]
pub(crate) struct Oracle {
    /// Who was told 202.
    pub(crate) accepted: BTreeSet<JobId>,
    /// Every job that is durable, as far as it has come.
    statuses: BTreeMap<JobId, Status>,
    /// What each payment bought.
    payments: BTreeMap<ScopedKey, JobId>,
    /// What each authorization is settled for: decided once.
    charges: BTreeMap<ItemKey, (Usd, Claimant)>,
    transfers: BTreeMap<TransferId, Transfer>,
    /// Every transaction that was stored, by lane and account nonce, and what the first of a nonce carries.
    stored: BTreeMap<LaneId, BTreeMap<u64, Vec<ItemKey>>>,
    txs: BTreeSet<TxHash>,
    balances: BTreeMap<Account, i64>,
}

impl Oracle {
    /// Takes what became durable.
    pub(crate) fn learn(&mut self, group: &Group, chain: &Chain) {
        for event in &group.events {
            match event {
                Event::JobOpened(spec, _) => {
                    if let Some(payment) = &spec.payment {
                        let known = *self.payments.entry(claim_key(payment)).or_insert(spec.id);
                        assert_eq!(known, spec.id, "I-7: a payment bought two jobs");
                    }
                    self.moves(spec.id, Status::Queued);
                }
                Event::JobMoved(id, state) => self.moves(*id, state.status),
                Event::DuePut(due) => self.owes(due),
                Event::Posted(transfer) => self.books(transfer),
                Event::LaneMoved(lane, changes) => changes.iter().for_each(|change| self.signs(*lane, change)),
                Event::HopAdded(..)
                | Event::AgentPut(_)
                | Event::Balance { .. }
                | Event::KeyUsed { .. }
                | Event::TokenPut(..)
                | Event::AccountPut(..)
                | Event::KeyPut(..)
                | Event::OutboxPut(_)
                | Event::OutboxGone(_)
                | Event::Attempted(..)
                | Event::OperatorActed(_)
                | Event::DueGone(_)
                | Event::JobListed(..)
                | Event::IntroductionPut(_)
                | Event::IntroductionGone(_)
                | Event::SessionPut(_)
                | Event::SessionGone(_)
                | Event::PrecedentPut(_)
                | Event::WalletPut(_) => {}
            }
        }
        for job in group.jobs.values() {
            Self::shows(job, chain);
        }
    }

    fn moves(&mut self, id: JobId, status: Status) {
        let known = self.statuses.entry(id).or_insert(status);
        assert!(*known < status || (*known == status && !status.is_ended()), "I-11: {id} goes from {known:?} to {status:?}");
        *known = status;
    }

    fn owes(&mut self, due: &Due) {
        assert_eq!(due.key, item_key(&due.payment), "I-8");
        let known = *self.charges.entry(due.key).or_insert((due.amount, due.claimant));
        assert_eq!(known, (due.amount, due.claimant), "I-8: what is settled never changes");
        assert!(due.amount > Usd::ZERO && due.amount <= due.payment.verified.max, "I-6");
    }

    fn books(&mut self, transfer: &Transfer) {
        assert!(!transfer.amount.is_negative(), "I-1");
        assert!(self.transfers.insert(transfer.id, transfer.clone()).is_none(), "I-3: {} is booked twice", transfer.id);
        *self.balances.entry(transfer.debit).or_default() -= transfer.amount.micros();
        *self.balances.entry(transfer.credit).or_default() += transfer.amount.micros();
        let TransferId::Job(id, kind) = transfer.id else { return };
        let amount = |kind| self.transfers.get(&TransferId::Job(id, kind)).map(|transfer| transfer.amount);
        match kind {
            JobTransfer::Settle | JobTransfer::WriteOff | JobTransfer::Waive => {
                let ends = [JobTransfer::Settle, JobTransfer::WriteOff, JobTransfer::Waive].map(amount);
                assert_eq!(ends.iter().flatten().count(), 1, "I-6: {id} is settled, written off or waived, and one of these only");
                assert_eq!(
                    ends.into_iter().flatten().next(),
                    amount(JobTransfer::Claim),
                    "I-6: {id} ends for another amount than it is charged"
                );
            }
            JobTransfer::Claim | JobTransfer::Hold | JobTransfer::Capture | JobTransfer::Release => {}
        }
    }

    fn signs(&mut self, lane: LaneId, change: &Change) {
        match change {
            Change::Next(_) | Change::Family(_, None) | Change::Item(_, None) => {}
            Change::Item(key, Some(item)) => {
                let owed = self.charges.get(key).map(|(amount, _)| *amount);
                assert_eq!(owed, Some(item.intent.amount), "I-8: a lane settles what is owed");
            }
            Change::Family(nonce, Some(family)) => {
                let stored = self.stored.entry(lane).or_default();
                let next = stored.keys().next_back().map_or(0, |last| last + 1);
                assert!(*nonce <= next, "I-14: {nonce} is signed for before {next}");
                let first = stored.entry(*nonce).or_insert_with(|| family.items.clone());
                assert!(family.items.is_empty() || *first == family.items, "I-14: {nonce} carries something else");
                self.txs.extend(family.txs.iter().map(|tx| tx.hash));
            }
        }
    }

    /// I-15, D-1: what is shown of a job that costs something was seen on the chain.
    fn shows(job: &Job, chain: &Chain) {
        if job.state.result.is_none() {
            return;
        }
        let shown = serde_json::to_value(PollBody::of(job, 1_200)).unwrap();
        let is_shown = shown.get("result").is_some() || shown.get("partial_result").is_some();
        let (Some(payment), Some(bill)) = (&job.spec.payment, job.state.bill) else { return assert!(!is_shown, "I-15: {shown}") };
        if is_shown && !bill.charged.is_zero() {
            let tx = job.state.settled_in.unwrap_or_else(|| panic!("I-15: {shown}"));
            assert!(chain.ever_moved.contains(&(item_key(payment), tx)), "I-15: {tx} never paid for {shown}");
        }
    }

    /// D-3: nothing is sent that isn't stored.
    pub(crate) fn sends(&self, tx: &TxHash) {
        assert!(self.txs.contains(tx), "D-3: {tx} is sent and not stored");
    }

    /// I-8, I-12: what the chain says was moved is what was decided.
    pub(crate) fn sees(&self, chain: &Chain) {
        for (key, (tx, amount)) in &chain.head().moved {
            assert!(self.txs.contains(tx), "D-3: {tx} is mined and not stored");
            assert_eq!(self.charges.get(key).map(|(charge, _)| *charge), Some(*amount), "I-8: the chain moved another amount for {key:?}");
        }
    }

    pub(crate) fn status(&self, id: &JobId) -> Option<Status> {
        self.statuses.get(id).copied()
    }

    /// How much of what can be booked was.
    pub(crate) fn booked(&self) -> impl Iterator<Item = &'static str> {
        self.transfers.keys().map(|id| match id {
            TransferId::Job(_, kind) => kind.as_str(),
            TransferId::Payment(_, kind) => kind.as_str(),
            TransferId::Credit(..) | TransferId::Welcome(_) => "credit",
        })
    }

    /// I-10, I-19, I-5: with all faults over everything has ended, and the treasury has what the ledger says, to the unit.
    pub(crate) fn audit(&self, chain: &Chain) {
        for id in &self.accepted {
            assert!(self.status(id).is_some_and(Status::is_ended), "I-10, I-19: {id} was accepted and is {:?}", self.status(id));
        }
        assert!(self.statuses.values().all(|status| status.is_ended()), "I-19");
        let of =
            |is: fn(&Account) -> bool| self.balances.iter().filter(|(account, _)| is(account)).map(|(_, balance)| balance).sum::<i64>();
        let treasury: i64 = chain.head().moved.values().map(|(_, amount)| amount.micros()).sum();
        assert_eq!(-of(|account| matches!(account, Account::Chain(_))), treasury, "I-5: the treasury has what the ledger says");
        assert_eq!(of(|account| matches!(account, Account::Claims(_))), 0, "I-5: nothing is open");
        assert_eq!(self.balances.values().sum::<i64>(), 0, "I-1");
        for (key, (amount, claimant)) in &self.charges {
            let moved = chain.head().moved.get(key).map(|(_, amount)| *amount);
            let Claimant::Job(id) = claimant else { continue };
            let settled = self.transfers.get(&TransferId::Job(*id, JobTransfer::Settle)).map(|transfer| transfer.amount);
            assert_eq!(moved, settled, "I-12: {id} owes {amount}");
        }
    }
}
