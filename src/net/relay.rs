//! Passing a client's request on to another node, and its answer back as it comes: streams too.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use url::Url;

use super::Error;

/// The client. A clone is a pointer.
#[derive(Debug, Clone)]
pub struct Relay(reqwest::Client);

/// A request to pass on.
#[derive(Debug, Clone)]
pub struct Relayed<'a> {
    /// `GET`, `POST`, …
    pub method: Method,
    /// Where to.
    pub url: &'a Url,
    /// As they are to arrive, without those of one connection.
    pub headers: HeaderMap,
    /// All of it.
    pub body: Bytes,
}

/// The answer, whose body may go on for long.
pub struct Answered {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it comes.
    pub body: Pin<Box<dyn Stream<Item = Result<Bytes, Error>> + Send>>,
}

impl std::fmt::Debug for Answered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answered").field("status", &self.status).finish_non_exhaustive()
    }
}

impl Relay {
    /// For addresses that nodes give one another.
    ///
    /// # Errors
    /// [`Error::Setup`].
    pub fn new() -> Result<Self, Error> {
        let client = super::bare().build().map_err(Error::Setup)?;
        Ok(Self(client))
    }

    /// Passes it on. No time limit: whoever asked has one, and drops this.
    ///
    /// # Errors
    /// [`Error::Unreachable`] where it certainly did not arrive; another one where it may have been carried out.
    pub async fn pass(&self, request: Relayed<'_>) -> Result<Answered, Error> {
        let Relayed { method, url, headers, body } = request;
        let mut request = self.0.request(method, url.clone()).headers(headers);
        if !body.is_empty() {
            request = request.body(body);
        }
        let response = request.send().await.map_err(Error::from_client)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes_stream().map(|chunk| chunk.map_err(Error::from_client)).boxed();
        Ok(Answered { status, headers, body })
    }
}
