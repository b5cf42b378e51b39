//! What several test binaries share.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

pub mod api;
pub mod binary;
pub mod chain;
pub mod facilitator;
pub mod luck;
pub mod market;
pub mod money;
pub mod node;
pub mod paid;
pub mod payer;
pub mod receiver;
pub mod redis;
pub mod server;
pub mod vendor;
