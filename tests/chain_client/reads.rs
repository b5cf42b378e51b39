//! What nodes say, and what is believed of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use alloy_primitives::U256;
use enrich_jobs::billing::lane::{Fees, Nonce, Sent};
use enrich_jobs::billing::x402::offer::Terms;
use enrich_jobs::billing::x402::{PayerState, RevertReason, Simulation};
use enrich_jobs::chain::boot::{self, Contract, Doubt, Expected, Settler, Wrong};
use enrich_jobs::chain::rpc::PayerQuery;
use enrich_jobs::chain::tx::{Body, sign};
use enrich_jobs::chain::{Error, OperatorKey};
use enrich_jobs::types::{Network, Timestamp, Wallet};
use serde_json::json;

use crate::world::{CHARGE, World, rpc, wallet};

#[tokio::test]
async fn payers_are_read_at_one_block() {
    let Some(world) = World::start(&["--accounts", "70"]).await else { return };
    let place = &world.chain.place;
    let terms = world.terms(world.settler);
    let burnt = [0xa5; 32];
    world.chain.invalidate_nonce(&place.payers[1].address, burnt).await;
    world.chain.drain(&place.payers[2].address).await;
    world.chain.rpc("anvil_setCode", json!([place.payers[3].address, "0x00"])).await;
    let mut queries: Vec<_> = (0..70).map(|at| PayerQuery { payer: world.payer(at), nonce: Nonce::Permit2(burnt) }).collect();
    queries.push(PayerQuery { payer: wallet(&place.payers_without_allowance[0].address), nonce: Nonce::Token(burnt) });
    let states = world.rpc.payer_states(&terms, &queries).await.unwrap();
    let states: Vec<PayerState> = states.into_iter().map(Option::unwrap).collect();
    let head = world.rpc.head().await.unwrap();
    let funds = U256::from(1_000_000_000_u64);
    for (at, state) in states.iter().enumerate() {
        assert_eq!((state.block_number, state.block_time), (head.block.number, head.time));
        assert_eq!(state.nonce_used, at == 1, "{at}");
        assert_eq!(state.balance, if at == 2 { U256::ZERO } else { funds }, "{at}");
        assert_eq!(state.code_size, u64::from(at == 3), "{at}");
        assert_eq!(state.allowance, if at == 70 { U256::ZERO } else { U256::MAX }, "{at}");
    }
    // A token that isn't there can't say anything, and that isn't a balance of nothing.
    let nowhere = Terms { asset: wallet(&place.stranger.address), ..terms };
    assert_eq!(world.rpc.payer_states(&nowhere, &queries[..1]).await.unwrap(), [None]);
}

/// T-01 to T-04, C6: each way in which a payer fails is seen before anything is sent.
#[tokio::test]
async fn settles_are_simulated() {
    let Some(world) = World::start(&["--accounts", "4"]).await else { return };
    let (settler, place) = (world.settler, &world.chain.place);
    let payment = world.upto(0, settler).await;
    let intent = world.intent(&payment, CHARGE);
    let simulate = async |facilitator: Wallet| world.rpc.simulate_settle(facilitator, intent.target, &intent.call).await.unwrap();
    assert_eq!(simulate(settler).await, Simulation::Passed);
    assert_eq!(simulate(world.payer(1)).await, Simulation::Reverted(RevertReason::UnauthorizedFacilitator));
    world.chain.approve(&place.payers[0].address, 0).await;
    assert_eq!(simulate(settler).await, Simulation::Reverted(RevertReason::TransferFailed));
    world.chain.approve(&place.payers[0].address, 1_000_000).await;
    assert_eq!(simulate(settler).await, Simulation::Passed);
    world.chain.invalidate_nonce(&place.payers[0].address, payment.nonce().to_be_bytes()).await;
    assert_eq!(simulate(settler).await, Simulation::Reverted(RevertReason::InvalidNonce));
    let late = world.intent(&world.upto(1, settler).await, CHARGE);
    world.chain.wind(Duration::from_secs(1300)).await;
    let said = world.rpc.simulate_settle(settler, late.target, &late.call).await.unwrap();
    assert_eq!(said, Simulation::Reverted(RevertReason::SignatureExpired));
}

