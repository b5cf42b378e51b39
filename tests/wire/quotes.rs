//! Quotes: what they rest on, that they cost nothing, and that what they rest on survives a restart and a kill.

use std::sync::Arc;
use std::time::Duration;

use enrich_jobs::enrich::Enricher;
use enrich_jobs::enrich::lead_session::{Ask, Experience, GainTable, LeadSession, Want};
use enrich_jobs::enrich::research::Tools;
use enrich_jobs::enrich::vendors::directory::{Directory, DirectorySettings, import};
use enrich_jobs::http::{Limits, Rate};
use enrich_jobs::store::Store;
use enrich_jobs::store::memory::Memory;
use enrich_jobs::types::{AgentId, JobId, Route, ShardId, Usd};
use serde_json::{Value, json};

use crate::support::node::{Script, TestNode, order};
use crate::support::server::{Answer, TestServer, send};

const QUOTE: &str = "/api/v1/enrich/quote";
const JOBS: &str = "/api/v1/enrich/jobs";
const NAME: &str = r#"{"route":"enrich/websearch","payload":{"business_name":"Acme Corp"}}"#;
const PLACE: &str = r#"{"route":"enrich/websearch","payload":{"business_name":"Acme Corp","city":"Tampa"}}"#;
/// Before so many jobs there is no telling.
const JOBS_MIN: usize = 20;

async fn quote(server: &TestServer, body: &str) -> Answer {
    send(server.public, &format!("POST {QUOTE} HTTP/1.1\r\nContent-Type: application/json\r\n"), body).await
}

