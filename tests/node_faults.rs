//! The node when things go wrong at the worst moment: crashes between two writes, shards that are loaded again under load,
//! full disks. Over the in-memory store, in process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use enrich_jobs::actors::{Error, IdempotencyKey};
use enrich_jobs::job::Status;
use enrich_jobs::store::memory::{Fault, Memory, Space, Write};
use enrich_jobs::store::{Epoch, Store};
use enrich_jobs::types::{JobId, ShardId, Usd};
use tokio::sync::Notify;

use support::node::{Script, TestNode, order};
use support::receiver::{Answer, Receiver};

const CENT: i64 = 10_000;

fn usd(micros: i64) -> Usd {
    Usd::from_micros(micros)
}

fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey { key: text.to_owned(), request: 1 }
}

/// CP-08, CP-22, CP-23: what only the journal tells of when the process dies is there at once after the restart: for polls,
/// for repeats of the submit, and for the callback.
#[tokio::test(flavor = "multi_thread")]
async fn what_ended_just_before_a_crash_is_found_and_told() {
    let receiver = Receiver::start(|_, number| if number == 1 { Answer::Hang(Duration::from_mins(1)) } else { Answer::Status(204) }).await;
    let memory = Memory::new(2);
    let (world, life) = TestNode::mortal(memory.clone(), Script::hops(1).matched()).await;
    let agent = world.agent(usd(2_000_000)).await;
    let mut wish = order(agent, usd(1_000_000));
    wish.key = Some(key("one"));
    wish.callback_url = Some(receiver.url().into());
    let id = world.node.submit(wish.clone()).await.unwrap().job.spec.id;
    world.ended(id).await;
    receiver.came(1).await;
    life.end();

    let world = TestNode::start(memory, Script::hops(1).matched()).await;
    let job = world.node.job(id).await.unwrap().expect("a job that was accepted is never unknown");
    assert_eq!(job.state.status, Status::Completed);
    let replay = world.node.submit(wish).await.unwrap();
    assert_eq!((replay.replayed, replay.job.spec.id), (true, id));
    receiver.came(2).await;
    let attempts = receiver.seen();
    assert_eq!(attempts[0].webhook_id(), attempts[1].webhook_id());
    assert_eq!(attempts[0].body, attempts[1].body);
    assert!(world.node.audit().await.unwrap().is_ok());
}

/// CP-24, F-S1, I-3: a shard fails and is loaded again, again and again, while jobs are accepted, started and at their hops. Every
/// job ends and is charged once, and every slot comes back.
#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_is_loaded_again_loses_no_job_and_no_slot() {
    let memory = Memory::new(2);
    let world = Arc::new(TestNode::with_slots(memory.clone(), Script::hops(2).matched(), 32).await);
    let agent = world.agent(usd(500_000_000)).await;
    let mut appends = 0;
    memory.plan(move |write| {
        appends += u32::from(matches!(write, Write::Append(..)));
        let fails = matches!(write, Write::Append(..)) && [2, 3, 5, 8, 13, 21, 34, 55].contains(&appends);
        if fails { Fault::Full } else { Fault::None }
    });
    let submits = (0..300).map(|number| {
        let world = Arc::clone(&world);
        let mut wish = order(agent, usd(1_000_000));
        wish.key = Some(key(&format!("k{number}")));
        tokio::spawn(async move { world.submit_until_accepted(wish).await })
    });
    let ids: Vec<_> = futures_util::future::join_all(submits).await.into_iter().map(Result::unwrap).collect();
    for id in &ids {
        let job = world.ended(*id).await;
        assert_eq!(job.state.bill.unwrap().charged, usd(2 * CENT));
    }
    let idle = async {
        while world.node.load() != (0, 0) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), idle).await.unwrap_or_else(|_| panic!("slots are lost: {:?}", world.node.load()));
    assert_eq!(world.node.agent(agent).await.unwrap().available, usd(500_000_000 - 600 * CENT));
    assert!(world.node.audit().await.unwrap().is_ok());
}

/// RS8, F-R3: a group that is durable although its owner never heard of it. What it ended is shown as ended, and what it
/// revoked opens nothing.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_unheard_is_shown_after_the_reload() {
    let memory = Memory::new(1);
    let world = TestNode::start(memory.clone(), Script::hops(1).then_waits().matched()).await;
    let made = world.node.create_agent("tester".into(), usd(5_000_000), None).await.unwrap();
    let (agent, old) = (made.agent.id, made.token.unwrap());
    let id = world.node.submit(order(agent, usd(1_000_000))).await.unwrap().job.spec.id;
    world.until(id, |job| job.hops.len() == 1).await;

    // Of a cancel the second append: the request, then the end.
    let lost = lose_append(&memory, 2);
    let act = async { world.node.cancel(id).await.map(drop) };
    let (cancelled, taken) = tokio::join!(act, take_over_when(&memory, &lost));
    cancelled.unwrap();
    let job = world.ended(id).await;
    assert_eq!((job.state.status, job.state.bill.unwrap().charged), (Status::Failed, usd(CENT)));

    ready_again(&world, taken).await;
    let lost = lose_append(&memory, 1);
    let act = async { world.node.rotate_token(agent).await };
    let (rotated, taken) = tokio::join!(act, take_over_when(&memory, &lost));
    assert!(matches!(rotated, Err(Error::Unavailable)), "whoever rotated it can't know");
    ready_again(&world, taken).await;
    assert!(world.node.authenticate(&old).is_none(), "a bearer that was replaced still opens the agent");
    assert!(world.node.audit().await.unwrap().is_ok());
}

