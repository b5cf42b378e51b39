//! What happens between requests: waiting, streaming, cancelling, replaying, and telling nothing to strangers.

use std::time::Duration;

use enrich_jobs::http::{Limits, Rate};
use enrich_jobs::types::{JobId, PollBearer, ServerKey, Slot};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::support::node::Script;
use crate::support::server::{TestServer, send};

/// T-22: whatever a bearer may not see looks the same: known and unknown job, wrong and foreign bearer.
#[tokio::test(flavor = "multi_thread")]
async fn t22_what_may_not_be_seen_looks_alike() {
    let server = TestServer::start(Script::hops(1)).await;
    let (agent, other) = (server.agent(5_000_000).await, server.agent(5_000_000).await);
    let (job, poll) = server.submit(&agent).await;
    let (_, poll_of_other) = server.submit(&other).await;
    let id: JobId = job.parse().unwrap();
    let unknown = JobId::new(id.slot(), [7; 16]);
    let forged = PollBearer::derive(&ServerKey::new([9; 32]), &id).reveal();
    let elsewhere = JobId::new(Slot(id.slot().0 ^ 1), id.uuid());
    let mut answers = Vec::new();
    for (path, bearer) in [
        (job.clone(), "411_nothing"),
        (job.clone(), &*poll_of_other),
        (job.clone(), &*forged),
        (job.clone(), &*other),
        (unknown.to_string(), &*poll),
        (unknown.to_string(), &*agent),
        (unknown.to_string(), &*other),
        (elsewhere.to_string(), &*agent),
        ("ej_nonsense".to_owned(), &*poll),
        ("ej_nonsense".to_owned(), &*agent),
        ("%ff".to_owned(), &*agent),
    ] {
        for (method, tail) in [("GET", ""), ("GET", "/events"), ("POST", "/cancel")] {
            let head =
                format!("{method} /api/v1/enrich/jobs/{path}{tail} HTTP/1.1\r\nAuthorization: Bearer {bearer}\r\nX-Request-Id: same\r\n");
            let answer = send(server.public, &head, "").await;
            let text: Vec<_> = answer
                .text
                .lines()
                .filter(|line| !line.starts_with("date:") && !line.starts_with("ratelimit"))
                .map(str::to_owned)
                .collect();
            answers.push(text);
        }
    }
    assert!(answers[0][0].contains("404"));
    for answer in &answers {
        assert_eq!(answer, &answers[0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_waits_for_a_change_and_no_longer() {
    let server = TestServer::start(Script::hops(1).then_waits()).await;
    let agent = server.agent(5_000_000).await;
    let (job, poll) = server.submit(&agent).await;
    let path = format!("/api/v1/enrich/jobs/{job}");
    while server.get(&path, &poll).await.json()["status"] == "queued" {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let head = format!("GET {path} HTTP/1.1\r\nAuthorization: Bearer {poll}\r\nPrefer: wait=1\r\n");
    let began = Instant::now();
    let answer = send(server.public, &head, "").await;
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert_eq!((answer.header("preference-applied"), answer.json()["status"].as_str()), (Some("wait=1"), Some("running")));
    let waiting = tokio::spawn(async move { send(server.public, &head.replace("wait=1", "wait=60"), "").await.json() });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let cancelled = send(server.public, &format!("POST {path}/cancel HTTP/1.1\r\nAuthorization: Bearer {poll}\r\n"), "").await;
    assert_eq!(cancelled.status, 202, "{}", cancelled.text);
    let changed = tokio::time::timeout(Duration::from_secs(5), waiting).await.expect("the cancel wakes it").unwrap();
    assert!(["completing", "failed"].contains(&changed["status"].as_str().unwrap()), "{changed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_usage_key_reads_its_own_jobs_and_does_not_cancel() {
    let server = TestServer::start(Script::hops(1).then_waits()).await;
    let agent = server.agent(5_000_000).await;
    let key = server.post("/api/v1/agents/usage-keys", &agent, r#"{"label":"k"}"#).await.json()["bearer"].as_str().unwrap().to_owned();
    let (job, _) = server.submit(&key).await;
    let path = format!("/api/v1/enrich/jobs/{job}");
    assert_eq!(server.get(&path, &key).await.status, 200);
    assert_eq!(server.get(&path, &agent).await.status, 200);
    assert_eq!(server.get("/api/v1/enrich/jobs", &key).await.json()["items"].as_array().unwrap().len(), 1);
    let refused = server.post(&format!("{path}/cancel"), &key, "").await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "USAGE_KEY_FORBIDDEN"));
    assert_eq!(server.post(&format!("{path}/cancel"), &agent, "").await.status, 202);
}

/// Reads a stream until it ends, or until `enough`.
pub(crate) async fn stream(server: &TestServer, job: &str, poll: &str, last: &str, enough: &str) -> String {
    let mut stream = TcpStream::connect(server.public).await.unwrap();
    let request = format!(
        "GET /api/v1/enrich/jobs/{job}/events HTTP/1.1\r\nHost: server\r\nConnection: close\r\nAuthorization: Bearer {poll}\r\n{last}\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    let mut buffer = [0; 4096];
    let reading = async {
        while enough.is_empty() || !text.contains(enough) {
            match stream.read(&mut buffer).await.unwrap() {
                0 => break,
                count => text.push_str(std::str::from_utf8(&buffer[..count]).unwrap()),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reading).await.expect("the stream goes on");
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_tells_every_change_and_ends_with_done() {
    let server = TestServer::start(Script::hops(2).then_waits()).await;
    let agent = server.agent(5_000_000).await;
    let (job, poll) = server.submit(&agent).await;
    let cancel = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.post(&format!("/api/v1/enrich/jobs/{job}/cancel"), &poll, "").await
    };
    let (text, _) = tokio::join!(stream(&server, &job, &poll, "", ""), cancel);
    assert!(text.contains("content-type: text/event-stream") && text.contains("cache-control: no-store"), "{text}");
    assert!(text.contains("event: status"), "{text}");
    assert_eq!(text.matches("event: done").count(), 1, "{text}");
    let ids: Vec<u32> = text.lines().filter_map(|line| line.strip_prefix("id: ")).map(|id| id.parse().unwrap()).collect();
    assert!(ids.is_sorted() && ids.windows(2).all(|pair| pair[0] != pair[1]), "{ids:?}");
    // Who has seen all but the last gets the last; who has seen it gets nothing more.
    let last = ids.last().unwrap();
    let again = stream(&server, &job, &poll, &format!("Last-Event-ID: {}\r\n", last - 1), "").await;
    assert!(again.contains(&format!("id: {last}")) && again.contains("event: done"), "{again}");
    let nothing = stream(&server, &job, &poll, &format!("Last-Event-ID: {last}\r\n"), "").await;
    assert!(nothing.starts_with("HTTP/1.1 204"), "{nothing}");
}

/// A server that goes down keeps nobody waiting.
#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_ends_streams_and_waits_at_once() {
    let server = TestServer::start(Script::hops(1).then_waits()).await;
    let agent = server.agent(5_000_000).await;
    let (job, poll) = server.submit(&agent).await;
    let head = format!("GET /api/v1/enrich/jobs/{job} HTTP/1.1\r\nAuthorization: Bearer {poll}\r\nPrefer: wait=60\r\n");
    let public = server.public;
    let waiting = tokio::spawn(async move { send(public, &head, "").await.status });
    let began = Instant::now();
    let cancel = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.cancel.cancel();
    };
    let (text, ()) = tokio::join!(stream(&server, &job, &poll, "", ""), cancel);
    assert!(!text.contains("event: done"), "{text}");
    assert_eq!(waiting.await.unwrap(), 200);
    tokio::time::timeout(Duration::from_secs(8), server.tasks.wait()).await.expect("both listeners end");
    assert!(began.elapsed() < Duration::from_secs(8));
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_are_told_when_to_come_back_and_replays_are_not_among_them() {
    let few = |settings: &mut enrich_jobs::http::Settings| settings.rate_submit = Rate { per_second: 1, burst: 2 };
    let server = TestServer::with(Script::hops(1), few, Limits::default()).await;
    let agent = server.agent(50_000_000).await;
    let head = |key: &str| {
        format!(
            "POST /api/v1/enrich/jobs HTTP/1.1\r\nAuthorization: Bearer {agent}\r\nContent-Type: application/json\r\nIdempotency-Key: {key}\r\n"
        )
    };
    let body = r#"{"route":"enrich/websearch","payload":{"business_name":"Acme Corp"}}"#;
    let first = send(server.public, &head("a"), body).await;
    assert_eq!((first.status, first.header("ratelimit-policy")), (202, Some("\"submit\";q=2;w=2")));
    assert_eq!(send(server.public, &head("b"), body).await.status, 202);
    let refused = send(server.public, &head("c"), body).await;
    assert_eq!((refused.status, refused.code().as_str(), refused.header("retry-after")), (429, "RATE_LIMITED", Some("1")));
    assert_eq!(refused.header("ratelimit"), Some("\"submit\";r=0;t=2"));
    let replayed = send(server.public, &head("a"), body).await;
    assert_eq!((replayed.status, replayed.header("idempotency-replayed")), (202, Some("true")));
    assert_eq!(replayed.json(), first.json());
    let other = send(server.public, &head("a"), &body.replace("Acme", "Apex")).await;
    assert_eq!(other.code(), "IDEMPOTENCY_KEY_REUSED");
}

#[tokio::test(flavor = "multi_thread")]
async fn draining_refuses_new_work_and_answers_the_rest() {
    let server = TestServer::start(Script::hops(1)).await;
    let agent = server.agent(5_000_000).await;
    let (job, poll) = server.submit(&agent).await;
    assert_eq!(server.as_operator("POST", "/admin/drain", "", "").await.json()["draining"], true);
    let body = r#"{"route":"enrich/websearch","payload":{"business_name":"Acme Corp"}}"#;
    for bearer in [agent.as_str(), "x"] {
        let answer = server.post("/api/v1/enrich/jobs", bearer, body).await;
        let wanted = if bearer == "x" { (401, "INVALID_TOKEN") } else { (503, "DRAINING") };
        assert_eq!((answer.status, answer.code().as_str()), wanted);
    }
    assert_eq!(server.ended(&job, &poll).await.status, 200);
    let ready = send(server.public, "GET /readyz HTTP/1.1\r\n", "").await;
    assert_eq!((ready.status, ready.json()["ready"].as_bool()), (503, Some(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_token_and_a_revoked_key_open_nothing() {
    let server = TestServer::start(Script::hops(1)).await;
    let agent = server.agent(5_000_000).await;
    let made = server.post("/api/v1/agents/usage-keys", &agent, r#"{"label":"k"}"#).await.json();
    let (key, id) = (made["bearer"].as_str().unwrap(), made["id"].as_str().unwrap());
    let revoke = format!("DELETE /api/v1/agents/usage-keys/{id} HTTP/1.1\r\nAuthorization: Bearer {agent}\r\n");
    assert_eq!(send(server.public, &revoke, "").await.status, 204);
    assert_eq!(server.get("/api/v1/agents/balance", key).await.code(), "INVALID_TOKEN");
    assert_eq!(send(server.public, &revoke, "").await.code(), "USAGE_KEY_NOT_FOUND");
    let new = server.post("/api/v1/agents/token/rotate", &agent, "").await.json()["bearer"].as_str().unwrap().to_owned();
    assert_eq!(server.get("/api/v1/agents/me", &agent).await.code(), "INVALID_TOKEN");
    assert_eq!(server.get("/api/v1/agents/me", &new).await.status, 200);
}
