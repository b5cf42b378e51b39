//! Wallets that never paid before, and don't: after some of them no other is taken for a while (D-5, T-07).

use std::sync::Arc;
use std::time::Duration;

use enrich_jobs::actors::{Error, PaymentError};
use enrich_jobs::billing::x402::exposure::NoCredit;
use enrich_jobs::billing::x402::newcomers::Newcomers;
use enrich_jobs::shard::Refusal;
use enrich_jobs::store::Memory;
use enrich_jobs::types::JobId;

use super::support::chain::Chain;
use super::support::node::Script;
use super::support::paid::{World, parts};

impl World {
    /// A job that its payer doesn't pay.
    async fn lose(&self, id: JobId, payer: usize) {
        self.node.until(id, |job| job.hops.len() == 1).await;
        self.chain.approve(&self.chain.place.payers[payer].address, 0).await;
        self.node.node.cancel(id).await.unwrap();
        self.node.ended(id).await;
    }

    async fn pay(&self, id: JobId) {
        self.node.until(id, |job| job.hops.len() == 1).await;
        self.node.node.cancel(id).await.unwrap();
        self.node.ended(id).await;
        self.settled().await;
    }

    async fn is_paused(&self, payer: usize, nonce: u8) -> bool {
        match self.node.node.submit_paid(self.order(payer, nonce)).await {
            Err(PaymentError::Node(Error::Refused(Refusal::NoCredit(NoCredit::Paused { seconds })))) => seconds > 0,
            Ok(accepted) => panic!("{}", accepted.job.spec.id),
            Err(error) => panic!("{error}"),
        }
    }

    async fn one_at_a_time(&self) {
        for _ in 0..200 {
            if self.node.node.newcomers().newcomers == Newcomers::OneAtATime {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{:?}", self.node.node.newcomers());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t07_newcomers_that_do_not_pay_pause_the_others() {
    let Some(chain) = Chain::start(&["--accounts", "10"]).await else { return };
    let script = || Script::hops(1).then_waits();
    let world = World::on(chain, Arc::new(Memory::new(4)), script(), 16, false).await;
    // Somebody who has paid before.
    let id = world.submit(9, 1).await;
    world.pay(id).await;
    for payer in 0..4 {
        let id = world.submit(payer, 1).await;
        world.lose(id, payer).await;
    }
    assert_eq!((world.node.node.newcomers().newcomers, world.node.node.newcomers().losses), (Newcomers::Welcome, 4));
    let id = world.submit(4, 1).await;
    world.lose(id, 4).await;
    assert!(matches!(world.node.node.newcomers().newcomers, Newcomers::Paused { .. }));
    assert!(world.is_paused(5, 1).await);
    let proven = world.submit(9, 2).await;
    world.pay(proven).await;
    assert!(matches!(world.node.node.newcomers().newcomers, Newcomers::Paused { .. }), "that a proven one pays tells nothing of newcomers");
    // After the pause one is let in, and shows how the others are.
    world.one_at_a_time().await;
    let on_trial = world.submit(5, 1).await;
    assert!(world.is_paused(6, 1).await);
    world.lose(on_trial, 5).await;
    assert!(matches!(world.node.node.newcomers().newcomers, Newcomers::Paused { .. }), "again");
    world.one_at_a_time().await;
    let on_trial = world.submit(6, 1).await;
    world.pay(on_trial).await;
    assert_eq!(world.node.node.newcomers().newcomers, Newcomers::Welcome);
    // What is owed counts again after a restart, until an operator says otherwise.
    let original = parts(&world.chain.place, false);
    let world = world.restarted(script(), 16, original).await;
    assert!(!matches!(world.node.node.newcomers().newcomers, Newcomers::Welcome));
    assert_eq!(world.node.node.let_newcomers_in("they are known".into()).await.unwrap().newcomers, Newcomers::Welcome);
    let log = world.node.node.operator_log(None, 1).await.unwrap();
    assert_eq!((&*log.items[0].act, &*log.items[0].reason), ("newcomers_let_in", "they are known"));
    let [one, other] = [world.submit(7, 1).await, world.submit(8, 1).await];
    world.pay(one).await;
    world.pay(other).await;
}
