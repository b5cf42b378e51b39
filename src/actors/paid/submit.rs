//! Taking a job that a wallet pays for: the payment is looked up, checked, weighed against the payer's credit, and claimed in the
//! commit that accepts the job. Nothing is durable before that commit, and no chain is asked after it (D-2).

use std::sync::Arc;

use super::chains::Chain;
use crate::actors::api::{Accepted, Error, IdempotencyKey};
use crate::actors::keyed::{scoped_key, stored_key};
use crate::actors::ledger::is_look_again;
use crate::actors::look::Key;
use crate::actors::node::Node;
use crate::actors::shard::ShardHandle;
use crate::billing::x402::claim::{PaymentId, Replay};
use crate::billing::x402::exposure::Funds;
use crate::billing::x402::sponsoring::Unsponsored;
use crate::billing::x402::verify::{self, PayerState};
use crate::billing::x402::{ClientKey, Offer, Reason, Refusal, RequestHash, Scheme, Simulation, Verified, amount, calldata, header};
use crate::job::{Billing, Buyer, Hosted, Job, Payment, Spec};
use crate::shard::{Command, Credit, Grant, KeyEntry, Made, Reply, RequestKey, ScopedKey};
use crate::types::{JobId, Route, Usd};

/// A job to be accepted, with the payment that came with it. Everything but the payment is validated.
#[derive(Debug)]
pub struct PaidOrder {
    /// What was signed, as it came.
    pub payment: header::Payment,
    /// How it has to be paid.
    pub scheme: Scheme,
    /// Who orders, where a bearer came along.
    pub caller: Option<Grant>,
    /// The request that the payment is for.
    pub request: RequestHash,
    /// What only the buyer knows of it.
    pub client_key: Option<ClientKey>,
    /// The caller's key.
    pub key: Option<IdempotencyKey>,
    /// What.
    pub route: Route,
    /// The route's body, as JSON text.
    pub payload: Box<str>,
    /// The most that it may cost.
    pub ceiling: Usd,
    /// Where its end is told.
    pub callback_url: Option<Box<str>>,
    /// The buyer's own pairs.
    pub metadata: Box<[(Box<str>, Box<str>)]>,
}

/// Why a payment isn't taken. Nothing was claimed.
#[derive(Debug, thiserror::Error)]
pub enum PaymentError {
    /// It doesn't fit what is asked for, or the chain would not honour it.
    #[error("the payment is refused: {}", .0.as_str())]
    Refused(Refusal),
    /// It is claimed, and whoever sends it again can't be told from a stranger.
    #[error("the payment is used already")]
    AlreadyUsed {
        /// It is paid, or costs nothing; else it may still be settled.
        is_settled: bool,
    },
    /// The chain can't be asked now.
    #[error("the chain can't be asked")]
    ChainUnavailable,
    /// The node says no.
    #[error(transparent)]
    Node(#[from] Error),
}

/// A payment that would be honoured now, and what its payer has.
pub(super) struct Checked {
    pub(super) verified: Verified,
    pub(super) payment: Arc<Payment>,
    pub(super) funds: Funds,
    pub(super) chain: Arc<Chain>,
}

impl Node {
    /// Accepts a job that a wallet pays for: durable when this returns.
    ///
    /// # Errors
    /// [`PaymentError`].
    pub async fn submit_paid(&self, order: PaidOrder) -> Result<Accepted, PaymentError> {
        // A repeat is looked for before any other check, and takes no work.
        if let Some(accepted) = self.replayed_paid(&order).await? {
            return Ok(accepted);
        }
        self.takes_work()?;
        let checked = match self.check(&order.payment, order.scheme, order.ceiling, order.request, order.client_key).await {
            Ok(checked) => checked,
            // Claimed and settled while it was checked, its own settlement may be what it is refused for.
            Err(error) => return self.replayed_paid(&order).await?.ok_or(error),
        };
        let payer = checked.verified.payer;
        let at = self.inner.clock.now();
        let spec = Arc::new(Spec {
            id: JobId::new(payer.slot(), self.inner.random.uuid_v7(at)),
            billing: Billing::Upto { network: checked.verified.network, payer },
            route: order.route,
            payload: order.payload,
            ceiling: order.ceiling,
            price: self.inner.settings.prices.of(order.route),
            callback_url: order.callback_url,
            metadata: order.metadata,
            created_at: at,
            run_ms: self.run_ms(&checked.verified),
            payment: Some(Arc::clone(&checked.payment)),
            buyer: order.caller.map(|grant| Buyer { agent: grant.agent, key: grant.key }),
            session: None,
        });
        let shard = self.shard(payer.slot())?;
        let id = checked.verified.id();
        let scope = scope_of(order.caller, &id);
        let key = order.key.as_ref().map(|key| (scoped_key(&scope, &key.key), key.request));
        let reservation = self.inner.settlements.reserve(&self.inner, shard, payer, checked.verified.max).await?;
        let credit = Credit {
            funds: checked.funds,
            caps: checked.chain.parts.caps,
            unproven_total: reservation.unproven_total,
            newcomers: reservation.newcomers,
        };
        let claim = (ScopedKey(id.key().0), order.request.0);
        let reply =
            claimed(shard, claim, key, |payment, key| Command::SubmitPaid { spec: Arc::clone(&spec), payment, key, credit }).await?;
        drop(reservation);
        match reply {
            Claimed::Reply(Reply::Accepted(job)) => {
                // A list is not behind the answer, unless the agent's shard is away.
                self.inner.introductions.known(&job.spec.id).await;
                Ok(Accepted { job, replayed: false })
            }
            Claimed::Payment(entry) => self.replay_payment(&entry, order.request, order.client_key).await,
            Claimed::Key(Made::Job(id)) => {
                let job = self.job(id).await?.ok_or(Error::NoJob(id))?;
                Ok(Accepted { job, replayed: true })
            }
            Claimed::Key(_) => Err(Error::Refused(crate::shard::Refusal::KeyReused).into()),
            Claimed::Reply(_) => Err(PaymentError::AlreadyUsed { is_settled: false }),
        }
    }

