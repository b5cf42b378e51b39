//! The newcomers' breaker of this node: fed with what jobs come to, and with the debts that are in the books at a start.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::actors::api::Error;
use crate::actors::meters;
use crate::actors::node::{Inner, Node};
use crate::billing::x402::newcomers::{Breaker, BreakerPolicy, Newcomers};
use crate::job::{FailureCode, Job};
use crate::shard::{Command, Shard};
use crate::types::{Slot, Timestamp, Wallet};

/// Its state is small and never held across a wait.
#[derive(Debug)]
pub(in crate::actors) struct Watch(Mutex<Breaker>);

/// Whether newcomers are taken, for operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewcomersStatus {
    /// They are.
    pub newcomers: Newcomers,
    /// Losses of the window that have not paused them yet.
    pub losses: usize,
    /// When, and for how long.
    pub policy: BreakerPolicy,
}

impl Watch {
    pub(in crate::actors) const fn new(policy: BreakerPolicy) -> Self {
        Self(Mutex::new(Breaker::new(policy)))
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        // A plain value: as good behind a poisoned lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn newcomers(&self, now: Timestamp) -> Newcomers {
        self.breaker().newcomers(now)
    }

    fn lost(&self, at: Timestamp, payer: Wallet) {
        if self.breaker().lost(at) {
            meters::newcomers_paused();
            tracing::error!(%payer, "too many wallets that never paid before did not pay: no such wallet is taken for a while");
        }
    }

    /// A job has changed, durably: what its end tells of newcomers. `shard` is its payer's.
    pub(in crate::actors) fn see(&self, shard: &Shard, job: &Job) {
        let (Some(payment), Some(at)) = (&job.spec.payment, job.state.ended_at) else { return };
        let payer = payment.verified.payer;
        // Its first good settlement may be this one, and in the books already.
        if shard.wallet(&payer).is_some_and(|book| book.settled > 1) {
            return;
        }
        let is_new = shard.wallet(&payer).is_none_or(|book| book.settled == 0);
        match job.state.failure.as_ref().map(|failure| failure.code) {
            Some(FailureCode::SettlementFailed) if is_new => self.lost(at, payer),
            // What was done for it until then is lost, too: one that was told apart before anything was done has cost nothing.
            Some(FailureCode::PayerInsolvent) if is_new && !job.state.cost.is_zero() => self.lost(at, payer),
            _ if job.state.settled_in.is_some() => self.breaker().paid(at),
            _ => {}
        }
    }

    /// A shard is loaded for the first time: what its newcomers owe counts as if it were heard of now.
    pub(in crate::actors) fn begin(&self, shard: &Shard) {
        let newcomers = shard.wallets().filter(|book| book.settled == 0);
        let mut debts: Vec<_> = newcomers.flat_map(|book| book.debts.iter().map(|debt| (debt.at, book.wallet))).collect();
        debts.sort_unstable();
        for (at, payer) in debts {
            self.lost(at, payer);
        }
    }
}

impl Node {
    /// Whether newcomers are taken.
    pub fn newcomers(&self) -> NewcomersStatus {
        let (now, breaker) = (self.inner.clock.now(), self.inner.newcomers.breaker());
        NewcomersStatus { newcomers: breaker.newcomers(now), losses: breaker.losses(now), policy: self.inner.settings.newcomers }
    }

    /// Lets newcomers in again, whatever was lost.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where it can't be logged; then nothing has changed.
    pub async fn let_newcomers_in(&self, reason: Box<str>) -> Result<NewcomersStatus, Error> {
        let node: &Inner = &self.inner;
        let command = Command::Log { act: "newcomers_let_in".into(), subject: "newcomers".into(), reason, at: node.clock.now() };
        self.shard(Slot(0))?.execute(command).await?;
        node.newcomers.breaker().reset();
        Ok(self.newcomers())
    }
}
