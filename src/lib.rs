//! enrich-jobs sells long-running data enrichment by the job, and bills each job only after it has run.
//!
//! The map of the house. A module imports only from those above it; `tests/tidy` checks that.

pub mod clock;
// Pure: decisions, no I/O, no clock.
pub mod billing;
pub mod job;
pub mod receipt;
pub mod shard;
pub mod types;
// Outbound HTTP.
pub mod net;
// The outside world, each for itself.
pub mod callbacks;
pub mod chain;
pub mod enrich;
pub mod store;
// Supervise, time, retry.
pub mod actors;
// The edge.
pub mod http;
// Everything together.
pub mod app;
pub mod cli;
pub mod config;
