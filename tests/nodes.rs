//! Several nodes on one Redis: who holds what, and what happens when one goes, dies or is cut off.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends at what it doesn't expect")]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use enrich_jobs::actors::{Node, Place};
use enrich_jobs::http::Limits;
use enrich_jobs::job::Status;
use enrich_jobs::store::redis::Settings;
use enrich_jobs::store::sealed::Keys;
use enrich_jobs::store::{Redis, Sealed, Store};
use enrich_jobs::types::{AgentId, Route, Slot, Usd};
use secrecy::SecretBox;
use tokio::time::Instant;

use support::node::{Life, Script, TestNode, order};
use support::redis::RedisServer;
use support::server::{TestServer, listener, send};

const SHARDS: u16 = 8;
const LEASE: Duration = Duration::from_millis(1_500);

/// Sealed, as what nodes write again after a failover has to open as well as what they wrote first.
async fn open(settings: &Settings) -> Arc<dyn Store> {
    let store = Redis::open(settings, "the store").await.unwrap();
    let keys = Keys::new(&[Some(SecretBox::new(Box::new([7; 32])))]).unwrap();
    let id = store.id().to_owned();
    Arc::new(Sealed::new(Arc::new(store), &id, keys))
}

async fn start(server: &RedisServer, name: &str, script: Script) -> TestNode {
    let store = open(&server.settings_of(name, SHARDS)).await;
    TestNode::paid(store, script, 16, Vec::new()).await
}

/// A node that can be killed.
async fn mortal(server: &RedisServer, name: &str, script: Script) -> (TestNode, Life) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let settings = server.settings_of(name, SHARDS);
    let starting = runtime.spawn(async move {
        let store = open(&settings).await;
        TestNode::paid(store, script, 16, Vec::new()).await
    });
    (starting.await.unwrap(), Life::of(runtime))
}

/// Which shards a node answers for, by the first slot of each.
fn held(node: &Node) -> Vec<u16> {
    (0..SHARDS).filter(|shard| node.place(slot_of(*shard)) == Place::Here).collect()
}

fn slot_of(shard: u16) -> Slot {
    (0..=u16::MAX).map(Slot).find(|slot| slot.shard(SHARDS).0 == shard).unwrap()
}

async fn until(what: &str, patience: Duration, mut holds: impl FnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < patience, "not in {patience:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    began.elapsed()
}

/// Every shard is held once, and nobody has more than its share.
fn is_even(nodes: &[&TestNode]) -> bool {
    let mut holders = BTreeMap::<u16, u32>::new();
    for node in nodes {
        for shard in held(&node.node) {
            *holders.entry(shard).or_default() += 1;
        }
    }
    let most = usize::from(SHARDS).div_ceil(nodes.len());
    holders.len() == usize::from(SHARDS)
        && holders.values().all(|count| *count == 1)
        && nodes.iter().all(|node| held(&node.node).len() <= most)
}

/// An agent in a shard that the node holds.
async fn agent_at(node: &TestNode) -> AgentId {
    for _ in 0..200 {
        if let Ok(made) = node.node.create_agent("tester".into(), Usd::from_micros(10_000_000), None).await {
            return made.agent.id;
        }
    }
    panic!("no agent can be made");
}

/// A whole server, in a life of its own.
async fn serve(redis: &RedisServer, name: &str, script: Script) -> (TestServer, Life) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (socket, name) = (runtime.spawn(listener()).await.unwrap(), name.to_owned());
    let settings = redis.settings_at(&name, &format!("http://{}", socket.local_addr().unwrap()), SHARDS);
    let starting = runtime.spawn(async move {
        let store = open(&settings).await;
        TestServer::at(socket, TestNode::shared(store, script).await, |_| {}, Limits::default()).await
    });
    (starting.await.unwrap(), Life::of(runtime))
}

