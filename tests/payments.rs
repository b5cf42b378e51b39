//! Wallets pay: from the 402 to the `PAYMENT-RESPONSE`, on a real chain, by a client that signs what it was asked for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends at what it doesn't expect")]

mod support;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use alloy_primitives::{B256, U256, eip191_hash_message, keccak256};
use alloy_signer_local::PrivateKeySigner;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use enrich_jobs::actors::{ChainParts, Way};
use enrich_jobs::billing::lane::Policy;
use enrich_jobs::billing::x402::amount::Uint;
use enrich_jobs::billing::x402::exposure::Caps;
use enrich_jobs::billing::x402::messages::{Eip3009Authorization, Permit2Authorization, TokenPermissions, Witness};
use enrich_jobs::billing::x402::offer::Terms;
use enrich_jobs::billing::x402::{permit2, token};
use enrich_jobs::chain::{OperatorKey, Rpc, RpcSettings};
use enrich_jobs::enrich::Found;
use enrich_jobs::http::Limits;
use enrich_jobs::store::memory::Memory;
use enrich_jobs::types::{Network, Timestamp, Usd, Wallet};
use serde_json::{Value, json};
use support::chain::{Account, Chain};
use support::node::{Script, TestNode};
use support::server::{Answer, TestServer, send};
use x402_chain_eip155::{V2Eip155ExactClient, V2Eip155UptoClient};
use x402_types::proto::PaymentRequired;
use x402_types::scheme::client::X402SchemeClient;

const JOBS: &str = "/api/v1/enrich/jobs";
const ORDER: &str = r#"{"route":"enrich/websearch","payload":{"business_name":"Acme Corp"},"bill_up_to_usd":0.5}"#;
const LEAD_ORDER: &str =
    r#"{"route":"enrich/lead-session","payload":{"lead":{"company":"Acme Corp"},"budget_usd":0.3},"bill_up_to_usd":0.5}"#;
const LEAD: &str = r#"{"lead":{"company":"Acme Corp"},"budget_usd":0.3}"#;
const BUSINESS: &str = r#"{"business_name":"Acme Corp"}"#;

struct World {
    server: TestServer,
    chain: Chain,
    terms: Terms,
    nonces: AtomicU64,
}

fn wallet(text: &str) -> Wallet {
    text.parse().unwrap()
}

impl World {
    async fn start(script: Script, caps: Caps) -> Option<Self> {
        let chain = Chain::start(&["--accounts", "4"]).await?;
        let place = &chain.place;
        let network = Network::Eip155(place.chain_id);
        let urls = vec![place.rpc_url.parse().unwrap()];
        let rpc = Rpc::new(RpcSettings { network, urls, timeout: Duration::from_secs(10), calls_max: 8 }).unwrap();
        let operator = OperatorKey::from_hex(&place.operators[0].key).unwrap();
        let terms = Terms {
            network,
            asset: wallet(&place.token),
            asset_name: place.token_name.as_str().into(),
            asset_version: place.token_version.as_str().into(),
            pay_to: wallet(&place.pay_to),
            facilitator: operator.wallet(),
            permit2: wallet(&place.permit2),
            proxy: wallet(&place.proxy),
        };
        let proxy_code_hash = rpc.nodes().next().unwrap().code_hash(terms.proxy).await.unwrap().unwrap();
        let policy = Policy { confirmations: 1, linger_ms: 0, poll_ms: 50, give_up_ms: 500, check_ms: 100, ..Policy::default() };
        let way = Way::Direct { operators: vec![operator], sponsors: false };
        let parts =
            ChainParts { rpc, terms: terms.clone(), way, proxy_code_hash, caps, policy, contracts: Vec::new(), stall_seconds: None };
        let node = TestNode::with_chains(Memory::new(4), script, vec![parts]).await;
        let server = TestServer::of(node, |settings| settings.wallet_credit = Usd::from_micros(2_000_000), Limits::default()).await;
        let world = Self { server, chain, terms, nonces: AtomicU64::new(1) };
        world.offered().await;
        Some(world)
    }

