//! History: what is only ever added, and lives in rows alone. Kept as it came until a checkpoint encodes it.

use super::codec;
use super::event::{Attempt, OperatorAct, ScopedKey};
use super::{Row, Table};
use crate::billing::{JobTransfer, PaymentTransfer, Transfer, TransferId};
use crate::job::Job;
use crate::types::{AgentId, DeliveryId, JobId, Timestamp};

/// One row to be.
#[derive(Debug, Clone)]
pub(super) enum Entry {
    /// A job's place in its owner's list.
    JobByOwner(AgentId, JobId, Option<ScopedKey>),
    /// A line of the ledger, and in whose statement it stands: none for one that is only the house's.
    Transfer(Option<AgentId>, Transfer),
    /// An attempt at a callback.
    Attempt(DeliveryId, u16, Attempt),
    /// An operator's act.
    Act(OperatorAct),
}

/// An owner's job: which one, and the idempotency key that made it.
pub type JobByOwner = (JobId, Option<ScopedKey>);

impl Entry {
    pub(super) const fn table(&self) -> Table {
        match self {
            Self::JobByOwner(..) => Table::JobByOwner,
            Self::Transfer(..) => Table::Transfer,
            Self::Attempt(..) => Table::Attempt,
            Self::Act(_) => Table::OperatorLog,
        }
    }

    /// Where the row lies, appended to `key`.
    pub(super) fn write_key(&self, key: &mut Vec<u8>) {
        match self {
            Self::JobByOwner(owner, job, _) => {
                key.extend(owner.as_bytes());
                key.extend(job.uuid());
            }
            // Its owner, then its age, then its name, so that a statement is one scan.
            Self::Transfer(owner, transfer) => {
                key.extend(owner.map_or(HOUSE, |owner| *owner.as_bytes()));
                key.extend(transfer.at.millis().to_be_bytes());
                match transfer.id {
                    TransferId::Job(job, kind) => {
                        key.extend(job.uuid());
                        key.push(kind_number(kind));
                    }
                    TransferId::Payment(item, kind) => {
                        key.extend(item.0);
                        key.push(payment_number(kind));
                    }
                    TransferId::Welcome(agent) => key.extend(agent.as_bytes()),
                    TransferId::Credit(_, credit) => {
                        key.extend(credit.0.to_be_bytes());
                        key.push(u8::MAX);
                    }
                }
            }
            Self::Attempt(id, number, _) => {
                key.extend(attempts_prefix(&id.job()));
                key.extend(id.as_bytes().last());
                key.extend(number.to_be_bytes());
            }
            // The hash keeps two acts of one millisecond apart, and a replayed one on its own row.
            Self::Act(act) => {
                key.extend(act.at.millis().to_be_bytes());
                key.extend(xxhash_rust::xxh3::xxh3_64(&codec::encode(act)).to_be_bytes());
            }
        }
    }

    /// What the row says.
    pub(super) fn value(&self) -> Vec<u8> {
        match self {
            Self::JobByOwner(_, job, key) => {
                let value: JobByOwner = (*job, *key);
                codec::encode(&value)
            }
            Self::Transfer(_, transfer) => codec::encode(transfer),
            Self::Attempt(id, number, attempt) => codec::encode(&(id, number, attempt)),
            Self::Act(act) => codec::encode(act),
        }
    }

    pub(super) fn row(&self) -> Row {
        let mut key = Vec::with_capacity(48);
        self.write_key(&mut key);
        Row { table: self.table(), key, value: Some(self.value()) }
    }
}

/// Stands where the owner's id does in the keys of lines that are in nobody's statement.
pub const HOUSE: [u8; 18] = [0; 18];

/// Sorts behind every such line that is older than `at`, and before those of that moment.
pub fn house_lines_before(at: Timestamp) -> Vec<u8> {
    let mut key = HOUSE.to_vec();
    key.extend(at.millis().to_be_bytes());
    key
}

/// The key of a job's row: its age first, so that old ones lie together and new ones are appended.
pub fn job_key(id: &JobId) -> Vec<u8> {
    let mut key = Vec::with_capacity(18);
    key.extend(id.uuid());
    key.extend(id.slot().0.to_be_bytes());
    key
}

/// The prefix of the log rows of a job's callbacks.
pub fn attempts_prefix(job: &JobId) -> Vec<u8> {
    job_key(job)
}

/// The row of an idempotency key.
pub fn key_row(key: ScopedKey) -> Vec<u8> {
    key.0.to_be_bytes().to_vec()
}

/// Where an ended job left rows that go with it when its retention is over. What it moved stays in the ledger.
#[derive(Debug, Clone)]
pub struct Leftovers {
    /// Its own row.
    pub job: Row,
    /// Its place in its owner's list, whose value names the idempotency key; in the owner's shard.
    pub by_owner: Option<(AgentId, Row)>,
}

/// The rows to remove for an ended job.
pub fn leftovers(job: &Job) -> Leftovers {
    let by_owner = job.spec.owner().map(|owner| {
        let entry = Entry::JobByOwner(owner, job.spec.id, None);
        (owner, Row { value: None, ..entry.row() })
    });
    Leftovers { job: Row { table: Table::EndedJob, key: job_key(&job.spec.id), value: None }, by_owner }
}

const fn payment_number(kind: PaymentTransfer) -> u8 {
    match kind {
        PaymentTransfer::Deposit => 0,
        PaymentTransfer::Recovery => 1,
        PaymentTransfer::Sale => 2,
    }
}

const fn kind_number(kind: JobTransfer) -> u8 {
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
