use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

/// Wall time derived from tokio's timer, so that one advance moves both.
#[derive(Debug)]
struct PausedClock(tokio::time::Instant);

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(i64::try_from(self.0.elapsed().as_millis()).unwrap())
    }
}

#[derive(Default)]
struct Book(Mutex<Vec<Hop>>);

#[async_trait::async_trait]
impl Journal for Book {
    async fn record(&self, hop: Hop) -> Result<(), JournalError> {
        self.0.lock().unwrap().push(hop);
        Ok(())
    }
}

struct World {
    book: Arc<Book>,
    cancel: CancellationToken,
    calls: AtomicU32,
}

impl World {
    fn new() -> Self {
        Self { book: Arc::default(), cancel: CancellationToken::new(), calls: AtomicU32::new(0) }
    }

    fn attempt(&self, budget: i64) -> Run {
        Run::new(RunSettings {
            journal: Arc::clone(&self.book) as Arc<dyn Journal>,
            clock: Arc::new(PausedClock(tokio::time::Instant::now())),
            recorded: self.book.0.lock().unwrap().clone(),
            budget: Usd::from_micros(budget),
            deadline: Instant::now() + Duration::from_secs(10),
            cancel: self.cancel.clone(),
            gate: None,
        })
    }

    /// Asks a vendor that says `value` for `cost` after `seconds`.
    async fn ask(&self, run: &mut Run, request: &str, cost: i64, seconds: u64, value: Result<Option<&str>, &str>) -> Reply {
        let call = Call { tool: "test", request, cost_max: Usd::from_micros(100), timeout: Duration::from_secs(3) };
        let value = value.map(|value| value.map(str::to_owned)).map_err(str::to_owned);
        let work = async {
            self.calls.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            value.map(|value| Answer { value, cost: Usd::from_micros(cost) })
        };
        run.hop(call, work).await.unwrap()
    }

    fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }
}

type Reply = Result<Result<Option<String>, String>, Stop>;

#[allow(clippy::unnecessary_wraps, reason = "it is compared with what a hop answers")]
fn found(text: &str) -> Reply {
    Ok(Ok(Some(text.to_owned())))
}

#[tokio::test(start_paused = true)]
async fn the_budget_is_kept_before_the_call() {
    let world = World::new();
    let mut run = world.attempt(150);
    assert_eq!(world.ask(&mut run, "a", 60, 0, Ok(Some("A"))).await, found("A"));
    assert_eq!(world.ask(&mut run, "b", 60, 0, Ok(Some("B"))).await, Err(Stop::Budget), "90 are left, and it may cost 100");
    assert_eq!((world.calls(), run.left(), run.stopped()), (1, Usd::from_micros(90), Some(Stop::Budget)));
}

/// F-V2: the price is ours; what a vendor would have us believe is clamped to what was allowed for.
#[tokio::test(start_paused = true)]
async fn a_price_is_clamped_both_ways() {
    let world = World::new();
    let mut run = world.attempt(1000);
    assert_eq!(world.ask(&mut run, "huge", 999, 0, Ok(Some("A"))).await, found("A"));
    assert_eq!(world.ask(&mut run, "negative", -999, 0, Ok(Some("B"))).await, found("B"));
    assert_eq!(run.spent(), Usd::from_micros(100));
}

#[tokio::test(start_paused = true)]
async fn recorded_hops_are_replayed_and_pay_nobody() {
    let world = World::new();
    let mut first = world.attempt(1000);
    let mut told = Vec::new();
    for (request, value) in [("a", Ok(Some("A"))), ("b", Ok(None)), ("c", Err("broken"))] {
        told.push((world.ask(&mut first, request, 40, 1, value).await, first.answered_at()));
    }
    assert_eq!(world.calls(), 3);

    let mut second = world.attempt(1000);
    let mut retold = Vec::new();
    for request in ["a", "b", "c"] {
        retold.push((world.ask(&mut second, request, 40, 1, Ok(Some("asked again"))).await, second.answered_at()));
    }
    assert_eq!(retold, told);
    assert_eq!((world.calls(), second.spent()), (3, first.spent()));
    assert!(!second.all_vendors_failed());
}

