//! Calls of sessions: whatever comes between them, no session spends more than its budget.

use proptest::prelude::*;

use super::*;
use crate::shard::session::{KEPT_MS, SESSIONS_MAX};
use crate::types::{SessionCall, SessionId, SessionKey};

const BUDGET: i64 = 2_000_000;

fn call(name: &str, budget: Option<i64>) -> SessionCall {
    SessionCall { id: SessionId::parse(name).unwrap(), budget: budget.map(Usd::from_micros) }
}

impl World {
    /// A call of an agent's session, accepted or not.
    fn call(&mut self, agent: usize, ceiling: i64, call: SessionCall, at: Timestamp) -> Result<JobId, Refusal> {
        let spec = self.spec(agent, ceiling, None);
        let spec = Arc::new(Spec { session: Some(call), created_at: at, ..(*spec).clone() });
        let id = spec.id;
        self.run(Command::Submit { spec, key: None }).map(|_| id)
    }

    /// A job that ends with this cost.
    fn end(&mut self, id: JobId, cost: i64, at: Timestamp) {
        self.run(Command::Job { id, event: job::Event::SlotGranted { at } }).unwrap();
        let hop = Hop {
            tool: "directory".into(),
            fingerprint: 1,
            cost: Usd::from_micros(cost),
            outcome: HopOutcome::Found,
            answer: "1".into(),
            at,
        };
        self.run(Command::Job { id, event: job::Event::HopRecorded { hop: Arc::new(hop) } }).unwrap();
        self.run(Command::Job { id, event: job::Event::Finished { at, matched: true, result: "{}".into() } }).unwrap();
    }

    fn left(&self, agent: usize, name: &str) -> Option<i64> {
        let key = SessionKey::new(self.agents[agent], &SessionId::parse(name).unwrap());
        self.shard.session(&key).map(|session| session.left().micros())
    }
}

#[test]
fn calls_share_a_budget_and_give_back_what_they_did_not_cost() {
    let mut world = World::new();
    let first = world.call(0, 1_500_000, call("a", Some(BUDGET)), AT).unwrap();
    assert_eq!(world.left(0, "a"), Some(500_000));
    let usd = Usd::from_micros;
    let refused = world.call(0, 500_001, call("a", None), AT).unwrap_err();
    assert_eq!(refused, Refusal::SessionBudget { budget: usd(BUDGET), left: usd(500_000), wanted: usd(500_001) });
    world.call(0, 500_000, call("a", Some(BUDGET)), AT).unwrap();
    world.end(first, 30_000, AT);
    assert_eq!(world.left(0, "a"), Some(1_470_000));
    // Another agent's session of that name is another.
    assert_eq!(world.call(1, 1, call("a", None), AT).unwrap_err(), Refusal::NoSession);
    world.call(1, 900_000, call("a", Some(1_000_000)), AT).unwrap();
    assert_eq!((world.left(0, "a"), world.left(1, "a")), (Some(1_470_000), Some(100_000)));
    world.append();
    assert!(world.audit().is_ok(), "{:?}", world.audit());
}

#[test]
fn the_first_call_fixes_the_budget_and_a_refused_one_begins_nothing() {
    let mut world = World::new();
    assert_eq!(world.call(0, 1, call("a", None), AT).unwrap_err(), Refusal::NoSession);
    let refused = world.call(0, BUDGET + 1, call("a", Some(BUDGET)), AT).unwrap_err();
    assert!(matches!(refused, Refusal::SessionBudget { .. }));
    let refused = world.call(0, 6_000_000, call("a", Some(50_000_000)), AT).unwrap_err();
    assert!(matches!(refused, Refusal::InsufficientBalance { .. }));
    assert_eq!(world.left(0, "a"), None);
    world.call(0, 1, call("a", Some(BUDGET)), AT).unwrap();
    for other in [BUDGET - 1, BUDGET + 1] {
        let refused = world.call(0, 1, call("a", Some(other)), AT).unwrap_err();
        assert_eq!(refused, Refusal::SessionBudgetFixed { budget: Usd::from_micros(BUDGET), asked: Usd::from_micros(other) });
    }
}

