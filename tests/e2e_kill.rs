//! The real binary is killed at random moments under load, and its books agree with what buyers were told (K-1).
//!
//! `KILL_CYCLES` says how often, `KILL_SEED` replays a schedule. What this shows is what a process forgets; what a disk
//! forgets at a power cut is another matter (safety.md RS2).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use support::api::Api;
use support::binary::{Server, Setup};
use support::luck::Luck;
use support::market::{Market, Tally};
use support::receiver::{Answer, Attempt, Receiver};
use support::vendor::{Business, Mood, Vendor};

fn number_of(variable: &str) -> Option<u64> {
    let text = std::env::var_os(variable)?;
    Some(text.to_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{variable} is no number")))
}

/// A receiver with bad moments: some first attempts are refused, some are left hanging. Which ones the id decides.
fn moody(attempt: &Attempt, number: usize) -> Answer {
    match (number, attempt.webhook_id().bytes().map(u32::from).sum::<u32>() % 16) {
        (1, 0 | 1) => Answer::Status(500),
        (1, 2) => Answer::Hang(Duration::from_millis(300)),
        _ => Answer::Status(204),
    }
}

struct World {
    setup: Setup,
    api: Api,
    market: Market,
    luck: Luck,
    during_start: u64,
}

impl World {
    async fn open(setup: Setup, businesses: &[Business], buyers: usize, mut luck: Luck) -> (Self, Server) {
        let server = setup.start().await;
        let api = Api::of(&server);
        let receiver = Arc::new(Receiver::start(moody).await);
        let market = Market::open(&api, &receiver, businesses, buyers, &mut luck).await;
        (Self { setup, api, market, luck, during_start: 0 }, server)
    }

    /// Kills the server at some moment, and starts it again: now and then one dies before it is ready.
    async fn kill_and_start(&mut self, server: Server) -> Server {
        // By what it has done, as machines differ; and then at any moment of what it is at.
        self.market.sells(usize::try_from(self.luck.below(25)).unwrap()).await;
        tokio::time::sleep(Duration::from_micros(self.luck.below(80_000))).await;
        self.api.gone();
        server.kill().await;
        while self.luck.one_in(4) {
            let starting = self.setup.spawn();
            tokio::time::sleep(Duration::from_millis(self.luck.below(150))).await;
            starting.kill().await;
            self.during_start += 1;
        }
        let server = self.setup.start().await;
        self.api.moved_to(&server);
        server
    }

    /// Everything comes to its end, the books balance beside the server and without it.
    async fn settle(mut self, server: Server) -> (Tally, u64) {
        let tally = self.market.settle().await;
        self.setup.audit().await;
        let (status, _) = server.terminate().await;
        assert!(status.success(), "{status}");
        self.setup.audit().await;
        (tally, self.during_start)
    }
}

/// CP-03..CP-10, CP-22, CP-23, CP-25, I-2, I-3, I-4, I-10, I-11, I-16: nothing is lost after a 202, nothing is paid or held
/// twice, and every end is told.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_paid_twice_when_the_server_is_killed() {
    let cycles = number_of("KILL_CYCLES").unwrap_or(8);
    let seed = number_of("KILL_SEED").unwrap_or_else(Luck::seed);
    eprintln!("replay with KILL_SEED={seed} KILL_CYCLES={cycles}");
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup::new(folder.path());
    let vendor = Vendor::start().await;
    let businesses: Vec<_> = (0..30).map(|number| Business::numbered(number, false)).collect();
    vendor.directory(&setup.directory(), &businesses);
    // Long enough for kills between two hops.
    vendor.be(Mood::Slow(Duration::from_millis(25)));

    let (mut world, mut server) = World::open(setup, &businesses, 8, Luck::new(seed)).await;
    for _ in 0..cycles {
        server = world.kill_and_start(server).await;
    }
    let (tally, during_start) = world.settle(server).await;
    println!("killed {} times, {during_start} of them during the start: {tally}", cycles + during_start);
    assert!(tally.jobs > 4 && tally.matched > 0 && tally.repeats > 0, "too little happened: {tally}");
}

