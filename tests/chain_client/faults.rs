//! What happens to transactions on their way.

use enrich_jobs::billing::lane::{Fees, Notice, Outcome, Policy, Sent};
use enrich_jobs::chain::tx::{Body, sign};
use enrich_jobs::types::{Network, Timestamp};
use serde_json::json;

use crate::driver::{Driver, POLICY};
use crate::world::World;

/// F-X6, CP-19: what isn't mined pays more, and only one of the two moves money.
#[tokio::test]
async fn fx6_a_replacement() {
    let Some(world) = World::start(&["--accounts", "2", "--no-mining"]).await else { return };
    let mut driver = Driver::new(&world, 0, Some(world.settler), Policy { bump_after_ms: 300, ..POLICY });
    let intents = world.intents(2, world.settler).await;
    driver.due(&intents);
    driver.until("replaced twice", |driver| driver.lane.families.get(&0).is_some_and(|family| family.txs.len() > 2)).await;
    let first = driver.lane.families[&0].txs[0].clone();
    assert_eq!(world.rpc.send_raw(&first.raw).await, Sent::Underpriced);
    driver.turn().await;
    world.mine(1).await;
    driver.until_mined(&intents).await;
    assert_eq!(world.received().await, 400_000);
    assert_eq!(world.rpc.receipt(first.hash).await, Ok(None), "replaced");
    assert_eq!(world.rpc.send_raw(&first.raw).await, Sent::NonceTooLow);
    world.mine(2).await;
    driver.until_settled(&intents).await;
    assert_eq!(world.received().await, 400_000);
}

/// F-X6: the base fee rises above what the transaction pays.
#[tokio::test]
async fn fx6_a_base_fee_that_rises() {
    let Some(world) = World::start(&["--accounts", "1", "--no-mining"]).await else { return };
    let mut driver = Driver::new(&world, 0, Some(world.settler), POLICY);
    let intents = world.intents(1, world.settler).await;
    driver.due(&intents);
    driver.until("sent", |driver| !driver.sent.is_empty()).await;
    world.chain.rpc("anvil_setNextBlockBaseFeePerGas", json!(["0x2540be400"])).await;
    // A block that it is too cheap for. The next one's base fee is a little lower.
    world.mine(1).await;
    assert_eq!(world.received().await, 0);
    driver.until("replaced", |driver| driver.lane.families[&0].txs.len() == 2).await;
    driver.until("sent again", |driver| driver.sent.len() > 1).await;
    world.mine(1).await;
    driver.until_mined(&intents).await;
}

/// F-X5: the mempool forgets it; the same bytes go out again.
#[tokio::test]
async fn fx5_a_dropped_transaction() {
    let Some(world) = World::start(&["--accounts", "1", "--no-mining"]).await else { return };
    let mut driver = Driver::new(&world, 0, Some(world.settler), POLICY);
    let intents = world.intents(1, world.settler).await;
    driver.due(&intents);
    driver.until("sent", |driver| !driver.sent.is_empty()).await;
    let tx = driver.lane.families[&0].txs[0].hash;
    let node = world.rpc.nodes().next().unwrap();
    world.chain.rpc("anvil_dropTransaction", json!([tx.to_string()])).await;
    assert!(!node.knows(tx).await.unwrap());
    driver.until("sent again", |driver| driver.sent.iter().filter(|sent| **sent == Sent::Sent).count() == 2).await;
    assert!(node.knows(tx).await.unwrap());
    world.mine(1).await;
    driver.until_mined(&intents).await;
    assert_eq!(driver.outcome(&intents[0]), Some(Outcome::Mined(tx)), "under the same hash");
}

/// F-X3, C8: mined, told, undone, sent again as it was, mined again.
#[tokio::test]
async fn fx3_a_reorg() {
    let Some(world) = World::start(&["--accounts", "2", "--no-mining"]).await else { return };
    let mut driver = Driver::new(&world, 0, Some(world.settler), Policy { confirmations: 6, keep_blocks: 16, ..POLICY });
    let intents = world.intents(2, world.settler).await;
    driver.due(&intents);
    driver.until("sent", |driver| !driver.sent.is_empty()).await;
    world.mine(3).await;
    driver.until_mined(&intents).await;
    let tx = driver.lane.families[&0].txs[0].hash;
    world.reorg(3).await;
    assert_eq!((world.rpc.receipt(tx).await, world.received().await), (Ok(None), 0));
    driver.until("undone", |driver| driver.all(&intents, |outcome| *outcome == Outcome::Pending)).await;
    assert_eq!(driver.notices, [Notice::Reorged { tx }]);
    // A crash in between changes nothing.
    driver.crash();
    let sent = driver.sent.len();
    driver.until("sent again", |driver| driver.sent.len() > sent).await;
    world.mine(1).await;
    driver.until_mined(&intents).await;
    world.mine(6).await;
    driver.until_settled(&intents).await;
    let told = [Outcome::Mined(tx), Outcome::Pending, Outcome::Mined(tx), Outcome::Settled(tx)];
    assert_eq!(driver.told[&intents[0].key], told, "one hash, all the way");
    assert_eq!(driver.lane.families[&0].txs.len(), 1, "nothing new was signed");
    assert_eq!(world.received().await, 400_000);
}

/// CP-13, CP-14, CP-15: stored and not sent; sent and not known; mined and not seen.
#[tokio::test]
async fn crashes_between_storing_and_seeing() {
    let Some(world) = World::start(&["--accounts", "3"]).await else { return };
    let mut driver = Driver::new(&world, 0, Some(world.settler), POLICY);
    let intents = world.intents(1, world.settler).await;
    driver.due(&intents);
    driver.until("stored", |driver| !driver.lane.families.is_empty()).await;
    driver.crash();
    assert!(driver.sent.is_empty());
    driver.until("sent", |driver| !driver.sent.is_empty()).await;
    driver.crash();
    driver.until_mined(&intents).await;
    driver.crash();
    world.mine(2).await;
    driver.until_settled(&intents).await;
    assert_eq!((world.received().await, driver.lane.families.len()), (200_000, 1));
}

/// T-20: somebody else uses the account; the lane notices, and what is owed rides under the next nonce.
#[tokio::test]
async fn t20_a_foreign_transaction() {
    let Some(world) = World::start(&["--accounts", "1", "--no-mining"]).await else { return };
    let mut driver = Driver::new(&world, 0, Some(world.settler), POLICY);
    let intents = world.intents(1, world.settler).await;
    driver.due(&intents);
    driver.until("sent", |driver| !driver.sent.is_empty()).await;
    let key = world.operator(0);
    let theirs = Body { gas: 21_001, ..Body::cancel(key.wallet()) };
    let fees = Fees { max: 100_000_000_000, tip: 50_000_000_000 };
    let theirs = sign(&key, Network::Eip155(31_337), 0, fees, &theirs, Timestamp::from_millis(0)).unwrap();
    assert_eq!(world.rpc.send_raw(&theirs.raw).await, Sent::Sent);
    world.mine(2).await;
    driver.until("noticed", |driver| driver.notices.contains(&Notice::Foreign { account_nonce: 0 })).await;
    driver.until("riding again", |driver| driver.lane.families.contains_key(&1)).await;
    driver.until("sent", |driver| driver.sent.len() > 1).await;
    world.mine(1).await;
    driver.until_mined(&intents).await;
    world.mine(2).await;
    driver.until_settled(&intents).await;
    assert_eq!(world.received().await, 200_000);
}
