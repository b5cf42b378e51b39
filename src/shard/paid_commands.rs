//! The commands about payments: claims, credit, what was heard of settlements, debts, and the lanes that settle.

use std::sync::Arc;

use super::command::{Refusal, RequestKey};
use super::due::{Credit, Debt, Due, WalletBook};
use super::event::{ClaimEnd, Event, KeyEntry, Made, PaymentUse, ScopedKey};
use super::introduction::Introduction;
use super::state::{Answer, Decision, Shard, acted};
use super::unsettled::item_key;
use crate::billing::lane::{self, Claimant, DeadReason, ItemKey, LaneId, Outcome, Policy, TxHash};
use crate::billing::x402::exposure::{self, Caps, Standing};
use crate::billing::x402::newcomers::Newcomers;
use crate::billing::{Account, Transfer};
use crate::job::{self, Payment, Spec, Status};
use crate::types::{AgentId, JobId, OutOfRange, Timestamp, Usd, Wallet};

impl Shard {
    /// Claims the payment, reserves exposure and accepts the job: one commit, or nothing (D-2).
    pub(super) fn submit_paid(
        &self,
        spec: Arc<Spec>,
        payment: RequestKey,
        key: Option<RequestKey>,
        credit: &Credit,
    ) -> Result<Decision, Refusal> {
        // The buyer's own key first: a fresh signature under a key that has its job claims nothing.
        for known in [key, Some(payment)] {
            if let Some(made) = self.replay(known)? {
                return Ok(Decision { events: Vec::new(), answer: Answer::Replayed(made) });
            }
        }
        let signed = spec.payment.as_ref().ok_or(job::Rejection::OtherBilling)?;
        self.admit(signed, credit)?;
        let (id, at) = (spec.id, spec.created_at);
        let mut events = Vec::with_capacity(4);
        events.extend(spec.buyer.map(|buyer| {
            let key = key.map(|key| (key.key, key.request));
            Event::IntroductionPut(Introduction { job: id, agent: buyer.agent, key, at })
        }));
        events.push(Event::JobOpened(spec, key.map(|key| key.key)));
        for RequestKey { key, request, .. } in [Some(payment), key].into_iter().flatten() {
            events.push(Event::KeyPut(key, KeyEntry { request, made: Made::Job(id), at }));
        }
        Ok(Decision { events, answer: Answer::Accepted(id) })
    }

    fn admit(&self, payment: &Payment, credit: &Credit) -> Result<(), Refusal> {
        let payer = payment.verified.payer;
        let book = self.wallets.get(&payer);
        let standing = Standing {
            unsettled: self.unsettled(&payer),
            debt: book.map(WalletBook::owed).unwrap_or_default(),
            proven: book.is_some_and(|book| book.settled > 0),
            unproven_total: credit.unproven_total,
            newcomers: credit.newcomers,
            sponsored: payment.verified.sponsored.is_some() || self.sponsored(&payer) > 0,
        };
        Ok(exposure::admit(payment.verified.max, &standing, &credit.funds, &credit.caps)?)
    }

    pub(super) fn claim_exact(
        &self,
        payment: Arc<Payment>,
        claim: RequestKey,
        claimant: Claimant,
        credit: &Credit,
        at: Timestamp,
    ) -> Result<Decision, Refusal> {
        if let Some(made) = self.replay(Some(claim))? {
            return Ok(Decision { events: Vec::new(), answer: Answer::Replayed(made) });
        }
        let amount = payment.verified.max;
        match claimant {
            // A debtor gets no credit but this: to pay what it owes, all of it.
            Claimant::Debtor(wallet) => {
                let owed = Some(self.owed_beyond_payments(wallet)?).filter(|owed| *owed > Usd::ZERO).ok_or(Refusal::NoDebt)?;
                if owed != amount {
                    return Err(Refusal::OtherDebt { owed, offered: amount });
                }
            }
            // Nothing is given before it is settled, so it needs to be covered, but no credit.
            Claimant::Agent(_) => self.admit(&payment, &Credit { caps: Caps::UNLIMITED, newcomers: Newcomers::Welcome, ..*credit })?,
            // A job's payment is claimed with its order, and settled for what it is charged.
            Claimant::Job(_) => return Err(Refusal::Job(job::Rejection::OtherBilling)),
        }
        let due =
            Due { key: item_key(&payment), payment, claimant, amount, since: at, outcome: Outcome::Pending, lane: None, named: Vec::new() };
        let entry = KeyEntry {
            request: claim.request,
            made: Made::Payment(PaymentUse { claimant, network: due.network(), amount, end: None }),
            at,
        };
        let events = vec![Event::KeyPut(claim.key, entry), Event::DuePut(Box::new(due))];
        Ok(Decision { events, answer: Answer::Claimed })
    }

    /// What a wallet owes and no payment is on its way for: two at once would pay one debt twice.
    fn owed_beyond_payments(&self, wallet: Wallet) -> Result<Usd, OutOfRange> {
        let owed = self.wallets.get(&wallet).map(WalletBook::owed).unwrap_or_default();
        let payments = self.dues.values().filter(|due| due.claimant == Claimant::Debtor(wallet));
        payments.map(|due| due.amount).try_fold(owed, Usd::minus)
    }

