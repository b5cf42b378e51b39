//! The node: every shard that this process owns, and the handle that the edge holds.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ractor::SpawnErr;

use super::api::{Accepted, Error, IdempotencyKey, MadeUsageKey, NewUsageKey, Order};
use super::introductions::Introductions;
use super::keyed::{Keyed, keyed, scoped_key, stored_key};
use super::look;
use super::nodes::{self, Membership, Peers};
use super::paid::{ChainParts, Chains, NewcomersWatch, Settlements};
use super::published::Published;
use super::quotes::Others;
use super::shard::ShardHandle;
use super::slots::Slots;
use crate::billing::PriceList;
use crate::billing::x402::newcomers::BreakerPolicy;
use crate::callbacks::Deliverer;
use crate::clock::{Clock, Random};
use crate::enrich::Enricher;
use crate::job::{self, Billing, Effect, Job, Spec};
use crate::receipt::Receipts;
use crate::shard::history::job_key;
use crate::shard::{Agent, Command, Grant, KeyEntry, Made, Refusal, Reply, Session, Table, codec};
use crate::store::{Leases, Store};
use crate::types::{AgentId, JobId, Route, ServerKey, SessionId, SessionKey, ShardId, Slot, Token, TokenKind, UsageKeyId, Usd};

/// What the operator decides.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The price of every route.
    pub prices: PriceList,
    /// How many jobs run at a time.
    pub slots: usize,
    /// How long a run may take, in milliseconds.
    pub run_ms: i64,
    /// How long a job that a wallet pays for may wait for its slot, in milliseconds.
    pub queue_ms: i64,
    /// Told to clients: queue, run and settlement together, in seconds.
    pub max_timeout_seconds: u32,
    /// Ended jobs are removed when they have been over for so long.
    pub job_retention_days: u32,
    /// When payers that never paid before are paused.
    pub newcomers: BreakerPolicy,
    /// Charges by `upto` below this are waived.
    pub waive_below: Usd,
    /// How long a shutdown waits for running jobs before it leaves them to the next start.
    pub drain_for: Duration,
}

/// Everything that a node is built from.
#[derive(Debug)]
pub struct Parts {
    /// Where its shards are kept.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Luck.
    pub random: Arc<dyn Random>,
    /// From which poll bearers and callback secrets are derived.
    pub server_key: ServerKey,
    /// Signs what a job that is over was and cost.
    pub receipts: Receipts,
    /// What is sold, one for each route.
    pub enrichers: Vec<Arc<dyn Enricher>>,
    /// Delivers callbacks.
    pub deliverer: Deliverer,
    /// The way to other nodes, where several share the store.
    pub peers: Option<Peers>,
    /// Where wallets can pay.
    pub chains: Vec<ChainParts>,
    /// What the operator decides.
    pub settings: Settings,
}

/// A shard could not be taken or read.
#[derive(Debug, thiserror::Error)]
#[error("shard {shard} can't be started: {source}")]
pub struct StartError {
    shard: u16,
    source: ractor::SpawnErr,
}

/// The handle to a running node. Cheap to clone.
#[derive(Clone)]
pub struct Node {
    pub(super) inner: Arc<Inner>,
    pub(super) shards: Arc<[Arc<ShardHandle>]>,
}

/// What the node's actors share.
pub(super) struct Inner {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
    pub(super) server_key: ServerKey,
    pub(super) receipts: Receipts,
    pub(super) deliverer: Deliverer,
    pub(super) peers: Option<Peers>,
    pub(super) settings: Settings,
    pub(super) published: Published,
    pub(super) chains: Arc<Chains>,
    pub(super) settlements: Settlements,
    pub(super) introductions: Introductions,
    pub(super) newcomers: NewcomersWatch,
    pub(super) precedents: Others,
    enrichers: Vec<Arc<dyn Enricher>>,
    slots: Slots,
    draining: AtomicBool,
    leaving: AtomicBool,
    pub(super) membership: Membership,
    shards: OnceLock<Arc<[Arc<ShardHandle>]>>,
}

