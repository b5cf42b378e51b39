//! A node that wallets pay, on a real chain: what it charges is what the token's log says, once, whatever comes in between.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use enrich_jobs::actors::{ChainParts, ClaimState, PaymentError, books};
use enrich_jobs::billing::lane::Claimant;
use enrich_jobs::billing::reconcile;
use enrich_jobs::billing::x402::exposure::NoCredit;
use enrich_jobs::billing::x402::sponsoring::Unsponsored;
use enrich_jobs::billing::x402::{Reason, Scheme};
use enrich_jobs::clock::{SystemClock, SystemRandom};
use enrich_jobs::enrich::Found;
use enrich_jobs::job::FailureCode;
use enrich_jobs::shard::Refusal;
use enrich_jobs::store::{Embedded, Memory, Store, embedded};
use enrich_jobs::types::{JobId, Usd, Wallet};
use support::binary::Setup;
use support::chain::{Chain, Place};
use support::node::{Script, TestNode};
use support::paid::{CEILING, CENT, NETWORK, World, now, parts};
use support::payer::{pay, pay_sponsored};

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_settles_what_the_job_cost() {
    let Some(world) = World::start(Script::hops(3), 4, false).await else { return };
    let id = world.submit(0, 1).await;
    let job = world.node.ended(id).await;
    assert_eq!(job.state.bill.unwrap().charged, Usd::from_micros(30_000));
    assert!(job.state.result.is_some());
    world.settled().await;
    let transfers = world.chain.transfers_to(&world.chain.place.pay_to, world.since).await;
    let [transfer] = &transfers[..] else { panic!("{transfers:?}") };
    assert_eq!((transfer.amount, &transfer.from), (30_000, &world.chain.place.payers[0].address.to_lowercase()));
    assert_eq!(job.state.settled_in.unwrap().to_string(), transfer.transaction);
    world.books_say(30_000).await;
    let exposure = world.node.node.exposure().await.unwrap();
    assert_eq!((exposure.total, exposure.wallets.len()), (Usd::ZERO, 0));
    // Its header is on the chain now: whoever sends it again gets neither the job nor a new one.
    let again = world.node.node.submit_paid(world.order(0, 1)).await;
    assert!(matches!(again, Err(PaymentError::AlreadyUsed { .. })), "{again:?}");
    // The comparison that `audit --chain` makes.
    let booked = books(&*world.store.snapshot().await.unwrap(), 4, &[NETWORK]).unwrap().remove(&NETWORK).unwrap().booked;
    let rpc = parts(&world.chain.place, false).rpc;
    let (token, pay_to) = (world.chain.place.token.parse().unwrap(), world.chain.place.pay_to.parse().unwrap());
    let last = world.chain.block_number().await;
    let seen = rpc.transfers_to(token, pay_to, world.since, last).await.unwrap();
    let paid = seen.into_iter().map(|one| reconcile::Paid {
        tx: one.tx,
        payer: one.from,
        amount: one.amount,
        keys: Vec::new(),
        is_settlement: true,
    });
    let booked = booked.into_iter().map(|one| reconcile::Booked {
        name: one.id.to_string(),
        amount: one.amount,
        payer: one.payer,
        tx: one.tx,
        key: one.key,
    });
    let found = reconcile::reconcile(booked.collect(), paid.collect(), Vec::new());
    assert!(found.is_ok() && found.matched == 1, "{found:?}");
    assert!(rpc.block_before(0).await.unwrap() == 0 && rpc.block_before(now() + 3600).await.unwrap() == last);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settler_settles_many_in_one_transaction() {
    let Some(world) = World::start(Script::hops(2), 8, true).await else { return };
    let before = world.operator_nonces().await;
    let mut jobs = Vec::new();
    for payer in 0..6 {
        jobs.push(world.submit(payer, 7).await);
    }
    for id in jobs {
        assert_eq!(world.node.ended(id).await.state.bill.unwrap().charged, Usd::from_micros(20_000));
    }
    world.settled().await;
    assert_eq!(world.paid().await, [20_000; 6]);
    world.books_say(120_000).await;
    let after = world.operator_nonces().await;
    let transactions = after.iter().zip(&before).filter(|(after, before)| after != before).count();
    assert!(transactions < 6, "fewer transactions than settlements: {before:?} {after:?}");
    let lanes = world.node.node.settlements().await.unwrap().lanes;
    assert!(lanes.len() == 4 && lanes.iter().all(|lane| lane.is_driven && lane.waiting == 0));
}

/// A settler passes on no EIP-3009 transfer; the operator sends it itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_is_credited_once_where_a_settler_settles() {
    let Some(world) = World::start(Script::hops(1), 4, true).await else { return };
    let agent = world.node.agent(Usd::ZERO).await;
    let amount = Usd::from_micros(5_000_000);
    let required = world.node.node.requirements(Scheme::Exact, amount).remove(0);
    let payment = pay(&world.chain.place.payers[0], &required, now(), 3);
    for _ in 0..2 {
        let claim = world.node.node.claim(&payment, amount, Claimant::Agent(agent), Duration::from_secs(20)).await.unwrap();
        assert!(matches!(claim.state, ClaimState::Settled { .. }), "{claim:?}");
    }
    world.settled().await;
    assert_eq!(world.node.node.agent(agent).await.unwrap().available, amount);
    assert_eq!(world.paid().await, [5_000_000]);
    world.books_say(5_000_000).await;
}

