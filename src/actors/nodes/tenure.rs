//! For how long this node may act for a shard. By a clock that never steps and runs on while the process is stopped.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

static BASE: LazyLock<Instant> = LazyLock::new(Instant::now);
/// Of a lease's time: what is under way when it ends must be over before another node may take the shard.
const MARGIN: u32 = 10;
const FOR_EVER: u64 = u64::MAX;

/// The end of a lease, as this node counts it.
#[derive(Debug)]
pub(in crate::actors) struct Tenure(AtomicU64);

impl Tenure {
    /// Not held.
    pub(in crate::actors) const fn none() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Nobody else can hold the shard: the store has one process.
    pub(in crate::actors) fn for_ever(&self) {
        self.0.store(FOR_EVER, Ordering::Release);
    }

    /// The shard was taken with a lease of this time, asked for at `asked`. The store began to count later than we asked, so counting
    /// from there is safe.
    pub(in crate::actors) fn begin(&self, asked: Instant, lease: Duration) {
        self.0.fetch_max(end_of(asked, lease), Ordering::AcqRel);
    }

    /// The lease was renewed. One that was given up meanwhile stays so: nobody would act under it, and nobody else could take it.
    pub(in crate::actors) fn extend(&self, asked: Instant, lease: Duration) {
        let until = end_of(asked, lease);
        let later = |known| (known > 0).then_some(until.max(known));
        // That it was given up is no fault of the renewal.
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, later).ok();
    }

    /// It is over at once.
    pub(in crate::actors) fn end(&self) {
        self.0.store(0, Ordering::Release);
    }

    /// Whether this node may act for the shard now.
    pub(in crate::actors) fn runs(&self) -> bool {
        match self.0.load(Ordering::Acquire) {
            0 => false,
            FOR_EVER => true,
            until => u64::try_from(BASE.elapsed().as_millis()).unwrap_or(FOR_EVER) < until,
        }
    }
}

fn end_of(asked: Instant, lease: Duration) -> u64 {
    let until = asked.saturating_duration_since(*BASE).saturating_add(lease.saturating_sub(lease / MARGIN));
    u64::try_from(until.as_millis()).unwrap_or(FOR_EVER).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_renewal_brings_nothing_back() {
        let tenure = Tenure::none();
        tenure.begin(Instant::now(), Duration::from_mins(1));
        let asked = Instant::now();
        tenure.end();
        tenure.extend(asked, Duration::from_mins(1));
        assert!(!tenure.runs());
        tenure.begin(asked, Duration::from_mins(1));
        assert!(tenure.runs());
    }

    #[test]
    fn a_tenure_ends_before_the_lease() {
        let tenure = Tenure::none();
        assert!(!tenure.runs());
        let asked = Instant::now();
        tenure.begin(asked, Duration::from_millis(200));
        assert!(tenure.runs());
        // A renewal that was asked for earlier and is answered later takes nothing away.
        tenure.extend(asked, Duration::from_millis(20));
        assert!(tenure.runs());
        std::thread::sleep(Duration::from_millis(185));
        assert!(!tenure.runs());
        tenure.for_ever();
        assert!(tenure.runs());
        tenure.end();
        assert!(!tenure.runs());
    }
}
