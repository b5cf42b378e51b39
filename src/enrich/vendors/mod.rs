//! Those who are asked: one file or folder each.
//!
//! A vendor answers one request and knows its price; the enricher decides whom to ask, and the run meters it. Those behind an HTTP
//! API share the conduct of [`mod@line`].
//! Deliberately absent: merging and judging what they say.

pub mod directory;
pub mod email;
pub mod line;
pub mod llm;
pub mod meters;
pub mod noop;
pub mod phone;
pub mod search;
pub mod website;
