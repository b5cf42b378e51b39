//! The commands about agents: who they are, what they may spend, and the tokens that speak for them.

use super::agent::{Agent, Grant, USAGE_KEYS_MAX, UsageKey};
use super::command::{Refusal, RequestKey};
use super::event::{Event, KeyEntry, Made};
use super::state::{Answer, Decision, Shard, acted};
use crate::billing::{Account, CreditKey, Source, Transfer};
use crate::types::{AgentId, OutOfRange, Timestamp, TokenHash, UsageKeyId, Usd};

impl Shard {
    pub(super) fn create_agent(
        &self,
        id: AgentId,
        label: Box<str>,
        token: TokenHash,
        credit: Usd,
        key: Option<RequestKey>,
        at: Timestamp,
    ) -> Result<Decision, Refusal> {
        if let Some(made) = self.replay(key)? {
            return Ok(Decision { events: Vec::new(), answer: Answer::Replayed(made) });
        }
        let agent = Agent { id, label, created_at: at, disabled: false, available: credit, held: Usd::ZERO, token, keys: Vec::new() };
        let mut events = vec![acted(at, "agent_created", &id, &agent.label)];
        events.push(Event::AgentPut(Box::new(agent)));
        events.push(Event::TokenPut(token, Some(Grant { agent: id, key: None, expires_at: None })));
        if !credit.is_zero() {
            events.push(Event::Posted(Transfer::credit(id, CreditKey(0), credit, "starting balance", at)));
            events.push(self.deposit(credit)?);
        }
        if let Some(RequestKey { key, request, .. }) = key {
            events.push(Event::KeyPut(key, KeyEntry { request, made: Made::Agent(id), at }));
        }
        Ok(Decision { events, answer: Answer::Agent(id) })
    }

    pub(super) fn credit(&self, id: AgentId, amount: Usd, reason: &str, key: RequestKey, at: Timestamp) -> Result<Decision, Refusal> {
        if let Some(made) = self.replay(Some(key))? {
            return Ok(Decision { events: Vec::new(), answer: Answer::Replayed(made) });
        }
        let agent = self.agents.get(&id).ok_or(Refusal::NoAgent)?;
        let available = agent.available.plus(amount)?;
        // What is held may come back: both together have to stay in range (D-9).
        if available.plus(agent.held)? > Usd::MAX_WIRE {
            return Err(Refusal::Amount(OutOfRange));
        }
        let made = Made::Credit { agent: id, amount, available };
        let events = vec![
            Event::Posted(Transfer::credit(id, CreditKey(key.key.0), amount, reason, at)),
            Event::Balance { agent: id, available, held: agent.held },
            self.deposit(amount)?,
            Event::KeyPut(key.key, KeyEntry { request: key.request, made, at }),
            acted(at, "credited", &id, reason),
        ];
        Ok(Decision { events, answer: Answer::Agent(id) })
    }

    fn deposit(&self, amount: Usd) -> Result<Event, OutOfRange> {
        let account = Account::Deposits(Source::Operator);
        Ok(Event::AccountPut(account, self.account(&account).minus(amount)?))
    }

    pub(super) fn disable_agent(&self, id: AgentId, reason: &str, at: Timestamp) -> Result<Decision, Refusal> {
        let mut agent = self.agents.get(&id).ok_or(Refusal::NoAgent)?.clone();
        agent.disabled = true;
        let mut events = vec![Event::TokenPut(agent.token, None)];
        events.extend(agent.keys.iter().map(|key| Event::TokenPut(key.token, None)));
        events.push(Event::AgentPut(Box::new(agent)));
        events.push(acted(at, "agent_disabled", &id, reason));
        Ok(Decision { events, answer: Answer::Agent(id) })
    }

    pub(super) fn rotate_token(&self, id: AgentId, token: TokenHash) -> Result<Decision, Refusal> {
        let mut agent = self.agents.get(&id).filter(|agent| !agent.disabled).ok_or(Refusal::NoAgent)?.clone();
        let old = std::mem::replace(&mut agent.token, token);
        let grant = Grant { agent: id, key: None, expires_at: None };
        let events = vec![Event::TokenPut(old, None), Event::TokenPut(token, Some(grant)), Event::AgentPut(Box::new(agent))];
        Ok(Decision { events, answer: Answer::Agent(id) })
    }

    /// An agent that an operator shut out stays so, whatever its wallet signs.
    pub(super) fn sign_in(
        &self,
        id: AgentId,
        label: Box<str>,
        token: TokenHash,
        credit: Usd,
        key: RequestKey,
        at: Timestamp,
    ) -> Result<Decision, Refusal> {
        if let Some(made) = self.replay(Some(key))? {
            return Ok(Decision { events: Vec::new(), answer: Answer::Replayed(made) });
        }
        let mut decision = if self.agents.contains_key(&id) {
            self.rotate_token(id, token)?
        } else {
            let agent = Agent { id, label, created_at: at, disabled: false, available: credit, held: Usd::ZERO, token, keys: Vec::new() };
            let mut events = vec![Event::AgentPut(Box::new(agent))];
            events.push(Event::TokenPut(token, Some(Grant { agent: id, key: None, expires_at: None })));
            if !credit.is_zero() {
                events.push(Event::Posted(Transfer::welcome(id, credit, at)));
                events.push(self.deposit(credit)?);
            }
            Decision { events, answer: Answer::Agent(id) }
        };
        decision.events.push(Event::KeyPut(key.key, KeyEntry { request: key.request, made: Made::Agent(id), at }));
        Ok(decision)
    }

    pub(super) fn create_usage_key(&self, id: AgentId, made: UsageKey, key: Option<RequestKey>) -> Result<Decision, Refusal> {
        if let Some(made) = self.replay(key)? {
            return Ok(Decision { events: Vec::new(), answer: Answer::Replayed(made) });
        }
        let mut agent = self.agents.get(&id).filter(|agent| !agent.disabled).ok_or(Refusal::NoAgent)?.clone();
        if agent.keys.len() >= USAGE_KEYS_MAX {
            return Err(Refusal::TooManyUsageKeys);
        }
        let mut events = Vec::with_capacity(3);
        if let Some(RequestKey { key, request, .. }) = key {
            events.push(Event::KeyPut(key, KeyEntry { request, made: Made::UsageKey(id, made.id), at: made.created_at }));
        }
        let grant = Grant { agent: id, key: Some(made.id), expires_at: made.expires_at };
        events.push(Event::TokenPut(made.token, Some(grant)));
        agent.keys.push(made);
        events.push(Event::AgentPut(Box::new(agent)));
        Ok(Decision { events, answer: Answer::Agent(id) })
    }

    pub(super) fn revoke_usage_key(&self, id: AgentId, key: UsageKeyId) -> Result<Decision, Refusal> {
        let mut agent = self.agents.get(&id).ok_or(Refusal::NoAgent)?.clone();
        let index = agent.keys.iter().position(|known| known.id == key).ok_or(Refusal::NoUsageKey)?;
        let revoked = agent.keys.remove(index);
        let events = vec![Event::TokenPut(revoked.token, None), Event::AgentPut(Box::new(agent))];
        Ok(Decision { events, answer: Answer::Agent(id) })
    }
}
