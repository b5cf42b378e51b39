//! The bearer that comes with a job and may read, stream and cancel that one job.

use std::fmt;

use subtle::ConstantTimeEq;

use super::{JobId, ServerKey, base32};

/// `411j_` and 32 derived bytes. Nothing of it is stored: it is derived again to show it and to check it.
#[derive(Clone)]
pub struct PollBearer([u8; 32]);

impl PollBearer {
    /// What the text of every poll bearer starts with.
    pub const PREFIX: &'static str = "411j_";

    /// The one bearer of `job`.
    pub fn derive(key: &ServerKey, job: &JobId) -> Self {
        Self(key.derive("poll-bearer", job))
    }

    /// The text that the buyer keeps. Never logged, never stored.
    pub fn reveal(&self) -> String {
        let mut text = String::from(Self::PREFIX);
        base32::encode_into(&self.0, &mut text);
        text
    }

    /// Whether `text` is the bearer of `job`, in the same time wherever it differs (T-22).
    pub fn verify(key: &ServerKey, text: &str, job: &JobId) -> bool {
        let given = text.strip_prefix(Self::PREFIX).and_then(base32::decode::<32>);
        // A malformed text costs the same derivation and comparison as a wrong one.
        let matches = Self::derive(key, job).0.ct_eq(&given.unwrap_or_default());
        given.is_some() & bool::from(matches)
    }
}

impl fmt::Debug for PollBearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…", Self::PREFIX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Slot;

    /// T-22: the one text opens the one job, and nothing near it does.
    #[test]
    fn t22_only_the_jobs_own_bearer() {
        let key = ServerKey::new([7; 32]);
        let [job, other] = [1, 2].map(|byte| JobId::new(Slot(3), [byte; 16]));
        let text = PollBearer::derive(&key, &job).reveal();
        assert_eq!(text.len(), 57);
        assert!(PollBearer::verify(&key, &text, &job));
        assert!(!PollBearer::verify(&key, &text, &other));
        assert!(!PollBearer::verify(&ServerKey::new([8; 32]), &text, &job));
        let zeros = format!("411j_{}", "0".repeat(52));
        for wrong in
            ["", "411j_", &text[5..], &text[..56], &format!("{text}0"), &text.to_uppercase(), &text.replace("411j_", "411k_"), &zeros]
        {
            assert!(!PollBearer::verify(&key, wrong, &job), "{wrong}");
        }
    }

    /// T-25
    #[test]
    fn t25_a_debug_print_hides_it() {
        let bearer = PollBearer::derive(&ServerKey::new([7; 32]), &JobId::new(Slot(3), [1; 16]));
        assert_eq!(format!("{bearer:?}"), "411j_…");
    }
}