async fn quoted(server: &TestServer, body: &str) -> Value {
    let answer = quote(server, body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

async fn buy(server: &TestServer, agent: &str, body: &str, count: usize) {
    for _ in 0..count {
        let accepted = server.post(JOBS, agent, body).await;
        assert_eq!(accepted.status, 202, "{}", accepted.text);
        let ended = server.ended(accepted.json()["job_id"].as_str().unwrap(), agent).await.json();
        assert_eq!(ended["charged_usd"], 0.02, "{ended}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quote_is_free_and_from_price_sheets_until_there_are_jobs() {
    let server = TestServer::start(Script::hops(2)).await;
    let agent = server.agent(50_000_000).await;
    let first = quoted(&server, NAME).await;
    assert_eq!(
        first,
        json!({
            "min_usd": 0, "expected_usd": 0.02, "max_usd": 0.02,
            "basis": {
                "expected_from": "price_sheet", "max_from": "plan", "cohort": "name",
                "recent_jobs": {
                    "of": "route", "jobs": 0, "jobs_min": 20, "jobs_max": 1024, "since": null, "until": null,
                    "matched": null, "mean_usd": null, "p50_usd": null, "p90_usd": null,
                },
                "price_sheet": {
                    "minimum_usd": 0, "markup_bps": 0, "budget_usd": null,
                    "tools": [{"tool": "scripted", "cost_usd": 0.01, "calls_max": 2}],
                },
            },
        })
    );
    let keyed = server.post(QUOTE, &agent, NAME).await;
    assert_eq!((keyed.status, keyed.json()), (200, first));
    // A ceiling below the plan is the most.
    let dear = TestServer::start(Script::hops(8)).await;
    let low = quoted(&dear, r#"{"route":"enrich/websearch","payload":{"business_name":"A"},"bill_up_to_usd":0.05}"#).await;
    assert_eq!((&low["expected_usd"], &low["max_usd"], &low["basis"]["max_from"]), (&json!(0.05), &json!(0.05), &json!("bill_up_to_usd")));
    assert_eq!(server.get(JOBS, &agent).await.json()["items"], json!([]), "a quote makes no job");
    assert_eq!(server.get("/api/v1/agents/balance", &agent).await.json(), json!({"virtual_balance_usd": 50, "held_usd": 0}));
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_the_same_kind_first_and_else_all_of_the_route() {
    let server = TestServer::start(Script::hops(2)).await;
    let agent = server.agent(90_000_000).await;
    let lead = r#"{"route":"enrich/lead-session","payload":{"lead":{"company":"Acme Corp"}}}"#;
    buy(&server, &agent, lead, 3).await;
    buy(&server, &agent, NAME, JOBS_MIN - 1).await;
    let recent = |answer: &Value| answer["basis"]["recent_jobs"].clone();
    // Of a few jobs nothing is told but how many they are: what one of them cost is its buyer's business.
    let few = quoted(&server, NAME).await;
    assert_eq!(few["basis"]["expected_from"], "price_sheet");
    assert_eq!((&recent(&few)["jobs"], &recent(&few)["matched"], &recent(&few)["since"]), (&json!(19), &json!(null), &json!(null)));

    buy(&server, &agent, PLACE, 1).await;
    let of_route = recent(&quoted(&server, NAME).await);
    assert_eq!((&of_route["of"], &of_route["jobs"], &of_route["matched"]), (&json!("route"), &json!(20), &json!(20)));
    buy(&server, &agent, NAME, 1).await;
    let of_kind = quoted(&server, NAME).await;
    assert_eq!((&of_kind["expected_usd"], &of_kind["basis"]["expected_from"]), (&json!(0.02), &json!("recent_jobs")));
    let of_kind = recent(&of_kind);
    assert_eq!((&of_kind["of"], &of_kind["jobs"]), (&json!("cohort"), &json!(20)));
    assert_eq!((&of_kind["mean_usd"], &of_kind["p50_usd"], &of_kind["p90_usd"]), (&json!(0.02), &json!(0.02), &json!(0.02)));
    assert!(of_kind["since"].as_str().unwrap() <= of_kind["until"].as_str().unwrap());
    let of_place = recent(&quoted(&server, PLACE).await);
    assert_eq!((&of_place["of"], &of_place["jobs"]), (&json!("route"), &json!(21)));
    assert_eq!(recent(&quoted(&server, lead).await)["jobs"], 3, "routes are told apart");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_matches_count_for_what_is_expected() {
    let nothing = || Ok(enrich_jobs::enrich::Found { matched: false, result: "{}".to_owned() });
    let server = TestServer::start(Script::hops(2).ending(nothing)).await;
    let agent = server.agent(90_000_000).await;
    for _ in 0..JOBS_MIN {
        let job = server.post(JOBS, &agent, NAME).await.json()["job_id"].as_str().unwrap().to_owned();
        assert_eq!(server.ended(&job, &agent).await.json()["charged_usd"], 0);
    }
    let quoted = quoted(&server, NAME).await;
    assert_eq!((&quoted["expected_usd"], &quoted["max_usd"]), (&json!(0), &json!(0.02)));
    assert_eq!(quoted["basis"]["recent_jobs"]["matched"], 0);
}

/// Whatever a submit refuses, a quote refuses alike; and a bearer that opens nothing is none of a buyer's.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_submit_refuses_a_quote_refuses_alike() {
    let server = TestServer::start(Script::hops(2)).await;
    let agent = server.agent(50_000_000).await;
    for body in [
        "",
        "{",
        "[]",
        "{}",
        r#"{"route":"enrich/nothing","payload":{}}"#,
        r#"{"route":"enrich/websearch","payload":{"business_name":""},"bill_up_to_usd":0.01,"x":1}"#,
        r#"{"route":"enrich/websearch","payload":{"business_name":"A"},"bill_up_to_usd":0.0000001}"#,
        r#"{"route":"enrich/websearch","payload":{"business_name":"A"},"bill_up_to_usd":50.01}"#,
        r#"{"route":"enrich/websearch","payload":{"business_name":"A"},"callback_url":"https://10.0.0.1/"}"#,
        r#"{"route":"enrich/lead-session","payload":{"lead":{}},"metadata":{"a":1}}"#,
        r#"{"route":"enrich/lead-session","payload":{"lead":{"company":"A"},"budget_usd":null}}"#,
    ] {
        let of = |path: &str| format!("POST {path} HTTP/1.1\r\nAuthorization: Bearer {agent}\r\nContent-Type: application/json\r\n");
        let [submit, quote] = [send(server.public, &of(JOBS), body).await, send(server.public, &of(QUOTE), body).await];
        let told = |answer: &Answer| {
            let mut problem = answer.json();
            problem["request_id"] = json!("same");
            (answer.status, problem)
        };
        assert!((400..500).contains(&submit.status), "{}", submit.text);
        assert_eq!(told(&quote), told(&submit), "{body}");
    }
    let (_, poll) = server.submit(&agent).await;
    for (bearer, status, code) in [("411_nothing", 401, "INVALID_TOKEN"), (&*poll, 403, "POLL_BEARER_FORBIDDEN")] {
        let refused = server.post(QUOTE, bearer, NAME).await;
        assert_eq!((refused.status, refused.code().as_str()), (status, code));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_quotes_are_told_when_to_come_back() {
    let few = |settings: &mut enrich_jobs::http::Settings| settings.rate_poll = Rate { per_second: 1, burst: 1 };
    let server = TestServer::with(Script::hops(1), few, Limits::default()).await;
    let first = quote(&server, NAME).await;
    assert_eq!((first.status, first.header("ratelimit-policy")), (200, Some("\"poll\";q=1;w=1")));
    let refused = quote(&server, NAME).await;
    assert_eq!((refused.status, refused.code().as_str(), refused.header("retry-after")), (429, "RATE_LIMITED", Some("1")));
}

/// Asks a node as the edge does; everything but what a restart gives anew.
async fn basis(world: &TestNode, payload: &str) -> String {
    format!("{:?}", world.node.quote(Route::Websearch, payload, Usd::from_micros(1_500_000)).await.unwrap())
}

const PAYLOAD: &str = r#"{"business_name":"Acme Corp"}"#;

async fn ordered(world: &TestNode, agents: &[AgentId], count: usize) {
    let jobs = (0..count).map(|number| async move {
        let order = order(agents[number % agents.len()], Usd::from_micros(50_000));
        let id: JobId = world.node.submit(order).await.unwrap().job.spec.id;
        world.ended(id).await
    });
    futures_util::future::join_all(jobs).await;
}

async fn agents(world: &TestNode) -> Vec<AgentId> {
    futures_util::future::join_all((0..6).map(|_| world.agent(Usd::from_micros(90_000_000)))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quote_rests_on_the_same_after_a_restart_and_a_kill() {
    let memory = Memory::new(4);
    let (world, life) = TestNode::mortal(memory.clone(), Script::hops(2)).await;
    let agents = agents(&world).await;
    ordered(&world, &agents, 30).await;
    let before = basis(&world, PAYLOAD).await;
    assert!(before.contains("jobs: 30") && before.contains("Some(Past"), "{before}");
    // Nothing is written first: all is in the journal.
    life.end();

    let world = TestNode::start(memory.clone(), Script::hops(2)).await;
    assert_eq!(basis(&world, PAYLOAD).await, before);
    ordered(&world, &agents, 12).await;
    let before = basis(&world, PAYLOAD).await;
    // In order: all is in rows, and the journal is empty.
    world.abandon().await;
    let world = TestNode::start(memory, Script::hops(2)).await;
    assert_eq!(basis(&world, PAYLOAD).await, before);
    assert!(before.contains("jobs: 42"), "{before}");
}

/// What is too old to count is taken off, here as after a start.
#[tokio::test(flavor = "multi_thread")]
async fn no_more_than_the_last_jobs_of_a_shard_count() {
    const KEPT: u32 = 256;
    let (sessions, memory) = (Sessions::new(), Memory::new(1));
    let (experience, sold) = sessions.sold();
    let (world, life) = TestNode::mortal_selling(memory.clone(), sold).await;
    let agents = agents(&world).await;
    Sessions::run(&world, &agents, 2 * 256 + 30).await;
    let learned = experience.snapshot();
    let (tried, found) = learned.observed(Ask::Directory, Want::Phone);
    assert!(tried == KEPT && (KEPT / 2..KEPT).contains(&found), "{tried} {found}");
    let payload = r#"{"lead":{"company":"Acme Corp"},"mode":"waterfall"}"#;
    let of = async |world: &TestNode| world.node.quote(Route::LeadSession, payload, Usd::from_micros(50_000)).await.unwrap();
    let quoted = of(&world).await;
    assert_eq!((quoted.jobs, quoted.jobs_max), (256, 256));
    life.end();
    let (experience, sold) = sessions.sold();
    let world = TestNode::selling(memory, sold).await;
    assert_eq!(experience.snapshot(), learned);
    assert_eq!(format!("{:?}", of(&world).await), format!("{quoted:?}"));
}

/// A directory's worth of lead sessions, planned by real experience.
struct Sessions {
    _folder: tempfile::TempDir,
    tools: Tools,
}

impl Sessions {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let csv = "name,city,state,phone,website\nAcme Corp,Tampa,FL,+1 813 555 0142,https://acme.example/\n";
        import(csv.as_bytes(), folder.path(), true).unwrap();
        let settings =
            DirectorySettings { dir: folder.path().to_owned(), cost: Usd::from_micros(10_000), timeout: Duration::from_secs(10) };
        let tools = Tools { directory: Some(Directory::new(settings)), ..Tools::default() };
        Self { _folder: folder, tools }
    }

    fn sold(&self) -> (Experience, Vec<Arc<dyn Enricher>>) {
        let experience = Experience::default();
        (experience.clone(), vec![Arc::new(LeadSession::new(self.tools.clone(), experience))])
    }

    async fn run(world: &TestNode, agents: &[AgentId], count: usize) {
        let jobs = (0..count).map(|number| async move {
            // Every third is unknown to the directory.
            let company = if number % 3 == 0 { "Nobody Ltd" } else { "Acme Corp" };
            let payload = json!({"lead": {"company": company, "city": "Tampa", "state": "FL"}, "mode": "waterfall"});
            let mut order = order(agents[number % agents.len()], Usd::from_micros(50_000));
            (order.route, order.payload) = (Route::LeadSession, payload.to_string().into());
            let id = world.node.submit(order).await.unwrap().job.spec.id;
            world.ended(id).await
        });
        futures_util::future::join_all(jobs).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_sessions_have_learned_is_known_after_a_restart_and_a_kill() {
    let (sessions, memory) = (Sessions::new(), Memory::new(4));
    let (experience, sold) = sessions.sold();
    let (world, life) = TestNode::mortal_selling(memory.clone(), sold).await;
    let agents = agents(&world).await;
    Sessions::run(&world, &agents, 24).await;
    let learned = experience.snapshot();
    assert_eq!(learned.observed(Ask::Directory, Want::Phone), (24, 16));
    assert_ne!(learned.chance(Ask::Directory, Want::Phone), GainTable::default().chance(Ask::Directory, Want::Phone));
    life.end();

    let (experience, sold) = sessions.sold();
    assert_eq!(experience.snapshot(), GainTable::default());
    let world = TestNode::selling(memory.clone(), sold).await;
    assert_eq!(experience.snapshot(), learned);
    // A shard that is loaded again under way teaches nothing twice.
    for shard in 0..4 {
        let taken = memory.acquire(ShardId(shard)).await.unwrap();
        let ready = async {
            loop {
                // Any write finds out.
                futures_util::future::join_all(agents.iter().map(|agent| world.node.rotate_token(*agent))).await;
                let shards = world.node.shards().await.unwrap();
                if shards.iter().all(|status| status.ready) && shards[usize::from(shard)].epoch > taken.0 {
                    break;
                }
                let agent = world.node.create_agent("another".into(), Usd::from_micros(1), None).await;
                drop(agent);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), ready).await.expect("the shard is loaded again");
    }
    assert_eq!(experience.snapshot(), learned);
    Sessions::run(&world, &agents, 6).await;
    let learned = experience.snapshot();
    assert_eq!(learned.observed(Ask::Directory, Want::Phone), (30, 20));
    world.abandon().await;

    let (experience, sold) = sessions.sold();
    let _world = TestNode::selling(memory, sold).await;
    assert_eq!(experience.snapshot(), learned);
}
