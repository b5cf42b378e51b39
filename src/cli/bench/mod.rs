//! `enrich-jobs bench`: how fast this program is on this machine, beside a ceiling measured in the same rounds.
//!
//! The load comes from this process over real sockets; the server is this program once more, as a child, with everything
//! on but its rate limits, and a vendor that answers at once. A rate says little by itself, as machines differ and drift: what
//! counts is its ratio to the null server's rate of the same round. Deliberately absent: vendors, chains, and callbacks, whose time
//! is not ours. The method and measured figures are in `docs/performance.md`.

mod checks;
mod child;
mod connection;
mod figures;
mod load;
mod machine;
mod market;
mod null;
mod numbers;
mod posts;
mod rates;
mod report;
mod restart;
mod scripts;
mod trouble;
mod waiting;
mod whole;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use tokio::time::Instant;

use self::child::{NullServer, Server, ServerSettings};
use self::figures::{Book, FOREIGN_MAX};
use self::machine::{Facts, Watch};
use self::trouble::{Context as _, Result};
use super::{Failure, print};

/// How long a round waits for the machine to become quiet.
const QUIET_WAIT_MAX: Duration = Duration::from_secs(10);
/// How long it looks whether it is.
const QUIET_LOOK: Duration = Duration::from_secs(1);

/// Of `bench`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    hidden: Option<Hidden>,
    /// Measure only these, separated by commas
    #[arg(long, env = "ENRICH_BENCH_ONLY", value_name = "PARTS", value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// How often everything is measured; the medians count
    #[arg(long, env = "ENRICH_BENCH_ROUNDS", value_name = "NUMBER", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    rounds: u16,
    /// How long each rate is measured in a round
    #[arg(long, env = "ENRICH_BENCH_SECONDS", value_name = "SECONDS", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=3600))]
    seconds: u16,
    /// One short round of everything, small: shows that it works, and says nothing about speed
    #[arg(long, env = "ENRICH_BENCH_QUICK")]
    quick: bool,
    /// Where the stores of the servers lie while they run; beside this program by default
    #[arg(long, env = "ENRICH_BENCH_DIR", value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Write every figure of every round into this file
    #[arg(long, env = "ENRICH_BENCH_JSON", value_name = "FILE")]
    json: Option<PathBuf>,
    /// Set a variable of the servers, such as `ENRICH_SHARDS=4`; may be given several times
    #[arg(long = "server-env", value_name = "NAME=VALUE", value_parser = variable)]
    server_env: Vec<(String, String)>,
}

#[derive(Debug, Clone, Subcommand)]
enum Hidden {
    /// Be the null server
    #[command(hide = true)]
    NullServer,
    /// Post a body to a URL on this machine as fast as it is answered, and say how often
    #[command(hide = true)]
    Load(posts::Arguments),
}

/// What can be measured by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Part {
    /// Accepting jobs
    Submit,
    /// Showing jobs
    Poll,
    /// Jobs from their submit to their end
    Jobs,
    /// Times of submits at half of the maximum
    Latency,
    /// Submits of a single account
    Hot,
    /// Memory of waiting jobs
    Memory,
    /// Working off a long queue
    Drain,
    /// Coming back after a crash
    Restart,
    /// Checking payments, without a chain
    Checks,
}

fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// How much of everything.
#[derive(Debug, Clone, Copy)]
struct Scale {
    rounds: u16,
    /// How long each rate is measured.
    time: Duration,
    connections: usize,
    accounts: u64,
    /// Jobs that are polled around and around.
    polled: u64,
    /// The long queue, and the short one.
    long_queue: u64,
    short_queue: u64,
    /// How often the short queue is worked off: a single time is over in a blink.
    short_queues: u16,
    /// Live jobs at a restart.
    live_jobs: u64,
}

impl Scale {
    fn of(arguments: &Arguments) -> Self {
        let (rounds, time) = (arguments.rounds, Duration::from_secs(arguments.seconds.into()));
        let full = Self {
            rounds,
            time,
            connections: 64,
            accounts: 10_000,
            polled: 10_000,
            long_queue: 100_000,
            short_queue: 1_000,
            short_queues: 5,
            live_jobs: 1_000_000,
        };
        let quick = Self {
            rounds: 1,
            time: Duration::from_secs(1),
            accounts: 200,
            polled: 500,
            long_queue: 4_000,
            short_queue: 400,
            short_queues: 1,
            live_jobs: 20_000,
            ..full
        };
        if arguments.quick { quick } else { full }
    }
}

/// What every part needs.
struct Bench {
    scale: Scale,
    scratch: Scratch,
    server_env: Vec<(String, String)>,
    parts: BTreeSet<Part>,
    book: Book,
}

impl Bench {
    /// Whether any of these is to be measured.
    fn wants(&self, parts: &[Part]) -> bool {
        parts.iter().any(|part| self.parts.contains(part))
    }

    /// Starts the server over a store of that name: a new one, or what an earlier server has left in it.
    async fn serve(&self, store: &str, slots: u32) -> Result<Server> {
        Server::start(&self.settings(store, slots)).await
    }

