//! A node that wallets pay, and the chain that they pay on.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use enrich_jobs::actors::{ChainParts, PaidOrder, Way, books};
use enrich_jobs::billing::Account;
use enrich_jobs::billing::lane::Policy;
use enrich_jobs::billing::x402::exposure::Caps;
use enrich_jobs::billing::x402::header::Payment;
use enrich_jobs::billing::x402::offer::Terms;
use enrich_jobs::billing::x402::{RequestHash, Requirements, Scheme};
use enrich_jobs::chain::{OperatorKey, Rpc, RpcSettings};
use enrich_jobs::shard::Loader;
use enrich_jobs::store::{Loaded, Memory, Store};
use enrich_jobs::types::{JobId, Network, Route, ShardId, Usd, Wallet};

use super::chain::{Chain, Place};
use super::node::{Script, TestNode};
use super::payer::pay;

pub const NETWORK: Network = Network::Eip155(31_337);
pub const CEILING: Usd = Usd::from_micros(1_500_000);
pub const CENT: Usd = Usd::from_micros(10_000);

pub fn parts(place: &Place, is_batch: bool) -> ChainParts {
    parts_by(place, is_batch, 0)
}

/// With the place's operators from the `first` on.
pub fn parts_by(place: &Place, is_batch: bool, first: usize) -> ChainParts {
    let url = place.rpc_url.parse().unwrap();
    let settings = RpcSettings { network: NETWORK, urls: vec![url], timeout: Duration::from_secs(10), calls_max: 32 };
    let keys = place.operators.iter().skip(first).map(|operator| OperatorKey::from_hex(&operator.key).unwrap());
    let way = if is_batch {
        Way::Batch { settler: place.settler.parse().unwrap(), operators: keys.collect() }
    } else {
        Way::Direct { operators: keys.take(1).collect(), sponsors: true }
    };
    let mut proxy_code_hash = [0; 32];
    hex::decode_to_slice(&place.proxy_code_hash[2..], &mut proxy_code_hash).unwrap();
    ChainParts {
        rpc: Rpc::new(settings).unwrap(),
        terms: Terms {
            network: NETWORK,
            asset: place.token.parse().unwrap(),
            asset_name: place.token_name.as_str().into(),
            asset_version: place.token_version.as_str().into(),
            pay_to: place.pay_to.parse().unwrap(),
            facilitator: Wallet::ZERO,
            permit2: place.permit2.parse().unwrap(),
            proxy: place.proxy.parse().unwrap(),
        },
        way,
        proxy_code_hash,
        caps: Caps::default(),
        policy: Policy { confirmations: 1, give_up_ms: 3_000, poll_ms: 200, ..Policy::default() },
        contracts: Vec::new(),
        stall_seconds: None,
    }
}

/// A chain and a node on it.
pub struct World {
    pub chain: Chain,
    pub node: TestNode,
    pub store: Arc<dyn Store>,
    pub since: u64,
}

impl World {
    pub async fn start(script: Script, slots: usize, is_batch: bool) -> Option<Self> {
        let chain = Chain::start(&["--accounts", "6"]).await?;
        Some(Self::on(chain, Arc::new(Memory::new(4)), script, slots, is_batch).await)
    }

    pub async fn on(chain: Chain, store: Arc<dyn Store>, script: Script, slots: usize, is_batch: bool) -> Self {
        let parts = parts(&chain.place, is_batch);
        Self::with(chain, store, script, slots, parts).await
    }

    pub async fn with(chain: Chain, store: Arc<dyn Store>, script: Script, slots: usize, parts: ChainParts) -> Self {
        let node = TestNode::paid(Arc::clone(&store), script, slots, vec![parts]).await;
        // A block of its own, so that nothing of the chain's making is in it.
        chain.mine().await;
        let since = chain.block_number().await;
        let world = Self { chain, node, store, since };
        world.offered().await;
        world
    }

