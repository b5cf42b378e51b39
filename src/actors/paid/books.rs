//! What the books say was paid on a chain, as one snapshot of the store has it.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::billing::lane::{ItemKey, Outcome, TxHash};
use crate::billing::{Account, JobTransfer, Transfer, TransferId};
use crate::job::{Billing, Job};
use crate::shard::{Event, Loader, Table, codec};
use crate::store::{Error, Loaded, Snapshot};
use crate::types::{JobId, Network, ShardId, Timestamp, Usd, Wallet};

/// The books of one network.
#[derive(Debug, Default)]
pub struct Books {
    /// Everything that is booked as paid.
    pub booked: Vec<Booked>,
    /// What is owed still, by payer and amount: the chain may be ahead of the books.
    pub owed: Vec<(Wallet, Usd, Option<TxHash>)>,
}

/// Something that is booked as paid on a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booked {
    /// Its name in the ledger.
    pub id: TransferId,
    /// How much.
    pub amount: Usd,
    /// When it was booked.
    pub at: Timestamp,
    /// Who paid, where that is still known: jobs are removed in time.
    pub payer: Option<Wallet>,
    /// In which transaction, where that is still known.
    pub tx: Option<TxHash>,
    /// Which authorization, for `exact`.
    pub key: Option<ItemKey>,
}

/// Reads the books of `networks`.
///
/// # Errors
/// [`Error::Corrupt`] where something can't be read at all.
pub fn books(snapshot: &dyn Snapshot, shards: u16, networks: &[Network]) -> Result<BTreeMap<Network, Books>, Error> {
    let mut all: BTreeMap<Network, Books> = networks.iter().map(|network| (*network, Books::default())).collect();
    for shard in (0..shards).map(ShardId) {
        let mut reading = Reading::default();
        let mut loader = Loader::new();
        snapshot.load(shard, &mut |loaded| match loaded {
            Loaded::Row(table, key, value) => loader.row(table, key, value).map_err(|error| error.to_string()),
            Loaded::Record(seq, bytes) => {
                let group = loader.record(seq.0, bytes).map_err(|error| error.to_string())?;
                // What only the journal tells of so far.
                for event in group.events {
                    if let Event::Posted(transfer) = event {
                        reading.transfer(transfer);
                    }
                }
                group.jobs.values().for_each(|job| reading.job(job));
                Ok(())
            }
        })?;
        snapshot.scan_all(shard, Table::Transfer, &mut |_, value| {
            reading.transfer(codec::decode::<Transfer>(value).map_err(|error| error.to_string())?);
            Ok(())
        })?;
        snapshot.scan_all(shard, Table::EndedJob, &mut |_, value| {
            reading.job(&codec::decode::<Job>(value).map_err(|error| error.to_string())?);
            Ok(())
        })?;
        let (shard, _) = loader.finish();
        for due in shard.dues() {
            let tx = match due.outcome {
                Outcome::Mined(tx) | Outcome::Settled(tx) => Some(tx),
                Outcome::Pending | Outcome::Dead(_) => None,
            };
            if let Some(books) = all.get_mut(&due.network()) {
                books.owed.push((due.payment.verified.payer, due.amount, tx));
            }
        }
        reading.finish(&mut all);
    }
    Ok(all)
}

/// One shard's.
#[derive(Default)]
struct Reading {
    seen: HashSet<TransferId>,
    paid: Vec<Transfer>,
    jobs: HashMap<JobId, (Wallet, Option<TxHash>)>,
}

impl Reading {
    fn transfer(&mut self, transfer: Transfer) {
        if matches!(transfer.debit, Account::Chain(_)) && self.seen.insert(transfer.id) {
            self.paid.push(transfer);
        }
    }

    fn job(&mut self, job: &Job) {
        if let Billing::Upto { payer, .. } = job.spec.billing
            && job.state.status.is_ended()
        {
            self.jobs.insert(job.spec.id, (payer, job.state.settled_in));
        }
    }

    fn finish(self, all: &mut BTreeMap<Network, Books>) {
        for transfer in self.paid {
            let Account::Chain(network) = transfer.debit else { continue };
            let Some(books) = all.get_mut(&network) else { continue };
            let of_job = match transfer.id {
                TransferId::Job(job, JobTransfer::Settle) => self.jobs.get(&job).copied(),
                TransferId::Job(..) | TransferId::Credit(..) | TransferId::Payment(..) | TransferId::Welcome(_) => None,
            };
            let key = match transfer.id {
                TransferId::Payment(key, _) => Some(key),
                TransferId::Job(..) | TransferId::Credit(..) | TransferId::Welcome(_) => None,
            };
            let (payer, tx) = of_job.map_or((None, None), |(payer, tx)| (Some(payer), tx));
            books.booked.push(Booked { id: transfer.id, amount: transfer.amount, at: transfer.at, payer, tx, key });
        }
    }
}
