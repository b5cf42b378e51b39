//! A lane's actor: carries out what the lane's pure machine derives from its stored state, and tells it what happened.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::chains::Chain;
use super::settlement::tell;
use crate::actors::api::Error;
use crate::actors::node::Inner;
use crate::actors::shard::ShardHandle;
use crate::actors::{api, meters};
use crate::billing::lane::{self, Alarm, Effect, Event, FeeQuote, Intent, ItemKey, LaneId, Notice, Payload, Sent, Watch};
use crate::chain::key::OperatorKey;
use crate::chain::tx::{self, Body};
use crate::shard::{Command, Reply};

/// How long a lane with something to do looks away.
const TICK: Duration = Duration::from_millis(200);
/// And an idle one: its first due wakes it.
const IDLE: Duration = Duration::from_secs(5);
/// How old a quote of fees may be.
const QUOTE_FOR: Duration = Duration::from_secs(2);
/// How often the same trouble is told of.
const ALARM_EVERY: Duration = Duration::from_secs(30);
/// Rounds without a pause, each on what the one before made durable.
const ROUNDS: usize = 8;

/// What a lane's actor is started with.
#[derive(Clone)]
pub(super) struct LaneSetup {
    pub(super) node: Arc<Inner>,
    pub(super) chain: Arc<Chain>,
    pub(super) id: LaneId,
    pub(super) key: OperatorKey,
    pub(super) wake: Arc<Notify>,
}

pub(super) struct LaneActor;

pub(super) enum Message {
    /// The driver panicked.
    Crashed,
}

pub(super) struct State {
    driver: AbortHandle,
}

impl Drop for State {
    /// Two drivers of one lane would sign against each other.
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Actor for LaneActor {
    type Msg = Message;
    type State = State;
    type Arguments = LaneSetup;

    async fn pre_start(&self, me: ActorRef<Message>, setup: LaneSetup) -> Result<State, ActorProcessingErr> {
        let driver = tokio::spawn(async move {
            let ending = setup.node.settlements.ending();
            // Wherever it is cut off, bytes are sent only as they are stored, and the next start derives what there is to do.
            let driven = ending.run_until_cancelled(AssertUnwindSafe(drive(setup)).catch_unwind());
            if driven.await.is_some_and(|ended| ended.is_err()) {
                // Where the actor is gone already, so is the process.
                me.cast(Message::Crashed).ok();
            }
        });
        Ok(State { driver: driver.abort_handle() })
    }

    async fn handle(&self, _me: ActorRef<Message>, message: Message, _state: &mut State) -> Result<(), ActorProcessingErr> {
        let Message::Crashed = message;
        Err("the driver of a lane panicked".into())
    }
}

async fn drive(setup: LaneSetup) {
    let mut driver = Driver { setup, watch: Watch::default(), quote: None, alarmed: None };
    loop {
        let mut busy = false;
        for _ in 0..ROUNDS {
            // Where the shard is being loaded again there may well be something to do.
            let Ok(round) = driver.round().await else {
                busy = true;
                // Another node may drive the lane meanwhile, and what was seen of it here grows old.
                driver.watch = Watch::default();
                break;
            };
            busy = round.busy;
            if !round.again {
                break;
            }
        }
        let pause = if busy { TICK } else { IDLE };
        // Woken or not, the next round derives what there is to do.
        tokio::time::timeout(pause, driver.setup.wake.notified()).await.ok();
    }
}

struct Driver {
    setup: LaneSetup,
    watch: Watch,
    quote: Option<(Instant, FeeQuote)>,
    alarmed: Option<Instant>,
}

/// What a round found.
struct Round {
    /// Something is under way.
    busy: bool,
    /// What was made durable allows a next step at once.
    again: bool,
}

/// An effect with what carrying it out takes from the lane's state.
enum Work {
    Observe(Vec<(u64, lane::TxHash)>),
    Check(Vec<Arc<Intent>>),
    Sign { account_nonce: u64, payload: Payload, fees: lane::Fees, body: Result<Body, tx::Unsignable> },
    Broadcast { hash: lane::TxHash, raw: Arc<[u8]> },
    Report { intent: Arc<Intent>, key: ItemKey, outcome: lane::Outcome },
    Alarm(Alarm),
}

impl Driver {
    fn shard(&self) -> Result<&Arc<ShardHandle>, Error> {
        self.setup.node.shard_of(self.setup.id.operator.slot()).ok_or(Error::Unavailable)
    }

    async fn round(&mut self) -> Result<Round, Error> {
        let (id, policy, through) = (self.setup.id, self.setup.chain.policy(), self.setup.chain.through());
        let now = self.setup.node.clock.now();
        self.refresh_quote().await;
        let (watch, quote) = (self.watch.clone(), self.quote.map(|(_, quote)| quote));
        // Only durable state is looked at: bytes are sent as they are stored (D-3).
        let work = self.shard()?.read(move |view| {
            let fresh = lane::Lane::new(id);
            let lane = view.shard.lane(&id).unwrap_or(&fresh);
            let busy = !lane.families.is_empty() || lane.items.values().any(|item| item.is_news() || is_open(item));
            let work: Vec<Work> =
                lane::effects(lane, &policy, &watch, quote, now).into_iter().filter_map(|effect| work(lane, effect, through)).collect();
            let mut pruned = watch;
            pruned.prune(lane);
            (busy, work, pruned)
        });
        let (busy, work, pruned) = work.await?;
        self.watch = pruned;
        let mut again = false;
        for work in work {
            again |= self.carry_out(work).await?;
        }
        Ok(Round { busy, again })
    }

