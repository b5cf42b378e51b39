//! The breaker behind the newcomers' budget (safety.md D-5, T-07): a budget alone bounds what they owe at a time, and whoever moves one
//! bankroll from wallet to wallet could take it again and again.
//!
//! ```text
//! welcome --so many losses in a window--> paused --pause over--> one at a time --one pays--> welcome
//!                                            ^---------- one doesn't ----------'
//! ```

use std::collections::VecDeque;

use crate::types::Timestamp;

/// When newcomers are paused, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// Losses that pause them; 0 never does.
    pub losses_max: usize,
    /// Within so many milliseconds.
    pub window_ms: i64,
    /// For so many milliseconds.
    pub pause_ms: i64,
}

impl Default for BreakerPolicy {
    fn default() -> Self {
        Self { losses_max: 5, window_ms: 600_000, pause_ms: 900_000 }
    }
}

/// Whether payers are taken that no settlement went well for yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub enum Newcomers {
    /// Within their budgets.
    #[default]
    Welcome,
    /// While no other has anything unsettled.
    OneAtATime,
    /// Not for so many seconds.
    Paused {
        /// At least 1.
        seconds: u32,
    },
}

/// The losses that newcomers have caused of late.
#[derive(Debug, Clone)]
pub struct Breaker {
    policy: BreakerPolicy,
    /// In their order, no more than pause them.
    losses: VecDeque<Timestamp>,
    /// When they were paused last, until one has paid since.
    paused_at: Option<Timestamp>,
}

impl Breaker {
    /// Nothing was lost.
    pub const fn new(policy: BreakerPolicy) -> Self {
        Self { policy, losses: VecDeque::new(), paused_at: None }
    }

    /// A newcomer did not pay for what was done for it. True where newcomers are paused by that.
    pub fn lost(&mut self, at: Timestamp) -> bool {
        if self.policy.losses_max == 0 {
            return false;
        }
        if let Some(paused_at) = self.paused_at {
            // Of one that was let in before, it tells nothing new; of the one that was let in since, it does.
            let again = self.is_over(paused_at, at);
            self.paused_at = Some(if again { at } else { paused_at });
            return again;
        }
        let place = self.losses.partition_point(|loss| *loss <= at);
        self.losses.insert(place, at);
        let newest = self.losses.back().copied().unwrap_or(at);
        self.losses.retain(|loss| newest.millis_since(*loss) < self.policy.window_ms);
        let is_paused = self.losses.len() >= self.policy.losses_max;
        if is_paused {
            self.paused_at = Some(newest);
            self.losses.clear();
        }
        is_paused
    }

    /// A newcomer has paid.
    pub fn paid(&mut self, at: Timestamp) {
        if self.paused_at.is_some_and(|paused_at| self.is_over(paused_at, at)) {
            self.reset();
        }
    }

    /// An operator lets newcomers in again.
    pub fn reset(&mut self) {
        self.paused_at = None;
        self.losses.clear();
    }

    /// Whether newcomers are taken now.
    pub fn newcomers(&self, now: Timestamp) -> Newcomers {
        match self.paused_at {
            None => Newcomers::Welcome,
            Some(paused_at) if self.is_over(paused_at, now) => Newcomers::OneAtATime,
            Some(paused_at) => {
                let left_ms = self.policy.pause_ms.saturating_sub(now.millis_since(paused_at));
                let seconds = left_ms.saturating_add(999).checked_div(1_000).unwrap_or(1);
                Newcomers::Paused { seconds: u32::try_from(seconds).unwrap_or(u32::MAX).max(1) }
            }
        }
    }

    /// Losses of the window that have not paused newcomers.
    pub fn losses(&self, now: Timestamp) -> usize {
        self.losses.iter().filter(|loss| now.millis_since(**loss) < self.policy.window_ms).count()
    }

