//! Amounts as they stand in an answer's bytes, read by hand: no float, and none of the code that is tested.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

/// Whole micro-dollars of a decimal number such as `1.5` or `0.000010`.
pub fn micros(text: &str) -> i64 {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    assert!(fraction.len() <= 6 && !whole.is_empty(), "{text} is no whole number of micro-dollars");
    sign * format!("{whole}{fraction:0<6}").parse::<i64>().unwrap_or_else(|_| panic!("{text} is no amount"))
}

/// What a poll says of a job's money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bill {
    pub ceiling: i64,
    pub charged: Option<i64>,
    pub refunded: Option<i64>,
    /// What each hop cost.
    pub hops: Vec<i64>,
}

impl Bill {
    pub fn of_poll(body: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Poll {
            bill_up_to_usd: Box<RawValue>,
            charged_usd: Box<RawValue>,
            refunded_usd: Box<RawValue>,
            costs: Vec<Cost>,
        }
        #[derive(Deserialize)]
        struct Cost {
            cost_usd: Box<RawValue>,
        }
        let poll: Poll = serde_json::from_slice(body).unwrap();
        let maybe = |raw: &RawValue| (raw.get() != "null").then(|| micros(raw.get()));
        Self {
            ceiling: micros(poll.bill_up_to_usd.get()),
            charged: maybe(&poll.charged_usd),
            refunded: maybe(&poll.refunded_usd),
            hops: poll.costs.iter().map(|cost| micros(cost.cost_usd.get())).collect(),
        }
    }

    /// The sum of its hops, bounded by the ceiling.
    pub fn cost(&self) -> i64 {
        self.hops.iter().sum::<i64>().min(self.ceiling)
    }
}

/// One amount of a JSON object.
pub fn amount(body: &[u8], field: &str) -> i64 {
    let fields: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(body).unwrap();
    micros(fields.get(field).unwrap_or_else(|| panic!("no {field}")).get())
}
