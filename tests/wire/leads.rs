//! Lead sessions over the wire.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::node::Script;
use crate::support::server::{Answer, TestServer, send};

const JOBS: &str = "/api/v1/enrich/jobs";
const LEADS: &str = "/api/v1/enrich/lead-session";

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_session_is_a_job_like_any_other() {
    let server = TestServer::start(Script::hops(3)).await;
    let agent = server.agent(5_000_000).await;
    let order = r#"{"route":"enrich/lead-session","payload":{"lead":{"company":"Acme Corp"},"budget_usd":"0.5"},"bill_up_to_usd":0.8}"#;
    let accepted = server.post(JOBS, &agent, order).await;
    assert_eq!((accepted.status, &accepted.json()["bill_up_to_usd"]), (202, &json!(0.8)), "{}", accepted.text);
    let ended = server.ended(accepted.json()["job_id"].as_str().unwrap(), &agent).await.json();
    assert_eq!(
        (&ended["route"], &ended["status"], &ended["charged_usd"], &ended["refunded_usd"]),
        (&json!("enrich/lead-session"), &json!("completed"), &json!(0.03), &json!(0.77)),
        "{ended}"
    );
    let by_route = |route: &str| format!("{JOBS}?route={route}");
    for (route, count) in [("enrich/lead-session", 1), ("enrich/websearch", 0)] {
        let listed = server.get(&by_route(route), &agent).await.json();
        assert_eq!(listed["items"].as_array().unwrap().len(), count, "{route}");
    }
    // A payload goes with its own route, and a refusal takes nothing.
    for (order, pointer) in [
        (r#"{"route":"enrich/lead-session","payload":{"business_name":"Acme Corp"}}"#, "/payload/business_name"),
        (r#"{"route":"enrich/websearch","payload":{"lead":{"company":"Acme Corp"}}}"#, "/payload/lead"),
        (r#"{"route":"enrich/lead-session","payload":{"lead":{"company":"Acme Corp"},"budget_usd":0.0000001}}"#, "/payload/budget_usd"),
    ] {
        let refused = server.post(JOBS, &agent, order).await;
        assert_eq!((refused.status, &refused.json()["errors"][0]["pointer"]), (422, &json!(pointer)), "{}", refused.text);
    }
    assert_eq!(server.get("/api/v1/agents/balance", &agent).await.json(), json!({"virtual_balance_usd": 4.97, "held_usd": 0}));
}

fn lead(budget: &str) -> String {
    format!(r#"{{"lead":{{"company":"Acme Corp","city":"Tampa"}}{budget}}}"#)
}

/// What was held and charged for an agent's jobs, in the order in which it happened.
async fn moved(server: &TestServer, agent: &str) -> Vec<(String, Value)> {
    let lines = server.get("/api/v1/agents/ledger", agent).await.json();
    let lines = lines["items"].as_array().unwrap().iter().rev().filter(|line| line["kind"] != "deposit");
    lines.map(|line| (line["kind"].as_str().unwrap().to_owned(), line["amount_usd"].clone())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_session_is_answered_and_charged_what_it_cost() {
    let server = TestServer::start(Script::hops(3)).await;
    let agent = server.agent(5_000_000).await;
    let answer = server.post(LEADS, &agent, &lead("")).await;
    assert_eq!((answer.status, answer.json()), (200, json!({"billed": true, "matched": true})), "{}", answer.text);
    let line = |kind: &str, amount: f64| (kind.to_owned(), json!(amount));
    let first = [line("hold", 1.5), line("charge", 0.03), line("refund", 1.47)];
    assert_eq!(moved(&server, &agent).await, first, "the price in the catalogue is held, the cost is charged");

    let answer = server.post(LEADS, &agent, &lead(r#","budget_usd":3.5"#)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let second = [line("hold", 3.5), line("charge", 0.03), line("refund", 3.47)];
    assert_eq!(moved(&server, &agent).await[3..], second, "a larger budget is held");

    let refused = |answer: &Answer| (answer.status, answer.code());
    let answer = server.post(LEADS, &agent, &lead(r#","budget_usd":20"#)).await;
    assert_eq!(refused(&answer), (402, "INSUFFICIENT_BALANCE".to_owned()));
    let answer = server.post(LEADS, &agent, &lead(r#","budget_usd":20.000001"#)).await;
    assert_eq!(refused(&answer), (422, "VALIDATION_FAILED".to_owned()));
    let fault = &answer.json()["errors"][0];
    assert_eq!((&fault["pointer"], fault["detail"].as_str().unwrap().contains("at most 20 ")), (&json!("/budget_usd"), true), "{fault}");
    let answer = server.post(LEADS, &agent, r#"{"business_name":"Acme Corp"}"#).await;
    assert_eq!(refused(&answer), (422, "VALIDATION_FAILED".to_owned()));
    let head = format!("POST {LEADS} HTTP/1.1\r\nContent-Type: application/json\r\n");
    assert_eq!(refused(&send(server.public, &head, &lead("")).await), (401, "AGENT_TOKEN_REQUIRED".to_owned()));
    assert_eq!(moved(&server, &agent).await.len(), 6, "what is refused moves nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_under_its_key_is_made_once() {
    let server = TestServer::start(Script::hops(1)).await;
    let agent = server.agent(5_000_000).await;
    let head = |path: &str| {
        format!("POST {path} HTTP/1.1\r\nAuthorization: Bearer {agent}\r\nContent-Type: application/json\r\nIdempotency-Key: one\r\n")
    };
    let first = send(server.public, &head(LEADS), &lead("")).await;
    assert_eq!((first.status, first.header("idempotency-replayed")), (200, None), "{}", first.text);
    let again = send(server.public, &head(LEADS), &lead("")).await;
    assert_eq!((again.status, again.header("idempotency-replayed"), again.json()), (200, Some("true"), first.json()));
    let other = send(server.public, &head(LEADS), &lead(r#","max_rounds":2"#)).await;
    assert_eq!(other.code(), "IDEMPOTENCY_KEY_REUSED");
    let elsewhere = send(server.public, &head("/api/v1/enrich/websearch"), r#"{"business_name":"Acme Corp"}"#).await;
    assert_eq!(elsewhere.code(), "IDEMPOTENCY_KEY_REUSED");
    assert_eq!((server.node.script.runs(), moved(&server, &agent).await.len()), (1, 3));
}

/// Whoever can't be held any longer is told where the job is: it goes on, and its hold stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_takes_too_long_names_its_job() {
    for (path, route, body, held) in [
        (LEADS, "enrich/lead-session", lead(""), 1_500_000),
        ("/api/v1/enrich/websearch", "enrich/websearch", r#"{"business_name":"Acme Corp"}"#.to_owned(), 1_000_000),
    ] {
        let server = TestServer::start(Script::hops(1).then_waits()).await;
        let agent = server.agent(5_000_000).await;
        let going_down = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            server.cancel.cancel();
        };
        let (answer, ()) = tokio::join!(server.post(path, &agent, &body), going_down);
        let said = answer.json();
        assert_eq!(
            (answer.status, &said["code"], &said["retry_action"], &said["payment_state"]),
            (504, &json!("STILL_RUNNING"), &json!("poll"), &json!("none")),
            "{}",
            answer.text
        );
        assert!(said["poll_bearer"].as_str().unwrap().starts_with("411j_"));
        let job = server.node.until(said["job_id"].as_str().unwrap().parse().unwrap(), |job| job.hops.len() == 1).await;
        assert_eq!((job.spec.route.as_str(), job.state.held.micros(), job.state.status.is_ended()), (route, held, false));
    }
}
