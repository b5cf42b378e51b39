//! What a completion costs: our price of the tokens that the server reports.
//!
//! The server's report is its word. It is believed downwards only: tokens in are at most the bytes that were sent, tokens out at most
//! the limit that was asked for, so a hop never costs more than was known before it (F-V2). A number that is missing, negative or no
//! whole number is no report, and what isn't reported isn't charged: the difference to the possible is our loss, and counted.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::enrich::vendors::line::Basis;
use crate::types::Usd;

/// US dollars by a million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceSheet {
    /// What is sent.
    pub input_per_mtok: Usd,
    /// What is answered, thoughts included.
    pub output_per_mtok: Usd,
}

/// How many there are, or can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tokens {
    /// In what is sent.
    pub input: u64,
    /// In what is answered.
    pub output: u64,
}

/// What a server says that was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Reported {
    input: Option<u64>,
    output: Option<u64>,
}

impl PriceSheet {
    /// What so many tokens cost, rounded up to the micro-dollar once, in our favour; at most [`Usd::MAX_WIRE`].
    pub fn cost(&self, tokens: Tokens) -> Usd {
        let of = |count: u64, per_mtok: Usd| u128::from(count).saturating_mul(u128::try_from(per_mtok.micros()).unwrap_or(0));
        let whole = of(tokens.input, self.input_per_mtok).saturating_add(of(tokens.output, self.output_per_mtok));
        i64::try_from(whole.div_ceil(1_000_000)).map_or(Usd::MAX_WIRE, Usd::from_micros).min(Usd::MAX_WIRE)
    }
}

