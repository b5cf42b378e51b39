//! Agents that are bound to a wallet.

use enrich_jobs::store::Memory;
use enrich_jobs::types::{Usd, Wallet};
use futures_util::future::join_all;

use super::support::node::{Script, TestNode};

/// The starting credit comes once per wallet, however often and however fast it signs in; and the last bearer is the one that is good.
#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_starts_with_its_credit_once() {
    let node = TestNode::start(Memory::new(4), Script::hops(1)).await.node;
    let (credit, wallet) = (Usd::from_micros(2_500_000), Wallet::from_bytes([7; 20]));
    let signing_in = (0..20).map(|number| {
        let node = node.clone();
        tokio::spawn(async move { node.sign_in(wallet, &format!("nonce {number}"), credit).await.unwrap().unwrap() })
    });
    let all: Vec<_> = join_all(signing_in).await.into_iter().map(Result::unwrap).collect();
    let agent = all[0].agent.id;
    assert!(all.iter().all(|one| one.agent.id == agent && one.agent.available == credit));
    assert_eq!(node.agent(agent).await.unwrap().available, credit);
    assert_eq!(all.iter().filter(|one| node.authenticate(&one.token).is_some()).count(), 1, "each sign-in ended the bearer before it");
    let lines = node.statement(agent, None, 50).await.unwrap().items;
    assert_eq!(lines.iter().map(|line| line.amount).collect::<Vec<_>>(), [credit]);
    // Spent or not, and with another credit by then.
    assert_eq!(node.sign_in(wallet, "later", Usd::from_micros(9_000_000)).await.unwrap().unwrap().agent.available, credit);
    assert!(node.sign_in(wallet, "nonce 3", credit).await.unwrap().is_none(), "a message is good for once");
    assert!(node.audit().await.unwrap().is_ok());
}
