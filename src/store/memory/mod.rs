//! A store in memory whose every misfortune is ordered by a test: for the simulation, and for tests that need no disk.
//!
//! Deterministic: no thread, no clock, no luck. Clones share the content, so a "restart" is another clone.

mod shard;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use self::shard::{Copy, Shard};
use super::{Append, Epoch, Error, Layout, Leases, Pairs, Range, Seq, Sink, Snapshot, Store, Tails};
use crate::shard::{Row, Table};
use crate::types::ShardId;

/// What happens to one write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is applied, but the answer is lost: the caller gets [`Error::Unavailable`] (safety.md RS8, F-R3).
    LostReply,
    /// It never arrives: [`Error::Unavailable`], and nothing changed.
    Refused,
    /// There is no space for it alone: [`Error::Full`], and nothing changed.
    Full,
    /// Nothing: it is applied and answered. To let a few pass before a fault.
    None,
}

/// How much space there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Space {
    /// Enough.
    #[default]
    Plenty,
    /// The ballast is in use: writes still work, but no new work is taken (safety.md D-11).
    Ballast,
    /// None: every write gets [`Error::Full`].
    Full,
}

/// A write, as [`Memory::plan`] sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// [`Store::acquire`].
    Acquire(ShardId),
    /// [`Store::append`].
    Append(ShardId, Seq),
    /// [`Store::put_rows`].
    PutRows(ShardId),
    /// [`Store::trim`].
    Trim(ShardId, Seq),
}

/// Decides what happens to each write.
type Plan = Box<dyn FnMut(Write) -> Fault + Send>;

/// The store. Clones are handles on the same content and the same faults.
#[derive(Debug, Clone)]
pub struct Memory(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    content: Mutex<Content>,
    stalled: watch::Sender<bool>,
}

struct Content {
    shards: Vec<Shard>,
    space: Space,
    next: VecDeque<Fault>,
    plan: Option<Plan>,
}

/// Holds up every call to the store until it is opened or dropped.
#[derive(Debug)]
#[must_use = "the store stalls only as long as the gate is kept"]
pub struct Gate(Arc<Shared>);

impl Gate {
    /// Lets everything through that waits.
    pub fn open(self) {
        drop(self);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.0.stalled.send_replace(false);
    }
}

impl Memory {
    /// An empty store of so many shards.
    pub fn new(shards: u16) -> Self {
        let shards = (0..shards).map(|_| Shard::default()).collect();
        let content = Content { shards, space: Space::Plenty, next: VecDeque::new(), plan: None };
        Self(Arc::new(Shared { content: Mutex::new(content), stalled: watch::Sender::new(false) }))
    }

    /// The next writes that have no fault yet get these, one each. They come before the plan.
    pub fn fail_next(&self, faults: impl IntoIterator<Item = Fault>) {
        self.content().next.extend(faults);
    }

    /// From now on `plan` is asked for each write, just before it would be applied.
    pub fn plan(&self, plan: impl FnMut(Write) -> Fault + Send + 'static) {
        self.content().plan = Some(Box::new(plan));
    }

    /// Forgets all faults that are still to come.
    pub fn heal(&self) {
        let mut content = self.content();
        content.next.clear();
        content.plan = None;
        content.space = Space::Plenty;
    }

    /// Holds up all calls from now on, reads too, before they see or change anything.
    pub fn stall(&self) -> Gate {
        self.0.stalled.send_replace(true);
        Gate(Arc::clone(&self.0))
    }

    /// Fills or empties the disk.
    pub fn set_space(&self, space: Space) {
        self.content().space = space;
    }

    /// Takes the shard from whoever has it, as another node would (safety.md I-13).
    pub fn fence(&self, shard: ShardId) {
        self.with_shard(shard, |shard| shard.epoch += 1);
    }

    /// Forgets the last `records` records as a failover does (safety.md F-R5), and returns how many there were to forget.
    /// Epochs and rows stay, so rows may tell of records that are gone.
    pub fn roll_back(&self, shard: ShardId, records: usize) -> usize {
        let forget = |shard: &mut Shard| {
            let kept = shard.journal.len().saturating_sub(records);
            let forgotten = shard.journal.len() - kept;
            shard.journal.truncate(kept);
            forgotten
        };
        self.with_shard(shard, forget).unwrap_or(0)
    }

    /// Flips a bit in the middle of a record (safety.md F-S2). False if there is no such record.
    pub fn damage(&self, shard: ShardId, seq: Seq) -> bool {
        let flip = |shard: &mut Shard| {
            let Some(record) = shard.index(seq).and_then(|index| shard.journal.get_mut(index)) else { return false };
            let mut bytes = record.to_vec();
            let middle = bytes.len() / 2;
            let Some(byte) = bytes.get_mut(middle) else { return false };
            *byte ^= 1;
            *record = bytes.into();
            true
        };
        self.with_shard(shard, flip).unwrap_or(false)
    }