/// Any node answers anything, whoever holds what it is about.
#[tokio::test(flavor = "multi_thread")]
async fn any_node_answers_anything() {
    let redis = RedisServer::start(&[]);
    let mut servers = Vec::new();
    for name in ["one", "two", "three"] {
        servers.push(serve(&redis, name, Script::hops(2)).await);
    }
    let nodes: Vec<&TestNode> = servers.iter().map(|(server, _)| &server.node).collect();
    until("three nodes share", LEASE * 2, || is_even(&nodes)).await;
    let servers: Vec<&TestServer> = servers.iter().map(|(server, _)| server).collect();
    // Wherever the agents are, every node takes their orders, tells of them, and shows them to operators.
    for round in 0..6 {
        let bearer = servers[round % 3].agent(10_000_000).await;
        let mut jobs = Vec::new();
        for server in &servers {
            jobs.push(server.submit(&bearer).await);
        }
        for (job, poll) in &jobs {
            for server in &servers {
                let ended = server.ended(job, poll).await;
                assert_eq!(ended.json()["status"], "completed", "{}", ended.text);
                assert_eq!(server.get(&format!("/api/v1/enrich/jobs/{job}"), &bearer).await.status, 200);
                assert_eq!(server.get(&format!("/api/v1/enrich/jobs/{job}"), "411j_wrong").await.status, 404);
            }
        }
        for server in &servers {
            let balance = server.get("/api/v1/agents/balance", &bearer).await;
            assert_eq!((balance.status, &balance.json()["virtual_balance_usd"]), (200, &serde_json::json!(9.94)), "{}", balance.text);
            let listed = server.get("/api/v1/enrich/jobs", &bearer).await.json();
            assert_eq!(listed["items"].as_array().unwrap().len(), 3, "{listed}");
            let seen = server.as_operator("GET", "/admin/jobs?limit=200", "", "").await.json();
            assert_eq!(seen["items"].as_array().unwrap().len(), (round + 1) * 3, "{seen}");
            assert_eq!(server.get("/api/v1/agents/me", "411_nonsense").await.status, 401);
        }
    }
    // A key is one key on every node.
    let bearer = servers[0].agent(10_000_000).await;
    let body = r#"{"route":"enrich/websearch","payload":{"business_name":"Acme Corp"}}"#;
    let mut made = Vec::new();
    for server in &servers {
        let head = format!(
            "POST /api/v1/enrich/jobs HTTP/1.1\r\nAuthorization: Bearer {bearer}\r\nContent-Type: application/json\r\nIdempotency-Key: one\r\n"
        );
        let answer = send(server.public, &head, body).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
        made.push(answer.json()["job_id"].clone());
    }
    assert!(made.iter().all(|job| *job == made[0]), "{made:?}");
    // A stream of a job through a node that doesn't hold it.
    for server in &servers {
        let (job, poll) = servers[0].submit(&bearer).await;
        let stream = server.get(&format!("/api/v1/enrich/jobs/{job}/events"), &poll).await;
        assert!(stream.text.contains("event: done"), "{}", stream.text);
    }
    // Strangers can't ask what nodes ask.
    let head = "POST /internal/ask HTTP/1.1\r\nX-Enrich-Node: 00\r\n";
    assert_eq!(send(servers[0].public, head, "").await.status, 404);
    let findings = servers[1].node.node.audit().await.unwrap();
    assert!(findings.is_ok(), "{:?}", findings.broken);
}

/// A quote rests on the jobs of all nodes, whichever is asked; and a node that gave a shard up has no jobs of it any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_quote_rests_on_the_jobs_of_all_nodes() {
    let redis = RedisServer::start(&[]);
    let (one, _alive) = serve(&redis, "one", Script::hops(2)).await;
    for _ in 0..24 {
        let bearer = one.agent(10_000_000).await;
        let (job, poll) = one.submit(&bearer).await;
        one.ended(&job, &poll).await;
    }
    let (two, _life) = serve(&redis, "two", Script::hops(2)).await;
    until("two nodes share", LEASE * 2, || is_even(&[&one.node, &two.node])).await;
    for server in [&one, &two] {
        let quoted = server.node.node.quote(Route::Websearch, r#"{"business_name":"Acme Corp"}"#, Usd::from_micros(500_000)).await.unwrap();
        assert_eq!(quoted.jobs, 24);
    }
}

