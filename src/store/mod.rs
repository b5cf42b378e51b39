//! Where shards are kept: a fenced journal of records, and rows that a checkpoint writes from it.
//!
//! A record is appended under the epoch of the shard's owner, and refused under an older one. Deliberately absent: what
//! records and rows mean (that is `shard`), and every decision about money.

pub mod backup;
pub mod copy;
pub mod embedded;
mod leases;
pub mod memory;
pub mod redis;
pub mod sealed;
mod tails;

pub use embedded::Embedded;
pub use leases::{Holder, Leases, NodeId, Peer};
pub use memory::Memory;
pub use redis::Redis;
pub use sealed::Sealed;
pub use tails::{Acknowledged, Last, Tails};

use bytes::Bytes;

use crate::shard::{Row, Table};
use crate::types::ShardId;

/// Names what stores count, for whoever reads it.
pub fn describe_meters() {
    redis::describe();
}

/// Which holder of a shard writes: raised at each acquisition, so a holder that was replaced is refused (safety.md I-13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Epoch(pub u64);

/// The number of a record in its shard's journal: 1, 2, 3, … without a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Seq(pub u64);

/// One group of events on its way to the journal.
#[derive(Debug, Clone)]
pub struct Append {
    /// Whose journal.
    pub shard: ShardId,
    /// Under which ownership.
    pub epoch: Epoch,
    /// The next number: one more than the last record's.
    pub seq: Seq,
    /// The encoded record, its checksum included.
    pub record: Bytes,
}

/// What a load hands out, in this order: all live rows, then the journal's records by number, then the end.
#[derive(Debug, Clone, Copy)]
pub enum Loaded<'a> {
    /// A row of a live table.
    Row(Table, &'a [u8], &'a [u8]),
    /// A record that isn't trimmed yet. Rows may already hold what it says.
    Record(Seq, &'a [u8]),
}

