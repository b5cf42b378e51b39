//! Enrichment: what the money buys.
//!
//! An [`Enricher`] turns a payload into a result by asking vendors. It sees the world only through its [`Run`], which
//! meters every vendor call as a hop, keeps the budget before the call is made, and replays the hops that an earlier
//! attempt recorded. Deliberately absent: billing (the job machine charges from the recorded hops) and retries of whole runs.

pub mod cache;
pub mod claim;
#[cfg(test)]
pub(crate) mod fixture;
pub mod lead_session;
pub mod matching;
pub mod person;
pub mod phone;
pub mod research;
pub mod run;
pub mod vendors;
pub mod websearch;
pub mod words;

pub use run::{Answer, Call, Gate, Journal, JournalError, Run, RunSettings, Shelf, Stop};

use crate::billing::quote::Estimate;
use crate::job::Lessons;
use crate::types::Route;

/// Sells one route.
#[async_trait::async_trait]
pub trait Enricher: Send + Sync + std::fmt::Debug {
    /// Which route this is.
    fn route(&self) -> Route;

    /// What a run with this payload costs by its plan, for quotes. A job never costs more than what this bounds it by.
    fn estimate(&self, _payload: &str) -> Estimate {
        Estimate::unknown()
    }

    /// Runs the job whose payload is the JSON text `payload`, already validated at submit.
    ///
    /// It comes back with what it has when the budget, the deadline or a cancel stops it ([`Run::stopped`] says which):
    /// what was found so far is a result too.
    ///
    /// # Errors
    /// [`Error::VendorUnavailable`] where no vendor could be asked at all, so that nothing can be said about a match;
    /// [`Error::Journal`] where a hop could not be recorded: the attempt is given up and resumed later.
    async fn run(&self, payload: &str, run: &mut Run) -> Result<Found, Error>;

    /// Takes in what a run has learned, once that is durable: later runs go by it. Lessons come in no order, and again after a start.
    fn learn(&self, _lessons: &Lessons) {}

    /// Lets go of lessons that it took in: they are too old to count.
    fn forget(&self, _lessons: &Lessons) {}
}

/// What a run found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// By the enricher's documented rule. A no-match costs the buyer nothing.
    pub matched: bool,
    /// The route's result object as JSON text (`api.md`), without `billed`, which the job adds when it is billed.
    pub result: String,
}

/// Why a run came to no result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Every vendor that could be asked failed.
    #[error("no vendor answered: {0}")]
    VendorUnavailable(String),
    /// The payload that was accepted at submit can't be read. Ours.
    #[error("the stored payload can't be read")]
    Payload(#[source] serde_json::Error),
    /// A hop couldn't be made durable.
    #[error("a hop could not be recorded")]
    Journal(#[from] JournalError),
}
