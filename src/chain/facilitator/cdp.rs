//! How Coinbase's hosted facilitator knows its customers: a JWT for each method and path (x402.md 9).

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use url::Url;

use crate::types::Timestamp;

/// A key of the Coinbase Developer Platform. Only its id is ever printed.
#[derive(Clone)]
pub struct CdpKey {
    id: Arc<str>,
    algorithm: Algorithm,
    key: Arc<EncodingKey>,
}

/// Why a secret is no key. It says nothing of the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotACdpKey {
    /// Neither form.
    #[error("must be the base64 of 64 bytes (Ed25519) or an EC private key in PEM (ES256)")]
    Form,
    /// It doesn't sign: not a key of that curve, or two halves that don't belong together.
    #[error("the key does not work")]
    Broken,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    uris: [String; 1],
    iat: i64,
    nbf: i64,
    exp: i64,
}

/// How long a token is good, in seconds.
const LIFETIME_S: i64 = 120;
/// Who calls: read by people who look into a failure at the other end.
const CORRELATION: &str = concat!("sdk_version=", env!("CARGO_PKG_VERSION"), ",sdk_language=rust,source=enrich-jobs");

impl CdpKey {
    /// An Ed25519 key, as the base64 of 32 bytes of seed and 32 of public key; or a P-256 key in PEM, PKCS #8 or SEC 1.
    ///
    /// # Errors
    /// [`NotACdpKey`]
    pub fn new(id: &str, secret: &SecretString) -> Result<Self, NotACdpKey> {
        // In a variable of the environment, a line's end is often written as two characters.
        let text = secret.expose_secret().trim().replace("\\n", "\n");
        let (algorithm, key) = if text.starts_with("-----BEGIN") {
            (Algorithm::ES256, EncodingKey::from_ec_der(&p256_pkcs8(&text)?))
        } else {
            let bytes = STANDARD.decode(text).map_err(|_| NotACdpKey::Form)?;
            let bytes: [u8; 64] = bytes.try_into().map_err(|_| NotACdpKey::Form)?;
            (Algorithm::EdDSA, EncodingKey::from_ed_der(&ed25519_pkcs8(&bytes)))
        };
        let key = Self { id: id.into(), algorithm, key: Arc::new(key) };
        // A key that doesn't sign is seen at start, not at the first settle.
        key.token("GET host/", Timestamp::from_millis(0), [0; 16])?;
        Ok(key)
    }

    /// Puts what one call needs into its headers.
    ///
    /// # Errors
    /// [`NotACdpKey::Broken`]
    pub fn authorize(&self, headers: &mut HeaderMap, method: &str, url: &Url, now: Timestamp, nonce: [u8; 16]) -> Result<(), NotACdpKey> {
        let uri = format!("{method} {}{}", url.host_str().unwrap_or_default(), url.path());
        let token = self.token(&uri, now, nonce)?;
        let mut bearer = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| NotACdpKey::Broken)?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
        headers.insert("correlation-context", HeaderValue::from_static(CORRELATION));
        Ok(())
    }

    fn token(&self, uri: &str, now: Timestamp, nonce: [u8; 16]) -> Result<String, NotACdpKey> {
        let mut header = Header::new(self.algorithm);
        header.kid = Some(self.id.to_string());
        header.nonce = Some(hex::encode(nonce));
        let at = now.seconds();
        let claims = Claims { iss: "cdp", sub: &self.id, uris: [uri.to_owned()], iat: at, nbf: at, exp: at.saturating_add(LIFETIME_S) };
        jsonwebtoken::encode(&header, &claims, &self.key).map_err(|_| NotACdpKey::Broken)
    }
}

impl fmt::Debug for CdpKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CdpKey({})", self.id)
    }
}

/// PKCS #8 with the public key (RFC 5958, RFC 8410), so that two halves that don't belong together are refused.
fn ed25519_pkcs8(key: &[u8; 64]) -> Vec<u8> {
    const HEAD: [u8; 16] = [0x30, 0x51, 2, 1, 1, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    let (seed, public) = key.split_at(32);
    [&HEAD, seed, &[0x81, 0x21, 0], public].concat()
}

/// PKCS #8 (RFC 5958). What begins with `EC PRIVATE KEY` is only the inside of one (RFC 5915).
fn p256_pkcs8(pem: &str) -> Result<Vec<u8>, NotACdpKey> {
    /// Version 0; a public key on an elliptic curve; the curve P-256.
    const KIND: [u8; 24] = [2, 1, 0, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    let between = |label: &str| {
        let rest = pem.split_once(&format!("-----BEGIN {label}-----"))?.1;
        let body: String = rest.split_once(&format!("-----END {label}-----"))?.0.split_whitespace().collect();
        STANDARD.decode(body).ok()
    };
    if let Some(whole) = between("PRIVATE KEY") {
        return Ok(whole);
    }
    let inside = between("EC PRIVATE KEY").ok_or(NotACdpKey::Form)?;
    // 121 bytes with its public key, so one byte of length does.
    let inner = u8::try_from(inside.len()).ok().filter(|len| *len < 0x80).ok_or(NotACdpKey::Form)?;
    let outer = inner.checked_add(26).ok_or(NotACdpKey::Form)?;
    let head: &[u8] = if outer < 0x80 { &[0x30, outer] } else { &[0x30, 0x81, outer] };
    Ok([head, &KIND, &[4, inner], &inside].concat())
}
