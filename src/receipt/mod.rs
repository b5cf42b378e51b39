//! Receipts: what a job that is over was, found and cost, signed by this server, so that its buyer can show it to anybody.
//!
//! Pure: a receipt follows from the stored job, the keys and the server's public URL alone, so it is the same text at every
//! poll, in callbacks, after a restart and on every node. Deliberately absent: keeping receipts, and fetching keys (that is
//! `cli`'s).
#![cfg_attr(not(test), deny(clippy::float_arithmetic, clippy::as_conversions))]

pub mod claims;
pub mod hash;
pub mod jwks;
pub mod jws;
pub mod keys;

use std::sync::Arc;

pub use claims::Claims;
pub use jwks::Jwks;
pub use jws::Fault;
pub use keys::{Key, KeyError, Keyring};

use crate::job::Job;

/// Before the thumbprint of a key in its URI.
const KEY_URI: &str = "urn:ietf:params:oauth:jwk-thumbprint:sha-256:";

/// Signs receipts. A clone is a pointer.
#[derive(Debug, Clone)]
pub struct Receipts(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    keys: Keyring,
    issuer: Option<Box<str>>,
}

impl Receipts {
    /// Signs by these keys, in the name of the server at this public URL. Without one, each key signs in its own name (RFC 9278): an
    /// address that a start picked would be another one after the next.
    pub fn new(keys: Keyring, issuer: Option<&str>) -> Self {
        Self(Arc::new(Inner { keys, issuer: issuer.map(Into::into) }))
    }

    /// The receipt of a job that is over; none of one that isn't.
    pub fn of(&self, job: &Job) -> Option<String> {
        let key = self.0.keys.at(job.state.ended_at?);
        let own_name = || format!("{KEY_URI}{}", key.kid());
        let claims = Claims::of(job, self.0.issuer.as_deref().map_or_else(own_name, str::to_owned))?;
        let text = serde_json::to_vec(&claims).ok()?;
        Some(jws::sign(key, &text))
    }

    /// The public keys that its receipts are verified by.
    pub fn jwks(&self) -> Jwks {
        self.0.keys.jwks()
    }
}

#[cfg(test)]
mod tests;
