//! The one form of a receipt: compact JWS (RFC 7515) with `EdDSA` (RFC 8037), written and read in one way only.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::claims::Claims;
use super::jwks::Jwks;
use super::keys::Key;

/// The type in the head, so that nothing else that the key may sign is taken for a receipt.
const TYPE: &str = "enrich-receipt+jwt";
/// The longest that is read: a receipt of 1,000 hops has about 100,000 letters.
pub const LENGTH_MAX: usize = 1024 * 1024;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head<'a> {
    alg: &'a str,
    kid: &'a str,
    typ: &'a str,
}

/// Why a text is no receipt of the server whose keys it was held to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Not three parts of base64url in the one way of writing each.
    #[error("it is no compact JWS: three parts of base64url without padding, with a dot between")]
    Form,
    /// Its head is not a receipt's.
    #[error("its head is not that of a receipt: alg EdDSA, typ enrich-receipt+jwt, and a kid")]
    Head,
    /// The key is not among those given.
    #[error("no key of the set has its kid, {0}")]
    UnknownKey(String),
    /// The signature is another's, or something was changed.
    #[error("the signature is not that of the key over this text")]
    Signature,
    /// Signed, and of a version that isn't known here.
    #[error("it is signed, but its claims can't be read by this version: {0}")]
    Claims(String),
}

impl Fault {
    /// Its stable name.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Form => "RECEIPT_MALFORMED",
            Self::Head => "RECEIPT_HEAD",
            Self::UnknownKey(_) => "KEY_UNKNOWN",
            Self::Signature => "SIGNATURE_INVALID",
            Self::Claims(_) => "CLAIMS_UNREADABLE",
        }
    }
}

/// Signs claims.
pub(super) fn sign(key: &Key, claims: &[u8]) -> String {
    let head = format!(r#"{{"alg":"EdDSA","kid":"{}","typ":"{TYPE}"}}"#, key.kid());
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(head), URL_SAFE_NO_PAD.encode(claims));
    let signature = key.sign(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A receipt's claims, if it is one and one of these keys signed it. No space around it is let pass.
///
/// # Errors
/// [`Fault`]
pub fn verify(text: &str, keys: &Jwks) -> Result<Claims, Fault> {
    let Parts { signed, head, claims, signature } = Parts::of(text)?;
    let head = read_head(&head)?;
    let key = keys.find(head.kid).ok_or_else(|| Fault::UnknownKey(head.kid.to_owned()))?;
    UnparsedPublicKey::new(&ED25519, key).verify(signed.as_bytes(), &signature).map_err(|_| Fault::Signature)?;
    read_claims(&claims)
}

/// What it says and by which key it says to be signed. Nothing is verified.
///
/// # Errors
/// [`Fault`]
pub fn unverified(text: &str) -> Result<(String, Claims), Fault> {
    let parts = Parts::of(text)?;
    let kid = read_head(&parts.head)?.kid.to_owned();
    Ok((kid, read_claims(&parts.claims)?))
}

struct Parts<'a> {
    /// Head and claims, as they are signed.
    signed: &'a str,
    head: Vec<u8>,
    claims: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Result<Self, Fault> {
        if text.len() > LENGTH_MAX {
            return Err(Fault::Form);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(Fault::Form)?;
        let (head, claims) = signed.split_once('.').ok_or(Fault::Form)?;
        // This engine takes no padding and no bits behind the last byte, so no other text decodes to the same bytes.
        let [head, claims, signature] = [head, claims, signature].map(|part| URL_SAFE_NO_PAD.decode(part).map_err(|_| Fault::Form));
        Ok(Self { signed, head: head?, claims: claims?, signature: signature? })
    }
}

fn read_head(bytes: &[u8]) -> Result<Head<'_>, Fault> {
    let head: Head<'_> = serde_json::from_slice(bytes).map_err(|_| Fault::Head)?;
    if head.alg == "EdDSA" && head.typ == TYPE { Ok(head) } else { Err(Fault::Head) }
}

fn read_claims(bytes: &[u8]) -> Result<Claims, Fault> {
    let claims: Claims = serde_json::from_slice(bytes).map_err(|error| Fault::Claims(error.to_string()))?;
    if claims.version != Claims::VERSION {
        return Err(Fault::Claims(format!("version {}", claims.version)));
    }
    Ok(claims)
}
