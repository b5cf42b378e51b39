//! Payments that come again for somebody's benefit.

use std::sync::Arc;
use std::time::Duration;

use enrich_jobs::actors::{Claim, ClaimState, PaymentError};
use enrich_jobs::billing::lane::Claimant;
use enrich_jobs::billing::x402::Scheme;
use enrich_jobs::billing::x402::header::Payment;
use enrich_jobs::store::Memory;
use enrich_jobs::types::{JobId, Usd, Wallet};

use super::support::chain::Chain;
use super::support::node::Script;
use super::support::paid::{CENT, World, now, parts};
use super::support::payer::pay;

const PATIENCE: Duration = Duration::from_secs(20);

impl World {
    /// The first payer owes a cent more.
    async fn owe(&self, nonce: u8) -> JobId {
        let payer = &self.chain.place.payers[0].address;
        let id = self.submit(0, nonce).await;
        self.node.until(id, |job| job.hops.len() == 1).await;
        self.chain.approve(payer, 0).await;
        self.node.node.cancel(id).await.unwrap();
        self.node.ended(id).await;
        self.chain.approve(payer, u128::MAX).await;
        id
    }

    fn exactly(&self, amount: Usd, nonce: u8) -> Payment {
        let required = self.node.node.requirements(Scheme::Exact, amount).remove(0);
        pay(&self.chain.place.payers[0], &required, now(), nonce)
    }

    async fn pay_debt(&self, payment: &Payment, asked: Usd) -> Result<Claim, PaymentError> {
        let debtor: Wallet = self.chain.place.payers[0].address.parse().unwrap();
        self.node.node.claim(payment, asked, Claimant::Debtor(debtor), PATIENCE).await
    }
}

/// C9: a repeat is told what the first one was, whatever the wallet owes by then, and also after a restart.
#[tokio::test(flavor = "multi_thread")]
async fn c9_a_payment_of_a_debt_is_answered_alike_for_ever() {
    let Some(chain) = Chain::start(&["--accounts", "2"]).await else { return };
    let world = World::on(chain, Arc::new(Memory::new(4)), Script::hops(1).then_waits(), 4, false).await;
    world.owe(1).await;
    let payment = world.exactly(CENT, 2);
    let first = world.pay_debt(&payment, CENT).await.unwrap();
    assert!(first.amount == CENT && matches!(first.state, ClaimState::Settled { owed: Usd::ZERO, .. }), "{first:?}");
    assert_eq!(world.pay_debt(&payment, Usd::from_micros(7)).await.unwrap(), first, "not what is asked for by now");
    world.owe(3).await;
    assert_eq!(world.pay_debt(&payment, CENT).await.unwrap(), first, "a newer debt is another one");
    let wallet: Wallet = world.chain.place.payers[0].address.parse().unwrap();
    world.node.node.forgive(wallet, "agreed".into()).await.unwrap();
    assert_eq!(world.pay_debt(&payment, CENT).await.unwrap(), first);
    // One that never came to anything, forgiven or not.
    world.owe(4).await;
    let dead = world.exactly(CENT, 5);
    world.chain.set_paused(true).await;
    let claim = world.pay_debt(&dead, CENT).await;
    assert!(claim.is_err(), "the chain wouldn't take it: {claim:?}");
    world.chain.set_paused(false).await;
    let original = parts(&world.chain.place, false);
    let world = world.restarted(Script::hops(1), 4, original).await;
    assert_eq!(world.pay_debt(&payment, CENT).await.unwrap(), first);
    assert_eq!(world.paid().await, [10_000]);
}
