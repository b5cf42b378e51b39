//! A seeded simulation of the pure core: does any crash, repeat, delay, reorg or cheat break a promise about money?
//!
//! Payers' shards, lanes' shards and their journals are the real ones; the chain, the payers and the way messages take are not. One
//! schedule is one seed and one thread. A seed that fails is printed, and `SIM_SEED=… cargo test --test sim -- --nocapture` plays it
//! again with a trace; `SIM_SCHEDULES=…` plays more.
//!
//! It is worth what it finds. Each of these was broken on purpose, and found within the default number of schedules:
//!
//! - a due is settled for its maximum, not its charge (I-8); exposure counts a tenth of each maximum (I-9);
//! - a result is shown while it is being settled, or the job ends before it is (I-15);
//! - bytes are sent before they are stored (D-3);
//! - a due outlives its settlement and is booked again (I-3); a deposit's key is not kept (I-3);
//! - what ended gives its room back twice, or a reorg doesn't take it back (I-9);
//! - a payment is not claimed (I-7); a lane is chosen a second time (I-5, treasury);
//! - two payments of one debt are taken (I-5); an exact job is charged a part (no intent);
//! - an authorization counts as burned while our own bytes may have used it (I-5, treasury);
//! - what dies is not written off (I-5); a due's end has no row (I-20); only the first outcome is told (I-19).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends at what it doesn't expect")]

mod chain;
mod keeper;
mod life;
#[path = "../support/luck.rs"]
#[allow(dead_code, unreachable_pub, reason = "other tests share it, and draw seeds by it")]
mod luck;
mod oracle;
mod payers;
mod payments;
mod world;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use world::World;

const SCHEDULES: u64 = 1_200;
/// Of one schedule, before faults are over.
const EVENTS: u64 = 200;

type Coverage = BTreeMap<&'static str, u64>;

fn number(variable: &str) -> Option<u64> {
    std::env::var_os(variable)?.to_str()?.parse().ok()
}

fn play(seed: u64, traces: bool) -> Coverage {
    let mut world = World::new(seed);
    world.suffer(EVENTS, traces);
    world.recover();
    world.covered
}

/// Seeds `first`, `first + step`, … below `end`; ends at the first that fails.
fn play_some(first: u64, step: usize, end: u64) -> Result<Coverage, u64> {
    let mut covered = Coverage::new();
    for seed in (first..end).step_by(step) {
        let played = catch_unwind(AssertUnwindSafe(|| play(seed, false))).map_err(|_| seed)?;
        for (point, hits) in played {
            *covered.entry(point).or_default() += hits;
        }
    }
    Ok(covered)
}

/// I-1 to I-20 as far as they are about money, over crashes at every point of safety.md 4.1 that the pure core has.
#[test]
fn no_schedule_breaks_a_promise() {
    if let Some(seed) = number("SIM_SEED") {
        play(seed, true);
        return;
    }
    let schedules = number("SIM_SCHEDULES").unwrap_or(SCHEDULES);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let played: Vec<_> = std::thread::scope(|scope| {
        let started: Vec<_> = (0..threads).map(|first| scope.spawn(move || play_some(first as u64, threads, schedules))).collect();
        started.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut covered = Coverage::new();
    for some in played {
        let some = some.unwrap_or_else(|seed| panic!("a schedule breaks a promise: play it again with SIM_SEED={seed}"));
        for (point, hits) in some {
            *covered.entry(point).or_default() += hits;
        }
    }
    println!("crashes at each point, and what was booked, over {schedules} schedules:");
    for point in life::POINTS {
        println!("  {point}  {}", covered.get(point).copied().unwrap_or(0));
    }
    let missed: Vec<_> =
        life::POINTS.into_iter().filter(|point| covered.get(point).copied().unwrap_or(0) < 100.min(schedules / 30)).collect();
    assert!(missed.is_empty(), "hardly ever died at {missed:?}");
}
