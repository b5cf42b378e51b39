//! `exact` payments for somebody's benefit: deposits into an agent's balance, and debts.

use std::sync::Arc;
use std::time::Duration;

use super::submit::{Claimed, PaymentError, claimed, known};
use crate::actors::api::Error;
use crate::actors::node::Node;
use crate::billing::lane::{Claimant, ItemKey, Outcome, TxHash};
use crate::billing::x402::claim::PaymentId;
use crate::billing::x402::{RequestHash, Scheme, header};
use crate::shard::{Command, Credit, Made, ScopedKey, WalletBook};
use crate::types::{Usd, Wallet};

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
    /// Booked, by this transaction where it is still known.
    Settled(Option<TxHash>),
    /// It will never be settled, and nothing was booked.
    Dead,
}

impl Node {
    /// Claims a payment of exactly `amount` for `claimant`, and waits a while for its settlement. The same payment again, for the
    /// same claimant, gets the same answer.
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
            return match entry.made {
                Made::Payment(known) if known == claimant => self.claim_state(&id, amount, patience).await,
                Made::Payment(_) | Made::Job(_) | Made::Credit { .. } | Made::Agent(_) | Made::UsageKey(..) => Err(self.used(&id).await?),
            };
        }
        self.takes_work()?;
        let request = RequestHash::of("CLAIM", &format!("{claimant:?}"), b"");
        let checked = self.check(payment, Scheme::Exact, amount, request, None).await?;
        let (id, payer) = (checked.verified.id(), checked.verified.payer);
        let shard = self.shard(payer.slot())?;
        let reservation = self.inner.settlements.reserve(&self.inner, shard, payer, amount).await?;
        let credit = Credit { funds: checked.funds, caps: checked.chain.parts.caps, unproven_total: reservation.unproven_total };
        let (at, payment) = (self.inner.clock.now(), Arc::clone(&checked.payment));
        let command = |claim, _| Command::ClaimExact { payment: Arc::clone(&payment), claim, claimant, credit, at };
        let claim = claimed(shard, (ScopedKey(id.key().0), request.0), None, command).await?;
        drop(reservation);
        match claim {
            Claimed::Payment(entry) if entry.made != Made::Payment(claimant) => Err(self.used(&id).await?),
            Claimed::Payment(_) | Claimed::Key(_) | Claimed::Reply(_) => self.claim_state(&id, amount, patience).await,
        }
    }

    /// That somebody else is paid by it, and whether it is settled.
    async fn used(&self, id: &PaymentId) -> Result<PaymentError, Error> {
        let key = ItemKey::of(id.payer, id.nonce.0.to_be_bytes());
        let is_due = self.shard(id.payer.slot())?.read(move |view| view.shard.due(&key).is_some()).await?;
        let entry = known(self.shard(id.payer.slot())?, ScopedKey(id.key().0)).await?;
        let is_settled = match entry.map(|entry| entry.made) {
            Some(Made::Job(job)) => self.job(job).await?.is_none_or(|job| job.is_settled()),
            Some(_) | None => !is_due,
        };
        Ok(PaymentError::AlreadyUsed { is_settled })
    }

    /// Where a claim stands, once it is settled or `patience` is over.
    async fn claim_state(&self, id: &PaymentId, amount: Usd, patience: Duration) -> Result<Claim, PaymentError> {
        let key = ItemKey::of(id.payer, id.nonce.0.to_be_bytes());
        let shard = self.shard(id.payer.slot())?;
        let mut outcomes = self.inner.settlements.outcomes(key);
        let waited = async {
            loop {
                let due = shard.read(move |view| view.shard.due(&key).map(|due| due.outcome)).await?;
                let heard = *outcomes.borrow_and_update();
                match (due, heard) {
                    (None, Some(Outcome::Dead(_))) => return Ok(ClaimState::Dead),
                    (None, Some(Outcome::Settled(tx) | Outcome::Mined(tx))) => return Ok(ClaimState::Settled(Some(tx))),
                    // It ended before we began to listen: only what was booked tells how.
                    (None, Some(Outcome::Pending) | None) => return self.booked(id, key).await,
                    (Some(_), _) => {}
                }
                if outcomes.changed().await.is_err() {
                    return Ok(ClaimState::Pending);
                }
            }
        };
        let state = tokio::time::timeout(patience, waited).await.unwrap_or(Ok::<_, Error>(ClaimState::Pending))?;
        Ok(Claim { key, payer: id.payer, network: id.network, amount, state })
    }

    async fn booked(&self, id: &PaymentId, key: ItemKey) -> Result<ClaimState, Error> {
        let entry = known(self.shard(id.payer.slot())?, ScopedKey(id.key().0)).await?;
        let done = match entry.map(|entry| entry.made) {
            Some(Made::Payment(Claimant::Agent(agent))) => {
                known(self.shard(agent.slot())?, super::settlement::deposit_key(key)).await?.is_some()
            }
            // A debt that is paid is gone from the wallet's book.
            Some(Made::Payment(Claimant::Debtor(wallet))) => self.debts(wallet).await?.is_none_or(|book| book.debts.is_empty()),
            Some(Made::Payment(Claimant::Job(_)) | Made::Job(_) | Made::Credit { .. } | Made::Agent(_) | Made::UsageKey(..)) | None => {
                false
            }
        };
        Ok(if done { ClaimState::Settled(None) } else { ClaimState::Dead })
    }

    /// What a wallet owes; nothing where it never did.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn debts(&self, wallet: Wallet) -> Result<Option<WalletBook>, Error> {
        self.shard(wallet.slot())?.read(move |view| view.shard.wallet(&wallet).cloned()).await
    }
}