impl Inner {
    pub(super) fn enricher(&self, route: Route) -> Option<Arc<dyn Enricher>> {
        self.enrichers.iter().find(|enricher| enricher.route() == route).cloned()
    }

    /// Puts a durable job into the fair queue.
    pub(super) fn enqueue(&self, spec: &Spec) {
        self.start(self.slots.enqueue(spec.payer(), spec.id));
    }

    /// A job has left its slot.
    pub(super) fn release(&self) {
        self.start(self.slots.release());
    }

    fn start(&self, granted: Vec<JobId>) {
        // Not by recursion: a shard that is being loaded again takes none, and its whole line may stand in the queue.
        let mut granted = granted;
        while let Some(job) = granted.pop() {
            let started = self.shard_of(job.slot()).is_some_and(|shard| shard.start(job));
            if !started {
                granted.extend(self.slots.release());
            }
        }
    }

    /// Whether it goes down, and takes no shards any more.
    pub(super) fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }

    /// Every shard.
    pub(super) fn shards(&self) -> impl Iterator<Item = &Arc<ShardHandle>> {
        self.shards.get().into_iter().flat_map(|shards| shards.iter())
    }

    pub(super) fn shard_of(&self, slot: Slot) -> Option<&Arc<ShardHandle>> {
        let shards = self.shards.get()?;
        let count = u16::try_from(shards.len()).unwrap_or(u16::MAX);
        shards.get(usize::from(slot.shard(count).0))
    }

    /// A job from memory, or else its row.
    pub(super) async fn stored_job(&self, id: JobId) -> Result<Option<Arc<Job>>, Error> {
        let Some(shard) = self.shard_of(id.slot()) else { return Ok(None) };
        if let Some(job) = self.published.job(&id) {
            return Ok(Some(job));
        }
        if !shard.is_ready() && self.peers.is_some() {
            // Memory first, as below: one that ends between the two looks has its row then.
            if let Some(job) = shard.look(look::OneJob { id }).await? {
                return Ok(Some(job));
            }
        }
        // Asked before the looks: a shard that becomes ready behind them has shown what they missed.
        let ready = shard.is_ready() || self.peers.is_some();
        let row = self.store.get(shard.id, Table::EndedJob, &job_key(&id)).await.map_err(unread)?;
        let job = row.map(|row| codec::decode::<Job>(&row)).transpose().map_err(|error| Error::Corrupt(error.to_string()))?;
        // It may have ended between the two looks: then the second one finds it.
        match job.map(Arc::new).or_else(|| self.published.job(&id)) {
            // A row holds while the shard is away, as an ended job is final; that there is none says nothing then (D-10: no 404).
            None if !ready => Err(Error::Unavailable),
            job => Ok(job),
        }
    }
}

impl Node {
    /// Takes every shard of the store and starts its actors. Jobs that have not ended go on by themselves.
    ///
    /// # Errors
    /// [`StartError`] where a shard can't be taken or read: a node with a part of its shards would answer 404 for jobs that are there.
    pub async fn start(parts: Parts) -> Result<Self, StartError> {
        let Parts { store, clock, random, server_key, receipts, enrichers, deliverer, peers, chains, settings } = parts;
        let count = store.layout().shards;
        let inner = Arc::new(Inner {
            store,
            clock,
            random,
            server_key,
            receipts,
            deliverer,
            peers,
            settings,
            published: Published::default(),
            chains: Arc::new(Chains::new(chains)),
            settlements: Settlements::default(),
            introductions: Introductions::default(),
            newcomers: NewcomersWatch::new(settings.newcomers),
            precedents: Others::default(),
            enrichers,
            slots: Slots::new(settings.slots),
            draining: AtomicBool::new(false),
            leaving: AtomicBool::new(false),
            membership: Membership::default(),
            shards: OnceLock::new(),
        });
        let shards: Arc<[_]> = (0..count).map(|id| Arc::new(ShardHandle::new(ShardId(id), Arc::clone(&inner)))).collect();
        inner.shards.get_or_init(|| Arc::clone(&shards));
        if inner.store.leases().is_some() {
            // Its share, and no more: others may be there.
            nodes::start(&inner).await.map_err(|source| StartError { shard: 0, source: SpawnErr::StartupFailed(Box::new(source)) })?;
        } else {
            let starting =
                shards.iter().map(|handle| async move { handle.take().await.map_err(|source| StartError { shard: handle.id.0, source }) });
            for started in futures_util::future::join_all(starting).await {
                started?;
            }
        }
        Settlements::start(&inner).await.map_err(|source| StartError { shard: 0, source })?;
        let watching = Arc::clone(&inner);
        tokio::spawn(async move { watching.chains.watch(&watching).await });
        Ok(Self { inner, shards })
    }

