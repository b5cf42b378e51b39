//! What a session costs by its plan: so many questions a round, each at most the dearest's price, and the directory once. What a
//! language model may ask has no bound but the budget.

use super::plan::ACTIONS_A_ROUND;
use crate::billing::quote::{Estimate, Question};
use crate::enrich::research::Tools;
use crate::enrich::vendors::llm::Tokens;
use crate::types::payload::LeadMode;
use crate::types::{LeadPayload, OutOfRange, Usd};

/// What completes most leads, besides the directory and a search.
const PAGES_TYPICAL: u32 = 2;
/// Turns that a model mostly takes.
const TURNS_TYPICAL: u32 = 4;
/// What such a turn reads and writes.
const TOKENS_TYPICAL: Tokens = Tokens { input: 5000, output: 200 };

/// By these tools' prices, in the payload's mode and rounds.
///
/// # Errors
/// [`OutOfRange`] where they add up to more than there is money.
pub(super) fn estimate(tools: &Tools, payload: &LeadPayload) -> Result<Estimate, OutOfRange> {
    let asked = u32::try_from(payload.max_rounds).unwrap_or(0).saturating_mul(u32::try_from(ACTIONS_A_ROUND).unwrap_or(u32::MAX));
    let model = tools.llm.as_ref().filter(|_| payload.mode != LeadMode::Waterfall);
    let directory = tools.directory.as_ref().map(|directory| ("directory", directory.settings().cost, 1, 1));
    let search = tools.search.as_ref().map(|search| ("search", search.settings().cost, asked, 1));
    let website = tools.website.as_ref().map(|website| ("website", website.settings().cost, asked, PAGES_TYPICAL));
    let email = tools.email.as_ref().map(|email| ("email", email.settings().cost, asked, 1));
    let mut estimate = Estimate::nothing(payload.budget_usd);
    let mut dearest = Usd::ZERO;
    for (tool, cost, at_most, mostly) in [directory, search, website, email].into_iter().flatten() {
        estimate.questions.push(Question { tool, cost: Some(cost), at_most: model.is_none().then_some(at_most) });
        estimate.typical = estimate.typical.plus(cost.times(mostly)?)?;
        if tool != "directory" {
            dearest = dearest.max(cost);
        }
    }
    if let Some(llm) = model {
        estimate.questions.push(Question { tool: "llm", cost: None, at_most: None });
        estimate.typical = estimate.typical.plus(llm.settings().prices.cost(TOKENS_TYPICAL).times(TURNS_TYPICAL)?)?;
        return Ok(estimate);
    }
    let without_directory = dearest.times(asked)?;
    let with_directory = match directory {
        Some((_, cost, ..)) => cost.plus(dearest.times(asked.saturating_sub(1))?)?,
        None => Usd::ZERO,
    };
    estimate.plan_max = Some(without_directory.max(with_directory));
    Ok(estimate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enrich::fixture::{DIRECTORY, EMAIL, PAGE, SEARCH, priced_tools};

    fn of(tools: &Tools, more: &str) -> Estimate {
        estimate(tools, &LeadPayload::parse(&format!(r#"{{"lead":{{"company":"A"}}{more}}}"#)).unwrap()).unwrap()
    }

    #[test]
    fn a_plan_by_hand() {
        let tools = priced_tools();
        let plan_max = |tools: &Tools, more: &str| of(tools, more).plan_max.map(Usd::micros);
        let typical = DIRECTORY + SEARCH + 2 * PAGE + EMAIL;
        assert_eq!(of(&tools, r#","mode":"waterfall""#).typical.micros(), typical);
        // The directory once, and else the dearest, three times a round.
        assert_eq!(plan_max(&tools, r#","mode":"waterfall""#), Some(DIRECTORY + 14 * SEARCH));
        assert_eq!(plan_max(&tools, r#","mode":"waterfall","max_rounds":1"#), Some(DIRECTORY + 2 * SEARCH));
        let cheap = Tools { search: None, website: None, ..tools.clone() };
        assert_eq!(plan_max(&cheap, r#","mode":"waterfall","max_rounds":2"#), Some(DIRECTORY + 5 * EMAIL));
        let without_directory = Tools { directory: None, ..tools.clone() };
        assert_eq!(plan_max(&without_directory, r#","mode":"waterfall","max_rounds":2"#), Some(6 * SEARCH));
        assert_eq!(of(&tools, r#","budget_usd":0.5"#).budget, Some(Usd::from_micros(500_000)));
    }

    /// Only the budget bounds what a model asks, where there is one.
    #[test]
    fn a_model_has_no_plan() {
        let tools = priced_tools();
        for mode in ["auto", "llm"] {
            let estimate = of(&tools, &format!(r#","mode":"{mode}""#));
            assert_eq!((estimate.plan_max, estimate.typical.micros()), (None, DIRECTORY + SEARCH + 2 * PAGE + EMAIL + 4 * 5200));
            let unbounded: Vec<_> = estimate.questions.iter().map(|question| (question.tool, question.at_most)).collect();
            assert!(unbounded.contains(&("llm", None)) && unbounded.iter().all(|(_, at_most)| at_most.is_none()), "{unbounded:?}");
            let without = Tools { llm: None, ..tools.clone() };
            assert_eq!(of(&without, &format!(r#","mode":"{mode}""#)), of(&tools, r#","mode":"waterfall""#), "it goes by gain then");
        }
    }
}
