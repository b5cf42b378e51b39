//! Signatures by secp256k1, and who made them.

use std::fmt;
use std::str::FromStr;

use alloy_primitives::{B256, U256};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::types::Wallet;

/// A signature's bytes as they were sent, whatever they are worth. Prints itself as `Signature(…)`.
#[derive(Clone, PartialEq, Eq)]
pub struct Signature(Box<[u8]>);

/// Which contract will check it, and so which forms it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Permit2: 65 bytes, or the 64 of EIP-2098.
    Permit2,
    /// A token (EIP-2612, EIP-3009), or nobody but us (EIP-191): 65 bytes.
    Plain,
}

/// Why a signature proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    /// Wallets with code sign in other lengths, and those are not taken.
    #[error("the signature has not the length that its contract takes")]
    Length,
    /// `ecrecover` answers nobody where v is neither 27 nor 28, and so would the contract.
    #[error("the signature's v is neither 27 nor 28")]
    Parity,
    /// The twin that anybody can make of a signature (EIP-2, BIP-62). Tokens revert on it; Permit2 takes it, we don't: one
    /// payment has one signature, on whichever contract.
    #[error("the signature's s is in the upper half")]
    HighS,
    /// No key makes it.
    #[error("the signature is not one of this curve")]
    Invalid,
    /// Somebody signed, but not what is claimed or not who is claimed.
    #[error("the signature is somebody else's, or of something else")]
    OtherSigner,
}

/// A signature with its parts apart, as tokens take it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    /// r.
    pub r: U256,
    /// s, in the lower half.
    pub s: U256,
    /// Whether v is 28.
    pub odd: bool,
}

impl Parts {
    /// 27 or 28.
    pub const fn v(&self) -> u8 {
        if self.odd { 28 } else { 27 }
    }
}

impl Signature {
    /// From bytes, in a record or made by a test.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// As they go on chain.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Its parts, where `form` takes it.
    ///
    /// # Errors
    /// A [`SignatureFault`] that can be seen without recovering the signer.
    pub fn parts(&self, form: Form) -> Result<Parts, SignatureFault> {
        let (head, tail) = self.0.split_at_checked(64).ok_or(SignatureFault::Length)?;
        let (r, s) = head.split_at_checked(32).ok_or(SignatureFault::Length)?;
        let (r, mut s) = (U256::from_be_slice(r), U256::from_be_slice(s));
        let odd = match (form, tail) {
            (_, [27]) => false,
            (_, [28]) => true,
            (_, [_]) => return Err(SignatureFault::Parity),
            (Form::Permit2, []) => {
                let odd = s.bit(255);
                s.set_bit(255, false);
                odd
            }
            (Form::Plain, []) | (_, [_, _, ..]) => return Err(SignatureFault::Length),
        };
        let parts = Parts { r, s, odd };
        // alloy lowers s before it recovers, so a high one must be seen here.
        if parts.curve().normalize_s().is_some() { Err(SignatureFault::HighS) } else { Ok(parts) }
    }

    /// Who signed `digest`.
    ///
    /// # Errors
    /// A [`SignatureFault`], but never [`SignatureFault::OtherSigner`].
    pub fn recover(&self, digest: &B256, form: Form) -> Result<Wallet, SignatureFault> {
        let signer = self.parts(form)?.curve().recover_address_from_prehash(digest).map_err(|_| SignatureFault::Invalid)?;
        Ok(signer.into())
    }

    /// Checks that `signer` signed `digest`.
    ///
    /// # Errors
    /// A [`SignatureFault`].
    pub fn check(&self, digest: &B256, form: Form, signer: Wallet) -> Result<(), SignatureFault> {
        if self.recover(digest, form)? == signer { Ok(()) } else { Err(SignatureFault::OtherSigner) }
    }
}

impl Parts {
    fn curve(&self) -> alloy_primitives::Signature {
        alloy_primitives::Signature::new(self.r, self.s, self.odd)
    }
}

