//! Which questions come next. Pure: the same state, the same table, the same plan.
//!
//! While there is money for everything, questions are asked by expected gain per cost. Where there isn't, the set of questions is
//! looked for first that is expected to bring most for what is left: a web search is worth nothing to somebody who can't pay for
//! the pages that it leads to.

use url::Url;

use super::gains::GainTable;
use super::want::{Ask, Want};
use super::weigh::Weighing;
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
    /// The list of pages of this finding's site.
    Sitemap(usize),
    /// This address.
    Address(String),
}

/// What is still to be learned of each want, in percent of it.
pub type Lack = [(Want, u32); Want::ALL.len()];

/// What is lacking of a want from here on isn't known yet; below, a second source would make it more certain, and is taken for
/// nothing only.
pub const LACKING_MIN: u32 = 20;

/// At most so many questions in one round: what the first ones bring changes what is worth asking.
pub(super) const ACTIONS_A_ROUND: usize = 3;
/// A question that promises less than this for a cent, in thousandths of a point, isn't asked, however much there is to spend: a
/// phone number, three points, isn't worth more than 23 cents of pages.
const GAIN_MIN: u64 = 130;
/// The same where only a name says which business is meant, and who asks no further is the sooner wrong.
const GAIN_MIN_BY_NAME: u64 = 10;
/// Nor one that promises less for its price than this part of what the whole budget should bring, which is a record without a gap.
/// A budget of two cents says that a cent isn't to be spent on what is nearly certain; one of two dollars doesn't.
const BUDGETS_WORTH: u64 = 20;

/// The business's own pages that a question opens are these, the best for each want.
pub(super) const OPENED: [Ask; 3] = [Ask::Home, Ask::Contact, Ask::Team];
/// So many of them are read for it.
const PAGES_OPENED: u64 = 2;
/// All of it, in the parts that chances are counted in.
pub(super) const WHOLE: u64 = 10_000;

/// What may be spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purse {
    /// By the whole session.
    pub budget: Usd,
    /// From now on.
    pub left: Usd,
    /// Nothing but a name says which business is meant: a further source may know another one of that name.
    pub by_name_alone: bool,
}

impl Purse {
    /// What a question has to promise for a cent, in thousandths of a point.
    fn gain_min(self, action: &Action) -> u64 {
        // What is free takes nothing away from anything else.
        if action.cost_max.is_zero() {
            return GAIN_MIN;
        }
        let all: u64 = Want::ALL.iter().map(|want| u64::from(want.weight() * 100) * WHOLE).sum();
        let least = if self.by_name_alone { GAIN_MIN_BY_NAME } else { GAIN_MIN };
        least.max(all / micros(self.budget).max(1) / BUDGETS_WORTH)
    }
}

/// How far pages are within reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// What reading one costs; `None` where pages can't be read.
    pub page: Option<Usd>,
    /// The business's own pages are known: a question needn't find them.
    pub is_open: bool,
}

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

/// Chooses the round's questions by expected gain per cost, of those that make the best use of what is left. After each one,
/// what it is expected to bring counts as half known, so that the round doesn't ask three sources for one thing.
///
/// A question is also worth what it opens: pages of the business's own where none is in reach yet, and others' pages about it.
pub fn choose(candidates: &[Action], lack: &Lack, table: &GainTable, purse: Purse, reach: Reach) -> Choice {
    if lack.iter().all(|(_, percent)| *percent == 0) {
        return Choice::Complete;
    }
    let worth = |action: &&Action| rate(action, lack, table, reach) >= purse.gain_min(action);
    let worthy: Vec<&Action> = candidates.iter().filter(worth).collect();
    if worthy.is_empty() {
        let is_too_little = !candidates.is_empty() && candidates.iter().all(|action| action.cost_max > purse.left);
        return if is_too_little { Choice::Budget } else { Choice::NoGain };
    }
    let (mut lack, mut left) = (*lack, purse.left);
    let mut open = Weighing { lack: &lack, table, reach }.best(&worthy, left);
    let mut chosen: Vec<Action> = Vec::new();
    let mut first_rate = 0;
    while chosen.len() < ACTIONS_A_ROUND {
        let rated = open.iter().enumerate().map(|(at, action)| (rate(action, &lack, table, reach), std::cmp::Reverse(at)));
        let Some((rate, std::cmp::Reverse(at))) = rated.max() else { break };
        let action = open.remove(at);
        // What promises far less than the round's first question is better asked when its answer is known.
        if rate < purse.gain_min(action) || rate < first_rate / 3 {
            break;
        }
        if action.cost_max > left {
            continue;
        }
        left = left.minus(action.cost_max).unwrap_or(Usd::ZERO);
        if chosen.is_empty() {
            first_rate = rate;
        }
        for (want, percent) in &mut lack {
            let expected = u32::try_from(chance(action.ask, (*want, *percent), table, reach)).unwrap_or(10_000);
            *percent -= *percent * expected.min(10_000) / 10_000;
        }
        chosen.push(action.clone());
        // What it opens decides what is worth asking next.
        if !reach.is_open && action.ask.opens() > 0 {
            break;
        }
    }
    if chosen.is_empty() { Choice::Budget } else { Choice::Ask(chosen) }
}

