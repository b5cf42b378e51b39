//! What the edge asks of receipts.

use super::Node;
use crate::job::Job;
use crate::receipt::Jwks;

impl Node {
    /// The receipt of a job that is over: the same text whenever it is asked for.
    pub fn receipt(&self, job: &Job) -> Option<String> {
        self.inner.receipts.of(job)
    }

    /// The public keys that receipts are verified by.
    pub fn receipt_keys(&self) -> Jwks {
        self.inner.receipts.jwks()
    }
}
