//! The node's slots: how many jobs run at a time, and whose turn it is.

use std::sync::{Arc, Mutex, PoisonError};

use super::node;
use crate::job::FairQueue;
use crate::types::{AgentId, JobId};

/// The fair queue over the payers of all the node's shards, and the slots that it fills.
#[derive(Debug)]
pub(super) struct Slots {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    queue: FairQueue<AgentId, JobId>,
    running: usize,
    limit: usize,
    closed: bool,
}

/// A slot that a job has, wherever it is: in a mailbox, or with the job's actor. Free again when it is dropped, so that no way in
/// which an actor can end keeps it.
pub(super) struct Slot(Option<Arc<node::Inner>>);

impl Slot {
    /// The slot of a job that [`Slots`] granted it to.
    pub(super) fn granted(node: Arc<node::Inner>) -> Self {
        Self(Some(node))
    }

    /// Drops it without freeing it: whoever granted it takes it back.
    pub(super) fn give_back(mut self) {
        self.0 = None;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(node) = self.0.take() {
            node.release();
        }
    }
}

impl Slots {
    pub(super) fn new(limit: usize) -> Self {
        Self { inner: Mutex::new(Inner { queue: FairQueue::new(), running: 0, limit, closed: false }) }
    }

    /// Puts a job into the queue and returns the jobs that may start now.
    pub(super) fn enqueue(&self, payer: AgentId, job: JobId) -> Vec<JobId> {
        let mut inner = self.lock();
        inner.queue.push(payer, job);
        inner.grant()
    }

    /// A job has left its slot. Returns the jobs that may start now.
    pub(super) fn release(&self) -> Vec<JobId> {
        let mut inner = self.lock();
        inner.running = inner.running.saturating_sub(1);
        inner.grant()
    }

    /// No job starts from now on.
    pub(super) fn close(&self) {
        self.lock().closed = true;
    }

    /// Running and waiting jobs.
    pub(super) fn load(&self) -> (usize, usize) {
        let inner = self.lock();
        (inner.running, inner.queue.len())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        // Nothing in here panics half-way, so a poisoned lock still guards a sound queue.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn grant(&mut self) -> Vec<JobId> {
        let mut granted = Vec::new();
        while !self.closed && self.running < self.limit {
            let Some(job) = self.queue.pop() else { break };
            self.running = self.running.saturating_add(1);
            granted.push(job);
        }
        granted
    }
}
