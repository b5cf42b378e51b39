//! Random lives of a shard over a store that forgets nothing and crashes anywhere.

mod audits;
mod claims;
mod introductions;
mod lives;
mod paid;
mod payments;
mod precedents;
mod sessions;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::audit::Audit;
use super::*;
use crate::billing::Price;
use crate::job::{self, Billing, Hop, HopOutcome, Job, Spec, Status};
use crate::types::{AgentId, JobId, Route, Timestamp, TokenHash, UsageKeyId, Usd};

const AT: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// Rows and records as a store has them.
#[derive(Default, Clone)]
struct Kept {
    rows: BTreeMap<(Table, Vec<u8>), Vec<u8>>,
    records: Vec<(u64, Vec<u8>)>,
    last: u64,
}

struct World {
    shard: Shard,
    unwritten: Unwritten,
    group: Group,
    kept: Kept,
    agents: Vec<AgentId>,
    jobs: Vec<JobId>,
    counter: u8,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            shard: Shard::new(),
            unwritten: Unwritten::default(),
            group: Group::default(),
            kept: Kept::default(),
            agents: Vec::new(),
            jobs: Vec::new(),
            counter: 0,
        };
        for number in 0..3 {
            let agent = AgentId::new([number; 16]);
            world.agents.push(agent);
            let command = Command::CreateAgent {
                agent,
                label: "a".into(),
                token: TokenHash([number; 32]),
                credit: Usd::from_micros(5_000_000),
                key: None,
                at: AT,
            };
            world.run(command).unwrap();
        }
        world
    }

    fn run(&mut self, command: Command) -> Result<Reply, Refusal> {
        self.shard.execute(command, &mut self.group)
    }

    /// The open group becomes durable.
    fn append(&mut self) {
        let group = std::mem::take(&mut self.group);
        if group.is_empty() {
            return;
        }
        self.kept.last += 1;
        self.kept.records.push((self.kept.last, group.encode()));
        self.unwritten.absorb(group.images(&self.shard));
    }

    /// A checkpoint that may stop after any slice, and only trims when it did not.
    fn checkpoint(&mut self, stop_after: usize) {
        self.append();
        let checkpoint = std::mem::take(&mut self.unwritten);
        let slices: Vec<_> = checkpoint.slices(3).collect();
        for (number, slice) in slices.into_iter().enumerate() {
            if number >= stop_after {
                self.unwritten.give_back(checkpoint);
                return;
            }
            for row in slice {
                match row.value {
                    Some(value) => self.kept.rows.insert((row.table, row.key), value),
                    None => self.kept.rows.remove(&(row.table, row.key)),
                };
            }
        }
        self.kept.records.clear();
        let keys: Vec<_> = checkpoint.keys().copied().collect();
        self.shard.forget_keys(&keys);
    }

    fn load(kept: &Kept) -> (Shard, Unwritten) {
        let mut loader = Loader::new();
        for ((table, key), value) in &kept.rows {
            if table.is_live() {
                loader.row(*table, key, value).unwrap();
            }
        }
        for (number, record) in &kept.records {
            loader.record(*number, record).unwrap();
        }
        loader.finish()
    }

    /// kill -9: what was not appended is gone.
    fn crash(&mut self) {
        self.group = Group::default();
        (self.shard, self.unwritten) = Self::load(&self.kept);
    }

    fn audit(&self) -> audit::Findings {
        let mut audit = Audit::new();
        for ((table, _), value) in self.kept.rows.iter().filter(|((table, _), _)| *table == Table::Transfer) {
            audit.history_row(*table, value);
        }
        let mut loader = Loader::new();
        for ((table, key), value) in &self.kept.rows {
            loader.row(*table, key, value).unwrap();
        }
        for (number, record) in &self.kept.records {
            audit.group(&loader.record(*number, record).unwrap());
        }
        for ((table, _), value) in self.kept.rows.iter().filter(|((table, _), _)| *table == Table::EndedJob) {
            audit.history_row(*table, value);
        }
        audit.finish(&loader.finish().0)
    }

    /// Where each line of the ledger lies: its owner, its time, its name.
    fn statement_lines(&self) -> Vec<Vec<u8>> {
        self.kept.rows.keys().filter(|(table, _)| *table == Table::Transfer).map(|(_, key)| key.clone()).collect()
    }

    fn spec(&mut self, agent: usize, ceiling: i64, key: Option<UsageKeyId>) -> Arc<Spec> {
        self.counter += 1;
        let agent = self.agents[agent % self.agents.len()];
        let id = JobId::new(agent.slot(), [self.counter; 16]);
        self.jobs.push(id);
        Arc::new(Spec {
            id,
            billing: Billing::Virtual { agent, key },
            route: Route::Websearch,
            payload: "{}".into(),
            ceiling: Usd::from_micros(ceiling),
            price: Price { catalogue: Usd::ZERO, minimum: Usd::ZERO, markup_bps: 0 },
            callback_url: self.counter.is_multiple_of(2).then(|| "https://example.com/".into()),
            metadata: Box::default(),
            created_at: AT,
            run_ms: 900_000,
            payment: None,
            buyer: None,
            session: None,
        })
    }
}

/// CP-25: a checkpoint is cut off after any slice, and the next one, after a crash, completes every statement.
#[test]
fn statements_are_whole_wherever_a_checkpoint_was_cut_off() {
    let lines = |stop_after| {
        let (mut world, id) = one_job();
        // That it was opened is in rows alone.
        world.checkpoint(usize::MAX);
        ended(&mut world, id);
        world.checkpoint(stop_after);
        world.crash();
        world.checkpoint(usize::MAX);
        world.statement_lines()
    };
    let whole = lines(usize::MAX);
    assert_eq!(whole.len(), 5, "three deposits, a hold and a refund");
    for stop_after in 0..8 {
        assert_eq!(lines(stop_after), whole, "after {stop_after} slices");
    }
}

