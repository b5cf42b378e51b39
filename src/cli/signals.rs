//! The signals that end a server: the first one in order, a second one at once.

use std::future::Future;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Failure;

/// How long a shutdown may take in all: supervisors kill what is still there after ten seconds (CP-28).
const SHUTDOWN_MAX: Duration = Duration::from_millis(9_500);

/// SIGTERM, as supervisors send it, and SIGINT, as a terminal does. From now on neither ends the process by itself.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Listens.
    pub(super) fn new() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(|error| Failure::Failed(format!("signals can't be received: {error}")));
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Runs `shutdown` to its end, unless another signal comes or it takes too long.
pub(super) async fn within_time(signals: &mut Signals, shutdown: impl Future<Output = ()>) -> Result<(), Failure> {
    tokio::select! {
        ended = tokio::time::timeout(SHUTDOWN_MAX, shutdown) => {
            ended.map_err(|_| Failure::Failed("the shutdown took too long; the next start goes on from what is stored".to_owned()))
        }
        () = signals.next() => Err(Failure::Failed("ended at once by a second signal; nothing that was accepted is lost".to_owned())),
    }
}
