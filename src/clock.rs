//! Time and luck. These traits are the only ways in, so that a test can replay both.

use crate::types::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The wall time now. It may step; never use it for a time-out.
    fn now(&self) -> Timestamp;
}

/// Draws random bytes.
pub trait Random: Send + Sync + std::fmt::Debug {
    /// Fills `bytes` from a generator that is fit for secrets.
    fn fill(&self, bytes: &mut [u8]);

    /// 32 random bytes.
    fn secret(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.fill(&mut bytes);
        bytes
    }

    /// A UUIDv7 (RFC 9562 section 5.7) of the moment `at`.
    fn uuid_v7(&self, at: Timestamp) -> [u8; 16] {
        let mut random = [0; 10];
        self.fill(&mut random);
        *uuid::Builder::from_unix_timestamp_millis(at.millis().try_into().unwrap_or(0), &random).into_uuid().as_bytes()
    }

    /// A whole number below `bound`, for jitter.
    fn below(&self, bound: u64) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes).checked_rem(bound).unwrap_or(0)
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the one way in for time")]
    fn now(&self) -> Timestamp {
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}

/// The system's generator, through a per-thread generator that it seeds and reseeds.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        use rand::Rng;
        rand::rng().fill_bytes(bytes);
    }
}
