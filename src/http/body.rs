//! Request bodies: bounded in size, time and depth before anything reads them (safety.md T-41, N4).

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::problem::{Kind, Problem};

/// The most bytes of a request body.
pub const BYTES_MAX: usize = 64 * 1024;
/// How deep its JSON may nest.
pub const DEPTH_MAX: usize = 32;
/// How long it may take to come in all (T-40).
const TIME_MAX: Duration = Duration::from_secs(10);

/// Reads a JSON body whole.
///
/// # Errors
/// 415 where it isn't declared as plain `application/json`, 413, 408, or 400 where it is not UTF-8 or nests too deeply.
pub async fn read_json(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    if !is_json(headers) {
        return Err(Problem::new(Kind::UnsupportedMediaType, "Send the header Content-Type: application/json and no Content-Encoding."));
    }
    let too_large = || Problem::new(Kind::BodyTooLarge, format!("At most {BYTES_MAX} bytes are read."));
    // Refused before a byte is read where the client says so itself.
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > u64::try_from(BYTES_MAX).unwrap_or(u64::MAX)) {
        return Err(too_large());
    }
    let collected = tokio::time::timeout(TIME_MAX, Limited::new(body, BYTES_MAX).collect()).await;
    let bytes = match collected {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(too_large()),
        Ok(Err(_)) => return Err(Problem::new(Kind::InvalidJson, "The body ended too soon.")),
        Err(_) => return Err(Problem::new(Kind::RequestTimeout, format!("A body must be there within {} seconds.", TIME_MAX.as_secs()))),
    };
    if nests_deeper_than(DEPTH_MAX, &bytes) {
        return Err(Problem::new(Kind::InvalidJson, format!("The body nests deeper than {DEPTH_MAX}.")));
    }
    Ok(bytes)
}

/// The text of a body.
///
/// # Errors
/// 400 where it isn't UTF-8.
pub fn text(bytes: &Bytes) -> Result<&str, Problem> {
    std::str::from_utf8(bytes).map_err(|_| Problem::new(Kind::InvalidJson, "The body is not UTF-8."))
}

fn is_json(headers: &HeaderMap) -> bool {
    // No request is decompressed: a small body could become a large one.
    if headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return false;
    }
    let Some(declared) = headers.get(header::CONTENT_TYPE).and_then(|declared| declared.to_str().ok()) else { return false };
    let (essence, parameters) = declared.split_once(';').unwrap_or((declared, ""));
    let is_utf8 = parameters.split(';').all(|parameter| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        !name.trim().eq_ignore_ascii_case("charset") || value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
    });
    essence.trim().eq_ignore_ascii_case("application/json") && is_utf8
}

/// Counts brackets outside of strings, in one pass and without recursion.
fn nests_deeper_than(max: usize, text: &[u8]) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in text {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                depth = depth.saturating_add(1);
                if depth > max {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T-41
    #[test]
    fn t41_depth_counts_brackets_outside_of_strings() {
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert!(!nests_deeper_than(32, nested(32).as_bytes()));
        assert!(nests_deeper_than(32, nested(33).as_bytes()));
        assert!(!nests_deeper_than(1, br#"{"a":"[[[\"[[\\"}"#));
        assert!(nests_deeper_than(1, br#"{"a\\":[1]}"#));
        assert!(nests_deeper_than(32, nested(5_000_000).as_bytes()));
    }

    #[test]
    fn only_plain_json_is_read() {
        for (declared, encoding, wanted) in [
            (Some("application/json"), None, true),
            (Some("Application/JSON; charset=UTF-8"), None, true),
            (Some("application/json;charset=\"utf-8\""), Some("identity"), true),
            (Some("application/json; charset=latin1"), None, false),
            (Some("application/json"), Some("gzip"), false),
            (Some("application/jsonp"), None, false),
            (Some("text/plain"), None, false),
            (None, None, false),
        ] {
            let mut headers = HeaderMap::new();
            declared.map(|declared| headers.insert(header::CONTENT_TYPE, declared.parse().unwrap()));
            encoding.map(|encoding: &str| headers.insert(header::CONTENT_ENCODING, encoding.parse().unwrap()));
            assert_eq!(is_json(&headers), wanted, "{declared:?} {encoding:?}");
        }
    }
}
