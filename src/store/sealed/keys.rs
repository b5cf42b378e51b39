//! The keys, and what is done with them.
//!
//! A sealed value is `[255][1][key id, 4][nonce, 12][ciphertext][tag, 16]`: 34 bytes longer than the plain one, whose first byte is
//! the version of its codec. AES-256-GCM-SIV (RFC 8452), with the place as associated data. The nonce is an HMAC of place and value,
//! so that an append that is repeated after a lost reply has the same bytes; who compares two versions of one place learns whether
//! they are equal, and nothing else. Should two nonces meet by chance, SIV gives no more away than that, so there is no number of
//! values after which a key had to be changed.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use secrecy::{ExposeSecret, SecretBox};

use super::place::{Place, Places};
use crate::shard::codec;
use crate::store::Error;

/// What a sealed value begins with: no version of the codec, and the version of this format.
const MARK: [u8; 2] = [u8::MAX, 1];
const _: () = assert!(codec::VERSION < u8::MAX, "a plain value must not look like a sealed one");

/// Mark, key id, nonce.
const HEAD: usize = MARK.len() + ID + NONCE_LEN;
const ID: usize = 4;

/// What values are sealed with: the first of a list seals, each of it opens.
#[derive(Clone)]
pub struct Keys(Arc<[Option<Key>]>);

/// What a value was sealed with, for whoever counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Seal {
    /// With nothing.
    None,
    /// With the key of this id.
    Key([u8; ID]),
}

/// A value, and how it lay there.
#[derive(Debug)]
pub(super) struct Opened<'a> {
    pub(super) value: Cow<'a, [u8]>,
    pub(super) seal: Seal,
}

/// Three keys that follow from the one that was given, so that none is used for two things.
struct Key {
    id: [u8; ID],
    cipher: LessSafeKey,
    nonces: hmac::Key,
}

impl Keys {
    /// Nothing is sealed, and nothing sealed can be read.
    pub fn none() -> Self {
        Self(Arc::new([None]))
    }

    /// These keys; none among them stands for plain values. [`None`] where the list is empty.
    pub fn new(list: &[Option<SecretBox<[u8; 32]>>]) -> Option<Self> {
        let keys: Option<Arc<[_]>> = list.iter().map(|secret| secret.as_ref().map(Key::new).transpose().ok()).collect();
        keys.filter(|keys| !keys.is_empty()).map(Self)
    }

    /// The names of what is used, the one that seals first.
    pub fn seals(&self) -> impl Iterator<Item = Seal> {
        self.0.iter().map(|key| key.as_ref().map_or(Seal::None, |key| Seal::Key(key.id)))
    }

    pub(super) fn seal(&self, places: &Places, place: Place<'_>, value: Vec<u8>) -> Result<Vec<u8>, Error> {
        match self.0.first().and_then(Option::as_ref) {
            Some(key) => key.seal(&places.bind(place), &value).map_err(|_| Error::Unavailable(format!("{place} can't be sealed"))),
            None => Ok(value),
        }
    }

    pub(super) fn open<'a>(&self, places: &Places, place: Place<'_>, value: &'a [u8]) -> Result<Opened<'a>, Error> {
        let Some(sealed) = Parts::of(value) else {
            let is_allowed = self.0.iter().any(Option::is_none) && value.first() != MARK.first();
            return is_allowed.then_some(Opened { value: Cow::Borrowed(value), seal: Seal::None }).ok_or_else(|| not_sealed(place, value));
        };
        let Some(key) = self.0.iter().flatten().find(|key| key.id == sealed.id) else {
            let id = Seal::Key(sealed.id);
            return Err(Error::Sealed(format!("{place} is sealed with {id}, which ENRICH_SEAL_KEY doesn't have: put it on its list")));
        };
        let plain = key.open(&places.bind(place), &sealed);
        let plain = plain.map_err(|_| Error::Corrupt(format!("{place} is not what was sealed there: it was altered or moved")))?;
        Ok(Opened { value: Cow::Owned(plain), seal: Seal::Key(key.id) })
    }
}

fn not_sealed(place: Place<'_>, value: &[u8]) -> Error {
    if value.first() == MARK.first() {
        return Error::Corrupt(format!("{place} is sealed in a way that is unknown here"));
    }
    let advice = "if it was written before ENRICH_SEAL_KEY was set, put the word unsealed at the end of its list; else somebody wrote it";
    Error::Sealed(format!("{place} is not sealed: {advice}"))
}

/// Of a sealed value.
struct Parts<'a> {
    id: [u8; ID],
    nonce: [u8; NONCE_LEN],
    body: &'a [u8],
}

impl<'a> Parts<'a> {
    fn of(value: &'a [u8]) -> Option<Self> {
        let rest = value.strip_prefix(&MARK)?;
        let (id, rest) = rest.split_first_chunk()?;
        let (nonce, body) = rest.split_first_chunk()?;
        Some(Self { id: *id, nonce: *nonce, body })
    }
}

impl Key {
    fn new(secret: &SecretBox<[u8; 32]>) -> Result<Self, aws_lc_rs::error::Unspecified> {
        let root = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret());
        let derive = |purpose: &str| hmac::sign(&root, purpose.as_bytes());
        let cipher = UnboundKey::new(&AES_256_GCM_SIV, derive("enrich-jobs seal 1: cipher").as_ref())?;
        let nonces = hmac::Key::new(hmac::HMAC_SHA256, derive("enrich-jobs seal 1: nonces").as_ref());
        let id = *derive("enrich-jobs seal 1: id").as_ref().first_chunk().ok_or(aws_lc_rs::error::Unspecified)?;
        Ok(Self { id, cipher: LessSafeKey::new(cipher), nonces })
    }

    fn seal(&self, place: &[u8], value: &[u8]) -> Result<Vec<u8>, aws_lc_rs::error::Unspecified> {
        let nonce = self.nonce(place, value)?;
        let mut sealed = Vec::with_capacity(HEAD + value.len() + AES_256_GCM_SIV.tag_len());
        sealed.extend(MARK);
        sealed.extend(self.id);
        sealed.extend(nonce);
        sealed.extend(value);
        let (_, body) = sealed.split_at_mut_checked(HEAD).ok_or(aws_lc_rs::error::Unspecified)?;
        let tag = self.cipher.seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(place), body)?;
        sealed.extend(tag.as_ref());
        Ok(sealed)
    }

    fn open(&self, place: &[u8], sealed: &Parts<'_>) -> Result<Vec<u8>, aws_lc_rs::error::Unspecified> {
        let mut plain = sealed.body.to_vec();
        let opened = self.cipher.open_in_place(Nonce::assume_unique_for_key(sealed.nonce), Aad::from(place), &mut plain)?;
        let length = opened.len();
        plain.truncate(length);
        Ok(plain)
    }

    /// Follows from place and value. The place's length in front keeps the two apart.
    fn nonce(&self, place: &[u8], value: &[u8]) -> Result<[u8; NONCE_LEN], aws_lc_rs::error::Unspecified> {
        let mut context = hmac::Context::with_key(&self.nonces);
        context.update(&u64::try_from(place.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(place);
        context.update(value);
        context.sign().as_ref().first_chunk().copied().ok_or(aws_lc_rs::error::Unspecified)
    }
}

/// The ids alone.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.seals()).finish()
    }
}

impl fmt::Display for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("nothing"),
            Self::Key(id) => write!(f, "key {}", hex::encode(id)),
        }
    }
}
