//! Allowances that payers sign for us to send along (x402.md 6): taken of those that have paid before, one at a time.

use super::chains::Chain;
use super::solvency::query_of;
use super::submit::PaymentError;
use crate::actors::look::Book;
use crate::actors::node::Node;
use crate::billing::x402::sponsoring::{self, Sponsored, Unsponsored};
use crate::billing::x402::{Authorization, Offer, PaymentPayload, Reason, Refusal, Verified, amount};

impl Node {
    /// Whether any network takes them.
    pub fn sponsors_allowances(&self) -> bool {
        self.inner.chains.all().any(|chain| chain.sponsors())
    }

    /// The allowance that came with a payment, where it is taken: it is offered, the payer is proven, and has too small a one. In any
    /// other case the payment is what it would be without it; above all, an allowance that is enough isn't made smaller.
    pub(super) async fn sponsored(
        &self,
        chain: &Chain,
        offer: &Offer<'_>,
        payment: &PaymentPayload,
        verified: &Verified,
    ) -> Result<Option<Sponsored>, PaymentError> {
        let (Authorization::Upto(permit), true) = (&verified.authorization, chain.sponsors()) else { return Ok(None) };
        let refused = |fault: Unsponsored| PaymentError::Refused(Refusal { scheme: offer.scheme, reason: Reason::Sponsored(fault) });
        let Some(info) = sponsoring::read(payment).transpose() else { return Ok(None) };
        let payer = verified.payer;
        let is_proven = self.shard(payer.slot())?.look(Book { wallet: payer });
        if is_proven.await?.is_none_or(|book| book.settled == 0) {
            return Ok(None);
        }
        let states = chain.parts.rpc.payer_states(offer.terms, &[query_of(verified)]).await.ok();
        let state = states.and_then(|states| states.into_iter().next().flatten()).ok_or(PaymentError::ChainUnavailable)?;
        if state.allowance >= amount::units(verified.max) {
            return Ok(None);
        }
        info.and_then(|info| sponsoring::check(&info, permit, offer.terms)).map(Some).map_err(refused)
    }
}