impl Reported {
    /// Reads the `usage` of an answer, which may be anything.
    pub(super) fn read(usage: Option<&RawValue>) -> Self {
        // As a map: a struct would take an array's items for its fields.
        let members =
            usage.and_then(|usage| serde_json::from_str::<BTreeMap<Cow<'_, str>, &RawValue>>(usage.get()).ok()).unwrap_or_default();
        let of = |name: &str| members.get(name).and_then(|raw| count(raw));
        Self { input: of("prompt_tokens"), output: of("completion_tokens") }
    }

    /// What is charged, and what that rests on.
    pub(super) fn within(self, at_most: Tokens) -> (Tokens, Basis) {
        let tokens = Tokens { input: self.input.unwrap_or(0).min(at_most.input), output: self.output.unwrap_or(0).min(at_most.output) };
        let is_over = |reported: Option<u64>, at_most: u64| reported.is_some_and(|reported| reported > at_most);
        let basis = if self.input.is_none() || self.output.is_none() {
            Basis::Unreported
        } else if is_over(self.input, at_most.input) || is_over(self.output, at_most.output) {
            Basis::Overstated
        } else {
            Basis::Sheet
        };
        (tokens, basis)
    }
}

/// A whole number from zero; one that is too large for ours is as large as they get.
fn count(raw: &RawValue) -> Option<u64> {
    let text = raw.get();
    let is_whole = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_whole.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SHEET: PriceSheet = PriceSheet { input_per_mtok: Usd::from_micros(2_500_000), output_per_mtok: Usd::from_micros(10_000_000) };

    fn charged(usage: Option<&str>, at_most: Tokens) -> (Tokens, Basis) {
        let raw = usage.map(|usage| RawValue::from_string(usage.to_owned()).unwrap());
        Reported::read(raw.as_deref()).within(at_most)
    }

    #[test]
    fn rounded_up_once() {
        let cost = |input, output| SHEET.cost(Tokens { input, output }).micros();
        assert_eq!((cost(0, 0), cost(1, 0), cost(2, 0), cost(0, 1), cost(1, 1)), (0, 3, 5, 10, 13));
        assert_eq!(cost(1_000_000, 1_000_000), 12_500_000);
        assert_eq!(SHEET.cost(Tokens { input: u64::MAX, output: u64::MAX }), Usd::MAX_WIRE);
        let dearest = PriceSheet { input_per_mtok: Usd::MAX_WIRE, output_per_mtok: Usd::MAX_WIRE };
        assert_eq!(dearest.cost(Tokens { input: u64::MAX, output: u64::MAX }), Usd::MAX_WIRE);
        let free = PriceSheet { input_per_mtok: Usd::ZERO, output_per_mtok: Usd::ZERO };
        assert_eq!(free.cost(Tokens { input: 1, output: 1 }), Usd::ZERO);
    }

    /// F-V2: price field missing, negative, huge, or of another type.
    #[test]
    fn fv2_reports() {
        let at_most = Tokens { input: 1000, output: 100 };
        for (usage, wanted) in [
            (r#"{"prompt_tokens":82,"completion_tokens":17,"total_tokens":99}"#, (82, 17, Basis::Sheet)),
            (r#"{"prompt_tokens":1000,"completion_tokens":100}"#, (1000, 100, Basis::Sheet)),
            (r#"{"prompt_tokens":10000,"completion_tokens":17}"#, (1000, 17, Basis::Overstated)),
            (r#"{"prompt_tokens":82,"completion_tokens":99999999999999999999999999}"#, (82, 100, Basis::Overstated)),
            (r#"{"prompt_tokens":82}"#, (82, 0, Basis::Unreported)),
            (r#"{"prompt_tokens":99999,"completion_tokens":null}"#, (1000, 0, Basis::Unreported)),
            (r#"{"prompt_tokens":-82,"completion_tokens":-1}"#, (0, 0, Basis::Unreported)),
            (r#"{"prompt_tokens":"82","completion_tokens":17.5}"#, (0, 0, Basis::Unreported)),
            (r#"{"prompt_tokens":1e300,"completion_tokens":1}"#, (0, 1, Basis::Unreported)),
            (r#"{"prompt_tokens":[],"completion_tokens":{}}"#, (0, 0, Basis::Unreported)),
            ("{}", (0, 0, Basis::Unreported)),
            ("null", (0, 0, Basis::Unreported)),
            ("[82,17]", (0, 0, Basis::Unreported)),
            ("7", (0, 0, Basis::Unreported)),
        ] {
            let (tokens, basis) = charged(Some(usage), at_most);
            assert_eq!((tokens.input, tokens.output, basis), wanted, "{usage}");
        }
        assert_eq!(charged(None, at_most), (Tokens::default(), Basis::Unreported));
    }

    proptest! {
        /// Whatever is reported, a completion costs from nothing to what was known before it.
        #[test]
        fn no_report_costs_more_than_was_known(
            input in any::<u32>(), output in any::<u32>(), a in "-?[0-9]{1,30}(\\.[0-9]{1,3})?", b in "(-?[0-9]{1,12}|null|\"[0-9]{1,3}\"|\\[\\])",
            input_price in 0_i64..=9_007_199_254_740_991, output_price in 0_i64..=1_000_000_000,
        ) {
            let sheet = PriceSheet { input_per_mtok: Usd::from_micros(input_price), output_per_mtok: Usd::from_micros(output_price) };
            let at_most = Tokens { input: u64::from(input), output: u64::from(output) };
            let usage = format!(r#"{{"prompt_tokens":{a},"completion_tokens":{b}}}"#);
            let raw = RawValue::from_string(usage).ok();
            let (tokens, _) = Reported::read(raw.as_deref()).within(at_most);
            let cost = sheet.cost(tokens);
            prop_assert!(cost >= Usd::ZERO && cost <= sheet.cost(at_most), "{:?} of {:?}", tokens, at_most);
        }

        /// Against long-hand: the exact price is never more than a micro-dollar below, and never above.
        #[test]
        fn rounding_is_by_less_than_a_micro_dollar(input in 0_u64..1_000_000_000, output in 0_u64..1_000_000_000) {
            let exact = u128::from(input) * 2_500_000 + u128::from(output) * 10_000_000;
            let charged = u128::try_from(SHEET.cost(Tokens { input, output }).micros()).unwrap() * 1_000_000;
            prop_assert!(charged >= exact && charged - exact < 1_000_000);
        }
    }
}
