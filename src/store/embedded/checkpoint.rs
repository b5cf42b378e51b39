//! Moves the log's pages into the database while appends go on.
//!
//! SQLite would do it inside of the commit that makes the log too long, and every append would wait for two syncs and some
//! ten thousand pages. Here a thread of its own copies all but the newest pages; the writer then copies that rest between two
//! commits, because only a log of which nothing is left is begun anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use rusqlite::hooks::Wal;
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, DEFAULT_NAME};

use super::failure::{Failure, classify};
use crate::store::Error;

/// Pages in the log when its content is first moved: 32 MiB.
const PAGES: i32 = 8_192;
/// So few are left to the writer: about 4 MiB.
const REST: i32 = 1_024;
/// Rounds that the thread makes at most, each over what was appended during the one before.
const ROUNDS: usize = 4;

/// The writer's side.
#[derive(Debug)]
pub(super) struct Checkpoints {
    log: Arc<Log>,
    wanted: SyncSender<()>,
    thread: Option<JoinHandle<()>>,
    /// Length of the log at which the next one begins.
    due: i32,
}

/// What both sides know of the log.
#[derive(Debug, Default)]
struct Log {
    /// Its length in pages after the last commit.
    pages: AtomicI32,
    /// All but a few pages are copied: the writer's turn.
    nearly_done: AtomicBool,
}

impl Checkpoints {
    /// Takes over from SQLite's own checkpoints on the writer's connection. `copier` is a second one, also for writing.
    pub(super) fn start(writer: &mut Connection, copier: Connection) -> Result<Self, Error> {
        let unavailable = |reason: String| Error::Unavailable(reason);
        let log = Arc::new(Log::default());
        let counted = Arc::clone(&log);
        let count = move |_: &mut Wal, pages| {
            counted.pages.store(pages, Ordering::Relaxed);
            Ok(())
        };
        writer.wal_hook(Some(count)).map_err(|error| unavailable(error.to_string()))?;
        let (wanted, orders) = sync_channel(1);
        let shared = Arc::clone(&log);
        let thread =
            std::thread::Builder::new().name("store-checkpoint".to_owned()).spawn(move || copy_when_told(&copier, &orders, &shared));
        let thread = thread.map_err(|error| unavailable(error.to_string()))?;
        Ok(Self { log, wanted, thread: Some(thread), due: PAGES })
    }

    /// To be called between two commits.
    pub(super) fn after_commit(&mut self, writer: &Connection) {
        if self.log.nearly_done.swap(false, Ordering::AcqRel) {
            let done = checkpoint(writer, CheckpointMode::PASSIVE).is_some_and(|(pages, copied)| copied >= pages);
            if done {
                self.log.pages.store(0, Ordering::Relaxed);
            }
            // A reader that began long ago keeps the log from beginning anew; then try again when it is longer by as much.
            self.due = self.log.pages.load(Ordering::Relaxed).saturating_add(PAGES);
        }
        if self.log.pages.load(Ordering::Relaxed) >= self.due {
            self.ask();
        }
    }

    /// Asks for one now: on a full disk, space in the log is what is left.
    pub(super) fn ask(&mut self) {
        self.due = i32::MAX;
        // Full means that one is asked for already.
        self.wanted.try_send(()).ok();
    }

    /// Ends the thread, then copies everything and empties the log.
    pub(super) fn finish(mut self, writer: &Connection) {
        drop(self.wanted);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the checkpoint thread panicked");
        }
        checkpoint(writer, CheckpointMode::TRUNCATE);
    }
}

fn copy_when_told(copier: &Connection, orders: &Receiver<()>, log: &Log) {
    while orders.recv().is_ok() {
        for _ in 0..ROUNDS {
            let Some((_, done)) = checkpoint(copier, CheckpointMode::PASSIVE) else { break };
            if log.pages.load(Ordering::Relaxed).saturating_sub(done) < REST {
                break;
            }
        }
        log.nearly_done.store(true, Ordering::Release);
    }
}

/// One pass; the log's pages, and how many of them are in the database now. `None` if it could not be made this time.
fn checkpoint(connection: &Connection, mode: CheckpointMode) -> Option<(i32, i32)> {
    match connection.wal_checkpoint_v2(DEFAULT_NAME, mode) {
        Ok(done) => Some(done),
        Err(error) => {
            match classify(&error) {
                Failure::Io => super::writer::abort("a checkpoint failed", &error),
                // The log still has everything, so nothing is lost but time.
                Failure::Full | Failure::MaybeFull | Failure::Other => tracing::warn!(%error, "the log can't be moved into the database"),
                Failure::Damaged => tracing::error!(%error, "the store is damaged"),
            }
            None
        }
    }
}
