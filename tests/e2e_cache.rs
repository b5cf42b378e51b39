//! What is kept of vendors' answers, over the wire against the real binary, before websites that count who asks them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::api::{Agent, Api};
use support::binary::{Server, Setup};
use support::money::Bill;
use support::vendor::{Business, Mood, Vendor};

/// What a query to the directory and a page cost by default.
const DIRECTORY: i64 = 10_000;
const PAGE: i64 = 5_000;
/// What each agent has: room for many holds.
const CREDIT: i64 = 100_000_000;

struct World {
    api: Api,
    vendor: Vendor,
    setup: Setup,
    server: Server,
    one: Agent,
    other: Agent,
    _folder: tempfile::TempDir,
}

/// An ended job: its poll, and its bill.
struct Ended {
    poll: Value,
    bill: Bill,
}

impl World {
    async fn start(settings: &[(&str, &str)], businesses: &[Business]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let setup = settings.iter().fold(Setup::new(folder.path()), |setup, (name, value)| setup.with(name, value));
        let vendor = Vendor::start().await;
        vendor.directory(&setup.directory(), businesses);
        let server = setup.start().await;
        let api = Api::of(&server);
        let (one, other) = (api.agent(CREDIT).await, api.agent(CREDIT).await);
        Self { api, vendor, setup, server, one, other, _folder: folder }
    }

    /// Submits, and gives the job's id.
    async fn submit(&self, agent: &Agent, payload: &Value) -> String {
        let order = json!({"route": "enrich/websearch", "payload": payload});
        let job = self.api.submit(&agent.bearer, None, &order.to_string()).await.unwrap().expect(202).json();
        job["job_id"].as_str().unwrap().to_owned()
    }

    async fn buy(&self, agent: &Agent, payload: &Value) -> Ended {
        self.end(agent, &self.submit(agent, payload).await).await
    }

    async fn end(&self, agent: &Agent, job: &str) -> Ended {
        let reply = self.api.ended(job, &agent.bearer).await;
        Ended { bill: Bill::of_poll(&reply.body), poll: reply.json() }
    }

    /// How many pages were asked for.
    fn pages(&self) -> u32 {
        self.vendor.requests().values().sum()
    }
}

impl Ended {
    /// Whether it was a hit, what each hop cost, how often each vendor was called, and what was charged.
    fn told(&self) -> (bool, Vec<i64>, Vec<u64>, Option<i64>) {
        let calls = self.poll["costs"].as_array().unwrap().iter().map(|cost| cost["calls"].as_u64().unwrap()).collect();
        (self.poll["result"]["cache_hit"].as_bool().unwrap(), self.bill.hops.clone(), calls, self.bill.charged)
    }
}

