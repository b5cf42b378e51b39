//! The real binary, as an operator runs it: exit codes, settings, signals, the demo, the audit.
#![allow(unreachable_pub, reason = "a test binary has no outside")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod audit;
mod demo;
mod directory;
mod moving;
mod receipt;
#[allow(dead_code, clippy::expect_used, reason = "other test binaries use more of it, and allow it throughout")]
#[path = "../support/redis.rs"]
mod redis_server;
mod sealed;
mod serve;
mod settings;
mod support;
