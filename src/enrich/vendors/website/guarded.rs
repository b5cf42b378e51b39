//! Pages through the guarded client, with a few lines to each host and a rest for hosts that fail.

use std::time::Duration;

use reqwest::header::{ACCEPT, HeaderValue};
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
            body: answer.body.bytes.to_vec(),
        })
    }
}
