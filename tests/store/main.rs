//! What every store must do, asked of each; and what the embedded one must survive.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends at what it doesn't expect")]

mod conformance;
mod copying;
mod damage;
mod full;
mod growth;
mod kill;
mod lock;
mod misfortune;
mod model;
mod redis;
#[allow(unreachable_pub, dead_code, reason = "other test binaries have it in a module of their own, and use more of it")]
#[path = "../support/redis.rs"]
mod redis_server;
mod sealed;
mod support;
