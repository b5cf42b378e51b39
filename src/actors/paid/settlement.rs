//! Settlements on their way: each due is handed to its lane until the lane has it, and what becomes of it is told to the payer's
//! shard until that has it in its books. All of it follows from stored state, and can be done twice without harm.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use dashmap::{DashMap, DashSet};
use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::chains::{By, Chain};
use super::hosted;
use super::lane::{LaneActor, LaneSetup};
use super::stranded;
use super::stuck::{Stuck, Why};
use crate::actors::api::Error;
use crate::actors::keyed::stored_key;
use crate::actors::look::{Book, Unproven};
use crate::actors::meters;
use crate::actors::node::Inner;
use crate::actors::nodes;
use crate::actors::shard::ShardHandle;
use crate::billing::lane::{self, Claimant, Intent, ItemKey, LaneId, Outcome, TxHash};
use crate::billing::x402::newcomers::Newcomers;
use crate::job::{self, Spec, Status};
use crate::shard::{Command, Due, Refusal, RequestKey, ScopedKey};
use crate::types::{Map, Usd, Wallet};

/// The pause before a step is tried again, doubling up to the last.
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_LAST: Duration = Duration::from_secs(2);
/// The pause before a lane's actor that failed is started anew.
const RESTART_PAUSE: Duration = Duration::from_secs(1);

/// The node's side of all settlements.
#[derive(Debug, Default)]
pub(in crate::actors) struct Settlements {
    lanes: OnceLock<Map<LaneId, Arc<Notify>>>,
    outcomes: DashMap<ItemKey, watch::Sender<Option<Outcome>>>,
    /// Maxima of unproven payers between a look at the books and the commit.
    reserved: Arc<AtomicI64>,
    /// What somebody else's facilitator, or the chain alone, is being asked for: once at a time.
    asked: Arc<DashSet<ItemKey>>,
    /// What waits for a person.
    pub(super) stuck: DashMap<ItemKey, Stuck>,
    /// The node goes down: nothing is signed, sent or asked any more, and all goes on from what is stored.
    ending: CancellationToken,
}

/// Counts a settlement as being asked for, until it is dropped.
pub(super) struct Asking(Arc<DashSet<ItemKey>>, ItemKey);

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.remove(&self.1);
    }
}

/// Counts an unproven payer's maximum until its command is through: with the books it may count twice, never not at all.
#[derive(Debug)]
pub(super) struct Reservation {
    reserved: Arc<AtomicI64>,
    amount: Usd,
    /// What all unproven payers have signed for, this payment not included.
    pub(super) unproven_total: Usd,
    /// Whether unproven payers are taken.
    pub(super) newcomers: Newcomers,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.reserved.fetch_sub(self.amount.micros(), Ordering::AcqRel);
    }
}

impl Settlements {
    /// Sets an unproven payer's maximum aside while it is decided about.
    pub(super) async fn reserve(&self, node: &Inner, home: &ShardHandle, payer: Wallet, max: Usd) -> Result<Reservation, Error> {
        let proven = home.look(Book { wallet: payer }).await?.is_some_and(|book| book.settled > 0);
        let amount = if proven { Usd::ZERO } else { max };
        let before = self.reserved.fetch_add(amount.micros(), Ordering::AcqRel);
        let unproven_total = Usd::from_micros(before);
        let newcomers = node.newcomers.newcomers(node.clock.now());
        let mut reservation = Reservation { reserved: Arc::clone(&self.reserved), amount, unproven_total, newcomers };
        if proven {
            return Ok(reservation);
        }
        let elsewhere = nodes::reserved_elsewhere(node).await?;
        reservation.unproven_total = reservation.unproven_total.plus(elsewhere).unwrap_or(Usd::MAX_WIRE);
        for shard in node.shards() {
            let open = shard.look(Unproven {}).await?;
            reservation.unproven_total = reservation.unproven_total.plus(open).unwrap_or(Usd::MAX_WIRE);
        }
        Ok(reservation)
    }

    /// What is set aside here, and not in the books yet.
    pub(in crate::actors) fn reserved(&self) -> Usd {
        Usd::from_micros(self.reserved.load(Ordering::Acquire))
    }

