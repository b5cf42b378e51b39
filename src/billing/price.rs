//! What the buyer pays: the vendors' cost by our price sheet, within the ceiling, and nothing for a no-match.

use serde::{Deserialize, Serialize};

use crate::types::{OutOfRange, Route, Usd};

/// How a route is priced. One table of these feeds charges, quotes and docs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// What a synchronous call holds, and what the catalogue shows.
    pub catalogue: Usd,
    /// The least that a matched job is charged.
    pub minimum: Usd,
    /// Added to the vendors' cost, in basis points (1/100 of a percent).
    pub markup_bps: u32,
}

/// The price of every route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceList {
    /// `enrich/websearch`.
    pub websearch: Price,
    /// `enrich/lead-session`.
    pub lead_session: Price,
}

impl PriceList {
    /// The price of one route.
    pub const fn of(&self, route: Route) -> Price {
        match route {
            Route::Websearch => self.websearch,
            Route::LeadSession => self.lead_session,
        }
    }
}

impl Default for PriceList {
    fn default() -> Self {
        let plain = |dollars_in_micros| Price { catalogue: Usd::from_micros(dollars_in_micros), minimum: Usd::ZERO, markup_bps: 0 };
        Self { websearch: plain(1_000_000), lead_session: plain(1_500_000) }
    }
}

/// The charge for a run that ended by itself or at its deadline: `min(ceiling, max(minimum, cost x (1 + markup)))` where it
/// matched, else nothing (architecture.md 4). Rounded down, in the buyer's favour.
///
/// # Errors
/// [`OutOfRange`] where the cost with its markup leaves the range of [`Usd`].
pub fn charge(price: Price, ceiling: Usd, cost: Usd, matched: bool) -> Result<Usd, OutOfRange> {
    if !matched {
        return Ok(Usd::ZERO);
    }
    Ok(cost.marked_up(price.markup_bps)?.max(price.minimum).min(ceiling))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn usd(micros: i64) -> Usd {
        Usd::from_micros(micros)
    }

    #[test]
    fn the_rule() {
        let price = Price { catalogue: usd(0), minimum: usd(20_000), markup_bps: 5_000 };
        for (cost, matched, wanted) in
            [(0, true, 20_000), (10_000, true, 20_000), (40_000, true, 60_000), (90_000, true, 100_000), (90_000, false, 0)]
        {
            assert_eq!(charge(price, usd(100_000), usd(cost), matched), Ok(usd(wanted)), "{cost} {matched}");
        }
    }

    proptest! {
        #[test]
        fn never_above_the_ceiling(cost in 0_i64..1 << 50, ceiling in 0_i64..1 << 50, minimum in 0_i64..1 << 50, markup_bps in 0_u32..100_000, matched: bool) {
            let price = Price { catalogue: usd(0), minimum: usd(minimum), markup_bps };
            let charged = charge(price, usd(ceiling), usd(cost), matched).unwrap();
            prop_assert!(charged <= usd(ceiling) && !charged.is_negative());
            prop_assert!(matched || charged.is_zero());
        }
    }
}
