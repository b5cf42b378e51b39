//! The payment headers: base64 of JSON. Strict in what goes out, lenient in what comes in, and bounded before anything is parsed.

use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, PAD, STANDARD};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::messages::{PaymentPayload, VERSION};
use crate::types::FieldError;
use crate::types::payload::field;

/// From server to client, with a 402 or 412.
pub const PAYMENT_REQUIRED: &str = "payment-required";
/// From client to server.
pub const PAYMENT_SIGNATURE: &str = "payment-signature";
/// From server to client, once a payment is settled.
pub const PAYMENT_RESPONSE: &str = "payment-response";

/// The longest encoded header that is read: an echoed extension with its schema makes payments of several KiB (api.md, T-42).
pub const ENCODED_MAX: usize = 24 * 1024;
/// The longest that we write: Node's fetch breaks above 16 KiB of headers in all.
pub const WRITTEN_MAX: usize = 8 * 1024;

/// Either padding or none, and bits behind the end that mean nothing.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    PAD.with_decode_padding_mode(DecodePaddingMode::Indifferent).with_decode_allow_trailing_bits(true),
);

/// A payment as it came.
#[derive(Clone)]
pub struct Payment {
    /// What it says.
    pub payload: PaymentPayload,
    /// Its JSON, to the byte: for a facilitator, and for telling a repeat from another payment with the same identifier. It
    /// holds the signature, so it is for no log.
    pub json: Box<str>,
}

impl fmt::Debug for Payment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.payload, f)
    }
}

/// Why a header can't be read: a malformed request, not a refused payment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Above [`ENCODED_MAX`].
    #[error("is longer than {ENCODED_MAX} bytes")]
    TooLong,
    /// Of no alphabet, or cut off.
    #[error("is not base64")]
    NotBase64,
    /// Not text.
    #[error("is not base64 of UTF-8")]
    NotUtf8,
    /// Another version of the protocol: `invalid_x402_version`.
    #[error("is not of x402 version 2")]
    Version,
    /// Not JSON, a key twice, too deep, or not this object.
    #[error("{}: {}", if .0.pointer.is_empty() { "the whole" } else { &.0.pointer }, .0.detail)]
    Fields(FieldError),
}

impl HeaderError {
    /// The protocol's word for it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Version => "invalid_x402_version",
            Self::TooLong | Self::NotBase64 | Self::NotUtf8 | Self::Fields(_) => "invalid_payload",
        }
    }
}

/// Writes a header: standard base64 with padding.
///
/// # Errors
/// None that our own messages have.
pub fn encode<T: Serialize>(message: &T) -> Result<String, serde_json::Error> {
    Ok(STANDARD.encode(serde_json::to_vec(message)?))
}

/// Reads a payment.
///
/// # Errors
/// See [`HeaderError`].
pub fn decode_payment(value: &[u8]) -> Result<Payment, HeaderError> {
    let json = decode_text(value)?;
    match field::read::<PaymentPayload>(&json) {
        Ok(payload) if payload.x402_version == VERSION => Ok(Payment { payload, json: json.into() }),
        Err(error) if is_version(&json) => Err(HeaderError::Fields(error)),
        Ok(_) | Err(_) => Err(HeaderError::Version),
    }
}

/// Whether JSON that can't be read is at least of our version, or says nothing of one.
fn is_version(json: &str) -> bool {
    #[derive(Deserialize)]
    struct Versioned {
        #[serde(default, rename = "x402Version")]
        version: Option<u64>,
    }
    let read = serde_json::from_str(json);
    !matches!(read, Ok(Versioned { version: Some(version) }) if version != VERSION)
}

/// Reads any other header, as a buyer does.
///
/// # Errors
/// See [`HeaderError`].
pub fn decode<T: DeserializeOwned>(value: &[u8]) -> Result<T, HeaderError> {
    field::read(&decode_text(value)?).map_err(HeaderError::Fields)
}

