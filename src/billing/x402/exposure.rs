//! How much credit a payer gets: a signed authorization is a cheque, not a hold (architecture.md 6, safety.md D-5).

use super::newcomers::Newcomers;
use super::offer::Scheme;
use super::refusal::{Reason, Refusal};
use crate::types::Usd;

/// When another newcomer may ask again while one is on trial, in seconds: about as long as a job and its settlement take.
const PROBE_S: u32 = 60;

/// The operator's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Caps {
    /// For any one payer: `UPTO_MAX_EXPOSURE_USD`.
    pub each: Usd,
    /// For one that has no good settlement yet: `UPTO_UNPROVEN_EXPOSURE_USD`.
    pub unproven: Usd,
    /// For all of those together: `UPTO_UNPROVEN_TOTAL_USD`, or this shard's slice of it.
    pub unproven_total: Usd,
}

impl Caps {
    /// No limits of ours; the payer's means still are.
    pub const UNLIMITED: Self = Self { each: Usd::MAX_WIRE, unproven: Usd::MAX_WIRE, unproven_total: Usd::MAX_WIRE };
}

impl Default for Caps {
    fn default() -> Self {
        let dollars = |dollars: i64| Usd::from_micros(dollars.saturating_mul(1_000_000));
        Self { each: dollars(100), unproven: dollars(50), unproven_total: dollars(500) }
    }
}

/// What our own books say of a payer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// The sum of the maxima of its authorizations that are neither settled nor dead.
    pub unsettled: Usd,
    /// What it owes from settlements that failed.
    pub debt: Usd,
    /// Whether a settlement of it went well, ever.
    pub proven: bool,
    /// The sum of the unsettled maxima of all payers that are not proven, this one included.
    pub unproven_total: Usd,
    /// This payment, or one that is unsettled, brings its allowance along (x402.md 6).
    pub sponsored: bool,
    /// Whether payers that are not proven are taken at all.
    pub newcomers: Newcomers,
}

/// What the chain said of the payer, seconds ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Funds {
    /// Of the asset.
    pub balance: Usd,
    /// What Permit2 may move of it; none for `exact`, which needs no allowance.
    pub allowance: Option<Usd>,
}

/// Which limit was in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Limit {
    /// [`Caps::each`].
    Each,
    /// [`Caps::unproven`].
    Unproven,
    /// [`Caps::unproven_total`].
    UnprovenTotal,
    /// The payer's balance.
    Balance,
    /// Its allowance for Permit2.
    Allowance,
}

/// Why there is no more credit, with the figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
pub enum NoCredit {
    /// Pay first.
    #[error("{owed} USD of earlier jobs are unpaid")]
    InDebt {
        /// How much.
        owed: Usd,
    },
    /// An allowance that comes along replaces the one that is there, so nothing else may count on either.
    #[error("a payment that brings its allowance along goes alone, and {unsettled} USD are not settled yet")]
    Alone {
        /// What isn't settled.
        unsettled: Usd,
    },
    /// Too many that had not paid before did not pay, so no other is taken for a while.
    #[error("wallets that have not paid before are not taken for the next {seconds} s, since too many of them did not pay")]
    Paused {
        /// For so many seconds, or until another has paid.
        seconds: u32,
    },
    /// What is unsettled and this together are too much.
    #[error("{unsettled} USD are not settled yet, and {asked} USD more would go beyond {limit} USD")]
    Beyond {
        /// Which limit.
        which: Limit,
        /// How high it is.
        limit: Usd,
        /// What counts into it already.
        unsettled: Usd,
        /// This authorization's maximum.
        asked: Usd,
    },
}

impl NoCredit {
    /// The stable word for it: ours for our own limits, the protocol's for the payer's means.
    pub const fn as_str(&self, scheme: Scheme) -> &'static str {
        let reason = match self {
            Self::InDebt { .. } => return "PAYER_IN_DEBT",
            Self::Alone { .. } | Self::Paused { .. } | Self::Beyond { which: Limit::Each | Limit::Unproven | Limit::UnprovenTotal, .. } => {
                return "EXPOSURE_LIMIT";
            }
            Self::Beyond { which: Limit::Balance, .. } => Reason::Balance,
            Self::Beyond { which: Limit::Allowance, .. } => Reason::Allowance,
        };
        Refusal { scheme, reason }.as_str()
    }
}

