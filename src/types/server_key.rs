//! The server's own key, from which what must be shown again is derived instead of stored.

use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretBox};

use super::JobId;
use super::mac::hmac_sha256;

/// 32 secret bytes, the same on all nodes. Wiped when the last clone is dropped; a clone is a pointer.
#[derive(Clone)]
pub struct ServerKey(Arc<SecretBox<[u8; 32]>>);

impl ServerKey {
    /// From the configuration, or from the file beside the embedded store.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Arc::new(SecretBox::new(Box::new(bytes))))
    }

    /// The secret itself, for a derivation of keys that is no HMAC of bytes.
    pub fn expose(&self) -> &[u8; 32] {
        self.0.expose_secret()
    }

    /// The secret of one job for one purpose: HMAC-SHA256 over `purpose`, a zero byte and the job's bytes. So a replay can
    /// show it again while the store holds none of it. No two purposes share a secret, as long as none holds a zero byte.
    pub fn derive(&self, purpose: &str, job: &JobId) -> [u8; 32] {
        self.code(purpose, job.as_bytes())
    }

    /// The code of some bytes for one purpose, of which the same holds.
    pub fn code(&self, purpose: &str, bytes: &[u8]) -> [u8; 32] {
        hmac_sha256(self.0.expose_secret(), &[purpose.as_bytes(), &[0], bytes])
    }
}

impl fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Slot;

    #[test]
    fn each_job_purpose_and_key_has_its_own_secret() {
        let key = ServerKey::new([7; 32]);
        let [one, two] = [1, 2].map(|byte| JobId::new(Slot(3), [byte; 16]));
        assert_eq!(key.derive("a", &one), key.clone().derive("a", &one), "a replay shows the same");
        assert_ne!(key.derive("a", &one), key.derive("a", &two));
        assert_ne!(key.derive("a", &one), key.derive("b", &one));
        assert_ne!(key.derive("a", &one), ServerKey::new([8; 32]).derive("a", &one));
    }

    /// The derivation is a promise: a changed one would lock buyers out of the jobs they have.
    #[test]
    fn the_derivation_never_changes() {
        let secret = ServerKey::new([7; 32]).derive("poll-bearer", &JobId::new(Slot(3), [1; 16]));
        assert_eq!(hex::encode(secret), "fc1da2c919a109600c0305101588b5202e87894c3203e2bffc4fd0d8a27253ea");
    }

    /// T-25
    #[test]
    fn t25_a_debug_print_hides_it() {
        assert_eq!(format!("{:?}", ServerKey::new([7; 32])), "ServerKey(…)");
    }
}
