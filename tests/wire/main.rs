//! Each byte of the contract as promised, over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends at what it doesn't expect")]

#[path = "../support/mod.rs"]
mod support;

mod documents;
mod golden;
mod jobs;
mod leads;
mod limits;
mod operators;
mod progress;
mod quotes;
mod receipts;
mod sessions;