/// Neither the way it is written nor who asks makes another question of it; each website is asked once.
#[tokio::test(flavor = "multi_thread")]
async fn the_second_of_two_equal_searches_costs_nothing() {
    let world = World::start(&[("ENRICH_CACHE_SECONDS", "600")], &[]).await;
    let first = world.buy(&world.one, &json!({"business_name": "Acme Corp", "city": "Tampa", "state": "FL"})).await;
    assert_eq!(first.told(), (false, vec![DIRECTORY, PAGE], vec![1, 1], Some(DIRECTORY + PAGE)), "{:#}", first.poll);
    let asked = world.pages();
    let again = json!({"business_name": " ACME  corporation", "city": "TAMPA", "state": "Florida"});
    let second = world.buy(&world.other, &again).await;
    assert_eq!(second.told(), (true, vec![0, 0], vec![0, 0], Some(0)), "{:#}", second.poll);
    assert_eq!(second.poll["result"]["business"], first.poll["result"]["business"]);
    assert_eq!(second.poll["result"]["sources"], first.poll["result"]["sources"], "with the time at which they were really read");
    assert_eq!((world.pages(), second.poll["result"]["billed"].clone()), (asked, json!(false)));
    assert!(world.vendor.requests().values().all(|times| *times == 1));

    // Only a part of it is known: that part is free, the rest has its price, and it is no hit.
    let wider = world.buy(&world.other, &json!({"business_name": "Acme Corp", "city": "Tampa", "state": "FL", "max_results": 4})).await;
    assert_eq!(wider.told(), (false, vec![DIRECTORY, 0], vec![1, 0], Some(DIRECTORY)), "{:#}", wider.poll);

    // Who wants it fresh pays for that, and what is kept is fresh from then on.
    let refresh = json!({"business_name": "Acme Corp", "city": "Tampa", "state": "FL", "refresh": true});
    let fresh = world.buy(&world.other, &refresh).await;
    assert_eq!(fresh.told(), (false, vec![DIRECTORY, PAGE], vec![1, 1], Some(DIRECTORY + PAGE)), "{:#}", fresh.poll);
    assert_eq!(world.pages(), asked + 1);
    let after = world.buy(&world.one, &again).await;
    assert_eq!((after.told().0, after.poll["result"]["sources"].clone()), (true, fresh.poll["result"]["sources"].clone()));

    // Nothing that fits is an answer too.
    let nobody = json!({"business_name": "Unheard Of Enterprises", "city": "Tampa"});
    assert_eq!(world.buy(&world.one, &nobody).await.told(), (false, vec![DIRECTORY], vec![1], Some(0)));
    let none = world.buy(&world.other, &nobody).await;
    assert_eq!((none.told(), none.poll["result"]["matched"].clone()), ((true, vec![0], vec![0], Some(0)), json!(false)));

    let metrics = world.api.admin(reqwest::Method::GET, "/metrics", &[], None).await.unwrap().expect(200).text();
    let count = |line: &str| metrics.lines().find_map(|known| known.strip_prefix(line)?.trim().parse::<f64>().ok());
    assert_eq!(count(r#"enrich_cache_lookups_total{tool="website",outcome="hit"}"#), Some(3.0), "{metrics}");
    assert_eq!(count(r#"enrich_cache_lookups_total{tool="website",outcome="refresh"}"#), Some(1.0), "{metrics}");
    assert!(count("enrich_cache_bytes").is_some_and(|bytes| bytes > 0.0) && count("enrich_cache_entries").is_some());
    let ours = metrics.lines().filter(|line| line.contains("enrich_cache"));
    assert!(ours.into_iter().all(|line| !line.to_lowercase().contains("acme") && !line.contains("127.0.0.1")), "{metrics}");
    world.setup.audit().await;
}

/// A match has its least price, wherever its answer comes from; a no-match stays free.
#[tokio::test(flavor = "multi_thread")]
async fn a_hit_is_charged_the_minimum() {
    let settings = [("ENRICH_CACHE_SECONDS", "600"), ("PRICE_WEBSEARCH_MINIMUM_USD", "0.002"), ("PRICE_WEBSEARCH_MARKUP_BPS", "5000")];
    let world = World::start(&settings, &[]).await;
    let payload = json!({"business_name": "Acme Corp", "city": "Tampa"});
    assert_eq!(world.buy(&world.one, &payload).await.bill.charged, Some((DIRECTORY + PAGE) * 3 / 2));
    assert_eq!(world.buy(&world.other, &payload).await.told(), (true, vec![0, 0], vec![0, 0], Some(2_000)));
    assert_eq!(world.api.balance(&world.other).await, (CREDIT - 2_000, 0));
    world.setup.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_grows_old_and_may_be_kept_not_at_all() {
    let payload = json!({"business_name": "Acme Corp", "city": "Tampa"});
    let world = World::start(&[("ENRICH_CACHE_SECONDS", "6")], &[]).await;
    world.buy(&world.one, &payload).await;
    assert!(world.buy(&world.other, &payload).await.told().0);
    tokio::time::sleep(Duration::from_millis(6200)).await;
    assert_eq!(world.buy(&world.other, &payload).await.told(), (false, vec![DIRECTORY, PAGE], vec![1, 1], Some(DIRECTORY + PAGE)));

    let world = World::start(&[("ENRICH_CACHE_SECONDS", "0")], &[]).await;
    for agent in [&world.one, &world.other] {
        assert_eq!(world.buy(agent, &payload).await.told(), (false, vec![DIRECTORY, PAGE], vec![1, 1], Some(DIRECTORY + PAGE)));
    }
    assert_eq!(world.pages(), 2);
}

/// A site that failed is asked again; what is said of a business meanwhile isn't kept as all there is.
#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_not_kept() {
    let world = World::start(&[("ENRICH_CACHE_SECONDS", "600")], &[]).await;
    let payload = json!({"business_name": "Acme Corp", "city": "Tampa"});
    world.vendor.be(Mood::CutShort);
    let poor = world.buy(&world.one, &payload).await;
    assert_eq!((poor.told().0, poor.bill.hops.clone()), (false, vec![DIRECTORY, 0]));
    world.vendor.be(Mood::Fine);
    let good = world.buy(&world.other, &payload).await;
    assert_eq!(good.told(), (false, vec![0, PAGE], vec![0, 1], Some(PAGE)), "{:#}", good.poll);
}

/// A directory that is imported anew answers from then on, whatever is kept.
#[tokio::test(flavor = "multi_thread")]
async fn an_import_ends_what_was_kept_of_the_directory() {
    let world = World::start(&[("ENRICH_CACHE_SECONDS", "600")], &[]).await;
    let business = Business::numbered(7, false);
    assert_eq!(world.buy(&world.one, &business.payload()).await.poll["result"]["matched"], json!(false));
    world.vendor.directory(&world.setup.directory(), std::slice::from_ref(&business));
    let found = world.buy(&world.other, &business.payload()).await;
    assert_eq!(found.told(), (false, vec![DIRECTORY, PAGE], vec![1, 1], Some(DIRECTORY + PAGE)), "{:#}", found.poll);
}

/// Twenty buyers who want the same page at once are one visitor to its website, and one of them pays for it.
#[tokio::test(flavor = "multi_thread")]
async fn equal_jobs_at_once_ask_once() {
    let held = Business::numbered(3, true);
    let world = World::start(&[("ENRICH_CACHE_SECONDS", "600"), ("ENRICH_JOB_SLOTS", "32")], std::slice::from_ref(&held)).await;
    let mut jobs = Vec::new();
    for _ in 0..20 {
        jobs.push(world.submit(&world.one, &held.payload()).await);
    }
    while world.pages() == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    world.vendor.let_go();
    let mut charged = 0;
    for job in &jobs {
        let ended = world.end(&world.one, job).await;
        assert_eq!(ended.poll["result"]["matched"], json!(true), "{:#}", ended.poll);
        charged += ended.bill.charged.unwrap();
    }
    assert_eq!((world.pages(), charged), (1, DIRECTORY + PAGE));
    world.setup.audit().await;
}

/// CP-09: the server is killed when a job has taken one answer from the cache and waits for another; the start after has an empty
/// cache, and the job still has that answer, for nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_job_keeps_what_it_took_from_the_cache() {
    let held = Business::numbered(5, true);
    let mut world = World::start(&[("ENRICH_CACHE_SECONDS", "600")], std::slice::from_ref(&held)).await;
    let asked = async |world: &World, times: u32| {
        while world.pages() < times {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    // The first one pays for the directory's answer, and is given up while its page hangs.
    let first = world.submit(&world.one, &held.payload()).await;
    asked(&world, 1).await;
    world.api.cancel(&first, &world.one.bearer).await.unwrap();
    assert_eq!(world.end(&world.one, &first).await.bill.hops, [DIRECTORY]);
    let second = world.submit(&world.other, &held.payload()).await;
    asked(&world, 2).await;
    let began = world.api.poll(&second, &world.other.bearer).await.unwrap().json();
    assert_eq!((&began["status"], &began["costs"][0]["calls"]), (&json!("running"), &json!(0)), "{began:#}");

    let World { server, .. } = world;
    world.api.gone();
    server.kill().await;
    world.vendor.let_go();
    world.server = world.setup.start().await;
    world.api.moved_to(&world.server);
    let ended = world.end(&world.other, &second).await;
    assert_eq!(ended.told(), (false, vec![0, PAGE], vec![0, 1], Some(PAGE)), "{:#}", ended.poll);
    let sources = ended.poll["result"]["sources"].as_array().unwrap();
    assert_eq!((sources.len(), &sources[0]["tool"]), (2, &json!("directory")));
    // The cache was memory: whoever asks now pays for the directory again, and for the page no more.
    assert_eq!(world.buy(&world.one, &held.payload()).await.told(), (false, vec![DIRECTORY, 0], vec![1, 0], Some(DIRECTORY)));
    world.setup.audit().await;
}
