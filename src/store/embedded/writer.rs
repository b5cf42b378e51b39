//! The one thread that writes: it takes what has gathered, commits it together, and answers all.
//!
//! No waiting for more: while one transaction is being synced the next requests gather by themselves.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{Semaphore, oneshot};

use super::apply::{self, Answer, Write};
use super::ballast::{Ballast, disk_is_full};
use super::checkpoint::Checkpoints;
use super::failure::{Failure, classify};
use super::folder::Folder;
use super::head::Head;
use super::places::{Moves, Places};
use super::sql::Sql;
use crate::store::Error;

/// Requests in one transaction at most.
const BATCH: usize = 256;
/// And bytes, so that one checkpoint slice after the other doesn't make appends wait.
const BATCH_BYTES: usize = 4 << 20;
/// Trimmed records that are removed from the file in one transaction.
const SWEEP: usize = 512;
/// How often a full disk is looked at again.
const REFILL_AFTER: Duration = Duration::from_secs(2);

/// A write and who waits for it.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) write: Write,
    pub(super) reply: oneshot::Sender<Answer>,
}

/// What the thread is told.
#[derive(Debug)]
pub(super) enum Order {
    Write(Request),
    /// Write what is in the queue, then end.
    Close,
}

/// All that the thread owns; the folder's lock goes last.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) orders: Receiver<Order>,
    /// Rows of checkpoints, which let appends go first: somebody waits for those.
    pub(super) later: VecDeque<Request>,
    /// One permit for each free place in the queue.
    pub(super) room: Arc<Semaphore>,
    pub(super) connection: Connection,
    pub(super) sql: Arc<Sql>,
    pub(super) heads: Vec<Head>,
    pub(super) places: Places,
    pub(super) checkpoints: Checkpoints,
    pub(super) ballast: Ballast,
    pub(super) accepts_work: Arc<AtomicBool>,
    pub(super) folder: Folder,
}

/// What the next round begins with.
enum Next {
    Order(Order),
    Idle,
    Closed,
}

