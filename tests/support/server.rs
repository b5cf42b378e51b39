//! A server in process: a node over the in-memory store behind both listeners, and a client that writes its own bytes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use enrich_jobs::clock::{SystemClock, SystemRandom};
use enrich_jobs::http::{self, AdminSettings, Limits, Settings};
use enrich_jobs::store::memory::Memory;
use enrich_jobs::types::Usd;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::node::{Script, TestNode};

pub const ADMIN_TOKEN: &str = "an-operators-token-of-32-letters";

/// A running server. Dropped, it ends.
pub struct TestServer {
    pub node: TestNode,
    pub public: SocketAddr,
    pub admin: SocketAddr,
    pub cancel: CancellationToken,
    pub tasks: TaskTracker,
}

impl TestServer {
    pub async fn start(script: Script) -> Self {
        Self::with(script, |_| {}, Limits::default()).await
    }

    pub async fn with(script: Script, change: impl FnOnce(&mut Settings), limits: Limits) -> Self {
        Self::of(TestNode::start(Memory::new(4), script).await, change, limits).await
    }

    /// In front of a node.
    pub async fn of(node: TestNode, change: impl FnOnce(&mut Settings), limits: Limits) -> Self {
        Self::at(listener().await, node, change, limits).await
    }

    /// In front of a node, on a socket that was there before it.
    pub async fn at(public: TcpListener, node: TestNode, change: impl FnOnce(&mut Settings), limits: Limits) -> Self {
        let admin = listener().await;
        let (public_address, admin_address) = (public.local_addr().unwrap(), admin.local_addr().unwrap());
        let cancel = CancellationToken::new();
        let mut settings = Settings { public_url: format!("http://{public_address}"), ..Settings::default() };
        change(&mut settings);
        let admin_settings = AdminSettings {
            token: ADMIN_TOKEN.to_owned().into(),
            public_url: settings.public_url.clone(),
            max_timeout_seconds: settings.max_timeout_seconds,
        };
        let public_router = http::public_router(node.node.clone(), settings, Arc::new(SystemClock), &SystemRandom, cancel.clone());
        let admin_router = http::admin_router(node.node.clone(), &admin_settings, None, &SystemRandom);
        let tasks = TaskTracker::new();
        tasks.spawn(http::serve(public, public_router, limits, cancel.clone()));
        tasks.spawn(http::serve(admin, admin_router, Limits::default(), cancel.clone()));
        tasks.close();
        Self { node, public: public_address, admin: admin_address, cancel, tasks }
    }

    /// The bearer of a new agent with this many micro-dollars.
    pub async fn agent(&self, micros: i64) -> String {
        let made = self.node.node.create_agent("tester".into(), Usd::from_micros(micros), None).await.unwrap();
        made.token.unwrap().reveal()
    }

    pub async fn get(&self, path: &str, bearer: &str) -> Answer {
        send(self.public, &format!("GET {path} HTTP/1.1\r\nAuthorization: Bearer {bearer}\r\n"), "").await
    }

    pub async fn post(&self, path: &str, bearer: &str, body: &str) -> Answer {
        let head = format!("POST {path} HTTP/1.1\r\nAuthorization: Bearer {bearer}\r\nContent-Type: application/json\r\n");
        send(self.public, &head, body).await
    }

    pub async fn as_operator(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let head =
            format!("{method} {path} HTTP/1.1\r\nAuthorization: Bearer {ADMIN_TOKEN}\r\nContent-Type: application/json\r\n{headers}");
        send(self.admin, &head, body).await
    }

    /// Submits a job for the least that is needed; gives its id and its poll bearer.
    pub async fn submit(&self, bearer: &str) -> (String, String) {
        let body = r#"{"route":"enrich/websearch","payload":{"business_name":"Acme Corp"}}"#;
        let answer = self.post("/api/v1/enrich/jobs", bearer, body).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
        let body = answer.json();
        (body["job_id"].as_str().unwrap().to_owned(), body["poll_bearer"].as_str().unwrap().to_owned())
    }

    /// Polls until the job has ended.
    pub async fn ended(&self, job: &str, bearer: &str) -> Answer {
        let path = format!("/api/v1/enrich/jobs/{job}");
        let polled = async {
            loop {
                let answer = self.get(&path, bearer).await;
                if ["completed", "failed"].contains(&answer.json()["status"].as_str().unwrap()) {
                    return answer;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), polled).await.expect("the job ends")
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

pub async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

/// An answer as it came.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// The whole of it, head and body.
    pub text: String,
    pub body: String,
}

impl Answer {
    pub fn parse(text: String) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let body = body.to_owned();
        Self { status, text, body }
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let head = self.text.split_once("\r\n\r\n").map_or(&*self.text, |(head, _)| head);
        let lines = head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    /// The `code` of a problem.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// Sends a head (each line ended, without the empty one) with a body, and reads the whole answer.
pub async fn send(to: SocketAddr, head: &str, body: &str) -> Answer {
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    raw(to, format!("{head}Host: server\r\nConnection: close\r\n{length}\r\n{body}").as_bytes()).await
}

/// Sends bytes as they are, and reads until the other end closes.
pub async fn raw(to: SocketAddr, bytes: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(to).await.unwrap();
    // The server may answer and close before it has read all.
    stream.write_all(bytes).await.ok();
    let mut answer = Vec::new();
    tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await.expect("the answer ends").ok();
    Answer::parse(String::from_utf8_lossy(&answer).into_owned())
}
