//! A node in process over the in-memory store, with a scripted enricher.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use enrich_jobs::actors::{ChainParts, Error, JobFilter, Node, NodeSecret, Order, Parts, Peers, Settings};
use enrich_jobs::billing::PriceList;
use enrich_jobs::billing::quote::{Estimate, Question};
use enrich_jobs::billing::x402::newcomers::BreakerPolicy;
use enrich_jobs::callbacks::Deliverer;
use enrich_jobs::clock::{Clock, SystemClock, SystemRandom};
use enrich_jobs::enrich::{self, Answer, Call, Enricher, Found, Run};
use enrich_jobs::job::{FoundField, Job, Progress, Status};
use enrich_jobs::net::relay::Relay;
use enrich_jobs::net::{GuardSettings, GuardedClient, TrustedClient};
use enrich_jobs::receipt::{Keyring, Receipts};
use enrich_jobs::shard::Grant;
use enrich_jobs::store::Store;
use enrich_jobs::store::memory::Memory;
use enrich_jobs::types::{AgentId, JobId, Reach, Route, ServerKey, Usd};

/// Costs a cent a hop; ends as it is told.
pub struct Script {
    hops: u32,
    waits: bool,
    shows: bool,
    panics: bool,
    end: fn() -> Result<Found, enrich::Error>,
    runs: AtomicU32,
    calls: AtomicU32,
}

#[allow(clippy::unnecessary_wraps, reason = "other ends are errors")]
fn matched() -> Result<Found, enrich::Error> {
    Ok(Found { matched: true, result: "{\"matched\":true}".to_owned() })
}

impl Script {
    pub fn hops(hops: u32) -> Self {
        Self { hops, waits: false, shows: false, panics: false, end: matched, runs: AtomicU32::new(0), calls: AtomicU32::new(0) }
    }

    pub fn panics() -> Self {
        Self { panics: true, ..Self::hops(0) }
    }

    pub fn ends(end: fn() -> Result<Found, enrich::Error>) -> Self {
        Self { end, ..Self::hops(0) }
    }

    pub fn matched(self) -> Self {
        self
    }

    pub fn ending(self, end: fn() -> Result<Found, enrich::Error>) -> Self {
        Self { end, ..self }
    }

    /// After its hops it waits for a vendor that never answers.
    pub fn then_waits(self) -> Self {
        Self { waits: true, ..self }
    }

    /// After each hop it tells how far it is.
    pub fn showing(self) -> Self {
        Self { shows: true, ..self }
    }

    pub fn runs(&self) -> u32 {
        self.runs.load(Ordering::Relaxed)
    }

    /// Calls that a vendor has seen.
    pub fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Script")
    }
}

#[derive(Debug)]
struct Scripted(Arc<Script>, Route);

#[async_trait::async_trait]
impl Enricher for Scripted {
    fn route(&self) -> Route {
        self.1
    }

    fn estimate(&self, _payload: &str) -> Estimate {
        let (cost, hops) = (Usd::from_micros(10_000), self.0.hops);
        let all = cost.times(hops).unwrap();
        let questions = vec![Question { tool: "scripted", cost: Some(cost), at_most: Some(hops) }];
        Estimate { questions, typical: all, plan_max: Some(all), budget: None }
    }

    async fn run(&self, _payload: &str, run: &mut Run) -> Result<Found, enrich::Error> {
        fn call(request: &str) -> Call<'_> {
            Call { tool: "scripted", request, cost_max: Usd::from_micros(10_000), timeout: Duration::from_secs(5) }
        }
        let script = &self.0;
        script.runs.fetch_add(1, Ordering::Relaxed);
        assert!(!script.panics, "told to panic");
        for hop in 0..script.hops {
            let work = async {
                script.calls.fetch_add(1, Ordering::Relaxed);
                Ok(Answer { value: Some(hop), cost: Usd::from_micros(10_000) })
            };
            let request = hop.to_string();
            let _hop = run.hop(call(&request), work).await?;
            if script.shows {
                let found = FoundField { field: "number1".into(), value: format!("call {hop}").into(), confidence: 70 + hop };
                run.show(Progress { rounds_done: hop + 1, rounds_max: script.hops, found: vec![found] });
            }
        }
        if script.waits {
            let never = Call { timeout: Duration::from_mins(10), ..call("never") };
            let _hop = run.hop(never, std::future::pending::<Result<Answer<u32>, String>>()).await?;
        }
        (script.end)()
    }
}