/// Jobs under way on a node that dies, with clients at the others.
#[tokio::test(flavor = "multi_thread")]
async fn clients_of_other_nodes_hardly_notice_a_death() {
    let redis = RedisServer::start(&[]);
    let (one, life) = serve(&redis, "one", Script::hops(2).then_waits()).await;
    let (two, _alive) = serve(&redis, "two", Script::hops(2)).await;
    until("two nodes share", LEASE * 2, || is_even(&[&one.node, &two.node])).await;
    let mut jobs = Vec::new();
    for _ in 0..12 {
        let bearer = two.agent(10_000_000).await;
        jobs.push((two.submit(&bearer).await, bearer));
    }
    life.end();
    for ((job, poll), bearer) in &jobs {
        let patience = Instant::now() + Duration::from_secs(20);
        loop {
            let answer = two.get(&format!("/api/v1/enrich/jobs/{job}"), poll).await;
            assert!([200, 503].contains(&answer.status), "{}", answer.text);
            if answer.status == 200 && answer.json()["status"] == "completed" {
                assert_eq!(answer.json()["charged_usd"], serde_json::json!(0.02), "{}", answer.text);
                break;
            }
            assert!(Instant::now() < patience, "{}", answer.text);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(two.get("/api/v1/agents/balance", bearer).await.json()["virtual_balance_usd"], serde_json::json!(9.98));
    }
    let findings = two.node.node.audit().await.unwrap();
    assert!(findings.is_ok(), "{:?}", findings.broken);
}

#[tokio::test(flavor = "multi_thread")]
async fn shards_spread_over_nodes_that_come_and_go() {
    let server = RedisServer::start(&[]);
    let one = start(&server, "one", Script::hops(1)).await;
    assert_eq!(held(&one.node).len(), usize::from(SHARDS));
    let two = start(&server, "two", Script::hops(1)).await;
    until("two nodes share", LEASE * 2, || is_even(&[&one, &two])).await;
    let three = start(&server, "three", Script::hops(1)).await;
    until("three nodes share", LEASE * 2, || is_even(&[&one, &two, &three])).await;
    until("what others hold is no trouble", LEASE, || one.node.not_ready().is_empty()).await;
    // Everybody knows where everything is.
    let elsewhere = held(&two.node)[0];
    until("the others see it", LEASE, || matches!(one.node.place(slot_of(elsewhere)), Place::At(peer) if peer.id.0 == "two")).await;
    // Gone in order: the others have it all again within a second.
    two.node.shutdown().await;
    let took = until("two others take over", Duration::from_secs(1), || is_even(&[&one, &three])).await;
    println!("taken over {took:?} after it left");
}

/// CP-24, F-N1: a node that dies in the middle of its jobs; another takes each up after its last recorded hop.
#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_a_node_that_dies_go_on_elsewhere() {
    let server = RedisServer::start(&[]);
    let (doomed, life) = mortal(&server, "doomed", Script::hops(3).then_waits()).await;
    let agent = agent_at(&doomed).await;
    let mut jobs = Vec::new();
    for _ in 0..10 {
        jobs.push(doomed.node.submit(order(agent, Usd::from_micros(500_000))).await.unwrap().job.spec.id);
    }
    for job in &jobs {
        doomed.until(*job, |job| job.hops.len() == 3).await;
    }
    life.end();
    let heir = start(&server, "heir", Script::hops(3)).await;
    let took = until("the lease runs out", LEASE * 2, || held(&heir.node).len() == usize::from(SHARDS)).await;
    println!("taken over {took:?} after the start of the heir");
    for job in &jobs {
        let ended = heir.ended(*job).await;
        assert_eq!((ended.state.status, ended.state.bill.unwrap().charged), (Status::Completed, Usd::from_micros(30_000)));
    }
    assert_eq!(heir.script.calls(), 0, "recorded hops are not paid for again");
    let agent = heir.node.agent(agent).await.unwrap();
    assert_eq!((agent.available, agent.held), (Usd::from_micros(10_000_000 - 300_000), Usd::ZERO));
    let findings = heir.node.audit().await.unwrap();
    assert!(findings.is_ok(), "{:?}", findings.broken);
}

/// The same node comes back: its own leases don't hold it up.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_comes_back_waits_for_nobody() {
    let server = RedisServer::start(&[]);
    let (first, life) = mortal(&server, "one", Script::hops(1)).await;
    let agent = agent_at(&first).await;
    life.end();
    let began = Instant::now();
    let second = start(&server, "one", Script::hops(1)).await;
    assert_eq!(held(&second.node).len(), usize::from(SHARDS));
    assert!(began.elapsed() < LEASE, "{:?}", began.elapsed());
    let job = second.node.submit(order(agent, Usd::from_micros(500_000))).await.unwrap().job.spec.id;
    assert_eq!(second.ended(job).await.state.status, Status::Completed);
}

