//! The store in Redis, for nodes that share one: a journal, rows and an epoch for each shard, all under the shard's hash tag.
//!
//! Every write is one script on one slot: it checks the epoch first, and again it changes nothing (RS8, I-13). Amounts never
//! pass through Lua as numbers (RS6). Leases lie beside: who holds a shard, and until when by the clock of Redis.

mod boot;
mod connection;
mod fill;
mod leases;
mod leave;
mod load;
mod meters;
mod node_folder;
mod place;
mod reply;
mod scan;
mod scripts;
mod snapshot;
mod tail;
mod tails;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::Cmd;

pub use self::boot::{Advice, Settings};
pub use self::connection::Address;
pub use self::fill::Fill;
pub use self::leave::Leaving;
pub(super) use self::meters::describe;
pub use self::node_folder::NodeFolder;

use self::connection::Connection;
use self::scripts::{ACQUIRE, APPEND, PUT_ROWS, Script, TRIM};
use self::tail::Tail;
use super::{Append, Epoch, Error, Layout, Leases, NodeId, Pairs, Peer, Range, Seq, Sink, Snapshot, Store, Tails};
use crate::shard::{Row, Table};
use crate::types::ShardId;

/// For so long a checkpoint waits for an audit that reads the store, and then tries later.
const HELD_PATIENCE: Duration = Duration::from_secs(3);
const HELD_PAUSE: Duration = Duration::from_millis(100);

/// The store. Clones share the connection.
#[derive(Debug)]
pub struct Redis {
    connection: Connection,
    layout: Layout,
    /// Names this store among all others, so that an emptied one isn't taken for it (safety.md F-R7).
    id: String,
    /// Who takes shards of it here, and for how long at a time.
    node: Peer,
    lease: Duration,
    is_full: AtomicBool,
    /// What was acknowledged here of late; nothing for who only reads.
    tail: Option<Arc<Tail>>,
    /// The highest epoch of each shard that anybody knows of.
    floors: Mutex<BTreeMap<ShardId, Epoch>>,
}

impl Redis {
    /// Connects, looks at how the server is set up, and makes the store where there is none yet.
    ///
    /// # Errors
    /// [`Error::Open`] with what to change; [`Error::Schema`] for a store of a newer version.
    pub async fn open(settings: &Settings, id: &str) -> Result<Self, Error> {
        let (connection, layout, id) = boot::open(settings, id).await?;
        let (node, lease) = (settings.node.clone(), settings.lease);
        let tail = settings.tail.as_deref().map(Tail::open).transpose()?.map(Arc::new);
        let floors = tail.iter().flat_map(|tail| tail.all()).map(|(shard, (epoch, _))| (shard, epoch)).collect();
        Ok(Self { tail, floors: Mutex::new(floors), ..Self::over(connection, layout, id, node, lease) })
    }

    /// As [`Self::open`], for who only reads: nothing is made, and how the server is set up is its users' business.
    ///
    /// # Errors
    /// [`Error::Open`] where there is no store.
    pub async fn open_existing(address: &Address) -> Result<Self, Error> {
        let (connection, layout, id) = boot::open_existing(address).await?;
        let node = Peer { id: NodeId("reader".to_owned()), url: String::new() };
        Ok(Self::over(connection, layout, id, node, Duration::ZERO))
    }

    fn over(connection: Connection, layout: Layout, id: String, node: Peer, lease: Duration) -> Self {
        let (is_full, floors) = (AtomicBool::new(false), Mutex::default());
        Self { connection, layout, id, node, lease, is_full, tail: None, floors }
    }

    /// Another handle on the same connection, for who keeps no tail.
    fn again(&self) -> Self {
        Self::over(self.connection.clone(), self.layout, self.id.clone(), self.node.clone(), self.lease)
    }

    /// Which store it is: drawn when it was made.
    pub fn id(&self) -> &str {
        &self.id
    }

    fn floors(&self) -> MutexGuard<'_, BTreeMap<ShardId, Epoch>> {
        self.floors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, shard: ShardId) -> Result<ShardId, Error> {
        let shards = self.layout.shards;
        if shard.0 < shards { Ok(shard) } else { Err(Error::NoShard { shard: shard.0, shards: usize::from(shards) }) }
    }

    /// Carries out a script that writes, and reads what it says.
    async fn write(&self, script: &Script, command: &Cmd, held: Epoch, got: Seq) -> Result<Written, Error> {
        let said: Result<Vec<Vec<u8>>, Error> = self.connection.run(script, command).await;
        match &said {
            Ok(_) => self.is_full.store(false, Ordering::Relaxed),
            Err(Error::Full) => self.is_full.store(true, Ordering::Relaxed),
            Err(_) => {}
        }
        let said = said?;
        let word = |at: usize| said.get(at).map(|word| String::from_utf8_lossy(word).into_owned()).unwrap_or_default();
        match (word(0).as_str(), word(1)) {
            ("OK", value) => Ok(Written::Done(value)),
            ("HELD", _) => Ok(Written::Held),
            ("FENCED", current) if current.is_empty() => Err(emptied()),
            ("FENCED", current) => Err(Error::Fenced { held: held.0, current: number(&current)? }),
            ("ELSEWHERE", node) => Err(Error::HeldElsewhere { node }),
            ("ORDER", last) => Err(Error::OutOfOrder { got: got.0, last: number(&last)? }),
            ("STRANGE", other) if other.is_empty() => Err(emptied()),
            ("STRANGE", other) => Err(Error::Corrupt(format!("it is store {other} now, and was {}", self.id))),
            ("TORN", key) => Err(Error::Corrupt(format!("{key} is of another kind than it should be"))),
            (other, _) => Err(Error::Corrupt(format!("a script said {other:?}"))),
        }
    }

    /// As [`Self::write`], for what has to wait while the store is read for an audit.
    async fn write_unheld(&self, script: &Script, command: &Cmd, held: Epoch, got: Seq) -> Result<(), Error> {
        let patience = tokio::time::Instant::now() + HELD_PATIENCE;
        loop {
            match self.write(script, command, held, got).await? {
                Written::Done(_) => return Ok(()),
                Written::Held if tokio::time::Instant::now() < patience => tokio::time::sleep(HELD_PAUSE).await,
                Written::Held => return Err(Error::Unavailable("an audit reads the store".to_owned())),
            }
        }
    }
}