/// F-V1, F-V2, F-V3: the same while websites are down, slow, full of noise, endless or hang up. A page that could not be had costs
/// nobody anything.
#[tokio::test(flavor = "multi_thread")]
async fn bad_vendors_change_nothing_about_the_books() {
    let moods = [Mood::Garbage, Mood::CutShort, Mood::Endless, Mood::Slow(Duration::from_mins(1))];
    let cycles = number_of("KILL_CYCLES").unwrap_or(moods.len() as u64);
    let seed = number_of("KILL_SEED").unwrap_or_else(Luck::seed);
    eprintln!("replay with KILL_SEED={seed} KILL_CYCLES={cycles}");
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup::new(folder.path());
    let (vendor, down) = (Vendor::start().await, Vendor::down().await);
    let businesses: Vec<_> = (0..40).map(|number| Business::numbered(number, false)).collect();
    vendor.directory(&setup.directory(), &businesses[..32]);
    down.directory(&setup.directory(), &businesses[32..]);

    let (mut world, mut server) = World::open(setup, &businesses, 4, Luck::new(seed)).await;
    for mood in moods.into_iter().cycle().take(usize::try_from(cycles).unwrap()) {
        vendor.be(mood);
        server = world.kill_and_start(server).await;
    }
    world.market.close().await;
    vendor.be(Mood::Fine);
    let (tally, during_start) = world.settle(server).await;
    println!("killed {} times beside bad vendors: {tally}", cycles + during_start);
    assert!(tally.jobs > 4 && tally.matched > 0, "too little happened: {tally}");
}

/// What a quote rests on is in the record that ends a job: a kill loses none of it, and neither does a stop.
#[tokio::test(flavor = "multi_thread")]
async fn a_quote_rests_on_the_same_after_a_kill_and_a_stop() {
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup::new(folder.path());
    let vendor = Vendor::start().await;
    let businesses: Vec<_> = (0..24).map(|number| Business::numbered(number, false)).collect();
    vendor.directory(&setup.directory(), &businesses);
    let search = |payload: &Value| json!({"route": "enrich/websearch", "payload": payload}).to_string();
    let lead = |mode: &str| {
        let lead = json!({"company": businesses[0].name, "street": businesses[0].street, "city": businesses[0].town.0});
        json!({"route": "enrich/lead-session", "payload": {"lead": lead, "mode": mode}}).to_string()
    };

    let mut server = setup.start().await;
    let api = Api::of(&server);
    let agent = api.agent(900_000_000).await;
    let bodies: Vec<_> = businesses.iter().map(|business| search(&business.payload())).collect();
    let mut dearest = 0;
    for body in bodies.iter().chain([&lead("waterfall"), &lead("auto"), &lead("llm")]) {
        let quoted = support::money::amount(api.quote(body).await.to_string().as_bytes(), "max_usd");
        let accepted = api.submit(&agent.bearer, None, body).await.unwrap().expect(202).json();
        let ended = api.ended(accepted["job_id"].as_str().unwrap(), &agent.bearer).await;
        let charged = support::money::amount(&ended.body, "charged_usd");
        assert!(charged <= quoted, "charged {charged}, quoted at most {quoted}: {}", ended.text());
        dearest = charged.max(dearest);
    }
    assert!(dearest > 0);
    let quotes = async || {
        let mut quotes = Vec::new();
        for body in [&bodies[0], &search(&json!({"business_name": "Nobody"})), &lead("auto"), &lead("waterfall")] {
            quotes.push(api.quote(body).await);
        }
        quotes
    };
    let before = quotes().await;
    assert_eq!((&before[0]["basis"]["expected_from"], &before[0]["basis"]["recent_jobs"]["jobs"]), (&json!("recent_jobs"), &json!(24)));
    assert_eq!((&before[1]["basis"]["recent_jobs"]["of"], &before[2]["basis"]["recent_jobs"]["jobs"]), (&json!("route"), &json!(3)));
    for stops in [false, true, false] {
        api.gone();
        if stops {
            let (status, _) = server.terminate().await;
            assert!(status.success(), "{status}");
        } else {
            server.kill().await;
        }
        server = setup.start().await;
        api.moved_to(&server);
        assert_eq!(quotes().await, before, "stopped: {stops}");
    }
    server.kill().await;
}