/// Takes what a load hands out; an error ends the load and comes back as [`Error::Corrupt`].
pub type Sink<'a> = &'a mut (dyn FnMut(Loaded<'_>) -> Result<(), String> + Send);

/// Rows as (key, value).
pub type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// Takes rows as (key, value); an error ends the scan and comes back as [`Error::Corrupt`].
pub type RowSink<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> Result<(), String>;

/// The format of rows and records that this version reads and writes, whichever store they are in.
pub const SCHEMA: u32 = 1;

/// Everything that a store holds, as it is at one moment. Blocking: for a thread of its own.
pub trait Snapshot: Send {
    /// Under which epoch a shard was held last.
    ///
    /// # Errors
    /// See [`Error`].
    fn epoch(&self, shard: ShardId) -> Result<Epoch, Error>;

    /// As [`Store::load`].
    ///
    /// # Errors
    /// See [`Error`].
    fn load(&self, shard: ShardId, sink: &mut dyn FnMut(Loaded<'_>) -> Result<(), String>) -> Result<Seq, Error>;

    /// Hands out all rows of one table of a shard, in the order of their keys.
    ///
    /// # Errors
    /// See [`Error`].
    fn scan_all(&self, shard: ShardId, table: Table, sink: RowSink<'_>) -> Result<(), Error>;
}

impl Snapshot for Box<dyn Snapshot> {
    fn epoch(&self, shard: ShardId) -> Result<Epoch, Error> {
        (**self).epoch(shard)
    }

    fn load(&self, shard: ShardId, sink: &mut dyn FnMut(Loaded<'_>) -> Result<(), String>) -> Result<Seq, Error> {
        (**self).load(shard, sink)
    }

    fn scan_all(&self, shard: ShardId, table: Table, sink: RowSink<'_>) -> Result<(), Error> {
        (**self).scan_all(shard, table, sink)
    }
}

/// What the store's owner is told of its shape when it is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Number of shards, fixed when the store was made.
    pub shards: u16,
    /// Version of the format of rows and records.
    pub schema: u32,
}

/// Which part of a table, in the order of keys.
#[derive(Debug, Clone)]
pub struct Range {
    /// Keys that begin with this.
    pub prefix: Vec<u8>,
    /// Only keys strictly beyond this one, in the direction of the scan.
    pub after: Option<Vec<u8>>,
    /// Largest key first.
    pub newest_first: bool,
    /// How many at most.
    pub limit: usize,
}

/// A store of shards.
#[async_trait::async_trait]
pub trait Store: Send + Sync + std::fmt::Debug {
    /// The number of shards and the format.
    fn layout(&self) -> Layout;

    /// Takes a shard: raises its epoch, so that whoever held it is refused from now on.
    async fn acquire(&self, shard: ShardId) -> Result<Epoch, Error>;

    /// Reads a shard's live rows and the rest of its journal, and returns the number of its last record (0: none yet).
    async fn load(&self, shard: ShardId, sink: Sink<'_>) -> Result<Seq, Error>;

    /// Makes one record durable. The same number with the same bytes again is a success that changes nothing.
    async fn append(&self, append: Append) -> Result<(), Error>;

    /// Writes some rows, atomically. They may hold nothing that isn't in a durable record.
    /// Appends wait for it, so a checkpoint comes in slices of a few hundred rows.
    async fn put_rows(&self, shard: ShardId, epoch: Epoch, rows: Vec<Row>) -> Result<(), Error>;

    /// Forgets the journal up to and with `upto`: every row it tells of is written. Again, or less far, changes nothing;
    /// beyond the last record is [`Error::OutOfOrder`].
    async fn trim(&self, shard: ShardId, epoch: Epoch, upto: Seq) -> Result<(), Error>;

    /// One row.
    async fn get(&self, shard: ShardId, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;

    /// Some rows in the order of their keys, as (key, value).
    async fn scan(&self, shard: ShardId, table: Table, range: Range) -> Result<Pairs, Error>;

    /// Everything as it is now, for an audit.
    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, Error>;

    /// Writes what waits and lets go of what is held. Nothing is asked of the store afterwards.
    async fn close(&self);

    /// Whether the store takes new work: false while the disk is full, so that what is owed can still be written (D-11).
    fn accepts_work(&self) -> bool;

    /// What nodes had acknowledged of late, where the store can forget it at a failover.
    fn tails(&self) -> Option<&dyn Tails>;

    /// Who holds which shard, where several nodes share the store.
    fn leases(&self) -> Option<&dyn Leases>;
}

/// What can go wrong, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else took the shard: stop at once.
    #[error("the shard was taken over: epoch {held} is old, {current} is current")]
    Fenced {
        /// What the caller wrote under.
        held: u64,
        /// What the store has.
        current: u64,
    },
    /// Another node holds the shard, and its lease still runs.
    #[error("the shard is held by node {node}")]
    HeldElsewhere {
        /// Which.
        node: String,
    },
    /// The store has forgotten records that were acknowledged, and nobody who can be asked has them any more (safety.md F-R5).
    #[error("records {first} to {last} were acknowledged and are gone; the shard waits for a node that has them, or for an operator")]
    Forgotten {
        /// The first that is gone.
        first: u64,
        /// The last.
        last: u64,
    },
    /// The number isn't the next one, or is taken by other bytes: the caller's state is not the store's; load again.
    #[error("record {got} does not follow record {last}")]
    OutOfOrder {
        /// The caller's number.
        got: u64,
        /// The store's last.
        last: u64,
    },
    /// No space, even without the ballast. Nothing was written.
    #[error("the disk is full")]
    Full,
    /// The store can't be reached or is shutting down. Whether anything was written is unknown.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The store wasn't made with so many shards.
    #[error("there is no shard {shard}: the store has {shards}")]
    NoShard {
        /// The caller's.
        shard: u16,
        /// Number of them, counted from 0.
        shards: usize,
    },
    /// Stored bytes don't hold what they must. Nothing is skipped: a person has to look.
    #[error("the store is damaged: {0}")]
    Corrupt(String),
    /// A value is sealed with a key that isn't there, or not sealed where it must be. The place is named.
    #[error("the store can't be read with this ENRICH_SEAL_KEY: {0}")]
    Sealed(String),
    /// Another process has the store open.
    #[error("{path} is in use by another process; stop it, or give this one its own folder")]
    Locked {
        /// The folder.
        path: String,
    },
    /// The store was written by a newer version.
    #[error("the store has schema {found}, this version knows {known}: use a newer enrich-jobs")]
    Schema {
        /// In the store.
        found: u32,
        /// Here.
        known: u32,
    },
    /// It can't be opened at all.
    #[error("can't open the store at {path}: {message}")]
    Open {
        /// Where.
        path: String,
        /// Why.
        message: String,
    },
}
