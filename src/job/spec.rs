//! What was asked for and on which terms: fixed when the job is accepted.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Payment;
use crate::billing::{Network, Price};
use crate::types::{AgentId, JobId, Route, SessionCall, Timestamp, UsageKeyId, Usd, Wallet};

/// How the job is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Billing {
    /// From an agent's prepaid balance: the ceiling is held.
    Virtual {
        /// Whose balance.
        agent: AgentId,
        /// The usage key that submitted it, whose cap it counts into.
        key: Option<UsageKeyId>,
    },
    /// By a signed x402 `upto` maximum: nothing moves before the job has run.
    Upto {
        /// Where it will be settled.
        network: Network,
        /// Who signed it.
        payer: Wallet,
    },
}

/// Who ordered a job that a wallet pays for, where a bearer came along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buyer {
    /// In whose list it stands.
    pub agent: AgentId,
    /// The usage key that submitted it. What it costs doesn't count into the key's cap, for the wallet pays.
    pub key: Option<UsageKeyId>,
}

/// The order, as it was accepted. Never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// Its id.
    pub id: JobId,
    /// Who pays, and how.
    pub billing: Billing,
    /// What is to be done.
    pub route: Route,
    /// The route's body, as the JSON text that was validated at submit.
    pub payload: Box<str>,
    /// The most that the buyer pays.
    pub ceiling: Usd,
    /// The price on the day of the order.
    pub price: Price,
    /// Where the end is told, if anywhere.
    pub callback_url: Option<Box<str>>,
    /// The buyer's own pairs, given back as they came.
    pub metadata: Box<[(Box<str>, Box<str>)]>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// How long the run may take, in milliseconds from its first slot.
    pub run_ms: i64,
    /// What was signed, for [`Billing::Upto`].
    pub payment: Option<Arc<Payment>>,
    /// Who ordered it, for [`Billing::Upto`] with a bearer.
    pub buyer: Option<Buyer>,
    /// Of which of its agent's sessions it is, for [`Billing::Virtual`].
    pub session: Option<SessionCall>,
}

impl Spec {
    /// The agent whose balance pays, where one does.
    pub const fn agent(&self) -> Option<AgentId> {
        match self.billing {
            Billing::Virtual { agent, .. } => Some(agent),
            Billing::Upto { .. } => None,
        }
    }

    /// The agent in whose list it stands: the one that pays, or the one whose bearer came with a wallet's payment.
    pub fn owner(&self) -> Option<AgentId> {
        self.agent().or_else(|| self.buyer.map(|buyer| buyer.agent))
    }

    /// Who pays, as far as turns are concerned: one buyer, one place in the round.
    pub fn payer(&self) -> AgentId {
        match self.billing {
            Billing::Virtual { agent, .. } => agent,
            Billing::Upto { payer, .. } => {
                let mut bytes = [0; 16];
                // The address' last bytes: its slot is in the id anyway.
                let (_, tail) = payer.as_bytes().split_at(4);
                bytes.copy_from_slice(tail);
                AgentId::in_slot(self.id.slot(), bytes)
            }
        }
    }

    /// The usage key that submitted it, where one did.
    pub fn usage_key(&self) -> Option<UsageKeyId> {
        match self.billing {
            Billing::Virtual { key, .. } => key,
            Billing::Upto { .. } => self.buyer.and_then(|buyer| buyer.key),
        }
    }
}