    /// The node ends, and another goes on from what is stored.
    pub async fn restarted(self, script: Script, slots: usize, parts: ChainParts) -> Self {
        let Self { chain, node, store, since } = self;
        node.abandon().await;
        let node = TestNode::paid(Arc::clone(&store), script, slots, vec![parts]).await;
        let world = Self { chain, node, store, since };
        world.offered().await;
        world
    }

    pub async fn offered(&self) {
        for _ in 0..300 {
            if self.node.node.networks().iter().all(|network| network.is_offered) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{:?}", self.node.node.networks());
    }

    pub fn order(&self, payer: usize, nonce: u8) -> PaidOrder {
        Self::order_of(pay(&self.chain.place.payers[payer], &self.required(), now(), nonce))
    }

    pub fn required(&self) -> Requirements {
        self.node.node.requirements(Scheme::Upto, CEILING).remove(0)
    }

    pub fn order_of(payment: Payment) -> PaidOrder {
        PaidOrder {
            payment,
            scheme: Scheme::Upto,
            caller: None,
            request: RequestHash::of("POST", "/api/v1/enrich/jobs", b"{}"),
            client_key: None,
            key: None,
            route: Route::Websearch,
            payload: r#"{"business_name":"Acme Corp"}"#.into(),
            ceiling: CEILING,
            callback_url: None,
            metadata: Box::default(),
        }
    }

    pub async fn submit(&self, payer: usize, nonce: u8) -> JobId {
        self.node.node.submit_paid(self.order(payer, nonce)).await.unwrap().job.spec.id
    }

    /// Nothing is owed any more.
    pub async fn settled(&self) {
        for _ in 0..400 {
            if self.node.node.settlements().await.unwrap().dues.is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{:?}", self.node.node.settlements().await);
    }

    pub async fn paid(&self) -> Vec<u128> {
        let transfers = self.chain.transfers_to(&self.chain.place.pay_to, self.since).await;
        transfers.iter().map(|transfer| transfer.amount).collect()
    }

    /// The balance of an account over all shards, from what is stored.
    pub async fn stored(&self, account: Account) -> Usd {
        let mut sum = Usd::ZERO;
        for shard in 0..4 {
            let mut loader = Loader::new();
            let mut take = |loaded: Loaded<'_>| match loaded {
                Loaded::Row(table, key, value) => loader.row(table, key, value).map_err(|error| error.to_string()),
                Loaded::Record(seq, bytes) => loader.record(seq.0, bytes).map(|_| ()).map_err(|error| error.to_string()),
            };
            self.store.load(ShardId(shard), &mut take).await.unwrap();
            let (shard, _) = loader.finish();
            sum = shard.accounts().filter(|(known, _)| **known == account).fold(sum, |sum, (_, balance)| sum.plus(*balance).unwrap());
        }
        sum
    }

    /// I-5: the books say what the chain says.
    pub async fn books_say(&self, paid: i64) {
        assert_eq!(self.stored(Account::Claims(NETWORK)).await, Usd::ZERO, "nothing is due any more");
        assert_eq!(self.stored(Account::Chain(NETWORK)).await, Usd::from_micros(-paid), "what came in on the chain");
        let snapshot = self.store.snapshot().await.unwrap();
        let booked = books(&*snapshot, 4, &[NETWORK]).unwrap().remove(&NETWORK).unwrap();
        assert!(booked.owed.is_empty());
        let total: i64 = booked.booked.iter().map(|one| one.amount.micros()).sum();
        assert_eq!(total, paid);
        assert!(self.node.node.audit().await.unwrap().is_ok());
    }

    pub async fn operator_nonces(&self) -> Vec<serde_json::Value> {
        let mut nonces = Vec::new();
        for operator in &self.chain.place.operators {
            nonces.push(self.chain.rpc("eth_getTransactionCount", serde_json::json!([operator.address, "latest"])).await);
        }
        nonces
    }
}

#[allow(clippy::disallowed_methods, reason = "the chain goes by the real time")]
pub fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}
