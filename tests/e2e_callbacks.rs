//! Callbacks of the real binary to a real receiver: signed, the same each time, told again when asked, and never redirected.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use support::api::{Agent, Api};
use support::binary::{Server, Setup};
use support::receiver::{Answer, Receiver};

struct World {
    api: Api,
    agent: Agent,
    setup: Setup,
    server: Server,
    _folder: tempfile::TempDir,
}

/// A job with a callback, as its buyer knows it.
struct Told {
    job: String,
    secret: String,
    /// What a poll says of its end.
    end: Value,
}

impl World {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let setup = Setup::new(folder.path()).with("VENDOR_NOOP", "true");
        let server = setup.start().await;
        let api = Api::of(&server);
        let agent = api.agent(100_000_000).await;
        Self { api, agent, setup, server, _folder: folder }
    }

    /// Buys a job that is told of at this address, and sees it end.
    async fn buy(&self, callback_url: &str) -> Told {
        let order = json!({"route": "enrich/websearch", "payload": {"business_name": "Acme Corp"}, "callback_url": callback_url,
                           "metadata": {"invoice": "Nr. 7 \u{2014} \"Zoë\""}});
        let accepted = self.api.submit(&self.agent.bearer, None, &order.to_string()).await.unwrap().expect(202).json();
        let text = |field: &str| accepted[field].as_str().unwrap().to_owned();
        let (job, secret) = (text("job_id"), text("callback_secret"));
        let end = self.api.ended(&job, &self.agent.bearer).await.json();
        Told { job, secret, end }
    }

    /// The attempts that are written down, oldest first, once there are so many.
    async fn attempts(&self, job: &str, count: usize) -> Vec<Value> {
        let written = async {
            loop {
                let file = self.api.admin(Method::GET, &format!("/admin/jobs/{job}"), &[], None).await.unwrap().expect(200).json();
                let attempts = file["attempts"].as_array().unwrap_or_else(|| panic!("{file}")).clone();
                if attempts.len() >= count {
                    return attempts;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), written).await.expect("the attempts are written down")
    }
}

/// CP-22, CP-23, I-16: signed so that the reference implementation takes it, its body that of a poll; and again after a failure and
/// across a `kill -9`, under the same id.
#[tokio::test(flavor = "multi_thread")]
async fn it_is_signed_and_stays_the_same() {
    let mut world = World::start().await;
    let receiver = Receiver::start(|_, number| if number == 1 { Answer::Status(500) } else { Answer::Status(204) }).await;
    let told = world.buy(&receiver.url()).await;
    receiver.came(1).await;
    world.attempts(&told.job, 1).await;
    world.api.gone();
    world.server.kill().await;
    world.server = world.setup.start().await;
    world.api.moved_to(&world.server);
    // Five seconds after the first, give or take a tenth.
    receiver.came(2).await;
    let seen = receiver.of_job(&told.job);
    let webhook = standardwebhooks::Webhook::new(&told.secret).unwrap();
    for attempt in &seen {
        assert_eq!(attempt.path, "/hook");
        webhook.verify(&attempt.body, &attempt.headers).expect("the reference implementation takes it");
        assert!(webhook.verify(b"{}", &attempt.headers).is_err());
        attempt.verify(&told.secret);
        assert_eq!((attempt.webhook_id(), &attempt.body), (seen[0].webhook_id(), &seen[0].body));
    }
    assert_ne!(seen[0].headers["webhook-timestamp"], seen[1].headers["webhook-timestamp"], "each attempt is signed for its time");
    let event = seen[0].json();
    assert_eq!(event["type"], "enrich.job_completed");
    assert_eq!(event["id"].as_str(), Some(seen[0].webhook_id()));
    assert_eq!(event["data"], told.end);
    assert_eq!(event["created_at"], told.end["completed_at"]);
    let later = world.api.poll(&told.job, &world.agent.bearer).await.unwrap().expect(200).json();
    assert_eq!(event["data"], later);
    let outcomes: Vec<_> = world.attempts(&told.job, 2).await.iter().map(|attempt| attempt["outcome"].clone()).collect();
    assert_eq!(outcomes, ["failed", "delivered"]);
    world.setup.audit().await;
}

