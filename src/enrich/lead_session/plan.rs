//! Which questions come next. Pure: the same state, the same table, the same plan.

use url::Url;

use super::gains::GainTable;
use super::want::{Ask, Want};
use crate::types::Usd;

/// A question that could be asked now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// What kind of question.
    pub ask: Ask,
    /// About what.
    pub target: Target,
    /// The most that it can cost.
    pub cost_max: Usd,
}

/// What a question is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The lead itself, as the directory is asked.
    Lead,
    /// These words.
    Words(String),
    /// This page; the finding that named it as the business's website, where one did.
    Page(Url, Option<usize>),
    /// This address.
    Address(String),
}

/// What is still to be learned of each want, in percent of it.
pub type Lack = [(Want, u32); Want::ALL.len()];

/// At most so many questions in one round: what the first ones bring changes what is worth asking.
pub(super) const ACTIONS_A_ROUND: usize = 3;
/// A question that promises less than this for a cent, in thousandths of a point, isn't asked.
const GAIN_MIN: u64 = 60;

/// The business's own pages that a question opens are these, the best for each want.
const OPENED: [Ask; 3] = [Ask::Home, Ask::Contact, Ask::Team];
/// So many of them are read for it.
const PAGES_OPENED: u64 = 2;

/// A round's questions, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// These, in this order.
    Ask(Vec<Action>),
    /// Nothing is lacking.
    Complete,
    /// What would help doesn't fit into the budget.
    Budget,
    /// Nothing that can be asked would help.
    NoGain,
}

/// Chooses the round's questions by expected gain per cost. After each one, what it is expected to bring counts as half known, so
/// that the round doesn't ask three sources for one thing.
///
/// `page` is what a page costs where no page of the business's own is known yet: then a question is also worth what it opens.
pub fn choose(candidates: &[Action], lack: &Lack, table: &GainTable, left: Usd, page: Option<Usd>) -> Choice {
    if lack.iter().all(|(_, percent)| *percent == 0) {
        return Choice::Complete;
    }
    let (mut lack, mut left) = (*lack, left);
    let mut open: Vec<&Action> = candidates.iter().collect();
    let mut chosen: Vec<Action> = Vec::new();
    let mut too_dear = false;
    let mut first_rate = 0;
    while chosen.len() < ACTIONS_A_ROUND {
        let rated = open.iter().enumerate().map(|(at, action)| (rate(action, &lack, table, page), std::cmp::Reverse(at)));
        let Some((rate, std::cmp::Reverse(at))) = rated.max() else { break };
        // What promises far less than the round's first question is better asked when its answer is known.
        if rate < GAIN_MIN || rate < first_rate / 3 {
            break;
        }
        let action = open.remove(at);
        if action.cost_max > left {
            too_dear = true;
            continue;
        }
        left = left.minus(action.cost_max).unwrap_or(Usd::ZERO);
        if chosen.is_empty() {
            first_rate = rate;
        }
        for (want, percent) in &mut lack {
            let expected = u32::try_from(chance(action.ask, *want, table, page)).unwrap_or(10_000);
            *percent -= *percent * expected.min(10_000) / 10_000;
        }
        chosen.push(action.clone());
        // What it opens decides what is worth asking next.
        if page.is_some() && action.ask.opens() > 0 {
            break;
        }
    }
    match (chosen.is_empty(), too_dear) {
        (false, _) => Choice::Ask(chosen),
        (true, true) => Choice::Budget,
        (true, false) => Choice::NoGain,
    }
}

/// How likely a question brings a want, by itself or by what it opens, in parts of ten thousand.
fn chance(ask: Ask, want: Want, table: &GainTable, page: Option<Usd>) -> u64 {
    let opens = if page.is_some() { u64::from(ask.opens()) } else { 0 };
    let itself = u64::from(table.chance(ask, want));
    let behind = OPENED.iter().map(|ask| u64::from(table.chance(*ask, want))).max().unwrap_or(0);
    itself + (10_000 - itself.min(10_000)) * opens / 10_000 * behind / 10_000
}