pub struct TestNode {
    pub node: Node,
    pub script: Arc<Script>,
}

impl TestNode {
    pub async fn start(memory: Memory, script: Script) -> Self {
        Self::with_slots(memory, script, 16).await
    }

    pub async fn with_slots(memory: Memory, script: Script, slots: usize) -> Self {
        Self::at(memory, script, slots, Arc::new(SystemClock)).await
    }

    pub async fn at(memory: Memory, script: Script, slots: usize, clock: Arc<dyn Clock>) -> Self {
        Self::keeping(memory, script, slots, clock, 30).await
    }

    pub async fn keeping(memory: Memory, script: Script, slots: usize, clock: Arc<dyn Clock>, job_retention_days: u32) -> Self {
        let life = (clock, job_retention_days);
        Self::of(Arc::new(memory), script, slots, life, Vec::new()).await
    }

    /// Where wallets can pay.
    pub async fn with_chains(memory: Memory, script: Script, chains: Vec<ChainParts>) -> Self {
        Self::of(Arc::new(memory), script, 16, (Arc::new(SystemClock), 30), chains).await
    }

    /// One that wallets can pay, on any store.
    pub async fn paid(store: Arc<dyn Store>, script: Script, slots: usize, chains: Vec<ChainParts>) -> Self {
        Self::of(store, script, slots, (Arc::new(SystemClock), 30), chains).await
    }

    /// One of several on a store.
    pub async fn shared(store: Arc<dyn Store>, script: Script) -> Self {
        let secret = NodeSecret::new(&"a-secret-that-all-nodes-know".to_owned().into());
        let peers = Peers::new(TrustedClient::new().unwrap(), Relay::new().unwrap(), secret);
        let script = Arc::new(script);
        let enrichers = Route::ALL.map(|route| Arc::new(Scripted(Arc::clone(&script), route)) as Arc<dyn Enricher>).into();
        Self { node: node_of(store, enrichers, 16, (Arc::new(SystemClock), 30), Vec::new(), Some(peers)).await, script }
    }

    async fn of(store: Arc<dyn Store>, script: Script, slots: usize, life: (Arc<dyn Clock>, u32), chains: Vec<ChainParts>) -> Self {
        let script = Arc::new(script);
        let enrichers = Route::ALL.map(|route| Arc::new(Scripted(Arc::clone(&script), route)) as Arc<dyn Enricher>).into();
        Self { node: node_of(store, enrichers, slots, life, chains, None).await, script }
    }

    /// One with enrichers of its own.
    pub async fn selling(memory: Memory, enrichers: Vec<Arc<dyn Enricher>>) -> Self {
        let node = node_of(Arc::new(memory), enrichers, 16, (Arc::new(SystemClock), 30), Vec::new(), None).await;
        Self { node, script: Arc::new(Script::hops(0)) }
    }

    pub async fn agent(&self, credit: Usd) -> AgentId {
        self.node.create_agent("tester".into(), credit, None).await.unwrap().agent.id
    }

    /// The job once `enough` holds; a test that waits for ever is told so.
    pub async fn until(&self, id: JobId, enough: impl Fn(&Job) -> bool) -> Arc<Job> {
        let looked = async {
            let mut seen = 0;
            loop {
                let job = self.node.job_beyond(id, seen, u64::MAX, Duration::from_secs(1)).await.unwrap().expect("the job is there");
                if enough(&job) {
                    return job;
                }
                seen = job.state.version;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), looked).await.expect("the job gets there")
    }