/// What costs nothing at all is a call like any other, and ends like one.
#[test]
fn a_call_for_nothing_leaves_its_session() {
    let mut world = World::new();
    let free = world.call(0, 0, call("a", Some(BUDGET)), AT).unwrap();
    world.run(Command::Job { id: free, event: job::Event::CancelRequested { at: AT } }).unwrap();
    world.append();
    let session = world.shard.sessions().next().unwrap();
    assert_eq!((session.live, session.left().micros()), (0, BUDGET));
    assert!(world.audit().is_ok(), "{:?}", world.audit());
}

#[test]
fn idle_sessions_leave_and_live_ones_stay() {
    let mut world = World::new();
    let idle = world.call(0, 1_000_000, call("idle", Some(BUDGET)), AT).unwrap();
    world.end(idle, 400_000, AT);
    let long = world.call(0, 1_000_000, call("live", Some(BUDGET)), AT).unwrap();
    let forget = |world: &mut World, at| drop(world.run(Command::ForgetSessions { at }).unwrap());
    let day = AT.plus_millis(KEPT_MS);
    forget(&mut world, day.plus_millis(-1));
    assert_eq!((world.left(0, "idle"), world.left(0, "live")), (Some(1_600_000), Some(1_000_000)));
    // Over, though nobody has swept: its name begins anew, and only with a budget.
    assert_eq!(world.call(0, 1, call("idle", None), day).unwrap_err(), Refusal::NoSession);
    forget(&mut world, day);
    assert_eq!((world.left(0, "idle"), world.left(0, "live")), (None, Some(1_000_000)));
    world.checkpoint(usize::MAX);
    world.crash();
    assert_eq!((world.left(0, "idle"), world.left(0, "live")), (None, Some(1_000_000)));
    world.end(long, 10_000, day);
    world.call(0, 1_000_000, call("idle", Some(1_000_000)), day).unwrap();
    world.append();
    assert_eq!((world.left(0, "idle"), world.left(0, "live")), (Some(0), Some(1_990_000)));
    assert!(world.audit().is_ok(), "{:?}", world.audit());
}

#[test]
fn an_agent_has_so_many_sessions_and_no_more() {
    let mut world = World::new();
    let agent = world.agents[0];
    for number in 0..SESSIONS_MAX {
        let id = SessionId::parse(&format!("s{number}")).unwrap();
        let usd = Usd::from_micros;
        let (budget, spent, held) = (usd(BUDGET), Usd::ZERO, Usd::ZERO);
        world.shard.put_session(Session { agent, id, budget, spent, held, live: 0, began_at: AT, used_at: AT });
    }
    assert_eq!(world.call(0, 1, call("more", Some(BUDGET)), AT).unwrap_err(), Refusal::TooManySessions);
    world.call(0, 1, call("s7", None), AT).unwrap();
    world.call(1, 1, call("more", Some(BUDGET)), AT).unwrap();
    // Those that are over make room, without waiting for a sweep.
    let later = AT.plus_millis(KEPT_MS);
    world.call(0, 1, call("more", Some(BUDGET)), later).unwrap();
    assert!(world.shard.sessions().count() < SESSIONS_MAX);
    assert_eq!(world.left(0, "s7"), Some(BUDGET - 1), "the one with a live call stays");
}

/// The audit finds a session that says something else than its jobs, or has given more than it had.
#[test]
fn the_audit_finds_what_is_broken_of_sessions() {
    let mut world = World::new();
    let first = world.call(0, 1_000_000, call("a", Some(BUDGET)), AT).unwrap();
    world.end(first, 300_000, AT);
    world.call(0, 1_500_000, call("a", None), AT).unwrap();
    world.checkpoint(usize::MAX);
    assert!(world.audit().is_ok(), "{:?}", world.audit());
    let ((table, key), value) = world.kept.rows.iter().find(|((table, _), _)| *table == Table::Session).unwrap();
    let (place, session) = ((*table, key.clone()), codec::decode::<Session>(value).unwrap());
    let usd = Usd::from_micros;
    for (wrong, words) in [
        (Some(Session { spent: usd(299_999), ..session.clone() }), "its jobs cost 300000"),
        (Some(Session { held: usd(1_499_999), ..session.clone() }), "hold 1500000"),
        (Some(Session { live: 0, ..session.clone() }), "says it has 0 calls"),
        (Some(Session { budget: usd(1_799_999), ..session }), "of 1.799999"),
        (None, "a session that is not there"),
    ] {
        let mut kept = world.kept.clone();
        match wrong {
            Some(wrong) => kept.rows.insert(place.clone(), codec::encode(&wrong)),
            None => kept.rows.remove(&place),
        };
        let other = World { kept, ..World::new() };
        let broken = other.audit().broken;
        let is_told = broken.iter().any(|broken| broken.invariant == "I-21" && broken.detail.contains(words));
        assert!(is_told, "{words}: {broken:?}");
    }
}