/// Why a text is no signature: not `0x` and whole bytes in hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be bytes in hex behind 0x")]
pub struct ParseSignatureError;

impl FromStr for Signature {
    type Err = ParseSignatureError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix("0x").ok_or(ParseSignatureError)?;
        hex::decode(digits).map(|bytes| Self(bytes.into())).map_err(|_| ParseSignatureError)
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(…)")
    }
}

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_str(&format_args!("0x{}", hex::encode(&self.0)));
        }
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
            return text.parse().map_err(serde::de::Error::custom);
        }
        Box::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use proptest::prelude::*;

    fn digest() -> B256 {
        B256::repeat_byte(0x42)
    }

    #[test]
    fn both_forms_of_permit2_and_one_of_tokens() {
        let whole = samples::sign(1, &digest());
        let short = samples::compact(&whole);
        assert_eq!(short.as_bytes().len(), 64);
        for (signature, form, taken) in
            [(&whole, Form::Permit2, true), (&whole, Form::Plain, true), (&short, Form::Permit2, true), (&short, Form::Plain, false)]
        {
            let wanted = if taken { Ok(samples::wallet(1)) } else { Err(SignatureFault::Length) };
            assert_eq!(signature.recover(&digest(), form), wanted);
        }
    }

    #[test]
    fn every_fault() {
        let right = samples::sign(1, &digest());
        let bytes = right.as_bytes().to_vec();
        let with_v = |v| [&bytes[..64], &[v]].concat();
        for (wrong, fault) in [
            (vec![], SignatureFault::Length),
            (bytes[..63].to_vec(), SignatureFault::Length),
            ([&bytes[..], &[0]].concat(), SignatureFault::Length),
            ([&bytes[..], &[0x64; 400]].concat(), SignatureFault::Length),
            (with_v(0), SignatureFault::Parity),
            (with_v(1), SignatureFault::Parity),
            (with_v(29), SignatureFault::Parity),
            (samples::twin(&right).as_bytes().to_vec(), SignatureFault::HighS),
            ([[0; 32], [1; 32]].concat().into_iter().chain([27]).collect(), SignatureFault::Invalid),
            ([[1; 32], [0; 32]].concat().into_iter().chain([27]).collect(), SignatureFault::Invalid),
            ([[0xff; 32], [1; 32]].concat().into_iter().chain([27]).collect(), SignatureFault::Invalid),
        ] {
            for form in [Form::Permit2, Form::Plain] {
                assert_eq!(Signature::from_bytes(&wrong).check(&digest(), form, samples::wallet(1)), Err(fault), "{wrong:?}");
            }
        }
        assert_eq!(right.check(&digest(), Form::Plain, samples::wallet(2)), Err(SignatureFault::OtherSigner));
        assert_eq!(right.check(&B256::ZERO, Form::Plain, samples::wallet(1)), Err(SignatureFault::OtherSigner));
    }

    /// T-25
    #[test]
    fn t25_a_debug_print_hides_it() {
        assert_eq!(format!("{:?}", samples::sign(1, &digest())), "Signature(…)");
    }

    proptest! {
        #[test]
        fn whoever_signed_is_found(key in 1_u8.., digest: [u8; 32]) {
            let digest = B256::from(digest);
            let signature = samples::sign(key, &digest);
            prop_assert_eq!(signature.recover(&digest, Form::Plain), Ok(samples::wallet(key)));
            prop_assert_eq!(samples::compact(&signature).recover(&digest, Form::Permit2), Ok(samples::wallet(key)));
            prop_assert_eq!(samples::twin(&signature).recover(&digest, Form::Plain), Err(SignatureFault::HighS));
            let json = serde_json::to_string(&signature).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Signature>(&json).unwrap(), &signature);
            prop_assert_eq!(&postcard::from_bytes::<Signature>(&postcard::to_stdvec(&signature).unwrap()).unwrap(), &signature);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(0_u8.., 0..140)) {
            let _any = Signature::from_bytes(&bytes).recover(&digest(), Form::Permit2);
        }
    }
}
