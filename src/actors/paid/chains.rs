//! The networks of the configuration, and what is offered on each while its chain is as it should be.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use super::turn::Turn;
use crate::actors::meters;
use crate::actors::node::{Inner, Node};
use crate::billing::lane::{FeePolicy, LaneId, Policy};
use crate::billing::x402::exposure::Caps;
use crate::billing::x402::{Offer, Requirements, Scheme, Terms};
use crate::chain::boot::{self, Expected, Settler};
use crate::chain::facilitator::Facilitator;
use crate::chain::key::OperatorKey;
use crate::chain::rpc::{Head, Settlements as Asking};
use crate::chain::tx::Through;
use crate::chain::{Error, Rpc};
use crate::types::{Network, Timestamp, Usd, Wallet};

/// How often a network that is offered is looked at again, and one that isn't.
const LOOK_EVERY: Duration = Duration::from_mins(1);
const LOOK_AGAIN: Duration = Duration::from_secs(3);

/// What a settlement by itself uses at most, in gas: the dearest way (docs/contracts.md).
const SETTLE_GAS: u128 = 100_000;
/// The same where allowances are sent along: 154,000 are used.
const SPONSORED_GAS: u128 = 180_000;

/// How charges get onto a chain.
#[derive(Debug, Clone)]
pub enum Way {
    /// Our settler contract is the facilitator; each operator account is a lane to it.
    Batch {
        /// The contract.
        settler: Wallet,
        /// Its operators, in the order of its deployment.
        operators: Vec<OperatorKey>,
    },
    /// Each operator account is a facilitator itself.
    Direct {
        /// They.
        operators: Vec<OperatorKey>,
        /// Allowances that payers sign are sent along.
        sponsors: bool,
    },
    /// Somebody else settles, asked over HTTP.
    Hosted {
        /// Who.
        facilitator: Facilitator,
    },
}

/// A network, as the configuration has it.
#[derive(Debug, Clone)]
pub struct ChainParts {
    /// Its nodes.
    pub rpc: Rpc,
    /// Token, recipient, contracts. The facilitator in it is filled in by the way.
    pub terms: Terms,
    /// How charges are settled.
    pub way: Way,
    /// What the upto proxy's code must hash to.
    pub proxy_code_hash: [u8; 32],
    /// The limits of credit.
    pub caps: Caps,
    /// How lanes behave.
    pub policy: Policy,
    /// Wallets with code that an operator lets in (C5).
    pub contracts: Vec<Wallet>,
    /// Without a new block for so long nothing is taken (F-X8); none on a chain that is idle by nature.
    pub stall_seconds: Option<u64>,
}

/// A network and whether it is offered, for operators and `/readyz`.
#[derive(Debug, Clone)]
pub struct NetworkStatus {
    /// Which.
    pub network: Network,
    /// Payments are taken there.
    pub is_offered: bool,
    /// Why not.
    pub reasons: Vec<String>,
}

/// All of them.
#[derive(Debug, Default)]
pub(in crate::actors) struct Chains(Vec<Arc<Chain>>);

/// One of them.
#[derive(Debug)]
pub(in crate::actors) struct Chain {
    pub(super) parts: ChainParts,
    offered: RwLock<Offered>,
    turn: Mutex<Turn>,
}

#[derive(Debug)]
enum Offered {
    No(Vec<String>),
    /// One for each facilitator that a payment may name.
    Yes(Vec<Arc<Terms>>),
}

impl Chains {
    pub(in crate::actors) fn new(parts: Vec<ChainParts>) -> Self {
        let unseen = || RwLock::new(Offered::No(vec!["its chain was not looked at yet".to_owned()]));
        Self(parts.into_iter().map(|parts| Arc::new(Chain { parts, offered: unseen(), turn: Mutex::default() })).collect())
    }

    /// Every lane of the configuration.
    pub(super) fn lanes(&self) -> impl Iterator<Item = LaneId> {
        self.0.iter().flat_map(|chain| {
            let network = chain.parts.terms.network;
            chain.operators().iter().map(move |key| LaneId { network, operator: key.wallet() })
        })
    }

