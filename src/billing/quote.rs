//! What a job will cost, before it runs: from the vendors' price sheets, and from what jobs like it came to.

use super::price::{Price, charge};
use crate::types::{OutOfRange, Usd};

/// With fewer jobs than this, what they came to says little.
pub const JOBS_MIN: usize = 20;

/// A kind of question that a run can ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// Whom: the name that hops have.
    pub tool: &'static str,
    /// What one costs at most; none where that depends on the question.
    pub cost: Option<Usd>,
    /// How many a run can ask; none where nothing but the budget bounds them.
    pub at_most: Option<u32>,
}

/// What a run costs by its plan and the vendors' price sheets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Estimate {
    /// What it can ask.
    pub questions: Vec<Question>,
    /// A run as it mostly goes.
    pub typical: Usd,
    /// All that its plan can come to; none where nothing but the budget bounds it.
    pub plan_max: Option<Usd>,
    /// The payload's own bound on its hops.
    pub budget: Option<Usd>,
}

impl Estimate {
    /// Nothing is known: a run costs what its bounds let it.
    pub const fn unknown() -> Self {
        Self { questions: Vec::new(), typical: Usd::MAX_WIRE, plan_max: None, budget: None }
    }

    /// Nothing is asked yet.
    pub const fn nothing(budget: Option<Usd>) -> Self {
        Self { questions: Vec::new(), typical: Usd::ZERO, plan_max: None, budget }
    }
}

/// What bounds a job's cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// There is no more to ask.
    Plan,
    /// The payload's budget.
    Budget,
    /// The job's ceiling.
    Ceiling,
}

impl Bound {
    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Budget => "budget_usd",
            Self::Ceiling => "bill_up_to_usd",
        }
    }
}

/// What jobs came to. Charges are what theirs would be at this price, within these bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Past {
    /// How many there were; never none.
    pub jobs: usize,
    /// How many of them matched.
    pub matched: usize,
    /// Of all charges, those of nothing too; rounded down.
    pub mean: Usd,
    /// Half of them are at most this.
    pub median: Usd,
    /// Nine of ten of them are at most this.
    pub p90: Usd,
}

/// What a job will be charged: nothing at least, since a no-match is free, and `expected <= max <= ceiling`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// On average.
    pub expected: Usd,
    /// At most.
    pub max: Usd,
    /// What that is bounded by.
    pub bound: Bound,
    /// What the expectation is from; none where it is from price sheets.
    pub past: Option<Past>,
}

/// Prices a job as its charge will be. `outcomes` are what jobs like it came to: whether they matched, and what their hops cost.
/// With fewer than [`JOBS_MIN`] the expectation is that of a match by the price sheets.
///
/// # Errors
/// [`OutOfRange`] where a cost with its markup leaves the range of [`Usd`].
pub fn quote(price: Price, ceiling: Usd, estimate: &Estimate, outcomes: &[(bool, Usd)]) -> Result<Quote, OutOfRange> {
    let unbounded = (ceiling, Bound::Ceiling);
    let bounds = [estimate.budget.map(|budget| (budget, Bound::Budget)), estimate.plan_max.map(|plan| (plan, Bound::Plan))];
    let (cost_max, bound) = bounds.into_iter().flatten().fold(unbounded, |least, bound| if bound.0 <= least.0 { bound } else { least });
    let max = charge(price, ceiling, cost_max, true)?;
    // A markup or a minimum can reach the ceiling before the cost does.
    let bound = if max == ceiling { Bound::Ceiling } else { bound };
    let priced = |matched: bool, cost: Usd| charge(price, ceiling, cost.min(cost_max), matched);
    let charges = outcomes.iter().map(|(matched, cost)| priced(*matched, *cost)).collect::<Result<Vec<_>, _>>()?;
    let past = if charges.len() < JOBS_MIN { None } else { past(charges, outcomes) };
    let expected = match past {
        Some(past) => past.mean,
        None => priced(true, estimate.typical)?,
    };
    Ok(Quote { expected, max, bound, past })
}

