//! The operators' listener.

use std::sync::Arc;

use enrich_jobs::http::admin;

use crate::support::node::Script;
use crate::support::server::{TestServer, send};

/// T-24: no route of the table answers without the token, and none that changes something takes GET.
#[tokio::test(flavor = "multi_thread")]
async fn t24_every_route_needs_the_token() {
    let server = TestServer::start(Script::hops(1)).await;
    let agent = server.agent(1_000_000).await;
    let rows = admin::rows();
    assert!(rows.len() > 10);
    for row in rows {
        let label = row.label().replace("{id}", "x").replace("{job_id}", "x");
        for authorization in [String::new(), format!("Authorization: Bearer {agent}\r\n"), "Authorization: Bearer \r\n".to_owned()] {
            let answer = send(server.admin, &format!("{label} HTTP/1.1\r\n{authorization}"), "").await;
            assert_eq!((answer.status, answer.code().as_str()), (401, "ADMIN_TOKEN_REQUIRED"), "{label}");
        }
    }
    // Nothing of it is on the public listener.
    assert_eq!(send(server.public, "GET /admin/agents HTTP/1.1\r\n", "").await.status, 404);
    assert_eq!(send(server.public, "GET /metrics HTTP/1.1\r\n", "").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credit_is_booked_once_and_logged() {
    let server = TestServer::start(Script::hops(1)).await;
    let made = server.as_operator("POST", "/admin/agents", "Idempotency-Key: make-1\r\n", r#"{"label":"acme","credit_usd":1}"#).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let id = made.json()["agent_id"].as_str().unwrap().to_owned();
    let again = server.as_operator("POST", "/admin/agents", "Idempotency-Key: make-1\r\n", r#"{"label":"acme","credit_usd":1}"#).await;
    assert_eq!((again.json()["agent_id"].as_str(), again.header("idempotency-replayed")), (Some(&*id), Some("true")));
    assert!(again.json().get("bearer").is_none(), "a token is shown once");
    let path = format!("/admin/agents/{id}/credit");
    for replayed in [None, Some("true")] {
        let credited =
            server.as_operator("POST", &path, "Idempotency-Key: invoice-7\r\n", r#"{"amount_usd":"2.5","reason":"invoice 7"}"#).await;
        assert_eq!((credited.status, credited.header("idempotency-replayed")), (200, replayed), "{}", credited.text);
        assert_eq!(credited.json()["virtual_balance_usd"], 3.5);
    }
    let shown = server.as_operator("GET", &format!("/admin/agents/{id}"), "", "").await.json();
    assert_eq!(shown["virtual_balance_usd"], 3.5);
    // Each is in range, both together are not (D-9).
    let most = server.as_operator("POST", &path, "Idempotency-Key: most\r\n", r#"{"amount_usd":9007199254,"reason":"too much"}"#).await;
    assert_eq!((most.status, most.code().as_str()), (422, "VALIDATION_FAILED"), "{}", most.text);
    assert_eq!(most.json()["errors"][0]["pointer"], "/amount_usd");
    let log = server.as_operator("GET", "/admin/log", "", "").await;
    assert!(log.body.contains("invoice 7") && log.body.contains(&id), "{}", log.body);
    let audit = server.as_operator("GET", "/admin/audit", "", "").await.json();
    assert_eq!(audit["ok"], true, "{audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stuck_job_is_failed_and_costs_nothing() {
    let server = TestServer::start(Script::hops(1).then_waits()).await;
    let agent = server.agent(5_000_000).await;
    let (job, poll) = server.submit(&agent).await;
    let failed = server.as_operator("POST", &format!("/admin/jobs/{job}/fail"), "", r#"{"reason":"the vendor is gone"}"#).await;
    assert_eq!(failed.status, 200, "{}", failed.text);
    let ended = server.ended(&job, &poll).await.json();
    assert_eq!((&ended["status"], &ended["charged_usd"]), (&serde_json::json!("failed"), &serde_json::json!(0)), "{ended}");
    assert_eq!(server.get("/api/v1/agents/balance", &agent).await.json()["virtual_balance_usd"], 5);
    let shown = server.as_operator("GET", &format!("/admin/jobs/{job}"), "", "").await.json();
    assert_eq!(shown["job"]["error"]["message"], "the vendor is gone");
}

/// The metrics name routes and classes, and never an id.
#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_shown_to_operators() {
    let cancel = tokio_util::sync::CancellationToken::new();
    let exposition = enrich_jobs::http::Exposition::install(cancel.clone()).unwrap();
    let server = TestServer::start(Script::hops(1)).await;
    let agent = server.agent(5_000_000).await;
    let (job, poll) = server.submit(&agent).await;
    server.ended(&job, &poll).await;
    let text = exposition.text(&server.node.node).await;
    let wanted = [
        "# TYPE enrich_http_requests_total counter",
        "# HELP enrich_http_request_duration_seconds",
        "enrich_http_requests_total{listener=\"public\",route=\"POST /api/v1/enrich/jobs\",class=\"2xx\"} 1",
        "enrich_http_request_duration_seconds_bucket{listener=\"public\",route=\"GET /api/v1/enrich/jobs/{job_id}\"",
        "enrich_jobs{state=\"running\"}",
        "enrich_shards_ready",
    ];
    for line in wanted {
        assert!(text.contains(line), "no {line} in\n{text}");
    }
    for secret in [&job, &poll, &agent] {
        assert!(!text.contains(secret.as_str()));
    }
    let _shared = Arc::new(cancel);
}
