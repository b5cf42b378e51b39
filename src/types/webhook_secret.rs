//! What a callback is signed with: shown to its receiver once, and derived or drawn at random.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretBox};

use super::{JobId, ServerKey};

/// 32 secret bytes, shown as `whsec_` and their standard base64 (Standard Webhooks, "symmetric").
///
/// Wiped when the last clone is dropped; a clone is a pointer.
#[derive(Clone)]
pub struct WebhookSecret(Arc<SecretBox<[u8; 32]>>);

impl WebhookSecret {
    /// What the text of every secret starts with.
    pub const PREFIX: &'static str = "whsec_";
    /// How long its text is: the prefix, and 44 symbols.
    pub const TEXT_LEN: usize = 50;

    /// From bytes of the system's generator, for a subscription.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Arc::new(SecretBox::new(Box::new(bytes))))
    }

    /// The secret of the one job, so that a replay of its submit can show it again and the store holds none of it.
    pub fn derive(key: &ServerKey, job: &JobId) -> Self {
        Self::new(key.derive("callback-secret", job))
    }

    /// The key of the Standard Webhooks signature: the decoded bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        self.0.expose_secret()
    }

    /// The text that the receiver keeps. Never logged.
    pub fn reveal(&self) -> String {
        format!("{}{}", Self::PREFIX, STANDARD.encode(self.bytes()))
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…", Self::PREFIX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Slot;

    #[test]
    fn shown_as_standard_webhooks_has_it() {
        let text = WebhookSecret::new([0xff; 32]).reveal();
        assert_eq!(text, "whsec_//////////////////////////////////////////8=");
        assert_eq!(text.len(), WebhookSecret::TEXT_LEN);
    }

    #[test]
    fn a_jobs_secret_is_not_its_poll_bearer() {
        let (key, job) = (ServerKey::new([7; 32]), JobId::new(Slot(3), [1; 16]));
        assert_eq!(WebhookSecret::derive(&key, &job).bytes(), WebhookSecret::derive(&key, &job).bytes());
        assert_ne!(WebhookSecret::derive(&key, &job).bytes(), &key.derive("poll-bearer", &job));
    }

    /// T-25
    #[test]
    fn t25_a_debug_print_hides_it() {
        assert_eq!(format!("{:?}", WebhookSecret::new([7; 32])), "whsec_…");
    }
}
