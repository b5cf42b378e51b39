//! Settlements that come to their end.

use std::sync::Arc;
use std::time::Duration;

use enrich_jobs::billing::lane::{DeadReason, Intent, ItemKey, Outcome, Policy};
use enrich_jobs::billing::x402::RevertReason;
use enrich_jobs::types::Usd;
use serde_json::json;

use crate::driver::{Driver, POLICY};
use crate::world::{CHARGE, World};

const EACH: u128 = 200_000;

/// The operator itself is the facilitator: one transaction each, one after the other.
#[tokio::test]
async fn directly() {
    let Some(world) = World::start(&["--accounts", "3"]).await else { return };
    let mut driver = Driver::new(&world, 0, None, Policy { batch_max: 1, ..POLICY });
    let intents = world.intents(3, world.operator(0).wallet()).await;
    driver.due(&intents);
    driver.until_mined(&intents).await;
    assert_eq!(world.received().await, 3 * EACH);
    world.mine(2).await;
    driver.until_settled(&intents).await;
    assert_eq!(world.rpc.nonces(world.operator(0).wallet()).await.unwrap().latest, 3);
    // A restart finds nothing to do, and a repeat is told the same.
    driver.crash();
    driver.due(&intents[..1]);
    driver.until("told again", |driver| driver.told[&intents[0].key].len() > 2).await;
    assert!(matches!(driver.outcome(&intents[0]), Some(Outcome::Settled(_))));
    assert_eq!(world.received().await, 3 * EACH);
}

/// Through the settler: all in one, and who can't pay sinks nobody else (T-14).
#[tokio::test]
async fn in_a_batch() {
    let Some(world) = World::start(&["--accounts", "12", "--no-mining"]).await else { return };
    let mut driver = Driver::new(&world, 0, Some(world.settler), POLICY);
    let mut intents = world.intents(12, world.settler).await;
    // Two of one payer, for the same amount: each needs a log of its own.
    intents.push(world.intent(&world.upto(0, world.settler).await, CHARGE));
    driver.due(&intents);
    driver.until("sent", |driver| !driver.sent.is_empty()).await;
    assert_eq!(driver.lane.families.len(), 1);
    // It was able to when it was looked at.
    let broke = intents.remove(5);
    revoke(&world, 5).await;
    world.mine(1).await;
    driver.until_mined(&intents).await;
    assert_eq!(world.received().await, 12 * EACH);
    world.mine(2).await;
    driver.until_settled(&intents).await;
    driver.until("given up", |driver| matches!(driver.outcome(&broke), Some(Outcome::Dead(_)))).await;
    assert_eq!(driver.outcome(&broke), Some(Outcome::Dead(DeadReason::Refused(RevertReason::TransferFailed))));
    let Some(Outcome::Settled(tx)) = driver.outcome(&intents[0]) else { panic!() };
    assert_eq!(world.rpc.settled_in(world.settler, intents[0].key, 0).await, Ok(Some(tx)), "found by its key");
    assert_eq!(world.rpc.settled_in(world.settler, broke.key, 0).await, Ok(None));
    let receipt = world.rpc.receipt(tx).await.unwrap().unwrap();
    assert!(receipt.gas_used < 13 * 60_000 + 60_000, "{}", receipt.gas_used);
}

/// In the same block, and before it: paid better.
async fn revoke(world: &World, payer: usize) {
    let place = &world.chain.place;
    let data = format!("0x095ea7b3{:0>64}{:064x}", &place.permit2[2..].to_lowercase(), 0);
    let from = &place.payers[payer].address;
    let fee = "0x4a817c800";
    let tx = json!([{"from": from, "to": place.token, "data": data, "gas": "0x20000", "maxFeePerGas": fee, "maxPriorityFeePerGas": fee}]);
    world.chain.rpc("eth_sendTransaction", tx).await;
}

/// `exact`: the token itself is called, and its nonce is the token's.
#[tokio::test]
async fn exactly() {
    let Some(world) = World::start(&["--accounts", "2"]).await else { return };
    let mut driver = Driver::new(&world, 1, None, Policy { batch_max: 1, ..POLICY });
    let amount = Usd::from_micros(1_500_000);
    let intents: Vec<Arc<Intent>> = vec![world.intent(&world.exact(0, amount).await, amount)];
    driver.due(&intents);
    driver.until_mined(&intents).await;
    world.mine(2).await;
    driver.until_settled(&intents).await;
    assert_eq!(world.received().await, 1_500_000);
}

/// C7, I-12: past its deadline, and used up by its payer.
#[tokio::test]
async fn dead_ones() {
    let Some(world) = World::start(&["--accounts", "2"]).await else { return };
    let mut driver = Driver::new(&world, 0, Some(world.settler), POLICY);
    let burnt = world.upto(0, world.settler).await;
    world.chain.invalidate_nonce(&world.chain.place.payers[0].address, burnt.nonce().to_be_bytes()).await;
    let intents = [world.intent(&burnt, CHARGE), world.intent(&world.upto(1, world.settler).await, CHARGE)];
    world.chain.wind(Duration::from_secs(1201)).await;
    world.mine(2).await;
    driver.due(&intents);
    driver.until("dead", |driver| driver.all(&intents, |outcome| matches!(outcome, Outcome::Dead(_)))).await;
    assert_eq!(driver.outcome(&intents[0]), Some(Outcome::Dead(DeadReason::Burned)));
    assert_eq!(driver.outcome(&intents[1]), Some(Outcome::Dead(DeadReason::Expired)));
    assert!(driver.sent.is_empty() && world.received().await == 0);
}

/// The settler's key for an item is ours.
#[tokio::test]
async fn keys_are_the_settlers() {
    let Some(world) = World::start(&["--accounts", "1"]).await else { return };
    let mut driver = Driver::new(&world, 3, Some(world.settler), POLICY);
    let payment = world.upto(0, world.settler).await;
    let intents = [world.intent(&payment, CHARGE)];
    assert_eq!(intents[0].key, ItemKey::of(payment.payer, payment.nonce().to_be_bytes()));
    driver.due(&intents);
    driver.until_mined(&intents).await;
    assert!(world.rpc.settled_in(world.settler, intents[0].key, 0).await.unwrap().is_some());
}
