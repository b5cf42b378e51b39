//! US dollars as whole micro-dollars, read from the raw text of a JSON token and never through a float.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// US dollars in whole micro-dollars: 1 is $0.000001, one atomic unit of 6-decimal USDC.
///
/// An audit balances to the unit, so there is no float and no operator that could wrap.
/// Signed, because ledger accounts are: wire amounts are checked to be at least zero where they are read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Usd(i64);

/// An amount left the range of [`Usd`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
#[error("the amount is out of range")]
pub struct OutOfRange;

/// Why a token is no amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseUsdError {
    /// Neither a JSON number nor a decimal in a string.
    #[error("must be a decimal number of US dollars, such as 1.5")]
    NotANumber,
    /// A sign, `-0` included.
    #[error("must not be negative")]
    Negative,
    /// Not a whole number of micro-dollars.
    #[error("must be a whole number of micro-dollars: at most six decimals")]
    TooPrecise,
    /// Above [`Usd::MAX_WIRE`], or an exponent beyond twenty.
    #[error("is out of range")]
    OutOfRange,
}

impl Usd {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount that is read from a wire: 2^53 - 1 micro-dollars, about $9.0e9 (safety.md RS6, D-9).
    pub const MAX_WIRE: Self = Self(9_007_199_254_740_991);

    /// From whole micro-dollars.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// In whole micro-dollars.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The sum, or [`OutOfRange`] rather than a wrapped number.
    pub const fn plus(self, other: Self) -> Result<Self, OutOfRange> {
        match self.0.checked_add(other.0) {
            Some(sum) => Ok(Self(sum)),
            None => Err(OutOfRange),
        }
    }

    /// So many times the amount.
    ///
    /// # Errors
    /// [`OutOfRange`] rather than a wrapped number.
    pub fn times(self, count: u32) -> Result<Self, OutOfRange> {
        self.0.checked_mul(i64::from(count)).map(Self).ok_or(OutOfRange)
    }

    /// The difference, or [`OutOfRange`] rather than a wrapped number.
    pub const fn minus(self, other: Self) -> Result<Self, OutOfRange> {
        match self.0.checked_sub(other.0) {
            Some(difference) => Ok(Self(difference)),
            None => Err(OutOfRange),
        }
    }

    /// `self` x (1 + `basis_points` / 10,000), rounded down: in the buyer's favour.
    pub fn marked_up(self, basis_points: u32) -> Result<Self, OutOfRange> {
        let factor = i128::from(basis_points).checked_add(10_000).ok_or(OutOfRange)?;
        let scaled = i128::from(self.0).checked_mul(factor).ok_or(OutOfRange)?;
        i64::try_from(scaled.div_euclid(10_000)).map(Self).map_err(|_| OutOfRange)
    }

    /// Below zero.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// Exactly zero.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Reads the raw text of one JSON token: a number, or a string that holds a plain decimal.
    ///
    /// Exponents are fine as long as the value is a whole number of micro-dollars (`1e-05` is 10).
    /// Never rounds. The exponent is bounded before any arithmetic, so `1e999999999` costs nothing (safety.md N2, T-46).
    ///
    /// # Errors
    /// See [`ParseUsdError`].
    pub fn parse_json_token(token: &str) -> Result<Self, ParseUsdError> {
        let token = token.trim_matches([' ', '\t', '\n', '\r']);
        let text = match token.strip_prefix('"') {
            Some(rest) => rest.strip_suffix('"').ok_or(ParseUsdError::NotANumber)?,
            None => token,
        };
        parse_decimal(text)
    }

    /// What the wire shows: a JSON number with no exponent and no trailing zeros.
    pub fn to_raw_json(self) -> Box<RawValue> {
        // The text of a decimal is always valid JSON, so the fallback is never taken.
        RawValue::from_string(self.to_string()).unwrap_or_else(|_| RawValue::NULL.to_owned())
    }
}

