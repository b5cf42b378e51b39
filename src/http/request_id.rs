//! `X-Request-Id`: the client's own where it is sane, else a cheap one of ours.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::HeaderValue;

use crate::clock::Random;

const CHARS_MAX: usize = 128;

/// Names requests, so that an answer and a log line can be brought together.
#[derive(Debug)]
pub struct RequestIds {
    /// Tells the requests of one start from those of another.
    prefix: u32,
    next: AtomicU64,
}

impl RequestIds {
    /// Ids that no other start of the server gives.
    pub fn new(random: &dyn Random) -> Self {
        let mut bytes = [0; 4];
        random.fill(&mut bytes);
        Self { prefix: u32::from_le_bytes(bytes), next: AtomicU64::new(1) }
    }

    /// The id of a request that came with this header, if any.
    pub fn of(&self, given: Option<&HeaderValue>) -> HeaderValue {
        given.filter(|value| is_sane(value.as_bytes())).cloned().unwrap_or_else(|| self.next())
    }

    fn next(&self) -> HeaderValue {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let text = format!("r-{:08x}-{number:x}", self.prefix);
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("r"))
    }
}

/// Visible ASCII that can't break out of a log line or a JSON text.
fn is_sane(id: &[u8]) -> bool {
    (1..=CHARS_MAX).contains(&id.len())
        && id.iter().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'<' | b'>' | b'&'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemRandom;

    #[test]
    fn the_clients_id_where_it_is_sane() {
        let ids = RequestIds::new(&SystemRandom);
        let of = |text: &str| ids.of(Some(&text.parse().unwrap())).to_str().unwrap().to_owned();
        assert_eq!(of("4f1c/a:b=1"), "4f1c/a:b=1");
        assert_eq!(of(&"x".repeat(128)).len(), 128);
        for odd in ["", "a b", "a\"b", &"x".repeat(129)] {
            assert!(of(odd).starts_with("r-"), "{odd}");
        }
        assert_ne!(ids.of(None), ids.of(None));
    }
}
