//! From rows and the rest of the journal back to the live state.

use std::sync::Arc;

use super::codec::{self, CodecError};
use super::due::{Due, WalletBook};
use super::session::Session;
use super::{Agent, Delivery, Grant, Group, Introduction, Precedent, Shard, Table, Unwritten};
use crate::billing::Account;
use crate::billing::lane::{Change, LaneId};
use crate::job::Job;
use crate::types::{AgentId, TokenHash, Usd};

/// Takes rows first, then records by number, and ends as a shard with the rows that its journal still owes.
#[derive(Debug, Default)]
pub struct Loader {
    shard: Shard,
    unwritten: Unwritten,
}

/// Why a shard can't be loaded. Nothing is skipped.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A row's value.
    #[error("a row of `{}` can't be read: {}", .0.name(), .1)]
    Row(Table, CodecError),
    /// A row's key.
    #[error("a row of `{}` has a key that can't be read", .0.name())]
    Key(Table),
    /// A record.
    #[error("record {0} can't be read: {1}")]
    Record(u64, CodecError),
}

impl Loader {
    /// Nothing loaded yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a live row.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn row(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), LoadError> {
        let wrong = |error| LoadError::Row(table, error);
        match table {
            Table::Agent => {
                let agent: Agent = codec::decode(value).map_err(wrong)?;
                self.shard.agents.insert(agent.id, agent);
            }
            Table::Balance => {
                let (id, available, held): (AgentId, Usd, Usd) = codec::decode(value).map_err(wrong)?;
                // Agents come before their balances.
                let agent = self.shard.agents.get_mut(&id).ok_or(LoadError::Key(table))?;
                agent.available = available;
                agent.held = held;
            }
            Table::Token => {
                let hash = TokenHash(key.try_into().map_err(|_| LoadError::Key(table))?);
                let grant: Grant = codec::decode(value).map_err(wrong)?;
                self.shard.tokens.insert(hash, grant);
            }
            Table::Account => {
                let (account, balance): (Account, Usd) = codec::decode(value).map_err(wrong)?;
                self.shard.accounts.insert(account, balance);
            }
            Table::LiveJob => {
                let job: Job = codec::decode(value).map_err(wrong)?;
                self.shard.put_job(Arc::new(job));
            }
            Table::Outbox => {
                let delivery: Delivery = codec::decode(value).map_err(wrong)?;
                self.shard.outbox.insert(delivery.id, delivery);
            }
            Table::Due => {
                let due: Due = codec::decode(value).map_err(wrong)?;
                self.shard.put_due(due);
            }
            Table::Wallet => {
                let book: WalletBook = codec::decode(value).map_err(wrong)?;
                self.shard.wallets.insert(book.wallet, book);
            }
            Table::Lane => {
                let (id, change): (LaneId, Change) = codec::decode(value).map_err(wrong)?;
                self.shard.lane_mut(id).replay(&change);
            }
            Table::Introduction => {
                let introduction: Introduction = codec::decode(value).map_err(wrong)?;
                self.shard.introductions.insert(introduction.job, introduction);
            }
            Table::Session => {
                let session: Session = codec::decode(value).map_err(wrong)?;
                self.shard.put_session(session);
            }
            Table::Precedent => {
                let precedent: Arc<Precedent> = codec::decode(value).map_err(wrong)?;
                self.shard.precedents.put(&precedent);
            }
            // History is not part of the live state.
            Table::EndedJob | Table::Key | Table::Transfer | Table::JobByOwner | Table::Attempt | Table::OperatorLog => {}
        }
        Ok(())
    }

    /// Replays a record of the journal, and returns what it changed.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn record(&mut self, number: u64, bytes: &[u8]) -> Result<Group, LoadError> {
        let group = Group::replay(&mut self.shard, bytes).map_err(|error| LoadError::Record(number, error))?;
        self.unwritten.absorb(group.images(&self.shard));
        Ok(group)
    }

    /// The shard, and the rows that the next checkpoint has to write.
    pub fn finish(mut self) -> (Shard, Unwritten) {
        // A checkpoint may have been cut off between two slices.
        self.unwritten.may_be_written();
        (self.shard, self.unwritten)
    }
}

impl Shard {
    /// The live state in one canonical form: equal states have equal bytes, whatever way they came about (safety.md I-20).
    pub fn canonical(&self) -> Vec<u8> {
        fn sorted<'a, K: Ord + 'a, V: 'a>(entries: impl Iterator<Item = (K, V)>) -> Vec<(K, V)> {
            let mut entries: Vec<_> = entries.collect();
            entries.sort_by(|(one, _), (other, _)| one.cmp(other));
            entries
        }
        codec::encode(&(
            sorted(self.agents.iter()),
            sorted(self.tokens.iter()),
            sorted(self.accounts.iter()),
            sorted(self.jobs.iter().map(|(id, job)| (id, &**job))),
            sorted(self.outbox.iter()),
            sorted(self.dues.iter()),
            sorted(self.wallets.iter()),
            sorted(self.lanes.iter()),
            sorted(self.introductions.iter()),
            sorted(self.sessions().map(|session| (session.key(), session))),
            self.precedents.iter().collect::<Vec<_>>(),
        ))
    }
}