/// F-C2: nobody is there; then somebody is, and an operator has it told again.
#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_was_down_is_told_again() {
    let world = World::start().await;
    let address = Receiver::reserve().await;
    let told = world.buy(&format!("http://{address}/hook")).await;
    let attempts = world.attempts(&told.job, 1).await;
    assert_eq!(attempts[0]["outcome"], "failed", "{attempts:?}");
    assert_eq!(world.api.owed().await.len(), 1);

    let receiver = Receiver::start_at(address, |_, _| Answer::Status(200)).await;
    world.api.redeliver(&told.job).await.expect(202);
    receiver.came(1).await;
    world.attempts(&told.job, 2).await;
    assert!(world.api.owed().await.is_empty(), "what was taken is owed no more");
    // Again, though it was taken: under the same id.
    world.api.redeliver(&told.job).await.expect(202);
    receiver.came(2).await;
    let seen = receiver.of_job(&told.job);
    for attempt in &seen {
        attempt.verify(&told.secret);
        assert_eq!((attempt.webhook_id(), &attempt.body), (seen[0].webhook_id(), &seen[0].body));
    }
    let attempts = world.attempts(&told.job, 3).await;
    let numbers: Vec<_> = attempts.iter().map(|attempt| attempt["attempt"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [0, 1, 2]);
}

/// F-C3: a receiver that wants no more is left alone for good, until an operator knows better.
#[tokio::test(flavor = "multi_thread")]
async fn gone_is_gone() {
    let world = World::start().await;
    let receiver = Receiver::start(|_, number| if number == 1 { Answer::Status(410) } else { Answer::Status(204) }).await;
    let told = world.buy(&receiver.url()).await;
    let attempts = world.attempts(&told.job, 1).await;
    assert_eq!((attempts[0]["outcome"].as_str(), attempts[0]["status"].as_u64()), (Some("gone"), Some(410)));
    assert!(world.api.owed().await.is_empty());
    world.api.redeliver(&told.job).await.expect(202);
    receiver.came(2).await;
}

/// T-33: a redirect is a failure; where it leads nobody comes, and neither to addresses of the house.
#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_not_followed() {
    let world = World::start().await;
    let receiver = Receiver::start(|_, _| Answer::Redirect("/elsewhere")).await;
    let told = world.buy(&receiver.url()).await;
    let attempts = world.attempts(&told.job, 1).await;
    assert_eq!((attempts[0]["outcome"].as_str(), attempts[0]["class"].as_str()), (Some("failed"), Some("redirect")), "{attempts:?}");
    let owed = world.api.owed().await;
    assert_eq!(owed[0]["job_id"].as_str(), Some(told.job.as_str()), "it is tried again");
    assert_eq!(receiver.seen().iter().map(|attempt| attempt.path.as_str()).collect::<Vec<_>>(), ["/hook"]);
}

/// T-30, T-35: without the switch for development nothing goes to this machine, and the buyer is told so at once.
#[tokio::test(flavor = "multi_thread")]
async fn this_machine_is_called_only_where_the_operator_allows_it() {
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup::new(folder.path()).with("VENDOR_NOOP", "true").with("ENRICH_CALLBACK_ALLOW_LOOPBACK", "false");
    let server = setup.start().await;
    let api = Api::of(&server);
    let agent = api.agent(1_000_000).await;
    let receiver = Receiver::willing().await;
    for url in [receiver.url(), receiver.url().replace("http", "https"), server.admin.clone(), "https://[::ffff:127.0.0.1]/".to_owned()] {
        let order =
            json!({"route": "enrich/websearch", "payload": {"business_name": "Acme Corp"}, "bill_up_to_usd": 1, "callback_url": url});
        let refused = api.submit(&agent.bearer, None, &order.to_string()).await.unwrap().expect(422);
        assert_eq!(refused.code(), "CALLBACK_URL_FORBIDDEN", "{url}");
    }
    assert_eq!(api.balance(&agent).await, (1_000_000, 0));
    assert!(receiver.seen().is_empty());
}
