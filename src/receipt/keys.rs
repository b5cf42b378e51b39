//! The keys that sign receipts, and which of them signs for a moment.

use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::zeroize::Zeroizing;
use sha2::{Digest, Sha256};

use super::jwks::{Jwk, Jwks};
use crate::types::{ServerKey, Timestamp};

/// What the seed is derived for: nothing else of the secret shares it.
const PURPOSE: &[u8] = b"enrich-jobs receipt ed25519 v1";
/// More keys than this a server isn't given: at one a year they outlive it.
pub const KEYS_MAX: usize = 16;

/// A key that signs.
pub struct Key {
    not_before: Timestamp,
    pair: Ed25519KeyPair,
    kid: String,
}

/// Why keys can't be used together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The library refused the seed.
    #[error("must hold secrets that a key can be derived from")]
    Underivable,
    /// Two would sign for the same moment, or are the same.
    #[error("must not name a time or a secret twice")]
    Twice,
    /// See [`KEYS_MAX`].
    #[error("must name at most 16 keys")]
    TooMany,
}

struct Seed;

impl KeyType for Seed {
    fn len(&self) -> usize {
        32
    }
}

impl Key {
    /// The key of a secret, for jobs that ended at this time or later: HKDF-SHA256 without salt, then Ed25519 of the 32 bytes.
    ///
    /// # Errors
    /// [`KeyError::Underivable`]
    pub fn derive(secret: &ServerKey, not_before: Timestamp) -> Result<Self, KeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        let derived = Salt::new(HKDF_SHA256, &[]).extract(secret.expose());
        derived.expand(&[PURPOSE], Seed).and_then(|okm| okm.fill(seed.as_mut())).map_err(|_| KeyError::Underivable)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_ref()).map_err(|_| KeyError::Underivable)?;
        let kid = thumbprint(&URL_SAFE_NO_PAD.encode(pair.public_key()));
        Ok(Self { not_before, pair, kid })
    }

    /// Its name: the thumbprint of the public key (RFC 7638).
    pub fn kid(&self) -> &str {
        &self.kid
    }

    pub(super) fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        self.pair.sign(bytes).as_ref().to_vec()
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("kid", &self.kid).field("not_before", &self.not_before).finish_non_exhaustive()
    }
}

/// RFC 7638 of an Ed25519 key, whose public part is given in base64url.
pub(super) fn thumbprint(x: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#)))
}

/// Every key of a server. Which one signs follows from when the job ended, so a new key changes no receipt of before its time.
#[derive(Debug)]
pub struct Keyring {
    /// Signs for what ended before any of the others begins.
    first: Key,
    /// By `not_before`, the oldest first.
    later: Vec<Key>,
}

impl Keyring {
    /// The key of the server's own secret, and those that were set with the time from which each signs.
    ///
    /// # Errors
    /// [`KeyError`]
    pub fn new(server: &ServerKey, listed: &[(Timestamp, ServerKey)]) -> Result<Self, KeyError> {
        if listed.len() > KEYS_MAX {
            return Err(KeyError::TooMany);
        }
        let first = Key::derive(server, Timestamp::from_millis(i64::MIN))?;
        let mut later = listed.iter().map(|(not_before, secret)| Key::derive(secret, *not_before)).collect::<Result<Vec<_>, _>>()?;
        later.sort_by_key(|key| key.not_before);
        let mut kids: Vec<_> = later.iter().map(|key| key.kid.clone()).collect();
        kids.sort_unstable();
        kids.dedup();
        let is_same_time = later.windows(2).any(|pair| matches!(pair, [one, two] if one.not_before == two.not_before));
        if is_same_time || kids.len() != later.len() {
            return Err(KeyError::Twice);
        }
        Ok(Self { first, later })
    }

    /// The key that signs for a job that ended then: of those whose time had come, the youngest.
    pub fn at(&self, ended_at: Timestamp) -> &Key {
        self.later.iter().rev().find(|key| key.not_before <= ended_at).unwrap_or(&self.first)
    }

    /// All of them, as they are published, the newest first. A key whose time is yet to come is among them, so that caches have it by then.
    pub fn jwks(&self) -> Jwks {
        let mut keys: Vec<Jwk> = Vec::new();
        for key in self.later.iter().rev().chain([&self.first]) {
            let jwk = Jwk::new(key.pair.public_key().as_ref(), key.kid());
            if !keys.contains(&jwk) {
                keys.push(jwk);
            }
        }
        Jwks { keys }
    }
}