fn one_job() -> (World, JobId) {
    let mut world = World::new();
    let spec = world.spec(0, 1_500_000, None);
    let id = spec.id;
    world.run(Command::Submit { spec, key: None }).unwrap();
    world.run(Command::Job { id, event: job::Event::SlotGranted { at: AT } }).unwrap();
    (world, id)
}

fn ended(world: &mut World, id: JobId) -> Arc<Job> {
    let event = job::Event::Finished { at: AT, matched: true, result: "{}".into() };
    let Reply::Moved(job, _) = world.run(Command::Job { id, event }).unwrap() else { panic!("not moved") };
    job
}

#[test]
fn a_repeat_is_seen_before_any_other_check() {
    let mut world = World::new();
    let known = RequestKey { key: ScopedKey(5), request: 6, looked_up_at: 0 };
    let key = Some(known);
    let spec = world.spec(0, 4_000_000, None);
    world.run(Command::Submit { spec, key }).unwrap();
    // The balance would no longer do, but the key says that this is the same request.
    let again = world.spec(0, 4_000_000, None);
    assert!(matches!(world.run(Command::Submit { spec: again, key }), Ok(Reply::Replayed(Made::Job(_)))));
    let other = Some(RequestKey { request: 7, ..known });
    let again = world.spec(0, 4_000_000, None);
    assert_eq!(world.run(Command::Submit { spec: again, key: other }).unwrap_err(), Refusal::KeyReused);
    // Once the key's row is written and the key is let go, an old look-up is not good any more.
    world.checkpoint(usize::MAX);
    let again = world.spec(0, 4_000_000, None);
    assert_eq!(world.run(Command::Submit { spec: again, key }).unwrap_err(), Refusal::LookAgain);
}

#[test]
fn a_hold_needs_the_balance() {
    let mut world = World::new();
    let spec = world.spec(0, 5_000_001, None);
    let refused = world.run(Command::Submit { spec, key: None }).unwrap_err();
    assert_eq!(refused, Refusal::InsufficientBalance { available: Usd::from_micros(5_000_000), wanted: Usd::from_micros(5_000_001) });
}

#[test]
fn a_usage_key_cannot_spend_beyond_its_cap() {
    let mut world = World::new();
    let (agent, id) = (world.agents[0], UsageKeyId::from_bytes([9; 16]));
    let cap = Some(Usd::from_micros(100_000));
    world
        .run(Command::CreateUsageKey {
            agent,
            id,
            token: TokenHash([9; 32]),
            label: "k".into(),
            spend_cap: cap,
            expires_at: None,
            key: None,
            at: AT,
        })
        .unwrap();
    let spec = world.spec(0, 60_000, Some(id));
    let first = spec.id;
    world.run(Command::Submit { spec, key: None }).unwrap();
    let spec = world.spec(0, 60_000, Some(id));
    let refused = world.run(Command::Submit { spec, key: None }).unwrap_err();
    assert_eq!(refused, Refusal::SpendCap { left: Usd::from_micros(40_000), wanted: Usd::from_micros(60_000) });
    // A free job gives its room back.
    world.run(Command::Job { id: first, event: job::Event::CancelRequested { at: AT } }).unwrap();
    let spec = world.spec(0, 60_000, Some(id));
    world.run(Command::Submit { spec, key: None }).unwrap();
}

#[test]
fn the_end_and_the_bill_are_one_commit() {
    let (mut world, id) = one_job();
    let job = ended(&mut world, id);
    assert_eq!(job.state.status, Status::Completed);
    assert!(world.shard.job(&id).is_none(), "an ended job is history");
    world.append();
    let (shard, _) = World::load(&world.kept);
    assert!(shard.job(&id).is_none());
    assert!(world.audit().is_ok());
}

#[test]
fn rotating_and_disabling_shut_old_tokens_out() {
    let mut world = World::new();
    let agent = world.agents[0];
    world.run(Command::RotateToken { agent, token: TokenHash([77; 32]) }).unwrap();
    assert!(world.shard.token(&TokenHash([0; 32])).is_none());
    assert_eq!(world.shard.token(&TokenHash([77; 32])).unwrap().agent, agent);
    world.run(Command::DisableAgent { agent, reason: "abuse".into(), at: AT }).unwrap();
    assert!(world.shard.token(&TokenHash([77; 32])).is_none());
    let spec = world.spec(0, 50_000, None);
    assert_eq!(world.run(Command::Submit { spec, key: None }).unwrap_err(), Refusal::NoAgent);
}

/// CP-07: the answer to a recorded hop was lost, so the run records it again.
#[test]
fn a_hop_that_is_sent_twice_is_recorded_once() {
    let (mut world, id) = one_job();
    let hop = Arc::new(Hop {
        tool: "directory".into(),
        fingerprint: 5,
        cost: Usd::from_micros(10_000),
        outcome: HopOutcome::Found,
        answer: "1".into(),
        at: AT,
    });
    for _ in 0..2 {
        let event = job::Event::HopRecorded { hop: Arc::clone(&hop) };
        let Ok(Reply::Moved(job, _)) = world.run(Command::Job { id, event }) else { panic!("not moved") };
        assert_eq!((job.hops.len(), job.state.cost), (1, Usd::from_micros(10_000)));
    }
}
