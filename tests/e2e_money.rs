//! The money rules, over the wire against the real binary, to the micro-dollar.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use reqwest::Method;
use serde_json::json;
use support::api::{Api, Reply};
use support::binary::{Server, Setup};
use support::money::{Bill, amount};

const JOBS: &str = "/api/v1/enrich/jobs";

struct World {
    api: Api,
    setup: Setup,
    server: Server,
    _folder: tempfile::TempDir,
}

impl World {
    /// A server whose one vendor matches everything, for a tenth of a cent, after so many milliseconds.
    async fn start(vendor_ms: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let setup = Setup::new(folder.path()).with("VENDOR_NOOP", "true").with("VENDOR_NOOP_COST_USD", "0.001");
        let setup = setup.with("VENDOR_NOOP_DELAY_MS", vendor_ms);
        let server = setup.start().await;
        Self { api: Api::of(&server), setup, server, _folder: folder }
    }
}

fn order(ceiling: &str) -> String {
    format!(r#"{{"route":"enrich/websearch","payload":{{"business_name":"Acme Corp"}},"bill_up_to_usd":{ceiling}}}"#)
}

fn id_of(reply: &Reply) -> String {
    reply.json()["job_id"].as_str().unwrap().to_owned()
}

/// CP-04, I-2, I-3: two hundred at once under one key are one job and one hold, whichever of them is first; the same key with
/// another body is refused, and another agent's same key is another job.
#[tokio::test(flavor = "multi_thread")]
async fn one_key_is_one_job_and_one_hold() {
    let world = Arc::new(World::start("600000").await);
    let (agent, other) = (world.api.agent(400_000_000).await, world.api.agent(2_000_000).await);
    let submits = (0..200).map(|_| {
        let (world, bearer) = (Arc::clone(&world), agent.bearer.clone());
        tokio::spawn(async move { world.api.submit(&bearer, Some("the-one"), &order("1.25")).await.unwrap() })
    });
    let (mut bodies, mut fresh) = (BTreeSet::new(), 0);
    for reply in futures_util::future::join_all(submits).await {
        let reply = reply.unwrap().expect(202);
        fresh += u32::from(!reply.headers.contains_key("idempotency-replayed"));
        bodies.insert(reply.text());
    }
    assert_eq!((bodies.len(), fresh), (1, 1), "one first answer, and the others are it again");
    assert_eq!(world.api.balance(&agent).await, (400_000_000 - 1_250_000, 1_250_000));
    assert_eq!(world.api.list(&agent).await.len(), 1);

    let reused = world.api.submit(&agent.bearer, Some("the-one"), &order("1.26")).await.unwrap().expect(422);
    assert_eq!(reused.code(), "IDEMPOTENCY_KEY_REUSED");
    world.api.submit(&other.bearer, Some("the-one"), &order("1.25")).await.unwrap().expect(202);
    assert_eq!(world.api.balance(&other).await, (750_000, 1_250_000));

    // The holds that fit are taken, and not one more: without a key each is a job of its own.
    let wanted = order("0.375");
    let greedy = (0..3).map(|_| world.api.submit(&other.bearer, None, &wanted));
    let statuses: Vec<_> = futures_util::future::join_all(greedy).await.into_iter().map(|reply| reply.unwrap().status.as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 202).count(), 2, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 402).count(), 1, "{statuses:?}");
    assert_eq!(world.api.balance(&other).await, (0, 2_000_000));
    world.setup.audit().await;
}

