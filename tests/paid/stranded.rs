//! Settlements that nobody of the configuration can make: they wait, visibly, and end as the chain says.

use std::sync::Arc;
use std::time::Duration;

use enrich_jobs::actors::Why;
use enrich_jobs::billing::lane::{DeadReason, ItemKey};
use enrich_jobs::billing::x402::{amount, calldata};
use enrich_jobs::job::{FailureCode, Job, Status};
use enrich_jobs::store::Memory;
use enrich_jobs::types::{JobId, Usd};

use super::support::chain::Chain;
use super::support::node::Script;
use super::support::paid::{CENT, World, now, parts, parts_by};
use super::support::payer::pay;

fn waiting() -> Script {
    Script::hops(1).then_waits()
}

impl World {
    /// Ends a job's run, so that what it has cost is owed.
    async fn cut(&self, id: JobId) {
        self.node.until(id, |job| job.hops.len() == 1).await;
        self.node.node.cancel(id).await.unwrap();
    }

    async fn stranded(&self, wanted: Why) -> ItemKey {
        for _ in 0..400 {
            if let Some(stuck) = self.node.node.stuck_settlements().into_iter().find(|stuck| stuck.why == wanted) {
                return stuck.key;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{:?}", self.node.node.settlements().await);
    }

    /// An operator settles a job's payment on his own, for a cent.
    async fn settle_behind(&self, job: &Job, operator: &str) {
        let payment = job.spec.payment.as_ref().unwrap();
        let (target, call) = calldata::of(&payment.verified, &payment.terms, amount::units(CENT)).unwrap();
        let tx = self.chain.submit(operator, &target.to_string(), &format!("0x{}", hex::encode(call))).await;
        assert_eq!(self.chain.receipt(&tx).await["status"], "0x1");
    }
}

/// C12, I-12: a payer's signature is worth nothing to another operator. What it owes waits for the one that it named, and is a debt
/// only once the chain says that nobody can settle it any more.
#[tokio::test(flavor = "multi_thread")]
async fn c12_a_settlement_waits_for_the_operator_that_its_payer_named() {
    for is_batch in [false, true] {
        let Some(chain) = Chain::start(&["--accounts", "2"]).await else { return };
        let world = World::on(chain, Arc::new(Memory::new(4)), waiting(), 4, is_batch).await;
        let (first, second) = (world.submit(0, 1).await, world.submit(1, 2).await);
        // Another operator, and no settler.
        let other = parts_by(&world.chain.place, false, 1);
        let world = world.restarted(waiting(), 4, other.clone()).await;
        let before = world.operator_nonces().await;
        world.cut(first).await;
        let key = world.stranded(Why::Facilitator).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let status = world.node.node.settlements().await.unwrap();
        let due = status.dues.iter().find(|due| due.key == key).unwrap();
        assert_eq!((due.lane, due.amount), (None, CENT), "no other lane takes it");
        assert_eq!(world.operator_nonces().await, before);
        assert_eq!(world.node.node.job(first).await.unwrap().unwrap().state.status, Status::Completing);
        // The one that was named is back.
        let original = parts(&world.chain.place, is_batch);
        let world = world.restarted(waiting(), 4, original).await;
        world.node.ended(first).await;
        world.settled().await;
        assert_eq!(world.paid().await, [10_000]);
        // Gone for longer than the other's deadline.
        let world = world.restarted(waiting(), 4, other).await;
        world.cut(second).await;
        world.stranded(Why::Facilitator).await;
        world.chain.wind(Duration::from_secs(1_300)).await;
        let job = world.node.ended(second).await;
        assert_eq!(job.state.failure.as_ref().unwrap().code, FailureCode::SettlementFailed);
        let debtors = world.node.node.debtors().await.unwrap();
        assert_eq!((debtors[0].owed(), debtors[0].debts[0].reason), (CENT, DeadReason::Expired));
        world.settled().await;
        assert!(world.node.node.stuck_settlements().is_empty());
        world.books_say(10_000).await;
    }
}

/// A due that comes to its lane a day after its deadline: the lane says no, and the chain says what became of it.
#[tokio::test(flavor = "multi_thread")]
async fn i19_a_due_that_comes_too_late_ends_as_the_chain_says() {
    let Some(chain) = Chain::start(&["--accounts", "4"]).await else { return };
    let world = World::on(chain, Arc::new(Memory::new(4)), waiting(), 4, false).await;
    let [expired, settled, burned] = [world.submit(0, 1).await, world.submit(1, 2).await, world.submit(2, 3).await];
    let late = Duration::from_hours(48);
    for id in [expired, settled, burned] {
        world.node.until(id, |job| job.hops.len() == 1).await;
    }
    let job = world.node.node.job(settled).await.unwrap().unwrap();
    world.settle_behind(&job, &world.chain.place.operators[0].address).await;
    world.chain.invalidate_nonce(&world.chain.place.payers[2].address, [3; 32]).await;
    world.chain.wind(late).await;
    // What the lane does now shows it how late it is.
    let payment = pay(&world.chain.place.payers[3], &world.required(), now() + late.as_secs(), 4);
    let fresh = world.node.node.submit_paid(World::order_of(payment)).await.unwrap().job.spec.id;
    world.cut(fresh).await;
    world.node.ended(fresh).await;
    for id in [expired, settled, burned] {
        world.cut(id).await;
    }
    let job = world.node.ended(expired).await;
    assert_eq!(job.state.failure.as_ref().unwrap().code, FailureCode::SettlementFailed);
    let job = world.node.ended(settled).await;
    assert_eq!((job.state.failure.as_ref().unwrap().code, job.state.bill.unwrap().charged), (FailureCode::Cancelled, CENT));
    assert!(job.state.settled_in.is_some());
    // Somebody has used it, and nobody can say for what: no debt, and no end without a person.
    world.stranded(Why::Unexplained).await;
    assert_eq!(world.node.node.job(burned).await.unwrap().unwrap().state.status, Status::Completing);
    let debtors = world.node.node.debtors().await.unwrap();
    assert_eq!(debtors.iter().map(enrich_jobs::shard::WalletBook::owed).collect::<Vec<Usd>>(), [CENT]);
    assert_eq!(world.paid().await.len(), 2);
    assert_eq!(world.node.node.settlements().await.unwrap().dues.len(), 1);
}
