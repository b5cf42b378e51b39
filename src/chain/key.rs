//! An operator account's key.

use std::fmt;
use std::sync::Arc;

use alloy_primitives::{Address, B256};
use secp256k1::{Message, Secp256k1, SecretKey, SignOnly};
use secrecy::{ExposeSecret, SecretBox};

use crate::types::Wallet;

/// A secret key and the account that it is for. It is wiped when the last clone is dropped, and never printed.
#[derive(Clone)]
pub struct OperatorKey {
    secret: Arc<SecretBox<[u8; 32]>>,
    context: Arc<Secp256k1<SignOnly>>,
    wallet: Wallet,
}

/// Why a text is no key. It says nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a secp256k1 secret key: 64 hex digits, with or without 0x")]
pub struct NotAKey;

/// A signature with the parity that tells its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recoverable {
    /// r, big endian.
    pub r: [u8; 32],
    /// s, in the lower half.
    pub s: [u8; 32],
    /// Whether the point's y is odd.
    pub y_is_odd: bool,
}

impl OperatorKey {
    /// From 64 hex digits.
    ///
    /// # Errors
    /// [`NotAKey`].
    pub fn from_hex(text: &str) -> Result<Self, NotAKey> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.trim().trim_start_matches("0x"), &mut bytes).map_err(|_| NotAKey)?;
        let secret = SecretKey::from_byte_array(bytes).map_err(|_| NotAKey)?;
        let wallet = Address::from_secp256k1_secret_key(&secret).into();
        Ok(Self { secret: Arc::new(SecretBox::new(Box::new(bytes))), context: Arc::new(Secp256k1::signing_only()), wallet })
    }

    /// Its account.
    pub const fn wallet(&self) -> Wallet {
        self.wallet
    }

    /// Signs a hash. The same hash gives the same signature (RFC 6979).
    ///
    /// # Errors
    /// Never for a key that [`Self::from_hex`] took.
    pub fn sign(&self, hash: B256) -> Result<Recoverable, NotAKey> {
        let secret = SecretKey::from_byte_array(*self.secret.expose_secret()).map_err(|_| NotAKey)?;
        let signature = self.context.sign_ecdsa_recoverable(Message::from_digest(hash.0), &secret);
        let parity = alloy_primitives::Signature::from(signature);
        Ok(Recoverable { r: parity.r().to_be_bytes(), s: parity.s().to_be_bytes(), y_is_odd: parity.v() })
    }
}

impl fmt::Debug for OperatorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OperatorKey({})", self.wallet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first account of everybody's test words.
    const KNOWN: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

    #[test]
    fn a_key_has_its_account() {
        let key = OperatorKey::from_hex(KNOWN).unwrap();
        assert_eq!(key.wallet().to_string(), "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
        assert_eq!(OperatorKey::from_hex(&KNOWN[2..]).unwrap().wallet(), key.wallet());
        for wrong in ["", "0x", &KNOWN[..65], &"0".repeat(64), &"f".repeat(64)] {
            assert_eq!(OperatorKey::from_hex(wrong).err(), Some(NotAKey));
        }
    }

    /// T-25
    #[test]
    fn t25_a_debug_print_hides_it() {
        let printed = format!("{:?}", OperatorKey::from_hex(KNOWN).unwrap());
        assert_eq!(printed, "OperatorKey(0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266)");
    }
}