fn past(mut charges: Vec<Usd>, outcomes: &[(bool, Usd)]) -> Option<Past> {
    let sum = charges.iter().fold(0_i128, |sum, charge| sum.saturating_add(i128::from(charge.micros())));
    let mean = sum.checked_div(i128::try_from(charges.len()).ok()?)?;
    // The nearest rank: the smallest charge that so many of them don't exceed.
    let mut at = |tenths: usize| {
        let rank = charges.len().saturating_mul(tenths).div_ceil(10).checked_sub(1)?;
        // A rank needs no sorting, and anybody may ask.
        (rank < charges.len()).then(|| *charges.select_nth_unstable(rank).1)
    };
    let (median, p90) = (at(5)?, at(9)?);
    let matched = outcomes.iter().filter(|(matched, _)| *matched).count();
    Some(Past { jobs: outcomes.len(), matched, mean: Usd::from_micros(i64::try_from(mean).ok()?), median, p90 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PLAIN: Price = Price { catalogue: Usd::ZERO, minimum: Usd::ZERO, markup_bps: 0 };

    const fn usd(micros: i64) -> Usd {
        Usd::from_micros(micros)
    }

    fn estimate(typical: i64, plan_max: Option<i64>, budget: Option<i64>) -> Estimate {
        Estimate { questions: Vec::new(), typical: usd(typical), plan_max: plan_max.map(usd), budget: budget.map(usd) }
    }

    #[test]
    fn the_least_bound_is_the_most() {
        let of = |price, plan_max, budget, ceiling| {
            let quote = quote(price, usd(ceiling), &estimate(20, plan_max, budget), &[]).unwrap();
            (quote.expected.micros(), quote.max.micros(), quote.bound)
        };
        assert_eq!(of(PLAIN, Some(90), Some(100), 1000), (20, 90, Bound::Plan));
        assert_eq!(of(PLAIN, Some(110), Some(100), 1000), (20, 100, Bound::Budget));
        assert_eq!(of(PLAIN, None, Some(100), 1000), (20, 100, Bound::Budget));
        assert_eq!(of(PLAIN, None, None, 1000), (20, 1000, Bound::Ceiling));
        assert_eq!(of(PLAIN, Some(110), Some(100), 15), (15, 15, Bound::Ceiling));
        // What is charged has its markup, and its minimum, within the ceiling; a budget bounds the hops alone.
        let dear = Price { minimum: usd(50), markup_bps: 10_000, ..PLAIN };
        assert_eq!(of(dear, Some(90), None, 1000), (50, 180, Bound::Plan));
        assert_eq!(of(dear, Some(90), None, 170), (50, 170, Bound::Ceiling));
        assert_eq!(of(dear, None, Some(10), 1000), (50, 50, Bound::Budget));
        assert_eq!(of(dear, None, Some(0), 40), (40, 40, Bound::Ceiling));
    }

    #[test]
    fn price_sheets_until_there_is_a_past() {
        let of = |jobs: usize| {
            let outcomes: Vec<_> = (0..jobs).map(|job| (job % 4 != 0, usd(60))).collect();
            quote(PLAIN, usd(1000), &estimate(20, Some(100), None), &outcomes).unwrap()
        };
        assert_eq!((of(JOBS_MIN - 1).past, of(JOBS_MIN - 1).expected), (None, usd(20)));
        let past = Past { jobs: 20, matched: 15, mean: usd(45), median: usd(60), p90: usd(60) };
        assert_eq!(of(JOBS_MIN), Quote { expected: usd(45), max: usd(100), bound: Bound::Plan, past: Some(past) });
    }

    /// What others paid is priced by this job's terms: its ceiling, its budget, today's price.
    #[test]
    fn the_past_is_priced_anew() {
        let outcomes: Vec<_> = (1..=40).map(|cost| (true, usd(cost * 10))).collect();
        let of = |price, ceiling, budget| {
            let past = quote(price, usd(ceiling), &estimate(20, None, budget), &outcomes).unwrap().past.unwrap();
            [past.mean, past.median, past.p90].map(Usd::micros)
        };
        assert_eq!(of(PLAIN, 1000, None), [205, 200, 360]);
        assert_eq!(of(PLAIN, 300, None), [191, 200, 300]);
        assert_eq!(of(PLAIN, 1000, Some(300)), [191, 200, 300]);
        assert_eq!(of(Price { markup_bps: 10_000, ..PLAIN }, 1000, Some(300)), [382, 400, 600]);
        assert_eq!(of(Price { minimum: usd(900), ..PLAIN }, 1000, None), [900, 900, 900]);
    }

    proptest! {
        #[test]
        fn in_order_and_within_the_ceiling(
            (typical, plan_max, budget) in (0_i64..1 << 40, prop::option::of(0_i64..1 << 40), prop::option::of(0_i64..1 << 40)),
            (ceiling, minimum, markup_bps) in (0_i64..1 << 40, 0_i64..1 << 40, 0_u32..100_000),
            outcomes in prop::collection::vec((any::<bool>(), 0_i64..1 << 40), 0..60),
            (cost, matched) in (0_i64..1 << 40, any::<bool>()),
        ) {
            let price = Price { catalogue: usd(0), minimum: usd(minimum), markup_bps };
            let outcomes: Vec<_> = outcomes.into_iter().map(|(matched, cost)| (matched, usd(cost))).collect();
            let quote = quote(price, usd(ceiling), &estimate(typical, plan_max, budget), &outcomes).unwrap();
            prop_assert!(!quote.expected.is_negative() && quote.expected <= quote.max && quote.max <= usd(ceiling), "{quote:?}");
            if let Some(past) = quote.past {
                prop_assert!(past.median <= past.p90 && past.p90 <= quote.max && past.matched <= past.jobs, "{past:?}");
            }
            // Whatever such a job costs within its bounds, it is charged at most what was quoted.
            let cost = [Some(cost), plan_max, budget, Some(ceiling)].into_iter().flatten().min().unwrap();
            prop_assert!(charge(price, usd(ceiling), usd(cost), matched).unwrap() <= quote.max);
        }
    }
}
