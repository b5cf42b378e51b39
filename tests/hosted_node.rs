//! A node that settles by somebody else's facilitator, on a real chain: whatever that says or keeps to itself, the chain decides.
//! The facilitator here is a fake that settles nothing; `tests/e2e/payments_hosted.py` has a real one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use enrich_jobs::actors::{ChainParts, ClaimState, PaidOrder, Way, Why};
use enrich_jobs::billing::lane::{Claimant, DeadReason, Outcome, Policy};
use enrich_jobs::billing::x402::exposure::Caps;
use enrich_jobs::billing::x402::offer::Terms;
use enrich_jobs::billing::x402::{RequestHash, Scheme};
use enrich_jobs::chain::facilitator::FacilitatorSettings;
use enrich_jobs::chain::{Facilitator as Client, OperatorKey, Rpc, RpcSettings};
use enrich_jobs::clock::{SystemClock, SystemRandom};
use enrich_jobs::job::{FailureCode, Status};
use enrich_jobs::shard::Due;
use enrich_jobs::store::{Memory, Store};
use enrich_jobs::types::{JobId, Network, Route, Usd, Wallet};
use support::chain::Chain;
use support::facilitator::{Facilitator, Says};
use support::node::{Script, TestNode};
use support::payer::pay;

const NETWORK: Network = Network::Eip155(31_337);
const CEILING: Usd = Usd::from_micros(1_500_000);
/// Longer than a node takes to look twice.
const MEANWHILE: Duration = Duration::from_secs(4);

fn client(url: &str) -> Client {
    let settings = FacilitatorSettings {
        url: url.parse().unwrap(),
        cdp: None,
        timeout: Duration::from_secs(5),
        settle_timeout: Duration::from_secs(5),
        supported_for: Duration::from_millis(100),
    };
    Client::new(settings, Arc::new(SystemClock), Arc::new(SystemRandom)).unwrap()
}

fn parts(chain: &Chain, way: Way, confirmations: u64) -> ChainParts {
    let place = &chain.place;
    let urls = vec![place.rpc_url.parse().unwrap()];
    let rpc = Rpc::new(RpcSettings { network: NETWORK, urls, timeout: Duration::from_secs(10), calls_max: 32 }).unwrap();
    let mut proxy_code_hash = [0; 32];
    hex::decode_to_slice(&place.proxy_code_hash[2..], &mut proxy_code_hash).unwrap();
    ChainParts {
        rpc,
        terms: Terms {
            network: NETWORK,
            asset: place.token.parse().unwrap(),
            asset_name: place.token_name.as_str().into(),
            asset_version: place.token_version.as_str().into(),
            pay_to: place.pay_to.parse().unwrap(),
            facilitator: Wallet::ZERO,
            permit2: place.permit2.parse().unwrap(),
            proxy: place.proxy.parse().unwrap(),
        },
        way,
        proxy_code_hash,
        caps: Caps::default(),
        policy: Policy { confirmations, give_up_ms: 2_000, poll_ms: 200, ..Policy::default() },
        contracts: Vec::new(),
        // So that the network is looked at often, and a facilitator's news is seen.
        stall_seconds: Some(u64::MAX),
    }
}

#[allow(clippy::disallowed_methods, reason = "the chain goes by the real time")]
fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

async fn eventually(what: &str, mut check: impl AsyncFnMut() -> bool) {
    let seen = async {
        while !check().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), seen).await.unwrap_or_else(|_| panic!("not in time: {what}"));
}

/// A chain, a facilitator, and a node between them.
struct World {
    chain: Chain,
    facilitator: Facilitator,
    store: Arc<dyn Store>,
    node: TestNode,
    since: u64,
    confirmations: u64,
}

impl World {
    async fn start(confirmations: u64) -> Option<Self> {
        let chain = Chain::start(&["--accounts", "3"]).await?;
        let facilitator = Facilitator::start(&chain.place.operators[0].address).await;
        let store: Arc<dyn Store> = Arc::new(Memory::new(4));
        let way = Way::Hosted { facilitator: client(&facilitator.url) };
        let node = TestNode::paid(Arc::clone(&store), Script::hops(2), 4, vec![parts(&chain, way, confirmations)]).await;
        chain.mine().await;
        let since = chain.block_number().await;
        let world = Self { chain, facilitator, store, node, since, confirmations };
        eventually("offered", async || world.node.node.networks().iter().all(|network| network.is_offered)).await;
        Some(world)
    }

    /// The process ends, and another begins with this way to settle; none: the network isn't configured any more.
    async fn restart(self, way: Option<Way>) -> Self {
        let Self { chain, facilitator, store, node, since, confirmations } = self;
        node.node.shutdown().await;
        drop(node);
        let chains = way.map(|way| parts(&chain, way, confirmations)).into_iter().collect();
        let node = TestNode::paid(Arc::clone(&store), Script::hops(2), 4, chains).await;
        Self { chain, facilitator, store, node, since, confirmations }
    }

