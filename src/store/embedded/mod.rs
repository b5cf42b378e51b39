//! The store that needs no set-up: SQLite in a folder, for one process.
//!
//! One thread writes (`writer`): it commits the requests of all shards together, synced before any answer. Reads have their
//! own connections and never wait for it. A full disk is survived (`ballast`), a failed sync ends the process (`failure`).
//!
//! Deliberately absent: leases (the folder's lock makes this process the only holder), replication.

mod apply;
mod ballast;
mod checkpoint;
mod connect;
mod digest;
mod failure;
mod fill;
mod folder;
mod head;
mod leave;
mod log;
mod mark;
mod places;
mod reader;
mod readers;
mod secret;
mod snapshot;
mod sql;
mod stream;
mod writer;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::{Semaphore, oneshot};

pub use self::fill::Fill;
pub use self::leave::Leaving;
pub use self::reader::Reader;
pub use self::secret::{keep_secret_key, secret_key};

use self::apply::Write;
use self::ballast::{Ballast, disk_is_full};
use self::checkpoint::Checkpoints;
use self::failure::{cannot_open, of_open};
pub(super) use self::folder::write_new;

use self::folder::Folder;
use self::log::Log;
use self::readers::Readers;
use self::sql::Sql;
use self::stream::stream;
use self::writer::{Order, Request, Writer};
use super::{Append, Epoch, Error, Layout, Leases, Pairs, Range, Seq, Sink, Snapshot, Store, Tails};
use crate::clock::{Clock, Random};
use crate::shard::{Row, Table};
use crate::types::ShardId;

/// Requests that may wait for the writer; whoever comes then waits for a place.
const QUEUE: usize = 1_024;

/// What SQLite may need to open a store: the index over a long log.
const OPEN_BYTES: u64 = 1 << 20;

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its folder, made where it is missing.
    pub path: PathBuf,
    /// Number of shards of a new store; an old one keeps its own.
    pub shards: u16,
    /// Space held back for a full disk.
    pub ballast_bytes: u64,
    /// What SQLite may cache, over all connections.
    pub cache_bytes: u64,
}

impl Settings {
    /// The usual ones: 16 shards, 16 MiB held back, 32 MiB of cache.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), shards: 16, ballast_bytes: 16 << 20, cache_bytes: 32 << 20 }
    }
}

/// A store in a folder that this process holds alone.
#[derive(Debug)]
pub struct Embedded {
    path: PathBuf,
    layout: Layout,
    id: String,
    orders: SyncSender<Order>,
    room: Arc<Semaphore>,
    accepts_work: Arc<AtomicBool>,
    readers: Arc<Readers>,
    sql: Arc<Sql>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Embedded {
    /// Opens the store, or makes it. Reads and writes files, so call it before the runtime serves anybody.
    ///
    /// Errs with [`Error::Locked`] where another process has it, [`Error::Schema`] where a newer version wrote it,
    /// [`Error::Corrupt`] where a page isn't what it must be, [`Error::Open`] for anything else.
    pub fn open(settings: &Settings, clock: &dyn Clock, random: &dyn Random) -> Result<Self, Error> {
        let folder = Folder::hold(&settings.path)?;
        let path = folder.path().to_owned();
        if let Some(state) = folder::set_aside(&path).map_err(|error| cannot_open(&path, error))? {
            return Err(cannot_open(&path, state));
        }
        let failed = |error: rusqlite::Error| of_open(&path, &error);
        let mut ballast = Ballast::found(&path, settings.ballast_bytes);
        if disk_is_full(&path, 0, OPEN_BYTES) {
            ballast.release();
        }
        let database = folder.database();
        if !database.exists() {
            folder.create_database().map_err(|error| cannot_open(&path, error))?;
        }
        if let Log::Damaged(how) = log::inspect(&folder.log()).map_err(|error| cannot_open(&path, error))? {
            return Err(Error::Corrupt(format!("{}: {how}; bring back a backup", folder.log().display())));
        }
        let mut connection = connect::writer(&database, settings.cache_bytes.div_euclid(2)).map_err(failed)?;
        if connect::is_empty(&connection).map_err(failed)? {
            connect::prepare(&connection).map_err(failed)?;
            connect::create_schema(&mut connection, settings.shards.max(1), clock.now(), &draw_id(random)).map_err(failed)?;
        }
        let meta = connect::meta(&connection, &path)?;
        connect::prepare(&connection).map_err(failed)?;
        folder.recognise(&meta.id).map_err(|error| cannot_open(&path, error))?;
        let layout = meta.layout;
        if layout.shards != settings.shards {
            tracing::warn!(shards = layout.shards, wished = settings.shards, "the store keeps the number of shards that it was made with");
        }
        let sql = Arc::new(Sql::new());
        let (heads, places) = apply::heads(&connection, layout.shards)?;
        let copier = connect::writer(&database, 64 << 10).map_err(failed)?;
        connect::prepare(&copier).map_err(failed)?;
        let checkpoints = Checkpoints::start(&mut connection, copier)?;
        let readers = Arc::new(Readers::new(database, Arc::clone(&sql), settings.cache_bytes.div_euclid(2))?);
        let accepts_work = Arc::new(AtomicBool::new(ballast.refill()));
        if !ballast.is_held() {
            tracing::warn!("there is no space for the ballast: no new work is taken until there is");
        }
        let room = Arc::new(Semaphore::new(QUEUE));
        let (orders, inbox) = sync_channel(QUEUE + 1);
        let writer = Writer {
            orders: inbox,
            later: VecDeque::new(),
            room: Arc::clone(&room),
            connection,
            sql: Arc::clone(&sql),
            heads,
            places,
            checkpoints,
            ballast,
            accepts_work: Arc::clone(&accepts_work),
            folder,
        };
        let thread = std::thread::Builder::new().name("store-writer".to_owned()).spawn(move || writer.run());
        let thread = Mutex::new(Some(thread.map_err(|error| cannot_open(&path, error))?));
        tracing::info!(folder = %path.display(), id = meta.id, shards = layout.shards, "opened the store");
        Ok(Self { path, layout, id: meta.id, orders, room, accepts_work, readers, sql, thread })
    }

    /// Looks at a store as it is now, whether a server runs on it or not.
    pub fn open_read_only(path: &Path) -> Result<Reader, Error> {
        Reader::open(path)
    }

    /// The store's own id, drawn when it was made.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Writes what was asked for so far, moves the log into the database and lets go of the folder.
    /// Whoever asks later gets [`Error::Unavailable`].
    pub async fn close(&self) {
        self.room.close();
        let Some(thread) = self.stop() else { return };
        if tokio::task::spawn_blocking(|| thread.join()).await.is_ok_and(|joined| joined.is_err()) {
            tracing::error!("the writer of the store panicked");
        }
    }

    /// Tells the writer to end, once.
    fn stop(&self) -> Option<JoinHandle<()>> {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        // There is always a place: the queue has one more than there are permits. If the writer is gone, that is what is wanted.
        self.orders.try_send(Order::Close).ok();
        Some(thread)
    }

    async fn write(&self, write: Write) -> Result<Epoch, Error> {
        let closed = || Error::Unavailable("the store is closed".to_owned());
        let permit = self.room.acquire().await.map_err(|_| closed())?;
        let (reply, answer) = oneshot::channel();
        self.orders.try_send(Order::Write(Request { write, reply })).map_err(|_| closed())?;
        // The writer gives it back when it takes the request out of the queue.
        permit.forget();
        answer.await.map_err(|_| closed())?
    }
}

/// What names a store among all others.
pub fn draw_id(random: &dyn Random) -> String {
    let mut id = [0; 16];
    random.fill(&mut id);
    hex::encode(id)
}

impl Drop for Embedded {
    /// Waits for the writer, so that the folder is free for the next one who opens it.
    fn drop(&mut self) {
        if let Some(thread) = self.stop()
            && thread.join().is_err()
        {
            tracing::error!("the writer of the store panicked");
        }
    }
}

#[async_trait::async_trait]
impl Store for Embedded {
    fn layout(&self) -> Layout {
        self.layout
    }

