//! JSON-RPC 2.0: requests, answers, and what an error means.

use std::borrow::Cow;
use std::collections::BTreeMap;

use alloy_primitives::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::chain::Error;
use crate::net::Reply;

pub(super) fn request(id: u64, method: &str, params: Value) -> bytes::Bytes {
    let mut request = json!({"jsonrpc": "2.0", "id": id, "method": method});
    request["params"] = params;
    request.to_string().into()
}

#[derive(Deserialize)]
struct Refusal {
    code: i64,
    #[serde(default)]
    message: String,
    #[serde(default)]
    data: Option<Value>,
}

/// Reads an answer. `null` is an answer too, where `T` has room for it.
pub(super) fn answer<T: DeserializeOwned>(reply: &Reply) -> Result<T, Error> {
    if reply.body.is_cut {
        return Err(Error::Unanswered("too_long"));
    }
    // A proxy before the node says so in its own words, and means: not now.
    if reply.status.is_server_error() || reply.status.as_u16() == 429 {
        return Err(Error::Unanswered("overloaded"));
    }
    // As a map, for `"result": null` says something, and no result doesn't.
    let members: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_slice(&reply.body.bytes).map_err(|_| Error::Unanswered("garbage"))?;
    let read = |member: &RawValue| serde_json::from_str::<Option<Refusal>>(member.get()).map_err(|_| Error::Unanswered("garbage"));
    if let Some(refusal) = members.get("error").map(|member| read(member)).transpose()?.flatten() {
        return Err(refusal.into());
    }
    let result = members.get("result").filter(|_| reply.status.is_success()).ok_or(Error::Unanswered("garbage"))?;
    serde_json::from_str(result.get()).map_err(|_| Error::Unanswered("garbage"))
}

/// Codes with which nodes say that they can't now: too many requests (EIP-1474, and two providers'), a fault of their own.
const NOT_NOW: &[i64] = &[-32_005, -32_016, -32_029, 429];
const INTERNAL: i64 = -32_603;

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let Refusal { code, message, data } = refusal;
        let data = reverted_with(data.as_ref());
        if NOT_NOW.contains(&code) || (code == INTERNAL && data.is_none() && !message.contains("revert")) {
            return Self::Unanswered("overloaded");
        }
        Self::Refused { code, message: message.chars().take(500).collect(), data }
    }
}

/// The bytes of a revert: nodes put them into `data`, or into a `data` in it.
fn reverted_with(data: Option<&Value>) -> Option<Box<[u8]>> {
    match data? {
        Value::String(text) => {
            let digits = text.strip_prefix("Reverted ").unwrap_or(text);
            digits.parse::<Bytes>().ok().map(|bytes| bytes.to_vec().into())
        }
        Value::Object(inner) => reverted_with(inner.get("data")),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Capped;

    fn read(status: u16, body: &str) -> Result<Option<u32>, Error> {
        let bytes = bytes::Bytes::from(body.to_owned());
        answer(&Reply {
            status: reqwest::StatusCode::from_u16(status).unwrap(),
            headers: reqwest::header::HeaderMap::new(),
            body: Capped { bytes, is_cut: false },
        })
    }

    #[test]
    fn answers() {
        assert_eq!(read(200, r#"{"jsonrpc":"2.0","id":1,"result":7}"#), Ok(Some(7)));
        assert_eq!(read(200, r#"{"jsonrpc":"2.0","id":1,"result":null}"#), Ok(None));
        for (status, body, why) in [
            (200, "", "garbage"),
            (200, "<html>", "garbage"),
            (200, "[]", "garbage"),
            (200, "{}", "garbage"),
            (200, r#"{"result":"seven"}"#, "garbage"),
            (404, r#"{"result":7}"#, "garbage"),
            (429, r#"{"error":{"code":1,"message":"slow down"}}"#, "overloaded"),
            (503, r#"{"result":7}"#, "overloaded"),
            (200, r#"{"error":{"code":-32005,"message":"limit exceeded"}}"#, "overloaded"),
            (200, r#"{"error":{"code":-32603,"message":"internal error"}}"#, "overloaded"),
        ] {
            assert_eq!(read(status, body), Err(Error::Unanswered(why)), "{status} {body}");
        }
    }

    #[test]
    fn refusals_and_what_a_contract_reverted_with() {
        for (body, wanted) in [
            (r#"{"error":{"code":-32000,"message":"nonce too low"}}"#, None),
            (r#"{"error":{"code":3,"message":"execution reverted","data":"0x756688fe"}}"#, Some("756688fe")),
            (r#"{"error":{"code":-32603,"message":"x","data":{"message":"y","data":"0x756688fe"}}}"#, Some("756688fe")),
            (r#"{"error":{"code":-32015,"message":"x","data":"Reverted 0x756688fe"}}"#, Some("756688fe")),
            (r#"{"error":{"code":3,"message":"execution reverted","data":"0x"}}"#, Some("")),
        ] {
            let Err(Error::Refused { data, .. }) = read(200, body) else { panic!("{body}") };
            assert_eq!(data.map(hex::encode).as_deref(), wanted, "{body}");
        }
    }
}
