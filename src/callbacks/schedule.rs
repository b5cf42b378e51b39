//! When a failed callback is tried again. Pure: luck comes in as a number.

use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// The pauses after the first, second, … failed attempt, in seconds: over two days in all (`api.md`, F-C2).
const PAUSES: [u64; 8] = [5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR];

/// A callback that is older than this is given up, whatever its attempts: the bound on how long it can be deferred, with room
/// for the whole schedule at its longest.
pub const AGE_MAX: Duration = Duration::from_secs(72 * HOUR);

/// The pause before the next attempt, once `failures` attempts have failed (1 is the first), or `None`: given up.
///
/// `jitter` is any random number. It moves the pause by up to a tenth either way, so that the callbacks which one outage
/// made fail together don't come back together.
pub fn next_attempt_after(failures: u32, jitter: u64) -> Option<Duration> {
    let index = usize::try_from(failures.checked_sub(1)?).ok()?;
    let pause_ms = PAUSES.get(index)?.saturating_mul(1000);
    let tenth = pause_ms / 10;
    let moved = jitter % (2 * tenth + 1);
    Some(Duration::from_millis(pause_ms - tenth + moved))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The pause after each failure, with the jitter that `share` makes of a tenth of it: 0 is the earliest, 2 the latest.
    fn pauses(share: u64) -> Vec<Duration> {
        (1..).zip(PAUSES).map_while(|(failures, pause)| next_attempt_after(failures, share * pause * 100)).collect()
    }

    #[test]
    fn the_promised_pauses() {
        let seconds: Vec<_> = pauses(1).iter().map(Duration::as_secs).collect();
        assert_eq!(seconds, [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000]);
        assert_eq!([0, 9, u32::MAX].map(|failures| next_attempt_after(failures, 7)), [None; 3]);
    }

    /// F-C2: a receiver that comes up a day later is still tried, however the jitter falls, and before the callback is too old.
    #[test]
    fn fc2_still_trying_after_a_day() {
        let (earliest, latest): (Duration, Duration) = (pauses(0).iter().take(7).sum(), pauses(2).iter().sum());
        assert!(earliest > Duration::from_hours(24), "{earliest:?}");
        assert!(latest < AGE_MAX, "{latest:?}");
    }

    proptest! {
        #[test]
        fn within_a_tenth(failures in 1_u32..=8, jitter: u64) {
            let promised = u128::from(PAUSES[usize::try_from(failures).unwrap() - 1]) * 1000;
            let pause = next_attempt_after(failures, jitter).unwrap().as_millis();
            prop_assert!((promised * 9 / 10..=promised * 11 / 10).contains(&pause));
        }
    }
}
