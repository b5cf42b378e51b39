//! The chain that tests share, in the words of the library.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use alloy_primitives::{B256, U256};
use enrich_jobs::billing::lane::{Claimant, Intent};
use enrich_jobs::billing::x402::amount::{Uint, units};
use enrich_jobs::billing::x402::messages::{Eip3009Authorization, Permit2Authorization, TokenPermissions, Witness};
use enrich_jobs::billing::x402::offer::Terms;
use enrich_jobs::billing::x402::{Authorization, Signature, Verified, permit2, token};
use enrich_jobs::chain::{OperatorKey, Rpc, RpcSettings};
use enrich_jobs::types::{JobId, Network, Slot, Timestamp, Usd, Wallet};
use serde_json::json;

use crate::support::chain::{Account, Chain};

pub(crate) const MAX: Usd = Usd::from_micros(500_000);
pub(crate) const CHARGE: Usd = Usd::from_micros(200_000);

pub(crate) struct World {
    pub(crate) chain: Chain,
    pub(crate) rpc: Rpc,
    pub(crate) settler: Wallet,
    nonces: AtomicU64,
}

pub(crate) fn wallet(text: &str) -> Wallet {
    text.parse().unwrap()
}

pub(crate) fn key(account: &Account) -> OperatorKey {
    OperatorKey::from_hex(&account.key).unwrap()
}

pub(crate) fn rpc(urls: &[&str]) -> Rpc {
    let urls = urls.iter().map(|url| url.parse().unwrap()).collect();
    let timeout = Duration::from_secs(10);
    Rpc::new(RpcSettings { network: Network::Eip155(31_337), urls, timeout, calls_max: 8 }).unwrap()
}

impl World {
    pub(crate) async fn start(arguments: &[&str]) -> Option<Self> {
        let chain = Chain::start(arguments).await?;
        let (rpc, settler) = (rpc(&[&chain.place.rpc_url]), wallet(&chain.place.settler));
        Some(Self { chain, rpc, settler, nonces: AtomicU64::new(1) })
    }

    /// With this facilitator.
    pub(crate) fn terms(&self, facilitator: Wallet) -> Terms {
        let place = &self.chain.place;
        Terms {
            network: Network::Eip155(place.chain_id),
            asset: wallet(&place.token),
            asset_name: place.token_name.as_str().into(),
            asset_version: place.token_version.as_str().into(),
            pay_to: wallet(&place.pay_to),
            facilitator,
            permit2: wallet(&place.permit2),
            proxy: wallet(&place.proxy),
        }
    }

    pub(crate) fn operator(&self, at: usize) -> OperatorKey {
        key(&self.chain.place.operators[at])
    }

    pub(crate) fn payer(&self, at: usize) -> Wallet {
        wallet(&self.chain.place.payers[at].address)
    }

    pub(crate) async fn time(&self) -> u64 {
        self.rpc.head().await.unwrap().time
    }

    fn draw(&self) -> U256 {
        let number = self.nonces.fetch_add(1, Ordering::SeqCst);
        alloy_primitives::keccak256(number.to_be_bytes()).into()
    }

    /// A permit of one of the payers, signed, for twenty minutes.
    pub(crate) async fn upto(&self, payer: usize, facilitator: Wallet) -> Verified {
        let terms = self.terms(facilitator);
        let deadline = self.time().await + 1200;
        let permit = Permit2Authorization {
            permitted: TokenPermissions { token: terms.asset, amount: Uint(units(MAX)) },
            from: self.payer(payer),
            spender: terms.proxy,
            nonce: Uint(self.draw()),
            deadline: Uint::new(deadline),
            witness: Witness { to: terms.pay_to, facilitator, valid_after: Uint::new(0) },
        };
        let signature = self.sign(payer, permit2::digest(&permit, &terms));
        self.verified(payer, deadline, Authorization::Upto(permit), signature)
    }

    /// A transfer signed for the token itself.
    pub(crate) async fn exact(&self, payer: usize, amount: Usd) -> Verified {
        let terms = self.terms(self.settler);
        let deadline = self.time().await + 300;
        let transfer = Eip3009Authorization {
            from: self.payer(payer),
            to: terms.pay_to,
            value: Uint(units(amount)),
            valid_after: Uint::new(0),
            valid_before: Uint::new(deadline + 1),
            nonce: B256::from(self.draw()),
        };
        let signature = self.sign(payer, token::transfer_digest(&transfer, &terms));
        Verified { max: amount, ..self.verified(payer, deadline, Authorization::Exact(transfer), signature) }
    }

    fn sign(&self, payer: usize, digest: B256) -> Signature {
        let parts = key(&self.chain.place.payers[payer]).sign(digest).unwrap();
        Signature::from_bytes(&[parts.r.as_slice(), &parts.s, &[if parts.y_is_odd { 28 } else { 27 }]].concat())
    }

    fn verified(&self, payer: usize, deadline: u64, authorization: Authorization, signature: Signature) -> Verified {
        let deadline = Timestamp::from_millis(i64::try_from(deadline).unwrap() * 1000);
        let network = Network::Eip155(self.chain.place.chain_id);
        Verified { network, payer: self.payer(payer), max: MAX, deadline, authorization, signature, sponsored: None }
    }

    /// What charges `amount` of a payment.
    pub(crate) fn intent(&self, payment: &Verified, amount: Usd) -> Arc<Intent> {
        let job = Claimant::Job(JobId::new(Slot(0), self.draw().to_be_bytes::<32>()[..16].try_into().unwrap()));
        Arc::new(Intent::new(payment, amount, job, &self.terms(self.settler), false).unwrap())
    }

    /// Payments of the first so many payers, each to be charged [`CHARGE`].
    pub(crate) async fn intents(&self, count: usize, facilitator: Wallet) -> Vec<Arc<Intent>> {
        let mut intents = Vec::new();
        for payer in 0..count {
            intents.push(self.intent(&self.upto(payer, facilitator).await, CHARGE));
        }
        intents
    }

    /// What was received since the start.
    pub(crate) async fn received(&self) -> u128 {
        // One unit is there from the start, so that no test pays for its first.
        self.chain.balance(&self.chain.place.pay_to).await - 1
    }

    pub(crate) async fn mine(&self, blocks: usize) {
        for _ in 0..blocks {
            self.chain.mine().await;
        }
    }

    pub(crate) async fn reorg(&self, depth: u64) {
        self.chain.rpc("anvil_reorg", json!([depth, []])).await;
    }
}
