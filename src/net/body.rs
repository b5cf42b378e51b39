//! Reading no more of a body than was asked for.

use bytes::{Bytes, BytesMut};

/// The beginning of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capped {
    /// At most as many bytes as the caller allowed.
    pub bytes: Bytes,
    /// There was more, which was not read.
    pub is_cut: bool,
}

/// Reads up to `bytes_max` bytes and hangs up when there are more, whatever `Content-Length` says (T-36).
/// There is no time-out in here: the caller's covers the whole exchange.
///
/// # Errors
/// What the client says when the peer breaks off before its end.
pub async fn read_capped(mut response: reqwest::Response, bytes_max: usize) -> Result<Capped, reqwest::Error> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = response.chunk().await? {
        let room = bytes_max.saturating_sub(bytes.len());
        bytes.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if chunk.len() > room {
            return Ok(Capped { bytes: bytes.freeze(), is_cut: true });
        }
    }
    Ok(Capped { bytes: bytes.freeze(), is_cut: false })
}
