//! The invariants of the money, checked on a shard as it is stored. Every balance is computed again from the transfers.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::paid_audit::Paid;
use super::session_audit::InSessions;
use super::{Event, Group, Shard, Table, codec};
use crate::billing::{Account, JobTransfer, PaymentTransfer, Transfer, TransferId};
use crate::job::{Billing, Job, Status};
use crate::types::{AgentId, JobId, Timestamp, Usd};

/// Something that must hold, and doesn't.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// Its id in the list of invariants: `I-1`, …
    pub invariant: &'static str,
    /// What is wrong, with the ids and amounts.
    pub detail: String,
}

/// Takes a shard's live state and all its history, and says what is broken.
#[derive(Debug, Default)]
pub struct Audit {
    pub(super) balances: HashMap<Account, i128>,
    seen: HashMap<TransferId, (Usd, Timestamp)>,
    of_job: HashMap<JobId, [Option<Usd>; 7]>,
    pub(super) paid: Paid,
    pub(super) in_sessions: InSessions,
    /// Jobs whose end only the journal tells of so far, with their rows still to come or not.
    ended_in_journal: HashMap<JobId, std::sync::Arc<Job>>,
    ended: u64,
    broken: Vec<Broken>,
}

/// What an audit went through, and what it found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// Counts by kind of thing.
    pub checked: BTreeMap<&'static str, u64>,
    /// Empty where all is well.
    pub broken: Vec<Broken>,
}

impl Audit {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one row of the ledger, from the rows or from the rest of the journal; seen twice it counts once.
    pub fn transfer(&mut self, transfer: &Transfer) {
        let what = (transfer.amount, transfer.at);
        if let Some(known) = self.seen.insert(transfer.id, what) {
            return self.booked_once(&transfer.id, known, what);
        }
        let amount = i128::from(transfer.amount.micros());
        if amount < 0 {
            self.wrong("I-1", format!("transfer {} has the negative amount {}", transfer.id, transfer.amount));
        }
        let debit = self.balances.entry(transfer.debit).or_default();
        *debit = debit.saturating_sub(amount);
        let credit = self.balances.entry(transfer.credit).or_default();
        *credit = credit.saturating_add(amount);
        match transfer.id {
            TransferId::Job(job, kind) => {
                if let Some(slot) = self.of_job.entry(job).or_default().get_mut(place(kind)) {
                    *slot = Some(transfer.amount);
                }
                if kind == JobTransfer::WriteOff {
                    self.paid.write_off(transfer.amount);
                }
            }
            TransferId::Payment(_, PaymentTransfer::Recovery) => self.paid.recovery(transfer.amount),
            TransferId::Payment(_, PaymentTransfer::Deposit | PaymentTransfer::Sale) | TransferId::Credit(..) | TransferId::Welcome(_) => {}
        }
    }

    /// What a job's transfer of that kind moved.
    pub(super) fn booked(&self, job: JobId, kind: JobTransfer) -> Option<Usd> {
        self.of_job.get(&job)?.get(place(kind)).copied().flatten()
    }

    /// Takes a record of the journal.
    pub fn group(&mut self, group: &Group) {
        for event in &group.events {
            if let Event::Posted(transfer) = event {
                self.transfer(transfer);
            }
        }
        let ended = group.jobs.iter().filter(|(_, job)| job.state.status.is_ended());
        self.ended_in_journal.extend(ended.map(|(id, job)| (*id, std::sync::Arc::clone(job))));
    }

    /// Takes a row of a table that only history is in. Transfers come before ended jobs.
    pub fn history_row(&mut self, table: Table, value: &[u8]) {
        match table {
            Table::Transfer => match codec::decode::<Transfer>(value) {
                Ok(transfer) => self.transfer(&transfer),
                Err(error) => self.wrong("I-20", format!("a row of the ledger can't be read: {error}")),
            },
            Table::EndedJob => match codec::decode::<Job>(value) {
                Ok(job) => {
                    self.ended_in_journal.remove(&job.spec.id);
                    self.ended_job(&job);
                }
                Err(error) => self.wrong("I-20", format!("the row of an ended job can't be read: {error}")),
            },
            Table::Agent
            | Table::Balance
            | Table::Token
            | Table::Account
            | Table::LiveJob
            | Table::Outbox
            | Table::Key
            | Table::JobByOwner
            | Table::Attempt
            | Table::OperatorLog
            | Table::Due
            | Table::Wallet
            | Table::Introduction
            | Table::Session
            | Table::Precedent
            | Table::Lane => {}
        }
    }

