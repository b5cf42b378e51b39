//! The networks of the configuration, and what is offered on each while its chain is as it should be.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use super::stuck::Why;
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
use crate::shard::Due;
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

/// Who settles a due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// An operator account of ours.
    Lane(LaneId),
    /// Somebody else's facilitator.
    Facilitator,
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
    /// One for each facilitator that a payment may name, and whether that settles `exact` too.
    Yes(Vec<Arc<Terms>>, bool),
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
        let offered = self.0.iter().filter_map(|chain| chain.offers(scheme).into_iter().next());
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
    /// Each facilitator that a payment may name, the preferred one first; none while the network isn't offered for this scheme.
    pub(super) fn offers(&self, scheme: Scheme) -> Vec<Arc<Terms>> {
        match &*self.offered.read().unwrap_or_else(PoisonError::into_inner) {
            Offered::No(_) => Vec::new(),
            Offered::Yes(_, false) if scheme == Scheme::Exact => Vec::new(),
            Offered::Yes(terms, _) => terms.clone(),
        }
    }

    fn status(&self) -> NetworkStatus {
        let offered = self.offered.read().unwrap_or_else(PoisonError::into_inner);
        let reasons = match &*offered {
            Offered::No(reasons) => reasons.clone(),
            Offered::Yes(..) => Vec::new(),
        };
        NetworkStatus { network: self.parts.terms.network, is_offered: matches!(&*offered, Offered::Yes(..)), reasons }
    }

    async fn watch(&self, node: &Inner) {
        loop {
            let seen = self.look(node).await;
            let pause = if matches!(seen, Offered::Yes(..)) { self.look_every() } else { LOOK_AGAIN };
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
        meters::offered(network, matches!(seen, Offered::Yes(..)));
        let mut offered = self.offered.write().unwrap_or_else(PoisonError::into_inner);
        match (&*offered, &seen) {
            (Offered::No(_), Offered::Yes(..)) => tracing::info!(%network, "x402 payments are offered"),
            (Offered::Yes(..), Offered::No(reasons)) => {
                tracing::error!(%network, reasons = reasons.join("; "), "x402 payments are no longer offered");
            }
            (Offered::No(before), Offered::No(reasons)) if before != reasons => {
                tracing::error!(%network, reasons = reasons.join("; "), "x402 payments are not offered");
            }
            (Offered::No(_), Offered::No(_)) | (Offered::Yes(..), Offered::Yes(..)) => {}
        }
        *offered = seen;
    }

    async fn look(&self, node: &Inner) -> Offered {
        let parts = &self.parts;
        let (terms, has_exact) = match self.terms().await {
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
        if reasons.is_empty() { Offered::Yes(terms, has_exact) } else { Offered::No(reasons) }
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

    async fn terms(&self) -> Result<(Vec<Arc<Terms>>, bool), String> {
        let of = |facilitator| Arc::new(Terms { facilitator, ..self.parts.terms.clone() });
        match &self.parts.way {
            Way::Batch { settler, .. } => Ok((vec![of(*settler)], true)),
            Way::Direct { operators, .. } => Ok((operators.iter().map(|key| of(key.wallet())).collect(), true)),
            Way::Hosted { facilitator } => {
                let network = self.parts.terms.network;
                let address = facilitator.upto_address(network).await.map_err(|error| error.to_string())?;
                let supported = facilitator.supported().await.map_err(|error| error.to_string())?;
                Ok((vec![of(address)], supported.has_exact(network)))
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

    /// Somebody else who settles.
    pub(super) const fn facilitator(&self) -> Option<&Facilitator> {
        match &self.parts.way {
            Way::Hosted { facilitator } => Some(facilitator),
            Way::Batch { .. } | Way::Direct { .. } => None,
        }
    }

    /// Whether allowances that payers sign are sent along.
    pub(super) const fn sponsors(&self) -> bool {
        matches!(self.parts.way, Way::Direct { sponsors: true, .. })
    }

    /// Who settles a due: what its payer signed names a facilitator and is worth nothing to any other (C12), so where that one has
    /// left the configuration the due waits for it.
    pub(super) fn settles(&self, due: &Due, now: Timestamp) -> Result<By, Why> {
        // What somebody else may have sent already is no lane's: it would look burned to it.
        if due.payment.hosted.is_some() {
            return Ok(By::Facilitator);
        }
        if let Some(lane) = due.lane {
            // Its bytes may be out: no other lane may sign for the same authorization.
            let is_there = self.operators().iter().any(|key| key.wallet() == lane.operator);
            let is_there = is_there && (self.is_exact(due) || self.named(due).is_some());
            return if is_there { Ok(By::Lane(lane)) } else { Err(Why::Operator) };
        }
        // An exact transfer rides alone whoever sends it; the others share a transaction, so they take turns by the batch.
        let operator = match &self.parts.way {
            _ if self.is_exact(due) => self.by_key(due),
            Way::Batch { .. } if self.named(due).is_some() => self.by_turn(now),
            Way::Batch { .. } | Way::Direct { .. } | Way::Hosted { .. } => self.named(due),
        };
        let network = self.parts.terms.network;
        operator.map(|operator| By::Lane(LaneId { network, operator })).ok_or(Why::Facilitator)
    }

    /// Whether the facilitator that a payment was shown to is still the one that is configured.
    pub(super) fn can_ask(&self, due: &Due) -> bool {
        let hosted = due.payment.hosted.as_ref();
        self.facilitator().is_some_and(|facilitator| hosted.is_some_and(|hosted| *hosted.host == *facilitator.host()))
    }

    /// The operator whose turn it is to carry a batch.
    fn by_turn(&self, now: Timestamp) -> Option<Wallet> {
        let policy = self.policy();
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let at = turn.next(self.operators().len(), policy.batch_max, policy.linger_ms, now)?;
        self.operators().get(at).map(OperatorKey::wallet)
    }

    /// EIP-3009 names nobody.
    fn is_exact(&self, due: &Due) -> bool {
        due.payment.verified.scheme() == Scheme::Exact && !self.operators().is_empty()
    }

    /// The operator who settles for the facilitator that a payment names: itself, or one by the due's key, so that all of a settler's
    /// share the work.
    fn named(&self, due: &Due) -> Option<Wallet> {
        let named = due.payment.terms.facilitator;
        match &self.parts.way {
            Way::Batch { settler, .. } if named == *settler => self.by_key(due),
            Way::Direct { operators, .. } => operators.iter().map(OperatorKey::wallet).find(|wallet| *wallet == named),
            Way::Batch { .. } | Way::Hosted { .. } => None,
        }
    }

    fn by_key(&self, due: &Due) -> Option<Wallet> {
        let [first, ..] = due.key.0;
        let operators = self.operators();
        operators.get(usize::from(first).checked_rem(operators.len())?).map(OperatorKey::wallet)
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