    /// The job that the order's payment, or its key, made before, without making one. For answers while new work is refused.
    ///
    /// # Errors
    /// As [`Self::submit_paid`].
    pub async fn replayed_paid(&self, order: &PaidOrder) -> Result<Option<Accepted>, PaymentError> {
        match PaymentId::said(&order.payment.payload) {
            Some(id) => self.paid_before(&id, order).await,
            None => Ok(None),
        }
    }

    /// What a claimed payment, or the caller's key, made before.
    async fn paid_before(&self, id: &PaymentId, order: &PaidOrder) -> Result<Option<Accepted>, PaymentError> {
        let shard = self.shard(id.payer.slot())?;
        let by_key = match &order.key {
            Some(key) => known(shard, scoped_key(&scope_of(order.caller, id), &key.key)).await?.map(|entry| (entry, key.request)),
            None => None,
        };
        if let Some((KeyEntry { request, made: Made::Job(job), .. }, asked)) = &by_key
            && request == asked
        {
            return Ok(self.job(*job).await?.map(|job| Accepted { job, replayed: true }));
        }
        match known(shard, ScopedKey(id.key().0)).await? {
            // Before what is wrong with the key: whoever is told that his payment is unused may use it elsewhere.
            Some(entry) => self.replay_payment(&entry, order.request, order.client_key).await.map(Some),
            None if by_key.is_some() => Err(Error::Refused(crate::shard::Refusal::KeyReused).into()),
            None => Ok(None),
        }
    }

    async fn replay_payment(
        &self,
        entry: &KeyEntry,
        request: RequestHash,
        client_key: Option<ClientKey>,
    ) -> Result<Accepted, PaymentError> {
        let id = match entry.made {
            Made::Job(id) => id,
            Made::Payment(_) | Made::Credit { .. } | Made::Agent(_) | Made::UsageKey(..) => {
                return Err(PaymentError::AlreadyUsed { is_settled: false });
            }
        };
        // A job is kept longer than a settlement takes, so one that is gone was settled.
        let job: Arc<Job> = self.job(id).await?.ok_or(PaymentError::AlreadyUsed { is_settled: true })?;
        let replay = job.spec.payment.as_ref().map(|payment| payment.replay(request, client_key, job.may_be_public()));
        match replay {
            Some(Replay::SameAnswer) => Ok(Accepted { job, replayed: true }),
            Some(Replay::AlreadyUsed) | None => Err(PaymentError::AlreadyUsed { is_settled: job.is_settled() }),
        }
    }

    /// Checks a payment against our own offers, cheapest first, then against the chain, at one block.
    pub(super) async fn check(
        &self,
        payment: &header::Payment,
        scheme: Scheme,
        ceiling: Usd,
        request: RequestHash,
        client_key: Option<ClientKey>,
    ) -> Result<Checked, PaymentError> {
        let all: Vec<_> =
            self.inner.chains.all().flat_map(|chain| chain.offers(scheme).into_iter().map(move |terms| (chain, terms))).collect();
        let offers: Vec<_> = all.iter().map(|(_, terms)| Offer::new(terms, scheme, ceiling)).collect();
        let taken = Offer::taken(&offers, &payment.payload).map_err(PaymentError::Refused)?;
        let Some((chain, terms)) = all.iter().find(|(_, terms)| std::ptr::eq(&raw const **terms, taken.terms)) else {
            return Err(PaymentError::ChainUnavailable);
        };
        let now = chain.now().await.map_err(|_| PaymentError::ChainUnavailable)?;
        let mut verified = verify::verify(&payment.payload, taken, now).map_err(PaymentError::Refused)?;
        verified.sponsored = self.sponsored(chain, taken, &payment.payload, &verified).await?;
        let (state, simulation) = look(chain, taken, &verified).await?;
        if verified.sponsored.is_some() && state.allowance < amount::units(verified.max) {
            let reason = Reason::Sponsored(Unsponsored::Nonce);
            return Err(PaymentError::Refused(Refusal { scheme, reason }));
        }
        let payer_has_code = state.code_size > 0 && chain.parts.contracts.contains(&verified.payer);
        let judged = if payer_has_code { PayerState { code_size: 0, ..state } } else { state };
        verify::judge(&verified, taken, &judged, simulation).map_err(PaymentError::Refused)?;
        let allowance = match scheme {
            Scheme::Upto => Some(amount::usd_at_most(state.allowance)),
            Scheme::Exact => None,
        };
        let funds = Funds { balance: amount::usd_at_most(state.balance), allowance };
        let hosted = chain.facilitator().map(|facilitator| {
            let original = payment.json.as_ref().into();
            Box::new(Hosted { original, host: facilitator.host().into(), unused_at: state.block_number })
        });
        let payment = Arc::new(Payment {
            verified: verified.clone(),
            terms: (**terms).clone(),
            request,
            client_key,
            hosted,
            payer_has_code,
            waive_below: if scheme == Scheme::Upto { self.inner.settings.waive_below } else { Usd::ZERO },
        });
        Ok(Checked { verified, payment, funds, chain: Arc::clone(chain) })
    }