/// From now on the n-th append is written and its answer lost; says when.
fn lose_append(memory: &Memory, number: usize) -> Arc<Notify> {
    let lost = Arc::new(Notify::new());
    let (told, mut appends) = (Arc::clone(&lost), 0);
    memory.plan(move |write| {
        let Write::Append(..) = write else { return Fault::None };
        appends += 1;
        if appends != number {
            return Fault::None;
        }
        told.notify_one();
        Fault::LostReply
    });
    lost
}

/// Somebody else takes the shard for a moment: its owner's next write is refused, and it loads the shard again.
async fn take_over_when(memory: &Memory, when: &Notify) -> Epoch {
    when.notified().await;
    memory.acquire(ShardId(0)).await.unwrap()
}

/// Returns once the node has the shard again that was taken under this epoch.
async fn ready_again(world: &TestNode, taken: Epoch) {
    let ready = async {
        while !world.node.shards().await.unwrap().iter().all(|shard| shard.ready && shard.epoch > taken.0) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), ready).await.expect("the shard is loaded");
}

/// D-10, F-S1: while a shard can't be loaded, jobs that have ended are still found; and what isn't found may yet be there.
#[tokio::test(flavor = "multi_thread")]
async fn an_ended_job_is_found_while_its_shard_is_away() {
    let memory = Memory::new(1);
    let world = TestNode::start(memory.clone(), Script::hops(1).matched()).await;
    let agent = world.agent(usd(5_000_000)).await;
    let id = world.node.submit(order(agent, usd(1_000_000))).await.unwrap().job.spec.id;
    world.ended(id).await;
    world.abandon().await;

    let world = TestNode::start(memory.clone(), Script::hops(1).matched()).await;
    memory.set_space(Space::Full);
    let refused = world.node.credit(agent, usd(1), "any write".into(), key("credit")).await;
    assert!(matches!(refused, Err(Error::StorageFull)), "{refused:?}");
    let away = async {
        while world.node.not_ready().len() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), away).await.unwrap();
    assert_eq!(world.node.job(id).await.unwrap().expect("it is stored").state.status, Status::Completed);
    let unknown = JobId::new(agent.slot(), [7; 16]);
    assert!(matches!(world.node.job(unknown).await, Err(Error::Unavailable)));
}

/// F-S1, CP-28: a full disk does not keep the process from ending; what was acknowledged is in the journal.
#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_on_a_full_disk_comes_to_an_end() {
    let memory = Memory::new(2);
    let world = TestNode::start(memory.clone(), Script::hops(1).matched()).await;
    let agent = world.agent(usd(5_000_000)).await;
    let id = world.node.submit(order(agent, usd(1_000_000))).await.unwrap().job.spec.id;
    world.ended(id).await;
    memory.set_space(Space::Full);
    tokio::time::timeout(Duration::from_secs(5), world.node.shutdown()).await.expect("the shutdown ends");
    memory.heal();
    let world = TestNode::start(memory, Script::hops(1).matched()).await;
    assert_eq!(world.ended(id).await.state.bill.unwrap().charged, usd(CENT));
    assert!(world.node.audit().await.unwrap().is_ok());
}

/// F-C2: what an operator asks for while an attempt is under way is done after it.
#[tokio::test(flavor = "multi_thread")]
async fn a_redelivery_is_not_lost_behind_the_attempt_before_it() {
    let answer = Arc::new(Notify::new());
    let held = Arc::clone(&answer);
    let receiver = Receiver::start(move |_, number| if number == 1 { Answer::Held(Arc::clone(&held)) } else { Answer::Status(204) }).await;
    let world = TestNode::start(Memory::new(1), Script::hops(1).matched()).await;
    let agent = world.agent(usd(5_000_000)).await;
    let mut wish = order(agent, usd(1_000_000));
    wish.callback_url = Some(receiver.url().into());
    let id = world.node.submit(wish).await.unwrap().job.spec.id;
    receiver.came(1).await;
    world.node.redeliver(id, "test".into()).await.unwrap();
    answer.notify_one();
    receiver.came(2).await;
    let attempts = receiver.seen();
    assert_eq!((attempts[0].webhook_id(), &attempts[0].body), (attempts[1].webhook_id(), &attempts[1].body));
}
