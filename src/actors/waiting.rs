//! Waiting for a job to move.

use std::sync::Arc;
use std::time::Duration;

use super::api::Error;
use super::node::Node;
use crate::job::{Job, Status};
use crate::types::JobId;

impl Node {
    /// The job once its status is another than `seen`, or as it is when `patience` runs out.
    ///
    /// # Errors
    /// As [`Self::job`].
    pub async fn job_after(&self, id: JobId, seen: Status, patience: Duration) -> Result<Option<Arc<Job>>, Error> {
        self.inner.published.wait_until(id, patience, |job| job.state.status != seen || job.state.status.is_ended()).await;
        self.job(id).await
    }

    /// The job once it has ended, or as it is when `patience` runs out.
    ///
    /// # Errors
    /// As [`Self::job`].
    pub async fn job_ended(&self, id: JobId, patience: Duration) -> Result<Option<Arc<Job>>, Error> {
        self.inner.published.wait_until(id, patience, |job| job.state.status.is_ended()).await;
        self.job(id).await
    }

    /// The job once its version is above `seen`, or as it is when `patience` runs out.
    ///
    /// # Errors
    /// As [`Self::job`].
    pub async fn job_beyond(&self, id: JobId, seen: u32, patience: Duration) -> Result<Option<Arc<Job>>, Error> {
        self.inner.published.wait_until(id, patience, |job| job.state.version > seen || job.state.status.is_ended()).await;
        self.job(id).await
    }
}