    /// A run has to leave time for the settlement (D-4); by `exact` less was offered.
    fn run_ms(&self, verified: &Verified) -> i64 {
        let configured = self.inner.settings.run_ms;
        match verified.scheme() {
            Scheme::Upto => configured,
            Scheme::Exact => {
                let left = verified.deadline.millis_since(self.inner.clock.now()).saturating_sub(60_000);
                configured.min(left.max(0))
            }
        }
    }
}

/// What the chain says of a payer, and of a settlement of the whole maximum.
async fn look(chain: &Chain, offer: &Offer<'_>, verified: &Verified) -> Result<(PayerState, Simulation), PaymentError> {
    let call = calldata::of(verified, offer.terms, amount::units(verified.max));
    let refused = |fault| PaymentError::Refused(Refusal { scheme: offer.scheme, reason: Reason::Signature(fault) });
    let (target, call) = call.map_err(refused)?;
    let simulated = chain.parts.rpc.simulate_settle(offer.terms.facilitator, target, &call);
    match futures_util::future::join(chain.payer_state(offer.terms, verified), simulated).await {
        (Ok(Some(state)), Ok(simulation)) => Ok((state, simulation)),
        _ => Err(PaymentError::ChainUnavailable),
    }
}

/// With a bearer a key belongs to the agent, without one to the payer.
fn scope_of(caller: Option<Grant>, id: &PaymentId) -> Vec<u8> {
    caller.map_or_else(|| id.payer.as_bytes().to_vec(), |grant| grant.agent.as_bytes().to_vec())
}

/// What came of a claim.
pub(super) enum Claimed {
    /// It was carried out.
    Reply(Reply),
    /// The payment is claimed already.
    Payment(KeyEntry),
    /// The caller's key made this before.
    Key(Made),
}

/// Sends a command under a payment's claim, and the caller's key if there is one: both looked for among the rows first, again where
/// the shard let keys go meanwhile.
pub(super) async fn claimed(
    shard: &ShardHandle,
    claim: (ScopedKey, u128),
    key: Option<(ScopedKey, u128)>,
    command: impl Fn(RequestKey, Option<RequestKey>) -> Command,
) -> Result<Claimed, Error> {
    loop {
        let looked_up_at = shard.generation().await?;
        if let Some((scoped, request)) = key
            && let Some(entry) = stored_key(shard, scoped).await?
        {
            return if entry.request == request {
                Ok(Claimed::Key(entry.made))
            } else {
                Err(Error::Refused(crate::shard::Refusal::KeyReused))
            };
        }
        if let Some(entry) = stored_key(shard, claim.0).await? {
            return Ok(Claimed::Payment(entry));
        }
        let of = |(key, request): (ScopedKey, u128)| RequestKey { key, request, looked_up_at };
        let answer = shard.execute(command(of(claim), key.map(of))).await;
        if is_look_again(&answer) {
            continue;
        }
        // Claimed between our look and the command, with another body: the entry says by whom.
        let lost_race = matches!(answer, Err(Error::Refused(crate::shard::Refusal::KeyReused)) | Ok(Reply::Replayed(_)));
        if lost_race && let Some(entry) = known(shard, claim.0).await? {
            return Ok(Claimed::Payment(entry));
        }
        return answer.map(|reply| if let Reply::Replayed(made) = reply { Claimed::Key(made) } else { Claimed::Reply(reply) });
    }
}

/// What a key stands for, in memory or in its row.
pub(super) async fn known(shard: &ShardHandle, key: ScopedKey) -> Result<Option<KeyEntry>, Error> {
    match shard.look(Key { key }).await? {
        Some(entry) => Ok(Some(entry)),
        // Let go from memory only once its row is written.
        None => stored_key(shard, key).await,
    }
}
