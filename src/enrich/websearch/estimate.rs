//! What a websearch costs by its plan: it asks directory and search once each, reads pages, and asks a model at most once.

use super::PAGES_A_CANDIDATE;
use crate::billing::quote::{Estimate, Question};
use crate::enrich::research::Tools;
use crate::types::{OutOfRange, Usd, WebsearchPayload};

/// Pages that are mostly read: the business's first page, and the one that says how to reach it.
const PAGES_TYPICAL: u32 = 2;

/// By these tools' prices. Nothing is asked twice, so no run costs more.
///
/// # Errors
/// [`OutOfRange`] where they add up to more than there is money.
pub(super) fn estimate(tools: &Tools, payload: &WebsearchPayload) -> Result<Estimate, OutOfRange> {
    let pages = u32::try_from(PAGES_A_CANDIDATE * payload.max_results).unwrap_or(0);
    let directory = tools.directory.as_ref().map(|directory| ("directory", directory.settings().cost, 1, 1));
    let search = tools.search.as_ref().map(|search| ("search", search.settings().cost, 1, 1));
    let website = tools.website.as_ref().map(|website| ("website", website.settings().cost, pages, PAGES_TYPICAL.min(pages)));
    let mut estimate = Estimate::nothing(None);
    let mut plan_max = Usd::ZERO;
    for (tool, cost, at_most, mostly) in [directory, search, website].into_iter().flatten() {
        estimate.questions.push(Question { tool, cost: Some(cost), at_most: Some(at_most) });
        estimate.typical = estimate.typical.plus(cost.times(mostly)?)?;
        plan_max = plan_max.plus(cost.times(at_most)?)?;
    }
    // What a page says decides how long a model's question is, so no plan bounds its price; the ceiling does.
    if tools.llm.is_some() {
        estimate.questions.push(Question { tool: "llm", cost: None, at_most: Some(1) });
    } else {
        estimate.plan_max = Some(plan_max);
    }
    Ok(estimate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enrich::fixture::{DIRECTORY, PAGE, SEARCH, priced_tools};

    #[test]
    fn a_plan_by_hand() {
        let of = |tools: &Tools, max_results: u32| {
            let text = format!(r#"{{"business_name":"A","max_results":{max_results}}}"#);
            let Estimate { questions, typical, plan_max, budget } = estimate(tools, &WebsearchPayload::parse(&text).unwrap()).unwrap();
            assert_eq!(budget, None);
            let at_most: Vec<u32> = questions.iter().map(|question| question.at_most.unwrap()).collect();
            (typical.micros(), plan_max.unwrap().micros(), at_most)
        };
        let with_model = estimate(&priced_tools(), &WebsearchPayload::parse(r#"{"business_name":"A"}"#).unwrap()).unwrap();
        assert_eq!((with_model.plan_max, with_model.questions.last().map(|question| question.tool)), (None, Some("llm")));
        let tools = Tools { llm: None, ..priced_tools() };
        assert_eq!(of(&tools, 3), (DIRECTORY + SEARCH + 2 * PAGE, DIRECTORY + SEARCH + 6 * PAGE, vec![1, 1, 6]));
        assert_eq!(of(&tools, 10).1, DIRECTORY + SEARCH + 20 * PAGE);
        assert_eq!(of(&Tools { search: None, ..tools.clone() }, 1), (DIRECTORY + 2 * PAGE, DIRECTORY + 2 * PAGE, vec![1, 2]));
        assert_eq!(of(&Tools::default(), 3), (0, 0, Vec::new()));
    }
}