/// F-R5, RS1: a failover forgets what was acknowledged. Whoever acknowledged it writes it again.
#[tokio::test(flavor = "multi_thread")]
async fn f_r5_what_a_failover_forgets_is_written_again() {
    let mut redis = RedisServer::start(&[]);
    let node = start(&redis, "one", Script::hops(2)).await;
    let agent = agent_at(&node).await;
    let first = node.node.submit(order(agent, Usd::from_micros(500_000))).await.unwrap().job.spec.id;
    node.ended(first).await;
    let copy = redis.copy();
    let mut jobs = vec![first];
    for _ in 0..20 {
        jobs.push(node.node.submit(order(agent, Usd::from_micros(100_000))).await.unwrap().job.spec.id);
    }
    for job in &jobs {
        node.ended(*job).await;
    }
    tokio::task::block_in_place(|| redis.roll_back(&copy));
    // The next write shows what is missing.
    jobs.push(node.submit_until_accepted(order(agent, Usd::from_micros(100_000))).await);
    for job in &jobs {
        let ended = node.ended(*job).await;
        assert_eq!((ended.state.status, ended.state.bill.unwrap().charged), (Status::Completed, Usd::from_micros(20_000)));
    }
    let spent = i64::try_from(jobs.len()).unwrap() * 20_000;
    assert_eq!(node.node.agent(agent).await.unwrap().available, Usd::from_micros(10_000_000 - spent));
    let findings = node.node.audit().await.unwrap();
    assert!(findings.is_ok(), "{:?}", findings.broken);
    // What this node forgets of it is in Redis again, so another one finds it all.
    node.node.shutdown().await;
    let heir = start(&redis, "two", Script::hops(2)).await;
    for job in &jobs {
        assert_eq!(heir.ended(*job).await.state.status, Status::Completed);
    }
}

/// F-R5: where no node has what was acknowledged, the shard waits for one that has it, or for an operator; and the loss is named.
#[tokio::test(flavor = "multi_thread")]
async fn f_r5_what_nobody_has_is_never_lost_silently() {
    let mut redis = RedisServer::start(&[]);
    let (one, life) = serve(&redis, "one", Script::hops(1)).await;
    let (two, _alive) = serve(&redis, "two", Script::hops(1)).await;
    until("two nodes share", LEASE * 2, || is_even(&[&one.node, &two.node])).await;
    let copy = redis.copy();
    let mut bearers = Vec::new();
    for _ in 0..16 {
        let bearer = two.agent(10_000_000).await;
        let (job, poll) = two.submit(&bearer).await;
        two.ended(&job, &poll).await;
        bearers.push(bearer);
    }
    // Long enough that each has heard of what the other had acknowledged.
    tokio::time::sleep(LEASE).await;
    let ones = held(&one.node.node);
    life.end();
    tokio::task::block_in_place(|| redis.roll_back(&copy));
    // The first node and its disk are gone: the other one knows that something is missing, and doesn't have it.
    let is_frozen = || two.node.node.not_ready().iter().any(|reason| reason.contains("were acknowledged and are gone"));
    until("a shard of the dead node is kept back", LEASE * 6, is_frozen).await;
    // Kept back, but not held: a node that comes back with what is missing can take it at once.
    let spare = Redis::open(&redis.settings_of("spare", SHARDS), "the store").await.unwrap();
    let mut free = 0;
    for _ in 0..50 {
        let holders = spare.leases().unwrap().holders().await.unwrap();
        free += holders.iter().filter(|holder| holder.is_none()).count();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(free > 0, "a shard that can't be loaded is held all the same");
    for _ in 0..100 {
        let frozen: Vec<u16> = ones.iter().copied().filter(|shard| two.node.node.place(slot_of(*shard)) != Place::Here).collect();
        if frozen.is_empty() {
            break;
        }
        for shard in frozen {
            let path = format!("/admin/shards/{shard}/accept-loss");
            let answer = two.as_operator("POST", &path, "", r#"{"reason":"the disk of node one is gone"}"#).await;
            assert!([200, 404].contains(&answer.status), "{}", answer.text);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    until("all shards are back", LEASE * 4, || held(&two.node.node).len() == usize::from(SHARDS)).await;
    let logged = || async { two.as_operator("GET", "/admin/log?limit=200", "", "").await.text };
    let patience = Instant::now() + Duration::from_secs(10);
    while !logged().await.contains("the disk of node one is gone") {
        assert!(Instant::now() < patience, "{}", logged().await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // What the living node had acknowledged is all there.
    let known = futures_util::future::join_all(bearers.iter().map(|bearer| two.get("/api/v1/agents/me", bearer))).await;
    let there = known.iter().filter(|answer| answer.status == 200).count();
    assert!(there > 0 && there < bearers.len(), "{there} of {}", bearers.len());
    let findings = two.node.node.audit().await.unwrap();
    assert!(findings.is_ok(), "{:?}", findings.broken);
}
