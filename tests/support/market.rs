//! Buyers who order, ask, cancel and try again whatever happens to the server, and remember what they were told. At the end
//! the books have to agree with their memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::api::{Agent, Api, is_ended};
use super::luck::Luck;
use super::money::Bill;
use super::receiver::Receiver;
use super::vendor::Business;

/// A job that a buyer was given.
#[derive(Debug, Clone)]
struct Bought {
    agent: usize,
    key: String,
    poll_bearer: String,
    callback_secret: Option<String>,
}

/// What the buyers share.
struct Floor {
    api: Api,
    agents: Vec<Agent>,
    businesses: Vec<Business>,
    callback_url: String,
    bought: Mutex<BTreeMap<String, Bought>>,
    over: AtomicBool,
    repeats: AtomicU32,
    polls: AtomicU32,
}

pub struct Market {
    floor: Arc<Floor>,
    receiver: Arc<Receiver>,
    buyers: Vec<JoinHandle<()>>,
}

/// What there was in all.
#[derive(Debug, Default)]
pub struct Tally {
    pub jobs: usize,
    pub completed: usize,
    pub failed: usize,
    pub matched: usize,
    pub charged: i64,
    pub callbacks: usize,
    pub attempts: usize,
    pub repeats: u32,
    pub polls: u32,
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { jobs, completed, failed, matched, charged, callbacks, attempts, repeats, polls } = self;
        write!(f, "{jobs} jobs ({completed} completed, {failed} failed, {matched} matched), charged {charged} micro-dollars, ")?;
        write!(f, "{callbacks} callbacks in {attempts} attempts, {repeats} submits repeated, {polls} polls")
    }
}

impl Market {
    /// So many buyers begin, each with an agent of its own.
    pub async fn open(api: &Api, receiver: &Arc<Receiver>, businesses: &[Business], buyers: usize, luck: &mut Luck) -> Self {
        let mut agents = Vec::new();
        for _ in 0..buyers {
            // Enough for a long run whose vendors end nothing: what they hold stays held.
            agents.push(api.agent(1_000_000_000).await);
        }
        let floor = Arc::new(Floor {
            api: api.clone(),
            agents,
            businesses: businesses.to_vec(),
            callback_url: receiver.url(),
            bought: Mutex::default(),
            over: AtomicBool::new(false),
            repeats: AtomicU32::new(0),
            polls: AtomicU32::new(0),
        });
        let mut tasks: Vec<_> = (0..buyers).map(|agent| tokio::spawn(Arc::clone(&floor).buy(agent, luck.fork()))).collect();
        tasks.extend((0..2).map(|_| tokio::spawn(Arc::clone(&floor).watch(luck.fork()))));
        Self { floor, receiver: Arc::clone(receiver), buyers: tasks }
    }

    /// How many jobs were accepted so far.
    pub fn accepted(&self) -> usize {
        self.floor.bought.lock().unwrap().len()
    }

    /// Returns once so many more jobs were accepted.
    pub async fn sells(&self, more: usize) {
        let wanted = self.accepted() + more;
        let sold = async {
            while self.accepted() < wanted {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), sold).await.expect("jobs are sold");
    }

    /// The buyers finish what they are at and go home. The server has to be there for that.
    pub async fn close(&mut self) {
        self.floor.over.store(true, Ordering::Relaxed);
        for buyer in self.buyers.drain(..) {
            buyer.await.unwrap();
        }
    }