/// How likely a question brings a want that lacks so many percent, by itself or by what it opens, in parts of ten thousand.
///
/// What is only to be confirmed can't be by the business itself once more: that takes somebody else's word.
fn chance(ask: Ask, (want, percent): (Want, u32), table: &GainTable, reach: Reach) -> u64 {
    let is_known = percent < LACKING_MIN;
    let of = |ask: Ask| if is_known && ask.is_its_own_word() { 0 } else { u64::from(table.chance(ask, want)).min(WHOLE) };
    let opens = if reach.is_open || reach.page.is_none() { 0 } else { u64::from(ask.opens()) };
    let lists = if reach.page.is_none() { 0 } else { u64::from(ask.lists()) };
    let own = OPENED.iter().map(|ask| of(*ask)).max().unwrap_or(0);
    let doubts = [of(ask), opens * own / WHOLE, lists * of(Ask::Listing) / WHOLE];
    WHOLE - doubts.into_iter().fold(WHOLE, |doubt, chance| doubt * (WHOLE - chance) / WHOLE)
}

/// Thousandths of a point that a question is expected to bring for a cent. Free ones are taken as costing a hundredth of a cent.
fn rate(action: &Action, lack: &Lack, table: &GainTable, reach: Reach) -> u64 {
    // Nobody pays to hear again what is known: a second source rarely finds anything else, and is taken where it is free.
    let counts = |percent: u32| percent >= LACKING_MIN || action.cost_max.is_zero();
    let wanted = lack.iter().filter(|(_, percent)| counts(*percent));
    let gain: u64 =
        wanted.map(|(want, percent)| u64::from(want.weight() * percent) * chance(action.ask, (*want, *percent), table, reach)).sum();
    // What is opened has to be read.
    let opened = if reach.is_open { 0 } else { u64::from(action.ask.opens()) * PAGES_OPENED } + u64::from(action.ask.lists());
    let pages = reach.page.map_or(0, |page| micros(page) * opened / WHOLE);
    // Weights are tenths of points, the lack is in percent, the chance in parts of ten thousand; a cent is 10,000 micro-dollars.
    gain / (micros(action.cost_max).max(100) + pages)
}