    /// The limits of credit, which are those of every network.
    pub(super) fn caps(&self) -> Option<Caps> {
        self.0.first().map(|chain| chain.parts.caps)
    }

    pub(in crate::actors) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn of(&self, network: Network) -> Option<&Arc<Chain>> {
        self.0.iter().find(|chain| chain.parts.terms.network == network)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Chain>> {
        self.0.iter()
    }

    /// What a buyer may choose from now.
    pub(in crate::actors) fn requirements(&self, scheme: Scheme, amount: Usd) -> Vec<Requirements> {
        let offered = self.0.iter().filter_map(|chain| chain.offers().into_iter().next());
        offered.map(|terms| Offer::new(&terms, scheme, amount).requirements()).collect()
    }

    pub(in crate::actors) fn status(&self) -> Vec<NetworkStatus> {
        self.0.iter().map(|chain| chain.status()).collect()
    }

    /// Looks at every network, now and from time to time, for as long as the process lives.
    pub(in crate::actors) async fn watch(&self, node: &Inner) {
        let watching = futures_util::future::join_all(self.0.iter().map(|chain| chain.watch(node)));
        node.settlements.ending().run_until_cancelled(watching).await;
    }
}

impl Chain {
    /// Each facilitator that a payment may name, the preferred one first; none while the network isn't offered.
    pub(super) fn offers(&self) -> Vec<Arc<Terms>> {
        match &*self.offered.read().unwrap_or_else(PoisonError::into_inner) {
            Offered::No(_) => Vec::new(),
            Offered::Yes(terms) => terms.clone(),
        }
    }

    fn status(&self) -> NetworkStatus {
        let offered = self.offered.read().unwrap_or_else(PoisonError::into_inner);
        let reasons = match &*offered {
            Offered::No(reasons) => reasons.clone(),
            Offered::Yes(_) => Vec::new(),
        };
        NetworkStatus { network: self.parts.terms.network, is_offered: matches!(&*offered, Offered::Yes(_)), reasons }
    }

    async fn watch(&self, node: &Inner) {
        loop {
            let seen = self.look(node).await;
            let pause = if matches!(seen, Offered::Yes(_)) { self.look_every() } else { LOOK_AGAIN };
            self.take(seen);
            tokio::time::sleep(pause).await;
        }
    }

    /// Often enough to see a chain stall in time.
    fn look_every(&self) -> Duration {
        let stall = self.parts.stall_seconds.map(|seconds| Duration::from_secs(seconds.div_ceil(2)).max(LOOK_AGAIN));
        stall.map_or(LOOK_EVERY, |stall| stall.min(LOOK_EVERY))
    }

    fn take(&self, seen: Offered) {
        let network = self.parts.terms.network;
        meters::offered(network, matches!(seen, Offered::Yes(_)));
        let mut offered = self.offered.write().unwrap_or_else(PoisonError::into_inner);
        match (&*offered, &seen) {
            (Offered::No(_), Offered::Yes(_)) => tracing::info!(%network, "x402 payments are offered"),
            (Offered::Yes(_), Offered::No(reasons)) => {
                tracing::error!(%network, reasons = reasons.join("; "), "x402 payments are no longer offered");
            }
            (Offered::No(before), Offered::No(reasons)) if before != reasons => {
                tracing::error!(%network, reasons = reasons.join("; "), "x402 payments are not offered");
            }
            (Offered::No(_), Offered::No(_)) | (Offered::Yes(_), Offered::Yes(_)) => {}
        }
        *offered = seen;
    }

