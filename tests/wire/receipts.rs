//! Receipts over the wire: the same text in a poll, a stream, a callback and a route's own answer, and keys that verify it.

use enrich_jobs::http::Limits;
use enrich_jobs::receipt::{Jwks, hash, jws};
use serde_json::Value;

use crate::support::node::Script;
use crate::support::receiver::{Answer, Receiver};
use crate::support::server::{TestServer, send};

const JOBS: &str = "/api/v1/enrich/jobs";

async fn keys(server: &TestServer) -> Jwks {
    let answer = send(server.public, "GET /.well-known/jwks.json HTTP/1.1\r\n", "").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/jwk-set+json")));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
    let body = answer.json();
    let key = &body["keys"][0];
    assert_eq!((&key["kty"], &key["crv"], &key["alg"], &key["use"]), (&"OKP".into(), &"Ed25519".into(), &"EdDSA".into(), &"sig".into()));
    assert_eq!(key.get("d"), None, "no private part");
    serde_json::from_value(body).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_has_one_receipt_wherever_it_is_shown() {
    let receiver = Receiver::start(|_, _| Answer::Status(204)).await;
    let server = TestServer::with(Script::hops(2), |settings| settings.callback_allow_loopback = true, Limits::default()).await;
    let agent = server.agent(5_000_000).await;
    let payload = r#"{ "business_name":"Acme \u0043orp", "max_results": 2 }"#;
    let order = format!(r#"{{"route":"enrich/websearch","callback_url":"{}","payload":{payload}}}"#, receiver.url());
    let accepted = server.post(JOBS, &agent, &order).await.json();
    let job = accepted["job_id"].as_str().unwrap_or_else(|| panic!("{accepted}"));
    let first = server.ended(job, &agent).await.json();
    let receipt = first["receipt"].as_str().unwrap_or_else(|| panic!("{first}"));
    let claims = jws::verify(receipt, &keys(&server).await).unwrap();
    assert_eq!((&*claims.job_id, &*claims.status, &*claims.billing_mode), (job, "completed", "virtual_balance"));
    assert_eq!(claims.payload_hash, hash::of(r#"{"business_name":"Acme Corp","max_results":2}"#));
    assert_eq!(claims.result_hash, Some(hash::of(&first["result"].to_string())));
    assert_eq!((&*claims.ceiling_micro_usd, &*claims.charged_micro_usd, claims.hops.len()), ("1500000", "20000", 2));
    assert_eq!(claims.refunded_micro_usd.as_deref(), Some("1480000"));

    assert_eq!(server.get(&format!("{JOBS}/{job}"), &agent).await.json()["receipt"], first["receipt"]);
    let stream = server.get(&format!("{JOBS}/{job}/events"), &agent).await.text;
    assert!(stream.contains(receipt), "{stream}");
    receiver.came(1).await;
    assert_eq!(receiver.of_job(job)[0].json()["data"]["receipt"], first["receipt"]);
    let listed = server.get(JOBS, &agent).await.json();
    assert_eq!(listed["items"][0].get("receipt"), None, "lists are short");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_cancelled_has_one_and_a_running_one_none() {
    let server = TestServer::start(Script::hops(1).then_waits()).await;
    let agent = server.agent(5_000_000).await;
    let (job, poll) = server.submit(&agent).await;
    assert_eq!(server.get(&format!("{JOBS}/{job}"), &poll).await.json().get("receipt"), None);
    server.post(&format!("{JOBS}/{job}/cancel"), &poll, "").await;
    let ended = server.ended(&job, &poll).await.json();
    let claims = jws::verify(ended["receipt"].as_str().unwrap(), &keys(&server).await).unwrap();
    assert_eq!((&*claims.status, claims.error.as_deref()), ("failed", Some("CANCELLED")));
    let shown = ended.get("partial_result").map(Value::to_string);
    assert_eq!(claims.result_hash, shown.as_deref().map(hash::of));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_routes_own_answer_has_it_in_its_head() {
    let server = TestServer::start(Script::hops(2)).await;
    let agent = server.agent(5_000_000).await;
    let payload = r#"{"business_name":"Acme Corp"}"#;
    let answer = server.post("/api/v1/enrich/websearch", &agent, payload).await;
    let claims = jws::verify(answer.header("enrich-receipt").unwrap(), &keys(&server).await).unwrap();
    assert_eq!((claims.payload_hash, claims.result_hash), (hash::of(payload), Some(hash::of(&answer.body))));
}