/// C7: nothing found costs nothing, and nothing touches the chain.
#[tokio::test(flavor = "multi_thread")]
async fn no_match_makes_no_transaction() {
    let nothing = || Ok(Found { matched: false, result: "{\"matched\":false}".to_owned() });
    let Some(world) = World::start(Script::hops(2).ending(nothing), 4, false).await else { return };
    let before = world.operator_nonces().await;
    let id = world.submit(0, 1).await;
    let job = world.node.ended(id).await;
    assert_eq!((job.state.bill.unwrap().charged, job.state.settled_in), (Usd::ZERO, None));
    assert!(job.state.failure.is_none(), "it completed");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!((world.paid().await, world.operator_nonces().await), (Vec::new(), before));
    assert_eq!(world.node.node.exposure().await.unwrap().total, Usd::ZERO);
    world.books_say(0).await;
}

/// T-01: who spends its money while it waits gets no work done.
#[tokio::test(flavor = "multi_thread")]
async fn t01_a_payer_that_is_drained_while_it_waits_is_insolvent() {
    let Some(world) = World::start(Script::hops(1).then_waits(), 1, false).await else { return };
    let first = world.submit(0, 1).await;
    world.node.until(first, |job| job.hops.len() == 1).await;
    let second = world.submit(1, 1).await;
    world.chain.drain(&world.chain.place.payers[1].address).await;
    world.node.node.cancel(first).await.unwrap();
    let job = world.node.ended(second).await;
    assert_eq!(job.state.failure.as_ref().unwrap().code, FailureCode::PayerInsolvent);
    assert_eq!((job.state.bill.unwrap().charged, job.hops.len()), (Usd::ZERO, 0));
    assert_eq!(world.node.ended(first).await.state.bill.unwrap().charged, CENT, "a cancelled run costs what it cost so far");
    world.settled().await;
    assert_eq!(world.paid().await, [10_000]);
    world.books_say(10_000).await;
}

/// T-05, F-X4: what can't be collected is a debt, and a debtor buys nothing until it is forgiven.
#[tokio::test(flavor = "multi_thread")]
async fn a_payer_that_cannot_be_charged_owes() {
    let Some(world) = World::start(Script::hops(1).then_waits(), 2, false).await else { return };
    let id = world.submit(0, 1).await;
    world.node.until(id, |job| job.hops.len() == 1).await;
    let payer = &world.chain.place.payers[0].address;
    world.chain.approve(payer, 0).await;
    world.node.node.cancel(id).await.unwrap();
    let job = world.node.ended(id).await;
    assert_eq!(job.state.failure.as_ref().unwrap().code, FailureCode::SettlementFailed);
    let debtors = world.node.node.debtors().await.unwrap();
    assert_eq!((debtors.len(), debtors[0].wallet.to_string(), debtors[0].owed()), (1, payer.clone(), CENT));
    world.chain.approve(payer, u128::MAX).await;
    let refused = world.node.node.submit_paid(world.order(0, 2)).await;
    let is_debt = |error: &PaymentError| matches!(error, PaymentError::Node(enrich_jobs::actors::Error::Refused(Refusal::NoCredit(_))));
    assert!(refused.as_ref().is_err_and(is_debt), "{refused:?}");
    let wallet: Wallet = payer.parse().unwrap();
    assert_eq!(world.node.node.forgive(wallet, "agreed".into()).await.unwrap(), CENT);
    let twice = world.node.node.forgive(wallet, "agreed".into()).await;
    assert!(matches!(twice, Err(enrich_jobs::actors::Error::Refused(Refusal::NoDebt))));
    world.submit(0, 2).await;
    assert_eq!(world.paid().await, Vec::<u128>::new());
}

