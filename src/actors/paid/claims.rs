//! `exact` payments for somebody's benefit: deposits into an agent's balance, and debts.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::submit::{Claimed, PaymentError, claimed, known};
use crate::actors::api::Error;
use crate::actors::look::Book;
use crate::actors::node::Node;
use crate::billing::lane::{Claimant, ItemKey, TxHash};
use crate::billing::x402::claim::PaymentId;
use crate::billing::x402::{RequestHash, Scheme, header};
use crate::shard::{ClaimEnd, Command, Credit, Made, ScopedKey, WalletBook};
use crate::types::{Usd, Wallet};

/// How often a claim is looked at, whatever is announced of it.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A payment that was claimed for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Its name.
    pub key: ItemKey,
    /// Who paid.
    pub payer: Wallet,
    /// Where.
    pub network: crate::types::Network,
    /// How much.
    pub amount: Usd,
    /// Where it stands.
    pub state: ClaimState,
}

/// Where a claimed payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimState {
    /// On its way. Never a reason to sign again.
    Pending,
    /// Booked.
    Settled {
        /// By this transaction.
        tx: TxHash,
        /// What the debtor owed right after; nothing for an agent.
        owed: Usd,
    },
    /// It will never be settled, and nothing was booked.
    Dead,
}

impl Node {
    /// Claims a payment of exactly `amount` for `claimant`, and waits a while for its settlement. The same payment again, for the
    /// same claimant, gets the same answer, whatever is owed by then.
    ///
    /// # Errors
    /// [`PaymentError`]; [`PaymentError::AlreadyUsed`] where another is paid by it.
    pub async fn claim(
        &self,
        payment: &header::Payment,
        amount: Usd,
        claimant: Claimant,
        patience: Duration,
    ) -> Result<Claim, PaymentError> {
        if let Some(id) = PaymentId::said(&payment.payload)
            && let Some(entry) = known(self.shard(id.payer.slot())?, ScopedKey(id.key().0)).await?
        {
            return self.claimed_before(&id, &entry.made, claimant, patience).await;
        }
        self.takes_work()?;
        let request = RequestHash::of("CLAIM", &format!("{claimant:?}"), b"");
        let checked = self.check(payment, Scheme::Exact, amount, request, None).await?;
        let (id, payer) = (checked.verified.id(), checked.verified.payer);
        let shard = self.shard(payer.slot())?;
        let reservation = self.inner.settlements.reserve(&self.inner, shard, payer, amount).await?;
        let credit = Credit {
            funds: checked.funds,
            caps: checked.chain.parts.caps,
            unproven_total: reservation.unproven_total,
            newcomers: reservation.newcomers,
        };
        let (at, payment) = (self.inner.clock.now(), Arc::clone(&checked.payment));
        let command = |claim, _| Command::ClaimExact { payment: Arc::clone(&payment), claim, claimant, credit, at };
        let claim = claimed(shard, (ScopedKey(id.key().0), request.0), None, command).await?;
        drop(reservation);
        match claim {
            Claimed::Payment(entry) => self.claimed_before(&id, &entry.made, claimant, patience).await,
            Claimed::Key(made) => self.claimed_before(&id, &made, claimant, patience).await,
            Claimed::Reply(_) => self.claim_state(&id, patience).await,
        }
    }

    /// The answer to a payment that is claimed already.
    async fn claimed_before(&self, id: &PaymentId, made: &Made, claimant: Claimant, patience: Duration) -> Result<Claim, PaymentError> {
        let is_settled = match made {
            Made::Payment(used) if used.claimant == claimant => return self.claim_state(id, patience).await,
            Made::Payment(used) => matches!(used.end, Some(ClaimEnd::Settled { .. })),
            Made::Job(job) => self.job(*job).await?.is_none_or(|job| job.is_settled()),
            Made::Credit { .. } | Made::Agent(_) | Made::UsageKey(..) => false,
        };
        Err(PaymentError::AlreadyUsed { is_settled })
    }

    /// Where a claim stands, once it has ended or `patience` is over.
    async fn claim_state(&self, id: &PaymentId, patience: Duration) -> Result<Claim, PaymentError> {
        let key = ItemKey::of(id.payer, id.nonce.0.to_be_bytes());
        let mut outcomes = self.inner.settlements.outcomes(key);
        let until = Instant::now() + patience;
        loop {
            outcomes.borrow_and_update();
            // Its end is written where it was claimed.
            let used = known(self.shard(id.payer.slot())?, ScopedKey(id.key().0)).await?.map(|entry| entry.made);
            let Some(Made::Payment(used)) = used else { return Err(PaymentError::AlreadyUsed { is_settled: false }) };
            let state = match used.end {
                Some(ClaimEnd::Settled { tx, owed }) => ClaimState::Settled { tx, owed },
                Some(ClaimEnd::Dead) => ClaimState::Dead,
                None => ClaimState::Pending,
            };
            let now = Instant::now();
            if state != ClaimState::Pending || now >= until {
                return Ok(Claim { key, payer: id.payer, network: used.network, amount: used.amount, state });
            }
            // Announced or not: the next look tells.
            tokio::time::timeout_at(until.min(now + LOOK_EVERY), outcomes.changed()).await.ok();
        }
    }

    /// What a wallet owes; nothing where it never did.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn debts(&self, wallet: Wallet) -> Result<Option<WalletBook>, Error> {
        self.shard(wallet.slot())?.look(Book { wallet }).await
    }
}
