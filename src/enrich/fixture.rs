//! A run whose hops go into a book in memory, for the tests of vendors.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::run::{Journal, JournalError, Run, RunSettings};
use crate::clock::SystemClock;
use crate::job::Hop;
use crate::types::Usd;

/// What was recorded.
#[derive(Clone, Default)]
pub(crate) struct Book(Arc<Mutex<Vec<Hop>>>);

#[async_trait::async_trait]
impl Journal for Book {
    async fn record(&self, hop: Hop) -> Result<(), JournalError> {
        self.0.lock().unwrap().push(hop);
        Ok(())
    }
}

impl Book {
    /// The hops so far.
    pub(crate) fn hops(&self) -> Vec<Hop> {
        self.0.lock().unwrap().clone()
    }

    /// An attempt that knows the hops of those before it, with a budget in micro-dollars for all of them.
    pub(crate) fn run(&self, budget: i64) -> Run {
        Run::new(RunSettings {
            journal: Arc::new(self.clone()),
            clock: Arc::new(SystemClock),
            recorded: self.hops(),
            budget: Usd::from_micros(budget),
            deadline: tokio::time::Instant::now() + Duration::from_mins(1),
            cancel: CancellationToken::new(),
            gate: None,
        })
    }
}