    async fn acquire(&self, shard: ShardId) -> Result<Epoch, Error> {
        self.write(Write::Acquire { shard }).await
    }

    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, Error> {
        let path = self.path.clone();
        let opened = tokio::task::spawn_blocking(move || Reader::open(&path)).await;
        let reader = opened.map_err(|error| Error::Unavailable(error.to_string()))??;
        Ok(Box::new(reader))
    }

    async fn close(&self) {
        Self::close(self).await;
    }

    async fn load(&self, shard: ShardId, sink: Sink<'_>) -> Result<Seq, Error> {
        if shard.0 >= self.layout.shards {
            return Err(Error::NoShard { shard: shard.0, shards: usize::from(self.layout.shards) });
        }
        let (readers, sql) = (Arc::clone(&self.readers), Arc::clone(&self.sql));
        let (mut collector, stream) = stream();
        let reading = tokio::task::spawn_blocking(move || {
            readers.with_spare(|connection| {
                snapshot::at_one_moment(connection, |connection| {
                    let last = snapshot::load(connection, &sql, shard, &mut |loaded| collector.take(loaded))?;
                    collector.flush().map_err(Error::Unavailable)?;
                    Ok(last)
                })
            })
        });
        stream.pour(sink).await?;
        reading.await.map_err(|error| Error::Unavailable(error.to_string()))?
    }

    async fn append(&self, append: Append) -> Result<(), Error> {
        self.write(Write::Append(append)).await.map(drop)
    }

    async fn put_rows(&self, shard: ShardId, epoch: Epoch, rows: Vec<Row>) -> Result<(), Error> {
        self.write(Write::PutRows { shard, epoch, rows }).await.map(drop)
    }

    async fn trim(&self, shard: ShardId, epoch: Epoch, upto: Seq) -> Result<(), Error> {
        self.write(Write::Trim { shard, epoch, upto }).await.map(drop)
    }

    async fn get(&self, shard: ShardId, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.readers.get(shard, table, key)
    }

    async fn scan(&self, shard: ShardId, table: Table, range: Range) -> Result<Pairs, Error> {
        let readers = Arc::clone(&self.readers);
        let scanning = tokio::task::spawn_blocking(move || readers.scan(shard, table, &range));
        scanning.await.map_err(|error| Error::Unavailable(error.to_string()))?
    }

    fn accepts_work(&self) -> bool {
        self.accepts_work.load(Ordering::Acquire)
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
