//! Getting a page, whoever does it.

use std::time::Duration;

use url::Url;

/// Gets pages. Behind it is the guarded client: what it may reach is decided there, at each call.
#[async_trait::async_trait]
pub trait Fetch: Send + Sync + std::fmt::Debug {
    /// One GET, without following redirects.
    ///
    /// # Errors
    /// Text for the hop's record where there is no answer: out of reach, refused, slower than `timeout` in all, or longer
    /// than `bytes_max`.
    async fn get(&self, url: &Url, bytes_max: usize, timeout: Duration) -> Result<Page, String>;
}

/// An answer to a GET.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// What was asked for.
    pub url: Url,
    /// HTTP status.
    pub status: u16,
    /// The `Content-Type` header.
    pub content_type: Option<String>,
    /// The `Location` header.
    pub location: Option<String>,
    /// By its `Cache-Control` it is for us alone, or not to be stored at all (RFC 9111 sections 5.2.2.5 and 5.2.2.7).
    pub is_private: bool,
    /// The whole body.
    pub body: Vec<u8>,
}
