//! The chain's client and the settlement lane, on a real chain: what is sent, what comes of it, and what faults do to it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod driver;
mod faults;
mod reads;
mod settles;
#[path = "../support/mod.rs"]
mod support;
mod world;
