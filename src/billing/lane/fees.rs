//! What a transaction may pay for gas (EIP-1559), in wei.

use serde::{Deserialize, Serialize};

/// The two numbers that a transaction states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fees {
    /// The most per gas, tip included.
    pub max: u128,
    /// The tip per gas.
    pub tip: u128,
}

/// What the chain asks for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeeQuote {
    /// The next block's base fee.
    pub base: u128,
    /// What others tip.
    pub tip: u128,
}

/// The bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FeePolicy {
    /// The most per gas.
    pub cap: u128,
    /// The most per gas where a deadline is near (F-X6).
    pub urgent_cap: u128,
    /// The least tip.
    pub tip_min: u128,
}

impl Default for FeePolicy {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl FeePolicy {
    /// As [`Default`] has it: 50 gwei, 200 where it is urgent, and a tip of 0.001.
    pub const DEFAULT: Self = Self { cap: 50_000_000_000, urgent_cap: 200_000_000_000, tip_min: 1_000_000 };

    const fn cap(&self, is_urgent: bool) -> u128 {
        if is_urgent { self.urgent_cap } else { self.cap }
    }

    /// A cancel costs little, and has to replace what may pay all that the cap allows: else its account nonce, and all behind it,
    /// would wait for bytes that nobody sends any more.
    pub const fn of_cancels(&self) -> Self {
        Self { urgent_cap: self.urgent_cap.saturating_mul(2), ..*self }
    }

    /// For a first transaction: room for the base fee to double, within the cap. Tips that a few others pay beyond it are not
    /// followed: what the cap leaves above the base fee has to do. `None` where it leaves less than the least tip.
    pub fn first(&self, quote: FeeQuote, is_urgent: bool) -> Option<Fees> {
        let cap = self.cap(is_urgent);
        let room = cap.checked_sub(quote.base).filter(|room| *room >= self.tip_min)?;
        let tip = quote.tip.clamp(self.tip_min, room);
        Some(Fees { max: quote.base.saturating_mul(2).saturating_add(tip).min(cap), tip })
    }

    /// For a replacement: both numbers at least an eighth higher, since nodes want a tenth, and no less than a first one would
    /// pay now. `None` where the cap forbids it, or doesn't pay for the next block: climbing towards it in vain would use the
    /// replacements up.
    pub fn bumped(&self, last: Fees, quote: FeeQuote, is_urgent: bool) -> Option<Fees> {
        let cap = self.cap(is_urgent);
        let wanted = self.first(quote, is_urgent)?;
        let floor = last.bumped();
        let tip = floor.tip.max(wanted.tip);
        let max = floor.max.max(wanted.max).max(tip);
        (max <= cap).then_some(Fees { max, tip })
    }
}

impl Fees {
    /// The least that replaces `self`: an eighth more of both, rounded up.
    pub const fn bumped(self) -> Self {
        Self { max: eighth_more(self.max), tip: eighth_more(self.tip) }
    }

    /// Whether nodes take it in place of `last`.
    pub const fn replaces(self, last: Self) -> bool {
        let floor = last.bumped();
        self.max >= floor.max && self.tip >= floor.tip
    }
}

const fn eighth_more(fee: u128) -> u128 {
    fee.saturating_add(fee.div_ceil(8))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const POLICY: FeePolicy = FeePolicy { cap: 1_000, urgent_cap: 4_000, tip_min: 2 };

    #[test]
    fn first_fees() {
        for (base, tip, is_urgent, wanted) in [
            (100, 10, false, Some((210, 10))),
            (100, 0, false, Some((202, 2))),
            (600, 10, false, Some((1_000, 10))),
            (990, 10, false, Some((1_000, 10))),
            // F-X6: others' tips are beyond the cap, the base fee isn't: the cap is bid.
            (991, 10, false, Some((1_000, 9))),
            (100, 50_000, false, Some((1_000, 900))),
            (998, 50_000, false, Some((1_000, 2))),
            (999, 50_000, false, None),
            (2_000, 0, false, None),
            (991, 10, true, Some((1_992, 10))),
        ] {
            let fees = POLICY.first(FeeQuote { base, tip }, is_urgent);
            assert_eq!(fees.map(|fees| (fees.max, fees.tip)), wanted, "{base} {tip} {is_urgent}");
        }
    }

    proptest! {
        /// F-X6: a replacement is one that nodes take, and never beyond the cap.
        #[test]
        fn fx6_bumps_replace_and_stay_within_the_cap(max in 1_u128..1_500, tip in 0_u128..1_500, base in 0_u128..2_000, quote_tip in 0_u128..50, is_urgent: bool) {
            let last = Fees { max: max.max(tip), tip };
            match POLICY.bumped(last, FeeQuote { base, tip: quote_tip }, is_urgent) {
                Some(bumped) => {
                    prop_assert!(bumped.replaces(last) && bumped.tip <= bumped.max);
                    prop_assert!(bumped.max <= POLICY.cap(is_urgent));
                }
                None => prop_assert!(last.bumped().max.max(last.bumped().tip).max(base + 2) > POLICY.cap(is_urgent)),
            }
        }
    }
}
