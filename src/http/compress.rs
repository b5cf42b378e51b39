//! gzip for larger answers, where the client asks for it. A small answer costs no more than a look at its length.

use std::io::Write;

use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::BodyExt;

/// Below it the headers would eat what is saved.
const BYTES_MIN: u64 = 1024;
/// Above it compressing would hold up the other requests of the thread.
const BYTES_MAX: u64 = 1024 * 1024;

/// Whether the client takes gzip.
pub fn is_wanted(headers: &HeaderMap) -> bool {
    let Some(accepted) = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()) else { return false };
    accepted.split(',').any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let refused = weight.trim().strip_prefix("q=").is_some_and(|q| q.trim_start_matches(['0', '.']).is_empty());
        name.trim().eq_ignore_ascii_case("gzip") && !refused
    })
}

/// Compresses the answer where that is worth it; a stream is left as it is.
pub async fn gzip(response: Response) -> Response {
    let worth_it = response.body().size_hint().exact().is_some_and(|bytes| (BYTES_MIN..=BYTES_MAX).contains(&bytes));
    if !worth_it || response.headers().contains_key(header::CONTENT_ENCODING) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // A body of a known size is there already; it can't fail and doesn't wait.
    let plain = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 2), Compression::fast());
    let packed = encoder.write_all(&plain).and_then(|()| encoder.finish());
    parts.headers.append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    match packed {
        Ok(packed) => {
            parts.headers.remove(header::CONTENT_LENGTH);
            parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            Response::from_parts(parts, Body::from(packed))
        }
        Err(_) => Response::from_parts(parts, Body::from(plain)),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn only_where_it_is_asked_for() {
        for (accepted, wanted) in
            [("gzip", true), ("br, GZIP;q=0.5", true), ("gzip;q=0", false), ("gzip;q=0.000", false), ("br", false), ("*", false)]
        {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, accepted.parse().unwrap());
            assert_eq!(is_wanted(&headers), wanted, "{accepted}");
        }
    }

    #[tokio::test]
    async fn small_answers_stay_and_large_ones_come_back_whole() {
        let small = gzip(Response::new(Body::from("x".repeat(1023)))).await;
        assert!(small.headers().get(header::CONTENT_ENCODING).is_none());
        let text = "enrich ".repeat(1000);
        let large = gzip(Response::new(Body::from(text.clone()))).await;
        assert_eq!(large.headers()[header::CONTENT_ENCODING], "gzip");
        let packed = large.into_body().collect().await.unwrap().to_bytes();
        let mut plain = String::new();
        flate2::read::GzDecoder::new(&*packed).read_to_string(&mut plain).unwrap();
        assert!(packed.len() < text.len() / 4 && plain == text);
    }
}