    /// Ends in order (CP-28): no job starts any more, running ones get a while, what is stored is flushed. A job that is
    /// still running then goes on at the next start, after its last recorded hop.
    pub async fn shutdown(&self) {
        self.drain();
        self.inner.slots.close();
        self.inner.leaving.store(true, Ordering::Relaxed);
        let patience = tokio::time::Instant::now() + self.inner.settings.drain_for;
        while self.inner.slots.load().0 > 0 && tokio::time::Instant::now() < patience {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // Before the books are closed: what is signed now could not be stored any more, and what isn't stored is never sent.
        self.inner.settlements.end();
        // Others plan without this node from here on, and take each shard as soon as it is given up.
        nodes::leave(&self.inner).await;
        futures_util::future::join_all(self.shards.iter().map(|shard| nodes::give_up(&self.inner, shard))).await;
    }

    /// What a token opens; nothing for one that is unknown, revoked or expired. From memory.
    pub fn authenticate(&self, token: &Token) -> Option<Grant> {
        let grant = self.inner.published.token(&token.hash())?;
        let expired = grant.expires_at.is_some_and(|expires_at| expires_at <= self.inner.clock.now());
        (!expired).then_some(grant)
    }

    /// Derives poll bearers and callback secrets.
    pub fn server_key(&self) -> &ServerKey {
        &self.inner.server_key
    }

    /// What the operator decides.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// Accepts a job: durable when this returns.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn submit(&self, order: Order) -> Result<Accepted, Error> {
        if let Err(error) = self.takes_work() {
            // A repeat takes no work: it gets its answer also while nothing new is taken.
            let replayed = match &order.key {
                Some(key) => self.replayed(order.caller, key).await?,
                None => None,
            };
            return replayed.ok_or(error);
        }
        if let Some(key) = &order.key
            && let Some(accepted) = self.replayed_on_its_way(order.caller, key).await?
        {
            return Ok(accepted);
        }
        let Order { caller, route, payload, ceiling, callback_url, metadata, key, session } = order;
        let shard = self.shard(caller.agent.slot())?;
        let at = self.inner.clock.now();
        let spec = Arc::new(Spec {
            id: JobId::new(caller.agent.slot(), self.inner.random.uuid_v7(at)),
            billing: Billing::Virtual { agent: caller.agent, key: caller.key },
            route,
            payload,
            ceiling,
            price: self.inner.settings.prices.of(route),
            callback_url,
            metadata,
            created_at: at,
            run_ms: self.inner.settings.run_ms,
            payment: None,
            buyer: None,
            session,
        });
        let scope = caller.agent.as_bytes();
        match keyed(shard, scope, key.as_ref(), |key| Command::Submit { spec: Arc::clone(&spec), key }).await? {
            Keyed::Reply(Reply::Accepted(job)) => Ok(Accepted { job, replayed: false }),
            Keyed::Made(Made::Job(id)) => {
                let job = self.job(id).await?.ok_or(Error::NoJob(id))?;
                Ok(Accepted { job, replayed: true })
            }
            Keyed::Made(_) | Keyed::Reply(_) => Err(Error::Refused(Refusal::KeyReused)),
        }
    }

