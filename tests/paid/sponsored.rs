//! Payments that bring their allowance along.

use std::sync::Arc;

use enrich_jobs::actors::{Error, PaymentError};
use enrich_jobs::billing::x402::exposure::NoCredit;
use enrich_jobs::shard::Refusal;
use enrich_jobs::store::Memory;
use futures_util::future::join_all;

use super::support::chain::Chain;
use super::support::node::Script;
use super::support::paid::{CEILING, World, now};
use super::support::payer::pay_sponsored;

/// T-07: sent at once, one of a payer's sponsored payments is taken. Two with one number, or the second of which replaces what the first
/// one counts on, could not both be settled.
#[tokio::test(flavor = "multi_thread")]
async fn t07_of_sponsored_payments_at_once_one_is_taken() {
    let Some(chain) = Chain::start(&["--accounts", "1"]).await else { return };
    let world = World::on(chain, Arc::new(Memory::new(4)), Script::hops(1).then_waits(), 16, false).await;
    let payer = &world.chain.place.payers_without_allowance[0];
    let order = |nonce| World::order_of(pay_sponsored(payer, &world.required(), now(), nonce, 0));
    world.chain.approve(&payer.address, u128::MAX).await;
    let first = world.node.node.submit_paid(order(1)).await.unwrap().job.spec.id;
    world.node.until(first, |job| job.hops.len() == 1).await;
    world.node.node.cancel(first).await.unwrap();
    world.node.ended(first).await;
    world.settled().await;
    world.chain.approve(&payer.address, 0).await;
    let at_once = (2..12).map(|nonce| world.node.node.submit_paid(order(nonce)));
    let answers = join_all(at_once).await;
    let (taken, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!(taken.len(), 1);
    for answer in refused {
        let why = answer.unwrap_err();
        let PaymentError::Node(Error::Refused(Refusal::NoCredit(why))) = why else { panic!("{why}") };
        assert_eq!(why, NoCredit::Alone { unsettled: CEILING });
    }
    let exposure = world.node.node.exposure().await.unwrap();
    assert_eq!((exposure.total, exposure.wallets.len()), (CEILING, 1), "exactly one is pending");
    let id = taken.into_iter().next().unwrap().unwrap().job.spec.id;
    world.node.until(id, |job| job.hops.len() == 1).await;
    world.node.node.cancel(id).await.unwrap();
    world.node.ended(id).await;
    world.settled().await;
    assert_eq!(world.paid().await, [10_000; 2]);
    world.books_say(20_000).await;
}