    /// What is heard of a settlement from now on.
    pub(super) fn outcomes(&self, key: ItemKey) -> watch::Receiver<Option<Outcome>> {
        self.outcomes.entry(key).or_insert_with(|| watch::channel(None).0).subscribe()
    }

    pub(in crate::actors) fn announce(&self, key: ItemKey, outcome: Outcome) {
        if let Some(waiting) = self.outcomes.get(&key) {
            waiting.send_replace(Some(outcome));
        }
        self.outcomes.remove_if(&key, |_, waiting| waiting.receiver_count() == 0);
    }

    pub(in crate::actors) fn wake(&self, lane: &LaneId) {
        // Whoever starts later looks at everything first; and nothing is handed over to a lane that doesn't work here.
        if let Some(notify) = self.lanes.get().and_then(|lanes| lanes.get(lane)) {
            notify.notify_one();
        }
    }

    /// Whether a lane works here.
    pub(super) fn drives(&self, lane: &LaneId) -> bool {
        self.lanes.get().is_some_and(|lanes| lanes.contains_key(lane))
    }

    /// Ends lanes and whatever is on its way. Nothing durable is lost: it is derived again at the next start.
    pub(in crate::actors) fn end(&self) {
        self.ending.cancel();
    }

    /// Resolves once the node goes down.
    pub(in crate::actors) fn ending(&self) -> CancellationToken {
        self.ending.clone()
    }

    pub(super) fn ask(&self, key: ItemKey) -> Option<Asking> {
        self.asked.insert(key).then(|| Asking(Arc::clone(&self.asked), key))
    }

    /// Starts a lane for each operator account.
    pub(in crate::actors) async fn start(node: &Arc<Inner>) -> Result<(), ractor::SpawnErr> {
        let mut lanes = Map::default();
        let mut setups = Vec::new();
        for chain in node.chains.all() {
            for key in chain.operators() {
                let id = LaneId { network: chain.parts.terms.network, operator: key.wallet() };
                let wake = Arc::new(Notify::new());
                lanes.insert(id, Arc::clone(&wake));
                setups.push(LaneSetup { node: Arc::clone(node), chain: Arc::clone(chain), id, key: key.clone(), wake });
            }
        }
        node.settlements.lanes.get_or_init(|| lanes);
        let (supervisor, _) = Actor::spawn(None, Supervisor, ()).await?;
        for setup in setups {
            // A supervisor that is gone already is the end of the process.
            supervisor.cast(Message::Start(Box::new(setup))).ok();
        }
        Ok(())
    }
}

/// Sees to a due: chooses its lane, then hands it over. Called for every due at a start, and whenever one changes.
pub(in crate::actors) fn settle(node: &Arc<Inner>, due: Due) {
    let node = Arc::clone(node);
    let ending = node.settlements.ending();
    tokio::spawn(async move { ending.run_until_cancelled(see_to(&node, &due)).await });
}

async fn see_to(node: &Arc<Inner>, due: &Due) {
    // Whoever holds the payer's shard sees to it.
    if !node.shard_of(due.payment.verified.payer.slot()).is_some_and(|shard| shard.is_ready()) {
        return;
    }
    let chain = node.chains.of(due.network()).cloned();
    let by = chain.as_deref().map_or(Err(Why::Network), |chain| chain.settles(due, node.clock.now()));
    match (by, &chain) {
        (Ok(By::Lane(lane)), Some(chain)) if due.lane.is_some() => hand_over(node, chain, lane, due).await,
        (Ok(By::Lane(lane)), _) => {
            // Durable first; the changed due comes back here and is handed over.
            let command = || Command::AssignLane { key: due.key, lane };
            persist(node, due.payment.verified.payer, command).await;
        }
        (Ok(By::Facilitator), Some(chain)) => {
            // A shard that is loaded again brings its dues again.
            if let Some(_asking) = node.settlements.ask(due.key) {
                hosted::settle(node, chain, due).await;
            }
        }
        // Tried by another nevertheless, it would fail until it is given up, and its payer would owe what we can't collect.
        (Err(why), chain) => stranded::wait(node, chain.as_deref(), due, why).await,
        (Ok(By::Facilitator), None) => {}
    }
}

