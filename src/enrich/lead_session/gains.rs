//! What questions are expected to bring: priors, and what ended sessions have observed.

use serde::{Deserialize, Serialize};

use super::plan::{LACKING_MIN, Lack};
use super::want::{Ask, Want};
use crate::job::{Lesson, Lessons};

/// How many of each there are.
const WANTS: usize = Want::ALL.len();
const ASKS: usize = Ask::ALL.len();
/// A lesson has a bit for each want.
const _: () = assert!(WANTS <= 16);

/// What is expected of every ask before anything was seen, in percent, in the order of [`Want::ALL`]. From the half of the
/// evaluation set that rules may be tuned on (docs/quality.md).
const PRIOR: [[u32; WANTS]; ASKS] = [
    // company website phone email title street city state zip country
    [43, 34, 41, 2, 2, 44, 48, 43, 44, 47],   // directory
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0],           // search
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0],           // search_person
    [35, 55, 35, 4, 1, 32, 30, 28, 32, 30],   // home
    [57, 72, 72, 6, 1, 73, 70, 62, 73, 71],   // contact
    [2, 2, 2, 2, 4, 2, 2, 2, 2, 2],           // about
    [2, 12, 2, 46, 80, 10, 2, 2, 10, 2],      // team
    [40, 40, 40, 10, 10, 40, 40, 20, 40, 40], // imprint
    [5, 5, 30, 5, 1, 40, 40, 40, 40, 20],     // locations
    [20, 20, 20, 2, 2, 20, 25, 25, 20, 15],   // listing
    [0, 0, 0, 37, 0, 0, 0, 0, 0, 0],          // email
];

/// The prior counts as much as so many observations.
const PRIOR_WEIGHT: u32 = 20;

/// How often an ask brought what was wanted: of `tried` times when it was missing, `found` times.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Tally(u32, u32);

/// Expected gains: the priors, and the sum of the lessons that count now. The same table, the same plan: a session uses the one it
/// began with.
///
/// A sum, so that it doesn't matter in which order lessons come, and the same ones always make the same table. What is too old is
/// taken off again, so that it follows the times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GainTable {
    tallies: Vec<Tally>,
}

impl Default for GainTable {
    fn default() -> Self {
        Self { tallies: vec![Tally::default(); ASKS * WANTS] }
    }
}

impl GainTable {
    /// The version of its shape: which questions and wants there are, in which order. Lessons are stored by it, and those of another
    /// one are not taken. The priors' values are no part of it.
    pub const VERSION: u16 = 1;

    /// How likely `ask` brings `want` where it is missing, in parts of ten thousand.
    pub fn chance(&self, ask: Ask, want: Want) -> u32 {
        let prior = PRIOR.get(ask.index()).and_then(|row| row.get(want.index())).copied().unwrap_or(0);
        let (tried, found) = self.observed(ask, want);
        let chance =
            (u64::from(prior * PRIOR_WEIGHT) * 100 + u64::from(found.min(tried)) * 10_000) / u64::from(PRIOR_WEIGHT.saturating_add(tried));
        u32::try_from(chance).unwrap_or(10_000)
    }

    /// How often `ask` was tried while `want` was missing, and how often it brought it.
    pub fn observed(&self, ask: Ask, want: Want) -> (u32, u32) {
        let Tally(tried, found) = self.tallies.get(ask.index() * WANTS + want.index()).copied().unwrap_or_default();
        (tried, found)
    }

    /// Adds what a session has learned.
    pub fn learn(&mut self, lessons: &Lessons) {
        self.each(lessons, |Tally(tried, found), brought| {
            *tried = tried.saturating_add(1);
            *found = found.saturating_add(u32::from(brought));
        });
    }

    /// Takes off what was added.
    pub fn forget(&mut self, lessons: &Lessons) {
        self.each(lessons, |Tally(tried, found), brought| {
            *tried = tried.saturating_sub(1);
            *found = found.saturating_sub(u32::from(brought));
        });
    }

    /// Every tally that lessons are about, and whether the question brought it.
    fn each(&mut self, lessons: &Lessons, change: impl Fn(&mut Tally, bool)) {
        if lessons.version != Self::VERSION {
            return;
        }
        for lesson in &lessons.asked {
            let row = self.tallies.chunks_mut(WANTS).nth(usize::from(lesson.question));
            for (at, tally) in row.into_iter().flatten().enumerate() {
                if lesson.lacking >> at & 1 == 1 {
                    change(tally, lesson.brought >> at & 1 == 1);
                }
            }
        }
    }
}

