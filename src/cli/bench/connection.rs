//! One keep-alive connection of HTTP/1.1, written by hand: a client that costs little beside the server it measures.
//!
//! It reads answers with a `Content-Length` only, which is all that the server and the null server send here.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Room for an answer at first; it grows up to [`ANSWER_BYTES_MAX`].
const ANSWER_BYTES: usize = 8 * 1024;
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A connection that speaks one request at a time.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer, read whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer<'a> {
    pub(super) status: u16,
    pub(super) body: &'a [u8],
}

impl Connection {
    pub(super) async fn open(to: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; ANSWER_BYTES] })
    }

    /// Sends a whole request and reads its whole answer. After an error the connection is of no more use.
    pub(super) async fn exchange(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        let mut filled = 0;
        let (head, whole) = loop {
            if filled == self.buffer.len() {
                if filled >= ANSWER_BYTES_MAX {
                    return Err(malformed("the answer is too long"));
                }
                self.buffer.resize(filled.saturating_mul(2), 0);
            }
            let room = self.buffer.get_mut(filled..).unwrap_or_default();
            let read = self.stream.read(room).await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            filled = filled.saturating_add(read);
            let got = self.buffer.get(..filled).unwrap_or_default();
            if let Some(head) = Head::read(got)? {
                let whole = head.bytes.saturating_add(head.content_length);
                if filled > whole {
                    return Err(malformed("there is more than one answer"));
                }
                if filled == whole {
                    break (head, whole);
                }
            }
        };
        Ok(Answer { status: head.status, body: self.buffer.get(head.bytes..whole).unwrap_or_default() })
    }
}

/// What is needed of an answer's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    status: u16,
    /// With the empty line.
    bytes: usize,
    content_length: usize,
}

impl Head {
    /// Nothing while the empty line has not come yet.
    fn read(got: &[u8]) -> io::Result<Option<Self>> {
        const END: &[u8] = b"\r\n\r\n";
        const LENGTH: &[u8] = b"content-length:";
        let Some(end) = position(got, END) else { return Ok(None) };
        let head = got.get(..end).unwrap_or_default();
        let status = head.get(9..12).and_then(number).ok_or_else(|| malformed("the answer has no status"))?;
        let mut content_length = 0;
        for line in head.split(|byte| *byte == b'\n').skip(1) {
            match line.split_at_checked(LENGTH.len()) {
                Some((name, value)) if name.eq_ignore_ascii_case(LENGTH) => {
                    content_length = number(value.trim_ascii()).ok_or_else(|| malformed("the answer's length is no number"))?;
                }
                _ if line.len() > 18 && line.get(..18).is_some_and(|name| name.eq_ignore_ascii_case(b"transfer-encoding:")) => {
                    return Err(malformed("the answer comes in chunks"));
                }
                _ => {}
            }
        }
        let status = u16::try_from(status).map_err(|_| malformed("the answer has no status"))?;
        Ok(Some(Self { status, bytes: end.saturating_add(END.len()), content_length }))
    }
}

/// Where `needle` begins.
fn position(hay: &[u8], needle: &[u8]) -> Option<usize> {
    hay.windows(needle.len()).position(|window| window == needle)
}

fn number(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn malformed(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// The text of a string member, taken from JSON without reading the rest: for members whose values hold no escapes.
pub(super) fn member<'a>(json: &'a [u8], name: &str) -> Option<&'a str> {
    let mut rest = json;
    loop {
        let at = position(rest, name.as_bytes())?;
        let (before, behind) = (rest.get(..at)?, rest.get(at.saturating_add(name.len())..)?);
        match behind.strip_prefix(b"\":\"") {
            Some(value) if before.ends_with(b"\"") => {
                let end = value.iter().position(|byte| *byte == b'"')?;
                return std::str::from_utf8(value.get(..end)?).ok();
            }
            _ => rest = behind,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads() {
        let head = |text: &str| Head::read(text.as_bytes());
        assert_eq!(head("HTTP/1.1 202 Accepted\r\nContent-Le").unwrap(), None);
        let whole = "HTTP/1.1 202 Accepted\r\nserver: x\r\nContent-Length: 17\r\n\r\n";
        assert_eq!(head(whole).unwrap(), Some(Head { status: 202, bytes: whole.len(), content_length: 17 }));
        let bare = "HTTP/1.1 204 No Content\r\n\r\n";
        assert_eq!(head(bare).unwrap(), Some(Head { status: 204, bytes: bare.len(), content_length: 0 }));
        assert!(head("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
        assert!(head("HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n").is_err());
        assert!(head("nonsense\r\n\r\n").is_err());
    }

    #[test]
    fn members() {
        let json = br#"{"the_job_id":"no","job_id":"ej_1","status":"queued"}"#;
        assert_eq!(member(json, "job_id"), Some("ej_1"));
        assert_eq!(member(json, "status"), Some("queued"));
        assert_eq!(member(json, "result"), None);
    }

    #[tokio::test]
    async fn an_answer_in_pieces() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4];
            stream.read_exact(&mut request).await.unwrap();
            for piece in [&b"HTTP/1.1 200 OK\r\ncontent-le"[..], b"ngth: 20000\r\n\r\n", &[b'x'; 9999], &[b'x'; 10_001]] {
                stream.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        let mut connection = Connection::open(address).await.unwrap();
        let answer = connection.exchange(b"ping").await.unwrap();
        assert_eq!((answer.status, answer.body.len()), (200, 20_000));
        server.await.unwrap();
        assert_eq!(connection.exchange(b"ping").await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
