//! The real binary: started, asked, killed.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

pub const OPERATOR: &str = "an-operators-token-of-32-letters";

/// Longer than a start takes, however busy the machine is.
const START: Duration = Duration::from_secs(30);

/// How the server is started: its folder, and what its environment holds. Nothing is inherited.
#[derive(Debug, Clone)]
pub struct Setup {
    folder: PathBuf,
    store: PathBuf,
    variables: Vec<(String, String)>,
    /// A program with arguments, before the binary.
    wrapper: Vec<String>,
}

impl Setup {
    /// Everything below `folder`.
    pub fn new(folder: &Path) -> Self {
        let setup = Self { folder: folder.to_owned(), store: folder.join("store"), variables: Vec::new(), wrapper: Vec::new() };
        setup
            .with("ENRICH_LISTEN", "127.0.0.1:0")
            .with("ENRICH_ADMIN_LISTEN", "127.0.0.1:0")
            .with("ENRICH_ADMIN_TOKEN", OPERATOR)
            .with("ENRICH_SHARDS", "4")
            .with("ENRICH_JOB_SLOTS", "8")
            .with("ENRICH_WORKER_THREADS", "2")
            .with("ENRICH_CALLBACK_ALLOW_LOOPBACK", "true")
            .with("VENDOR_WEBSITE_ALLOW_LOOPBACK", "true")
            .with("VENDOR_WEBSITE_HOST_INTERVAL_MS", "0")
            // The same business is bought again and again, and each purchase is to cost something.
            .with("ENRICH_CACHE_SECONDS", "0")
            .with("VENDOR_DIRECTORY_PATH", folder.join("directory").to_str().unwrap())
            .with("RATE_SUBMIT_PER_S", "0")
            .with("RATE_POLL_PER_S", "0")
            .with("ENRICH_LOG", "info")
            .with("RUST_BACKTRACE", "1")
    }

    /// With a variable, in place of an earlier value.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With the store in another folder.
    pub fn storing_in(self, store: PathBuf) -> Self {
        Self { store, ..self }
    }

    /// Started by this.
    pub fn wrapped(self, wrapper: &[&str]) -> Self {
        Self { wrapper: wrapper.iter().map(|&word| word.to_owned()).collect(), ..self }
    }

    pub fn directory(&self) -> PathBuf {
        self.folder.join("directory")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let binary = env!("CARGO_BIN_EXE_enrich-jobs");
        let mut words = self.wrapper.iter().map(String::as_str).chain([binary]);
        let mut command = Command::new(words.next().unwrap());
        command.args(words).args(arguments).env_clear().envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.env("ENRICH_STORE", format!("embedded:{}", self.store.display())).env("PATH", "/usr/bin:/bin").current_dir(&self.folder);
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Starts the server and returns once it answers.
    pub async fn start(&self) -> Server {
        let server = self.spawn();
        tokio::time::timeout(START, server.ready()).await.expect("the server starts in time")
    }

    /// Starts the server, and returns before anything happens.
    pub fn spawn(&self) -> Starting {
        let mut log = std::fs::File::options().create(true).append(true).open(self.log()).unwrap();
        writeln!(log, "--- start").unwrap();
        let child = self.command(&["serve"]).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        Starting { child, setup: self.clone() }
    }

    /// Runs another command to its end.
    pub async fn run(&self, arguments: &[&str]) -> Output {
        tokio::time::timeout(Duration::from_mins(1), self.command(arguments).output()).await.expect("the command ends").unwrap()
    }

    /// `audit` by the binary itself, beside a running server or without one.
    pub async fn audit(&self) {
        let audit = self.run(&["audit"]).await;
        let text = String::from_utf8_lossy(&audit.stdout);
        assert!(audit.status.success() && text.contains("The books balance"), "{text}{}", String::from_utf8_lossy(&audit.stderr));
    }

    /// The end of what the servers said, for whoever has to find out why.
    pub fn log_tail(&self) -> String {
        let log = std::fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }
}

/// A server that may not be ready yet.
pub struct Starting {
    child: Child,
    setup: Setup,
}

impl Starting {
    pub async fn ready(mut self) -> Server {
        let mut lines = BufReader::new(self.child.stdout.take().unwrap()).lines();
        let line = loop {
            let line = lines.next_line().await.unwrap();
            let line = line.unwrap_or_else(|| panic!("the server did not start:\n{}", self.setup.log_tail()));
            if line.contains("is ready") {
                break line;
            }
        };
        // Read on, so that it can't block on a full pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let url_after = |word: &str| {
            let (_, rest) = line.split_once(word).unwrap_or_else(|| panic!("{line}"));
            rest.trim_start().split([' ', ',']).next().unwrap().to_owned()
        };
        Server { public: url_after("public "), admin: url_after("admin "), child: self.child, setup: self.setup }
    }

    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// What it ends with by itself.
    pub async fn ended(mut self) -> ExitStatus {
        tokio::time::timeout(START, self.child.wait()).await.expect("it ends by itself").unwrap()
    }
}

/// A running server. Dropped, it is killed.
pub struct Server {
    pub public: String,
    pub admin: String,
    child: Child,
    setup: Setup,
}

impl Server {
    pub fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// `kill -9`: it has no say in it.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// SIGTERM. Returns how it ended, and how long that took.
    pub async fn terminate(mut self) -> (ExitStatus, Duration) {
        let began = tokio::time::Instant::now();
        let sent = Command::new("kill").args(["-TERM", &self.id().to_string()]).status().await.unwrap();
        assert!(sent.success());
        let ended = tokio::time::timeout(Duration::from_mins(1), self.child.wait()).await;
        let status = ended.unwrap_or_else(|_| panic!("it does not end:\n{}", self.setup.log_tail())).unwrap();
        (status, began.elapsed())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.setup.log_tail());
        }
    }
}