/// C8: what a node says to bytes, with its own words.
#[tokio::test]
async fn bytes_are_sent() {
    let Some(world) = World::start(&["--accounts", "1", "--no-mining"]).await else { return };
    let (key, network) = (world.operator(0), Network::Eip155(31_337));
    let quote = world.rpc.fees().await.unwrap();
    let fees = Fees { max: quote.base * 3 + 1_000_000_000, tip: 1_000_000_000 };
    let now = Timestamp::from_millis(0);
    let cancel = Body::cancel(key.wallet());
    let first = sign(&key, network, 0, fees, &cancel, now).unwrap();
    let send = async |raw: &[u8]| world.rpc.send_raw(raw).await;
    assert_eq!(send(&first.raw).await, Sent::Sent);
    assert_eq!(send(&first.raw).await, Sent::AlreadyKnown);
    let other = Body { gas: 40_000, ..cancel.clone() };
    assert_eq!(send(&sign(&key, network, 0, fees, &other, now).unwrap().raw).await, Sent::Underpriced);
    assert_eq!(world.rpc.nonces(key.wallet()).await.unwrap().pending, 1);
    let node = world.rpc.nodes().next().unwrap();
    assert!(node.knows(first.hash).await.unwrap());
    assert_eq!(world.rpc.receipt(first.hash).await, Ok(None));
    world.mine(1).await;
    let receipt = world.rpc.receipt(first.hash).await.unwrap().unwrap();
    assert!(receipt.ok && receipt.gas_used == 21_000);
    assert_eq!(world.rpc.nonces(key.wallet()).await.unwrap().latest, 1);
    assert_eq!(send(&first.raw).await, Sent::NonceTooLow);
    let poor = OperatorKey::from_hex(&"11".repeat(32)).unwrap();
    let unpaid = sign(&poor, network, 0, fees, &Body::cancel(poor.wallet()), now).unwrap();
    assert_eq!(send(&unpaid.raw).await, Sent::InsufficientFunds);
    assert!(matches!(send(&[2, 0xc0]).await, Sent::Refused(_)));
    assert_eq!(rpc(&["http://127.0.0.1:1"]).send_raw(&first.raw).await, Sent::Unanswered);
}

/// A settler that we deploy ourselves is the one that we then look for.
#[tokio::test]
async fn a_settler_is_deployed() {
    let Some(world) = World::start(&["--accounts", "1"]).await else { return };
    let operators = [world.operator(2).wallet(), world.operator(3).wallet()];
    let terms = world.terms(world.settler);
    let body = Body::deploy_settler(terms.proxy, &operators).unwrap();
    let quote = world.rpc.fees().await.unwrap();
    let fees = Fees { max: quote.base * 3 + 1_000_000_000, tip: 1_000_000_000 };
    let tx = sign(&world.operator(1), terms.network, 0, fees, &body, Timestamp::from_millis(0)).unwrap();
    assert_eq!(world.rpc.send_raw(&tx.raw).await, Sent::Sent);
    let address = world.chain.receipt(&tx.hash.to_string()).await["contractAddress"].as_str().unwrap().parse().unwrap();
    let code =
        hex::decode(&world.chain.rpc("eth_getCode", json!([world.chain.place.proxy, "latest"])).await.as_str().unwrap()[2..]).unwrap();
    let proxy_code_hash = alloy_primitives::keccak256(code).0;
    let settler = Settler { address, operators: operators.to_vec() };
    let expected = Expected { terms, proxy_code_hash, settler: Some(settler) };
    assert_eq!(boot::doubts(&world.rpc, &expected).await, []);
}

