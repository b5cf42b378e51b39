//! The accept loop: TCP in, HTTP/1.1 or HTTP/2 out, with the limits that `axum::serve` does not set (safety.md N7, T-40).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::per_address::{PerAddress, Place};
use self::quiet::Quiet;
use self::service::PeerService;

pub mod per_address;
pub mod quiet;
pub mod service;

/// What one listener takes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Open connections in all. Beyond it nobody is accepted until one closes; the rest wait in the kernel's queue.
    pub connections_max: usize,
    /// Open connections from one address (of IPv6 one /64 network). Beyond it they are closed at once. Loopback is not
    /// counted: a proxy on this machine, or a benchmark, is one address.
    pub connections_per_address_max: usize,
    /// How long the head of a request may take, and a connection may idle between requests.
    pub head_time: Duration,
    /// How long a connection may move no byte at all: longer than the longest poll waits.
    pub quiet_time: Duration,
    /// Bytes of a request's head.
    pub head_bytes_max: usize,
    /// HTTP/2 streams of one connection at a time.
    pub streams_max: u32,
    /// How long requests in flight are waited for when the server goes down.
    pub drain_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            connections_per_address_max: 1000,
            head_time: Duration::from_secs(5),
            quiet_time: Duration::from_secs(75),
            head_bytes_max: 32 * 1024,
            streams_max: 64,
            drain_time: Duration::from_secs(10),
        }
    }
}

/// How long to wait when the machine has no more file descriptors (safety.md F-N5).
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// Serves `router` until `cancel`, then lets requests in flight finish for `drain_time`.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, cancel: CancellationToken) {
    let server = Arc::new(Server { builder: builder(&limits), router, limits, cancel, kill: CancellationToken::new() });
    let places = Arc::new(Semaphore::new(server.limits.connections_max.clamp(1, Semaphore::MAX_PERMITS)));
    let per_address = PerAddress::new(server.limits.connections_per_address_max);
    let tasks = TaskTracker::new();
    while let Some((stream, address, place)) = server.cancel.run_until_cancelled(accept(&listener, &places)).await {
        let Some(of_address) = per_address.enter(address) else { continue };
        let server = Arc::clone(&server);
        tasks.spawn(async move { server.connection(stream, address, place, of_address).await });
    }
    drop(listener);
    tasks.close();
    if tokio::time::timeout(server.limits.drain_time, tasks.wait()).await.is_err() {
        tracing::warn!(connections = tasks.len(), "connections were cut off after the time to finish was over");
        server.kill.cancel();
        tasks.wait().await;
    }
}

/// The next connection, once there is room for it.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> (TcpStream, IpAddr, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed, so there is always a permit in the end.
    let place = Arc::clone(places).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, address)) => return (stream, address.ip(), place),
            Err(error) if is_of_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted");
                tokio::time::sleep(EXHAUSTED_PAUSE).await;
            }
        }
    }
}

/// Errors that concern the one connection that was about to be accepted.
fn is_of_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind as K;
    matches!(error.kind(), K::ConnectionAborted | K::ConnectionReset | K::ConnectionRefused | K::Interrupted)
}

fn builder(limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    // hyper's header timeout is inert without a timer.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.head_time).max_buf_size(limits.head_bytes_max.max(8192));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams_max)
        .max_header_list_size(u32::try_from(limits.head_bytes_max).unwrap_or(u32::MAX))
        // Rapid reset (CVE-2023-44487) and its kin: a peer that resets more than this is cut off.
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(128)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10));
    builder
}

struct Server {
    builder: Builder<TokioExecutor>,
    router: Router,
    limits: Limits,
    cancel: CancellationToken,
    /// Cuts off what is still there when the time to finish is over.
    kill: CancellationToken,
}

impl Server {
    async fn connection(&self, stream: TcpStream, address: IpAddr, _place: Option<OwnedSemaphorePermit>, _of_address: Place) {
        // Answers are small and written whole: nothing is gained by waiting for more.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection was gone before it was served");
            return;
        }
        let io = TokioIo::new(Quiet::new(stream, self.limits.head_time, self.limits.quiet_time));
        let service = PeerService::new(self.router.clone(), address);
        let mut connection = std::pin::pin!(self.builder.serve_connection(io, service));
        let mut is_ending = false;
        loop {
            tokio::select! {
                ended = &mut connection => {
                    if let Err(error) = ended {
                        tracing::debug!(error, "a connection broke");
                    }
                    return;
                }
                () = self.cancel.cancelled(), if !is_ending => {
                    is_ending = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = self.kill.cancelled() => return,
            }
        }
    }
}
