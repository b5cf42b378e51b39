//! Carries a lane's effects out on the real chain, as the settlement actor does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use enrich_jobs::billing::lane::{
    Alarm, Effect, Event, Intent, ItemKey, Lane, LaneId, Notice, Outcome, Payload, Policy, Sent, Watch, effects, step,
};
use enrich_jobs::chain::rpc::Settlements;
use enrich_jobs::chain::tx::{Body, Through, sign};
use enrich_jobs::chain::{OperatorKey, Rpc};
use enrich_jobs::clock::{Clock, SystemClock};
use enrich_jobs::types::{Network, Wallet};

use crate::world::World;

pub(crate) const POLICY: Policy = Policy {
    linger_ms: 50,
    confirmations: 2,
    keep_blocks: 8,
    give_up_ms: 400,
    resend_ms: 100,
    poll_ms: 20,
    bump_after_ms: 60_000,
    ..Policy::DEFAULT
};

pub(crate) struct Driver {
    pub(crate) lane: Lane,
    pub(crate) policy: Policy,
    pub(crate) told: BTreeMap<ItemKey, Vec<Outcome>>,
    pub(crate) notices: Vec<Notice>,
    pub(crate) alarms: Vec<Alarm>,
    pub(crate) sent: Vec<Sent>,
    watch: Watch,
    rpc: Rpc,
    of: Settlements,
    key: OperatorKey,
    through: Through,
}

impl Driver {
    /// Through the settler, or by the operator itself.
    pub(crate) fn new(world: &World, operator: usize, settler: Option<Wallet>, policy: Policy) -> Self {
        let key = world.operator(operator);
        let network = Network::Eip155(world.chain.place.chain_id);
        let of = Settlements {
            operator: key.wallet(),
            facilitator: settler.unwrap_or(key.wallet()),
            settler,
            permit2: world.terms(world.settler).permit2,
            confirmations: policy.confirmations,
        };
        Self {
            lane: Lane::new(LaneId { network, operator: key.wallet() }),
            policy,
            told: BTreeMap::new(),
            notices: Vec::new(),
            alarms: Vec::new(),
            sent: Vec::new(),
            watch: Watch::default(),
            rpc: world.rpc.clone(),
            of,
            key,
            through: settler.map_or(Through::Itself, Through::Settler),
        }
    }

    pub(crate) fn due(&mut self, intents: &[Arc<Intent>]) {
        for intent in intents {
            self.happen(&Event::Due { intent: Arc::clone(intent), at: SystemClock.now() });
        }
    }

    fn happen(&mut self, event: &Event) {
        // "No" is an answer: what was seen since may speak against it.
        if let Ok(step) = step(&self.lane, &self.policy, event) {
            self.lane.apply(&step);
            self.notices.extend(step.notices);
        }
    }

    /// The process dies and comes back with what is stored.
    pub(crate) fn crash(&mut self) {
        self.lane = postcard::from_bytes(&postcard::to_stdvec(&self.lane).unwrap()).unwrap();
        self.watch = Watch::default();
    }

    pub(crate) async fn turn(&mut self) {
        let quote = self.rpc.fees().await.ok();
        for effect in effects(&self.lane, &self.policy, &self.watch, quote, SystemClock.now()) {
            let now = SystemClock.now();
            match effect {
                Effect::Observe { txs } => {
                    self.watch.observed(&txs, now);
                    let observation = self.rpc.observe(&self.of, &txs, now).await.unwrap();
                    self.happen(&Event::Observed(observation));
                }
                Effect::Check { keys } => {
                    self.watch.checked(&keys, now);
                    for key in keys {
                        let intent = Arc::clone(&self.lane.items[&key].intent);
                        let check = self.rpc.check(&self.of, &intent, now).await;
                        self.happen(&Event::Checked { key, check });
                    }
                }
                Effect::Sign { account_nonce, payload, fees } => {
                    let body = Body::of(&self.lane, &payload, self.through).unwrap();
                    let tx = sign(&self.key, self.lane.id.network, account_nonce, fees, &body, now).unwrap();
                    assert_eq!(tx.is_cancel, payload == Payload::Cancel);
                    self.happen(&Event::Signed { account_nonce, payload, tx });
                }
                Effect::Broadcast { hash, raw } => {
                    self.watch.sent(hash, now);
                    self.sent.push(self.rpc.send_raw(&raw).await);
                }
                Effect::Report { key, outcome } => {
                    self.told.entry(key).or_default().push(outcome);
                    self.happen(&Event::Acknowledged { key, outcome });
                }
                Effect::Alarm(alarm) => self.alarms.push(alarm),
            }
        }
        self.watch.prune(&self.lane);
    }

    /// Until it is so, or the test's patience ends.
    pub(crate) async fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let patience = tokio::time::Instant::now() + Duration::from_secs(30);
        while !is_so(self) {
            assert!(tokio::time::Instant::now() < patience, "not {what}: {:#?}\n{:?}", self.lane, self.sent);
            self.turn().await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What an item was told last.
    pub(crate) fn outcome(&self, intent: &Intent) -> Option<Outcome> {
        self.told.get(&intent.key)?.last().copied()
    }

    pub(crate) fn all(&self, intents: &[Arc<Intent>], is: impl Fn(&Outcome) -> bool) -> bool {
        intents.iter().all(|intent| self.outcome(intent).is_some_and(|outcome| is(&outcome)))
    }

    pub(crate) async fn until_mined(&mut self, intents: &[Arc<Intent>]) {
        self.until("mined", |driver| driver.all(intents, |outcome| matches!(outcome, Outcome::Mined(_) | Outcome::Settled(_)))).await;
    }

    pub(crate) async fn until_settled(&mut self, intents: &[Arc<Intent>]) {
        self.until("settled", |driver| driver.all(intents, |outcome| matches!(outcome, Outcome::Settled(_)))).await;
    }
}