impl Writer {
    /// Writes until it is told to close, or nobody is left to tell it.
    pub(super) fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        let mut open = true;
        let mut refill_at = tokio::time::Instant::now();
        // What made a page unreadable may spread with the next write, so there is none.
        let mut damage: Option<String> = None;
        while open {
            open = self.gather(&mut batch, damage.is_none());
            if let Some(reason) = &damage {
                answer(&mut batch, || Err(Error::Corrupt(reason.clone())));
                continue;
            }
            if let Err(error) = self.write(&mut batch) {
                tracing::error!(%error, "the store is damaged: it takes no more writes");
                damage = Some(error.to_string());
            }
            if !self.ballast.is_held() && tokio::time::Instant::now() >= refill_at {
                self.refill();
                refill_at = tokio::time::Instant::now() + REFILL_AFTER;
            }
        }
        let Self { connection, checkpoints, folder, .. } = self;
        checkpoints.finish(&connection);
        drop(connection);
        tracing::info!(folder = %folder.path().display(), "closed the store");
    }

    /// Waits for a request and takes what else is there. False if it is the last time.
    fn gather(&mut self, batch: &mut Vec<Request>, may_sweep: bool) -> bool {
        let sweeps = may_sweep && self.ballast.is_held() && self.places.sweepable(&self.heads, 1).is_some();
        let mut next = self.wait(sweeps);
        let mut bytes = 0_usize;
        let mut taken = 0;
        let mut closing = false;
        loop {
            match next {
                Next::Order(Order::Write(request)) => {
                    taken += 1;
                    if request.write.can_wait() {
                        self.later.push_back(request);
                    } else {
                        bytes = bytes.saturating_add(request.write.bytes());
                        batch.push(request);
                    }
                }
                Next::Order(Order::Close) => closing = true,
                Next::Idle if !closing => break,
                Next::Idle | Next::Closed => {
                    batch.extend(self.later.drain(..));
                    self.room.add_permits(taken);
                    return false;
                }
            }
            if !closing && (batch.len() >= BATCH || bytes >= BATCH_BYTES) {
                break;
            }
            next = match self.orders.try_recv() {
                Ok(order) => Next::Order(order),
                Err(TryRecvError::Empty) => Next::Idle,
                Err(TryRecvError::Disconnected) => Next::Closed,
            };
        }
        // One slice in a transaction: an append waits for one at most, however many shards write a checkpoint.
        batch.extend(self.later.pop_front());
        self.room.add_permits(taken);
        true
    }

    /// As long as nothing is to be done without a request.
    fn wait(&self, sweeps: bool) -> Next {
        if sweeps || !self.later.is_empty() {
            return match self.orders.try_recv() {
                Ok(order) => Next::Order(order),
                Err(TryRecvError::Empty) => Next::Idle,
                Err(TryRecvError::Disconnected) => Next::Closed,
            };
        }
        if self.ballast.is_held() {
            return self.orders.recv().map_or(Next::Closed, Next::Order);
        }
        match self.orders.recv_timeout(REFILL_AFTER) {
            Ok(order) => Next::Order(order),
            Err(RecvTimeoutError::Timeout) => Next::Idle,
            Err(RecvTimeoutError::Disconnected) => Next::Closed,
        }
    }

    /// Commits the batch and answers it. Errs if the store turned out to be damaged.
    fn write(&mut self, batch: &mut Vec<Request>) -> Result<(), rusqlite::Error> {
        let mut outcome = self.commit(batch);
        if let Err(error) = &outcome
            && self.is_full(error)
        {
            self.accepts_work.store(false, Ordering::Release);
            if self.ballast.release() {
                tracing::warn!("the disk is full: no new work is taken, and what is owed is written with the space of the ballast");
                outcome = self.commit(batch);
                self.checkpoints.ask();
            }
        }
        match outcome {
            Ok(answers) => {
                for (request, answer) in batch.drain(..).zip(answers) {
                    // Whoever asked may have given up waiting.
                    request.reply.send(answer).ok();
                }
                self.checkpoints.after_commit(&self.connection);
                Ok(())
            }
            Err(error) => self.fail(batch, error),
        }
    }

    /// Nothing of the batch was written; says so, or ends the process where that can't be known.
    fn fail(&self, batch: &mut Vec<Request>, error: rusqlite::Error) -> Result<(), rusqlite::Error> {
        match classify(&error) {
            // With its index out of space SQLite may have synced the batch to the log before it failed: a crash would bring it back.
            Failure::MaybeFull if is_about_the_index(&error) => abort("a commit failed half-way", &error),
            Failure::Full | Failure::MaybeFull if self.is_full(&error) => {
                tracing::error!(requests = batch.len(), "the disk is full, even without the ballast");
                answer(batch, || Err(Error::Full));
                Ok(())
            }
            Failure::Full => {
                // There is space again: another program had it for a moment.
                answer(batch, || Err(Error::Full));
                Ok(())
            }
            Failure::Io | Failure::MaybeFull => abort("a write failed", &error),
            Failure::Damaged => {
                answer(batch, || Err(Error::Corrupt(error.to_string())));
                Err(error)
            }
            Failure::Other => {
                tracing::error!(%error, requests = batch.len(), "a transaction was rolled back");
                answer(batch, || Err(Error::Unavailable(error.to_string())));
                Ok(())
            }
        }
    }

    /// One transaction over the whole batch, with a little of what is trimmed swept out.
    fn commit(&mut self, batch: &[Request]) -> rusqlite::Result<Vec<Answer>> {
        let mut heads = self.heads.clone();
        let mut moves = Moves::default();
        match self.transact(batch, &mut heads, &mut moves) {
            Ok(answers) => {
                self.heads = heads;
                self.places.commit(moves);
                Ok(answers)
            }
            Err(error) => {
                // Some errors roll back by themselves.
                if !self.connection.is_autocommit()
                    && let Err(error) = self.connection.execute_batch("ROLLBACK")
                {
                    abort("a rollback failed", &error);
                }
                Err(error)
            }
        }
    }

    fn transact(&self, batch: &[Request], heads: &mut [Head], moves: &mut Moves) -> rusqlite::Result<Vec<Answer>> {
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mut answers = Vec::with_capacity(batch.len());
        for request in batch {
            answers.push(apply::apply(&self.connection, &self.sql, heads, (&self.places, moves), &request.write)?);
        }
        if self.ballast.is_held() {
            apply::sweep(&self.connection, heads, (&self.places, moves), SWEEP)?;
        }
        if let Err(error) = self.connection.prepare_cached("COMMIT")?.execute([]) {
            match classify(&error) {
                Failure::Full | Failure::MaybeFull | Failure::Damaged => {}
                Failure::Io | Failure::Other => abort("a commit failed", &error),
            }
            return Err(error);
        }
        Ok(answers)
    }

    fn is_full(&self, error: &rusqlite::Error) -> bool {
        match classify(error) {
            Failure::Full => true,
            Failure::MaybeFull => {
                let log_bytes = std::fs::metadata(self.folder.log()).map_or(0, |log| log.len());
                disk_is_full(self.folder.path(), log_bytes, 64 << 10)
            }
            Failure::Io | Failure::Damaged | Failure::Other => false,
        }
    }

    fn refill(&mut self) {
        if self.ballast.refill() {
            tracing::info!("there is space again: the ballast is back and new work is taken");
            self.accepts_work.store(true, Ordering::Release);
        }
    }
}

fn answer(batch: &mut Vec<Request>, what: impl Fn() -> Answer) {
    for request in batch.drain(..) {
        request.reply.send(what()).ok();
    }
}

fn is_about_the_index(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE)
}

/// Ends the process: the truth is on the disk, and only a new start reads it from there (safety.md RS11).
pub(super) fn abort(what: &str, error: &rusqlite::Error) -> ! {
    tracing::error!(%error, "{what}: ending the process, because what the disk holds is uncertain until it is read again");
    std::process::abort()
}