/// T-46, N1-N3: what is an amount is taken exactly, what is none is refused with its place, and nothing is rounded.
#[tokio::test(flavor = "multi_thread")]
async fn amounts_are_exact_or_refused() {
    let world = World::start("600000").await;
    let agent = world.api.agent(1_000_000_000).await;
    let mut held = 0;
    let taken = [
        ("\"0.05\"", 50_000),
        ("5e-2", 50_000),
        ("0.050001", 50_001),
        ("0.0500010000", 50_001),
        ("1.5", 1_500_000),
        ("15E-1", 1_500_000),
        ("\"1.234567\"", 1_234_567),
        ("0.3", 300_000),
        ("4.000001e1", 40_000_010),
        ("50.000000", 50_000_000),
        ("5e1", 50_000_000),
    ];
    for (lexeme, micros) in taken {
        let accepted = world.api.submit(&agent.bearer, None, &order(lexeme)).await.unwrap().expect(202);
        held += micros;
        assert_eq!(amount(&accepted.body, "bill_up_to_usd"), micros, "{lexeme}");
        let poll = world.api.poll(&id_of(&accepted), &agent.bearer).await.unwrap().expect(200);
        assert_eq!(Bill::of_poll(&poll.body).ceiling, micros, "{lexeme}");
        assert_eq!(world.api.balance(&agent).await, (1_000_000_000 - held, held), "{lexeme}");
    }
    let refused = [
        "1e400",
        "-0",
        "-1",
        "-0.05",
        "1e-7",
        "0.0000001",
        "0.30000000000000004",
        "0.0500001",
        "null",
        "9007199254740993",
        "9223372036854775808",
        "1e999999999",
        "1e-999999999",
        "1e-05",
        "0",
        "0.049999",
        "50.000001",
        "true",
        "[]",
        "{}",
        "\"\"",
        "\"1e\"",
        "\" 1\"",
        "\"NaN\"",
        "\"Infinity\"",
        "\"0x10\"",
        "\"1,5\"",
    ];
    for lexeme in refused {
        let refusal = world.api.submit(&agent.bearer, None, &order(lexeme)).await.unwrap();
        assert_eq!((refusal.status.as_u16(), refusal.code().as_str()), (422, "VALIDATION_FAILED"), "{lexeme}: {}", refusal.text());
        assert_eq!(refusal.json()["errors"][0]["pointer"], "/bill_up_to_usd", "{lexeme}");
    }
    let twice = order("1").replacen('{', "{\"bill_up_to_usd\":1,", 1);
    for body in [order("NaN"), order("Infinity"), order("01"), order("1."), order(".5"), order("+1"), order("0x10"), order("1e"), twice] {
        let refusal = world.api.submit(&agent.bearer, None, &body).await.unwrap();
        assert_eq!((refusal.status.as_u16(), refusal.code().as_str()), (400, "INVALID_JSON"), "{body}: {}", refusal.text());
    }
    assert_eq!(world.api.balance(&agent).await, (1_000_000_000 - held, held), "what was refused moved nothing");
    world.setup.audit().await;
}