    fn hosted(&self) -> Way {
        Way::Hosted { facilitator: client(&self.facilitator.url) }
    }

    /// A job that costs two cents, which are owed by now.
    async fn owed(&self, nonce: u8) -> (JobId, Due) {
        let required = self.node.node.requirements(Scheme::Upto, CEILING).remove(0);
        let order = PaidOrder {
            payment: pay(&self.chain.place.payers[0], &required, now(), nonce),
            scheme: Scheme::Upto,
            caller: None,
            request: RequestHash::of("POST", "/api/v1/enrich/jobs", b"{}"),
            client_key: None,
            key: None,
            route: Route::Websearch,
            payload: r#"{"business_name":"Acme Corp"}"#.into(),
            ceiling: CEILING,
            callback_url: None,
            metadata: Box::default(),
        };
        let id = self.node.node.submit_paid(order).await.unwrap().job.spec.id;
        self.node.until(id, |job| job.state.status == Status::Completing).await;
        (id, self.due(id).await.unwrap())
    }

    async fn due(&self, id: JobId) -> Option<Due> {
        self.node.node.settlements().await.unwrap().dues.into_iter().find(|due| due.claimant == Claimant::Job(id))
    }

    /// What the facilitator would send, without a word to us. Returns its hash.
    async fn settles(&self, due: &Due) -> String {
        let intent = due.intent().unwrap();
        let data = format!("0x{}", hex::encode(&intent.call));
        self.chain.submit(&self.chain.place.operators[0].address, &intent.target.to_string(), &data).await
    }

    async fn settled_by(&self, id: JobId, tx: &str) {
        let job = self.node.ended(id).await;
        assert!(job.state.failure.is_none(), "{:?}", job.state.failure);
        assert_eq!(job.state.settled_in.unwrap().to_string(), tx);
        eventually("booked", async || self.due(id).await.is_none()).await;
        assert!(self.node.node.audit().await.unwrap().is_ok());
        assert!(self.node.node.stuck_settlements().is_empty());
    }

    async fn paid(&self) -> Vec<u128> {
        self.chain.transfers_to(&self.chain.place.pay_to, self.since).await.iter().map(|one| one.amount).collect()
    }

    async fn waits_for(&self, why: Why) {
        let whys = || self.node.node.stuck_settlements().into_iter().map(|one| one.why).collect::<Vec<_>>();
        eventually(why.as_str(), async || whys() == [why]).await;
    }

    /// It is neither paid nor dead for as long as it takes to look twice.
    async fn stays_owed(&self, id: JobId) {
        tokio::time::sleep(MEANWHILE).await;
        let due = self.due(id).await.expect("it is owed still");
        assert_eq!(due.outcome, Outcome::Pending);
        assert_eq!(self.node.node.job(id).await.unwrap().unwrap().state.status, Status::Completing);
        assert!(self.node.node.debtors().await.unwrap().is_empty());
    }
}

/// What it settled and never said, before and after a restart: the token's log tells.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_named_is_found_on_the_chain() {
    let Some(world) = World::start(2).await else { return };
    let (first, due) = world.owed(1).await;
    let tx = world.settles(&due).await;
    world.chain.mine().await;
    world.settled_by(first, &tx).await;

    let (second, due) = world.owed(2).await;
    world.node.node.shutdown().await;
    let tx = world.settles(&due).await;
    world.chain.mine().await;
    world.facilitator.say(Says::Refused);
    let way = world.hosted();
    let world = world.restart(Some(way)).await;
    world.settled_by(second, &tx).await;
    assert_eq!(world.paid().await, [20_000; 2]);
}

/// A name is durable before anything is done about it; that what it names isn't mined for long ends nothing.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_named_survives_a_restart() {
    let Some(world) = World::start(1).await else { return };
    let (id, due) = world.owed(1).await;
    world.chain.set_automine(false).await;
    let tx = world.settles(&due).await;
    world.facilitator.say(Says::Pending(tx.clone()));
    eventually("named", async || world.due(id).await.unwrap().named.iter().any(|named| named.to_string() == tx)).await;
    world.facilitator.say(Says::Refused);
    let way = world.hosted();
    let world = world.restart(Some(way)).await;
    assert_eq!(world.due(id).await.unwrap().named.iter().map(ToString::to_string).collect::<Vec<_>>(), std::slice::from_ref(&tx));
    world.stays_owed(id).await;
    world.waits_for(Why::Refused).await;
    world.chain.mine().await;
    world.settled_by(id, &tx).await;
    assert_eq!(world.paid().await, [20_000]);
}