    pub async fn ended(&self, id: JobId) -> Arc<Job> {
        self.until(id, |job| job.state.status.is_ended()).await
    }

    /// As a client does that was told to try again with the same key.
    pub async fn submit_until_accepted(&self, order: Order) -> JobId {
        let tried = async {
            loop {
                match self.node.submit(order.clone()).await {
                    Ok(accepted) => return accepted.job.spec.id,
                    Err(Error::Unavailable | Error::StorageFull | Error::Overloaded) => tokio::time::sleep(Duration::from_millis(20)).await,
                    Err(error) => panic!("{error}"),
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), tried).await.expect("it is accepted")
    }

    /// The one job that runs, once one does.
    pub async fn running(&self) -> JobId {
        let filter = JobFilter { status: Some(Status::Running), route: None };
        for _ in 0..500 {
            if let Some(job) = self.node.jobs(filter, None, 10).await.unwrap().items.first() {
                return job.spec.id;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no job runs");
    }

    /// Leaves everything as it is stored, like a process that is gone.
    pub async fn abandon(self) {
        self.node.shutdown().await;
    }

    /// A node that can be killed: it lives in a runtime of its own.
    pub async fn mortal(memory: Memory, script: Script) -> (Self, Life) {
        Self::living(Self::start(memory, script)).await
    }

    /// The same, with enrichers of its own.
    pub async fn mortal_selling(memory: Memory, enrichers: Vec<Arc<dyn Enricher>>) -> (Self, Life) {
        Self::living(Self::selling(memory, enrichers)).await
    }

    async fn living(starting: impl Future<Output = Self> + Send + 'static) -> (Self, Life) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let world = runtime.spawn(starting).await.unwrap();
        (world, Life(Some(runtime)))
    }
}

async fn node_of(
    store: Arc<dyn Store>,
    enrichers: Vec<Arc<dyn Enricher>>,
    slots: usize,
    (clock, job_retention_days): (Arc<dyn Clock>, u32),
    chains: Vec<ChainParts>,
    peers: Option<Peers>,
) -> Node {
    let guard = GuardSettings { reach: Reach::PublicAndLoopback, own: Vec::new(), contact: "tests".to_owned() };
    let parts = Parts {
        store,
        clock,
        random: Arc::new(SystemRandom),
        server_key: ServerKey::new([1; 32]),
        receipts: Receipts::new(Keyring::new(&ServerKey::new([1; 32]), &[]).unwrap(), Some("https://enrich.example")),
        enrichers,
        deliverer: Deliverer::new(GuardedClient::new(guard).unwrap()),
        peers,
        chains,
        settings: Settings {
            prices: PriceList::default(),
            slots,
            run_ms: 900_000,
            queue_ms: 120_000,
            max_timeout_seconds: 1200,
            job_retention_days,
            newcomers: BreakerPolicy { pause_ms: 3_000, ..BreakerPolicy::default() },
            waive_below: Usd::ZERO,
            drain_for: Duration::from_secs(2),
        },
    };
    Node::start(parts).await.unwrap()
}

/// What a node lives by.
pub struct Life(Option<tokio::runtime::Runtime>);

impl Life {
    /// Of a node that was started in this runtime.
    pub fn of(runtime: tokio::runtime::Runtime) -> Self {
        Self(Some(runtime))
    }

    /// Nothing of the node happens any more; nothing is written first.
    pub fn end(self) {
        drop(self);
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

pub fn order(agent: AgentId, ceiling: Usd) -> Order {
    Order {
        caller: Grant { agent, key: None, expires_at: None },
        route: Route::Websearch,
        payload: r#"{"business_name":"Acme Corp"}"#.into(),
        ceiling,
        callback_url: None,
        metadata: Box::default(),
        key: None,
        session: None,
    }
}
