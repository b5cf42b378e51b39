//! Settlements that wait for a person: for operators, `/readyz` and a metric. Memory only: each start finds them again.

use super::settlement::Settlements;
use crate::actors::meters;
use crate::actors::node::Node;
use crate::billing::lane::ItemKey;
use crate::shard::Due;
use crate::types::Network;

/// Why a settlement gets no further by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// Its network isn't configured any more, so nobody can even look.
    Network,
    /// Whom its payment names as facilitator isn't configured any more. Its chain is watched.
    Facilitator,
    /// The key of the operator account that it was given to isn't configured any more.
    Operator,
    /// Its authorization is used, and no transaction is found that paid by it.
    Unexplained,
    /// Its facilitator refuses to settle it.
    Refused,
    /// It was handed over so long after its deadline that its lane may have forgotten it.
    Late,
}

/// A settlement that waits for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stuck {
    /// Which.
    pub key: ItemKey,
    /// Where.
    pub network: Network,
    /// Why.
    pub why: Why,
}

impl Why {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Network, Self::Facilitator, Self::Operator, Self::Unexplained, Self::Refused, Self::Late];

    /// A word for it, for metrics and lists.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Network => "no_network",
            Self::Facilitator => "no_facilitator",
            Self::Operator => "no_operator",
            Self::Unexplained => "unexplained",
            Self::Refused => "refused",
            Self::Late => "late",
        }
    }

    /// What it means, for people.
    pub const fn explained(self) -> &'static str {
        match self {
            Self::Network => "their network is not configured any more",
            Self::Facilitator => "the facilitator that their payments name is not configured any more",
            Self::Operator => "the operator account that they were given to is not configured any more",
            Self::Unexplained => "their authorizations are used, and no transaction is found that paid by them",
            Self::Refused => "their facilitator refuses to settle them",
            Self::Late => "they came to their lane long after their deadline, and the chain is asked what became of them",
        }
    }
}

impl Settlements {
    /// Notes that a settlement waits for a person, and says so where that is news.
    pub(super) fn stick(&self, due: &Due, why: Why) {
        let (key, network) = (due.key, due.network());
        if self.stuck.insert(key, Stuck { key, network, why }).is_some_and(|before| before.why == why) {
            return;
        }
        meters::lane_alarm();
        let (payer, facilitator) = (due.payment.verified.payer, due.payment.terms.facilitator);
        tracing::error!(%network, payment = ?key, %payer, %facilitator, why = why.as_str(), "a settlement waits for a person: {}", why.explained());
    }

    /// The same, where nothing else is the matter with it.
    pub(super) fn stick_if_free(&self, due: &Due, why: Why) {
        if !self.stuck.contains_key(&due.key) {
            self.stick(due, why);
        }
    }

    /// It goes on, or is over.
    pub(super) fn unstick(&self, key: &ItemKey) {
        self.stuck.remove(key);
    }
}

impl Node {
    /// Every settlement that waits for a person.
    pub fn stuck_settlements(&self) -> Vec<Stuck> {
        let mut stuck: Vec<Stuck> = self.inner.settlements.stuck.iter().map(|one| *one.value()).collect();
        stuck.sort_by_key(|one| (one.network, one.why, one.key));
        stuck
    }
}