fn decode_text(value: &[u8]) -> Result<String, HeaderError> {
    if value.len() > ENCODED_MAX {
        return Err(HeaderError::TooLong);
    }
    let standard = value.trim_ascii().iter().map(|byte| match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => *other,
    });
    let bytes = LENIENT.decode(standard.collect::<Vec<u8>>()).map_err(|_| HeaderError::NotBase64)?;
    String::from_utf8(bytes).map_err(|_| HeaderError::NotUtf8)
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use proptest::prelude::*;

    fn read(json: &str) -> Result<Payment, HeaderError> {
        decode_payment(STANDARD.encode(json).as_bytes())
    }

    fn pointer(json: &str) -> String {
        match read(json) {
            Err(HeaderError::Fields(error)) => error.pointer,
            other => panic!("{json}: {other:?}"),
        }
    }

    #[test]
    fn every_spelling_of_base64_is_read() {
        let payload = samples::payment(1);
        let standard = encode(&payload).unwrap();
        let url = standard.replace('+', "-").replace('/', "_");
        for text in [&standard, &url, standard.trim_end_matches('='), url.trim_end_matches('='), &format!(" {standard}\t")] {
            assert_eq!(decode_payment(text.as_bytes()).unwrap().payload, payload, "{text}");
        }
        let json = serde_json::to_string(&payload).unwrap();
        assert_eq!(&*decode_payment(standard.as_bytes()).unwrap().json, json);
    }

    /// T-42
    #[test]
    fn t42_what_is_no_header() {
        for wrong in [&b"!!!"[..], b"e30=e30=", b"e", b"e 30=", b"\xff\xfe", "é".as_bytes()] {
            assert_eq!(decode_payment(wrong).unwrap_err(), HeaderError::NotBase64, "{wrong:?}");
        }
        assert_eq!(decode_payment(STANDARD.encode(b"\xff\xfe").as_bytes()).unwrap_err(), HeaderError::NotUtf8);
        assert_eq!(decode_payment(&vec![b'A'; ENCODED_MAX + 1]).unwrap_err(), HeaderError::TooLong);
        assert!(
            matches!(decode_payment(&vec![b'A'; ENCODED_MAX]).unwrap_err(), HeaderError::Fields(_)),
            "zero bytes are text, but no JSON"
        );
        assert!(matches!(decode_payment(b"").unwrap_err(), HeaderError::Fields(_)));
        let refusal = read(r#"{"x402Version":2}"#).unwrap_err();
        assert_eq!((refusal.as_str(), refusal.to_string().as_str()), ("invalid_payload", "/accepted: is required"));
    }

    /// T-42
    #[test]
    fn t42_deep_or_double_json_is_refused() {
        let with = |extension: &str| {
            let json = serde_json::to_string(&samples::payment(1)).unwrap();
            format!(r#"{},"extensions":{{"x":{extension}}}}}"#, json.strip_suffix('}').unwrap())
        };
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert!(read(&with(&nested(30))).is_ok());
        assert!(pointer(&with(&nested(31))).starts_with("/extensions/x/0/0"));
        assert!(pointer(&with(&nested(8_000))).starts_with("/extensions/x/0/0"));
        assert_eq!(pointer(&with(r#"{"a":1,"a":2}"#)), "/extensions/x/a");
        assert_eq!(pointer(r#"{"x402Version":2,"x402Version":2}"#), "/x402Version");
    }

    #[test]
    fn only_version_2() {
        for json in [r#"{"x402Version":1,"scheme":"exact","network":"base","payload":{}}"#, r#"{"x402Version":3}"#] {
            let refused = read(json).unwrap_err();
            assert_eq!((&refused, refused.as_str()), (&HeaderError::Version, "invalid_x402_version"), "{json}");
        }
        let json = serde_json::to_string(&samples::payment(1)).unwrap();
        assert_eq!(read(&json.replace(r#"Version":2"#, r#"Version":1"#)).unwrap_err(), HeaderError::Version);
        assert_eq!(pointer(&json.replace(r#"Version":2"#, r#"Version":"2""#)), "/x402Version");
    }

    #[test]
    fn a_fault_names_its_field() {
        let json = serde_json::to_string(&samples::payment(1)).unwrap();
        let above = "115792089237316195423570985008687907853269984665640564039457584007913129639936";
        for (from, to, wanted) in [
            (r#""amount":"500000"},"from""#, format!(r#""amount":"{above}"}},"from""#), "/payload/permit2Authorization/permitted/amount"),
            (r#""amount":"500000"},"from""#, r#""amount":"-1"},"from""#.into(), "/payload/permit2Authorization/permitted/amount"),
            (r#""validAfter":"0""#, r#""validAfter":"+0""#.into(), "/payload/permit2Authorization/witness/validAfter"),
            (r#""signature":"0x"#, r#""signature":"0xz"#.into(), "/payload/signature"),
            (r#""spender":"0x"#, r#""spender":"0x0"#.into(), "/payload/permit2Authorization/spender"),
        ] {
            assert!(json.contains(from), "{from}");
            assert_eq!(pointer(&json.replacen(from, &to, 1)), wanted);
        }
    }

    proptest! {
        #[test]
        fn payments_round_trip(key in 1_u8.., nonce: [u64; 4]) {
            let payload = samples::payment_with(key, |permit| permit.nonce.0 = alloy_primitives::U256::from_limbs(nonce));
            prop_assert_eq!(decode_payment(encode(&payload).unwrap().as_bytes()).unwrap().payload, payload);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(0_u8.., 0..200), text in r#"[\{\}\[\]",:0-9ax]{0,60}"#) {
            let _any = (decode_payment(&bytes), read(&text));
        }
    }
}