/// T-46: the smallest amounts, where an operator credits them: ten micro-dollars are ten, and a repeat is none.
#[tokio::test(flavor = "multi_thread")]
async fn credits_are_exact_and_booked_once() {
    let world = World::start("0").await;
    let agent = world.api.agent(0).await;
    let path = format!("/admin/agents/{}/credit", agent.id);
    let credit = async |key: &str, lexeme: &str| {
        let body = format!(r#"{{"amount_usd":{lexeme},"reason":"test"}}"#);
        world.api.admin(Method::POST, &path, &[("idempotency-key", key)], Some(body)).await.unwrap()
    };
    let mut sum = 0;
    for (key, lexeme, micros) in
        [("a", "1e-05", 10), ("b", "0.000001", 1), ("c", "\"0.1\"", 100_000), ("d", "0.2", 200_000), ("e", "1E0", 1_000_000)]
    {
        for _ in 0..2 {
            credit(key, lexeme).await.expect(200);
        }
        sum += micros;
        assert_eq!(world.api.balance(&agent).await, (sum, 0), "{lexeme}");
    }
    for lexeme in ["1e-07", "0.30000000000000004", "-1", "0", "1e400", "9007199254740993", "null"] {
        credit("z", lexeme).await.expect(422);
    }
    assert_eq!(world.api.balance(&agent).await, (sum, 0));
    // What is there is spent to the last micro-dollar, and what is left over comes back.
    let accepted = world.api.submit(&agent.bearer, None, &order("1.300011")).await.unwrap().expect(202);
    let end = world.api.ended(&id_of(&accepted), &agent.bearer).await;
    let bill = Bill::of_poll(&end.body);
    assert_eq!((bill.charged, bill.refunded, bill.cost()), (Some(1_000), Some(1_299_011), 1_000));
    assert_eq!(world.api.balance(&agent).await, (1_299_011, 0));
    world.setup.audit().await;
}

/// T-22: whoever may not see a job can't tell it from one that isn't there: not by the status, not by the headers, not by the body.
#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_seen_is_not_there() {
    let world = World::start("0").await;
    let (owner, stranger) = (world.api.agent(9_000_000).await, world.api.agent(9_000_000).await);
    let submitted = world.api.submit(&owner.bearer, None, &order("1")).await.unwrap().expect(202).json();
    let job = submitted["job_id"].as_str().unwrap();
    let poll_bearer = submitted["poll_bearer"].as_str().unwrap();
    let others = world.api.submit(&stranger.bearer, None, &order("1")).await.unwrap().expect(202).json();
    world.api.ended(job, poll_bearer).await;
    let key = json!({"label": "somebody's"}).to_string();
    let url = format!("{}/api/v1/agents/usage-keys", world.server.public);
    let made = world.api.call(Method::POST, url, &owner.bearer, &[], Some(key)).await.unwrap().expect(201).json();

    let unknown_in_slot = altered(job);
    let (wrong_poll, wrong_token) = (altered(poll_bearer), altered(&owner.bearer));
    let unseen: Vec<(&str, &str, &str)> = vec![
        ("another agent's", job, &stranger.bearer),
        ("another job's poll bearer", job, others["poll_bearer"].as_str().unwrap()),
        ("a wrong poll bearer", job, &wrong_poll),
        ("a wrong token", job, &wrong_token),
        ("a key that submitted other jobs", job, made["bearer"].as_str().unwrap()),
        ("no token at all by its form", job, "nonsense"),
        ("an unknown job, its agent", &unknown_in_slot, &owner.bearer),
        ("an unknown job, another agent", &unknown_in_slot, &stranger.bearer),
        ("an unknown job, a known poll bearer", &unknown_in_slot, poll_bearer),
        ("an unknown job, a wrong token", &unknown_in_slot, &wrong_token),
        ("no job id by its form", "ej_nonsense", &owner.bearer),
    ];
    let mut seen = BTreeMap::new();
    for path in ["", "/events", "/cancel"] {
        for (who, job, bearer) in &unseen {
            let method = if path == "/cancel" { Method::POST } else { Method::GET };
            let url = format!("{}{JOBS}/{job}{path}", world.server.public);
            let reply = world.api.call(method, url, bearer, &[("x-request-id", "probe")], None).await.unwrap();
            assert_eq!((reply.status.as_u16(), reply.code().as_str()), (404, "JOB_NOT_FOUND"), "{who}: {}", reply.text());
            seen.entry(face(&reply)).or_insert_with(Vec::new).push(format!("{who} {path}"));
        }
    }
    assert_eq!(seen.len(), 1, "these can be told apart: {seen:#?}");
    // And who may see it does.
    for bearer in [poll_bearer, &owner.bearer] {
        world.api.poll(job, bearer).await.unwrap().expect(200);
    }
}

/// The same text with another last character but one, of the same alphabet.
fn altered(text: &str) -> String {
    let at = text.len() - 2;
    let other = if &text[at..=at] == "7" { "8" } else { "7" };
    format!("{}{other}{}", &text[..at], &text[at + 1..])
}

/// Everything of an answer but the time.
fn face(reply: &Reply) -> String {
    let mut headers = reply.headers.clone();
    headers.remove("date");
    format!("{} {headers:?} {}", reply.status, reply.text())
}