    async fn look(&self, node: &Inner) -> Offered {
        let parts = &self.parts;
        let terms = match self.terms().await {
            Ok(terms) => terms,
            Err(reason) => return Offered::No(vec![reason]),
        };
        let settler = match &parts.way {
            Way::Batch { settler, operators } => {
                Some(Settler { address: *settler, operators: operators.iter().map(OperatorKey::wallet).collect() })
            }
            Way::Direct { .. } | Way::Hosted { .. } => None,
        };
        let expected = Expected { terms: parts.terms.clone(), proxy_code_hash: parts.proxy_code_hash, settler };
        let mut reasons: Vec<String> = boot::doubts(&parts.rpc, &expected).await.iter().map(ToString::to_string).collect();
        if reasons.is_empty() {
            reasons.extend(self.stalls(node).await);
            reasons.extend(self.lacks_gas(node).await);
        }
        if reasons.is_empty() { Offered::Yes(terms) } else { Offered::No(reasons) }
    }

    /// F-X8
    async fn stalls(&self, node: &Inner) -> Option<String> {
        let Ok(Head { time, .. }) = self.parts.rpc.head().await else { return Some("its newest block can't be read".to_owned()) };
        let now = u64::try_from(node.clock.now().seconds()).unwrap_or(0);
        let age = now.saturating_sub(time);
        meters::block_age(self.parts.terms.network, age);
        let stall = self.parts.stall_seconds.filter(|stall| age > *stall)?;
        Some(format!("its newest block is {age} s old, and more than {stall} s is a stall"))
    }

    /// F-X7: operators who couldn't pay for what is owed, twice over, take on nothing more.
    async fn lacks_gas(&self, node: &Inner) -> Vec<String> {
        let (operators, network) = (self.operators(), self.parts.terms.network);
        if operators.is_empty() {
            return Vec::new();
        }
        let Ok(quote) = self.parts.rpc.fees().await else { return vec!["its fees can't be read".to_owned()] };
        let Ok(open) = super::operators::open_by_facilitator(node, network).await else {
            return vec!["what is owed on it can't be counted now".to_owned()];
        };
        let per_gas = quote.base.saturating_add(quote.tip.max(self.parts.policy.fees.tip_min)).min(self.parts.policy.fees.urgent_cap);
        let mut reasons = Vec::new();
        for (number, key) in operators.iter().enumerate() {
            let operator = key.wallet();
            let Ok(balance) = self.parts.rpc.balance(operator).await else {
                reasons.push(format!("the balance of operator {operator} can't be read"));
                continue;
            };
            let balance: u128 = balance.saturating_to();
            meters::operator_balance(network, number, balance);
            let owed = match &self.parts.way {
                // All share all of it.
                Way::Batch { .. } => open.values().sum::<u64>().div_ceil(u64::try_from(operators.len()).unwrap_or(1).max(1)),
                Way::Direct { .. } | Way::Hosted { .. } => open.get(&operator).copied().unwrap_or(0),
            };
            let gas = u128::from(owed.saturating_add(1)).saturating_mul(if self.sponsors() { SPONSORED_GAS } else { SETTLE_GAS });
            let needed = gas.saturating_mul(per_gas).saturating_mul(2);
            if balance < needed {
                reasons.push(format!("operator {operator} has {balance} wei for gas, and needs {needed}"));
            }
        }
        reasons
    }

    async fn terms(&self) -> Result<Vec<Arc<Terms>>, String> {
        let of = |facilitator| Arc::new(Terms { facilitator, ..self.parts.terms.clone() });
        match &self.parts.way {
            Way::Batch { settler, .. } => Ok(vec![of(*settler)]),
            Way::Direct { operators, .. } => Ok(operators.iter().map(|key| of(key.wallet())).collect()),
            Way::Hosted { facilitator } => {
                let address = facilitator.upto_address(self.parts.terms.network).await.map_err(|error| error.to_string())?;
                Ok(vec![of(address)])
            }
        }
    }

    /// The chain's time for a payment that arrives now: that of the block which would hold it.
    pub(super) async fn now(&self) -> Result<u64, Error> {
        self.parts.rpc.pending_time().await
    }