/// Ends a job that a wallet pays for when it has waited too long for its slot (D-4, T-09): its authorization runs out meanwhile.
pub(in crate::actors) fn time_out(node: &Arc<Inner>, spec: &Spec) {
    if spec.payment.is_none() {
        return;
    }
    let (node, id) = (Arc::clone(node), spec.id);
    let left_ms = spec.created_at.plus_millis(node.settings.queue_ms).millis_since(node.clock.now());
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(u64::try_from(left_ms).unwrap_or(0))).await;
        let is_waiting = || node.published.job(&id).is_some_and(|job| job.state.status == Status::Queued);
        while is_waiting() {
            let Some(shard) = node.shard_of(id.slot()) else { return };
            let event = job::Event::QueueTimedOut { at: node.clock.now() };
            if let Ok(_) | Err(Error::Refused(_)) = shard.execute(Command::Job { id, event }).await {
                return;
            }
            tokio::time::sleep(RETRY_LAST).await;
        }
    });
}

async fn hand_over(node: &Arc<Inner>, chain: &Chain, lane: LaneId, due: &Due) {
    let intent = match due.intent() {
        Ok(intent) => Arc::new(intent),
        Err(error) => {
            tracing::error!(%error, "a settlement that is owed can't be made");
            return;
        }
    };
    let command = || {
        let event = Box::new(lane::Event::Due { intent: Arc::clone(&intent), at: node.clock.now() });
        Command::Lane { id: lane, event, policy: chain.policy() }
    };
    match persist(node, lane.operator, command).await {
        // What became of it the lane may have known and forgotten.
        Some(Refusal::Lane(lane::Rejection::TooLate)) => stranded::wait(node, Some(chain), due, Why::Late).await,
        Some(_) => {}
        None => node.settlements.wake(&lane),
    }
}

/// Sends a command to a wallet's shard until that has it, or says no: unknown is not failed.
pub(super) async fn persist(node: &Arc<Inner>, home: Wallet, command: impl Fn() -> Command) -> Option<Refusal> {
    let mut pause = RETRY_FIRST;
    loop {
        let shard = node.shard_of(home.slot())?;
        match shard.execute(command()).await {
            Ok(_) => return None,
            Err(Error::Refused(refusal)) => {
                // A due that is gone meanwhile has been settled; one that comes late is looked for on the chain.
                if !matches!(refusal, Refusal::NoDue | Refusal::Lane(lane::Rejection::TooLate)) {
                    tracing::error!(%refusal, "a step of a settlement was refused");
                }
                return Some(refusal);
            }
            Err(_) => {
                tokio::time::sleep(pause).await;
                pause = pause.saturating_mul(2).min(RETRY_LAST);
            }
        }
    }
}

/// Tells the payer's shard what became of a settlement. True once it is in the books.
pub(super) async fn tell(node: &Arc<Inner>, intent: &Intent, network: crate::types::Network, outcome: Outcome) -> bool {
    // The agent's balance first: a payment whose due is gone can't be credited any more.
    if let (Claimant::Agent(agent), Outcome::Settled(_)) = (intent.claimant, outcome)
        && !deposit(node, agent, intent, network).await
    {
        return false;
    }
    let Some(shard) = node.shard_of(intent.payer.slot()) else { return false };
    let heard = shard.execute(Command::Heard { key: intent.key, outcome, at: node.clock.now() }).await;
    match heard {
        Ok(_) => {
            meters::settlement(outcome);
            node.settlements.announce(intent.key, outcome);
            true
        }
        Err(Error::Refused(refusal)) => {
            tracing::error!(%refusal, "an outcome of a settlement can't be booked");
            false
        }
        Err(_) => false,
    }
}

/// What came of a proof.
pub(super) enum Proving {
    /// The settlement is booked as mined, and the log proves nothing else from now on.
    Booked,
    /// The log proves another payment.
    Taken,
    /// Nobody knows: to be tried again.
    Unknown,
}

