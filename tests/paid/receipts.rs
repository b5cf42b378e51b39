//! Receipts of what wallets paid: held to the chain by the binary itself.

use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use enrich_jobs::job::{Bill, Job};
use enrich_jobs::receipt::jws;
use enrich_jobs::types::Usd;

use super::support::binary::Setup;
use super::support::node::Script;
use super::support::paid::World;

async fn verified(world: &World, folder: &Path, job: &Job, rpc: &str) -> Output {
    std::fs::write(folder.join("receipt"), world.node.node.receipt(job).unwrap()).unwrap();
    std::fs::write(folder.join("jwks"), serde_json::to_string(&world.node.node.receipt_keys()).unwrap()).unwrap();
    let [receipt, jwks] = ["receipt", "jwks"].map(|name| folder.join(name).to_str().unwrap().to_owned());
    Setup::new(folder).run(&["receipt", "verify", &receipt, "--jwks", &jwks, "--rpc", rpc]).await
}

fn says(output: &Output, code: i32, words: &str) {
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.code() == Some(code) && said.contains(words), "{words}: {said}{}", String::from_utf8_lossy(&output.stderr));
}

/// The charge that is claimed is the one that the token's log shows, between just these two, and nothing near it.
#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_is_held_to_the_tokens_log() {
    let Some(world) = World::start(Script::hops(3), 4, false).await else { return };
    let folder = tempfile::tempdir().unwrap();
    let id = world.submit(0, 1).await;
    let job = world.node.ended(id).await;
    let claims = jws::verify(&world.node.node.receipt(&job).unwrap(), &world.node.node.receipt_keys()).unwrap();
    let payment = claims.payment.unwrap();
    let place = &world.chain.place;
    assert_eq!((&*claims.billing_mode, &*claims.charged_micro_usd, claims.refunded_micro_usd), ("x402_upto", "30000", None));
    assert_eq!((&*payment.network, &*payment.amount), ("eip155:31337", "30000"));
    assert_eq!(payment.transaction, job.state.settled_in.map(|tx| tx.to_string()));
    let same = |one: &str, other: &str| assert_eq!(one.to_lowercase(), other.to_lowercase());
    same(&payment.payer, &place.payers[0].address);
    same(&payment.pay_to, &place.pay_to);
    same(&payment.asset, &place.token);

    says(&verified(&world, folder.path(), &job, &place.rpc_url).await, 0, "ok      chain: the transaction moved 30000 units");
    // Signed by the server's own key, and not what happened.
    let mut dearer = Job::clone(&job);
    dearer.state.bill = Some(Bill { charged: Usd::from_micros(30_001), refunded: None });
    says(&verified(&world, folder.path(), &dearer, &place.rpc_url).await, 1, "TRANSFER_ABSENT");
    let mut elsewhere = Job::clone(&job);
    let mut terms = elsewhere.spec.payment.as_deref().unwrap().clone();
    terms.terms.pay_to = place.stranger.address.parse().unwrap();
    elsewhere.spec = Arc::new(enrich_jobs::job::Spec { payment: Some(Arc::new(terms)), ..(*elsewhere.spec).clone() });
    says(&verified(&world, folder.path(), &elsewhere, &place.rpc_url).await, 1, "TRANSFER_ABSENT");
    let mut unknown = Job::clone(&job);
    unknown.state.settled_in = Some(enrich_jobs::billing::lane::TxHash([7; 32]));
    says(&verified(&world, folder.path(), &unknown, &place.rpc_url).await, 3, "TRANSACTION_UNKNOWN");
    says(&verified(&world, folder.path(), &job, "http://127.0.0.1:9").await, 3, "NODE_UNREACHABLE");
}
