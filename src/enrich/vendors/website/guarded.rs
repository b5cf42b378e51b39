//! Pages through the guarded client, with a few lines to each host and a rest for hosts that fail.

use std::time::Duration;

use reqwest::header::{ACCEPT, CACHE_CONTROL, HeaderMap, HeaderValue};
use tokio::time::timeout_at;
use url::Url;

use super::fetch::{Fetch, Page};
use crate::net::{Breakers, GuardedClient, Limits, Outbound, host_key};

/// The guarded way to a page. Clones share the limits.
#[derive(Debug, Clone)]
pub struct GuardedFetch {
    client: GuardedClient,
    limits: Limits,
    breakers: Breakers,
}

impl GuardedFetch {
    /// Over this client. Limits and breakers are those of pages; callbacks have their own.
    pub fn new(client: GuardedClient, limits: Limits, breakers: Breakers) -> Self {
        Self { client, limits, breakers }
    }
}

#[async_trait::async_trait]
impl Fetch for GuardedFetch {
    async fn get(&self, url: &Url, bytes_max: usize, timeout: Duration) -> Result<Page, String> {
        let deadline = tokio::time::Instant::now() + timeout;
        let host = host_key(url);
        let paused = |_| "the host failed too often of late".to_owned();
        let standing = self.breakers.standing(&host).map_err(paused)?;
        let line = timeout_at(deadline, self.limits.acquire(&host, standing)).await;
        let _line = line.map_err(|_elapsed| "too many pages of that host are being read".to_owned())?;
        let pass = self.breakers.admit(&host).map_err(paused)?;
        let left = deadline.saturating_duration_since(tokio::time::Instant::now());
        let mut call = Outbound::get(url, left, bytes_max);
        call.headers.insert(ACCEPT, HeaderValue::from_static("text/html, application/xhtml+xml;q=0.9"));
        let answer = match self.client.send(call).await {
            Ok(answer) => answer,
            Err(error) => {
                pass.failed();
                return Err(error.to_string());
            }
        };
        if answer.status.is_server_error() {
            pass.failed();
        } else {
            pass.answered();
        }
        if answer.body.is_cut {
            return Err(format!("the page is longer than {bytes_max} bytes"));
        }
        // Never asked for, and never unpacked.
        if answer.header("content-encoding").is_some_and(|encoding| encoding != "identity") {
            return Err("the page is compressed".to_owned());
        }
        Ok(Page {
            url: url.clone(),
            status: answer.status.as_u16(),
            content_type: answer.header("content-type").map(str::to_owned),
            location: answer.header("location").map(str::to_owned),
            is_private: is_private(&answer.headers),
            body: answer.body.bytes.to_vec(),
        })
    }
}

/// Whether any `Cache-Control` says `no-store` or `private`; of a field in particular, too.
fn is_private(headers: &HeaderMap) -> bool {
    let said = headers.get_all(CACHE_CONTROL).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let names = said.map(|directive| directive.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii());
    names.into_iter().any(|name| name.eq_ignore_ascii_case(b"no-store") || name.eq_ignore_ascii_case(b"private"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_to_be_kept() {
        for (values, wanted) in [
            (&[][..], false),
            (&["public, max-age=60", "no-cache"], false),
            (&["max-age=0", "No-Store"], true),
            (&["max-age=60 , private=\"set-cookie\""], true),
            (&["private-ish"], false),
        ] {
            let headers: HeaderMap = values.iter().map(|value| (CACHE_CONTROL, HeaderValue::from_static(value))).collect();
            assert_eq!(is_private(&headers), wanted, "{values:?}");
        }
    }
}
