//! Coming back after a crash: a server with many live jobs is killed, started again, and must answer for them.

use super::Bench;
use super::connection::Connection;
use super::figures::Figure as F;
use super::load::{Next, Script as _, expect};
use super::machine::Watch;
use super::market::{self, make_accounts};
use super::scripts::{Accepted, Poll};
use super::trouble::Result;
use super::waiting;

const STORE: &str = "store-restart";
/// Restarts: one fill takes far longer than they do.
const RESTARTS: u16 = 5;
/// Jobs that are submitted right before each kill, so that the journal holds what no checkpoint has written yet.
const LAST_JOBS: u64 = 10_000;

pub(super) async fn run(bench: &mut Bench) -> Result<()> {
    let mut server = bench.serve(STORE, 0).await?;
    let watch = Watch::start(Some(server.pid()));
    let accounts = make_accounts(&server, bench.scale).await?;
    let (_, bytes) = waiting::fill(&server, bench, &accounts, bench.scale.live_jobs, 0).await?;
    bench.book.enter(F::MemoryDeep, bytes, watch.end().foreign);
    for _ in 0..RESTARTS.min(bench.scale.rounds) {
        let last_jobs = LAST_JOBS.min(bench.scale.live_jobs / 10);
        let jobs = market::fill(&server, bench.scale, &accounts, last_jobs, last_jobs / 128).await?;
        server.kill()?;
        super::wait_for_quiet().await;
        let watch = Watch::start(None);
        server = bench.serve(STORE, 0).await?;
        let ready = server.age();
        let mut connection = Connection::open(server.public).await?;
        poll_once(&mut connection, &jobs).await?;
        let answered = server.age();
        let foreign = watch.end_with(server.pid()).foreign;
        bench.book.enter(F::RestartReady, ready.as_secs_f64(), foreign);
        bench.book.enter(F::Restart, answered.as_secs_f64(), foreign);
    }
    drop(server);
    bench.discard(STORE)
}

async fn poll_once(connection: &mut Connection, jobs: &std::sync::Arc<[Accepted]>) -> Result<()> {
    for mut poll in Poll::many(1, jobs, false)? {
        if let Next::Send(request) = poll.next() {
            expect(200, connection.exchange(request).await?)?;
        }
    }
    Ok(())
}