/// T-07: who has paid before may bring its allowance along, one at a time; it needs neither an `approve` nor gas.
#[tokio::test(flavor = "multi_thread")]
async fn t07_a_proven_payer_brings_its_allowance_along() {
    let Some(world) = World::start(Script::hops(1).then_waits(), 2, false).await else { return };
    let payer = &world.chain.place.payers_without_allowance[0];
    let submit = |nonce, number| {
        let payment = pay_sponsored(payer, &world.required(), now(), nonce, number);
        world.node.node.submit_paid(World::order_of(payment))
    };
    let ends = async |id: JobId| {
        world.node.until(id, |job| job.hops.len() == 1).await;
        world.node.node.cancel(id).await.unwrap();
        assert_eq!(world.node.ended(id).await.state.bill.unwrap().charged, CENT);
        world.settled().await;
    };
    let is_refused = |answer: &Result<_, PaymentError>, wanted: Reason| match answer {
        Err(PaymentError::Refused(refusal)) => refusal.reason == wanted,
        Ok::<enrich_jobs::actors::Accepted, _>(_) | Err(_) => false,
    };
    let unproven = submit(1, 0).await;
    assert!(is_refused(&unproven, Reason::Allowance), "{unproven:?}");
    // Enough is there, so what comes along is left alone.
    world.chain.approve(&payer.address, u128::MAX).await;
    let first = submit(1, 0).await.unwrap().job.spec.clone();
    assert!(first.payment.as_ref().unwrap().verified.sponsored.is_none());
    ends(first.id).await;
    world.chain.approve(&payer.address, 0).await;

    let sponsored = submit(2, 0).await.unwrap().job.spec.clone();
    assert!(sponsored.payment.as_ref().unwrap().verified.sponsored.is_some());
    world.node.until(sponsored.id, |job| job.hops.len() == 1).await;
    let second = submit(3, 0).await;
    let is_alone = |error: &PaymentError| {
        let PaymentError::Node(enrich_jobs::actors::Error::Refused(Refusal::NoCredit(why))) = error else { return false };
        *why == NoCredit::Alone { unsettled: CEILING }
    };
    assert!(second.as_ref().is_err_and(is_alone), "{second:?}");
    ends(sponsored.id).await;
    assert_eq!(world.paid().await, [10_000; 2]);
    let spent = submit(3, 0).await;
    assert!(is_refused(&spent, Reason::Sponsored(Unsponsored::Nonce)), "{spent:?}");
    ends(submit(3, 1).await.unwrap().job.spec.id).await;
    assert_eq!(world.paid().await, [10_000; 3]);
    world.books_say(30_000).await;
}

/// F-X7, F-X8: who can't pay for what is open, or whose chain stands still, takes nothing more; and goes on by itself.
#[tokio::test(flavor = "multi_thread")]
async fn fx7_fx8_what_could_not_be_settled_is_not_taken() {
    let Some(chain) = Chain::start(&["--accounts", "1"]).await else { return };
    let operator = chain.place.operators[0].address.clone();
    chain.rpc("anvil_setBalance", serde_json::json!([operator, "0x1"])).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let stalled = ChainParts { stall_seconds: Some(2), ..parts(&chain.place, false) };
    let node = TestNode::paid(Arc::new(Memory::new(4)), Script::hops(1), 4, vec![stalled]).await;
    let until = async |wanted: &[&str]| {
        let seen = async {
            loop {
                let network = node.node.networks().remove(0);
                let all = wanted.iter().all(|wanted| network.reasons.iter().any(|reason| reason.contains(wanted)));
                if all && network.is_offered == wanted.is_empty() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), seen).await.unwrap_or_else(|_| panic!("{wanted:?}: {:?}", node.node.networks()));
    };
    until(&["is a stall", "has 1 wei for gas"]).await;
    assert!(node.node.requirements(Scheme::Upto, CEILING).is_empty());
    chain.rpc("anvil_setBalance", serde_json::json!([operator, "0xde0b6b3a7640000"])).await;
    chain.rpc("evm_setIntervalMining", serde_json::json!([1])).await;
    until(&[]).await;
    assert_eq!(node.node.requirements(Scheme::Upto, CEILING).len(), 1);
}

