//! Whole lead sessions over scripted vendors: a directory that is real, a web of closures, and a search and a model behind a real
//! server on loopback, which speak the wire that real ones speak.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends at what it doesn't expect")]

mod hostile;
mod lists;
mod model;
mod random;
mod reference;
mod resumed;
mod stopped;
mod world;
