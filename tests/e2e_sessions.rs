//! The real binary is killed while calls of one session come at once, and the session has spent what its jobs say, within its budget.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use support::api::{Agent, Answer, Api};
use support::binary::{Server, Setup};
use support::luck::Luck;
use support::money::amount;

const BUDGET: i64 = 4_000_000;
const COST: i64 = 300_000;

/// A call of the session: $1 is held for it, and it costs 30 cents.
async fn call(api: &Api, server: &Server, agent: &Agent, body: &str) -> Answer {
    let url = format!("{}/api/v1/enrich/websearch", server.public);
    let headers = [("x-session-id", "batch"), ("x-session-budget-usd", "4")];
    api.call(Method::POST, url, &agent.bearer, &headers, Some(body.to_owned())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_keeps_its_budget_when_the_server_is_killed() {
    let seed = Luck::seed();
    eprintln!("the moments of the kills follow from {seed}");
    let mut luck = Luck::new(seed);
    let folder = tempfile::tempdir().unwrap();
    let setup =
        Setup::new(folder.path()).with("VENDOR_NOOP", "true").with("VENDOR_NOOP_COST_USD", "0.3").with("VENDOR_NOOP_DELAY_MS", "30");
    let mut server = setup.start().await;
    let api = Api::of(&server);
    let agent = api.agent(50_000_000).await;
    for _ in 0..5 {
        let calls = join_all((0..6).map(|_| call(&api, &server, &agent, r#"{"business_name":"Acme Corp"}"#)));
        let patience = Duration::from_millis(luck.below(120));
        // Some calls are answered by then, some jobs run, and some calls were never heard.
        tokio::time::timeout(patience, calls).await.ok();
        server.kill().await;
        server = setup.start().await;
        api.moved_to(&server);
    }
    // Whatever lives ends by itself; then the rest of the budget is spent.
    let mut left = BUDGET;
    loop {
        for job in api.list(&agent).await {
            api.ended(&job, &agent.bearer).await;
        }
        let answer = call(&api, &server, &agent, r#"{"business_name":"Acme Corp"}"#).await.unwrap();
        let shown = answer.headers["x-session-budget-remaining-usd"].to_str().unwrap().to_owned();
        left = amount(format!("{{\"left\":{shown}}}").as_bytes(), "left").min(left);
        if answer.status == 409 {
            assert_eq!(answer.code(), "SESSION_BUDGET_EXHAUSTED");
            break;
        }
        answer.expect(200);
    }
    let mut charged = 0;
    for job in api.list(&agent).await {
        charged += amount(&api.ended(&job, &agent.bearer).await.body, "charged_usd");
    }
    println!("killed 5 times: {} calls cost {charged} of {BUDGET} micro-dollars", charged / COST);
    assert_eq!((charged, left), (11 * COST, BUDGET - 11 * COST), "a call needs a dollar, so just eleven fit");
    assert_eq!(api.balance(&agent).await, (50_000_000 - charged, 0));
    setup.audit().await;
    let (status, _) = server.terminate().await;
    assert!(status.success(), "{status}");
    setup.audit().await;
}
