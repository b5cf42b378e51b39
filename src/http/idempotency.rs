//! `Idempotency-Key`: which request a repeat is a repeat of.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use xxhash_rust::xxh3::Xxh3;

use super::problem::{Kind, Problem};
use crate::actors::IdempotencyKey;

/// The request's header.
pub const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The answer's header, where it is the first answer again.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const CHARS_MAX: usize = 255;

/// Reads the key of a request, with the hash that tells another request under the same key.
///
/// # Errors
/// 400 where it is no 1-255 visible ASCII characters, or is there twice.
pub fn of(headers: &HeaderMap, method: &str, path: &str, body: &[u8]) -> Result<Option<IdempotencyKey>, Problem> {
    let mut values = headers.get_all(KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let key = value.as_bytes();
    let is_sane = (1..=CHARS_MAX).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic);
    let (true, None, Ok(text)) = (is_sane, values.next(), value.to_str()) else {
        return Err(Problem::new(Kind::InvalidHeader, "Idempotency-Key must be there once, with 1 to 255 visible ASCII characters."));
    };
    // Raw bytes: a body that is written differently is another request, and nothing here has to be parsed alike (N3).
    let mut hasher = Xxh3::new();
    for part in [method.as_bytes(), &[0], path.as_bytes(), &[0], body] {
        hasher.update(part);
    }
    Ok(Some(IdempotencyKey { key: text.to_owned(), request: hasher.digest128() }))
}

/// As [`of`], where the act must not be done without one.
///
/// # Errors
/// Also 400 where there is none.
pub fn required(headers: &HeaderMap, method: &str, path: &str, body: &[u8]) -> Result<IdempotencyKey, Problem> {
    of(headers, method, path, body)?
        .ok_or_else(|| Problem::new(Kind::IdempotencyKeyRequired, "Send an Idempotency-Key, so that a repeat can't be booked twice."))
}

/// Marks an answer as the first one again.
pub fn mark(headers: &mut HeaderMap, replayed: bool) {
    if replayed {
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_visible_ascii_and_there_once() {
        let read = |values: &[&[u8]]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(KEY, HeaderValue::from_bytes(value).unwrap());
            }
            of(&headers, "POST", "/a", b"{}").map(|key| key.map(|key| key.key))
        };
        assert_eq!(read(&[]).unwrap(), None);
        assert_eq!(read(&[b"order-7~"]).unwrap().as_deref(), Some("order-7~"));
        assert!(read(&[&[b'x'; 255]]).is_ok());
        for wrong in [&[&[b'x'; 256][..]][..], &[b""], &[b"a b"], &["\u{e9}".as_bytes()], &[b"a", b"a"]] {
            assert_eq!(read(wrong).unwrap_err().kind(), Kind::InvalidHeader);
        }
    }

    #[test]
    fn method_path_and_body_make_the_request() {
        let mut headers = HeaderMap::new();
        headers.insert(KEY, HeaderValue::from_static("k"));
        let hash = |method, path, body: &[u8]| of(&headers, method, path, body).unwrap().unwrap().request;
        let first = hash("POST", "/a", b"{}");
        assert_eq!(first, hash("POST", "/a", b"{}"));
        for other in [hash("PUT", "/a", b"{}"), hash("POST", "/b", b"{}"), hash("POST", "/a", b"{ }"), hash("POST", "/", b"a\0{}")] {
            assert_ne!(first, other);
        }
    }
}
