//! Calls that share a budget.

use std::time::Duration;

use serde_json::json;

use crate::support::node::Script;
use crate::support::server::{Answer, TestServer, send};

const SEARCH: &str = "/api/v1/enrich/websearch";
const LEADS: &str = "/api/v1/enrich/lead-session";
const BUSINESS: &str = r#"{"business_name":"Acme Corp"}"#;
const LEAD: &str = r#"{"lead":{"company":"Acme Corp"}}"#;

/// A call with these headers beside its bearer.
async fn call(server: &TestServer, agent: &str, path: &str, headers: &str, body: &str) -> Answer {
    let head = format!("POST {path} HTTP/1.1\r\nAuthorization: Bearer {agent}\r\nContent-Type: application/json\r\n{headers}");
    send(server.public, &head, body).await
}

fn left(answer: &Answer) -> Option<&str> {
    answer.header("x-session-budget-remaining-usd")
}

/// Both routes, every refusal, and what is left in each answer.
#[tokio::test(flavor = "multi_thread")]
async fn every_answer_says_what_is_left() {
    let server = TestServer::start(Script::hops(3)).await;
    let agent = server.agent(10_000_000).await;
    let first = call(&server, &agent, LEADS, "X-Session-Id: a\r\nX-Session-Budget-Usd: 1.55\r\n", LEAD).await;
    assert_eq!((first.status, left(&first)), (200, Some("1.52")), "{}", first.text);
    let second = call(&server, &agent, SEARCH, "X-Session-Id: a\r\nIdempotency-Key: two\r\n", BUSINESS).await;
    assert_eq!((second.status, left(&second)), (200, Some("1.49")), "{}", second.text);

    let exhausted = call(&server, &agent, LEADS, "X-Session-Id: a\r\n", LEAD).await;
    assert_eq!((exhausted.status, left(&exhausted)), (409, Some("1.49")), "{}", exhausted.text);
    let said = exhausted.json();
    assert_eq!(
        (&said["code"], &said["retry_action"], &said["payment_state"]),
        (&json!("SESSION_BUDGET_EXHAUSTED"), &json!("fix_request"), &json!("none"))
    );
    for figure in ["$1.5;", "$1.49 ", "$1.55 "] {
        assert!(said["detail"].as_str().unwrap().contains(figure), "{said}");
    }
    for (headers, body, status, code) in [
        ("X-Session-Budget-Usd: 2\r\n", BUSINESS, 422, "SESSION_BUDGET_FIXED"),
        ("PAYMENT-SIGNATURE: e30=\r\n", BUSINESS, 422, "SESSION_NEEDS_BALANCE"),
        ("", "{}", 422, "VALIDATION_FAILED"),
        ("", "{", 400, "INVALID_JSON"),
        ("Idempotency-Key: two\r\n", LEAD, 422, "VALIDATION_FAILED"),
        ("Idempotency-Key: two\r\n", r#"{"business_name":"Apex"}"#, 422, "IDEMPOTENCY_KEY_REUSED"),
    ] {
        let refused = call(&server, &agent, SEARCH, &format!("X-Session-Id: a\r\n{headers}"), body).await;
        assert_eq!((refused.status, &*refused.code(), left(&refused)), (status, code, Some("1.49")), "{}", refused.text);
        let paid = if headers.starts_with("PAYMENT") { "unused" } else { "none" };
        assert_eq!(refused.json()["payment_state"], paid, "{}", refused.text);
    }
    let replayed = call(&server, &agent, SEARCH, "X-Session-Id: a\r\nIdempotency-Key: two\r\n", BUSINESS).await;
    assert_eq!((replayed.status, replayed.header("idempotency-replayed"), left(&replayed)), (200, Some("true"), Some("1.49")));

    // One that has not begun.
    let unknown = call(&server, &agent, SEARCH, "X-Session-Id: b\r\n", BUSINESS).await;
    assert_eq!((unknown.status, &*unknown.code(), left(&unknown)), (422, "SESSION_UNKNOWN", None), "{}", unknown.text);
    let small = call(&server, &agent, SEARCH, "X-Session-Id: b\r\nX-Session-Budget-Usd: 0.999999\r\n", BUSINESS).await;
    assert_eq!((small.status, &*small.code(), left(&small)), (409, "SESSION_BUDGET_EXHAUSTED", Some("0.999999")));
    let poor = server.agent(0).await;
    let poor = call(&server, &poor, SEARCH, "X-Session-Id: b\r\nX-Session-Budget-Usd: 3\r\n", BUSINESS).await;
    assert_eq!((poor.status, &*poor.code(), left(&poor)), (402, "INSUFFICIENT_BALANCE", Some("3")));
    let balance = server.get("/api/v1/agents/balance", &agent).await.json();
    assert_eq!(balance, json!({"virtual_balance_usd": 9.94, "held_usd": 0}), "refusals move nothing");
}

/// What nobody may know, and what is no session.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_its_agents_own() {
    let server = TestServer::start(Script::hops(1)).await;
    let (agent, other) = (server.agent(5_000_000).await, server.agent(5_000_000).await);
    let begun = "X-Session-Id: a\r\nX-Session-Budget-Usd: 2\r\n";
    assert_eq!(left(&call(&server, &agent, SEARCH, begun, BUSINESS).await), Some("1.99"));
    let foreign = call(&server, &other, SEARCH, "X-Session-Id: a\r\n", BUSINESS).await;
    assert_eq!((&*foreign.code(), left(&foreign)), ("SESSION_UNKNOWN", None));
    assert_eq!(left(&call(&server, &other, SEARCH, begun, BUSINESS).await), Some("1.99"), "another session of the same name");
    // A usage key's calls are its agent's.
    let key = server.post("/api/v1/agents/usage-keys", &agent, r#"{"label":"k"}"#).await.json()["bearer"].as_str().unwrap().to_owned();
    assert_eq!(left(&call(&server, &key, SEARCH, "X-Session-Id: a\r\n", BUSINESS).await), Some("1.98"));
    let stranger = call(&server, "411_nothing", SEARCH, begun, BUSINESS).await;
    assert_eq!((stranger.status, left(&stranger)), (401, None));
    let head = format!("POST {SEARCH} HTTP/1.1\r\nContent-Type: application/json\r\n{begun}");
    let nobody = send(server.public, &head, BUSINESS).await;
    assert_eq!((nobody.status, &*nobody.code(), left(&nobody)), (422, "SESSION_NEEDS_BALANCE", None));
    // A job is not of a session, and says so.
    let job = call(&server, &agent, "/api/v1/enrich/jobs", begun, r#"{"route":"enrich/websearch","payload":{"business_name":"A"}}"#).await;
    assert_eq!((job.status, &*job.code()), (400, "HEADER_NOT_SUPPORTED"));
}

/// Twenty at once, of which five fit: five are made, whoever comes first.
#[tokio::test(flavor = "multi_thread")]
async fn calls_at_once_do_not_overspend() {
    let server = TestServer::start(Script::hops(1).then_waits()).await;
    let agent = server.agent(50_000_000).await;
    let calls = (0..20).map(|_| call(&server, &agent, SEARCH, "X-Session-Id: a\r\nX-Session-Budget-Usd: 5\r\n", BUSINESS));
    let going_down = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        server.cancel.cancel();
    };
    let (answers, ()) = tokio::join!(futures_util::future::join_all(calls), going_down);
    let of = |status: u16| answers.iter().filter(move |answer| answer.status == status);
    assert_eq!((of(504).count(), of(409).count()), (5, 15), "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    assert!(of(504).all(|answer| left(answer) == Some("0") && answer.json()["poll_bearer"].is_string()));
    assert!(of(409).all(|answer| answer.code() == "SESSION_BUDGET_EXHAUSTED" && left(answer).is_some()));
}
