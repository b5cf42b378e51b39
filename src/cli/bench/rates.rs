//! Rates of single requests beside those of the null server: submit, poll, one hot account, and times at half of the maximum.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::child::Listening;
use super::figures::Figure as F;
use super::load::{self, Pace, Same, Script, Tally};
use super::machine::{Seen, Watch, micros_each};
use super::market::{self, make_accounts};
use super::scripts::{Accepted, JOB, Poll, Quota, Submit, request};
use super::trouble::Result;
use super::{Bench, Part, null};

/// Before every measurement the same load runs for this part of its time, unmeasured.
const WARM_UP_PARTS: u32 = 10;

/// A load that was watched.
struct Measured {
    tally: Tally,
    seen: Seen,
}

/// The first parts of a round. Returns the null POSTs a second, where anything is compared with them.
pub(super) async fn run(bench: &mut Bench, store: &str) -> Result<Option<f64>> {
    use Part::{Hot, Jobs, Latency, Poll as Polls, Submit as Submits};
    let mut null_post = None;
    if bench.wants(&[Submits, Jobs]) {
        null_post = Some(post_null(bench).await?);
    }
    if bench.wants(&[Submits, Polls, Latency, Hot]) {
        against_server(bench, store, null_post).await?;
    }
    Ok(null_post)
}

async fn post_null(bench: &mut Bench) -> Result<f64> {
    let null = bench.null_server().await?;
    let same = Same { request: request("POST", null::POST_PATH, &[], JOB).into(), status: 202 };
    let Measured { tally, seen } = measure(bench, null.address, &null.process, Pace::Closed, |count| Ok(vec![same.clone(); count])).await?;
    bench.book.enter(F::NullPost, tally.rate(), seen.foreign);
    bench.book.enter_known(F::NullPostCpu, micros_each(seen.server, tally.answered), seen.foreign);
    bench.book.enter_known(F::ClientCpu, micros_each(seen.client, tally.answered), seen.foreign);
    Ok(tally.rate())
}

async fn get_null(bench: &mut Bench) -> Result<f64> {
    let null = bench.null_server().await?;
    let same = Same { request: request("GET", null::GET_PATH, &[], "").into(), status: 200 };
    let Measured { tally, seen } = measure(bench, null.address, &null.process, Pace::Closed, |count| Ok(vec![same.clone(); count])).await?;
    bench.book.enter(F::NullGet, tally.rate(), seen.foreign);
    bench.book.enter_known(F::NullGetCpu, micros_each(seen.server, tally.answered), seen.foreign);
    Ok(tally.rate())
}

/// No job starts meanwhile, so that a submit is only a submit.
async fn against_server(bench: &mut Bench, store: &str, null_post: Option<f64>) -> Result<()> {
    let store = format!("{store}-rates");
    let server = bench.serve(&store, 0).await?;
    let accounts = make_accounts(&server, bench.scale).await?;
    let quota = Quota::endless();
    let submits = |count| Submit::many(count, &accounts, &quota, 0);
    let Measured { tally, seen } = measure(bench, server.public, &server.process, Pace::Closed, submits).await?;
    let submit_rate = tally.rate();
    if bench.wants(&[Part::Submit]) {
        bench.book.enter(F::Submit, submit_rate, seen.foreign);
        bench.book.enter_known(F::SubmitCpu, micros_each(seen.server, tally.answered), seen.foreign);
        bench.book.enter(F::SubmitP99, tally.quantile_ms(0.99), seen.foreign);
        bench.book.enter_known(F::SubmitShare, null_post.map(|null_post| submit_rate / null_post), seen.foreign);
    }
    if bench.wants(&[Part::Hot]) {
        let hot = accounts.iter().take(1).cloned().collect();
        let submits = |count| Submit::many(count, &hot, &quota, 0);
        let Measured { tally, seen } = measure(bench, server.public, &server.process, Pace::Closed, submits).await?;
        bench.book.enter(F::HotSubmit, tally.rate(), seen.foreign);
        bench.book.enter(F::HotShare, tally.rate() / submit_rate, seen.foreign);
    }
    if bench.wants(&[Part::Latency]) {
        let half = submit_rate / 2.0;
        let submits = |count| Submit::many(count, &accounts, &quota, 0);
        let Measured { tally, seen } = measure(bench, server.public, &server.process, Pace::PerSecond(half), submits).await?;
        bench.book.enter(F::PacedRate, tally.rate(), seen.foreign);
        bench.book.enter(F::PacedP50, tally.quantile_ms(0.5), seen.foreign);
        bench.book.enter(F::PacedP99, tally.quantile_ms(0.99), seen.foreign);
    }
    if bench.wants(&[Part::Poll]) {
        let kept = market::fill(&server, bench.scale, &accounts, bench.scale.polled, 1).await?;
        market::settle(&server).await?;
        polls(bench, server.public, &server.process, &kept).await?;
    }
    drop(server);
    bench.discard(&store)
}

async fn polls(bench: &mut Bench, public: SocketAddr, server: &Listening, jobs: &Arc<[Accepted]>) -> Result<()> {
    let null_get = get_null(bench).await?;
    let scripts = |count| Poll::many(count, jobs, false);
    let Measured { tally, seen } = measure(bench, public, server, Pace::Closed, scripts).await?;
    bench.book.enter(F::Poll, tally.rate(), seen.foreign);
    bench.book.enter_known(F::PollCpu, micros_each(seen.server, tally.answered), seen.foreign);
    bench.book.enter(F::PollShare, tally.rate() / null_get, seen.foreign);
    Ok(())
}

/// Runs a load twice: shortly to warm up, then watched.
async fn measure<S: Script>(
    bench: &Bench,
    to: SocketAddr,
    server: &Listening,
    pace: Pace,
    scripts: impl Fn(usize) -> Result<Vec<S>>,
) -> Result<Measured> {
    let time: Duration = bench.scale.time;
    let connections = bench.scale.connections;
    load::run(to, scripts(connections)?, pace, time / WARM_UP_PARTS).await?;
    let scripts = scripts(connections)?;
    let watch = Watch::start(Some(server.pid()));
    let (tally, _) = load::run(to, scripts, pace, time).await?;
    Ok(Measured { tally, seen: watch.end() })
}