    async fn offered(&self) {
        for _ in 0..500 {
            if self.server.node.node.networks().iter().all(|network| network.is_offered) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{:?}", self.server.node.node.networks());
    }

    async fn post(&self, path: &str, headers: &str, body: &str) -> Answer {
        let head = format!("POST {path} HTTP/1.1\r\nContent-Type: application/json\r\n{headers}");
        send(self.server.public, &head, body).await
    }

    async fn paid(&self, path: &str, payment: &str, headers: &str, body: &str) -> Answer {
        self.post(path, &format!("PAYMENT-SIGNATURE: {payment}\r\n{headers}"), body).await
    }

    fn payer(&self, at: usize) -> &Account {
        &self.chain.place.payers[at]
    }

    fn draw(&self) -> B256 {
        keccak256(self.nonces.fetch_add(1, Ordering::Relaxed).to_be_bytes())
    }

    async fn time(&self) -> u64 {
        let block = self.chain.rpc("eth_getBlockByNumber", json!(["latest", false])).await;
        u64::from_str_radix(block["timestamp"].as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
    }

    /// What a client signs for the first of `accepts`, as the header.
    async fn sign(&self, demand: &Answer, payer: &Account) -> String {
        self.sign_with(demand, payer, json!(null)).await
    }

    async fn sign_with(&self, demand: &Answer, payer: &Account, extensions: Value) -> String {
        let required = decoded(demand.header("payment-required").unwrap());
        let accepted = required["accepts"][0].clone();
        let amount = U256::from_str_radix(accepted["amount"].as_str().unwrap(), 10).unwrap();
        let ends = self.time().await + accepted["maxTimeoutSeconds"].as_u64().unwrap();
        let from = wallet(&payer.address);
        let payload = if accepted["scheme"] == "upto" {
            let permit = Permit2Authorization {
                permitted: TokenPermissions { token: wallet(accepted["asset"].as_str().unwrap()), amount: Uint(amount) },
                from,
                spender: self.terms.proxy,
                nonce: Uint(self.draw().into()),
                deadline: Uint::new(ends),
                witness: Witness {
                    to: wallet(accepted["payTo"].as_str().unwrap()),
                    facilitator: wallet(accepted["extra"]["facilitatorAddress"].as_str().unwrap()),
                    valid_after: Uint::new(0),
                },
            };
            json!({"signature": signed(payer, permit2::digest(&permit, &self.terms)), "permit2Authorization": permit})
        } else {
            let transfer = Eip3009Authorization {
                from,
                to: wallet(accepted["payTo"].as_str().unwrap()),
                value: Uint(amount),
                valid_after: Uint::new(0),
                valid_before: Uint::new(ends),
                nonce: self.draw(),
            };
            json!({"signature": signed(payer, token::transfer_digest(&transfer, &self.terms)), "authorization": transfer})
        };
        let mut payment = json!({"x402Version": 2, "accepted": accepted, "payload": payload});
        if !extensions.is_null() {
            payment["extensions"] = extensions;
        }
        STANDARD.encode(payment.to_string())
    }

    async fn received(&self) -> u128 {
        // One unit is there from the start.
        self.chain.balance(&self.chain.place.pay_to).await - 1
    }

    async fn ended(&self, accepted: &Answer) -> Answer {
        let body = accepted.json();
        self.server.ended(body["job_id"].as_str().unwrap(), body["poll_bearer"].as_str().unwrap()).await
    }
}

fn signed(payer: &Account, digest: B256) -> String {
    let parts = OperatorKey::from_hex(&payer.key).unwrap().sign(digest).unwrap();
    let bytes = [parts.r.as_slice(), &parts.s, &[if parts.y_is_odd { 28 } else { 27 }]].concat();
    format!("0x{}", hex::encode(bytes))
}

fn decoded(header: &str) -> Value {
    serde_json::from_slice(&STANDARD.decode(header).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_buys_a_job() {
    let Some(world) = World::start(Script::hops(2), Caps::default()).await else { return };
    let demand = world.post(JOBS, "", ORDER).await;
    assert_eq!((demand.status, demand.header("content-type")), (402, Some("application/json")), "{}", demand.text);
    let required = decoded(demand.header("payment-required").unwrap());
    assert_eq!(required, demand.json());
    assert_eq!((&required["error"], &required["accepts"][0]["amount"]), (&json!("payment required"), &json!("500000")));
    assert_eq!(required["accepts"][0]["maxTimeoutSeconds"], 1200);
    assert_eq!(world.post(JOBS, "X-PAYMENT: e30=\r\n", ORDER).await.json()["x402Version"], 2);
    assert_eq!(world.paid(JOBS, "!!", "", ORDER).await.code(), "MALFORMED_PAYMENT");

    let payment = world.sign(&demand, world.payer(0)).await;
    // For another ceiling it is no payment, and nothing is claimed.
    let other = ORDER.replace("0.5", "0.6");
    let refused = world.paid(JOBS, &payment, "", &other).await;
    let said = refused.json();
    assert_eq!((refused.status, &said["error"]), (402, &json!("permit2_amount_mismatch")), "{}", refused.text);
    assert_eq!(
        (&said["code"], &said["payment_state"], &said["retry_action"]),
        (&json!("PAYMENT_REFUSED"), &json!("unused"), &json!("resign"))
    );
    assert_eq!(said["request_id"].as_str(), refused.header("x-request-id"));
    assert_eq!(said["accepts"], decoded(refused.header("payment-required").unwrap())["accepts"]);

    let accepted = world.paid(JOBS, &payment, "Idempotency-Key: 5f1c\r\n", ORDER).await;
    assert_eq!((accepted.status, accepted.json()["billing_mode"].as_str()), (202, Some("x402_upto")), "{}", accepted.text);
    assert_eq!(accepted.header("payment-response"), None);
    let ended = world.ended(&accepted).await;
    let body = ended.json();
    assert_eq!(
        (&body["status"], &body["billing_status"], &body["charged_usd"]),
        (&json!("completed"), &json!("settled"), &json!(0.02)),
        "{body}"
    );
    let response = decoded(ended.header("payment-response").unwrap());
    assert_eq!((&response["success"], &response["amount"]), (&json!(true), &json!("20000")));
    assert_eq!((&response["transaction"], &body["payment"]["amount"]), (&body["payment"]["transaction"], &json!("20000")));
    assert_eq!(world.received().await, 20_000);

    // Public now: only its key tells the buyer from a stranger, and neither is asked to pay again.
    let replayed = world.paid(JOBS, &payment, "Idempotency-Key: 5f1c\r\n", ORDER).await;
    assert_eq!((replayed.status, replayed.header("idempotency-replayed")), (202, Some("true")), "{}", replayed.text);
    assert_eq!(replayed.json()["poll_bearer"], accepted.json()["poll_bearer"]);
    for (headers, body) in [("", ORDER), ("Idempotency-Key: guess\r\n", ORDER), ("", &*other)] {
        let stranger = world.paid(JOBS, &payment, headers, body).await;
        assert_eq!((stranger.status, stranger.code().as_str()), (409, "PAYMENT_ALREADY_USED"), "{}", stranger.text);
        assert_eq!(stranger.json()["payment_state"], "settled");
        assert!(!stranger.text.contains("411j_"));
    }
    let fresh = world.sign(&demand, world.payer(0)).await;
    let again = world.paid(JOBS, &fresh, "Idempotency-Key: 5f1c\r\n", ORDER).await;
    assert_eq!(again.json()["job_id"], accepted.json()["job_id"], "a fresh signature under a key that has its job");
    assert_eq!(world.received().await, 20_000);
}

/// x402-rs, as it is. It signs from ten minutes ago on, and echoes what it was offered as its types have it.
#[tokio::test(flavor = "multi_thread")]
async fn the_official_rust_client_buys_a_job_and_a_call() {
    let Some(world) = World::start(Script::hops(2), Caps::default()).await else { return };
    let key: B256 = world.payer(3).key.parse().unwrap();
    let signer = PrivateKeySigner::from_bytes(&key).unwrap();
    let (upto, exact) = (V2Eip155UptoClient::new(signer.clone()), V2Eip155ExactClient::new(signer));
    let clients: [(&dyn X402SchemeClient, &str, &str, u128); 4] = [
        (&upto, JOBS, ORDER, 20_000),
        (&upto, JOBS, LEAD_ORDER, 20_000),
        (&exact, "/api/v1/enrich/websearch", BUSINESS, 1_000_000),
        (&exact, "/api/v1/enrich/lead-session", LEAD, 1_500_000),
    ];
    for (client, path, body, charge) in clients {
        let before = world.received().await;
        let demand = world.post(path, "", body).await;
        let required = STANDARD.decode(demand.header("payment-required").unwrap()).unwrap();
        let candidates = client.accept(&PaymentRequired::V2(serde_json::from_slice(&required).unwrap()));
        assert_eq!(candidates.len(), 1, "{candidates:?}");
        let accepted = world.paid(path, &candidates[0].sign().await.unwrap(), "", body).await;
        let ended = if accepted.status == 202 { world.ended(&accepted).await } else { accepted };
        assert_eq!(ended.status, 200, "{}", ended.text);
        let response = decoded(ended.header("payment-response").unwrap());
        assert_eq!((&response["success"], &response["amount"]), (&json!(true), &json!(charge.to_string())), "{}", ended.text);
        assert_eq!(world.received().await - before, charge);
    }
}

/// T-10, and what an identifier stands for.
#[tokio::test(flavor = "multi_thread")]
async fn t10_one_payment_makes_one_job() {
    let Some(world) = World::start(Script::hops(1).then_waits(), Caps::default()).await else { return };
    let demand = world.post(JOBS, "", ORDER).await;
    let named = json!({"payment-identifier": {"info": {"required": false, "id": "pay_7d5d747be160e280"}}});
    let payment = world.sign_with(&demand, world.payer(0), named.clone()).await;
    let many = futures_util::future::join_all((0..12).map(|_| world.paid(JOBS, &payment, "", ORDER))).await;
    let mut jobs: Vec<_> = many.iter().map(|answer| (answer.status, answer.json()["job_id"].to_string())).collect();
    jobs.sort();
    jobs.dedup();
    assert_eq!((jobs.len(), jobs[0].0), (1, 202), "{jobs:?}");
    let other = world.paid(JOBS, &payment, "", &ORDER.replace("Acme", "Apex")).await;
    assert_eq!(other.code(), "PAYMENT_ALREADY_USED");
    assert_eq!(other.json()["payment_state"], "in_flight");
    let second = world.sign_with(&demand, world.payer(0), named).await;
    assert_eq!(world.paid(JOBS, &second, "", ORDER).await.code(), "PAYMENT_IDENTIFIER_REUSED");
    let short = json!({"payment-identifier": {"info": {"id": "short"}}});
    let wrong = world.sign_with(&demand, world.payer(0), short).await;
    assert_eq!(world.paid(JOBS, &wrong, "", ORDER).await.code(), "MALFORMED_PAYMENT");
}

#[tokio::test(flavor = "multi_thread")]
async fn credit_and_allowance_have_limits() {
    let caps = Caps { unproven: Usd::from_micros(700_000), ..Caps::default() };
    let Some(world) = World::start(Script::hops(1).then_waits(), caps).await else { return };
    let demand = world.post(JOBS, "", ORDER).await;
    let [first, second] = [world.sign(&demand, world.payer(0)).await, world.sign(&demand, world.payer(0)).await];
    assert_eq!(world.paid(JOBS, &first, "", ORDER).await.status, 202);
    let refused = world.paid(JOBS, &second, "", ORDER).await;
    assert_eq!((refused.status, refused.code().as_str()), (402, "EXPOSURE_LIMIT"), "{}", refused.text);
    assert_eq!(refused.json()["error"], "EXPOSURE_LIMIT");
    assert!(refused.json()["detail"].as_str().unwrap().contains("0.7"));
    let without = world.sign(&demand, &world.chain.place.payers_without_allowance[0]).await;
    let refused = world.paid(JOBS, &without, "", ORDER).await;
    assert_eq!((refused.status, &refused.json()["error"]), (412, &json!("permit2_allowance_required")), "{}", refused.text);
    assert_eq!(refused.json()["retry_action"], "retry_same_payment");
    assert!(refused.header("payment-required").is_some());
    world.chain.approve(&world.chain.place.payers_without_allowance[0].address, 1_000_000).await;
    assert_eq!(world.paid(JOBS, &without, "", ORDER).await.status, 202, "the same payment is good now");
    // An agent with too little is asked in the same way.
    let poor = world.server.agent(0).await;
    let demand = world.server.post(JOBS, &poor, ORDER).await;
    assert_eq!((demand.status, &demand.json()["error"]), (402, &json!("insufficient balance")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_waits_is_paid_before_its_answer() {
    let Some(world) = World::start(Script::hops(1), Caps::default()).await else { return };
    let path = "/api/v1/enrich/websearch";
    let demand = world.post(path, "", BUSINESS).await;
    let accepts = &demand.json()["accepts"][0];
    assert_eq!((&accepts["scheme"], &accepts["amount"], &accepts["maxTimeoutSeconds"]), (&json!("exact"), &json!("1000000"), &json!(300)));
    let payment = world.sign(&demand, world.payer(1)).await;
    let found = world.paid(path, &payment, "Idempotency-Key: 77aa\r\n", BUSINESS).await;
    assert_eq!((found.status, &found.json()["billed"]), (200, &json!(true)), "{}", found.text);
    let response = decoded(found.header("payment-response").unwrap());
    assert_eq!((&response["success"], &response["amount"]), (&json!(true), &json!("1000000")));
    assert_eq!(world.received().await, 1_000_000);
    let again = world.paid(path, &payment, "Idempotency-Key: 77aa\r\n", BUSINESS).await;
    assert_eq!((again.status, again.header("payment-response")), (200, found.header("payment-response")));
    assert_eq!(world.paid(path, &payment, "", BUSINESS).await.code(), "PAYMENT_ALREADY_USED");
    assert_eq!(world.received().await, 1_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_a_match_is_free() {
    #[allow(clippy::unnecessary_wraps, reason = "other ends are errors")]
    fn nothing() -> Result<Found, enrich_jobs::enrich::Error> {
        Ok(Found { matched: false, result: "{\"matched\":false}".to_owned() })
    }
    let Some(world) = World::start(Script::hops(1).ending(nothing), Caps::default()).await else { return };
    for (path, body) in [("/api/v1/enrich/websearch", BUSINESS), ("/api/v1/enrich/lead-session", LEAD)] {
        let demand = world.post(path, "", body).await;
        let found = world.paid(path, &world.sign(&demand, world.payer(1)).await, "", body).await;
        assert_eq!((found.status, &found.json()["billed"]), (200, &json!(false)), "{}", found.text);
        let response = decoded(found.header("payment-response").unwrap());
        assert_eq!((&response["success"], &response["transaction"], &response["amount"]), (&json!(true), &json!(""), &json!("0")));
        assert_eq!(world.received().await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_is_credited_once() {
    let caps = Caps { each: Usd::from_micros(1), ..Caps::default() };
    let Some(world) = World::start(Script::hops(1), caps).await else { return };
    let path = "/api/v1/agents/deposits";
    let [agent, other] = [world.server.agent(0).await, world.server.agent(0).await];
    let bearer = format!("Authorization: Bearer {agent}\r\n");
    let body = r#"{"amount_usd":25}"#;
    let demand = world.post(path, &bearer, body).await;
    assert_eq!((demand.status, &demand.json()["accepts"][0]["amount"]), (402, &json!("25000000")), "{}", demand.text);
    let payment = world.sign(&demand, world.payer(2)).await;
    let made = world.paid(path, &payment, &bearer, body).await;
    assert_eq!((made.status, &made.json()["virtual_balance_usd"]), (201, &json!(25)), "{}", made.text);
    assert_eq!(decoded(made.header("payment-response").unwrap())["transaction"], made.json()["transaction"]);
    let again = world.paid(path, &payment, &bearer, body).await;
    assert_eq!((again.status, &again.json()["id"], &again.json()["virtual_balance_usd"]), (201, &made.json()["id"], &json!(25)));
    let stranger = world.paid(path, &payment, &format!("Authorization: Bearer {other}\r\n"), body).await;
    assert_eq!((stranger.status, &stranger.json()["payment_state"]), (409, &json!("settled")), "{}", stranger.text);
    let statement = world.server.get("/api/v1/agents/ledger", &agent).await;
    assert_eq!(statement.json()["items"][0]["id"], made.json()["id"], "{}", statement.text);
}

/// A job whose charge can't be settled is a debt; paid, the wallet can buy again.
#[tokio::test(flavor = "multi_thread")]
async fn a_debtor_pays_and_is_taken_again() {
    let Some(world) = World::start(Script::hops(1).then_waits(), Caps::default()).await else { return };
    let payer = world.payer(3).clone();
    let debts = format!("/api/v1/debts/{}", payer.address);
    assert_eq!(world.post(&debts, "", "").await.code(), "WALLET_NOT_IN_DEBT");
    let demand = world.post(JOBS, "", ORDER).await;
    let payment = world.sign(&demand, &payer).await;
    let accepted = world.paid(JOBS, &payment, "", ORDER).await;
    assert_eq!(accepted.status, 202, "{}", accepted.text);
    let job = world.server.node.running().await;
    world.server.node.until(job, |job| !job.hops.is_empty()).await;
    world.chain.drain(&payer.address).await;
    let poll = accepted.json()["poll_bearer"].as_str().unwrap().to_owned();
    assert_eq!(world.server.post(&format!("{JOBS}/{job}/cancel"), &poll, "").await.status, 202);
    let ended = world.ended(&accepted).await;
    let body = ended.json();
    assert_eq!((&body["status"], &body["billing_status"]), (&json!("failed"), &json!("settle_failed")), "{body}");
    assert_eq!((&body["payment"]["amount"], body.get("result"), body.get("partial_result")), (&json!(null), None, None), "{body}");
    let response = decoded(ended.header("payment-response").unwrap());
    assert_eq!((&response["success"], &response["errorReason"]), (&json!(false), &json!("invalid_upto_evm_transaction_failed")));

    world.chain.mint(&payer.address, 50_000_000).await;
    let next = world.sign(&demand, &payer).await;
    let refused = world.paid(JOBS, &next, "", ORDER).await;
    assert_eq!((refused.status, refused.code().as_str()), (402, "PAYER_IN_DEBT"), "{}", refused.text);
    let owed = world.post(&debts, "", "").await;
    assert_eq!((owed.status, &owed.json()["accepts"][0]["amount"]), (402, &json!("10000")), "{}", owed.text);
    let by_other = world.sign(&owed, world.payer(0)).await;
    assert_eq!(world.paid(&debts, &by_other, "", "").await.status, 402);
    let payment = world.sign(&owed, &payer).await;
    for _ in 0..2 {
        let paid = world.paid(&debts, &payment, "", "").await;
        let body = paid.json();
        assert_eq!((paid.status, &body["payment_state"], &body["owed_usd"]), (200, &json!("settled"), &json!(0)), "{}", paid.text);
        assert_eq!(body["amount_usd"], 0.01);
    }
    assert_eq!(world.received().await, 10_000);
    assert_eq!(world.post(&debts, "", "").await.code(), "WALLET_NOT_IN_DEBT");
    let next = world.sign(&demand, &payer).await;
    assert_eq!(world.paid(JOBS, &next, "", ORDER).await.status, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_signs_in_and_is_the_same_agent_again() {
    let Some(world) = World::start(Script::hops(1), Caps::default()).await else { return };
    let payer = world.payer(0).clone();
    let register = async || {
        let given = world.post("/api/v1/agents/wallet-nonce", "", "").await.json();
        let text = |name: &str| given[name].as_str().unwrap().to_owned();
        let now = given["expires_at"].as_str().unwrap();
        let issued = Timestamp::parse_rfc3339(now).unwrap().plus_millis(-600_000);
        let message = format!(
            "{} wants you to sign in with your Ethereum account:\n{}\n\n\nURI: {}\nVersion: 1\nChain ID: {}\nNonce: {}\nIssued At: {issued}",
            text("domain"),
            wallet(&payer.address),
            text("uri"),
            given["chain_ids"][0],
            text("nonce"),
        );
        let body = json!({"message": message, "signature": signed(&payer, eip191_hash_message(&message))});
        (world.post("/api/v1/agents/wallet-register", "", &body.to_string()).await, body)
    };
    let (made, body) = register().await;
    assert_eq!((made.status, &made.json()["virtual_balance_usd"]), (201, &json!(2)), "{}", made.text);
    let replayed = world.post("/api/v1/agents/wallet-register", "", &body.to_string()).await;
    assert_eq!((replayed.status, replayed.code().as_str()), (409, "SIGN_IN_USED"));
    let (again, _) = register().await;
    assert_eq!((again.status, &again.json()["agent_id"]), (200, &made.json()["agent_id"]), "{}", again.text);
    let bearer = |answer: &Answer| answer.json()["bearer"].as_str().unwrap().to_owned();
    assert_eq!(world.server.get("/api/v1/agents/me", &bearer(&made)).await.code(), "INVALID_TOKEN");
    let me = world.server.get("/api/v1/agents/me", &bearer(&again)).await.json();
    assert_eq!((&me["agent_id"], &me["virtual_balance_usd"]), (&made.json()["agent_id"], &json!(2)), "the credit came once");
    assert_eq!(world.server.get("/api/v1/agents/ledger", &bearer(&again)).await.json()["items"].as_array().unwrap().len(), 1);
    let audit = world.server.as_operator("GET", "/admin/audit", "", "").await.json();
    assert_eq!(audit["ok"], true, "{audit}");
    let other = world.post("/api/v1/agents/wallet-register", "", &json!({"message": "x", "signature": "0x00"}).to_string()).await;
    assert_eq!(other.status, 422, "{}", other.text);
}

/// api.md: with a bearer a key belongs to the agent, paid or not; what it ordered it may read, and nobody else learns that it is there.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_reads_what_its_wallet_pays_for() {
    let Some(world) = World::start(Script::hops(1), Caps::default()).await else { return };
    let [agent, other] = [world.server.agent(0).await, world.server.agent(0).await];
    let bearer = format!("Authorization: Bearer {agent}\r\nIdempotency-Key: order-7\r\n");
    let demand = world.post(JOBS, &bearer, ORDER).await;
    let mut jobs = Vec::new();
    for payer in 0..2 {
        let payment = world.sign(&demand, world.payer(payer)).await;
        let accepted = world.paid(JOBS, &payment, &bearer, ORDER).await;
        assert_eq!(accepted.status, 202, "{}", accepted.text);
        assert_eq!(accepted.header("idempotency-replayed"), (payer > 0).then_some("true"));
        jobs.push(accepted.json()["job_id"].as_str().unwrap().to_owned());
    }
    assert_eq!(jobs[0], jobs[1], "another wallet's payment under the key claims nothing");
    let unpaid = world.post(JOBS, &bearer, ORDER).await;
    assert_eq!((unpaid.status, unpaid.json()["job_id"].as_str()), (202, Some(&*jobs[0])), "{}", unpaid.text);
    let list = async |token: &str| world.server.get(JOBS, token).await.json()["items"].as_array().unwrap().clone();
    let listed = list(&agent).await;
    assert_eq!((listed.len(), listed[0]["job_id"].as_str(), list(&other).await.len()), (1, Some(&*jobs[0]), 0));
    let path = format!("{JOBS}/{}", jobs[0]);
    assert_eq!(world.server.get(&path, &agent).await.json()["billing_mode"], "x402_upto");
    assert_eq!(world.server.get(&path, &other).await.code(), "JOB_NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sold_is_found() {
    let Some(world) = World::start(Script::hops(1), Caps::default()).await else { return };
    let get = async |path: &str| send(world.server.public, &format!("GET {path} HTTP/1.1\r\n"), "").await.json();
    let all = get("/discovery/resources").await;
    let schemes: Vec<_> = all["items"].as_array().unwrap().iter().map(|item| item["accepts"][0]["scheme"].as_str().unwrap()).collect();
    assert_eq!(schemes, ["upto", "exact", "exact"]);
    assert_eq!(get("/.well-known/x402").await, all);
    assert_eq!(get("/.well-known/x402.json").await, all);
    for word in ["async", "queue", "jobs"] {
        let found = get(&format!("/discovery/search?query={word}")).await;
        assert!(found["resources"][0]["resource"].as_str().unwrap().ends_with(JOBS), "{found}");
    }
    let document = get("/openapi.json").await;
    let info = &document["paths"][JOBS]["post"]["x-payment-info"];
    assert_eq!(info["protocols"][0]["x402"]["scheme"], "upto");
    let routes = json!(["enrich/websearch", "enrich/lead-session"]);
    assert_eq!(json!(info["routes"].as_object().unwrap().keys().rev().collect::<Vec<_>>()), routes);
    let schema = &all["items"][0]["metadata"]["input"]["schema"];
    assert_eq!(schema["properties"]["route"]["enum"], routes);
    for (at, payload) in [(0, "business_name"), (1, "lead")] {
        assert!(schema["oneOf"][at]["properties"]["payload"]["properties"][payload].is_object(), "{schema}");
    }
}