    /// Its transfers must have been taken before.
    fn ended_job(&mut self, job: &Job) {
        self.ended = self.ended.saturating_add(1);
        let id = job.spec.id;
        if !job.state.status.is_ended() {
            self.wrong("I-11", format!("{id} lies among the ended jobs as {}", job.state.status.as_str()));
        }
        if !job.state.held.is_zero() {
            self.wrong("I-2", format!("{id} has ended and still holds {}", job.state.held));
        }
        self.ended_in_session(job);
        let Billing::Virtual { .. } = job.spec.billing else { return self.ended_paid(job) };
        let Some(bill) = job.state.bill else {
            self.wrong("I-2", format!("{id} has ended without a bill"));
            return;
        };
        let refunded = bill.refunded.unwrap_or_default();
        let [hold, capture, release] = [JobTransfer::Hold, JobTransfer::Capture, JobTransfer::Release].map(|kind| self.booked(id, kind));
        if bill.charged.plus(refunded) != Ok(job.spec.ceiling) || bill.charged.is_negative() || bill.charged > job.spec.ceiling {
            self.wrong("I-2", format!("{id}: charged {} and refunded {} of {}", bill.charged, refunded, job.spec.ceiling));
        }
        for (name, booked, wanted) in [("hold", hold, job.spec.ceiling), ("charge", capture, bill.charged), ("refund", release, refunded)] {
            if booked.unwrap_or_default() != wanted {
                self.wrong("I-3", format!("{id}: the ledger has a {name} of {}, the job says {wanted}", booked.unwrap_or_default()));
            }
        }
    }

    /// Compares the live state with what the transfers say, and ends the audit.
    pub fn finish(mut self, shard: &Shard) -> Findings {
        for job in std::mem::take(&mut self.ended_in_journal).into_values() {
            self.ended_job(&job);
        }
        self.finish_paid(shard);
        self.accounts(shard);
        let mut holds: HashMap<AgentId, i128> = HashMap::new();
        for job in shard.jobs() {
            self.live_job(job, &mut holds);
        }
        for agent in shard.agents() {
            let held = holds.get(&agent.id).copied().unwrap_or_default();
            if held != i128::from(agent.held.micros()) {
                self.wrong("I-4", format!("{} says it holds {}, its live jobs hold {held} micro-dollars", agent.id, agent.held));
            }
        }
        self.sessions(shard);
        let mut checked = BTreeMap::new();
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        checked.insert("agents", count(shard.agents.len()));
        checked.insert("transfers", count(self.seen.len()));
        checked.insert("live_jobs", count(shard.jobs.len()));
        checked.insert("ended_jobs", self.ended);
        checked.insert("sessions", count(shard.sessions().count()));
        checked.insert("callbacks_owed", count(shard.outbox.len()));
        Findings { checked, broken: self.broken }
    }

    fn accounts(&mut self, shard: &Shard) {
        let sum: i128 = self.balances.values().sum();
        if sum != 0 {
            self.wrong("I-1", format!("all accounts together are {sum} micro-dollars, not 0"));
        }
        let mut stored: HashMap<Account, i128> = HashMap::new();
        stored.extend(shard.agents().map(|agent| (Account::Agent(agent.id), i128::from(agent.available.micros()))));
        stored.extend(shard.accounts().map(|(account, balance)| (*account, i128::from(balance.micros()))));
        stored.extend(shard.jobs().map(|job| (Account::Hold(job.spec.id), i128::from(job.state.held.micros()))));
        let mut computed = std::mem::take(&mut self.balances);
        for (account, balance) in stored {
            let booked = computed.remove(&account).unwrap_or_default();
            if booked != balance {
                self.wrong("I-20", format!("{account} is stored as {balance} micro-dollars, its transfers say {booked}"));
            }
            if balance < 0 && matches!(account, Account::Agent(_)) {
                self.wrong("I-4", format!("{account} is below zero: {balance} micro-dollars"));
            }
        }
        for (account, booked) in computed.into_iter().filter(|(_, booked)| *booked != 0) {
            self.wrong("I-20", format!("{account} is not stored, its transfers say {booked} micro-dollars"));
        }
    }

    fn live_job(&mut self, job: &Job, holds: &mut HashMap<AgentId, i128>) {
        let id = job.spec.id;
        let Billing::Virtual { agent, .. } = job.spec.billing else { return };
        let held = holds.entry(agent).or_default();
        *held = held.saturating_add(i128::from(job.state.held.micros()));
        let open = matches!(job.state.status, Status::Queued | Status::Running);
        if open && (job.state.held != job.spec.ceiling || job.state.bill.is_some()) {
            self.wrong("I-2", format!("{id} is {} and holds {} of {}", job.state.status.as_str(), job.state.held, job.spec.ceiling));
        }
        let cost = job.hops.iter().try_fold(Usd::ZERO, |sum, hop| sum.plus(hop.cost));
        if cost != Ok(job.state.cost) {
            self.wrong("I-20", format!("{id} says it cost {}, its hops say otherwise", job.state.cost));
        }
    }

    pub(super) fn wrong(&mut self, invariant: &'static str, detail: String) {
        self.broken.push(Broken { invariant, detail });
    }
}

impl Findings {
    /// Adds another shard's.
    pub fn merge(&mut self, other: Self) {
        for (kind, count) in other.checked {
            let sum = self.checked.entry(kind).or_default();
            *sum = sum.saturating_add(count);
        }
        self.broken.extend(other.broken);
    }

    /// Whether nothing is broken.
    pub fn is_ok(&self) -> bool {
        self.broken.is_empty()
    }
}

const fn place(kind: JobTransfer) -> usize {
    match kind {
        JobTransfer::Hold => 0,
        JobTransfer::Capture => 1,
        JobTransfer::Release => 2,
        JobTransfer::Claim => 3,
        JobTransfer::Settle => 4,
        JobTransfer::WriteOff => 5,
        JobTransfer::Waive => 6,
    }
}