/// What sessions have, by a model that knows calls and nothing else: per name, the cost of each ended call and the ceiling of each live one.
#[derive(Default, Clone)]
struct Model(BTreeMap<JobId, (String, i64, Option<i64>)>);

impl Model {
    fn taken(&self, name: &str) -> i64 {
        let of_name = self.0.values().filter(|(known, ..)| known == name);
        of_name.map(|(_, ceiling, cost)| cost.unwrap_or(*ceiling)).sum()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Calls, ends, crashes and checkpoints in any order: what a session's calls cost and may cost is never more than its budget, the
    /// session says just what its calls say, and what was refused would not have fitted.
    #[test]
    fn no_session_spends_more_than_its_budget(acts in proptest::collection::vec((0_u8..12, 0_usize..6, 0_i64..1_200_000), 1..100)) {
        let mut world = World::new();
        world.append();
        // As it is now, and as of the last durable group.
        let (mut now, mut durable) = (Model::default(), Model::default());
        for (kind, pick, amount) in acts {
            let name = ["a", "b"][pick % 2];
            let live: Vec<_> = now.0.iter().filter(|(_, (.., cost))| cost.is_none()).map(|(id, (_, ceiling, _))| (*id, *ceiling)).collect();
            let picked = live.get(pick.checked_rem(live.len()).unwrap_or(0)).copied();
            match (kind, picked) {
                (0..=4, _) => {
                    let begun = world.left(0, name).is_some();
                    let answer = world.call(0, amount, call(name, (!begun || kind == 0).then_some(BUDGET)), AT);
                    let fits = now.taken(name) + amount <= BUDGET;
                    match answer {
                        Ok(id) => {
                            prop_assert!(fits, "{name}: {} are taken, and {amount} were given", now.taken(name));
                            now.0.insert(id, (name.to_owned(), amount, None));
                        }
                        Err(Refusal::SessionBudget { left, .. }) => prop_assert!(!fits && left.micros() == BUDGET - now.taken(name)),
                        Err(other) => prop_assert!(matches!(other, Refusal::InsufficientBalance { .. }) && fits, "{other}"),
                    }
                }
                // A cost beyond the ceiling is ours.
                (5 | 6, Some((id, ceiling))) => {
                    world.end(id, amount, AT);
                    now.0.get_mut(&id).unwrap().2 = Some(amount.min(ceiling));
                }
                (7, Some((id, _))) => {
                    world.run(Command::Job { id, event: job::Event::CancelRequested { at: AT } }).unwrap();
                    now.0.get_mut(&id).unwrap().2 = Some(0);
                }
                (8, _) => {
                    world.append();
                    durable = now.clone();
                }
                (9, _) => {
                    world.checkpoint(pick * 2);
                    durable = now.clone();
                }
                (10, _) => {
                    world.crash();
                    now = durable.clone();
                }
                // A repeat of an end, whose answer was lost.
                (11, _) => if let Some(id) = now.0.iter().find(|(_, (.., cost))| cost.is_some()).map(|(id, _)| *id) {
                    let event = job::Event::Finished { at: AT, matched: true, result: "{}".into() };
                    let again = world.run(Command::Job { id, event });
                        prop_assert!(again.is_err());
                },
                _ => {}
            }
            for name in ["a", "b"] {
                prop_assert!(now.taken(name) <= BUDGET);
                prop_assert_eq!(world.left(0, name).unwrap_or(BUDGET), BUDGET - now.taken(name), "{}", name);
            }
        }
        world.append();
        prop_assert_eq!(World::load(&world.kept).0.canonical(), world.shard.canonical());
        let findings = world.audit();
        prop_assert!(findings.is_ok(), "{:?}", findings.broken);
    }
}
