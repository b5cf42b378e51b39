//! The local chain that other tests settle on: what it holds, and what a test can make happen there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use serde_json::json;
use support::chain::Chain;

#[tokio::test]
async fn everybody_is_there_with_money() {
    let Some(chain) = Chain::start(&[]).await else { return };
    let place = &chain.place;
    assert_eq!((place.chain_id, place.payers.len(), place.operators.len()), (31337, 20, 4));
    let funds = place.payer_funds.parse().unwrap();
    for payer in &place.payers {
        assert_eq!((chain.balance(&payer.address).await, chain.allowance(&payer.address).await), (funds, u128::MAX));
    }
    for payer in &place.payers_without_allowance {
        assert_eq!((chain.balance(&payer.address).await, chain.allowance(&payer.address).await), (funds, 0));
    }
    for account in place.operators.iter().chain(&place.payers) {
        assert!(chain.wei(&account.address).await > 10_u128.pow(18), "an ether for gas");
    }
    for contract in [&place.token, &place.permit2, &place.proxy, &place.settler] {
        let code = chain.rpc("eth_getCode", json!([contract, "latest"])).await;
        assert!(code.as_str().unwrap().len() > 1000, "{contract} has code");
    }
}

#[tokio::test]
async fn what_payers_can_do_can_be_done() {
    let Some(chain) = Chain::start(&["--accounts", "3"]).await else { return };
    let [spender, revoker, canceller] = &chain.place.payers[..] else { panic!("three were asked for") };

    let since = chain.block_number().await + 1;
    chain.drain(&spender.address).await;
    assert_eq!(chain.balance(&spender.address).await, 0);
    let paid = chain.transfers_to(&chain.place.stranger.address, since).await;
    let [transfer] = &paid[..] else { panic!("{paid:?}") };
    let wanted = (spender.address.to_lowercase(), 1_000_000_000, since);
    assert_eq!((transfer.from.clone(), transfer.amount, transfer.block), wanted);
    assert_eq!(chain.receipt(&transfer.transaction).await["status"], "0x1");
    chain.mint(&spender.address, 7).await;
    assert_eq!(chain.balance(&spender.address).await, 7);

    chain.approve(&revoker.address, 0).await;
    assert_eq!(chain.allowance(&revoker.address).await, 0);

    for last in [0, 7, 8, 255] {
        let mut nonce = [0xa5; 32];
        nonce[31] = last;
        assert!(!chain.nonce_used(&canceller.address, nonce).await);
        chain.invalidate_nonce(&canceller.address, nonce).await;
        assert!(chain.nonce_used(&canceller.address, nonce).await);
    }

    let transfer = format!("0xa9059cbb{:0>64}{:064x}", &chain.place.pay_to[2..], 1);
    for (pause, status) in [(true, "0x0"), (false, "0x1")] {
        chain.set_paused(pause).await;
        let hash = chain.submit(&revoker.address, &chain.place.token, &transfer).await;
        assert_eq!(chain.receipt(&hash).await["status"], status);
    }
    chain.set_blacklisted(&revoker.address, true).await;
    let hash = chain.submit(&revoker.address, &chain.place.token, &transfer).await;
    assert_eq!(chain.receipt(&hash).await["status"], "0x0");
}

#[tokio::test]
async fn blocks_come_when_they_are_asked_for() {
    let Some(chain) = Chain::start(&["--accounts", "1", "--no-mining"]).await else { return };
    let [payer] = &chain.place.payers[..] else { panic!("one was asked for") };
    let approve = format!("0x095ea7b3{:0>64}{:064x}", &chain.place.permit2[2..], 5);
    let hash = chain.submit(&payer.address, &chain.place.token, &approve).await;
    assert!(chain.rpc("eth_getTransactionReceipt", json!([hash])).await.is_null(), "nothing is mined by itself");
    chain.mine().await;
    assert_eq!(chain.receipt(&hash).await["status"], "0x1");
    assert_eq!(chain.allowance(&payer.address).await, 5);

    chain.set_automine(true).await;
    chain.approve(&payer.address, 6).await;
    let timestamp = async || {
        let block = chain.rpc("eth_getBlockByNumber", json!(["latest", false])).await;
        u64::from_str_radix(&block["timestamp"].as_str().unwrap()[2..], 16).unwrap()
    };
    let before = timestamp().await;
    chain.wind(Duration::from_hours(1)).await;
    assert!(timestamp().await >= before + 3600);
    let refused = chain.try_rpc("eth_call", json!([{ "to": chain.place.settler, "data": "0x12345678" }, "latest"])).await;
    assert!(refused.is_err(), "{refused:?}");
}
