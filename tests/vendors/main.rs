//! Vendors behind HTTP APIs, each against a server on loopback that speaks the vendor's real format, and against one that does
//! everything else (safety.md F-V1 to F-V3). Time isn't paused, as there are real sockets.
#![allow(clippy::unwrap_used, clippy::panic, reason = "in a test that is how it fails")]
#![allow(clippy::needless_pass_by_value, reason = "JSON is made where it is passed")]

mod conduct;
mod llm;
mod reading;
mod search;
mod support;
