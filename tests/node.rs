//! The node over the in-memory store, in process: what the actors promise, without HTTP.

mod support;

use std::sync::Arc;
use std::time::Duration;

use enrich_jobs::actors::{Error, IdempotencyKey, JobFilter};
use enrich_jobs::clock::{Clock, SystemClock};
use enrich_jobs::enrich::{Error as RunError, Found};
use enrich_jobs::job::{FailureCode, Status};
use enrich_jobs::shard::Refusal;
use enrich_jobs::store::memory::{Fault, Memory};
use enrich_jobs::types::{Timestamp, Usd};
use support::node::{Script, TestNode, order};

const CENT: i64 = 10_000;

fn usd(micros: i64) -> Usd {
    Usd::from_micros(micros)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_match_is_charged_its_cost() {
    let world = TestNode::start(Memory::new(4), Script::hops(2).matched()).await;
    let agent = world.agent(usd(10_000_000)).await;
    let job = world.node.submit(order(agent, usd(1_500_000))).await.unwrap().job;
    let job = world.ended(job.spec.id).await;
    assert_eq!(job.state.status, Status::Completed);
    assert_eq!(job.state.bill.unwrap().charged, usd(2 * CENT));
    let agent = world.node.agent(agent).await.unwrap();
    assert_eq!((agent.available, agent.held), (usd(10_000_000 - 2 * CENT), Usd::ZERO));
    let statement = world.node.statement(agent.id, None, 50).await.unwrap();
    let kinds: Vec<_> = statement.items.iter().map(|transfer| transfer.id.to_string().rsplit(':').next().unwrap().to_owned()).collect();
    assert_eq!(&kinds[..3], ["refund", "charge", "hold"]);
    assert!(world.node.audit().await.unwrap().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_submits_with_one_key_make_one_job_and_one_hold() {
    let world = TestNode::start(Memory::new(4), Script::hops(1).matched()).await;
    let agent = world.agent(usd(10_000_000)).await;
    let submits = (0..200).map(|_| {
        let (node, mut order) = (world.node.clone(), order(agent, usd(1_000_000)));
        order.key = Some(IdempotencyKey { key: "one".to_owned(), request: 1 });
        tokio::spawn(async move { node.submit(order).await.unwrap() })
    });
    let mut ids = std::collections::HashSet::new();
    let mut fresh = 0;
    for accepted in futures_util::future::join_all(submits).await {
        let accepted = accepted.unwrap();
        fresh += u32::from(!accepted.replayed);
        ids.insert(accepted.job.spec.id);
    }
    assert_eq!((ids.len(), fresh), (1, 1));
    world.ended(*ids.iter().next().unwrap()).await;
    assert_eq!(world.node.agent(agent).await.unwrap().available, usd(10_000_000 - CENT));
    let mut other = order(agent, usd(1_000_000));
    other.key = Some(IdempotencyKey { key: "one".to_owned(), request: 2 });
    assert!(matches!(world.node.submit(other).await, Err(Error::Refused(Refusal::KeyReused))));
}

/// T-45: a run that panics is tried again, and after the third time the job fails with everything refunded.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_crashes_three_times_fails_and_is_refunded() {
    let world = TestNode::start(Memory::new(4), Script::panics()).await;
    let agent = world.agent(usd(2_000_000)).await;
    let job = world.node.submit(order(agent, usd(1_000_000))).await.unwrap().job;
    let job = world.ended(job.spec.id).await;
    assert_eq!(job.state.failure.as_ref().unwrap().code, FailureCode::Internal);
    assert_eq!(world.script.runs(), 3);
    assert_eq!(world.node.agent(agent).await.unwrap().available, usd(2_000_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_that_is_down_costs_nothing() {
    let world = TestNode::start(Memory::new(4), Script::ends(|| Err(RunError::VendorUnavailable("down".to_owned())))).await;
    let agent = world.agent(usd(2_000_000)).await;
    let job = world.node.submit(order(agent, usd(1_000_000))).await.unwrap().job;
    let job = world.ended(job.spec.id).await;
    assert_eq!(job.state.failure.as_ref().unwrap().code, FailureCode::VendorUnavailable);
    assert_eq!(world.node.agent(agent).await.unwrap().available, usd(2_000_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_job_that_is_cancelled_costs_its_hops() {
    let world = TestNode::start(Memory::new(4), Script::hops(1).then_waits().matched()).await;
    let agent = world.agent(usd(2_000_000)).await;
    let id = world.node.submit(order(agent, usd(1_000_000))).await.unwrap().job.spec.id;
    world.until(id, |job| job.hops.len() == 1).await;
    world.node.cancel(id).await.unwrap();
    let job = world.ended(id).await;
    assert_eq!(job.state.failure.as_ref().unwrap().code, FailureCode::Cancelled);
    assert_eq!(job.state.bill.unwrap().charged, usd(CENT));
    assert!(matches!(world.node.cancel(id).await, Err(Error::Refused(Refusal::NoJob))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queued_job_is_cancelled_for_free_and_one_buyer_does_not_block_another() {
    let world = TestNode::with_slots(Memory::new(4), Script::hops(1).then_waits().matched(), 1).await;
    let (first, second) = (world.agent(usd(9_000_000)).await, world.agent(usd(9_000_000)).await);
    let running = world.node.submit(order(first, usd(1_000_000))).await.unwrap().job.spec.id;
    world.until(running, |job| job.state.status == Status::Running).await;
    let queued = world.node.submit(order(first, usd(1_000_000))).await.unwrap().job.spec.id;
    for _ in 0..3 {
        world.node.submit(order(first, usd(1_000_000))).await.unwrap();
    }
    let others = world.node.submit(order(second, usd(1_000_000))).await.unwrap().job.spec.id;
    let cancelled = world.node.cancel(queued).await.unwrap();
    assert_eq!(cancelled.state.bill.unwrap().charged, Usd::ZERO);
    world.node.cancel(running).await.unwrap();
    // A job that is cancelled still shows as running until its run has stopped.
    world.ended(running).await;
    // The free slot goes to the first buyer's next job or to the second buyer's: never to a second one of the first.
    let next = world.running().await;
    if next != others {
        world.node.cancel(next).await.unwrap();
        world.ended(next).await;
        assert_eq!(world.running().await, others);
    }
}

/// CP-05, CP-06, CP-08: a node that is dropped at any moment leaves what the next one goes on with; recorded hops are not paid again.
#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_on_after_the_last_hop() {
    let memory = Memory::new(4);
    let world = TestNode::start(memory.clone(), Script::hops(1).then_waits().matched()).await;
    let agent = world.agent(usd(2_000_000)).await;
    let id = world.node.submit(order(agent, usd(1_000_000))).await.unwrap().job.spec.id;
    world.until(id, |job| job.hops.len() == 1).await;
    world.abandon().await;

    let world = TestNode::start(memory, Script::hops(3).matched()).await;
    let job = world.ended(id).await;
    assert_eq!(job.hops.len(), 3);
    assert_eq!(world.script.calls(), 2, "the recorded hop is not paid again");
    assert_eq!(job.state.bill.unwrap().charged, usd(3 * CENT));
    assert!(world.node.audit().await.unwrap().is_ok());
}

/// RS8, CP-03: answers of the store that are lost, and a store that is away for a while, change nothing about the books.
#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_of_the_store_are_harmless() {
    let memory = Memory::new(2);
    let world = TestNode::start(memory.clone(), Script::hops(2).matched()).await;
    let agent = world.agent(usd(50_000_000)).await;
    let mut ids = Vec::new();
    for number in 0..20 {
        memory.fail_next([if number % 2 == 0 { Fault::LostReply } else { Fault::Refused }]);
        let mut order = order(agent, usd(1_000_000));
        order.key = Some(IdempotencyKey { key: format!("k{number}"), request: 1 });
        ids.push(world.submit_until_accepted(order).await);
    }
    for id in &ids {
        let job = world.ended(*id).await;
        assert_eq!(job.state.bill.unwrap().charged, usd(2 * CENT));
    }
    assert_eq!(world.node.agent(agent).await.unwrap().available, usd(50_000_000 - 40 * CENT));
    assert!(world.node.audit().await.unwrap().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drained_node_takes_no_work_and_ends_the_rest() {
    let world = TestNode::start(Memory::new(4), Script::hops(1).matched()).await;
    let agent = world.agent(usd(2_000_000)).await;
    let id = world.node.submit(order(agent, usd(1_000_000))).await.unwrap().job.spec.id;
    world.node.drain();
    assert!(matches!(world.node.submit(order(agent, usd(1_000_000))).await, Err(Error::Draining)));
    world.ended(id).await;
    tokio::time::timeout(Duration::from_secs(5), world.node.shutdown()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_match_is_free() {
    let found = || Ok(Found { matched: false, result: "{\"matched\":false}".to_owned() });
    let world = TestNode::start(Memory::new(4), Script::hops(1).ending(found)).await;
    let agent = world.agent(usd(2_000_000)).await;
    let id = world.node.submit(order(agent, usd(1_000_000))).await.unwrap().job.spec.id;
    let job = world.ended(id).await;
    assert_eq!((job.state.status, job.state.bill.unwrap().charged), (Status::Completed, Usd::ZERO));
}

/// A repeat makes nothing, so it is answered while nothing new is taken.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_is_answered_while_draining() {
    let world = TestNode::start(Memory::new(4), Script::hops(1).matched()).await;
    let agent = world.agent(usd(2_000_000)).await;
    let mut first = order(agent, usd(1_000_000));
    first.key = Some(IdempotencyKey { key: "k".to_owned(), request: 1 });
    let id = world.node.submit(first.clone()).await.unwrap().job.spec.id;
    world.node.drain();
    let again = world.node.submit(first.clone()).await.unwrap();
    assert_eq!((again.job.spec.id, again.replayed), (id, true));
    first.key = Some(IdempotencyKey { key: "other".to_owned(), request: 1 });
    assert!(matches!(world.node.submit(first).await, Err(Error::Draining)));
}

/// The machine's clock, some days ahead.
#[derive(Debug)]
struct Ahead(i64);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus_millis(self.0 * 86_400_000)
    }
}

/// CP-25: what is past its retention goes with its key and its place in lists; what it moved stays in the ledger.
#[tokio::test(flavor = "multi_thread")]
async fn ended_jobs_go_after_their_retention_and_the_ledger_stays() {
    let memory = Memory::new(2);
    let world = TestNode::start(memory.clone(), Script::hops(1).matched()).await;
    let agent = world.agent(usd(2_000_000)).await;
    let mut keyed = order(agent, usd(1_000_000));
    keyed.key = Some(IdempotencyKey { key: "k".to_owned(), request: 1 });
    let id = world.node.submit(keyed.clone()).await.unwrap().job.spec.id;
    world.ended(id).await;
    world.abandon().await;

    let world = TestNode::at(memory.clone(), Script::hops(1).matched(), 4, Arc::new(Ahead(29))).await;
    assert!(world.node.submit(keyed.clone()).await.unwrap().replayed, "a day before, it is there");
    world.abandon().await;

    let world = TestNode::at(memory, Script::hops(1).matched(), 4, Arc::new(Ahead(31))).await;
    let gone = async {
        while world.node.job(id).await.unwrap().is_some() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.unwrap();
    let caller = order(agent, usd(1)).caller;
    assert!(world.node.jobs_of(caller, JobFilter::default(), None, 10).await.unwrap().items.is_empty());
    assert_eq!(world.node.statement(agent, None, 10).await.unwrap().items.len(), 4, "deposit, hold, charge, refund");
    assert!(world.node.audit().await.unwrap().is_ok());
    assert!(!world.node.submit(keyed).await.unwrap().replayed, "the key is free again");
}

/// CP-25: a job whose end is still to be told stays, however short the retention; others go past it.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_callback_is_owed_outlives_its_retention() {
    let memory = Memory::new(2);
    let world = TestNode::start(memory.clone(), Script::hops(1).matched()).await;
    let agent = world.agent(usd(2_000_000)).await;
    let mut told = order(agent, usd(1_000_000));
    // Nobody listens there.
    told.callback_url = Some("http://127.0.0.1:1/".into());
    let told = world.node.submit(told).await.unwrap().job.spec.id;
    world.ended(told).await;
    let other = world.node.submit(order(agent, usd(1_000_000))).await.unwrap().job.spec.id;
    world.ended(other).await;
    world.abandon().await;

    let world = TestNode::keeping(memory, Script::hops(1).matched(), 4, Arc::new(Ahead(2)), 1).await;
    let gone = async {
        while world.node.job(other).await.unwrap().is_some() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.unwrap();
    assert!(world.node.job(told).await.unwrap().is_some(), "its receiver may be back tomorrow");
    assert_eq!(world.node.owed().await.unwrap().len(), 1);
}
