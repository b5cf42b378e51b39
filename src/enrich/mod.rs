//! Enrichment: what the money buys.
//!
//! An [`Enricher`] turns a payload into a result by asking vendors. It sees the world only through its [`Run`], which
//! meters every vendor call as a hop, keeps the budget before the call is made, and replays the hops that an earlier
//! attempt recorded. Deliberately absent: billing (the job machine charges from the recorded hops) and retries of whole runs.

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

pub use run::{Answer, Call, Gate, Journal, JournalError, Run, RunSettings, Stop};

use crate::types::Route;

/// Sells one route.
#[async_trait::async_trait]
pub trait Enricher: Send + Sync + std::fmt::Debug {
    /// Which route this is.
    fn route(&self) -> Route;

    /// Runs the job whose payload is the JSON text `payload`, already validated at submit.
    ///
    /// It comes back with what it has when the budget, the deadline or a cancel stops it ([`Run::stopped`] says which):
    /// what was found so far is a result too.
    ///
    /// # Errors
    /// [`Error::VendorUnavailable`] where no vendor could be asked at all, so that nothing can be said about a match;
    /// [`Error::Journal`] where a hop could not be recorded: the attempt is given up and resumed later.
    async fn run(&self, payload: &str, run: &mut Run) -> Result<Found, Error>;
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
