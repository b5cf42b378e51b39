//! Random lives of a shard over a store that forgets nothing and crashes anywhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::audit::Audit;
use super::*;
use crate::billing::{Account, Price, Source};
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
        })
    }

    fn act(&mut self, kind: u8, pick: usize, amount: i64) {
        let job =
            self.jobs.get(pick.checked_rem(self.jobs.len()).unwrap_or(0)).copied().unwrap_or(JobId::new(crate::types::Slot(0), [0; 16]));
        let agent = self.agents[pick % self.agents.len()];
        let result: Arc<str> = "{}".into();
        let of_job = |event| Command::Job { id: job, event };
        let key = |shard: &Shard, number: u128| RequestKey { key: ScopedKey(number), request: number, looked_up_at: shard.generation() };
        // As a caller does: a key is looked for among the rows before the command is sent.
        let credit_key = key(&self.shard, 1 << 100 | pick as u128);
        if kind == 7 && self.kept.rows.contains_key(&(Table::Key, credit_key.key.0.to_be_bytes().to_vec())) {
            return;
        }
        let command = match kind {
            0 => {
                let key = key(&self.shard, u128::from(self.counter) + 1);
                let spec = self.spec(pick, amount, None);
                Command::Submit { spec, key: Some(key) }
            }
            1 => of_job(job::Event::SlotGranted { at: AT }),
            2 => of_job(job::Event::HopRecorded {
                hop: Arc::new(Hop {
                    tool: "directory".into(),
                    fingerprint: u128::from(self.counter) << 64 | amount as u128,
                    cost: Usd::from_micros(amount / 4),
                    outcome: HopOutcome::Found,
                    answer: "1".into(),
                    at: AT,
                }),
            }),
            3 => of_job(job::Event::Finished { at: AT, matched: amount % 2 == 0, result }),
            4 => of_job(job::Event::CancelRequested { at: AT }),
            5 => of_job(job::Event::Cancelled { at: AT, partial: Some(result) }),
            6 => of_job(job::Event::Crashed { at: AT }),
            7 => Command::Credit { agent, amount: Usd::from_micros(amount), reason: "gift".into(), key: credit_key, at: AT },
            8 => Command::RotateToken { agent, token: TokenHash([self.counter; 32]) },
            9 => Command::Attempted {
                id: crate::types::DeliveryId::new(&job, state::END_EVENT),
                attempt: Attempt { at: AT, outcome: AttemptOutcome::Failed, status: None, class: "timeout".into(), duration_ms: 1 },
                next_at: (amount % 2 == 0).then_some(AT),
            },
            10 => {
                self.counter += 1;
                let id = UsageKeyId::from_bytes([self.counter; 16]);
                let token = TokenHash([self.counter; 32]);
                let cap = Some(Usd::from_micros(amount));
                Command::CreateUsageKey { agent, id, token, label: "k".into(), spend_cap: cap, expires_at: None, key: None, at: AT }
            }
            11 => {
                let key = self.shard.agent(&agent).and_then(|agent| agent.keys.first()).map(|key| key.id);
                let spec = self.spec(pick, amount, key);
                Command::Submit { spec, key: None }
            }
            _ => Command::FailJob { id: job, reason: "stuck".into(), at: AT },
        };
        let before = self.shard.canonical();
        let events = self.group.events.len();
        if self.run(command).is_err() {
            assert_eq!(self.shard.canonical(), before, "a refusal changes nothing");
            assert_eq!(self.group.events.len(), events);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// I-20, CP-03, CP-25: at any moment rows and the rest of the journal give the durable state, byte for byte; and the
    /// money holds (I-1..I-4) after any crash between any two slices.
    #[test]
    fn replay_equals_the_state(acts in proptest::collection::vec((0_u8..16, 0_usize..8, 0_i64..2_000_000), 1..80)) {
        let mut world = World::new();
        world.append();
        for (kind, pick, amount) in acts {
            match kind {
                13 => world.append(),
                14 => world.checkpoint(pick * 3),
                15 => { world.append(); world.crash(); }
                _ => world.act(kind, pick, amount),
            }
            if world.group.is_empty() {
                prop_assert_eq!(World::load(&world.kept).0.canonical(), world.shard.canonical());
            }
        }
        world.append();
        prop_assert_eq!(World::load(&world.kept).0.canonical(), world.shard.canonical());
        let findings = world.audit();
        prop_assert!(findings.is_ok(), "{:?}", findings.broken);
        world.checkpoint(usize::MAX);
        prop_assert_eq!(World::load(&world.kept).0.canonical(), world.shard.canonical());
        let findings = world.audit();
        prop_assert!(findings.is_ok(), "{:?}", findings.broken);
        // Every transfer here is of some agent, and stands in that one's statement once.
        let lines = world.statement_lines();
        let strays = lines.iter().filter(|line| !world.agents.iter().any(|agent| line.starts_with(agent.as_bytes())));
        prop_assert_eq!(strays.count(), 0);
        prop_assert_eq!(Some(&(lines.len() as u64)), findings.checked.get("transfers"));
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

/// The audit finds a wrong balance, a wrong hold, and a wrong, missing or foreign transfer.
#[test]
fn the_audit_finds_what_is_broken() {
    let (mut world, id) = one_job();
    let kept_job = world.spec(1, 700_000, None);
    world.run(Command::Submit { spec: kept_job, key: None }).unwrap();
    ended(&mut world, id);
    world.checkpoint(usize::MAX);
    assert!(world.audit().is_ok(), "{:?}", world.audit());

    let find = |world: &World, table| {
        world.kept.rows.iter().find(|((known, _), _)| *known == table).map(|(key, value)| (key.clone(), value.clone())).unwrap()
    };
    let broken = |world: &World, change: &dyn Fn(&mut Kept)| {
        let mut kept = world.kept.clone();
        change(&mut kept);
        let other = World {
            shard: Shard::new(),
            unwritten: Unwritten::default(),
            group: Group::default(),
            kept,
            agents: vec![],
            jobs: vec![],
            counter: 0,
        };
        let found: Vec<_> = other.audit().broken.iter().map(|broken| broken.invariant).collect();
        assert!(!found.is_empty());
        found
    };

    let (key, value) = find(&world, Table::Balance);
    let (agent, available, held): (AgentId, Usd, Usd) = codec::decode(&value).unwrap();
    let more = available.plus(Usd::from_micros(1)).unwrap();
    assert!(
        broken(&world, &|kept| {
            kept.rows.insert(key.clone(), codec::encode(&(agent, more, held)));
        })
        .contains(&"I-20")
    );

    let (key, value) = find(&world, Table::LiveJob);
    let mut job: Job = codec::decode(&value).unwrap();
    job.state.held = Usd::from_micros(699_999);
    assert!(
        broken(&world, &|kept| {
            kept.rows.insert(key.clone(), codec::encode(&job));
        })
        .contains(&"I-2")
    );

    let (key, value) = find(&world, Table::Transfer);
    let mut transfer: crate::billing::Transfer = codec::decode(&value).unwrap();
    transfer.amount = Usd::from_micros(transfer.amount.micros() + 1);
    assert!(
        broken(&world, &|kept| {
            kept.rows.insert(key.clone(), codec::encode(&transfer));
        })
        .contains(&"I-20")
    );
    assert!(
        broken(&world, &|kept| {
            kept.rows.remove(&key);
        })
        .contains(&"I-20")
    );

    let (key, value) = find(&world, Table::Account);
    let (account, balance): (Account, Usd) = codec::decode(&value).unwrap();
    assert_eq!(account, Account::Deposits(Source::Operator));
    assert!(
        broken(&world, &|kept| {
            kept.rows.insert(key.clone(), codec::encode(&(account, balance.plus(Usd::from_micros(1)).unwrap())));
        })
        .contains(&"I-20")
    );
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
