//! Public keys as a JWK set (RFC 7517, RFC 8037).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::keys::thumbprint;

/// The keys that receipts are verified by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = JwkSet)]
pub struct Jwks {
    /// The newest first.
    pub keys: Vec<Jwk>,
}

/// An Ed25519 key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Jwk)]
pub struct Jwk {
    /// Always `OKP`.
    pub kty: String,
    /// Always `Ed25519`.
    #[serde(default)]
    pub crv: String,
    /// The 32 bytes of the key, in base64url.
    #[serde(default)]
    pub x: String,
    /// Its name in a receipt's head: the key's thumbprint (RFC 7638).
    #[serde(default)]
    pub kid: String,
    /// Always `sig`.
    #[serde(default)]
    pub r#use: String,
    /// Always `EdDSA`.
    #[serde(default)]
    pub alg: String,
}

impl Jwk {
    pub(super) fn new(public: &[u8], kid: &str) -> Self {
        let x = URL_SAFE_NO_PAD.encode(public);
        let [kty, crv, r#use, alg] = ["OKP", "Ed25519", "sig", "EdDSA"].map(str::to_owned);
        Self { kty, crv, x, kid: kid.to_owned(), r#use, alg }
    }

    /// The key's bytes, where it is an Ed25519 key whose name is its thumbprint: a name that another key goes by proves nothing.
    fn bytes(&self) -> Option<[u8; 32]> {
        let fits = self.kty == "OKP" && self.crv == "Ed25519" && self.kid == thumbprint(&self.x);
        let bytes = URL_SAFE_NO_PAD.decode(&self.x).ok().filter(|_| fits)?;
        bytes.try_into().ok()
    }
}

impl Jwks {
    /// The key of this name. Keys of other kinds are passed over.
    pub fn find(&self, kid: &str) -> Option<[u8; 32]> {
        self.keys.iter().filter(|key| key.kid == kid).find_map(Jwk::bytes)
    }
}
