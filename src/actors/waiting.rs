//! Waiting for a job to move.

use std::sync::Arc;
use std::time::Duration;

use super::api::Error;
use super::node::Node;
use super::published::Shown;
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

    /// The job once its version is above `seen` or its run has told more than `told`, or as it is when `patience` runs out.
    ///
    /// # Errors
    /// As [`Self::job`].
    pub async fn job_beyond(&self, id: JobId, seen: u32, told: u64, patience: Duration) -> Result<Option<Arc<Job>>, Error> {
        let published = &self.inner.published;
        let is_news = |job: &Job| job.state.version > seen || job.state.status.is_ended() || published.progress(&id).tick > told;
        published.wait_until(id, patience, is_news).await;
        self.job(id).await
    }

    /// What the job's run has told of itself, where it runs here; nothing of a run that is over.
    pub fn progress(&self, job: &Job) -> Shown {
        if job.state.status == Status::Running { self.inner.published.progress(&job.spec.id) } else { Shown::default() }
    }
}