fn open(folder: &Path) -> Arc<Embedded> {
    let settings = embedded::Settings { shards: 4, ..embedded::Settings::new(folder.to_owned()) };
    Arc::new(Embedded::open(&settings, &SystemClock, &SystemRandom).unwrap())
}

/// CP-13 to CP-16: bytes are stored before they are sent, so whatever a node knew when it ended, the next one settles once.
#[tokio::test(flavor = "multi_thread")]
async fn cp14_a_restart_in_the_middle_settles_once() {
    for is_batch in [false, true] {
        let Some(chain) = Chain::start(&["--accounts", "2"]).await else { return };
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        let world = World::on(chain, Arc::clone(&store) as Arc<dyn Store>, Script::hops(2), 4, is_batch).await;
        world.chain.set_automine(false).await;
        let id = world.submit(0, 9).await;
        let in_flight = async {
            loop {
                let lanes = world.node.node.settlements().await.unwrap().lanes;
                if lanes.iter().any(|lane| lane.families.iter().any(|family| !family.txs.is_empty())) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), in_flight).await.expect("it is signed");
        let job = world.node.node.job(id).await.unwrap().unwrap();
        assert!(!job.state.status.is_ended(), "D-1: no result before its charge is mined");
        let World { chain, node, store: other, since } = world;
        node.node.shutdown().await;
        store.close().await;
        drop((node, store, other));
        chain.set_automine(true).await;
        chain.mine().await;
        let store = open(folder.path());
        let node = TestNode::paid(Arc::clone(&store) as Arc<dyn Store>, Script::hops(2), 4, vec![parts(&chain.place, is_batch)]).await;
        let world = World { chain, node, store: Arc::clone(&store) as Arc<dyn Store>, since };
        let job = world.node.ended(id).await;
        assert_eq!(job.state.bill.unwrap().charged, Usd::from_micros(20_000));
        world.settled().await;
        assert_eq!(world.paid().await, [20_000], "once");
        world.books_say(20_000).await;
        let World { chain, node, store: other, .. } = world;
        node.node.shutdown().await;
        store.close().await;
        drop((node, store, other));
        audit_says(&chain.place, folder.path()).await;
    }
}

/// `audit --chain`, by the binary itself: well with the recipient that was paid, and a fault with another.
async fn audit_says(place: &Place, store: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let of = |end: &str| format!("X402_EIP155_31337_{end}");
    let setup = Setup::new(folder.path()).storing_in(store.to_owned()).with("X402_NETWORKS", "eip155:31337");
    let setup = setup.with(&of("RPC_URL"), &place.rpc_url).with(&of("ASSET"), &place.token).with(&of("PAY_TO"), &place.pay_to);
    let setup = setup.with(&of("ASSET_NAME"), &place.token_name).with(&of("ASSET_VERSION"), &place.token_version);
    let well = setup.run(&["audit", "--chain"]).await;
    let said = String::from_utf8(well.stdout).unwrap();
    assert!(well.status.success() && said.contains("1 payments of $0.02 in all"), "{said}{}", String::from_utf8_lossy(&well.stderr));
    let other = setup.with(&of("PAY_TO"), &place.stranger.address).run(&["audit", "--chain"]).await;
    let said = String::from_utf8(other.stdout).unwrap();
    assert!(other.status.code() == Some(1) && said.contains("BOOKED, NOT PAID") && said.contains("of $0.02 by 0x"), "{said}");
}
