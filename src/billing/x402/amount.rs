//! Whole numbers of 256 bits as x402 writes them, and their conversion to money.

use alloy_primitives::U256;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::types::Usd;

/// The digits of 2^256 - 1.
const DIGITS_MAX: usize = 78;

/// A number that JSON carries as decimal text: an amount in atomic units, or a time in Unix seconds. Records have it so too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Uint(pub U256);

impl Uint {
    /// From a small number.
    pub fn new(value: u64) -> Self {
        Self(U256::from(value))
    }

    /// As Unix seconds, where they fit.
    pub fn seconds(self) -> Option<u64> {
        u64::try_from(self.0).ok()
    }
}

/// Reads decimal digits: no sign, no space, no exponent, and nothing above 2^256 - 1.
pub fn parse_decimal(text: &str) -> Option<U256> {
    let digits_only = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits_only && text.len() <= DIGITS_MAX).then(|| U256::from_str_radix(text, 10).ok()).flatten()
}

/// Reads what clients send as a Permit2 nonce: decimal in the SDKs, hex in the example of the scheme's text (x402.md 4.4).
pub fn parse_nonce(text: &str) -> Option<U256> {
    let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) else { return parse_decimal(text) };
    let hex_only = (1..=64).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    hex_only.then(|| U256::from_str_radix(digits, 16).ok()).flatten()
}

/// Atomic units of a six-decimal dollar token as money, where they are an amount that we take (safety.md D-9).
pub fn usd(units: U256) -> Option<Usd> {
    i64::try_from(units).ok().map(Usd::from_micros).filter(|usd| *usd <= Usd::MAX_WIRE)
}

/// As [`usd`], but what is beyond our range counts as its end: right for a balance or an allowance, which only has to be enough.
pub fn usd_at_most(units: U256) -> Usd {
    usd(units).unwrap_or(Usd::MAX_WIRE)
}

/// Money as atomic units of a six-decimal dollar token. Less than nothing is nothing; no amount that is signed or sent is.
pub fn units(usd: Usd) -> U256 {
    U256::from(u64::try_from(usd.micros()).unwrap_or(0))
}

impl Serialize for Uint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Uint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer, parse_decimal, "must be a whole number below 2^256, as decimal text")
    }
}

/// For a field that may be hex.
///
/// # Errors
/// Where it is neither.
pub fn nonce<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Uint, D::Error> {
    read(deserializer, parse_nonce, "must be a whole number below 2^256, as decimal or 0x-hex text")
}

fn read<'de, D: Deserializer<'de>>(deserializer: D, parse: fn(&str) -> Option<U256>, wanted: &str) -> Result<Uint, D::Error> {
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    parse(&text).map(Uint).ok_or_else(|| serde::de::Error::custom(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_grammar_of_numbers() {
        let max = U256::MAX.to_string();
        assert_eq!(parse_decimal(&max), Some(U256::MAX));
        assert_eq!(parse_decimal("0"), Some(U256::ZERO));
        assert_eq!(parse_decimal("007"), Some(U256::from(7)), "a number, however it is written");
        let above = "115792089237316195423570985008687907853269984665640564039457584007913129639936";
        for wrong in ["", "+1", "-1", " 1", "1 ", "1_0", "1.0", "1e3", "0x1", "a", above, &"0".repeat(79), "١"] {
            assert_eq!(parse_decimal(wrong), None, "{wrong}");
        }
        for (text, wanted) in [("0x0", Some(0)), ("0xFf", Some(255)), ("12", Some(12)), ("0x", None), ("0x_1", None), ("0xg", None)] {
            assert_eq!(parse_nonce(text), wanted.map(U256::from), "{text}");
        }
        assert_eq!(parse_nonce(&format!("0x{}", "f".repeat(64))), Some(U256::MAX));
        assert_eq!(parse_nonce(&format!("0x{}", "0".repeat(65))), None);
    }

    #[test]
    fn only_amounts_that_we_take_become_money() {
        let most = U256::from(9_007_199_254_740_991_u64);
        assert_eq!(usd(most), Some(Usd::MAX_WIRE));
        assert_eq!(usd(most + U256::ONE), None);
        assert_eq!(usd(U256::MAX), None);
        assert_eq!(usd_at_most(U256::MAX), Usd::MAX_WIRE, "an unlimited allowance");
        assert_eq!(units(Usd::from_micros(-1)), U256::ZERO);
    }

    proptest! {
        #[test]
        fn numbers_round_trip(limbs: [u64; 4], micros in 0_i64..=9_007_199_254_740_991) {
            let number = U256::from_limbs(limbs);
            prop_assert_eq!(parse_nonce(&number.to_string()), Some(number));
            prop_assert_eq!(parse_nonce(&format!("{number:#x}")), Some(number));
            let json = serde_json::to_string(&Uint(number)).unwrap();
            prop_assert_eq!(serde_json::from_str::<Uint>(&json).unwrap(), Uint(number));
            prop_assert_eq!(postcard::from_bytes::<Uint>(&postcard::to_stdvec(&Uint(number)).unwrap()).unwrap(), Uint(number));
            prop_assert_eq!(usd(units(Usd::from_micros(micros))), Some(Usd::from_micros(micros)));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,90}") {
            let _any = (parse_decimal(&text), parse_nonce(&text));
        }
    }
}