    async fn refresh_quote(&mut self) {
        let stale = self.quote.is_none_or(|(at, _)| at.elapsed() >= QUOTE_FOR);
        if stale && let Ok(quote) = self.setup.chain.parts.rpc.fees().await {
            self.quote = Some((Instant::now(), quote));
        }
    }

    /// True where the next round may find more to do at once.
    async fn carry_out(&mut self, work: Work) -> Result<bool, Error> {
        let now = self.setup.node.clock.now();
        let (rpc, asking) = (&self.setup.chain.parts.rpc, self.setup.chain.asking(self.setup.id.operator));
        match work {
            Work::Observe(txs) => {
                self.watch.observed(&txs, now);
                let Ok(observation) = rpc.observe(&asking, &txs, now).await else { return Ok(false) };
                self.happened(Event::Observed(observation)).await?;
                Ok(true)
            }
            Work::Check(intents) => {
                let keys: Vec<_> = intents.iter().map(|intent| intent.key).collect();
                self.watch.checked(&keys, now);
                let checks = futures_util::future::join_all(intents.iter().map(|intent| rpc.check(&asking, intent, now))).await;
                for (key, check) in keys.into_iter().zip(checks) {
                    self.happened(Event::Checked { key, check }).await?;
                }
                Ok(true)
            }
            Work::Sign { account_nonce, payload, fees, body } => {
                let signed = body.and_then(|body| tx::sign(&self.setup.key, self.setup.id.network, account_nonce, fees, &body, now));
                match signed {
                    Ok(tx) => {
                        tracing::info!(lane = %self.setup.id.operator, account_nonce, tx = %tx.hash, cancel = tx.is_cancel, "signed a transaction");
                        self.happened(Event::Signed { account_nonce, payload, tx }).await?;
                        Ok(true)
                    }
                    Err(error) => {
                        tracing::error!(lane = %self.setup.id.operator, account_nonce, %error, "a transaction can't be signed");
                        Ok(false)
                    }
                }
            }
            Work::Broadcast { hash, raw } => {
                self.watch.sent(hash, now);
                let sent = rpc.send_raw(&raw).await;
                meters::broadcast(&sent);
                match sent {
                    Sent::Sent | Sent::AlreadyKnown | Sent::NonceTooLow => tracing::info!(tx = %hash, ?sent, "sent a transaction"),
                    Sent::Underpriced | Sent::InsufficientFunds | Sent::Refused(_) | Sent::Unanswered => {
                        tracing::warn!(tx = %hash, ?sent, "a transaction was not taken, it is sent again");
                    }
                }
                Ok(false)
            }
            Work::Report { intent, key, outcome } => {
                if tell(&self.setup.node, &intent, self.setup.id.network, outcome).await {
                    self.happened(Event::Acknowledged { key, outcome }).await?;
                }
                Ok(false)
            }
            // Derived anew in each round for as long as it holds.
            Work::Alarm(_) if self.alarmed.is_some_and(|at| at.elapsed() < ALARM_EVERY) => Ok(false),
            Work::Alarm(alarm) => {
                self.alarmed = Some(Instant::now());
                meters::lane_alarm();
                match alarm {
                    Alarm::FeesAboveCap { account_nonce } => {
                        let cap = self.setup.chain.fee_policy().cap;
                        tracing::error!(lane = %self.setup.id.operator, account_nonce, cap_wei = %cap, "the chain asks for more gas than may be paid");
                    }
                    Alarm::TooManyReplacements { account_nonce } => {
                        tracing::error!(lane = %self.setup.id.operator, account_nonce, "a transaction was replaced as often as it may be");
                    }
                }
                Ok(false)
            }
        }
    }

    async fn happened(&self, event: Event) -> Result<(), Error> {
        let command = Command::Lane { id: self.setup.id, event: Box::new(event), policy: self.setup.chain.policy() };
        match self.shard()?.execute(command).await {
            Ok(Reply::Lane(notices)) => {
                for notice in &notices {
                    self.note(notice);
                }
                Ok(())
            }
            Ok(_) => Ok(()),
            Err(api::Error::Refused(refusal)) => {
                tracing::warn!(lane = %self.setup.id.operator, %refusal, "the lane refuses what happened to it");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn note(&self, notice: &Notice) {
        let lane = self.setup.id.operator;
        match notice {
            Notice::Foreign { account_nonce } => {
                meters::lane_alarm();
                tracing::error!(%lane, account_nonce, "a transaction that isn't ours used the operator account: somebody else may have its key");
            }
            Notice::Reorged { tx } => tracing::warn!(%lane, %tx, "a reorg undid a transaction, its bytes are sent again"),
            Notice::Reverted { tx } => tracing::warn!(%lane, %tx, "a transaction reverted as a whole"),
        }
    }
}

const fn is_open(item: &lane::Item) -> bool {
    matches!(item.state, lane::ItemState::Waiting { .. } | lane::ItemState::Riding { .. } | lane::ItemState::Mined { is_final: false, .. })
}

fn work(lane: &lane::Lane, effect: Effect, through: tx::Through) -> Option<Work> {
    Some(match effect {
        Effect::Observe { txs } => Work::Observe(txs),
        Effect::Check { keys } => Work::Check(lane.intents(&keys)),
        Effect::Sign { account_nonce, payload, fees } => {
            let body = Body::of(lane, &payload, through);
            Work::Sign { account_nonce, payload, fees, body }
        }
        Effect::Broadcast { hash, raw } => Work::Broadcast { hash, raw },
        Effect::Report { key, outcome } => Work::Report { intent: Arc::clone(&lane.items.get(&key)?.intent), key, outcome },
        Effect::Alarm(alarm) => Work::Alarm(alarm),
    })
}
