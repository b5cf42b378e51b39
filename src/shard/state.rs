//! The live state of one shard, and how commands change it.

use std::sync::Arc;

use super::agent::{Agent, Grant, UsageKey};
use super::command::{Command, Refusal, Reply, RequestKey};
use super::due::{Due, WalletBook};
use super::event::{Delivery, Event, KeyEntry, Made, OperatorAct, ScopedKey};
use super::group::Group;
use super::introduction::Introduction;
use super::precedent::Precedents;
use super::session::Session;
use super::unsettled::item_key;
use crate::billing::lane::{Claimant, ItemKey, Lane, LaneId, Notice, Outcome, Sight};
use crate::billing::{Account, Transfer};
use crate::job::{self, Billing, Effect, Job, Spec, step};
use crate::types::{AgentId, DeliveryId, JobId, Map, OutOfRange, Timestamp, TokenHash, Usd, Wallet};

/// The number of a job's one event, its end, among the job's deliveries.
pub const END_EVENT: u8 = 1;

/// Everything of a shard that is live: agents, their tokens, jobs that have not ended, callbacks that are owed.
///
/// Idempotency keys are here only until a checkpoint has written them; whoever brings one looks among the rows first
/// ([`RequestKey::looked_up_at`]).
#[derive(Debug, Default)]
pub struct Shard {
    pub(super) agents: Map<AgentId, Agent>,
    pub(super) tokens: Map<TokenHash, Grant>,
    pub(super) accounts: Map<Account, Usd>,
    pub(super) jobs: Map<JobId, Arc<Job>>,
    pub(super) outbox: Map<DeliveryId, Delivery>,
    pub(super) keys: Map<ScopedKey, KeyEntry>,
    pub(super) dues: Map<ItemKey, Due>,
    pub(super) wallets: Map<Wallet, WalletBook>,
    pub(super) lanes: Map<LaneId, Lane>,
    pub(super) introductions: Map<JobId, Introduction>,
    /// By agent, and the hash of the session's name.
    pub(super) sessions: Map<AgentId, Map<u128, Session>>,
    pub(super) precedents: Precedents,
    /// What each wallet has signed for and not paid yet: follows from jobs and dues (safety.md I-17).
    pub(super) unsettled: Map<Wallet, Usd>,
    /// How many of those bring their allowance along; none for most wallets.
    pub(super) sponsored: Map<Wallet, u32>,
    generation: u64,
}

/// What a command would do, before any of it is done.
pub(super) struct Decision {
    pub(super) events: Vec<Event>,
    pub(super) answer: Answer,
}

/// A reply by what it tells of, to be filled in once the events are applied.
pub(super) enum Answer {
    Accepted(JobId),
    Replayed(Made),
    Moved(JobId, Vec<Effect>),
    Agent(AgentId),
    Delivery(Option<Delivery>),
    Claimed,
    Introduced,
    Heard(Option<JobId>),
    Lane(Vec<Notice>, Option<(LaneId, Sight)>),
}

impl Shard {
    /// A shard that nothing has happened in.
    pub fn new() -> Self {
        Self::default()
    }