/// T-19: an older transaction of the same payer and amount proves nothing, whatever the facilitator says.
#[tokio::test(flavor = "multi_thread")]
async fn t19_an_older_payment_is_no_proof() {
    let Some(world) = World::start(1).await else { return };
    let (first, due) = world.owed(1).await;
    let older = world.settles(&due).await;
    world.settled_by(first, &older).await;
    world.facilitator.say(Says::Settled(older.clone()));
    let (second, due) = world.owed(2).await;
    world.stays_owed(second).await;
    let tx = world.settles(&due).await;
    world.settled_by(second, &tx).await;
    assert_ne!(tx, older);
    assert_eq!(world.paid().await, [20_000; 2]);
}

/// C9: used by whoever, it may have been paid: never called burned, long after its deadline neither. A person is told.
#[tokio::test(flavor = "multi_thread")]
async fn c9_used_and_unexplained_is_never_dead() {
    let Some(world) = World::start(1).await else { return };
    world.facilitator.say(Says::Refused);
    let (id, due) = world.owed(1).await;
    world.chain.invalidate_nonce(&world.chain.place.payers[0].address, due.payment.verified.nonce().to_be_bytes()).await;
    world.waits_for(Why::Unexplained).await;
    world.chain.wind(Duration::from_hours(2)).await;
    world.stays_owed(id).await;
    world.waits_for(Why::Unexplained).await;
}

/// C7, F-X3: past its deadline at the head is not yet dead: only so deep that no reorg brings it back.
#[tokio::test(flavor = "multi_thread")]
async fn expired_is_judged_deep() {
    let Some(world) = World::start(4).await else { return };
    world.facilitator.say(Says::Refused);
    let (id, _) = world.owed(1).await;
    world.chain.wind(Duration::from_hours(2)).await;
    world.chain.mine().await;
    world.chain.mine().await;
    world.stays_owed(id).await;
    world.chain.mine().await;
    let job = world.node.ended(id).await;
    assert_eq!(job.state.failure.as_ref().unwrap().code, FailureCode::SettlementFailed);
    let debtors = world.node.node.debtors().await.unwrap();
    assert_eq!((debtors.len(), debtors[0].debts[0].reason), (1, DeadReason::Expired));
    eventually("over", async || world.node.node.stuck_settlements().is_empty()).await;
    assert!(world.node.node.audit().await.unwrap().is_ok());
}

/// That it refuses ends nothing before the deadline: it has the signature, and may use it yet.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_no_end() {
    let Some(world) = World::start(1).await else { return };
    let payer = world.chain.place.payers[0].address.clone();
    world.facilitator.say(Says::Refused);
    let (id, due) = world.owed(1).await;
    world.chain.drain(&payer).await;
    world.waits_for(Why::Refused).await;
    world.stays_owed(id).await;
    world.chain.mint(&payer, 20_000).await;
    let tx = world.settles(&due).await;
    world.settled_by(id, &tx).await;
}

/// F-X3: what a reorg undoes is owed again, and asked for again.
#[tokio::test(flavor = "multi_thread")]
async fn fx3_a_reorg_makes_it_owed_again() {
    let Some(world) = World::start(5).await else { return };
    let (id, due) = world.owed(1).await;
    world.chain.mine().await;
    let tx = world.settles(&due).await;
    world.node.ended(id).await;
    eventually("mined", async || matches!(world.due(id).await.unwrap().outcome, Outcome::Mined(_))).await;
    world.chain.rpc("anvil_reorg", serde_json::json!([1, []])).await;
    eventually("undone", async || world.due(id).await.unwrap().outcome == Outcome::Pending).await;
    let asked = world.facilitator.asked().len();
    eventually("asked again", async || world.facilitator.asked().len() > asked).await;
    let again = world.settles(&due).await;
    for _ in 0..5 {
        world.chain.mine().await;
    }
    eventually("booked", async || world.due(id).await.is_none()).await;
    assert_eq!(world.paid().await, [20_000], "{tx} is gone, {again} is there");
    assert!(world.node.node.audit().await.unwrap().is_ok());
}