    /// Waits until every job has ended and every callback is taken, and compares what the server says with what the buyers were
    /// told, to the micro-dollar (I-2, I-4, I-10, I-16).
    pub async fn settle(&mut self) -> Tally {
        self.close().await;
        let floor = &self.floor;
        let bought = floor.bought.lock().unwrap().clone();
        let mut tally = Tally { jobs: bought.len(), ..Tally::default() };
        let mut ends = BTreeMap::new();
        let mut spent = vec![0; floor.agents.len()];
        let mut lines = vec![Vec::new(); floor.agents.len()];
        for (job, Bought { agent, key, poll_bearer, .. }) in &bought {
            let reply = floor.api.ended(job, poll_bearer).await;
            let (poll, bill) = (reply.json(), Bill::of_poll(&reply.body));
            assert_eq!(poll["metadata"]["order"].as_str(), Some(key.as_str()), "{poll}");
            let charged = check_end(&poll, &bill);
            spent[*agent] += charged;
            let moved = [("hold", bill.ceiling), ("charge", charged), ("refund", bill.ceiling - charged)];
            lines[*agent].extend(moved.iter().filter(|(_, amount)| *amount > 0).map(|(kind, _)| format!("{job}:{kind}")));
            let completed = poll["status"] == "completed";
            tally.completed += usize::from(completed);
            tally.failed += usize::from(!completed);
            tally.matched += usize::from(poll["result"]["matched"] == true);
            ends.insert(job.clone(), poll);
        }
        for (number, agent) in floor.agents.iter().enumerate() {
            // Credits = balances + held + revenue; and there is no job that its buyer does not know, so none twice per key.
            assert_eq!(floor.api.balance(agent).await, (agent.credit - spent[number], 0), "the balance of {}", agent.id);
            let mut statement = floor.api.statement(agent).await;
            statement.retain(|line| !line.contains(":deposit"));
            statement.sort();
            lines[number].sort();
            assert_eq!(statement, lines[number], "the statement of {}", agent.id);
            let own = bought.iter().filter(|(_, job)| job.agent == number).map(|(id, _)| id.clone());
            let listed: BTreeSet<_> = floor.api.list(agent).await.into_iter().collect();
            assert_eq!(listed, own.collect(), "the list of {}", agent.id);
        }
        tally.charged = spent.iter().sum();
        (tally.callbacks, tally.attempts) = self.check_callbacks(&bought, &ends).await;
        tally.repeats = self.floor.repeats.load(Ordering::Relaxed);
        tally.polls = self.floor.polls.load(Ordering::Relaxed);
        tally
    }

    /// Every end is told at least once, with the same id and the same signed body each time, and the body is that of the poll.
    async fn check_callbacks(&self, bought: &BTreeMap<String, Bought>, ends: &BTreeMap<String, Value>) -> (usize, usize) {
        let quiet = async {
            while !self.floor.api.owed().await.is_empty() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), quiet).await.expect("no callback is owed for ever");
        let mut attempts_of: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for attempt in self.receiver.seen() {
            attempts_of.entry(attempt.job()).or_default().push(attempt);
        }
        let (mut callbacks, mut count) = (0, 0);
        for (job, Bought { callback_secret, .. }) in bought {
            let attempts = attempts_of.remove(job).unwrap_or_default();
            let Some(secret) = callback_secret else {
                assert!(attempts.is_empty(), "{job} asked for no callback");
                continue;
            };
            let first = attempts.first().unwrap_or_else(|| panic!("the end of {job} was never told"));
            let event = first.json();
            let kind = if ends[job]["status"] == "failed" { "enrich.job_failed" } else { "enrich.job_completed" };
            assert_eq!((event["type"].as_str(), event["id"].as_str()), (Some(kind), Some(first.webhook_id())));
            assert_eq!(event["data"], ends[job], "what is told of {job} is what a poll says");
            for attempt in &attempts {
                assert_eq!((attempt.webhook_id(), &attempt.body), (first.webhook_id(), &first.body));
                attempt.verify(secret);
            }
            callbacks += 1;
            count += attempts.len();
        }
        assert!(attempts_of.is_empty(), "callbacks of jobs that nobody bought: {:?}", attempts_of.keys());
        (callbacks, count)
    }
}

/// Checks the bill of an ended job, and gives what it was charged.
fn check_end(poll: &Value, bill: &Bill) -> i64 {
    assert!(is_ended(poll) && poll["billing_status"] == "settled_virtual", "{poll}");
    let cancelled = poll["error"]["code"] == "CANCELLED";
    let owes = poll["result"]["matched"] == true || cancelled;
    let wanted = if owes { bill.cost() } else { 0 };
    let (charged, refunded) = (bill.charged.unwrap(), bill.refunded.unwrap());
    assert_eq!((charged, charged + refunded), (wanted, bill.ceiling), "{poll}");
    charged
}

