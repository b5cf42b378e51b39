//! What a receipt says of JSON that it doesn't hold: the SHA-256 of its canonical form.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// Goes before the hash of a canonical form.
const CANONICAL: &str = "jcs-sha256:";
/// Goes before the hash of the bytes themselves.
const VERBATIM: &str = "sha256:";

/// `jcs-sha256:` and the hash of its canonical form (RFC 8785), in hexadecimal; every number is a double, as the RFC has it.
/// `sha256:` and the hash of the very bytes where it has no canonical form: a number that no double holds, half of a surrogate pair.
pub fn of(text: &str) -> String {
    match canonical(text) {
        Some(bytes) => format!("{CANONICAL}{}", hex::encode(Sha256::digest(bytes))),
        None => format!("{VERBATIM}{}", hex::encode(Sha256::digest(text.as_bytes()))),
    }
}

fn canonical(text: &str) -> Option<Vec<u8>> {
    let value = serde_json::from_str::<Value>(text).ok()?;
    serde_json_canonicalizer::to_vec(&value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_canonical_form_is_that_of_the_rfc() {
        for (text, wanted) in [
            // RFC 8785 section 3.2.2, and its order by UTF-16 units in 3.2.3.
            (
                r#"{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}"#,
                "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}",
            ),
            ("{\"\u{fb33}\":1,\"\u{1f600}\":2,\"a\":3}", "{\"a\":3,\"\u{1f600}\":2,\"\u{fb33}\":1}"),
            ("[9007199254740993, -0, 1.0, 12345678901234567890]", "[9007199254740992,0,1,12345678901234567000]"),
        ] {
            assert_eq!(String::from_utf8(canonical(text).unwrap()).unwrap(), wanted);
        }
    }

    #[test]
    fn how_it_is_written_does_not_matter_and_what_it_says_does() {
        assert_eq!(of(r#"{"a":1,"b":[2.50]}"#), of(" {\"b\" : [25e-1],\n\"\\u0061\":1.0}"));
        assert_ne!(of(r#"{"a":1}"#), of(r#"{"a":"1"}"#));
        assert_eq!(of("{}"), "jcs-sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    }

    #[test]
    fn what_has_no_canonical_form_is_hashed_as_it_came() {
        for text in ["[1e999]", r#"["\ud800"]"#] {
            assert_eq!(of(text), format!("sha256:{}", hex::encode(Sha256::digest(text))));
        }
    }
}