    fn settings(&self, store: &str, slots: u32) -> ServerSettings {
        ServerSettings { store: self.scratch.0.join(store), log: self.scratch.log(), slots, more: self.server_env.clone() }
    }

    async fn null_server(&self) -> Result<NullServer> {
        NullServer::start(&self.scratch.log()).await
    }

    /// Makes room on the disk.
    fn discard(&self, store: &str) -> Result<()> {
        let folder = self.scratch.0.join(store);
        std::fs::remove_dir_all(&folder).with_context(|| format!("can't remove {}", folder.display()))
    }

    async fn all(&mut self) -> Result<()> {
        for number in 1..=self.scale.rounds {
            eprintln!("round {number} of {}", self.scale.rounds);
            self.round(number).await?;
        }
        if self.wants(&[Part::Restart]) {
            eprintln!("restarts");
            restart::run(self).await?;
        }
        Ok(())
    }

    async fn round(&mut self, number: u16) -> Result<()> {
        wait_for_quiet().await;
        let store = format!("store-{number}");
        let null_post = rates::run(self, &store).await?;
        if let Some(null_post) = null_post.filter(|_| self.wants(&[Part::Jobs])) {
            whole::run(self, &store, null_post).await?;
        }
        if self.wants(&[Part::Memory, Part::Drain]) {
            waiting::run(self, &store).await?;
        }
        if self.wants(&[Part::Checks]) {
            checks::run(self)?;
        }
        Ok(())
    }
}

/// A folder that is removed when it is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new(dir: Option<&Path>) -> Result<Self> {
        let beside = || Some(std::env::current_exe().ok()?.parent()?.to_owned());
        let above = dir.map(Path::to_owned).or_else(beside).context("there is no place for the stores; choose one by --dir")?;
        let folder = above.join(format!("enrich-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder).with_context(|| format!("can't make {}; choose another place by --dir", folder.display()))?;
        let folder = folder.canonicalize().with_context(|| format!("can't find {}", folder.display()))?;
        Ok(Self(folder))
    }

    /// What the servers log.
    fn log(&self) -> PathBuf {
        self.0.join("log")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("{} can't be removed: {error}", self.0.display());
        }
    }
}

/// Measures, and fails where a gate is missed.
pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.hidden {
        Some(Hidden::NullServer) => {
            // As many threads as the real server has.
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
            return runtime.and_then(|runtime| runtime.block_on(null::serve())).map_err(|error| Failure::of(&error));
        }
        Some(Hidden::Load(arguments)) => return posts::run(arguments),
        None => {}
    }
    // One thread, so that the client takes no more than one processor from the server.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| Failure::of(&error))?;
    let missed = runtime.block_on(measure(arguments)).map_err(|error| Failure::Failed(format!("{error:#}")))?;
    if missed.is_empty() || arguments.quick {
        return Ok(());
    }
    Err(Failure::Failed(format!("{} missed: {}", if missed.len() == 1 { "a gate is" } else { "gates are" }, missed.join("; "))))
}

async fn measure(arguments: &Arguments) -> Result<Vec<&'static str>> {
    let parts = if arguments.only.is_empty() { Part::value_variants() } else { &arguments.only };
    let scratch = Scratch::new(arguments.dir.as_deref())?;
    let facts = Facts::of(&scratch.0);
    let scale = Scale::of(arguments);
    let mut bench =
        Bench { scale, scratch, server_env: arguments.server_env.clone(), parts: parts.iter().copied().collect(), book: Book::default() };
    // What was measured before something went wrong is shown all the same.
    let done = bench.all().await;
    let conditions = conditions(&bench);
    print(&report::table(&bench.book, &facts, &conditions));
    if let Some(file) = &arguments.json {
        let json = report::json(&bench.book, &facts, &conditions);
        std::fs::write(file, json).with_context(|| format!("can't write {}", file.display()))?;
    }
    done.map(|()| report::missed(&bench.book))
}

fn conditions(bench: &Bench) -> String {
    let Scale { rounds, time, connections, accounts, long_queue, short_queue, live_jobs, .. } = bench.scale;
    let mut text = format!(
        "{rounds} rounds of {} s, {connections} connections, {accounts} accounts; queues of {long_queue} and {short_queue} jobs, {live_jobs} live jobs at a restart",
        time.as_secs()
    );
    for (name, value) in &bench.server_env {
        text.extend(["; ", name, "=", value]);
    }
    if cfg!(debug_assertions) {
        text.push_str("; a debug build: these figures say nothing");
    }
    text
}

/// Waits until others leave the machine alone, but not for long: a noisy round is marked as such.
async fn wait_for_quiet() {
    let patience = Instant::now() + QUIET_WAIT_MAX;
    while Instant::now() < patience {
        let watch = Watch::start(None);
        tokio::time::sleep(QUIET_LOOK).await;
        if watch.end().foreign.is_none_or(|foreign| foreign <= FOREIGN_MAX / 2.0) {
            return;
        }
    }
}
