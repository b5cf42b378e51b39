//! What a buyer sends: the `PAYMENT-SIGNATURE` header.

use std::fmt;

use alloy_primitives::B256;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::{Members, Requirements};
use crate::billing::x402::Signature;
use crate::billing::x402::amount::{self, Uint};
use crate::types::Wallet;

/// A signed payment. Prints its terms only: what else it holds may be signed too, or be a secret of the buyer's.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentPayload {
    /// Always 2.
    pub x402_version: u64,
    /// The resource as the client understood it. Not signed, and not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<Value>,
    /// The one of our requirements that the client chose, echoed.
    pub accepted: Requirements,
    /// What was signed.
    pub payload: Authorized,
    /// Ours echoed, with what the client added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extensions: Option<Members>,
}

impl fmt::Debug for PaymentPayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (payer, accepted) = (self.payer(), &self.accepted);
        f.debug_struct("PaymentPayload").field("payer", &payer).field("accepted", accepted).finish_non_exhaustive()
    }
}

impl PaymentPayload {
    /// Who says that he pays. Only a checked signature makes it true.
    pub const fn payer(&self) -> Option<Wallet> {
        match (&self.payload.permit2_authorization, &self.payload.authorization) {
            (Some(permit), _) => Some(permit.from),
            (None, Some(transfer)) => Some(transfer.from),
            (None, None) => None,
        }
    }
}

/// A scheme's own part: a signature of one of two authorizations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Authorized {
    /// The payer's.
    pub signature: Signature,
    /// For `upto`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permit2_authorization: Option<Permit2Authorization>,
    /// For `exact`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Eip3009Authorization>,
}

/// A Permit2 transfer up to a maximum, whose recipient and submitter the payer signed as well (x402.md 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Permit2Authorization {
    /// What may be taken.
    pub permitted: TokenPermissions,
    /// The payer.
    pub from: Wallet,
    /// The upto proxy.
    pub spender: Wallet,
    /// Drawn by the payer; spent once over all that use Permit2 on a chain.
    #[serde(deserialize_with = "amount::nonce")]
    pub nonce: Uint,
    /// The last second, in block time, at which it can be settled.
    pub deadline: Uint,
    /// What the proxy holds its caller to.
    pub witness: Witness,
}

/// A token, and the most of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenPermissions {
    /// The token's address.
    pub token: Wallet,
    /// In atomic units.
    pub amount: Uint,
}

/// The terms that Permit2 itself doesn't know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Witness {
    /// Who is paid.
    pub to: Wallet,
    /// Who alone may settle.
    pub facilitator: Wallet,
    /// The first second, in block time, at which it can be settled.
    pub valid_after: Uint,
}

/// A token's own transfer of a fixed amount (EIP-3009).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Eip3009Authorization {
    /// The payer.
    pub from: Wallet,
    /// Who is paid.
    pub to: Wallet,
    /// In atomic units.
    pub value: Uint,
    /// It can be settled in blocks later than this second.
    pub valid_after: Uint,
    /// And earlier than this one.
    pub valid_before: Uint,
    /// Drawn by the payer; spent once.
    #[serde(serialize_with = "write_word", deserialize_with = "read_word")]
    pub nonce: B256,
}

fn write_word<S: Serializer>(word: &B256, serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() { serializer.collect_str(word) } else { word.0.serialize(serializer) }
}

fn read_word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<B256, D::Error> {
    if !deserializer.is_human_readable() {
        return <[u8; 32]>::deserialize(deserializer).map(B256::from);
    }
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    let mut bytes = [0; 32];
    let read = text.strip_prefix("0x").map(|digits| hex::decode_to_slice(digits, &mut bytes));
    if matches!(read, Some(Ok(()))) { Ok(B256::from(bytes)) } else { Err(serde::de::Error::custom("must be 0x and 64 hex digits")) }
}

#[cfg(test)]
mod tests {
    use super::super::super::samples;
    use super::*;

    #[test]
    fn records_have_both_authorizations() {
        let (permit, transfer) = (samples::permit(1), samples::transfer(1));
        let stored = postcard::to_stdvec(&(permit, transfer)).unwrap();
        assert_eq!(postcard::from_bytes::<(Permit2Authorization, Eip3009Authorization)>(&stored).unwrap(), (permit, transfer));
    }

    /// T-25
    #[test]
    fn t25_a_debug_print_hides_what_was_signed() {
        let golden = samples::golden();
        let payment = golden.payment("python upto with a sponsored approval");
        let signature = serde_json::to_string(&payment.payload.payload.signature).unwrap();
        let shown = format!("{payment:?}");
        assert!(shown.contains(&payment.payload.payer().unwrap().to_string()));
        assert!(payment.json.contains(signature.trim_matches('"')));
        for secret in [&signature[3..20], "signature", "eip2612"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    #[test]
    fn unknown_fields_are_ignored_and_wrong_values_are_not() {
        let json = serde_json::to_value(samples::transfer(1)).unwrap();
        let with = |name: &str, value: Value| {
            let mut json = json.clone();
            json[name] = value;
            serde_json::from_value::<Eip3009Authorization>(json)
        };
        assert_eq!(with("memo", Value::Null).unwrap(), samples::transfer(1));
        let short = format!("0x{}", "0".repeat(63));
        for (name, value) in [
            ("nonce", "0x00"),
            ("nonce", &short),
            ("nonce", "7"),
            ("value", "-1"),
            ("value", "0x1"),
            ("value", ""),
            ("to", "0x00"),
            ("validBefore", "1e9"),
        ] {
            assert!(with(name, Value::from(value)).is_err(), "{name} {value}");
        }
        assert!(with("value", Value::from(1)).is_err(), "a number could have been rounded on its way");
    }
}
