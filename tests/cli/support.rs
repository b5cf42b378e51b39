//! Runs the binary, and talks to it when it serves.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

use tokio::time::Instant;

pub const ADMIN_TOKEN: &str = "an-operators-token-of-32-letters";

/// The binary with these arguments, in this folder and with nothing in its environment.
pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_enrich-jobs"));
    command.args(arguments).current_dir(folder).env_clear().env("TMPDIR", folder).stdin(Stdio::null());
    command
}

/// How it ended, and what it said.
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

pub fn run(folder: &Path, arguments: &[&str]) -> Ended {
    command(folder, arguments).output().unwrap().into()
}

pub fn run_with(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    command(folder, arguments).envs(variables.iter().copied()).output().unwrap().into()
}

/// A serving process. Dropped, it is killed.
pub struct Serving {
    child: Child,
    out: BufReader<ChildStdout>,
    /// What it said until it was ready.
    pub said: String,
    pub public: String,
    pub admin: String,
}

/// A bought job.
pub struct Bought {
    pub job: String,
    pub poll_bearer: String,
    pub callback_secret: Option<String>,
}

impl Serving {
    /// `serve` on free ports with its store in `folder/data`.
    pub fn start(folder: &Path, arguments: &[&str]) -> Self {
        let usual = ["serve", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--admin-token", ADMIN_TOKEN];
        Self::of(command(folder, &[&usual, arguments].concat()), "enrich-jobs is ready: ")
    }

    /// Any command, ready once a line of it begins with `mark`.
    pub fn of(mut command: Command, mark: &str) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        loop {
            let from = said.len();
            if out.read_line(&mut said).unwrap() == 0 {
                let mut err = String::new();
                child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
                panic!("it ended before it was ready: {said}{err}");
            }
            if said[from..].trim_start().starts_with(mark) {
                break;
            }
        }
        let after = |word: &str| said.rsplit_once(word).map(|(_, rest)| rest.split([',', ' ', '\n']).next().unwrap().to_owned());
        let (public, admin) = (after("public ").unwrap_or_default(), after("admin ").unwrap_or_default());
        Self { child, out, said, public, admin }
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.child.id())]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end: the exit code, what else it said, how long that took.
    pub fn wait(mut self) -> (Ended, Duration) {
        let started = Instant::now();
        let mut out = String::new();
        self.out.read_to_string(&mut out).unwrap();
        let mut err = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        let status = self.child.wait().unwrap();
        (Ended { code: status.code(), out, err }, started.elapsed())
    }

    pub fn terminate(self) -> (Ended, Duration) {
        self.signal("TERM");
        self.wait()
    }

    /// The bearer of a new agent.
    pub fn agent(&self, folder: &Path, credit: &str) -> String {
        let made = self.agents(folder, &["create", "--label=Tester", "--credit-usd", credit]);
        assert_eq!(made.code, Some(0), "{}", made.err);
        made.out.lines().find_map(|line| line.strip_prefix("bearer")).unwrap().trim().to_owned()
    }

    /// `enrich-jobs agents …` against this server.
    pub fn agents(&self, folder: &Path, arguments: &[&str]) -> Ended {
        let variables = [("ENRICH_ADMIN_URL", self.admin.as_str()), ("ENRICH_ADMIN_TOKEN", ADMIN_TOKEN)];
        run_with(folder, &[&["agents"], arguments].concat(), &variables)
    }

    pub fn buy(&self, bearer: &str, callback_url: Option<&str>) -> Bought {
        let callback = callback_url.map(|url| format!(r#","callback_url":"{url}""#)).unwrap_or_default();
        let body = format!(r#"{{"route":"enrich/websearch","payload":{{"business_name":"Acme Corp","city":"Tampa"}}{callback}}}"#);
        let answer = self.call("POST", "/api/v1/enrich/jobs", bearer, &body);
        let text = |name: &str| answer[name].as_str().map(str::to_owned);
        let job = text("job_id").unwrap_or_else(|| panic!("{answer}"));
        Bought { job, poll_bearer: text("poll_bearer").unwrap(), callback_secret: text("callback_secret") }
    }

    /// Polls until the job has this status.
    pub fn until(&self, bought: &Bought, status: &str) -> serde_json::Value {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let job = self.call("GET", &format!("/api/v1/enrich/jobs/{}", bought.job), &bought.poll_bearer, "");
            if job["status"] == status {
                return job;
            }
            assert!(Instant::now() < deadline, "{job}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What anybody gets.
    pub fn get(&self, path: &str) -> serde_json::Value {
        self.call("GET", path, "none", "")
    }

    pub fn call(&self, method: &str, path: &str, bearer: &str, body: &str) -> serde_json::Value {
        let host = self.public.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {bearer}\r\nConnection: close\r\n");
        let request = format!("{head}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
