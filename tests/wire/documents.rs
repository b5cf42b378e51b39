//! The document says what the server does: real answers fit the schemas that it gives for them.

use serde_json::{Value, json};

use crate::support::node::Script;
use crate::support::server::{Answer, TestServer, send};

struct Document(Value);

impl Document {
    /// Checks an answer against the schema of its operation and status.
    fn fits(&self, method: &str, path: &str, answer: &Answer) {
        let responses = &self.0["paths"][path][method]["responses"];
        let response = &responses[answer.status.to_string()];
        assert!(response.is_object(), "{method} {path} answers {}, which is not documented: {}", answer.status, answer.text);
        let content_type = answer.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default();
        let mut schema = response["content"][content_type]["schema"].clone();
        assert!(schema.is_object(), "{method} {path} answers as {content_type}, which is not documented");
        schema["components"] = self.0["components"].clone();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let body = answer.json();
        let faults: Vec<_> = validator.iter_errors(&body).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
        assert!(faults.is_empty(), "{method} {path} {}: {faults:?}\n{body}", answer.status);
        // A member that the schema lacks would be a surprise too.
        if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
            let known = &self.0["components"]["schemas"][name];
            let known = known["properties"].as_object().or_else(|| known["allOf"][1]["properties"].as_object());
            for member in body.as_object().unwrap().keys().filter(|_| name != "MadeKey") {
                assert!(known.is_some_and(|known| known.contains_key(member)), "{name} lacks {member}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_fit_their_schemas() {
    let server = TestServer::start(Script::hops(2)).await;
    let public = Document(send(server.public, "GET /openapi.json HTTP/1.1\r\n", "").await.json());
    assert_eq!(public.0["servers"][0]["url"], format!("http://{}", server.public));
    let agent = server.agent(5_000_000).await;
    let jobs = "/api/v1/enrich/jobs";
    let order = json!({
        "route": "enrich/websearch",
        "payload": {"business_name": "Acme Corp"},
        "callback_url": "https://example.com/hook",
        "metadata": {"order": "7"},
    });
    let accepted = server.post(jobs, &agent, &order.to_string()).await;
    public.fits("post", jobs, &accepted);
    let job = accepted.json()["job_id"].as_str().unwrap().to_owned();
    let one = format!("{jobs}/{job}");
    let template = "/api/v1/enrich/jobs/{job_id}";
    public.fits("get", template, &server.get(&one, &agent).await);
    public.fits("get", template, &server.ended(&job, &agent).await);
    public.fits("get", template, &server.get(&one, "x").await);
    public.fits("post", "/api/v1/enrich/jobs/{job_id}/cancel", &server.post(&format!("{one}/cancel"), &agent, "").await);
    public.fits("post", jobs, &server.post(jobs, &agent, "{").await);
    public.fits("post", jobs, &server.post(jobs, &agent, "{}").await);
    public.fits("post", jobs, &server.post(jobs, "x", &order.to_string()).await);
    for path in [jobs, "/api/v1/agents/me", "/api/v1/agents/balance", "/api/v1/agents/ledger", "/api/v1/agents/usage-keys"] {
        public.fits("get", path, &server.get(path, &agent).await);
        public.fits("get", path, &server.get(path, "x").await);
    }
    for (path, body) in [
        ("/api/v1/enrich/websearch", r#"{"business_name":"Acme Corp"}"#),
        ("/api/v1/enrich/lead-session", r#"{"lead":{"company":"Acme Corp"}}"#),
    ] {
        for (bearer, body) in [(&*agent, "{"), (&*agent, "{}"), ("x", body)] {
            public.fits("post", path, &server.post(path, bearer, body).await);
        }
    }
    let keys = "/api/v1/agents/usage-keys";
    public.fits("post", keys, &server.post(keys, &agent, r#"{"label":"k","spend_cap_usd":1}"#).await);
    for path in ["/healthz", "/readyz"] {
        public.fits("get", path, &send(server.public, &format!("GET {path} HTTP/1.1\r\n"), "").await);
    }

    let admin = Document(server.as_operator("GET", "/openapi.json", "", "").await.json());
    for path in ["/admin/agents", "/admin/jobs", "/admin/deliveries", "/admin/shards", "/admin/audit", "/admin/log"] {
        admin.fits("get", path, &server.as_operator("GET", path, "", "").await);
    }
    admin.fits("get", "/admin/jobs/{id}", &server.as_operator("GET", &format!("/admin/jobs/{job}"), "", "").await);
    admin.fits("post", "/admin/agents", &server.as_operator("POST", "/admin/agents", "", r#"{"label":"acme"}"#).await);
    admin.fits("post", "/admin/agents", &server.as_operator("POST", "/admin/agents", "", "{}").await);
    admin.fits("post", "/admin/drain", &server.as_operator("POST", "/admin/drain", "", "").await);
}
