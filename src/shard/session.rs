//! Session budgets: what several calls of an agent may cost together, whoever of them comes first.
//!
//! A call takes its ceiling from the budget in the commit that accepts its job, and gives back what it did not cost in the commit
//! that ends it. So neither two calls at once nor a crash between them can spend more.

use serde::{Deserialize, Serialize};

use super::state::{Answer, Decision};
use super::{Event, Refusal, Shard};
use crate::job::{Job, Spec};
use crate::types::{AgentId, OutOfRange, SessionCall, SessionId, SessionKey, Timestamp, Usd};

/// A session that nothing was asked of for so long is over, in milliseconds: a day.
pub const KEPT_MS: i64 = 86_400_000;
/// The most sessions that one agent can have at a time: they are all in memory.
pub const SESSIONS_MAX: usize = 1_000;
/// So many that are over leave in one commit.
const LEAVE_AT_ONCE: usize = 500;

/// An agent's session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Whose.
    pub agent: AgentId,
    /// The agent's name for it.
    pub id: SessionId,
    /// What all its calls together may cost; fixed by the first.
    pub budget: Usd,
    /// What its ended calls cost.
    pub spent: Usd,
    /// The ceilings of its live ones.
    pub held: Usd,
    /// How many are live.
    pub live: u32,
    /// When its first call was accepted.
    pub began_at: Timestamp,
    /// When a call was accepted or ended last.
    pub used_at: Timestamp,
}

impl Session {
    fn begun(agent: AgentId, id: SessionId, budget: Usd, at: Timestamp) -> Self {
        Self { agent, id, budget, spent: Usd::ZERO, held: Usd::ZERO, live: 0, began_at: at, used_at: at }
    }

    /// Where it is kept.
    pub fn key(&self) -> SessionKey {
        SessionKey::new(self.agent, &self.id)
    }

    /// What is left for the next call.
    pub fn left(&self) -> Usd {
        let taken = self.spent.plus(self.held);
        taken.and_then(|taken| self.budget.minus(taken)).unwrap_or_default().max(Usd::ZERO)
    }

    /// Nothing runs, and nobody has come for long: its name may begin anew.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.live == 0 && self.used_at.plus_millis(KEPT_MS) <= now
    }
}

impl Shard {
    /// A session, over or not.
    pub fn session(&self, key: &SessionKey) -> Option<&Session> {
        self.sessions.get(&key.agent)?.get(&key.name)
    }

    /// Every session.
    pub fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.sessions.values().flat_map(|sessions| sessions.values())
    }

    pub(super) fn put_session(&mut self, session: Session) {
        let key = session.key();
        self.sessions.entry(key.agent).or_default().insert(key.name, session);
    }

    pub(super) fn remove_session(&mut self, key: &SessionKey) {
        if let Some(sessions) = self.sessions.get_mut(&key.agent) {
            sessions.remove(&key.name);
            if sessions.is_empty() {
                self.sessions.remove(&key.agent);
            }
        }
    }

    /// Takes an order's ceiling from its session's budget, where it has one.
    pub(super) fn hold_in_session(&self, spec: &Spec, events: &mut Vec<Event>) -> Result<(), Refusal> {
        let (Some(call), Some(agent)) = (&spec.session, spec.agent()) else { return Ok(()) };
        let SessionCall { id, budget } = call;
        let at = spec.created_at;
        let known = self.session(&SessionKey::new(agent, id)).filter(|session| !session.is_over(at));
        let mut session = match (known, *budget) {
            (Some(known), Some(asked)) if asked != known.budget => {
                return Err(Refusal::SessionBudgetFixed { budget: known.budget, asked });
            }
            (Some(known), _) => known.clone(),
            (None, None) => return Err(Refusal::NoSession),
            (None, Some(budget)) => {
                self.make_room(agent, at, events)?;
                Session::begun(agent, id.clone(), budget, at)
            }
        };
        let left = session.left();
        if spec.ceiling > left {
            return Err(Refusal::SessionBudget { budget: session.budget, left, wanted: spec.ceiling });
        }
        session.held = session.held.plus(spec.ceiling)?;
        session.live = session.live.saturating_add(1);
        session.used_at = session.used_at.max(at);
        events.push(Event::SessionPut(Box::new(session)));
        Ok(())
    }

    /// Gives back what an ended job held, and counts what it cost.
    pub(super) fn end_in_session(&self, before: &Job, after: &Job, events: &mut Vec<Event>) -> Result<(), OutOfRange> {
        let (Some(call), Some(agent)) = (&after.spec.session, after.spec.agent()) else { return Ok(()) };
        // With a live job it is kept, whatever the time.
        let Some(known) = self.session(&SessionKey::new(agent, &call.id)) else { return Ok(()) };
        let charged = after.state.bill.map_or(Usd::ZERO, |bill| bill.charged);
        let session = Session {
            spent: known.spent.plus(charged)?,
            held: known.held.minus(before.state.held.minus(after.state.held)?)?,
            live: known.live.saturating_sub(1),
            used_at: known.used_at.max(after.state.finished_at.unwrap_or(known.used_at)),
            ..known.clone()
        };
        events.push(Event::SessionPut(Box::new(session)));
        Ok(())
    }

    /// Lets sessions of the agent go that are over, where there is no room for another.
    fn make_room(&self, agent: AgentId, at: Timestamp, events: &mut Vec<Event>) -> Result<(), Refusal> {
        let Some(sessions) = self.sessions.get(&agent).filter(|sessions| sessions.len() >= SESSIONS_MAX) else { return Ok(()) };
        let over = sessions.values().filter(|session| session.is_over(at)).take(LEAVE_AT_ONCE);
        let before = events.len();
        events.extend(over.map(|session| Event::SessionGone(session.key())));
        if events.len() == before { Err(Refusal::TooManySessions) } else { Ok(()) }
    }

    /// Lets sessions go that are over.
    pub(super) fn forget_sessions(&self, at: Timestamp) -> Decision {
        let over = self.sessions().filter(|session| session.is_over(at)).take(LEAVE_AT_ONCE);
        let events = over.map(|session| Event::SessionGone(session.key())).collect();
        Decision { events, answer: Answer::Heard(None) }
    }
}
