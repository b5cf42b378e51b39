//! The client for URLs that the operator configures: wherever they lead, but still bounded in time and size.

use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use super::body::read_capped;
use super::guard::Outbound;
use super::{Capped, Error};

/// The client. A clone is a pointer. Connections are kept and used again.
#[derive(Debug, Clone)]
pub struct TrustedClient(reqwest::Client);

/// What came back.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body's beginning.
    pub body: Capped,
}

impl TrustedClient {
    /// Never give it a URL that came from outside.
    ///
    /// # Errors
    /// [`Error::Setup`].
    pub fn new() -> Result<Self, Error> {
        let client =
            super::bare().user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"))).build().map_err(Error::Setup)?;
        Ok(Self(client))
    }

    /// Makes one call. Any status is an answer.
    ///
    /// # Errors
    /// [`Error`] where there is none. The request may have been carried out all the same.
    pub async fn send(&self, call: Outbound<'_>) -> Result<Reply, Error> {
        let Outbound { method, url, headers, body, timeout, body_bytes_max } = call;
        let exchange = async {
            let mut request = self.0.request(method, url.clone()).headers(headers);
            if !body.is_empty() {
                request = request.body(body);
            }
            let response = request.send().await.map_err(Error::from_client)?;
            let (status, headers) = (response.status(), response.headers().clone());
            let body = read_capped(response, body_bytes_max).await.map_err(Error::from_client)?;
            Ok(Reply { status, headers, body })
        };
        tokio::time::timeout(timeout, exchange).await.map_err(|_elapsed| Error::TimedOut)?
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use reqwest::Method;
    use url::Url;

    use super::super::fixture::{Reply as Answer, Server, deaf};
    use super::*;

    async fn get(url: &str) -> Result<Reply, Error> {
        let url: Url = url.parse().unwrap();
        let client = TrustedClient::new().unwrap();
        client.send(Outbound { method: Method::GET, ..Outbound::get(&url, Duration::from_millis(300), 8) }).await
    }

    #[tokio::test]
    async fn private_addresses_are_called_and_the_body_is_bounded() {
        let server = Server::start(Answer::text("HTTP/1.1 500 No\r\ncontent-length: 10\r\n\r\n0123456789")).await;
        let reply = get(&server.url("/")).await.unwrap();
        assert_eq!((reply.status.as_u16(), &reply.body.bytes[..], reply.body.is_cut), (500, &b"01234567"[..], true));
    }

    #[tokio::test]
    async fn redirects_are_answers() {
        let server = Server::start(Answer::text("HTTP/1.1 302 Go\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n")).await;
        assert_eq!(get(&server.url("/")).await.unwrap().status.as_u16(), 302);
    }

    #[tokio::test]
    async fn nothing_waits_for_ever() {
        let server = Server::start(Answer::Hang).await;
        assert!(matches!(get(&server.url("/")).await, Err(Error::TimedOut)));
        let (_held, address) = deaf();
        assert!(matches!(get(&format!("http://{address}/")).await, Err(Error::Unreachable(_))));
    }
}
