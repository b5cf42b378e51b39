//! Which set of questions makes the best use of a budget that doesn't pay for all of them. Pure.

use super::gains::GainTable;
use super::plan::{Action, Lack, OPENED, Reach, WHOLE, micros};
use super::want::{Ask, Want};
use crate::types::Usd;

/// Questions that are weighed against one another; the others promise less for their price.
const WEIGHED_MAX: usize = 14;
/// So many of them at once are tried in every combination.
const TOGETHER_MAX: usize = 4;

/// Something that could be asked now or, if a page of the business's own is found, later.
#[derive(Clone, Copy)]
struct Possible<'a> {
    ask: Ask,
    cost: Usd,
    /// `None` where it has to be found first.
    action: Option<&'a Action>,
}

/// What sets of questions are worth.
pub(super) struct Weighing<'a> {
    pub(super) lack: &'a Lack,
    pub(super) table: &'a GainTable,
    pub(super) reach: Reach,
}

impl Weighing<'_> {
    /// Of these, the set that is expected to bring most for what is left; all of them where there is money enough.
    pub(super) fn best<'a>(&self, candidates: &[&'a Action], left: Usd) -> Vec<&'a Action> {
        let mut possible: Vec<Possible<'a>> =
            candidates.iter().map(|action| Possible { ask: action.ask, cost: action.cost_max, action: Some(action) }).collect();
        let opened = OPENED.into_iter().filter(|_| !self.reach.is_open).chain([Ask::Listing]);
        let found_later = opened.filter(|ask| !candidates.iter().any(|action| action.ask == *ask));
        let found_later = found_later.filter_map(|ask| Some(Possible { ask, cost: self.reach.page?, action: None }));
        let fits = |set: &[Possible<'a>]| {
            let sum = set.iter().try_fold(Usd::ZERO, |sum, one| sum.plus(one.cost));
            sum.is_ok_and(|sum| sum <= left)
        };
        // What brings the more for its price comes first, and is kept where there are many.
        let price = |one: &Possible<'a>| micros(one.cost).max(100);
        possible.sort_by_key(|one| std::cmp::Reverse(self.value(std::slice::from_ref(one)) / price(one)));
        let many = possible.split_off(possible.len().min(WEIGHED_MAX));
        possible.extend(found_later);
        if fits(&[possible.as_slice(), many.as_slice()].concat()) {
            return candidates.to_vec();
        }
        let mut best: (u64, Vec<Possible<'a>>) = (0, Vec::new());
        let mut waiting: Vec<(usize, Vec<Possible<'a>>)> = vec![(0, Vec::new())];
        while let Some((from, set)) = waiting.pop() {
            let value = self.value(&set);
            if value > best.0 {
                best = (value, set.clone());
            }
            if set.len() < TOGETHER_MAX {
                let longer = possible.iter().enumerate().skip(from).map(|(at, one)| (at + 1, [set.as_slice(), &[*one]].concat()));
                waiting.extend(longer.filter(|(_, set)| fits(set)));
            }
        }
        // Where more of them fit, the next best ones.
        let (mut value, mut set) = best;
        loop {
            let longer = possible.iter().filter(|one| !set.iter().any(|known| known.is(one))).map(|one| [set.as_slice(), &[*one]].concat());
            let Some(longer) = longer.filter(|set| fits(set)).max_by_key(|set| self.value(set)) else { break };
            let more = self.value(&longer);
            if more <= value {
                break;
            }
            (value, set) = (more, longer);
        }
        set.into_iter().filter_map(|one| one.action).collect()
    }

    /// What a set is expected to bring of what is lacking: tenths of points by percent, in parts of ten thousand.
    fn value(&self, set: &[Possible<'_>]) -> u64 {
        let asked = || set.iter().filter(|one| one.action.is_some());
        let chance_of_any =
            |chance: fn(Ask) -> u32| WHOLE - asked().fold(WHOLE, |doubt, one| doubt * (WHOLE - u64::from(chance(one.ask))) / WHOLE);
        let (opened, listed) = (chance_of_any(Ask::opens), chance_of_any(Ask::lists));
        let expected = |want: Want| {
            let doubt = set.iter().enumerate().fold(WHOLE, |doubt, (at, one)| {
                let chance = u64::from(self.table.chance(one.ask, want)).min(WHOLE);
                // A second page of a kind says less than the first.
                let before = set.iter().take(at).filter(|other| other.ask == one.ask).count();
                let is_there = match (one.action, one.ask) {
                    (Some(_), _) => WHOLE,
                    (None, Ask::Listing) => listed,
                    (None, _) => opened,
                };
                doubt * (WHOLE - (chance >> before.min(8)) * is_there / WHOLE) / WHOLE
            });
            WHOLE - doubt
        };
        self.lack.iter().map(|(want, percent)| u64::from(want.weight() * percent) * expected(*want)).sum()
    }
}

impl Possible<'_> {
    fn is(&self, other: &Self) -> bool {
        self.ask == other.ask && self.action == other.action
    }
}