/// `digits[.digits][(e|E)[+|-]digits]`, as RFC 8259 section 6 has it: no leading zeros, no bare point.
fn parse_decimal(text: &str) -> Result<Usd, ParseUsdError> {
    use ParseUsdError as E;
    if let Some(rest) = text.strip_prefix('-') {
        return match rest.as_bytes().first() {
            Some(b'0'..=b'9') => Err(E::Negative),
            _ => Err(E::NotANumber),
        };
    }
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => {
            let (mantissa, rest) = text.split_at(at);
            (mantissa, parse_exponent(rest.get(1..).unwrap_or(""))?)
        }
        None => (text, Some(0)),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((_, "")) => return Err(E::NotANumber),
        Some(parts) => parts,
        None => (mantissa, ""),
    };
    let digits_only = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits_only(whole) || !digits_only(fraction) || (whole.len() > 1 && whole.starts_with('0')) {
        return Err(E::NotANumber);
    }
    let exponent = exponent.ok_or(E::OutOfRange)?;
    // value = digits x 10^(exponent - fraction.len()); micros = digits x 10^shift.
    let fraction = fraction.trim_end_matches('0');
    let fraction_len = i64::try_from(fraction.len()).map_err(|_| E::TooPrecise)?;
    let mut shift = exponent.saturating_add(6).saturating_sub(fraction_len);
    let digits: String = [whole, fraction].concat();
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Ok(Usd::ZERO);
    }
    let significant = digits.trim_end_matches('0');
    shift = shift.saturating_add(i64::try_from(digits.len().saturating_sub(significant.len())).map_err(|_| E::OutOfRange)?);
    if shift < 0 {
        return Err(E::TooPrecise);
    }
    let mut micros: i64 = 0;
    for digit in significant.bytes() {
        let digit = i64::from(digit.saturating_sub(b'0'));
        micros = micros.checked_mul(10).and_then(|value| value.checked_add(digit)).ok_or(E::OutOfRange)?;
    }
    for _ in 0..shift.min(20) {
        micros = micros.checked_mul(10).ok_or(E::OutOfRange)?;
    }
    if shift > 20 || micros > Usd::MAX_WIRE.0 {
        return Err(E::OutOfRange);
    }
    Ok(Usd(micros))
}

/// The exponent, or `None` where it is beyond twenty either way and so beyond any amount that we take.
fn parse_exponent(text: &str) -> Result<Option<i64>, ParseUsdError> {
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, text.get(1..).unwrap_or("")),
        Some(b'+') => (false, text.get(1..).unwrap_or("")),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ParseUsdError::NotANumber);
    }
    let significant = digits.trim_start_matches('0');
    if significant.len() > 2 {
        return Ok(None);
    }
    let value: i64 = if significant.is_empty() { 0 } else { significant.parse().map_err(|_| ParseUsdError::NotANumber)? };
    Ok((value <= 20).then_some(if negative { value.saturating_neg() } else { value }))
}

impl FromStr for Usd {
    type Err = ParseUsdError;

    /// A plain decimal, as flags and settings have it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_decimal(text.trim())
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, fraction) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
        if fraction == 0 {
            return write!(f, "{sign}{whole}");
        }
        let fraction = format!("{fraction:06}");
        write!(f, "{sign}{whole}.{}", fraction.trim_end_matches('0'))
    }
}

impl fmt::Debug for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${self}")
    }
}

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { self.to_raw_json().serialize(serializer) } else { serializer.serialize_i64(self.0) }
    }
}

impl<'de> Deserialize<'de> for Usd {
    /// From JSON: the raw token, so `null`, a float's rounding or an exponent bomb never get in. From our own records: an integer.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let raw = Box::<RawValue>::deserialize(deserializer)?;
            Self::parse_json_token(raw.get()).map_err(serde::de::Error::custom)
        } else {
            i64::deserialize(deserializer).map(Self)
        }
    }
}