/// At start: everything that can be wrong is told, by every node's word.
#[tokio::test]
async fn a_network_is_checked_before_it_is_offered() {
    let Some(world) = World::start(&["--accounts", "1"]).await else { return };
    let place = &world.chain.place;
    let node = world.rpc.nodes().next().unwrap();
    let proxy_code_hash = node.code_hash(wallet(&place.proxy)).await.unwrap().unwrap();
    let operators: Vec<_> = (0..4).map(|at| world.operator(at).wallet()).collect();
    let right = Expected {
        terms: world.terms(world.settler),
        proxy_code_hash,
        settler: Some(Settler { address: world.settler, operators: operators.clone() }),
    };
    let wrongs = async |change: &dyn Fn(&mut Expected)| {
        let mut expected = right.clone();
        change(&mut expected);
        boot::doubts(&world.rpc, &expected).await.into_iter().map(|doubt| doubt.what).collect::<Vec<_>>()
    };
    assert_eq!(wrongs(&|_| {}).await, []);
    let got = proxy_code_hash;
    let public = |expected: &mut Expected| expected.proxy_code_hash = boot::UPTO_PROXY_CODE_HASH;
    assert_eq!(wrongs(&public).await, [Wrong::OtherCode { contract: Contract::Proxy, got }], "a stand-in is not the original");
    assert_eq!(wrongs(&|expected| expected.terms.proxy = world.payer(0)).await[0], Wrong::Missing(Contract::Proxy));
    assert_eq!(wrongs(&|expected| expected.terms.permit2 = world.payer(0)).await, [Wrong::Missing(Contract::Permit2)]);
    let another = |expected: &mut Expected| expected.terms.permit2 = wallet(&place.token);
    assert_eq!(wrongs(&another).await, [Wrong::Domain(Contract::Permit2)], "code of any kind isn't enough");
    let swapped = |expected: &mut Expected| expected.settler.as_mut().unwrap().operators.swap(0, 1);
    assert!(matches!(wrongs(&swapped).await[..], [Wrong::OtherCode { contract: Contract::Settler, .. }]));
    let fewer = |expected: &mut Expected| expected.settler.as_mut().unwrap().operators.truncate(3);
    assert!(matches!(wrongs(&fewer).await[..], [Wrong::OtherCode { contract: Contract::Settler, .. }]));
    assert_eq!(wrongs(&|expected| expected.terms.asset_name = "USD Coin".into()).await, [Wrong::Domain(Contract::Token)]);
    assert_eq!(wrongs(&|expected| expected.terms.asset_version = "1".into()).await, [Wrong::Domain(Contract::Token)]);
    assert_eq!(wrongs(&|expected| expected.terms.asset = world.payer(0)).await, [Wrong::Missing(Contract::Token)]);
    let other = |expected: &mut Expected| expected.terms.network = Network::Eip155(8453);
    assert_eq!(wrongs(&other).await, [Wrong::Chain { expected: 8453, got: 31_337 }]);
    let deaf = rpc(&[&place.rpc_url, "http://127.0.0.1:1"]);
    let doubts = boot::doubts(&deaf, &right).await;
    assert!(matches!(&doubts[..], [Doubt { node, what }] if node == "127.0.0.1:1" && what.is_silence()), "{doubts:?}");
}

/// F-X2: a node of another chain isn't believed, and one alone doesn't agree with anybody.
#[tokio::test]
async fn fx2_a_lying_node() {
    let Some(world) = World::start(&["--accounts", "1"]).await else { return };
    let url = world.chain.place.rpc_url.as_str();
    let liar = axum::Router::new().fallback(async || axum::Json(json!({"jsonrpc": "2.0", "id": 1, "result": "0x1"})));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let other = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, liar).await });
    let lying = Error::Lying { expected: 31_337, got: 1 };
    assert_eq!(rpc(&[&other]).head().await, Err(lying.clone()));
    let head = world.rpc.head().await.unwrap();
    let both = rpc(&[&other, url]);
    assert_eq!(both.head().await, Ok(head), "the next one is asked");
    let agreed = async |urls: &[&str]| rpc(urls).agreeing(|node| async move { node.head().await }).await;
    assert_eq!(agreed(&[&other, url]).await, Err(lying));
    assert_eq!(agreed(&[url, url]).await, Ok(head));
    assert_eq!(agreed(&["http://127.0.0.1:1", url, url]).await, Ok(head));
    let (differing, answers) = (rpc(&[url, url]), AtomicU64::new(0));
    let answer = differing.agreeing(|_node| {
        let answer = answers.fetch_add(1, Ordering::SeqCst);
        async move { Ok(answer) }
    });
    assert_eq!(answer.await.err(), Some(Error::Disagreeing));
}
