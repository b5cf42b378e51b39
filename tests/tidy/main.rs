//! Is the house in order? What the compiler and clippy can't see: who imports whom, dead files, long files, stray words.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends at what it doesn't expect")]

mod files;
mod imports;
mod source;
mod words;