impl Floor {
    /// One after the other; each order under a key of its own, sent again until it is accepted.
    async fn buy(self: Arc<Self>, agent: usize, mut luck: Luck) {
        for number in 0.. {
            if self.over.load(Ordering::Relaxed) {
                return;
            }
            let key = format!("order-{agent}-{number}");
            let body = self.order(&key, &mut luck);
            let (job, bought) = self.accepted(agent, &key, &body).await;
            self.bought.lock().unwrap().insert(job.clone(), bought.clone());
            if luck.one_in(6) {
                let (again, _) = self.accepted(agent, &key, &body).await;
                assert_eq!(again, job, "one key, one job");
            }
            if luck.one_in(8) {
                // Ended, cancelled, or nobody there: whatever comes of it, the bill tells.
                self.api.cancel(&job, &bought.poll_bearer).await.ok();
            }
            tokio::time::sleep(Duration::from_millis(luck.below(20))).await;
        }
    }

    fn order(&self, key: &str, luck: &mut Luck) -> String {
        let nobody = json!({"business_name": "Nobody Has Heard Of It", "city": "Tampa", "state": "FL"});
        let known = json!({"business_name": "Acme Corp", "city": "Tampa", "state": "FL", "zip": "33602"});
        let payload = match luck.below(8) {
            0 => nobody,
            1 => known,
            _ => luck.choice(&self.businesses).payload(),
        };
        let ceiling = luck.choice(&["0.05", "0.050001", "1.5", "2e-1"]);
        let mut order = json!({"route": "enrich/websearch", "payload": payload, "metadata": {"order": key}});
        if !luck.one_in(4) {
            order["callback_url"] = json!(self.callback_url);
        }
        // The amount as text, so that its bytes are what they are.
        order.to_string().replacen('{', &format!("{{\"bill_up_to_usd\":{ceiling},"), 1)
    }

    /// Sends one order until it is accepted.
    async fn accepted(&self, agent: usize, key: &str, body: &str) -> (String, Bought) {
        let tried = async {
            loop {
                if let Ok(reply) = self.api.submit(&self.agents[agent].bearer, Some(key), body).await {
                    if reply.status == 202 {
                        return reply.json();
                    }
                    assert_eq!(reply.status, 503, "{}", reply.text());
                }
                self.repeats.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
        };
        let accepted = tokio::time::timeout(Duration::from_mins(2), tried).await.expect("it is accepted in the end");
        let text = |field: &str| accepted[field].as_str().map(str::to_owned);
        let bought =
            Bought { agent, key: key.to_owned(), poll_bearer: text("poll_bearer").unwrap(), callback_secret: text("callback_secret") };
        (text("job_id").unwrap(), bought)
    }

    /// Asks for jobs as they come to mind: one that was accepted is never unknown, never goes back, and its end is final (I-10, I-11).
    async fn watch(self: Arc<Self>, mut luck: Luck) {
        let mut seen: BTreeMap<String, (usize, Option<Value>)> = BTreeMap::new();
        while !self.over.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(2)).await;
            let chosen = {
                let bought = self.bought.lock().unwrap();
                if bought.is_empty() {
                    None
                } else {
                    bought.iter().nth(usize::try_from(luck.below(bought.len() as u64)).unwrap()).map(|(id, job)| (id.clone(), job.clone()))
                }
            };
            let Some((id, job)) = chosen else { continue };
            let bearer = if luck.one_in(2) { &job.poll_bearer } else { &self.agents[job.agent].bearer };
            let Ok(reply) = self.api.poll(&id, bearer).await else { continue };
            self.polls.fetch_add(1, Ordering::Relaxed);
            if reply.status == 503 {
                continue;
            }
            assert_eq!(reply.status, 200, "{id} was accepted: {}", reply.text());
            let poll = reply.json();
            let rank =
                ["queued", "running", "completing", "completed", "failed"].iter().position(|known| poll["status"] == *known).unwrap();
            let (before, end) = seen.entry(id).or_insert((0, None));
            assert!(rank >= *before, "from {before} back to {poll}");
            assert!(end.as_ref().is_none_or(|end| *end == poll), "an end is final: {end:?}, then {poll}");
            (*before, *end) = (rank, is_ended(&poll).then_some(poll));
        }
    }
}
