//! The async runtime of a command.

use std::future::Future;
use std::time::Duration;

use super::Failure;

/// How long work on other threads is waited for when everything else is over, such as a look-up that nobody waits for.
const LEFTOVERS: Duration = Duration::from_millis(200);

/// Runs `work` on so many threads, or one for each core.
pub(super) fn run<T>(threads: Option<u32>, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.enable_all().thread_name("serve");
    if let Some(threads) = threads.and_then(|threads| usize::try_from(threads).ok()) {
        builder.worker_threads(threads);
    }
    let runtime = builder.build().map_err(|error| Failure::Failed(format!("no threads can be started: {error}")))?;
    let done = runtime.block_on(work);
    runtime.shutdown_timeout(LEFTOVERS);
    done
}
