//! The processes under load: the real server and the null server, each a child of this process that never outlives it.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::machine;
use super::trouble::{Context as _, Result, Trouble};

/// The longest that a start may take until the line that says where the server listens.
const START_TIME_MAX: Duration = Duration::from_mins(2);
/// What operators prove themselves with; the listener is on loopback and gone with the bench.
pub(super) const ADMIN_TOKEN: &str = "bench-operator-token-0123456789abcdef";

/// A process of this program that listens on loopback. Killed when it is dropped.
#[derive(Debug)]
pub(super) struct Listening {
    child: Child,
    /// In the order in which its first line names them.
    addresses: Vec<SocketAddr>,
    started: Instant,
}

impl Listening {
    /// Starts this program once more, and waits for the line that says where it listens.
    async fn start(mut command: Command, log: &Path) -> Result<Self> {
        let log_file = File::options().create(true).append(true).open(log).with_context(|| format!("can't write {}", log.display()))?;
        let started = Instant::now();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log_file).spawn().context("can't start a server")?;
        let stdout = child.stdout.take();
        // From here on the child is killed whatever happens.
        let mut listening = Self { child, addresses: Vec::new(), started };
        let (line, first_line) = oneshot::channel();
        std::thread::spawn(move || read_out(stdout, line));
        let first_line = tokio::time::timeout(START_TIME_MAX, first_line).await.context("the server was not ready in time")?;
        let Ok(first_line) = first_line else {
            return Err(Trouble::new(format!("the server ended at its start; the end of its log:\n{}", tail(log))));
        };
        listening.addresses = addresses_in(&first_line);
        Ok(listening)
    }

    fn address(&self, number: usize) -> Result<SocketAddr> {
        self.addresses.get(number).copied().context("the server's first line lacks an address")
    }

    /// Its process.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn kill(&mut self) -> std::io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(|_| ())
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            eprintln!("the server with process id {} can't be ended: {error}", self.child.id());
        }
    }
}

/// Hands over the first line that names an address, then reads on, so that the server never writes into a full pipe.
fn read_out(stdout: Option<ChildStdout>, line: oneshot::Sender<String>) {
    let Some(stdout) = stdout else { return };
    let mut line = Some(line);
    for text in BufReader::new(stdout).lines().map_while(Result::ok) {
        if text.contains("http://")
            && let Some(line) = line.take()
        {
            // A bench that has stopped waiting needs no line.
            line.send(text).ok();
        }
    }
}

/// The address of every URL in a line.
fn addresses_in(line: &str) -> Vec<SocketAddr> {
    let behind = line.split("http://").skip(1);
    behind
        .filter_map(|url| {
            url.split(|c: char| !(c.is_ascii_alphanumeric() || ".:[]".contains(c))).next()?.trim_end_matches('.').parse().ok()
        })
        .collect()
}

fn tail(log: &Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let end = text.get(text.len().saturating_sub(2000)..).unwrap_or_default();
    String::from_utf8_lossy(end).into_owned()
}

fn this_program() -> Result<Command> {
    let mut command = Command::new(std::env::current_exe().context("can't find this program's file")?);
    // What this process was started with must not decide what is measured.
    command.env_clear();
    Ok(command)
}

/// The ceiling: parses a body like a job's and answers, and nothing else.
#[derive(Debug)]
pub(super) struct NullServer {
    pub(super) process: Listening,
    pub(super) address: SocketAddr,
}

impl NullServer {
    pub(super) async fn start(log: &Path) -> Result<Self> {
        let mut command = this_program()?;
        command.args(["bench", "null-server"]);
        let process = Listening::start(command, log).await?;
        Ok(Self { address: process.address(0)?, process })
    }
}

/// How a server is started.
#[derive(Debug, Clone)]
pub(super) struct ServerSettings {
    /// Its store.
    pub(super) store: PathBuf,
    /// Where it logs to.
    pub(super) log: PathBuf,
    /// Jobs that run at a time; with none, jobs only wait.
    pub(super) slots: u32,
    /// More of its environment.
    pub(super) more: Vec<(String, String)>,
}

/// The real server.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) process: Listening,
    /// Where buyers come in.
    pub(super) public: SocketAddr,
    /// Where operators come in.
    pub(super) admin: SocketAddr,
}

impl Server {
    pub(super) async fn start(settings: &ServerSettings) -> Result<Self> {
        let mut command = this_program()?;
        command.arg("serve").envs([
            ("ENRICH_LISTEN", "127.0.0.1:0"),
            ("ENRICH_ADMIN_LISTEN", "127.0.0.1:0"),
            ("ENRICH_ADMIN_TOKEN", ADMIN_TOKEN),
            ("VENDOR_NOOP", "true"),
            ("RATE_SUBMIT_PER_S", "0"),
            ("RATE_POLL_PER_S", "0"),
        ]);
        command.env("ENRICH_STORE", format!("embedded:{}", settings.store.display()));
        command.env("ENRICH_JOB_SLOTS", settings.slots.to_string());
        command.envs(settings.more.iter().map(|(name, value)| (name, value)));
        let process = Listening::start(command, &settings.log).await?;
        Ok(Self { public: process.address(0)?, admin: process.address(1)?, process })
    }

    pub(super) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Since its start.
    pub(super) fn age(&self) -> Duration {
        self.process.started.elapsed()
    }

    /// Its memory in RAM, in bytes.
    pub(super) fn resident(&self) -> Result<u64> {
        machine::resident_of(self.pid()).context("memory is read from /proc, which this system lacks")
    }

    /// Ends it at once, as a power cut of the process would.
    pub(super) fn kill(mut self) -> Result<()> {
        self.process.kill().context("the server can't be ended")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_a_line() {
        let found = |line: &str| addresses_in(line).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(found("ready: http://127.0.0.1:8411 (operators: http://127.0.0.1:9411)"), ["127.0.0.1:8411", "127.0.0.1:9411"]);
        assert_eq!(found("listening on http://[::1]:80/, admin on http://127.0.0.1:1."), ["[::1]:80", "127.0.0.1:1"]);
        assert_eq!(found("no address"), Vec::<String>::new());
    }
}