/// Admits an authorization of at most `asked`, or says why not. To be asked by the payer's single writer, in the commit that
/// accepts the job: two authorizations that were each within a balance must not both get past it (T-05).
///
/// # Errors
/// With the first limit in the way: debts, then the newcomers' breaker, a sponsored allowance's own, then our own caps, then the payer's means.
pub fn admit(asked: Usd, standing: &Standing, funds: &Funds, caps: &Caps) -> Result<(), NoCredit> {
    if standing.debt > Usd::ZERO {
        return Err(NoCredit::InDebt { owed: standing.debt });
    }
    let (own, total) = (standing.unsettled, standing.unproven_total);
    let newcomer = !standing.proven;
    match standing.newcomers {
        Newcomers::Paused { seconds } if newcomer => return Err(NoCredit::Paused { seconds }),
        // The one that is let in shows how the others are.
        Newcomers::OneAtATime if newcomer && total > Usd::ZERO => return Err(NoCredit::Paused { seconds: PROBE_S }),
        Newcomers::Paused { .. } | Newcomers::OneAtATime | Newcomers::Welcome => {}
    }
    // Not for `exact`, which needs no allowance.
    if standing.sponsored && funds.allowance.is_some() {
        if newcomer {
            return Err(NoCredit::Beyond { which: Limit::Allowance, limit: Usd::ZERO, unsettled: own, asked });
        }
        if own > Usd::ZERO {
            return Err(NoCredit::Alone { unsettled: own });
        }
    }
    let limits = [
        Some((Limit::Each, caps.each, own)),
        newcomer.then_some((Limit::Unproven, caps.unproven, own)),
        newcomer.then_some((Limit::UnprovenTotal, caps.unproven_total, total)),
        funds.allowance.map(|allowance| (Limit::Allowance, allowance, own)),
        Some((Limit::Balance, funds.balance, own)),
    ];
    for (which, limit, unsettled) in limits.into_iter().flatten() {
        // A sum that is out of range is beyond any limit.
        let fits = unsettled.plus(asked).is_ok_and(|sum| sum <= limit);
        if !fits {
            return Err(NoCredit::Beyond { which, limit, unsettled, asked });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn usd(dollars: i64) -> Usd {
        Usd::from_micros(dollars * 1_000_000)
    }

    const RICH: Funds = Funds { balance: usd(1_000_000), allowance: Some(Usd::MAX_WIRE) };

    fn asked(dollars: i64, standing: Standing, funds: Funds) -> Result<(), (&'static str, Option<Limit>)> {
        admit(usd(dollars), &standing, &funds, &Caps::default()).map_err(|refused| {
            let which = match refused {
                NoCredit::InDebt { .. } | NoCredit::Alone { .. } | NoCredit::Paused { .. } => None,
                NoCredit::Beyond { which, .. } => Some(which),
            };
            (refused.as_str(if funds.allowance.is_some() { Scheme::Upto } else { Scheme::Exact }), which)
        })
    }

    #[test]
    fn each_limit_at_its_edge() {
        let new = Standing::default();
        let proven = Standing { proven: true, ..new };
        let crowd = |dollars| Standing { unproven_total: usd(dollars), ..new };
        let owing = Standing { debt: Usd::from_micros(1), ..proven };
        let open = |dollars| Standing { unsettled: usd(dollars), ..proven };
        let has = |balance, allowance: Option<i64>| Funds { balance: usd(balance), allowance: allowance.map(usd) };
        let limit = |which| Err(("EXPOSURE_LIMIT", Some(which)));
        let paused = Standing { newcomers: Newcomers::Paused { seconds: 9 }, ..new };
        let one = Standing { newcomers: Newcomers::OneAtATime, ..new };
        for (dollars, standing, funds, wanted) in [
            (50, new, RICH, Ok(())),
            (51, new, RICH, limit(Limit::Unproven)),
            (101, new, RICH, limit(Limit::Each)),
            (100, proven, RICH, Ok(())),
            (101, proven, RICH, limit(Limit::Each)),
            (40, open(60), RICH, Ok(())),
            (41, open(60), RICH, limit(Limit::Each)),
            (10, crowd(490), RICH, Ok(())),
            (11, crowd(490), RICH, limit(Limit::UnprovenTotal)),
            (11, Standing { proven: true, ..crowd(490) }, RICH, Ok(())),
            (1, paused, RICH, Err(("EXPOSURE_LIMIT", None))),
            (1, Standing { proven: true, ..paused }, RICH, Ok(())),
            (1, one, RICH, Ok(())),
            (1, Standing { unproven_total: Usd::from_micros(1), ..one }, RICH, Err(("EXPOSURE_LIMIT", None))),
            (1, Standing { proven: true, unproven_total: usd(1), ..one }, RICH, Ok(())),
            (51, one, RICH, limit(Limit::Unproven)),
            (1, owing, RICH, Err(("PAYER_IN_DEBT", None))),
            (5, open(5), has(10, Some(10)), Ok(())),
            (6, open(5), has(10, Some(11)), Err(("permit2_insufficient_balance", Some(Limit::Balance)))),
            (6, open(5), has(11, Some(10)), Err(("permit2_allowance_required", Some(Limit::Allowance)))),
            (6, open(5), has(11, None), Ok(())),
            (5, Standing { sponsored: true, ..new }, RICH, Err(("permit2_allowance_required", Some(Limit::Allowance)))),
            (5, Standing { sponsored: true, ..proven }, has(5, Some(5)), Ok(())),
            (6, Standing { sponsored: true, ..proven }, has(5, Some(6)), Err(("permit2_insufficient_balance", Some(Limit::Balance)))),
            (5, Standing { sponsored: true, ..open(5) }, RICH, Err(("EXPOSURE_LIMIT", None))),
            (5, Standing { sponsored: true, ..open(5) }, has(10, None), Ok(())),
            (6, open(5), has(10, None), Err(("invalid_exact_evm_insufficient_balance", Some(Limit::Balance)))),
        ] {
            assert_eq!(asked(dollars, standing, funds), wanted, "{dollars} {standing:?} {funds:?}");
        }
    }

    #[test]
    fn a_refusal_has_its_figures() {
        let standing = Standing { unsettled: usd(60), proven: true, ..Standing::default() };
        let refused = admit(Usd::from_micros(40_500_000), &standing, &RICH, &Caps::default()).unwrap_err();
        assert_eq!(refused.to_string(), "60 USD are not settled yet, and 40.5 USD more would go beyond 100 USD");
        let alone = admit(usd(1), &Standing { sponsored: true, ..standing }, &RICH, &Caps::default()).unwrap_err();
        assert_eq!(alone.to_string(), "a payment that brings its allowance along goes alone, and 60 USD are not settled yet");
        assert_eq!(NoCredit::InDebt { owed: Usd::from_micros(50_000) }.to_string(), "0.05 USD of earlier jobs are unpaid");
    }

    proptest! {
        /// I-9, T-05: however many are asked for, what was admitted never adds up to more than any limit.
        #[test]
        fn t05_what_is_admitted_stays_within_every_limit(
            amounts in proptest::collection::vec(0_i64..40_000_000, 1..30),
            balance in 0_i64..200_000_000, allowance in 0_i64..200_000_000, proven: bool,
        ) {
            let caps = Caps::default();
            let funds = Funds { balance: Usd::from_micros(balance), allowance: Some(Usd::from_micros(allowance)) };
            let mut standing = Standing { proven, ..Standing::default() };
            for amount in amounts.into_iter().map(Usd::from_micros) {
                if admit(amount, &standing, &funds, &caps).is_ok() {
                    standing.unsettled = standing.unsettled.plus(amount).unwrap();
                    standing.unproven_total = standing.unproven_total.plus(amount).unwrap();
                }
            }
            let own = if proven { caps.each } else { caps.unproven };
            prop_assert!(standing.unsettled <= own.min(funds.balance).min(Usd::from_micros(allowance)));
        }

        #[test]
        fn no_figures_make_it_panic(asked: i64, unsettled: i64, total: i64, balance: i64) {
            let standing = Standing { unsettled: Usd::from_micros(unsettled), unproven_total: Usd::from_micros(total), ..Standing::default() };
            let funds = Funds { balance: Usd::from_micros(balance), allowance: None };
            let _any = admit(Usd::from_micros(asked), &standing, &funds, &Caps::default());
        }
    }
}