    pub(super) fn assign_lane(&self, key: ItemKey, lane: LaneId) -> Result<Decision, Refusal> {
        let due = self.dues.get(&key).ok_or(Refusal::NoDue)?;
        // Once chosen it stays: two lanes would sign for one authorization, and the second would burn gas for nothing.
        let events = match due.lane {
            Some(_) => Vec::new(),
            None => vec![Event::DuePut(Box::new(Due { lane: Some(lane), ..due.clone() }))],
        };
        Ok(Decision { events, answer: Answer::Heard(None) })
    }

    /// Keeps where to look, before anybody looks: after a restart the facilitator may not say it again.
    pub(super) fn named(&self, key: ItemKey, tx: TxHash) -> Result<Decision, Refusal> {
        let due = self.dues.get(&key).ok_or(Refusal::NoDue)?;
        let mut events = Vec::new();
        if !due.named.contains(&tx) {
            let gone = due.named.len().saturating_add(1).saturating_sub(Due::NAMED_MAX);
            let named = due.named.iter().skip(gone).copied().chain([tx]).collect();
            events.push(Event::DuePut(Box::new(Due { named, ..due.clone() })));
        }
        Ok(Decision { events, answer: Answer::Heard(None) })
    }

    /// Takes a settlement as mined, by a log that proves nothing else from then on.
    pub(super) fn proven(&self, key: ItemKey, tx: TxHash, log: RequestKey, at: Timestamp) -> Result<Decision, Refusal> {
        let Some(due) = self.dues.get(&key) else { return Ok(Decision { events: Vec::new(), answer: Answer::Heard(None) }) };
        let proven = PaymentUse { claimant: due.claimant, network: due.network(), amount: due.amount, end: None };
        let entry = KeyEntry { request: log.request, made: Made::Payment(proven), at };
        let is_known = self.replay(Some(log))?.is_some();
        let mut decision = self.heard(key, Outcome::Mined(tx), at)?;
        if !is_known {
            decision.events.push(Event::KeyPut(log.key, entry));
        }
        Ok(decision)
    }

    /// Takes an outcome into the books. Told twice, the second time finds nothing to do.
    pub(super) fn heard(&self, key: ItemKey, outcome: Outcome, at: Timestamp) -> Result<Decision, Refusal> {
        let Some(due) = self.dues.get(&key) else { return Ok(Decision { events: Vec::new(), answer: Answer::Heard(None) }) };
        let event = match outcome {
            Outcome::Pending => None,
            Outcome::Mined(tx) | Outcome::Settled(tx) => Some(job::Event::Billed { at, tx: Some(tx) }),
            Outcome::Dead(_) => Some(job::Event::SettleGivenUp { at }),
        };
        let mut decision = match (due.claimant, event) {
            // A job that ended when its settlement was mined stays as it is, whatever a reorg does (I-11).
            (Claimant::Job(id), Some(event)) if self.jobs.get(&id).is_some_and(|job| job.state.status == Status::Completing) => {
                Decision { answer: Answer::Heard(Some(id)), ..self.job_event(id, &event, Vec::new())? }
            }
            (Claimant::Job(_) | Claimant::Agent(_) | Claimant::Debtor(_), _) => {
                Decision { events: Vec::new(), answer: Answer::Heard(None) }
            }
        };
        match outcome {
            Outcome::Pending | Outcome::Mined(_) => {
                if due.outcome != outcome {
                    decision.events.push(Event::DuePut(Box::new(Due { outcome, ..due.clone() })));
                }
            }
            Outcome::Settled(tx) => {
                self.settled(due, tx, at, &mut decision.events)?;
                decision.events.push(Event::DueGone(key));
            }
            Outcome::Dead(reason) => {
                self.lost(due, reason, at, &mut decision.events)?;
                decision.events.push(Event::DueGone(key));
            }
        }
        Ok(decision)
    }

    fn settled(&self, due: &Due, tx: TxHash, at: Timestamp, events: &mut Vec<Event>) -> Result<(), OutOfRange> {
        let mut book = self.book(due.payment.verified.payer);
        book.settled = book.settled.saturating_add(1);
        let transfer = match due.claimant {
            Claimant::Job(id) => Some(Transfer::settle(id, due.network(), due.amount, at)),
            // Booked in the agent's own shard, before this is heard.
            Claimant::Agent(_) => {
                events.push(ended(due, ClaimEnd::Settled { tx, owed: Usd::ZERO }));
                None
            }
            Claimant::Debtor(wallet) => {
                let owed = self.clear_debts(wallet, due.amount, &mut book, events);
                events.push(ended(due, ClaimEnd::Settled { tx, owed }));
                Some(Transfer::recovery(due.key, due.network(), due.amount, at))
            }
        };
        events.push(Event::WalletPut(Box::new(book)));
        transfer.map_or(Ok(()), |transfer| self.book_transfer(transfer, events))
    }

