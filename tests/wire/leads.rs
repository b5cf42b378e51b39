//! Lead sessions over the wire.

use serde_json::json;

use crate::support::node::Script;
use crate::support::server::TestServer;

const JOBS: &str = "/api/v1/enrich/jobs";

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