    /// The number of a shard's last record, seen from outside: no fault, no stall.
    pub fn last(&self, shard: ShardId) -> Seq {
        Seq(self.with_shard(shard, |shard| shard.last()).unwrap_or(0))
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with_shard<T>(&self, shard: ShardId, act: impl FnOnce(&mut Shard) -> T) -> Option<T> {
        self.content().shards.get_mut(usize::from(shard.0)).map(act)
    }

    /// Waits while a gate is closed.
    async fn pass(&self) {
        let mut stalled = self.0.stalled.subscribe();
        // It can't be closed: `self` holds the sender.
        stalled.wait_for(|stalled| !stalled).await.ok();
    }

    async fn write(&self, write: Write, act: impl FnOnce(&mut Shard) -> Result<(), Error> + Send) -> Result<(), Error> {
        self.pass().await;
        let mut content = self.content();
        let fault = match content.next.pop_front() {
            Some(fault) => fault,
            None => content.plan.as_mut().map_or(Fault::None, |plan| plan(write)),
        };
        if fault == Fault::Refused {
            return Err(Error::Unavailable("refused as ordered".to_owned()));
        }
        if content.space == Space::Full || fault == Fault::Full {
            return Err(Error::Full);
        }
        let (Write::Acquire(id) | Write::Append(id, _) | Write::PutRows(id) | Write::Trim(id, _)) = write;
        let shards = content.shards.len();
        let shard = content.shards.get_mut(usize::from(id.0)).ok_or(Error::NoShard { shard: id.0, shards })?;
        let outcome = act(shard);
        match fault {
            Fault::LostReply => Err(Error::Unavailable("the reply was lost as ordered".to_owned())),
            Fault::None | Fault::Refused | Fault::Full => outcome,
        }
    }

    async fn read<T>(&self, id: ShardId, look: impl FnOnce(&Shard) -> T + Send) -> Result<T, Error> {
        self.pass().await;
        let content = self.content();
        let shards = content.shards.len();
        content.shards.get(usize::from(id.0)).map(look).ok_or(Error::NoShard { shard: id.0, shards })
    }
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Content").field("shards", &self.shards.len()).field("space", &self.space).finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl Store for Memory {
    fn layout(&self) -> Layout {
        Layout { shards: u16::try_from(self.content().shards.len()).unwrap_or(u16::MAX), schema: 1 }
    }

    async fn acquire(&self, shard: ShardId) -> Result<Epoch, Error> {
        let mut epoch = Epoch(0);
        let raise = |shard: &mut Shard| {
            shard.epoch += 1;
            epoch = Epoch(shard.epoch);
            Ok(())
        };
        self.write(Write::Acquire(shard), raise).await?;
        Ok(epoch)
    }

    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, Error> {
        Ok(Box::new(Copy { shards: self.content().shards.clone() }))
    }

    /// What is in memory stays for the next handle.
    async fn close(&self) {}

    async fn load(&self, shard: ShardId, sink: Sink<'_>) -> Result<Seq, Error> {
        self.read(shard, Shard::clone).await?.hand_out(sink)
    }

    async fn append(&self, append: Append) -> Result<(), Error> {
        self.write(Write::Append(append.shard, append.seq), |shard| shard.append(append)).await
    }

    async fn put_rows(&self, shard: ShardId, epoch: Epoch, rows: Vec<Row>) -> Result<(), Error> {
        self.write(Write::PutRows(shard), |shard| shard.put(epoch, rows)).await
    }

    async fn trim(&self, shard: ShardId, epoch: Epoch, upto: Seq) -> Result<(), Error> {
        self.write(Write::Trim(shard, upto), |shard| shard.trim(epoch, upto)).await
    }

    async fn get(&self, shard: ShardId, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let place = (table, key.to_vec());
        self.read(shard, |shard| shard.rows.get(&place).cloned()).await
    }

    async fn scan(&self, shard: ShardId, table: Table, range: Range) -> Result<Pairs, Error> {
        self.read(shard, |shard| shard.scan(table, &range)).await
    }

    fn accepts_work(&self) -> bool {
        self.content().space == Space::Plenty
    }

    /// What it has answered for it keeps.
    fn tails(&self) -> Option<&dyn Tails> {
        None
    }

    /// It has one process.
    fn leases(&self) -> Option<&dyn Leases> {
        None
    }
}