pub(super) fn micros(amount: Usd) -> u64 {
    u64::try_from(amount.micros()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OPEN: Reach = Reach { page: Some(Usd::from_micros(5000)), is_open: true };
    const BLIND: Reach = Reach { page: Some(Usd::from_micros(5000)), is_open: false };

    fn action(ask: Ask, cost: i64) -> Action {
        Action { ask, target: Target::Lead, cost_max: Usd::from_micros(cost) }
    }

    fn purse(micros: i64) -> Purse {
        Purse { budget: Usd::from_micros(micros), left: Usd::from_micros(micros), by_name_alone: false }
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
        let rich = purse(1_000_000);
        assert_eq!(asks(choose(&candidates, &lacking(&[Want::Title]), &table, rich, OPEN)).first(), Some(&Ask::Team));
        assert_eq!(asks(choose(&candidates, &lacking(&[Want::Phone, Want::Street]), &table, rich, OPEN)).first(), Some(&Ask::Contact));
        // Where no page of its own is known, a search is worth what it opens.
        let blind = [action(Ask::Directory, 10_000), action(Ask::Search, 10_000)];
        let person = lacking(&[Want::Title, Want::Email]);
        assert_eq!(asks(choose(&blind, &person, &table, rich, BLIND)).first(), Some(&Ask::Search));
        // Where one is, neither is likely enough to name the person.
        assert_eq!(choose(&blind, &person, &table, rich, OPEN), Choice::NoGain);
        // What is known is confirmed for nothing only, however much there is to spend, and not by the business itself again.
        let known = Want::ALL.map(|want| (want, LACKING_MIN - 1));
        let again = [action(Ask::Contact, 5000), action(Ask::Listing, 5000), action(Ask::Search, 10_000)];
        assert_eq!(choose(&again, &known, &table, rich, OPEN), Choice::NoGain, "a second source isn't worth its price");
        let free = [action(Ask::Contact, 0), action(Ask::Listing, 0), action(Ask::Search, 10_000)];
        assert_eq!(asks(choose(&free, &known, &table, rich, OPEN)), [Ask::Listing]);
        let cheap = [action(Ask::Directory, 1000), action(Ask::Contact, 5000)];
        assert_eq!(asks(choose(&cheap, &lacking(&[Want::Phone, Want::Street]), &table, rich, OPEN)).first(), Some(&Ask::Directory));
    }

    /// What is left buys a search and the pages that it leads to, or the directory and little else.
    #[test]
    fn a_small_budget_is_spent_on_what_it_can_finish() {
        let table = GainTable::default();
        let candidates = [action(Ask::Directory, 10_000), action(Ask::Search, 10_000)];
        for (left, wanted) in [
            (9_999, vec![]),
            (10_000, vec![Ask::Directory]), // There is nothing left for pages.
            (15_000, vec![Ask::Search]),
            (20_000, vec![Ask::Search]),
        ] {
            let choice = choose(&candidates, &lacking(&Want::ALL), &table, purse(left), BLIND);
            assert_eq!(asks(choice), wanted, "{left}");
        }
        // The page of people and the contact page before the front page, the directory or a third source.
        let pages = [action(Ask::Directory, 10_000), action(Ask::Home, 5000), action(Ask::Team, 5000), action(Ask::Contact, 5000)];
        let choice = choose(&pages, &lacking(&Want::ALL), &table, purse(10_000), OPEN);
        assert_eq!(asks(choice), [Ask::Contact], "then the people, when it is known what that brought");
        let left = Purse { budget: Usd::from_micros(10_000), left: Usd::from_micros(5000), by_name_alone: false };
        assert_eq!(asks(choose(&pages, &lacking(&[Want::Title, Want::Email]), &table, left, OPEN)), [Ask::Team]);
    }

    #[test]
    fn the_end_is_said_by_its_reason() {
        let table = GainTable::default();
        let team = [action(Ask::Team, 5000)];
        assert_eq!(choose(&team, &lacking(&[]), &table, purse(5000), OPEN), Choice::Complete);
        assert_eq!(choose(&team, &lacking(&[Want::Title]), &table, purse(4999), OPEN), Choice::Budget);
        assert_eq!(choose(&[], &lacking(&[Want::Title]), &table, purse(5000), OPEN), Choice::NoGain);
        // What is free is within every budget.
        assert_eq!(asks(choose(&[action(Ask::Team, 0)], &lacking(&[Want::Title]), &table, purse(0), OPEN)), [Ask::Team]);
        assert_eq!(choose(&team, &lacking(&[Want::Title]), &table, purse(0), OPEN), Choice::Budget);
        // Money without end doesn't make a question worth asking that brings a phone number once in fifty times.
        let (rare, endless) = (lacking(&[Want::Phone]), purse(20_000_000));
        assert_eq!(choose(&[action(Ask::About, 5000)], &rare, &table, endless, OPEN), Choice::NoGain);
        let by_name = Purse { by_name_alone: true, ..endless };
        assert_eq!(asks(choose(&[action(Ask::About, 5000)], &rare, &table, by_name, OPEN)), [Ask::About], "it may be another one");
        assert_eq!(asks(choose(&[action(Ask::About, 4000)], &rare, &table, endless, OPEN)), [Ask::About]);
        assert_eq!(choose(&[action(Ask::Email, 5000)], &lacking(&[Want::Title]), &table, purse(5000), OPEN), Choice::NoGain);
    }

    proptest! {
        /// I-3: whatever things cost, a round's questions fit into what is left, all of them together.
        #[test]
        fn a_round_fits_into_the_budget(costs in prop::collection::vec((0_usize..11, 0_i64..50_000), 0..12), left in 0_i64..100_000) {
            let candidates: Vec<Action> = costs.iter().map(|(ask, cost)| action(Ask::ALL[*ask], *cost)).collect();
            let choice = choose(&candidates, &lacking(&Want::ALL), &GainTable::default(), purse(left), BLIND);
            if let Choice::Ask(actions) = choice {
                let sum: i64 = actions.iter().map(|action| action.cost_max.micros()).sum();
                prop_assert!(sum <= left && !actions.is_empty() && actions.len() <= ACTIONS_A_ROUND);
            }
        }
    }
}
