//! What wallets pay for, where something has changed behind it: operators, agents, claims that come again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod claims;
mod introductions;
mod newcomers;
mod receipts;
mod sponsored;
mod stranded;
mod wallets;

#[path = "../support/mod.rs"]
mod support;
