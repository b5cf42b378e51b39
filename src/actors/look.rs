//! What can be seen of a shard's state without changing it: here, or at the node that holds it.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::ledger::View;
use super::paid::{LaneStatus, WalletExposure};
use super::quotes::Outcome;
use crate::billing::lane::Claimant;
use crate::job::Job;
use crate::shard::{Agent, Delivery, Due, KeyEntry, ScopedKey, Session, Table, Unwritten, WalletBook};
use crate::types::{AgentId, DeliveryId, JobId, Network, Route, SessionKey, Usd, Wallet};
use std::sync::Arc;

/// One look, and what it shows.
pub(super) trait Look: Into<AnyLook> + Clone + Send + 'static {
    /// What is seen.
    type Seen: Serialize + DeserializeOwned + Send + 'static;

    /// Looks.
    fn see(&self, view: &View<'_>) -> Self::Seen;
}

macro_rules! looks {
    ($($(#[$words:meta])* $name:ident { $($field:ident: $kind:ty),* } -> $seen:ty = |$look:ident, $view:ident| $see:expr;)*) => {
        $(
            $(#[$words])*
            #[derive(Debug, Clone, Serialize, Deserialize)]
            pub(super) struct $name { $(pub(super) $field: $kind),* }

            impl Look for $name {
                type Seen = $seen;

                fn see(&self, view: &View<'_>) -> $seen {
                    let ($look, $view) = (self, view);
                    $see
                }
            }

            impl From<$name> for AnyLook {
                fn from(look: $name) -> Self {
                    Self::$name(look)
                }
            }
        )*

        /// Any of them, as it is sent to another node.
        #[derive(Debug, Clone, Serialize, Deserialize)]
        pub(super) enum AnyLook { $(
            $(#[$words])*
            $name($name),
        )* }

        impl AnyLook {
            /// Looks, and encodes what is seen.
            pub(super) fn see(&self, view: &View<'_>) -> Vec<u8> {
                match self { $(Self::$name(look) => crate::shard::codec::encode(&look.see(view)),)* }
            }
        }
    };
}

looks! {
    /// All agents.
    Agents {} -> Vec<Agent> = |_look, view| view.shard.agents().cloned().collect();
    /// An agent.
    OneAgent { id: AgentId } -> Option<Agent> = |look, view| view.shard.agent(&look.id).cloned();
    /// Rows of an append-only table that no checkpoint has written yet.
    Fresh { table: Table, prefix: Vec<u8> } -> Vec<(Vec<u8>, Vec<u8>)> = |look, view| {
        let of = |unwritten: &Unwritten| unwritten.appended(look.table, &look.prefix);
        let mut rows = of(view.unwritten);
        rows.extend(view.checkpointing.map(of).into_iter().flatten());
        rows
    };
    /// Jobs that have not ended, and those whose end no checkpoint has written yet.
    Jobs {} -> Vec<Arc<Job>> = |_look, view| {
        let ended = |unwritten: &Unwritten| unwritten.ended_jobs().cloned().collect::<Vec<_>>();
        let mut jobs: Vec<_> = view.shard.jobs().cloned().collect();
        jobs.extend(ended(view.unwritten));
        jobs.extend(view.checkpointing.map(ended).into_iter().flatten());
        jobs
    };
    /// A job that has not ended, or whose end no checkpoint has written yet.
    OneJob { id: JobId } -> Option<Arc<Job>> = |look, view| {
        let ended = |unwritten: &Unwritten| unwritten.ended_jobs().find(|job| job.spec.id == look.id).cloned();
        view.shard.job(&look.id).cloned().or_else(|| ended(view.unwritten)).or_else(|| view.checkpointing.and_then(ended))
    };
    /// Several calls under one budget.
    OneSession { key: SessionKey } -> Option<Session> = |look, view| view.shard.session(&look.key).cloned();
    /// What the last jobs of a route came to.
    Precedents { route: Route } -> Vec<Outcome> = |look, view| {
        view.shard.precedents().of(look.route).map(|precedent| Outcome::of(precedent)).collect()
    };
    /// A callback that is owed.
    OneDelivery { id: DeliveryId } -> Option<Delivery> = |look, view| view.shard.delivery(&look.id).cloned();
    /// All callbacks that are owed.
    Deliveries {} -> Vec<Delivery> = |_look, view| view.shard.deliveries().cloned().collect();
    /// How the shard stands: its last record, live jobs, callbacks owed, rows unwritten.
    Standing {} -> (u64, usize, usize, usize) = |_look, view| {
        let unwritten = view.unwritten.len().saturating_add(view.checkpointing.map_or(0, Unwritten::len));
        (view.seq.0, view.shard.live_jobs(), view.shard.callbacks_owed(), unwritten)
    };
    /// What a key stands for, where it is in memory.
    Key { key: ScopedKey } -> Option<KeyEntry> = |look, view| view.shard.key(&look.key).cloned();
    /// How a wallet has behaved.
    Book { wallet: Wallet } -> Option<WalletBook> = |look, view| view.shard.wallet(&look.wallet).cloned();
    /// Wallets that owe.
    Debtors {} -> Vec<WalletBook> = |_look, view| view.shard.wallets().filter(|book| !book.debts.is_empty()).cloned().collect();
    /// The credit that each wallet has.
    Exposures {} -> Vec<WalletExposure> = |_look, view| {
        let of = |(wallet, unsettled): (&Wallet, &Usd)| {
            let book = view.shard.wallet(wallet);
            let (is_proven, owed) = (book.is_some_and(|book| book.settled > 0), book.map(WalletBook::owed).unwrap_or_default());
            WalletExposure { wallet: *wallet, unsettled: *unsettled, is_proven, owed }
        };
        view.shard.exposures().map(of).collect()
    };
    /// The credit of all wallets together that no settlement went well for yet.
    Unproven {} -> Usd = |_look, view| {
        let unproven = view.shard.exposures().filter(|(wallet, _)| view.shard.wallet(wallet).is_none_or(|book| book.settled == 0));
        unproven.fold(Usd::ZERO, |sum, (_, open)| sum.plus(*open).unwrap_or(Usd::MAX_WIRE))
    };
    /// Settlements that are owed, and the lanes that work on some.
    Settling {} -> (Vec<Due>, Vec<LaneStatus>) = |_look, view| {
        (view.shard.dues().cloned().collect(), view.shard.lanes().map(|lane| LaneStatus::of(lane, false)).collect())
    };
    /// The settlement that is owed for a job.
    DueOf { job: JobId } -> Option<Due> = |look, view| view.shard.dues().find(|due| due.claimant == Claimant::Job(look.job)).cloned();
    /// The facilitators that open authorizations on a network name, once for each.
    Facilitators { network: Network } -> Vec<Wallet> = |look, view| {
        let of_jobs = view.shard.jobs().filter_map(|job| job.spec.payment.as_deref());
        // A job that waits for its settlement has both.
        let of_claims = view.shard.dues().filter(|due| !matches!(due.claimant, Claimant::Job(_))).map(|due| &*due.payment);
        let of_network = of_jobs.chain(of_claims).filter(|payment| payment.verified.network == look.network);
        of_network.map(|payment| payment.terms.facilitator).collect()
    };
}