/// Books a settlement as mined by a log of a transaction. All that a log may prove is of one payer, so of one shard.
pub(super) async fn prove(node: &Arc<Inner>, intent: &Intent, network: crate::types::Network, log: (TxHash, usize)) -> Proving {
    let Some(shard) = node.shard_of(intent.payer.slot()) else { return Proving::Unknown };
    let (tx, number) = log;
    let key = crate::actors::keyed::scoped_key(b"settled-by", &format!("{network}/{tx}/{number}"));
    let (head, _) = intent.key.0.split_at(16);
    let request = head.iter().fold(0, |sum, byte| (sum << 8) | u128::from(*byte));
    loop {
        let Ok(looked_up_at) = shard.generation().await else { return Proving::Unknown };
        match stored_key(shard, key).await {
            Ok(Some(entry)) if entry.request != request => return Proving::Taken,
            Ok(Some(_)) => {
                let is_booked = tell(node, intent, network, Outcome::Mined(tx)).await;
                return if is_booked { Proving::Booked } else { Proving::Unknown };
            }
            Ok(None) => {}
            Err(_) => return Proving::Unknown,
        }
        let log = RequestKey { key, request, looked_up_at };
        let answer = shard.execute(Command::Proven { key: intent.key, tx, log, at: node.clock.now() }).await;
        match answer {
            Ok(_) => {
                meters::settlement(Outcome::Mined(tx));
                node.settlements.announce(intent.key, Outcome::Mined(tx));
                return Proving::Booked;
            }
            Err(Error::Refused(Refusal::LookAgain)) => {}
            Err(Error::Refused(Refusal::KeyReused)) => return Proving::Taken,
            Err(_) => return Proving::Unknown,
        }
    }
}

/// The name of a deposit in its agent's shard, which makes a repeat harmless.
pub(super) fn deposit_key(payment: ItemKey) -> ScopedKey {
    crate::actors::keyed::scoped_key(b"deposit", &hex_of(&payment))
}

fn hex_of(key: &ItemKey) -> String {
    format!("{key:?}")
}

async fn deposit(node: &Arc<Inner>, agent: crate::types::AgentId, intent: &Intent, network: crate::types::Network) -> bool {
    let Some(shard) = node.shard_of(agent.slot()) else { return false };
    let key = deposit_key(intent.key);
    loop {
        let Ok(looked_up_at) = shard.generation().await else { return false };
        match stored_key(shard, key).await {
            Ok(Some(_)) => return true,
            Ok(None) => {}
            Err(_) => return false,
        }
        let request = RequestKey { key, request: 0, looked_up_at };
        let at = node.clock.now();
        let answer = shard.execute(Command::Deposit { agent, payment: intent.key, network, amount: intent.amount, key: request, at }).await;
        match answer {
            Ok(_) => return true,
            Err(Error::Refused(Refusal::LookAgain)) => {}
            Err(error) => {
                tracing::error!(%agent, %error, "a deposit that was paid is not credited yet");
                return false;
            }
        }
    }
}

/// Starts lanes' actors, again where one failed.
struct Supervisor;

enum Message {
    Start(Box<LaneSetup>),
}

impl Actor for Supervisor {
    type Msg = Message;
    type State = Map<ractor::ActorId, LaneSetup>;
    type Arguments = ();

    async fn pre_start(&self, _me: ActorRef<Message>, (): ()) -> Result<Self::State, ActorProcessingErr> {
        Ok(Map::default())
    }

    async fn handle(&self, me: ActorRef<Message>, message: Message, state: &mut Self::State) -> Result<(), ActorProcessingErr> {
        let Message::Start(setup) = message;
        let (actor, _) = Actor::spawn_linked(None, LaneActor, (*setup).clone(), me.get_cell()).await?;
        state.insert(actor.get_id(), *setup);
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        me: ActorRef<Message>,
        event: SupervisionEvent,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        if let SupervisionEvent::ActorFailed(who, error) = event
            && let Some(setup) = state.remove(&who.get_id())
        {
            tracing::error!(lane = %setup.id.operator, %error, "a lane failed, it is started again");
            me.send_after(RESTART_PAUSE, move || Message::Start(Box::new(setup.clone())));
        }
        Ok(())
    }
}