/// A facilitator that is taken out of the configuration, or replaced: what it has settled is seen, and what it hasn't waits until the
/// chain says that it never will.
#[tokio::test(flavor = "multi_thread")]
async fn without_its_facilitator_it_waits() {
    let Some(world) = World::start(1).await else { return };
    world.facilitator.say(Says::Refused);
    let (paid, due) = world.owed(1).await;
    let (unpaid, _) = world.owed(2).await;
    let world = world.restart(None).await;
    let whys = || world.node.node.stuck_settlements().iter().map(|one| one.why).collect::<Vec<_>>();
    eventually("no network", async || whys() == [Why::Network; 2]).await;
    assert_eq!(world.node.node.settlements().await.unwrap().dues.len(), 2);

    let other = Facilitator::start(&world.chain.place.operators[1].address).await;
    let world = world.restart(Some(Way::Hosted { facilitator: client(&other.url) })).await;
    let whys = || world.node.node.stuck_settlements().iter().map(|one| one.why).collect::<Vec<_>>();
    eventually("no facilitator", async || whys() == [Why::Facilitator; 2]).await;

    let keys = vec![OperatorKey::from_hex(&world.chain.place.operators[1].key).unwrap()];
    let world = world.restart(Some(Way::Direct { operators: keys, sponsors: false })).await;
    let whys = || world.node.node.stuck_settlements().iter().map(|one| one.why).collect::<Vec<_>>();
    eventually("no facilitator", async || whys() == [Why::Facilitator; 2]).await;
    let tx = world.settles(&due).await;
    assert_eq!(world.node.ended(paid).await.state.settled_in.unwrap().to_string(), tx);
    world.stays_owed(unpaid).await;
    assert!(other.asked().is_empty(), "no other is shown a payment");
    world.chain.wind(Duration::from_hours(2)).await;
    let job = world.node.ended(unpaid).await;
    assert_eq!(job.state.failure.as_ref().unwrap().code, FailureCode::SettlementFailed);
    assert_eq!(world.paid().await, [20_000]);
    eventually("over", async || world.node.node.stuck_settlements().is_empty()).await;
    assert!(world.node.node.audit().await.unwrap().is_ok());
}

/// EIP-3009 names nobody, so an operator could send it too: but what a facilitator has sent would look burned to a lane.
#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_that_a_facilitator_settled_is_credited_once_by_whichever_way_is_configured_then() {
    let Some(world) = World::start(1).await else { return };
    let agent = world.node.agent(Usd::ZERO).await;
    let amount = Usd::from_micros(5_000_000);
    let required = world.node.node.requirements(Scheme::Exact, amount).remove(0);
    let payment = pay(&world.chain.place.payers[0], &required, now(), 3);
    let claim = world.node.node.claim(&payment, amount, Claimant::Agent(agent), Duration::from_secs(1)).await.unwrap();
    assert_eq!(claim.state, ClaimState::Pending);
    let due = world.node.node.settlements().await.unwrap().dues.remove(0);
    world.node.node.shutdown().await;
    world.settles(&due).await;
    let keys = vec![OperatorKey::from_hex(&world.chain.place.operators[1].key).unwrap()];
    let world = world.restart(Some(Way::Direct { operators: keys, sponsors: false })).await;
    eventually("booked", async || world.node.node.settlements().await.unwrap().dues.is_empty()).await;
    assert_eq!(world.node.node.agent(agent).await.unwrap().available, amount);
    assert_eq!(world.paid().await, [5_000_000]);
    assert!(world.node.node.audit().await.unwrap().is_ok());
}

/// x402.md 9: the address is that of `/supported`, and stays with the job that named it. What a facilitator doesn't settle isn't offered.
#[tokio::test(flavor = "multi_thread")]
async fn a_facilitators_other_address_is_for_new_jobs() {
    let Some(world) = World::start(1).await else { return };
    let [first, second, ..] = &world.chain.place.operators[..] else { panic!("two") };
    let (id, due) = world.owed(1).await;
    assert_eq!(due.payment.terms.facilitator.to_string(), first.address);
    world.facilitator.move_to(&second.address);
    world.facilitator.drop_exact();
    let offered = |scheme| world.node.node.requirements(scheme, CEILING);
    let named = || offered(Scheme::Upto).first().map(|one| one.extra["facilitatorAddress"].as_str().unwrap().to_owned());
    let way = world.hosted();
    assert_eq!(named().as_deref(), Some(first.address.as_str()));
    let world = world.restart(Some(way)).await;
    eventually("offered", async || world.node.node.networks().iter().all(|network| network.is_offered)).await;
    let offered = |scheme| world.node.node.requirements(scheme, CEILING);
    assert_eq!(offered(Scheme::Upto)[0].extra["facilitatorAddress"], world.chain.place.operators[1].address.as_str());
    assert!(offered(Scheme::Exact).is_empty());
    let before = world.facilitator.asked().len();
    eventually("asked", async || world.facilitator.asked().len() > before).await;
    let asked = world.facilitator.asked().pop().unwrap();
    assert_eq!(asked["paymentRequirements"]["extra"]["facilitatorAddress"], world.chain.place.operators[0].address.as_str());
    let tx = world.settles(&due).await;
    world.settled_by(id, &tx).await;
}