/// Thousandths of a point that a question is expected to bring for a cent. Free ones are taken as costing a hundredth of a cent.
fn rate(action: &Action, lack: &Lack, table: &GainTable, page: Option<Usd>) -> u64 {
    let gain: u64 = lack.iter().map(|(want, percent)| u64::from(want.weight() * percent) * chance(action.ask, *want, table, page)).sum();
    // What is opened has to be read.
    let opens = u64::from(action.ask.opens());
    let pages = page.map_or(0, |page| u64::try_from(page.micros()).unwrap_or(0) * opens / 10_000 * PAGES_OPENED);
    let cost = u64::try_from(action.cost_max.micros()).unwrap_or(0).max(100) + pages;
    // Weights are tenths of points, the lack is in percent, the chance in parts of ten thousand; a cent is 10,000 micro-dollars.
    gain / cost
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn action(ask: Ask, cost: i64) -> Action {
        Action { ask, target: Target::Lead, cost_max: Usd::from_micros(cost) }
    }

    fn lacking(wants: &[Want]) -> Lack {
        Want::ALL.map(|want| (want, if wants.contains(&want) { 100 } else { 0 }))
    }

    fn asks(choice: Choice) -> Vec<Ask> {
        match choice {
            Choice::Ask(actions) => actions.into_iter().map(|action| action.ask).collect(),
            Choice::Complete | Choice::Budget | Choice::NoGain => Vec::new(),
        }
    }

    #[test]
    fn what_promises_most_for_its_price_comes_first() {
        let table = GainTable::default();
        let candidates = [action(Ask::Directory, 10_000), action(Ask::Contact, 5000), action(Ask::Team, 5000)];
        let rich = Usd::from_micros(1_000_000);
        assert_eq!(asks(choose(&candidates, &lacking(&[Want::Title]), &table, rich, None)).first(), Some(&Ask::Team));
        assert_eq!(asks(choose(&candidates, &lacking(&[Want::Phone, Want::Street]), &table, rich, None)).first(), Some(&Ask::Contact));
        // Where no page of its own is known, a search is worth what it opens.
        let blind = [action(Ask::Directory, 10_000), action(Ask::Search, 10_000)];
        let person = lacking(&[Want::Title, Want::Email]);
        assert_eq!(asks(choose(&blind, &person, &table, rich, Some(Usd::from_micros(5000)))).first(), Some(&Ask::Search));
        assert_eq!(asks(choose(&blind, &person, &table, rich, None)).first(), Some(&Ask::Directory));
        let cheap = [action(Ask::Directory, 1000), action(Ask::Contact, 5000)];
        assert_eq!(asks(choose(&cheap, &lacking(&[Want::Phone, Want::Street]), &table, rich, None)).first(), Some(&Ask::Directory));
    }

    #[test]
    fn the_end_is_said_by_its_reason() {
        let table = GainTable::default();
        let team = [action(Ask::Team, 5000)];
        assert_eq!(choose(&team, &lacking(&[]), &table, Usd::from_micros(5000), None), Choice::Complete);
        assert_eq!(choose(&team, &lacking(&[Want::Title]), &table, Usd::from_micros(4999), None), Choice::Budget);
        assert_eq!(choose(&[], &lacking(&[Want::Title]), &table, Usd::from_micros(5000), None), Choice::NoGain);
        assert_eq!(choose(&[action(Ask::Email, 5000)], &lacking(&[Want::Title]), &table, Usd::from_micros(5000), None), Choice::NoGain);
    }

    proptest! {
        /// I-3: whatever things cost, a round's questions fit into what is left, all of them together.
        #[test]
        fn a_round_fits_into_the_budget(costs in prop::collection::vec((0_usize..11, 0_i64..50_000), 0..12), left in 0_i64..100_000) {
            let candidates: Vec<Action> = costs.iter().map(|(ask, cost)| action(Ask::ALL[*ask], *cost)).collect();
            let choice = choose(&candidates, &lacking(&Want::ALL), &GainTable::default(), Usd::from_micros(left), Some(Usd::from_micros(5000)));
            if let Choice::Ask(actions) = choice {
                let sum: i64 = actions.iter().map(|action| action.cost_max.micros()).sum();
                prop_assert!(sum <= left && !actions.is_empty() && actions.len() <= ACTIONS_A_ROUND);
            }
        }
    }
}
