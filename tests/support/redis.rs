//! A real `redis-server` on a free port, with its append-only file, ended with the value.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use enrich_jobs::store::redis::{Address, Settings};
use enrich_jobs::store::{NodeId, Peer};

/// The server and its folder.
pub struct RedisServer {
    child: Child,
    port: u16,
    more: Vec<String>,
    folder: tempfile::TempDir,
}

impl RedisServer {
    /// Starts it with `appendfsync always`, and with more options, such as `--maxmemory 10mb`.
    pub fn start(more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let more: Vec<String> = more.iter().map(|option| (*option).to_owned()).collect();
        let child = spawn(folder.path(), port, &more);
        let server = Self { child, port, more, folder };
        server.wait();
        server
    }

    /// `redis://` with its port.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Where its port is.
    pub fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// For a store of so many shards in it.
    pub fn settings(&self, shards: u16) -> Settings {
        self.settings_of("one", shards)
    }

    /// For a node of this name that others can't reach.
    pub fn settings_of(&self, node: &str, shards: u16) -> Settings {
        self.settings_at(node, &format!("http://{node}.test"), shards)
    }

    /// For a node of this name that others reach here.
    pub fn settings_at(&self, node: &str, url: &str, shards: u16) -> Settings {
        Settings {
            address: Address { url: self.url(), is_cluster: false },
            shards,
            require_always: true,
            known: None,
            node: Peer { id: NodeId(node.to_owned()), url: url.to_owned() },
            lease: Duration::from_millis(1_500),
            tail: Some(self.folder.path().join(format!("tail-{node}"))),
        }
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again on its port and its files.
    pub fn restart(&mut self) {
        self.child = spawn(self.folder.path(), self.port, &self.more);
        self.wait();
    }

    /// A copy of its files as they are now.
    pub fn copy(&self) -> tempfile::TempDir {
        let copy = tempfile::tempdir().unwrap();
        copy_files(&self.folder.path().join("appendonlydir"), &copy.path().join("appendonlydir"));
        copy
    }

    /// Killed, and started on files of earlier: what was written since is forgotten, as at a failover to a replica that lagged.
    pub fn roll_back(&mut self, copy: &tempfile::TempDir) {
        self.kill();
        let files = self.folder.path().join("appendonlydir");
        std::fs::remove_dir_all(&files).unwrap();
        copy_files(&copy.path().join("appendonlydir"), &files);
        self.restart();
    }

    /// What `redis-cli` answers.
    pub fn cli(&self, arguments: &[&str]) -> String {
        let output = Command::new("redis-cli").args(["-p", &self.port.to_string()]).args(arguments).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn wait(&self) {
        for _ in 0..1000 {
            if TcpStream::connect(self.address()).is_ok() && self.cli(&["PING"]) == "PONG" {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("redis-server doesn't answer");
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn copy_files(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

fn spawn(folder: &Path, port: u16, more: &[String]) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--appendfsync", "always"])
        .arg("--dir")
        .arg(folder)
        .args(more)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("redis-server: scripts/test installs it")
}