    /// The job that a key made before, without making one. For answers while new work is refused.
    ///
    /// # Errors
    /// [`Refusal::KeyReused`] where the key came with another request.
    pub async fn replayed(&self, caller: Grant, key: &IdempotencyKey) -> Result<Option<Accepted>, Error> {
        if let Some(accepted) = self.replayed_on_its_way(caller, key).await? {
            return Ok(Some(accepted));
        }
        let shard = self.shard(caller.agent.slot())?;
        let scoped = scoped_key(caller.agent.as_bytes(), &key.key);
        let entry = match shard.look(look::Key { key: scoped }).await? {
            Some(entry) => Some(entry),
            // Let go from memory only once its row is written.
            None => stored_key(shard, scoped).await?,
        };
        match entry {
            Some(entry) => self.replayed_of(&entry, key).await,
            None => Ok(None),
        }
    }

    /// The job that a wallet has paid for under an agent's key, where the agent's shard has yet to hear of it.
    async fn replayed_on_its_way(&self, caller: Grant, key: &IdempotencyKey) -> Result<Option<Accepted>, Error> {
        match self.inner.introductions.key(&scoped_key(caller.agent.as_bytes(), &key.key)) {
            Some(entry) => self.replayed_of(&entry, key).await,
            None => Ok(None),
        }
    }

    async fn replayed_of(&self, entry: &KeyEntry, key: &IdempotencyKey) -> Result<Option<Accepted>, Error> {
        match entry.made {
            Made::Job(id) if entry.request == key.request => Ok(self.job(id).await?.map(|job| Accepted { job, replayed: true })),
            Made::Job(_) | Made::Credit { .. } | Made::Agent(_) | Made::UsageKey(..) | Made::Payment(_) => {
                Err(Error::Refused(Refusal::KeyReused))
            }
        }
    }

    /// A live or just-ended job, from memory: polls try this first.
    pub fn job_in_memory(&self, id: &JobId) -> Option<Arc<Job>> {
        self.inner.published.job(id)
    }

    /// A job, from memory or else from its row.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where the store can't be read.
    pub async fn job(&self, id: JobId) -> Result<Option<Arc<Job>>, Error> {
        self.inner.stored_job(id).await
    }

    /// Cancels a job: free while it is queued; a running one is stopped and costs what it cost so far.
    ///
    /// # Errors
    /// [`Refusal::NoJob`] or [`job::Rejection::Ended`] where it has ended.
    pub async fn cancel(&self, id: JobId) -> Result<Arc<Job>, Error> {
        let shard = self.shard(id.slot())?;
        let event = job::Event::CancelRequested { at: self.inner.clock.now() };
        let Reply::Moved(job, effects) = shard.execute(Command::Job { id, event }).await? else { return Err(Error::NoJob(id)) };
        if effects.contains(&Effect::StopRun) {
            shard.stop(id);
        }
        Ok(job)
    }

    /// An agent with its balance.
    ///
    /// # Errors
    /// [`Error::NoAgent`].
    pub async fn agent(&self, id: AgentId) -> Result<Agent, Error> {
        let found = self.shard(id.slot())?.look(look::OneAgent { id }).await?;
        found.ok_or(Error::NoAgent(id))
    }

    /// An agent's session, unless it is over.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where its shard does not answer.
    pub async fn session(&self, agent: AgentId, id: &SessionId) -> Result<Option<Session>, Error> {
        let (key, now) = (SessionKey::new(agent, id), self.inner.clock.now());
        let known = self.shard(agent.slot())?.look(look::OneSession { key }).await?;
        Ok(known.filter(|session| !session.is_over(now)))
    }

