//! Golden requests and answers: one file a case, named for it. The request stands above the line of `=`, the answer below.
//!
//! In a request `{agent}`, `{key}`, `{poor}`, `{job}`, `{poll}`, `{other}` stand for what [`World`] made. In an answer what
//! differs from run to run (ids, times, tokens) stands as a word in capitals. With `WIRE_BLESS` set the answers are written anew:
//! then read what has changed.

use std::fs;
use std::path::PathBuf;

use regex::Regex;

use crate::support::node::Script;
use crate::support::server::{ADMIN_TOKEN, TestServer, raw};

const LINE: &str = "\n==========\n";

/// A server with an agent that has one completed job, submitted under the key `first`.
struct World {
    server: TestServer,
    words: Vec<(&'static str, String)>,
}

impl World {
    async fn new() -> Self {
        let server = TestServer::start(Script::hops(2)).await;
        let agent = server.agent(5_000_000).await;
        let made = server.post("/api/v1/agents/usage-keys", &agent, r#"{"label":"import","spend_cap_usd":2}"#).await.json();
        let agent_id = server.get("/api/v1/agents/me", &agent).await.json()["agent_id"].as_str().unwrap().to_owned();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let body = r#"{"route":"enrich/websearch","payload":{"business_name":"Acme Corp"}}"#;
        let head = format!(
            "POST /api/v1/enrich/jobs HTTP/1.1\r\nAuthorization: Bearer {agent}\r\nContent-Type: application/json\r\nIdempotency-Key: first\r\n"
        );
        let job = crate::support::server::send(server.public, &head, body).await.json();
        server.ended(job["job_id"].as_str().unwrap(), &agent).await;
        let words = vec![
            ("{agent}", agent),
            ("{key}", text(&made["bearer"])),
            ("{key_id}", text(&made["id"])),
            ("{poor}", server.agent(0).await),
            ("{other}", server.agent(5_000_000).await),
            ("{job}", text(&job["job_id"])),
            ("{poll}", text(&job["poll_bearer"])),
            ("{operator}", ADMIN_TOKEN.to_owned()),
            ("{agent_id}", agent_id),
        ];
        Self { server, words }
    }

    async fn answer(&self, request: &str, is_admin: bool) -> String {
        let mut request = request.to_owned();
        for (word, value) in &self.words {
            request = request.replace(word, value);
        }
        let (head, body) = request.split_once("\n\n").unwrap_or((&request, ""));
        let body = body.trim_end_matches('\n');
        let mut bytes = head.trim_end().replace('\n', "\r\n");
        bytes.push_str("\r\nHost: server\r\nConnection: close\r\n");
        if !body.is_empty() {
            bytes.push_str("Content-Length: ");
            bytes.push_str(&body.len().to_string());
            bytes.push_str("\r\n");
        }
        bytes.push_str("\r\n");
        bytes.push_str(body);
        let to = if is_admin { self.server.admin } else { self.server.public };
        masked(&raw(to, bytes.as_bytes()).await.text.replace(&self.server.public.to_string(), "server"))
    }
}

fn masked(text: &str) -> String {
    let mut text = text.replace("\r\n", "\n");
    for (pattern, word) in [
        (r"(?m)^(date|connection): .*\n", ""),
        (r"(?m)^ratelimit: (.*);r=\d+;t=\d+$", "ratelimit: $1;r=N;t=N"),
        (r"(?m)^content-length: [1-9]\d*$", "content-length: N"),
        (r"r-[0-9a-f]{8}-[0-9a-f]+", "REQUEST"),
        (r"evt_[0-9a-z]{31}", "EVENT"),
        (r"ej_[0-9a-z]{29}", "JOB"),
        (r"ag_[0-9a-z]{29}", "AGENT"),
        (r"uk_[0-9a-z]{26}", "KEY"),
        (r"411j_[0-9a-z]{52}", "POLL_BEARER"),
        (r"411k_[0-9a-z]{55}", "USAGE_KEY"),
        (r"411_[0-9a-z]{55}", "AGENT_TOKEN"),
        (r"whsec_[0-9A-Za-z+/=]{44}", "SECRET"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "TIME"),
        (r#""(seq|unwritten_rows)":\d+"#, r#""$1":N"#),
        (r":deposit:[0-9a-f]{32}", ":deposit:HASH"),
        (r#""receipt":"[A-Za-z0-9_.-]+""#, r#""receipt":"RECEIPT""#),
        (r"(?m)^enrich-receipt: .*$", "enrich-receipt: RECEIPT"),
        (r#""next_cursor":"c[0-9a-z]+""#, r#""next_cursor":"CURSOR""#),
    ] {
        text = Regex::new(pattern).unwrap().replace_all(&text, word).into_owned();
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn every_case_is_answered_as_written() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/wire/cases");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 40, "only {} cases were found", files.len());
    let bless = std::env::var_os("WIRE_BLESS").is_some();
    let mut wrong = Vec::new();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let case = fs::read_to_string(&file).unwrap();
        let (request, wanted) = case.split_once(LINE).unwrap_or((&case, ""));
        // A world of its own for each, so that no case depends on another.
        let world = World::new().await;
        let got = world.answer(request, name.starts_with("admin-")).await;
        if bless {
            fs::write(&file, format!("{}{LINE}{got}\n", request.trim_end())).unwrap();
        } else if got.trim_end() != wanted.trim_end() {
            wrong.push(format!("{name}:\n--- wanted\n{wanted}\n--- got\n{got}"));
        }
    }
    assert!(wrong.is_empty(), "{} cases differ:\n{}", wrong.len(), wrong.join("\n\n"));
}