/// What a question brought of what was lacking before it.
pub(super) fn lesson(ask: Ask, before: &Lack, after: &Lack) -> Lesson {
    let (mut lacking, mut brought) = (0, 0);
    for ((want, lacked), (_, still)) in before.iter().zip(after) {
        let bit = 1_u16 << want.index();
        lacking |= if *lacked >= LACKING_MIN { bit } else { 0 };
        brought |= if *lacked >= LACKING_MIN && still < lacked { bit } else { 0 };
    }
    Lesson { question: u8::try_from(ask.index()).unwrap_or(u8::MAX), lacking, brought }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lessons(asked: &[(Ask, &[Want], &[Want])]) -> Lessons {
        let percent = |wants: &[Want]| Want::ALL.map(|want| (want, if wants.contains(&want) { 100 } else { 0 }));
        let asked = asked.iter().map(|(ask, before, after)| lesson(*ask, &percent(before), &percent(after)));
        Lessons { version: GainTable::VERSION, asked: asked.collect() }
    }

    #[test]
    fn experience_moves_the_expectation_from_the_prior() {
        let mut table = GainTable::default();
        let prior = table.chance(Ask::Contact, Want::Phone);
        let others = table.chance(Ask::Team, Want::Title);
        let in_vain = lessons(&[(Ask::Contact, &[Want::Phone], &[Want::Phone])]);
        for _ in 0..PRIOR_WEIGHT {
            table.learn(&in_vain);
        }
        assert_eq!(table.chance(Ask::Contact, Want::Phone), prior / 2, "as many observations as the prior counts for");
        let well = lessons(&[(Ask::Contact, &[Want::Phone], &[])]);
        for _ in 0..40_000 {
            table.learn(&well);
        }
        assert!((9_900..=10_000).contains(&table.chance(Ask::Contact, Want::Phone)));
        assert_eq!(table.observed(Ask::Contact, Want::Phone), (40_020, 40_000));
        assert_eq!(table.chance(Ask::Team, Want::Title), others, "others are as they were");
    }

    /// A lesson is about what was lacking, and a part of it that came counts.
    #[test]
    fn a_lesson_says_what_lacked_and_what_came() {
        let mut before = Want::ALL.map(|want| (want, 0));
        before[2].1 = 100;
        before[9].1 = 40;
        let mut after = before;
        after[9].1 = 10;
        assert_eq!(lesson(Ask::Email, &before, &after), Lesson { question: 10, lacking: 1 << 2 | 1 << 9, brought: 1 << 9 });
    }

    /// Stored lessons hold numbers: whoever changes what they stand for raises [`GainTable::VERSION`], here and in the name of the
    /// pinned table.
    #[test]
    fn the_shape_of_this_version() {
        let names = |debug: String| debug.to_lowercase();
        let asks = names(format!("{:?}", Ask::ALL));
        let wants = names(format!("{:?}", Want::ALL));
        assert_eq!(GainTable::VERSION, 1);
        assert_eq!(super::super::PINNED, format!("gains.{}", GainTable::VERSION));
        assert_eq!(asks, "[directory, search, searchperson, home, contact, about, team, imprint, locations, listing, email]");
        assert_eq!(wants, "[company, website, phone, email, title, street, city, state, zip, country]");
    }

    #[test]
    fn lessons_of_another_version_are_not_taken() {
        let mut table = GainTable::default();
        let other = Lessons { version: GainTable::VERSION + 1, ..lessons(&[(Ask::Team, &Want::ALL, &[])]) };
        table.learn(&other);
        table.learn(&Lessons { version: GainTable::VERSION, asked: vec![Lesson { question: 11, lacking: u16::MAX, brought: 0 }] });
        assert_eq!(table, GainTable::default());
    }

    proptest! {
        /// In whatever order lessons come and go, the table is the sum of those that count.
        #[test]
        fn the_table_is_the_sum_of_its_lessons(
            runs in prop::collection::vec(prop::collection::vec((0_u8..12, any::<u16>(), any::<u16>()), 0..6), 1..12),
            gone in prop::collection::vec(any::<bool>(), 12),
        ) {
            let runs: Vec<Lessons> = runs.into_iter().map(|asked| {
                let asked = asked.into_iter().map(|(question, lacking, brought)| Lesson { question, lacking, brought: brought & lacking });
                Lessons { version: GainTable::VERSION, asked: asked.collect() }
            }).collect();
            let mut table = GainTable::default();
            for run in &runs {
                table.learn(run);
            }
            for (run, _) in runs.iter().zip(&gone).filter(|(_, gone)| **gone) {
                table.forget(run);
            }
            let mut rebuilt = GainTable::default();
            for (run, _) in runs.iter().zip(&gone).rev().filter(|(_, gone)| !**gone) {
                rebuilt.learn(run);
            }
            prop_assert_eq!(&table, &rebuilt);
            let text = serde_json::to_string(&table).unwrap();
            prop_assert_eq!(serde_json::from_str::<GainTable>(&text).unwrap(), table);
        }
    }
}
