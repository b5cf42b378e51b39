//! Bearer tokens: made once, shown once, kept only as a hash.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Slot, base32};

/// What a bearer may do follows from its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TokenKind {
    /// `411_`: everything of its agent.
    Agent,
    /// `411k_`: submit, read its own jobs and the balance; may be capped and may expire.
    UsageKey,
}

impl TokenKind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Agent => "411_",
            Self::UsageKey => "411k_",
        }
    }
}

/// A bearer token: its slot, so that any node can route it, and 256 secret bits.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    kind: TokenKind,
    bytes: [u8; 34],
}

/// SHA-256 of a token's text: all that is stored of it. Fast is right here, for the token is random.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TokenHash(pub [u8; 32]);

impl Token {
    /// A token for what lives in `slot`. `secret` must come from the system's generator.
    pub fn new(kind: TokenKind, slot: Slot, secret: [u8; 32]) -> Self {
        let mut bytes = [0; 34];
        let (head, tail) = bytes.split_at_mut(2);
        head.copy_from_slice(&slot.0.to_be_bytes());
        tail.copy_from_slice(&secret);
        Self { kind, bytes }
    }

    /// Reads a whole token, or nothing.
    pub fn parse(text: &str) -> Option<Self> {
        [TokenKind::UsageKey, TokenKind::Agent].into_iter().find_map(|kind| {
            let bytes = base32::decode(text.strip_prefix(kind.prefix())?)?;
            Some(Self { kind, bytes })
        })
    }

    /// Which kind its prefix names.
    pub const fn kind(&self) -> TokenKind {
        self.kind
    }

    /// Where its agent lives.
    pub const fn slot(&self) -> Slot {
        let [high, low, ..] = self.bytes;
        Slot(u16::from_be_bytes([high, low]))
    }

    /// The text that its owner keeps. Never logged, never stored.
    pub fn reveal(&self) -> String {
        let mut text = String::from(self.kind.prefix());
        base32::encode_into(&self.bytes, &mut text);
        text
    }

    /// What is stored and looked up. A look-up by digest tells a guesser nothing by its time.
    pub fn hash(&self) -> TokenHash {
        let mut hasher = Sha256::new();
        hasher.update(self.kind.prefix());
        hasher.update(self.bytes);
        TokenHash(hasher.finalize().into())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…", self.kind.prefix())
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_round_trip_and_hide() {
        for kind in [TokenKind::Agent, TokenKind::UsageKey] {
            let token = Token::new(kind, Slot(513), [7; 32]);
            let text = token.reveal();
            assert_eq!(Token::parse(&text), Some(token.clone()));
            assert_eq!(token.slot(), Slot(513));
            assert!(!format!("{token:?}").contains(&text[5..]));
            assert_eq!(Token::parse(&text[..text.len() - 1]), None);
        }
        let as_agent = Token::new(TokenKind::Agent, Slot(1), [1; 32]);
        let as_key = Token::new(TokenKind::UsageKey, Slot(1), [1; 32]);
        assert_ne!(as_agent.hash(), as_key.hash());
    }
}
