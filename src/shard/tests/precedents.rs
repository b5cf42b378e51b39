//! Precedents: set with a job's end, kept through every crash, and never more than so many.

use proptest::prelude::*;

use super::*;
use crate::job::{Lesson, Lessons};
use crate::shard::precedent::{KEPT, Precedent, Precedents, Put};
use crate::types::payload::Cohort;

fn lessons(number: u64) -> Lessons {
    let question = u8::try_from(number % 11).unwrap();
    Lessons { version: 1, asked: vec![Lesson { question, lacking: 3, brought: 1 }] }
}

fn precedent(route: Route, number: u64) -> Arc<Precedent> {
    let cost = Usd::from_micros(i64::try_from(number).unwrap());
    Arc::new(Precedent { number, route, cohort: Some(Cohort::Auto), at: AT, matched: true, cost, lessons: lessons(number) })
}

fn numbers(precedents: &Precedents, route: Route) -> Vec<u64> {
    let mut numbers: Vec<_> = precedents.of(route).map(|precedent| precedent.number).collect();
    numbers.sort_unstable();
    numbers
}

fn end(world: &mut World, id: JobId, event: job::Event) -> Result<Reply, Refusal> {
    world.run(Command::RunEnded { id, event, cohort: Some(Cohort::NameAlone), lessons: lessons(4) })
}

#[test]
fn a_job_that_goes_its_way_sets_one_with_its_end() {
    let (mut world, id) = one_job();
    let hop = Hop {
        tool: "directory".into(),
        fingerprint: 5,
        cost: Usd::from_micros(10_000),
        outcome: HopOutcome::Found,
        answer: "1".into(),
        at: AT,
    };
    world.run(Command::Job { id, event: job::Event::HopRecorded { hop: Arc::new(hop) } }).unwrap();
    world.append();
    let ended = AT.plus_millis(5);
    end(&mut world, id, job::Event::Finished { at: ended, matched: false, result: "{}".into() }).unwrap();
    // In the record that ends it, so never one without the other.
    let of_end = world.group.events.iter().filter(|event| matches!(event, Event::JobMoved(..) | Event::PrecedentPut(_))).count();
    assert_eq!(of_end, 2);
    world.append();
    world.crash();
    let wanted = Precedent {
        number: 1,
        route: Route::Websearch,
        cohort: Some(Cohort::NameAlone),
        at: ended,
        matched: false,
        cost: Usd::from_micros(10_000),
        lessons: lessons(4),
    };
    assert_eq!(world.shard.precedents().iter().map(|kept| (**kept).clone()).collect::<Vec<_>>(), [wanted]);
    // Told twice, as after a lost answer, it is refused like any other end.
    let again = end(&mut world, id, job::Event::Finished { at: ended, matched: true, result: "{}".into() });
    assert_eq!((again.unwrap_err(), world.shard.precedents().iter().count()), (Refusal::NoJob, 1));
}

#[test]
fn a_job_that_fails_sets_none() {
    let (mut world, id) = one_job();
    end(&mut world, id, job::Event::DeadlineReached { at: AT, matched: false, result: "{}".into() }).unwrap();
    assert_eq!(world.shard.precedents().iter().count(), 0);
}

#[test]
fn the_last_of_each_route_are_kept() {
    let mut precedents = Precedents::default();
    let kept = u64::from(KEPT);
    for number in 1..=kept + 3 {
        let gone = (number > kept).then(|| precedent(Route::Websearch, number - kept));
        assert_eq!(precedents.put(&precedent(Route::Websearch, number)), Put::New(gone));
    }
    precedents.put(&precedent(Route::LeadSession, 1));
    assert_eq!(numbers(&precedents, Route::Websearch), (4..=kept + 3).collect::<Vec<_>>());
    assert_eq!(numbers(&precedents, Route::LeadSession), [1]);
    let before = precedents.clone();
    for number in [3, 4, kept + 3] {
        assert_eq!(precedents.put(&precedent(Route::Websearch, number)), Put::Known, "{number}");
    }
    assert_eq!(precedents, before);
}

proptest! {
    /// I-20: however many come between two checkpoints, wherever one is cut off, and whatever crashes in between: what is loaded
    /// is what was there, and that is the last of each route.
    #[test]
    fn rebuilt_is_what_was_known(acts in proptest::collection::vec((0_u8..6, 1_u64..400, 0_usize..200), 1..25)) {
        let mut world = World::new();
        world.append();
        let mut last = [0_u64; 2];
        for (act, count, stop_after) in acts {
            match act {
                0 | 1 => {
                    for _ in 0..count {
                        let route = usize::from(act);
                        last[route] += 1;
                        world.group.apply(&mut world.shard, Event::PrecedentPut(precedent(Route::ALL[route], last[route])));
                        if last[route].is_multiple_of(7) {
                            world.append();
                        }
                    }
                    world.append();
                }
                2 => world.append(),
                3 => world.checkpoint(stop_after),
                _ => world.crash(),
            }
            let (loaded, _) = World::load(&world.kept);
            prop_assert_eq!(loaded.precedents(), world.shard.precedents());
            prop_assert_eq!(loaded.canonical(), world.shard.canonical());
            for (route, last) in Route::ALL.into_iter().zip(last) {
                let first = last.saturating_sub(u64::from(KEPT)) + 1;
                prop_assert_eq!(numbers(loaded.precedents(), route), (first..=last).collect::<Vec<_>>());
            }
        }
        let rows = world.kept.rows.keys().filter(|(table, _)| *table == Table::Precedent).count();
        prop_assert!(rows <= 2 * usize::from(KEPT));
    }
}
