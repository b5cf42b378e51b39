//! A backup: a whole store as of one moment, in one file.
//!
//! ```text
//! "enrich-jobs backup"  format, 4 bytes little endian
//! sections              zlib, one for each table of each shard, and one for each journal
//! manifest              JSON: what the store is, and where each section lies
//! length of the manifest, 8 bytes little endian
//! SHA-256 of all of that
//! ```
//!
//! Deliberately absent: the server's key, which has no business beside what it protects.

mod reader;
mod writer;

pub use reader::Reader;
pub use writer::Writer;

use serde::{Deserialize, Serialize};

use super::Error;

const MAGIC: &[u8] = b"enrich-jobs backup";
/// The format of the file that this version writes and reads; that of rows and records is the manifest's `schema`.
const FORMAT: u32 = 1;
const HEAD: usize = MAGIC.len() + 4;
const SUM: usize = 32;

/// What is in a backup, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The store's id.
    pub store: String,
    /// Number of shards.
    pub shards: u16,
    /// Version of the format of rows and records.
    pub schema: u32,
    /// When it was made, as RFC 3339.
    pub made_at: String,
    /// By which version of the program.
    pub made_by: String,
    sections: Vec<Section>,
    journals: Vec<Ends>,
}

/// Rows of one table, or records where there is no table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Section {
    shard: u16,
    table: Option<String>,
    at: u64,
    bytes: u64,
    count: u64,
}

/// Of one shard's journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Ends {
    shard: u16,
    epoch: u64,
    trimmed: u64,
    last: u64,
}

fn failed(path: &std::path::Path, message: impl std::fmt::Display) -> Error {
    Error::Open { path: path.display().to_string(), message: message.to_string() }
}