enum Written {
    Done(String),
    Held,
}

/// The shard's head is gone: somebody emptied the database, or it is another one (safety.md F-R7).
fn emptied() -> Error {
    Error::Corrupt("the shard is not there any more: the database was emptied, or is another one".to_owned())
}

fn number(text: &str) -> Result<u64, Error> {
    text.parse().map_err(|_| Error::Corrupt(format!("{text:?} is not a number")))
}

#[async_trait::async_trait]
impl Store for Redis {
    fn layout(&self) -> Layout {
        self.layout
    }

    async fn acquire(&self, shard: ShardId) -> Result<Epoch, Error> {
        let shard = self.known(shard)?;
        let mut command = ACQUIRE.call(&[place::head(shard), place::epochs(shard)]);
        let floor = self.floors().get(&shard).map_or(0, |floor| floor.0);
        command.arg(&self.id).arg(&self.node.id.0).arg(&self.node.url).arg(self.lease.as_millis().to_string()).arg(floor);
        match self.write(&ACQUIRE, &command, Epoch(0), Seq(0)).await? {
            Written::Done(epoch) => Ok(Epoch(number(&epoch)?)),
            Written::Held => Err(Error::Unavailable("an audit reads the store".to_owned())),
        }
    }

    async fn load(&self, shard: ShardId, sink: Sink<'_>) -> Result<Seq, Error> {
        load::load(&self.connection, self.known(shard)?, None, sink).await
    }

    async fn append(&self, append: Append) -> Result<(), Error> {
        let Append { shard, epoch, seq, record } = append;
        let shard = self.known(shard)?;
        let mut command = APPEND.call(&[place::head(shard), place::journal(shard)]);
        // The number before the first is 0, which is no number of a record.
        let before = seq.0.checked_sub(1).map(|before| before.to_string()).unwrap_or_default();
        command.arg(epoch.0).arg(seq.0).arg(before).arg(&*record);
        self.write(&APPEND, &command, epoch, seq).await?;
        if let Some(tail) = &self.tail {
            tail.keep(&Append { shard, epoch, seq, record });
        }
        Ok(())
    }

    async fn put_rows(&self, shard: ShardId, epoch: Epoch, rows: Vec<Row>) -> Result<(), Error> {
        let shard = self.known(shard)?;
        let mut keys = vec![place::head(shard)];
        let mut places = Vec::<(Table, usize, usize)>::new();
        for row in &rows {
            if places.iter().all(|(table, ..)| *table != row.table) {
                keys.push(place::rows(shard, row.table));
                let at = keys.len();
                keys.extend(place::index(shard, row.table));
                places.push((row.table, at, if keys.len() > at { keys.len() } else { 0 }));
            }
        }
        let mut command = PUT_ROWS.call(&keys);
        command.arg(epoch.0);
        for Row { table, key, value } in &rows {
            let Some((_, at, index)) = places.iter().find(|(known, ..)| known == table) else { continue };
            command.arg(*at).arg(*index);
            match value {
                Some(value) => command.arg("+").arg(&key[..]).arg(&value[..]),
                None => command.arg("-").arg(&key[..]),
            };
        }
        self.write_unheld(&PUT_ROWS, &command, epoch, Seq(0)).await
    }

    async fn trim(&self, shard: ShardId, epoch: Epoch, upto: Seq) -> Result<(), Error> {
        let shard = self.known(shard)?;
        let mut command = TRIM.call(&[place::head(shard), place::journal(shard)]);
        command.arg(epoch.0).arg(upto.0).arg(upto.0.saturating_add(1));
        self.write_unheld(&TRIM, &command, epoch, upto).await
    }

    async fn get(&self, shard: ShardId, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let mut command = redis::cmd("HGET");
        command.arg(place::rows(self.known(shard)?, table)).arg(key);
        self.connection.call(&command).await
    }

    async fn scan(&self, shard: ShardId, table: Table, range: Range) -> Result<Pairs, Error> {
        scan::scan(&self.connection, self.known(shard)?, table, &range).await
    }

    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, Error> {
        Ok(Box::new(snapshot::take(&self.connection, self.layout.shards).await?))
    }

    /// Every write was answered when it was made.
    async fn close(&self) {}

    fn accepts_work(&self) -> bool {
        !self.is_full.load(Ordering::Relaxed)
    }

    fn leases(&self) -> Option<&dyn Leases> {
        Some(self)
    }

    fn tails(&self) -> Option<&dyn Tails> {
        self.tail.is_some().then_some(self as &dyn Tails)
    }
}