    /// The operator accounts.
    pub(super) fn operators(&self) -> &[OperatorKey] {
        match &self.parts.way {
            Way::Batch { operators, .. } | Way::Direct { operators, .. } => operators,
            Way::Hosted { .. } => &[],
        }
    }

    /// Whether allowances that payers sign are sent along.
    pub(super) const fn sponsors(&self) -> bool {
        matches!(self.parts.way, Way::Direct { sponsors: true, .. })
    }

    /// The lane for a due that has none yet: its facilitator's own, or else one by the due's key, or whose turn it is.
    pub(super) fn lane_for(&self, due: &crate::shard::Due, now: Timestamp) -> Option<LaneId> {
        let network = self.parts.terms.network;
        let wallets: Vec<Wallet> = self.operators().iter().map(OperatorKey::wallet).collect();
        let named = due.payment.terms.facilitator;
        let [first, ..] = due.key.0;
        let operator = wallets.iter().copied().find(|wallet| *wallet == named).or_else(|| {
            let at = match due.payment.verified.scheme() {
                Scheme::Upto => {
                    let policy = self.policy();
                    let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
                    turn.next(wallets.len(), policy.batch_max, policy.linger_ms, now)?
                }
                // It rides alone whoever sends it.
                Scheme::Exact => usize::from(first).checked_rem(wallets.len())?,
            };
            wallets.get(at).copied()
        })?;
        Some(LaneId { network, operator })
    }

    /// Whether a payment names a facilitator that still settles here: its signature is worth nothing to any other (C12).
    pub(super) fn can_settle(&self, due: &crate::shard::Due) -> bool {
        let named = due.payment.terms.facilitator;
        // EIP-3009 names nobody.
        let is_exact = due.payment.verified.scheme() == Scheme::Exact;
        match &self.parts.way {
            Way::Batch { settler, .. } => is_exact || named == *settler,
            Way::Direct { operators, .. } => is_exact || operators.iter().any(|key| key.wallet() == named),
            // It knows its own addresses, and may have others by now.
            Way::Hosted { .. } => due.lane.is_none(),
        }
    }

    /// How settlements of a lane are sent.
    pub(super) fn through(&self) -> Through {
        match &self.parts.way {
            Way::Batch { settler, .. } => Through::Settler(*settler),
            Way::Direct { .. } | Way::Hosted { .. } => Through::Itself,
        }
    }

    /// Whose settlements a lane asks about.
    pub(super) fn asking(&self, operator: Wallet) -> Asking {
        let settler = match &self.parts.way {
            Way::Batch { settler, .. } => Some(*settler),
            Way::Direct { .. } | Way::Hosted { .. } => None,
        };
        Asking {
            operator,
            facilitator: settler.unwrap_or(operator),
            settler,
            permit2: self.parts.terms.permit2,
            confirmations: self.parts.policy.confirmations,
        }
    }

    /// How its lanes behave.
    pub(super) fn policy(&self) -> Policy {
        match &self.parts.way {
            Way::Batch { .. } => self.parts.policy,
            // The operator settles one payment in one transaction, so it sends more of them at once.
            Way::Direct { .. } | Way::Hosted { .. } => Policy { batch_max: 1, linger_ms: 0, in_flight_max: 16, ..self.parts.policy },
        }
    }

    /// What a fee may be at most, for the log.
    pub(super) fn fee_policy(&self) -> FeePolicy {
        self.parts.policy.fees
    }
}

impl Node {
    /// What a buyer without a balance may choose from, for `amount`. Empty where no network is offered now.
    pub fn requirements(&self, scheme: Scheme, amount: Usd) -> Vec<Requirements> {
        self.inner.chains.requirements(scheme, amount)
    }

    /// Whether wallets can pay here at all, whatever their chains do at the moment.
    pub fn has_networks(&self) -> bool {
        !self.inner.chains.is_empty()
    }

    /// Every network of the configuration, and whether it is offered.
    pub fn networks(&self) -> Vec<NetworkStatus> {
        self.inner.chains.status()
    }
}
