//! Sessions: several calls under one budget, by a name that their caller gave.

use serde::{Deserialize, Serialize};

use super::{AgentId, Usd};

/// A caller's own name for a session: 1 to 64 of `A-Za-z0-9_-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionId(Box<str>);

impl SessionId {
    /// The most characters.
    pub const CHARS_MAX: usize = 64;

    /// Reads a name, whole or not at all.
    pub fn parse(text: &str) -> Option<Self> {
        let is_sane = (1..=Self::CHARS_MAX).contains(&text.len()) && text.bytes().all(is_of_a_name);
        is_sane.then(|| Self(text.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

impl std::fmt::Display for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a session is kept: its agent, and a hash of its name. Two names of one agent that hash alike would share a budget, which
/// harms nobody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionKey {
    /// Whose.
    pub agent: AgentId,
    /// The name's hash.
    pub name: u128,
}

impl SessionKey {
    /// Of an agent's session.
    pub fn new(agent: AgentId, id: &SessionId) -> Self {
        Self { agent, name: xxhash_rust::xxh3::xxh3_128(id.as_str().as_bytes()) }
    }

    /// As a row's key: an agent's sessions lie together.
    pub fn to_bytes(self) -> Vec<u8> {
        [self.agent.as_bytes().as_slice(), &self.name.to_be_bytes()].concat()
    }
}

/// What a call says of its session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionCall {
    /// Which.
    pub id: SessionId,
    /// What all its calls together may cost. The first call fixes it; later ones may leave it out, and can't change it.
    pub budget: Option<Usd>,
}

impl SessionCall {
    /// The most that a budget can be.
    pub const BUDGET_MAX: Usd = Usd::from_micros(50_000_000);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        let long = "a".repeat(64);
        for name in ["a", "Batch_7-b", "-", &long] {
            assert_eq!(SessionId::parse(name).unwrap().as_str(), name);
        }
        for wrong in ["", "a b", "a.b", "ä", "a\n", "a/b", &"a".repeat(65)] {
            assert_eq!(SessionId::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_key_tells_agents_and_names_apart() {
        let [one, other] = [1, 2].map(|byte| AgentId::new([byte; 16]));
        let [a, b] = ["a", "b"].map(|name| SessionId::parse(name).unwrap());
        let keys = [SessionKey::new(one, &a), SessionKey::new(one, &b), SessionKey::new(other, &a)].map(SessionKey::to_bytes);
        assert!(keys[0] != keys[1] && keys[0] != keys[2] && keys.iter().all(|key| key.len() == 34));
        assert_eq!((&keys[0][..18], &keys[0][18..]), (&keys[1][..18], &keys[2][18..]));
    }
}