    /// Carries a command out: adds what changed to `group` and answers, or changes nothing and says why.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn execute(&mut self, command: Command, group: &mut Group) -> Result<Reply, Refusal> {
        let decision = self.decide(command)?;
        for event in decision.events {
            group.apply(self, event);
        }
        let job = |id| group.jobs.get(&id).or_else(|| self.jobs.get(&id)).cloned().ok_or(Refusal::NoJob);
        Ok(match decision.answer {
            Answer::Accepted(id) => Reply::Accepted(job(id)?),
            Answer::Moved(id, effects) => Reply::Moved(job(id)?, effects),
            Answer::Replayed(made) => Reply::Replayed(made),
            Answer::Agent(id) => Reply::Agent(Box::new(self.agents.get(&id).ok_or(Refusal::NoAgent)?.clone())),
            Answer::Delivery(delivery) => Reply::Delivery(delivery),
            Answer::Claimed => Reply::Claimed,
            Answer::Introduced => Reply::Introduced,
            Answer::Heard(id) => Reply::Heard(id.map(job).transpose()?),
            Answer::Lane(notices, sight) => {
                // What was seen of a chain is gone with the process, so it isn't recorded.
                if let Some((id, sight)) = sight {
                    self.lane_mut(id).sight = Some(sight);
                }
                Reply::Lane(notices)
            }
        })
    }

    /// Changes the state as the event says. Returns the job that it changed.
    pub fn apply(&mut self, event: &Event) -> Option<Arc<Job>> {
        match event {
            Event::JobOpened(spec, _) => {
                let job = Arc::new(Job::accepted(Arc::clone(spec)));
                self.put_job(Arc::clone(&job));
                return Some(job);
            }
            Event::JobMoved(id, state) => {
                // Missing where the rows are newer than the record: the job has ended and is history.
                let slot = self.jobs.get_mut(id)?;
                Arc::make_mut(slot).state = (**state).clone();
                let job = Arc::clone(slot);
                if job.state.status.is_ended() {
                    self.remove_job(&job);
                }
                return Some(job);
            }
            Event::HopAdded(id, number, hop) => {
                let slot = self.jobs.get_mut(id)?;
                let job = Arc::make_mut(slot);
                if job.hops.len() == usize::from(*number) {
                    job.hops.push(Arc::clone(hop));
                }
                return Some(Arc::clone(slot));
            }
            Event::AgentPut(agent) => {
                self.agents.insert(agent.id, (**agent).clone());
            }
            Event::Balance { agent, available, held } => {
                if let Some(agent) = self.agents.get_mut(agent) {
                    agent.available = *available;
                    agent.held = *held;
                }
            }
            Event::KeyUsed { agent, key, spent, held } => {
                let keys = self.agents.get_mut(agent).map(|agent| &mut agent.keys);
                if let Some(key) = keys.and_then(|keys| keys.iter_mut().find(|known| known.id == *key)) {
                    key.spent = *spent;
                    key.held = *held;
                }
            }
            Event::TokenPut(hash, Some(grant)) => {
                self.tokens.insert(*hash, *grant);
            }
            Event::TokenPut(hash, None) => {
                self.tokens.remove(hash);
            }
            Event::AccountPut(account, balance) => {
                self.accounts.insert(*account, *balance);
            }
            Event::KeyPut(key, entry) => {
                self.keys.insert(*key, entry.clone());
            }
            Event::OutboxPut(delivery) => {
                self.outbox.insert(delivery.id, delivery.clone());
            }
            Event::OutboxGone(id) => {
                self.outbox.remove(id);
            }
            Event::DuePut(due) => self.put_due((**due).clone()),
            Event::DueGone(key) => self.remove_due(key),
            Event::WalletPut(book) => {
                self.wallets.insert(book.wallet, (**book).clone());
            }
            Event::LaneMoved(id, changes) => {
                let lane = self.lane_mut(*id);
                for change in changes {
                    lane.replay(change);
                }
            }
            Event::IntroductionPut(introduction) => {
                self.introductions.insert(introduction.job, *introduction);
            }
            Event::IntroductionGone(job) => {
                self.introductions.remove(job);
            }
            Event::SessionPut(session) => self.put_session((**session).clone()),
            Event::SessionGone(key) => self.remove_session(key),
            Event::PrecedentPut(precedent) => drop(self.precedents.put(precedent)),
            // History: only rows hold it.
            Event::JobListed(..) | Event::Posted(_) | Event::Attempted(..) | Event::OperatorActed(_) => {}
        }
        None
    }

    pub(super) fn lane_mut(&mut self, id: LaneId) -> &mut Lane {
        self.lanes.entry(id).or_insert_with(|| Lane::new(id))
    }

    /// Every lane.
    pub fn lanes(&self) -> impl Iterator<Item = &Lane> {
        self.lanes.values()
    }

    /// A lane.
    pub fn lane(&self, id: &LaneId) -> Option<&Lane> {
        self.lanes.get(id)
    }

    /// An agent.
    pub fn agent(&self, id: &AgentId) -> Option<&Agent> {
        self.agents.get(id)
    }

    /// Every agent.
    pub fn agents(&self) -> impl Iterator<Item = &Agent> {
        self.agents.values()
    }

    /// Every token and what it opens.
    pub fn tokens(&self) -> impl Iterator<Item = (&TokenHash, &Grant)> {
        self.tokens.iter()
    }

    /// What a token opens.
    pub fn token(&self, hash: &TokenHash) -> Option<&Grant> {
        self.tokens.get(hash)
    }

    /// The balance of an account that is nobody's.
    pub fn account(&self, account: &Account) -> Usd {
        self.accounts.get(account).copied().unwrap_or_default()
    }

    /// Every account that is nobody's.
    pub fn accounts(&self) -> impl Iterator<Item = (&Account, &Usd)> {
        self.accounts.iter()
    }

    /// A live job.
    pub fn job(&self, id: &JobId) -> Option<&Arc<Job>> {
        self.jobs.get(id)
    }

    /// Every live job.
    pub fn jobs(&self) -> impl Iterator<Item = &Arc<Job>> {
        self.jobs.values()
    }

    /// How many jobs are live.
    pub fn live_jobs(&self) -> usize {
        self.jobs.len()
    }

    /// How many callbacks are owed.
    pub fn callbacks_owed(&self) -> usize {
        self.outbox.len()
    }

    /// A callback that is owed.
    pub fn delivery(&self, id: &DeliveryId) -> Option<&Delivery> {
        self.outbox.get(id)
    }

    /// Every callback that is owed.
    pub fn deliveries(&self) -> impl Iterator<Item = &Delivery> {
        self.outbox.values()
    }

    /// Counts how often keys were let go from memory. A look-up among the rows is good for one generation.
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// After a reload, the last generation before it: what was looked up until now has to be looked up again.
    pub const fn continue_generations(&mut self, last: u64) {
        self.generation = last.wrapping_add(1);
    }

    /// Whether a key is in memory.
    pub fn key(&self, key: &ScopedKey) -> Option<&KeyEntry> {
        self.keys.get(key)
    }

    /// Lets keys go whose rows are written.
    pub fn forget_keys<'a>(&mut self, written: impl IntoIterator<Item = &'a ScopedKey>) {
        let before = self.keys.len();
        for key in written {
            self.keys.remove(key);
        }
        if self.keys.len() != before {
            self.generation = self.generation.wrapping_add(1);
        }
    }

    fn decide(&self, command: Command) -> Result<Decision, Refusal> {
        match command {
            Command::Submit { spec, key } => self.submit(spec, key),
            Command::SubmitPaid { spec, payment, key, credit } => self.submit_paid(spec, payment, key, &credit),
            Command::ClaimExact { payment, claim, claimant, credit, at } => self.claim_exact(payment, claim, claimant, &credit, at),
            Command::Introduce { introduction, row, looked_up_at } => self.introduce(&introduction, row, looked_up_at),
            Command::Introduced { job } => Ok(self.introduced(job)),
            Command::AssignLane { key, lane } => self.assign_lane(key, lane),
            Command::Named { key, tx } => self.named(key, tx),
            Command::Proven { key, tx, log, at } => self.proven(key, tx, log, at),
            Command::Heard { key, outcome, at } => self.heard(key, outcome, at),
            Command::Deposit { agent, payment, network, amount, key, at } => {
                self.deposit_paid(agent, Transfer::deposit(agent, payment, network, amount, at), key)
            }
            Command::RetrySettlement { job, reason, at } => self.retry_settlement(job, &reason, at),
            Command::Forgive { wallet, reason, at } => self.forgive(wallet, &reason, at),
            Command::Log { act, subject, reason, at } => {
                let events = vec![acted(at, &act, &subject, &reason)];
                Ok(Decision { events, answer: Answer::Heard(None) })
            }
            Command::Lane { id, event, policy } => self.lane_event(id, &event, &policy),
            Command::Job { id, event } => self.job_event(id, &event, Vec::new()),
            Command::ForgetSessions { at } => Ok(self.forget_sessions(at)),
            Command::RunEnded { id, event, cohort, lessons } => self.run_ended(id, &event, cohort, lessons),
            Command::FailJob { id, reason, at } => {
                let log = acted(at, "job_failed", &id, &reason);
                self.job_event(id, &job::Event::OperatorFailed { at, message: reason }, vec![log])
            }
            Command::CreateAgent { agent, label, token, credit, key, at } => self.create_agent(agent, label, token, credit, key, at),
            Command::SignIn { agent, label, token, credit, key, at } => self.sign_in(agent, label, token, credit, key, at),
            Command::Credit { agent, amount, reason, key, at } => self.credit(agent, amount, &reason, key, at),
            Command::DisableAgent { agent, reason, at } => self.disable_agent(agent, &reason, at),
            Command::RotateToken { agent, token } => self.rotate_token(agent, token),
            Command::CreateUsageKey { agent, id, token, label, spend_cap, expires_at, key, at } => {
                let made = UsageKey { id, label, token, spend_cap, spent: Usd::ZERO, held: Usd::ZERO, expires_at, created_at: at };
                self.create_usage_key(agent, made, key)
            }
            Command::RevokeUsageKey { agent, id } => self.revoke_usage_key(agent, id),
            Command::Attempted { id, attempt, next_at } => self.attempted(&id, attempt, next_at),
            Command::Redeliver { job, attempts, reason, at } => self.redeliver(&job, attempts, &reason, at),
        }
    }

    /// A repeat is looked for before any other check.
    pub(super) fn replay(&self, key: Option<RequestKey>) -> Result<Option<Made>, Refusal> {
        let Some(RequestKey { key, request, looked_up_at }) = key else { return Ok(None) };
        match self.keys.get(&key) {
            Some(known) if known.request == request => Ok(Some(known.made.clone())),
            Some(_) => Err(Refusal::KeyReused),
            None if looked_up_at != self.generation => Err(Refusal::LookAgain),
            None => Ok(None),
        }
    }

    fn submit(&self, spec: Arc<Spec>, key: Option<RequestKey>) -> Result<Decision, Refusal> {
        if let Some(made) = self.replay(key)? {
            return Ok(Decision { events: Vec::new(), answer: Answer::Replayed(made) });
        }
        let Billing::Virtual { agent: agent_id, key: usage_key } = spec.billing else {
            return Err(Refusal::Job(job::Rejection::OtherBilling));
        };
        let agent = self.agents.get(&agent_id).filter(|agent| !agent.disabled).ok_or(Refusal::NoAgent)?;
        let (id, ceiling, at) = (spec.id, spec.ceiling, spec.created_at);
        let mut events = Vec::with_capacity(6);
        self.hold_in_session(&spec, &mut events)?;
        let available = agent.available.minus(ceiling)?;
        if available.is_negative() {
            return Err(Refusal::InsufficientBalance { available: agent.available, wanted: ceiling });
        }
        let held = agent.held.plus(ceiling)?;
        if let Some(usage_key) = usage_key {
            let known = agent.keys.iter().find(|known| known.id == usage_key).ok_or(Refusal::NoUsageKey)?;
            if known.expires_at.is_some_and(|expires_at| expires_at <= at) {
                return Err(Refusal::NoUsageKey);
            }
            let key_held = known.held.plus(ceiling)?;
            if let Some(cap) = known.spend_cap {
                let left = cap.minus(known.spent.plus(known.held)?)?;
                if ceiling > left {
                    return Err(Refusal::SpendCap { left: left.max(Usd::ZERO), wanted: ceiling });
                }
            }
            events.push(Event::KeyUsed { agent: agent_id, key: usage_key, spent: known.spent, held: key_held });
        }
        events.push(Event::JobOpened(spec, key.map(|key| key.key)));
        events.push(Event::Posted(Transfer::hold(id, agent_id, ceiling, at)));
        events.push(Event::Balance { agent: agent_id, available, held });
        if let Some(RequestKey { key, request, .. }) = key {
            events.push(Event::KeyPut(key, KeyEntry { request, made: Made::Job(id), at }));
        }
        Ok(Decision { events, answer: Answer::Accepted(id) })
    }

    pub(super) fn job_event(&self, id: JobId, event: &job::Event, mut events: Vec<Event>) -> Result<Decision, Refusal> {
        let job = self.jobs.get(&id).ok_or(Refusal::NoJob)?;
        // A run whose answer was lost sends its hop again: the same call is on the record once, whatever is repeated (CP-07).
        if let job::Event::HopRecorded { hop } = event
            && job.hops.iter().any(|known| known.fingerprint == hop.fingerprint)
        {
            return Ok(Decision { events, answer: Answer::Moved(id, Vec::new()) });
        }
        let first = step(job, event)?;
        let owes = job.spec.payment.is_some() && first.state.bill.is_some_and(|bill| !bill.charged.is_zero());
        let bills_now = first.effects.contains(&Effect::Bill) && !owes;
        let mut after = Job { state: first.state, ..(**job).clone() };
        let mut effects = first.effects;
        let mut transfers = first.transfers;
        if let Some(hop) = first.hop {
            let number = u16::try_from(job.hops.len()).map_err(|_| OutOfRange)?;
            events.push(Event::HopAdded(id, number, hop));
        }
        // The balance pays at once, and nothing is paid by nobody: what ends the run and what ends the job are one commit (CP-10).
        if bills_now {
            let at = after.state.finished_at.unwrap_or(job.spec.created_at);
            let second = step(&after, &job::Event::Billed { at, tx: None })?;
            after.state = second.state;
            effects = second.effects;
            transfers.extend(second.transfers);
        }
        self.post(job, &after, &transfers, &mut events)?;
        if first_bill(job, &after) {
            self.end_in_session(job, &after, &mut events)?;
        }
        if first_bill(job, &after) && owes {
            events.extend(owed_by(&after).map(|due| Event::DuePut(Box::new(due))));
        }
        if effects.contains(&Effect::Announce) && job.spec.callback_url.is_some() {
            let at = after.state.ended_at.unwrap_or(job.spec.created_at);
            let id = DeliveryId::new(&id, END_EVENT);
            events.push(Event::OutboxPut(Delivery { id, created_at: at, attempts: 0, failures: 0, next_at: at }));
        }
        events.push(Event::JobMoved(id, Box::new(after.state)));
        Ok(Decision { events, answer: Answer::Moved(id, effects) })
    }

    /// Books a step's transfers: the entries, and the new balance of each account that they touch.
    pub(super) fn post(&self, before: &Job, after: &Job, transfers: &[Transfer], events: &mut Vec<Event>) -> Result<(), Refusal> {
        if transfers.is_empty() && before.state.held == after.state.held {
            return Ok(());
        }
        let mut touched: Vec<(Account, Usd)> = Vec::with_capacity(4);
        for transfer in transfers {
            for (account, sign) in [(transfer.debit, -1), (transfer.credit, 1)] {
                let known = touched.iter().position(|(known, _)| *known == account).unwrap_or_else(|| {
                    touched.push((account, self.balance(&account, before)));
                    touched.len().saturating_sub(1)
                });
                let Some((_, balance)) = touched.get_mut(known) else { continue };
                *balance = if sign < 0 { balance.minus(transfer.amount)? } else { balance.plus(transfer.amount)? };
            }
            events.push(Event::Posted(transfer.clone()));
        }
        let released = before.state.held.minus(after.state.held)?;
        if let Billing::Virtual { agent: id, key } = before.spec.billing {
            let agent = self.agents.get(&id).ok_or(Refusal::NoAgent)?;
            let available =
                touched.iter().find(|(account, _)| *account == Account::Agent(id)).map_or(agent.available, |(_, balance)| *balance);
            events.push(Event::Balance { agent: id, available, held: agent.held.minus(released)? });
            let known = key.and_then(|key| agent.keys.iter().find(|known| known.id == key));
            if let Some(known) = known {
                let charged = after.state.bill.map_or(Usd::ZERO, |bill| bill.charged);
                let (spent, held) = (known.spent.plus(charged)?, known.held.minus(released)?);
                events.push(Event::KeyUsed { agent: id, key: known.id, spent, held });
            }
        }
        for (account, balance) in touched {
            match account {
                // The agent's is in its own event, the hold's in the job's state.
                Account::Agent(_) | Account::Hold(_) => {}
                Account::Revenue | Account::Deposits(_) | Account::Claims(_) | Account::Chain(_) | Account::WriteOff => {
                    events.push(Event::AccountPut(account, balance));
                }
            }
        }
        Ok(())
    }

    fn balance(&self, account: &Account, job: &Job) -> Usd {
        match account {
            Account::Agent(id) => self.agents.get(id).map(|agent| agent.available).unwrap_or_default(),
            Account::Hold(_) => job.state.held,
            Account::Revenue | Account::Deposits(_) | Account::Claims(_) | Account::Chain(_) | Account::WriteOff => self.account(account),
        }
    }
}

/// The run's end has just decided about the money.
const fn first_bill(before: &Job, after: &Job) -> bool {
    before.state.bill.is_none() && after.state.bill.is_some()
}

/// What a job's payer owes now.
fn owed_by(job: &Job) -> Option<Due> {
    let (payment, bill) = (job.spec.payment.clone()?, job.state.bill?);
    Some(Due {
        key: item_key(&payment),
        claimant: Claimant::Job(job.spec.id),
        amount: bill.charged,
        since: job.state.finished_at.unwrap_or(job.spec.created_at),
        outcome: Outcome::Pending,
        lane: None,
        named: Vec::new(),
        payment,
    })
}

pub(super) fn acted(at: Timestamp, act: &str, subject: &dyn std::fmt::Display, reason: &str) -> Event {
    Event::OperatorActed(OperatorAct { at, act: act.into(), subject: subject.to_string().into(), reason: reason.into() })
}
