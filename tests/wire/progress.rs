//! How far a run is, as its buyer and an operator see it while it runs.

use serde_json::{Value, json};

use crate::jobs::stream;
use crate::support::node::Script;
use crate::support::server::TestServer;

/// Polls until the run has told of its second round.
async fn after_two_rounds(server: &TestServer, job: &str, poll: &str) -> Value {
    let path = format!("/api/v1/enrich/jobs/{job}");
    for _ in 0..1000 {
        let body = server.get(&path, poll).await.json();
        if body["progress"]["rounds_done"] == 2 {
            return body;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("it tells of no second round");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_shows_rounds_costs_and_what_was_found_while_it_runs() {
    let server = TestServer::start(Script::hops(2).showing().then_waits()).await;
    let agent = server.agent(5_000_000).await;
    let (job, poll) = server.submit(&agent).await;
    let body = after_two_rounds(&server, &job, &poll).await;
    let found = json!([{"field": "number1", "value": "call 1", "confidence": 0.71}]);
    assert_eq!(
        body["progress"],
        json!({"stage": "scripted", "rounds_done": 2, "rounds_max": 2, "cost_usd": 0.02, "found": found}),
        "{body}"
    );
    assert_eq!(body["costs"].as_array().unwrap().len(), 2, "{body}");
    // Operators are told that a field was found, and not what it says.
    let seen = server.as_operator("GET", &format!("/admin/jobs/{job}"), "", "").await;
    assert_eq!(
        (&seen.json()["job"]["progress"]["rounds_done"], &seen.json()["job"]["progress"]["found"]),
        (&json!(2), &json!([{"field": "number1", "confidence": 0.71}])),
        "{}",
        seen.text
    );
    assert!(!seen.text.contains("call 1"), "{}", seen.text);
    server.post(&format!("/api/v1/enrich/jobs/{job}/cancel"), &poll, "").await;
    let ended = server.ended(&job, &poll).await.json();
    assert_eq!((ended.get("progress"), &ended["charged_usd"]), (None, &json!(0.02)), "{ended}");
}

/// What a run tells between two changes of its job is streamed, and comes again to whoever reconnects.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_tells_of_every_round_and_its_costs() {
    let server = TestServer::start(Script::hops(2).showing().then_waits()).await;
    let agent = server.agent(5_000_000).await;
    let (job, poll) = server.submit(&agent).await;
    let told = stream(&server, &job, &poll, "", "call 1").await;
    // Changes that follow one another quickly may come as one, which is then the first that tells of the status.
    let progress = told.split("\n\n").filter(|event| event.contains("event: ")).last().unwrap_or_default();
    assert!(progress.contains(r#""rounds_done":2,"rounds_max":2,"cost_usd":0.02"#), "{told}");
    let ids: Vec<u32> = told.lines().filter_map(|line| line.strip_prefix("id: ")).map(|id| id.parse().unwrap()).collect();
    assert!(ids.is_sorted(), "{ids:?}");
    let again = stream(&server, &job, &poll, &format!("Last-Event-ID: {}\r\n", ids.last().unwrap()), "call 1").await;
    assert!(again.contains(r#""rounds_done":2"#), "{again}");
}
