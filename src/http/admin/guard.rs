//! Who may operate: whoever has the operator's token.

use std::fmt;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Admin;
use crate::http::caller;
use crate::http::problem::{Kind, Problem};

/// Knows the operator's token, by its digest: digests are of one length, so a comparison tells nothing about the token's.
pub struct Guard([u8; 32]);

impl Guard {
    /// Of this token.
    pub fn new(token: &SecretString) -> Self {
        Self(Sha256::digest(token.expose_secret()).into())
    }

    /// Whether `text` is the token, in the same time wherever it differs. A token that was never set opens nothing.
    pub fn admits(&self, text: &str) -> bool {
        let given: [u8; 32] = Sha256::digest(text).into();
        !text.is_empty() & bool::from(self.0.ct_eq(&given))
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guard(…)")
    }
}

/// The operator, proven: a handler that takes one can't be reached without the token.
#[derive(Debug, Clone, Copy)]
pub struct Operator;

impl FromRequestParts<Arc<Admin>> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, admin: &Arc<Admin>) -> Result<Self, Problem> {
        match caller::bearer(&parts.headers)? {
            Some(text) if admin.guard.admits(text) => Ok(Self),
            Some(_) | None => Err(Problem::new(Kind::AdminTokenRequired, "Send Authorization: Bearer with the operator's token.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T-24
    #[test]
    fn t24_only_the_whole_token() {
        let guard = Guard::new(&"correct-horse-battery-staple".to_owned().into());
        assert!(guard.admits("correct-horse-battery-staple"));
        for wrong in ["", "correct-horse-battery-stapl", "correct-horse-battery-staple ", "Correct-horse-battery-staple"] {
            assert!(!guard.admits(wrong), "{wrong}");
        }
        assert!(!Guard::new(&String::new().into()).admits(""), "an unset token opens nothing");
        assert_eq!(format!("{guard:?}"), "Guard(…)");
    }
}