    /// A clock that went back pauses nobody for longer.
    const fn is_over(&self, paused_at: Timestamp, now: Timestamp) -> bool {
        let waited_ms = now.millis_since(paused_at);
        waited_ms < 0 || waited_ms >= self.policy.pause_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const POLICY: BreakerPolicy = BreakerPolicy { losses_max: 3, window_ms: 10_000, pause_ms: 20_000 };

    const fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    fn after(losses: &[i64]) -> Breaker {
        let mut breaker = Breaker::new(POLICY);
        for second in losses {
            breaker.lost(at(*second));
        }
        breaker
    }

    #[test]
    fn t07_so_many_losses_in_a_window_pause_newcomers() {
        let paused = |seconds| Newcomers::Paused { seconds };
        for (losses, now, wanted) in [
            (&[][..], 0, Newcomers::Welcome),
            (&[0, 5], 6, Newcomers::Welcome),
            (&[0, 5, 9], 9, paused(20)),
            // In whatever order they are heard of.
            (&[9, 0, 5], 9, paused(20)),
            (&[0, 5, 10], 10, Newcomers::Welcome),
            (&[0, 5, 10, 11], 11, paused(20)),
            (&[0, 5, 9], 28, paused(1)),
            (&[0, 5, 9], 29, Newcomers::OneAtATime),
            (&[0, 5, 9], 8, Newcomers::OneAtATime),
            // One that was let in before tells nothing new.
            (&[0, 5, 9, 15], 28, paused(1)),
            (&[0, 5, 9, 30], 31, paused(19)),
        ] {
            assert_eq!(after(losses).newcomers(at(now)), wanted, "{losses:?} {now}");
        }
    }

    #[test]
    fn one_that_pays_lets_all_in_again() {
        let mut breaker = after(&[0, 5, 9]);
        breaker.paid(at(15));
        assert!(matches!(breaker.newcomers(at(15)), Newcomers::Paused { .. }), "one that was let in before");
        breaker.paid(at(30));
        assert_eq!((breaker.newcomers(at(30)), breaker.losses(at(30))), (Newcomers::Welcome, 0));
        assert!(!breaker.lost(at(31)) && !breaker.lost(at(32)));
        assert_eq!(breaker.losses(at(32)), 2);
        assert!(breaker.lost(at(33)));
        breaker.reset();
        assert_eq!(breaker.newcomers(at(33)), Newcomers::Welcome);
    }

    #[test]
    fn without_a_limit_there_is_no_breaker() {
        let mut breaker = Breaker::new(BreakerPolicy { losses_max: 0, ..POLICY });
        assert!((0..100).all(|second| !breaker.lost(at(second))));
        assert_eq!(breaker.newcomers(at(100)), Newcomers::Welcome);
    }

    proptest! {
        /// However it is driven, no more losses than the limit are seen between two pauses, each of its length.
        #[test]
        fn t07_losses_are_bounded_over_time(steps in proptest::collection::vec((0_i64..15_000, any::<bool>()), 1..200)) {
            let (mut breaker, mut now, mut losses) = (Breaker::new(POLICY), 0, 0);
            for (step, pays) in steps {
                now += step;
                let time = Timestamp::from_millis(now);
                match breaker.newcomers(time) {
                    Newcomers::Paused { seconds } => prop_assert!(seconds > 0 && i64::from(seconds) * 1_000 <= POLICY.pause_ms + 999),
                    Newcomers::OneAtATime if pays => {
                        breaker.paid(time);
                        prop_assert_eq!(breaker.newcomers(time), Newcomers::Welcome);
                        losses = 0;
                    }
                    Newcomers::OneAtATime => prop_assert!(breaker.lost(time)),
                    Newcomers::Welcome if pays => breaker.paid(time),
                    Newcomers::Welcome => {
                        losses += 1;
                        if breaker.lost(time) {
                            losses = 0;
                        }
                        let in_window = breaker.losses(time);
                        prop_assert!(in_window < POLICY.losses_max && in_window <= losses);
                    }
                }
            }
        }
    }
}