    /// Oldest first, as far as it goes: a debt that came while the payment was under way stays. Returns what is owed still.
    fn clear_debts(&self, wallet: Wallet, paid: Usd, payers: &mut WalletBook, events: &mut Vec<Event>) -> Usd {
        let mut left = paid;
        let mut clear = |book: &mut WalletBook| {
            book.debts.retain(|debt| match left.minus(debt.amount) {
                Ok(rest) if !rest.is_negative() => {
                    left = rest;
                    false
                }
                Ok(_) | Err(OutOfRange) => true,
            });
        };
        if payers.wallet == wallet {
            clear(payers);
            return payers.owed();
        }
        let mut book = self.book(wallet);
        clear(&mut book);
        let owed = book.owed();
        events.push(Event::WalletPut(Box::new(book)));
        owed
    }

    fn lost(&self, due: &Due, reason: DeadReason, at: Timestamp, events: &mut Vec<Event>) -> Result<(), OutOfRange> {
        let Claimant::Job(job) = due.claimant else {
            // Nothing was given for any other claim, so nothing is owed.
            events.push(ended(due, ClaimEnd::Dead));
            return Ok(());
        };
        let mut book = self.book(due.payment.verified.payer);
        book.debts.push(Debt { job, network: due.network(), amount: due.amount, reason, at });
        events.push(Event::WalletPut(Box::new(book)));
        self.book_transfer(Transfer::write_off(job, due.network(), due.amount, at), events)
    }

    fn book(&self, wallet: Wallet) -> WalletBook {
        self.wallets.get(&wallet).cloned().unwrap_or_else(|| WalletBook::new(wallet))
    }

    /// Books a transfer between accounts that are nobody's.
    fn book_transfer(&self, transfer: Transfer, events: &mut Vec<Event>) -> Result<(), OutOfRange> {
        let debit = self.account(&transfer.debit).minus(transfer.amount)?;
        let credit = self.account(&transfer.credit).plus(transfer.amount)?;
        events.push(Event::AccountPut(transfer.debit, debit));
        events.push(Event::AccountPut(transfer.credit, credit));
        events.push(Event::Posted(transfer));
        Ok(())
    }

    pub(super) fn deposit_paid(&self, id: AgentId, transfer: Transfer, key: RequestKey) -> Result<Decision, Refusal> {
        if let Some(made) = self.replay(Some(key))? {
            return Ok(Decision { events: Vec::new(), answer: Answer::Replayed(made) });
        }
        let agent = self.agents.get(&id).ok_or(Refusal::NoAgent)?;
        let (amount, at) = (transfer.amount, transfer.at);
        let available = agent.available.plus(amount)?;
        if available.plus(agent.held)? > Usd::MAX_WIRE {
            return Err(Refusal::Amount(OutOfRange));
        }
        let chain: Account = transfer.debit;
        let events = vec![
            Event::AccountPut(chain, self.account(&chain).minus(amount)?),
            Event::Posted(transfer),
            Event::Balance { agent: id, available, held: agent.held },
            Event::KeyPut(key.key, KeyEntry { request: key.request, made: Made::Credit { agent: id, amount, available }, at }),
        ];
        Ok(Decision { events, answer: Answer::Agent(id) })
    }

    pub(super) fn forgive(&self, wallet: Wallet, reason: &str, at: Timestamp) -> Result<Decision, Refusal> {
        let mut book = self.wallets.get(&wallet).filter(|book| !book.debts.is_empty()).ok_or(Refusal::NoDebt)?.clone();
        book.debts.clear();
        let events = vec![Event::WalletPut(Box::new(book)), acted(at, "debtor_forgiven", &wallet, reason)];
        Ok(Decision { events, answer: Answer::Heard(None) })
    }

    pub(super) fn retry_settlement(&self, job: JobId, reason: &str, at: Timestamp) -> Result<Decision, Refusal> {
        let is_owed = self.dues.values().any(|due| due.claimant == Claimant::Job(job));
        // What is owed stays as it is: its intent never changes, and its lane neither.
        let events = vec![acted(at, "settlement_retried", &job, reason)];
        if is_owed { Ok(Decision { events, answer: Answer::Heard(None) }) } else { Err(Refusal::NoDue) }
    }

    pub(super) fn lane_event(&self, id: LaneId, event: &lane::Event, policy: &Policy) -> Result<Decision, Refusal> {
        let fresh = lane::Lane::new(id);
        let lane = self.lanes.get(&id).unwrap_or(&fresh);
        let step = lane::step(lane, policy, event)?;
        let events = if step.changes.is_empty() { Vec::new() } else { vec![Event::LaneMoved(id, step.changes)] };
        Ok(Decision { events, answer: Answer::Lane(step.notices, step.sight.map(|sight| (id, sight))) })
    }
}

/// How a claim has ended, in the entry under which it was made: debts and balances go on, and a repeat is told of that day.
fn ended(due: &Due, end: ClaimEnd) -> Event {
    let payment = &due.payment;
    let made = PaymentUse { claimant: due.claimant, network: due.network(), amount: due.amount, end: Some(end) };
    let entry = KeyEntry { request: payment.request.0, made: Made::Payment(made), at: due.since };
    Event::KeyPut(ScopedKey(payment.verified.id().key().0), entry)
}