/// A crash in the middle: what was recorded counts against the ceiling before anything else is called.
#[tokio::test(start_paused = true)]
async fn a_resumed_run_has_only_what_is_left() {
    let world = World::new();
    assert_eq!(world.ask(&mut world.attempt(150), "a", 60, 0, Ok(Some("A"))).await, found("A"));
    let mut resumed = world.attempt(150);
    assert_eq!(resumed.spent(), Usd::from_micros(60));
    assert_eq!(world.ask(&mut resumed, "b", 60, 0, Ok(Some("B"))).await, Err(Stop::Budget));
}

/// What a run plans by is the same at the same place in every attempt, or a resumed one would take another way.
#[tokio::test(start_paused = true)]
async fn a_resumed_run_plans_by_what_was_left_then() {
    let world = World::new();
    let mut left = Vec::new();
    for _attempt in 0..2 {
        let mut run = world.attempt(300);
        let mut seen = vec![(run.left(), run.so_far())];
        for request in ["a", "b", "a"] {
            assert!(world.ask(&mut run, request, 60, 0, Ok(Some("A"))).await.is_ok());
            seen.push((run.left(), run.so_far()));
        }
        left.push(seen);
    }
    let micros = |pair: &(Usd, Usd)| (pair.0.micros(), pair.1.micros());
    assert_eq!(left[0].iter().map(micros).collect::<Vec<_>>(), [(300, 0), (240, 60), (180, 120), (180, 120)]);
    assert_eq!(left[0], left[1]);
}

#[tokio::test(start_paused = true)]
async fn equal_requests_share_one_hop() {
    let world = World::new();
    let mut run = world.attempt(1000);
    assert_eq!(world.ask(&mut run, "a", 40, 0, Ok(Some("A"))).await, found("A"));
    assert_eq!(world.ask(&mut run, "a", 40, 0, Ok(Some("other"))).await, found("A"));
    assert_eq!((world.calls(), run.spent()), (1, Usd::from_micros(40)));
}

#[tokio::test(start_paused = true)]
async fn a_cancel_cuts_the_call_short() {
    let world = World::new();
    let mut run = world.attempt(1000);
    let cancel = world.cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        cancel.cancel();
    });
    assert_eq!(world.ask(&mut run, "a", 40, 2, Ok(Some("A"))).await, Err(Stop::Cancelled));
    assert_eq!(world.ask(&mut run, "b", 40, 0, Ok(Some("B"))).await, Err(Stop::Cancelled));
    assert_eq!((world.calls(), run.spent(), run.stopped()), (1, Usd::ZERO, Some(Stop::Cancelled)));
    assert!(world.book.0.lock().unwrap().is_empty());
}

/// F-V1: a vendor that hangs costs its own time-out, and is recorded as failed for nothing.
#[tokio::test(start_paused = true)]
async fn a_vendor_that_hangs_fails_by_its_timeout() {
    let world = World::new();
    let mut run = world.attempt(1000);
    assert_eq!(world.ask(&mut run, "a", 40, 60, Ok(Some("A"))).await, Ok(Err("timed out".to_owned())));
    assert!(run.all_vendors_failed());
    assert_eq!((run.spent(), run.now(), run.stopped()), (Usd::ZERO, Timestamp::from_millis(3000), None));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_is_not_the_vendors_failure() {
    let world = World::new();
    let mut run = world.attempt(1000);
    tokio::time::advance(Duration::from_secs(9)).await;
    assert_eq!(world.ask(&mut run, "a", 40, 60, Ok(Some("A"))).await, Err(Stop::Deadline));
    assert_eq!(world.ask(&mut run, "b", 40, 0, Ok(Some("B"))).await, Err(Stop::Deadline));
    assert_eq!((world.calls(), run.stopped()), (1, Some(Stop::Deadline)));
    assert!(!run.all_vendors_failed());
}
