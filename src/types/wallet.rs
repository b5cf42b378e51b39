//! Wallets: an account on an EVM chain, by its address.

use std::fmt;
use std::str::FromStr;

use alloy_primitives::Address;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Slot;

/// The 20 bytes of an address. Shown in the one spelling that carries a checksum (EIP-55), so that equal is equal as text too.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wallet([u8; 20]);

/// Why a text is no address: no `0x` and 40 hex digits, or a mix of cases that is not the checksum's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an address: 0x and 40 hex digits, in one case or with a right EIP-55 checksum")]
pub struct ParseWalletError;

impl Wallet {
    /// Nobody's: what a contract means by "no address".
    pub const ZERO: Self = Self([0; 20]);

    /// From the bytes that [`Self::as_bytes`] gave.
    pub const fn from_bytes(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    /// Its bytes, as a chain has them.
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// For arithmetic with alloy's types.
    pub const fn address(&self) -> Address {
        Address::new(self.0)
    }

    /// Where everything of a payer with this wallet lives, on whichever chain it pays.
    pub fn slot(&self) -> Slot {
        Slot::of(&self.0)
    }

    /// Reads an address, but only in the spelling that has the checksum.
    pub fn parse_checksummed(text: &str) -> Option<Self> {
        text.parse().ok().filter(|wallet: &Self| wallet.to_string() == text)
    }
}

impl From<Address> for Wallet {
    fn from(address: Address) -> Self {
        Self(address.into_array())
    }
}

impl From<Wallet> for Address {
    fn from(wallet: Wallet) -> Self {
        wallet.address()
    }
}

impl FromStr for Wallet {
    type Err = ParseWalletError;

    /// In any case; but who mixes cases claims a checksum, and a wrong one is a typing error that would send money astray.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix("0x").ok_or(ParseWalletError)?;
        let mut bytes = [0; 20];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| ParseWalletError)?;
        let wallet = Self(bytes);
        let mixed = digits.contains(|c: char| c.is_ascii_uppercase()) && digits.contains(|c: char| c.is_ascii_lowercase());
        (!mixed || wallet.to_string() == text).then_some(wallet).ok_or(ParseWalletError)
    }
}

impl fmt::Display for Wallet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.address().to_checksum_buffer(None).as_str())
    }
}

impl fmt::Debug for Wallet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Wallet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { self.0.serialize(serializer) }
    }
}

impl<'de> Deserialize<'de> for Wallet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
            return text.parse().map_err(serde::de::Error::custom);
        }
        <[u8; 20]>::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The examples of EIP-55.
    #[test]
    fn the_checksum_is_shown_and_checked() {
        for text in [
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
            "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
            "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
        ] {
            let wallet: Wallet = text.parse().unwrap();
            assert_eq!(wallet.to_string(), text);
            assert_eq!(text.to_lowercase().parse(), Ok(wallet));
            assert_eq!(format!("0x{}", text[2..].to_uppercase()).parse(), Ok(wallet));
            let swapped: String = text.chars().map(|c| if c == 'b' { 'B' } else { c }).collect();
            assert!(swapped == text || swapped.parse::<Wallet>().is_err(), "{swapped}");
            assert_eq!(Wallet::parse_checksummed(text), Some(wallet));
            assert_eq!(Wallet::parse_checksummed(&text.to_lowercase()), None);
        }
    }

    #[test]
    fn what_is_no_address() {
        let right = "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed";
        for wrong in ["", "0x", &right[2..], &right[..41], &format!("{right}0"), &format!(" {right}"), &right.replace("0x", "0X")] {
            assert_eq!(wrong.parse::<Wallet>(), Err(ParseWalletError), "{wrong}");
        }
        assert_eq!("0xgaaeb6053f3e94c9b9a09f33669435e7ef1beaed".parse::<Wallet>(), Err(ParseWalletError));
    }

    proptest! {
        #[test]
        fn wallets_round_trip(bytes: [u8; 20]) {
            let wallet = Wallet::from_bytes(bytes);
            prop_assert_eq!(wallet.to_string().parse(), Ok(wallet));
            prop_assert_eq!(serde_json::from_str::<Wallet>(&serde_json::to_string(&wallet).unwrap()).unwrap(), wallet);
            let stored = postcard::to_stdvec(&wallet).unwrap();
            prop_assert_eq!(stored.len(), 20);
            prop_assert_eq!(postcard::from_bytes::<Wallet>(&stored).unwrap(), wallet);
            prop_assert_eq!(wallet.slot(), Slot::of(&bytes));
        }
    }
}
