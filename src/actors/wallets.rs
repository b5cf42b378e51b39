//! Agents that are bound to a wallet: whoever proves that the wallet is his gets its bearer.

use super::api::{Error, IdempotencyKey};
use super::keyed::{Keyed, under_key};
use super::node::Node;
use crate::shard::{Agent, Command, Refusal, Reply};
use crate::types::{AgentId, SignInNonce, Timestamp, Token, TokenKind, Usd, Wallet};

/// How long a nonce is good.
const NONCE_MS: i64 = 600_000;

/// A wallet that signed in.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// Its agent.
    pub agent: Agent,
    /// The agent's bearer, shown once.
    pub token: Token,
    /// The agent was made by this.
    pub is_new: bool,
}

impl Node {
    /// What a message has to hold that signs in, and until when.
    pub fn sign_in_nonce(&self) -> (String, Timestamp) {
        let ends_at = self.inner.clock.now().plus_millis(NONCE_MS);
        let secret = self.inner.random.secret();
        let (luck, _) = secret.split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
        (SignInNonce::new(ends_at, *luck).reveal(&self.inner.server_key), ends_at)
    }

    /// Whether a nonce is one of ours, and in time.
    pub fn is_sign_in_nonce(&self, text: &str) -> bool {
        SignInNonce::read(text, &self.inner.server_key, self.inner.clock.now()).is_some()
    }

    /// Gives a wallet's agent a new bearer; makes the agent, with this credit, where there was none. Nothing where the nonce has
    /// signed the wallet in before: whoever sends a message again may be a stranger who has read it.
    ///
    /// # Errors
    /// [`Refusal::NoAgent`] where an operator has shut the agent out.
    pub async fn sign_in(&self, wallet: Wallet, nonce: &str, credit: Usd) -> Result<Option<SignedIn>, Error> {
        self.takes_work()?;
        let (agent, at) = (AgentId::of_wallet(&wallet), self.inner.clock.now());
        let token = Token::new(TokenKind::Agent, agent.slot(), self.inner.random.secret());
        let (hash, label) = (token.hash(), format!("wallet {wallet}"));
        let scope = [b"sign-in".as_slice(), wallet.as_bytes()].concat();
        let key = IdempotencyKey { key: nonce.to_owned(), request: 0 };
        let command = |key| Command::SignIn { agent, label: label.as_str().into(), token: hash, credit, key, at };
        match under_key(self.shard(agent.slot())?, &scope, &key, command).await? {
            Keyed::Reply(Reply::Agent(agent)) => Ok(Some(SignedIn { is_new: agent.created_at == at, agent: *agent, token })),
            Keyed::Made(_) => Ok(None),
            Keyed::Reply(_) => Err(Error::Refused(Refusal::NoAgent)),
        }
    }
}