/// For an optional amount: absent is `None`, but `null` is refused like any other token that is no amount.
///
/// # Errors
/// As [`Usd::parse_json_token`].
pub fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Usd>, D::Error> {
    Usd::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// T-46: every row of the threat, and what else reads like an amount.
    #[test]
    fn the_money_grammar() {
        use ParseUsdError as E;
        for (token, wanted) in [
            ("1e400", Err(E::OutOfRange)),
            ("NaN", Err(E::NotANumber)),
            ("-0", Err(E::Negative)),
            ("-0.0", Err(E::Negative)),
            ("-1", Err(E::Negative)),
            ("1e-7", Err(E::TooPrecise)),
            ("0.0000001", Err(E::TooPrecise)),
            ("0.30000000000000004", Err(E::TooPrecise)),
            ("1.0000000000000001", Err(E::TooPrecise)),
            ("\"0.05\"", Ok(50_000)),
            ("\"5e-2\"", Ok(50_000)),
            ("\"\"", Err(E::NotANumber)),
            ("\" 1\"", Err(E::NotANumber)),
            ("null", Err(E::NotANumber)),
            ("true", Err(E::NotANumber)),
            ("[1]", Err(E::NotANumber)),
            ("{}", Err(E::NotANumber)),
            ("9007199254740993", Err(E::OutOfRange)),
            ("9007199254.740991", Ok(9_007_199_254_740_991)),
            ("9007199254.740992", Err(E::OutOfRange)),
            ("1e999999999", Err(E::OutOfRange)),
            ("1e-999999999", Err(E::OutOfRange)),
            ("1e-05", Ok(10)),
            ("1E+0", Ok(1_000_000)),
            ("0.000001", Ok(1)),
            ("0.0000010", Ok(1)),
            ("1.5", Ok(1_500_000)),
            ("1.500000000", Ok(1_500_000)),
            ("10e-1", Ok(1_000_000)),
            ("0", Ok(0)),
            ("0e5", Ok(0)),
            ("00", Err(E::NotANumber)),
            ("01", Err(E::NotANumber)),
            ("1.", Err(E::NotANumber)),
            (".5", Err(E::NotANumber)),
            ("+1", Err(E::NotANumber)),
            ("1e", Err(E::NotANumber)),
            ("0x10", Err(E::NotANumber)),
            ("Infinity", Err(E::NotANumber)),
        ] {
            assert_eq!(Usd::parse_json_token(token).map(Usd::micros), wanted, "{token}");
        }
    }

    #[test]
    fn null_is_no_amount_even_where_one_is_optional() {
        #[derive(Deserialize, Debug)]
        struct Body {
            #[serde(default, deserialize_with = "present")]
            amount: Option<Usd>,
        }
        assert!(serde_json::from_str::<Body>(r#"{"amount":null}"#).is_err());
        assert_eq!(serde_json::from_str::<Body>("{}").unwrap().amount, None);
        assert_eq!(serde_json::from_str::<Body>(r#"{"amount":1e-05}"#).unwrap().amount, Some(Usd(10)));
    }

    #[test]
    fn markup_is_rounded_for_the_buyer() {
        assert_eq!(Usd(1).marked_up(9_999), Ok(Usd(1)));
        assert_eq!(Usd(1_000_000).marked_up(2_500), Ok(Usd(1_250_000)));
        assert_eq!(Usd(i64::MAX).marked_up(1), Err(OutOfRange));
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(micros in 0_i64..=9_007_199_254_740_991) {
            let json = serde_json::to_string(&Usd(micros)).unwrap();
            prop_assert_eq!(serde_json::from_str::<Usd>(&json).unwrap(), Usd(micros));
        }

        /// Against a naive oracle: shift the decimal text by hand.
        #[test]
        fn any_decimal_agrees_with_long_hand(whole in 0_u32..1_000_000, fraction in "[0-9]{0,9}", exponent in -8_i32..=3) {
            let text = if fraction.is_empty() { format!("{whole}e{exponent}") } else { format!("{whole}.{fraction}e{exponent}") };
            let digits: i128 = format!("{whole}{fraction}").parse().unwrap();
            let shift = 6 + exponent - i32::try_from(fraction.len()).unwrap();
            let wanted = if shift >= 0 {
                Some(digits * 10_i128.pow(shift.unsigned_abs()))
            } else {
                let divisor = 10_i128.pow(shift.unsigned_abs());
                (digits % divisor == 0).then_some(digits / divisor)
            };
            prop_assert_eq!(Usd::parse_json_token(&text).ok().map(|usd| i128::from(usd.micros())), wanted);
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}") {
            let _any = Usd::parse_json_token(&text);
        }
    }
}
