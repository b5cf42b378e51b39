//! A connection that gives up when nothing moves: before its first request is told apart, and ever after (T-40).

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// As many bytes as HTTP/2's preface has. While fewer came, hyper does not know which protocol it speaks, and no timer of its own
/// runs.
const TOLD_APART: usize = 24;

/// A stream with two clocks: the first bytes must come soon, and after them some byte must move now and then.
#[derive(Debug)]
pub struct Quiet<S> {
    stream: S,
    /// Boxed, so that the whole stays movable.
    timer: Pin<Box<Sleep>>,
    patience: Duration,
    moved_at: Instant,
    /// Bytes read, counted up to [`TOLD_APART`].
    first_bytes: usize,
}

impl<S> Quiet<S> {
    /// `first_time` for the first bytes, then `patience` between any two.
    pub fn new(stream: S, first_time: Duration, patience: Duration) -> Self {
        let timer = Box::pin(tokio::time::sleep(first_time));
        Self { stream, timer, patience, moved_at: Instant::now(), first_bytes: 0 }
    }

    fn moved(&mut self) {
        self.moved_at = Instant::now();
    }

    /// Called where the stream has nothing to do: errs when that has been so for too long.
    fn poll_quiet<T>(&mut self, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        while self.timer.as_mut().poll(context).is_ready() {
            let until = self.moved_at + self.patience;
            if self.first_bytes < TOLD_APART || until <= Instant::now() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            // The timer is moved only when it fires, not with every byte.
            self.timer.as_mut().reset(until);
        }
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Quiet<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(read) => {
                let count = buffer.filled().len().saturating_sub(before);
                self.first_bytes = self.first_bytes.saturating_add(count).min(TOLD_APART);
                self.moved();
                Poll::Ready(read)
            }
            Poll::Pending => self.poll_quiet(context),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Quiet<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(context, bytes) {
            Poll::Ready(written) => {
                self.moved();
                Poll::Ready(written)
            }
            Poll::Pending => self.poll_quiet(context),
        }
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, slices: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write_vectored(context, slices) {
            Poll::Ready(written) => {
                self.moved();
                Poll::Ready(written)
            }
            Poll::Pending => self.poll_quiet(context),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const FIRST: Duration = Duration::from_secs(5);
    const QUIET: Duration = Duration::from_secs(75);

    #[tokio::test(start_paused = true)]
    async fn t40_who_never_says_what_it_speaks_is_cut_off() {
        let (mut client, server) = tokio::io::duplex(64);
        let mut server = Quiet::new(server, FIRST, QUIET);
        client.write_all(b"PRI * HTTP").await.unwrap();
        let (began, mut buffer) = (Instant::now(), [0; 64]);
        assert_eq!(server.read(&mut buffer).await.unwrap(), 10);
        assert_eq!(server.read(&mut buffer).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(began.elapsed() < FIRST + Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn t40_a_byte_now_and_then_keeps_it_open() {
        let (mut client, server) = tokio::io::duplex(64);
        let mut server = Quiet::new(server, FIRST, QUIET);
        client.write_all(&[b'x'; TOLD_APART]).await.unwrap();
        let mut buffer = [0; 64];
        assert_eq!(server.read(&mut buffer).await.unwrap(), TOLD_APART);
        for _ in 0..5 {
            let later = async {
                tokio::time::sleep(Duration::from_secs(70)).await;
                client.write_all(b"x").await.unwrap();
            };
            let (read, ()) = tokio::join!(server.read(&mut buffer), later);
            assert_eq!(read.unwrap(), 1);
        }
        let began = Instant::now();
        assert_eq!(server.read(&mut buffer).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(began.elapsed().as_secs(), QUIET.as_secs());
    }
}