    /// A new bearer for an agent; the old one is unknown from then on.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn rotate_token(&self, agent: AgentId) -> Result<Token, Error> {
        let token = Token::new(TokenKind::Agent, agent.slot(), self.inner.random.secret());
        let command = Command::RotateToken { agent, token: token.hash() };
        self.shard(agent.slot())?.execute(command).await?;
        Ok(token)
    }

    /// A new usage key for an agent.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn create_usage_key(&self, agent: AgentId, new: NewUsageKey) -> Result<MadeUsageKey, Error> {
        let NewUsageKey { label, spend_cap, expires_at, key } = new;
        let at = self.inner.clock.now();
        let id = UsageKeyId::from_bytes(self.inner.random.uuid_v7(at));
        let token = Token::new(TokenKind::UsageKey, agent.slot(), self.inner.random.secret());
        let hash = token.hash();
        let command = |key| Command::CreateUsageKey { agent, id, token: hash, label: label.clone(), spend_cap, expires_at, key, at };
        let shard = self.shard(agent.slot())?;
        let (id, token) = match keyed(shard, agent.as_bytes(), key.as_ref(), command).await? {
            Keyed::Made(Made::UsageKey(_, made)) => (made, None),
            Keyed::Made(_) => return Err(Error::Refused(Refusal::KeyReused)),
            Keyed::Reply(_) => (id, Some(token)),
        };
        let owner = self.agent(agent).await?;
        let key = owner.keys.into_iter().find(|known| known.id == id).ok_or(Refusal::NoUsageKey)?;
        Ok(MadeUsageKey { key, token })
    }

    /// Revokes a usage key.
    ///
    /// # Errors
    /// [`Refusal::NoUsageKey`].
    pub async fn revoke_usage_key(&self, agent: AgentId, id: UsageKeyId) -> Result<(), Error> {
        self.shard(agent.slot())?.execute(Command::RevokeUsageKey { agent, id }).await.map(|_| ())
    }

    /// Takes no new jobs from now on; accepted ones go on.
    pub fn drain(&self) {
        self.inner.draining.store(true, Ordering::Relaxed);
    }

    /// Whether new jobs are refused.
    pub fn is_draining(&self) -> bool {
        self.inner.draining.load(Ordering::Relaxed)
    }

    /// Empty where this node can answer; else why not.
    pub fn not_ready(&self) -> Vec<String> {
        let me = self.inner.store.leases().map(Leases::me);
        let is_elsewhere = |shard: &ShardHandle| self.inner.membership.holder(shard.id).is_some_and(|holder| Some(&holder.node.id) != me);
        let missing = self.shards.iter().filter(|shard| !shard.is_ready() && !is_elsewhere(shard));
        let missing = missing.map(|shard| match shard.trouble() {
            Some(trouble) => format!("shard {} can't be loaded: {trouble}", shard.id.0),
            None => format!("shard {} is being loaded", shard.id.0),
        });
        let full = (!self.inner.store.accepts_work()).then(|| "the disk is full: no new work is taken".to_owned());
        let draining = self.is_draining().then(|| "the node is draining".to_owned());
        missing.chain(full).chain(draining).collect()
    }

    /// Running and queued jobs of this node.
    pub fn load(&self) -> (usize, usize) {
        self.inner.slots.load()
    }

    pub(super) fn shard(&self, slot: Slot) -> Result<&ShardHandle, Error> {
        let count = u16::try_from(self.shards.len()).unwrap_or(u16::MAX);
        self.shards.get(usize::from(slot.shard(count).0)).map(|shard| &**shard).ok_or(Error::Unavailable)
    }

    pub(super) fn takes_work(&self) -> Result<(), Error> {
        if self.is_draining() {
            return Err(Error::Draining);
        }
        if !self.inner.store.accepts_work() {
            return Err(Error::StorageFull);
        }
        Ok(())
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").field("shards", &self.shards.len()).finish_non_exhaustive()
    }
}

/// A read that failed says nothing about what is stored.
pub(super) fn unread(error: crate::store::Error) -> Error {
    if let crate::store::Error::Corrupt(message) = error {
        return Error::Corrupt(message);
    }
    tracing::warn!(%error, "the store can't be read");
    Error::Unavailable
}
