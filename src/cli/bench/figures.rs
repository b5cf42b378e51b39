//! What is measured, what it should reach, and what several rounds made of it.

use std::collections::BTreeMap;

use super::numbers::{median, range};

/// Whole jobs a second of `BullMQ` 6.7 with fsync always, as a share of the null POSTs a second of the same rounds: 9.5k to
/// 62.7k. Rates of two machines can't be compared; this share can be carried over.
pub(super) const PEER_SHARE: f64 = 9.5 / 62.7;
/// A round in which others used more of the processors than this says little.
pub(super) const FOREIGN_MAX: f64 = 0.2;
/// Quiet rounds that are enough to leave the noisy ones out.
const QUIET_ROUNDS_MIN: usize = 3;

/// One figure of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Figure {
    NullPost,
    NullPostCpu,
    ClientCpu,
    Submit,
    SubmitCpu,
    SubmitP99,
    SubmitShare,
    NullGet,
    NullGetCpu,
    Poll,
    PollCpu,
    PollShare,
    Jobs,
    JobsShare,
    JobsCpu,
    JobsGroup,
    PacedRate,
    PacedP50,
    PacedP99,
    HotSubmit,
    HotShare,
    Memory,
    MemoryDeep,
    DrainShallow,
    DrainDeep,
    DrainShare,
    DrainWithin,
    RestartReady,
    Restart,
    Recover,
    Check,
    CheckShare,
}

/// What there is to know of a figure before it is measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct About {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    /// Digits behind the point.
    pub(super) digits: usize,
    pub(super) goal: Option<Goal>,
}

/// What a figure should reach.
#[derive(Debug, Clone, Copy)]
pub(super) struct Goal {
    /// Below this (above it, where less is better) a release is held back.
    pub(super) gate: f64,
    pub(super) aim: f64,
}

/// How a median stands to its goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Aim,
    Gate,
    Missed,
}

impl Goal {
    /// Less is better where the aim is less than the gate.
    pub(super) fn judge(self, value: f64) -> Verdict {
        let reaches = |bound: f64| if self.aim < self.gate { value <= bound } else { value >= bound };
        match (reaches(self.aim), reaches(self.gate)) {
            (true, _) => Verdict::Aim,
            (false, true) => Verdict::Gate,
            (false, false) => Verdict::Missed,
        }
    }
}

impl Verdict {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Aim => "aim",
            Self::Gate => "gate",
            Self::Missed => "MISSED",
        }
    }
}

impl Figure {
    pub(super) const fn about(self) -> About {
        match self {
            Self::NullPost => About::plain("null POST (ceiling)", "/s", 0),
            Self::NullPostCpu => About::plain("null POST: server CPU", "us", 1),
            Self::ClientCpu => About::plain("null POST: client CPU", "us", 1),
            Self::Submit => About::plain("durable submit", "/s", 0),
            Self::SubmitCpu => About::plain("durable submit: server CPU", "us", 1),
            Self::SubmitP99 => About::plain("durable submit: p99, 64 in a closed loop", "ms", 1),
            Self::SubmitShare => About::goal("durable submit / null POST", "x", 2, 0.35, 0.55),
            Self::NullGet => About::plain("null GET (ceiling)", "/s", 0),
            Self::NullGetCpu => About::plain("null GET: server CPU", "us", 1),
            Self::Poll => About::plain("poll", "/s", 0),
            Self::PollCpu => About::plain("poll: server CPU", "us", 1),
            Self::PollShare => About::goal("poll / null GET", "x", 2, 0.65, 0.80),
            Self::Jobs => About::plain("whole jobs", "/s", 0),
            Self::JobsShare => About::goal("whole jobs / BullMQ, fsync always", "x", 2, 2.0, 3.0),
            Self::JobsCpu => About::goal("whole job: server CPU (BullMQ: 202)", "us", 1, 71.0, 50.0),
            Self::JobsGroup => About::plain("whole jobs: events in a group", "", 1),
            Self::PacedRate => About::plain("half of the own maximum", "/s", 0),
            Self::PacedP50 => About::plain("submit at half of the maximum: p50", "ms", 2),
            Self::PacedP99 => About::goal("submit at half of the maximum: p99", "ms", 2, 10.0, 5.0),
            Self::HotSubmit => About::plain("durable submit, one hot account", "/s", 0),
            Self::HotShare => About::goal("one hot account / many accounts", "x", 2, 0.8, 0.95),
            Self::Recover => About::plain("libsecp256k1: hash and recover, one processor", "/s", 0),
            Self::Check => About::plain("payment checks without a chain, one processor", "/s", 0),
            Self::CheckShare => About::goal("payment check / hash and recover", "x", 2, 0.8, 0.9),
            Self::Memory => About::goal("memory of a waiting job, backlog of a drain", "B", 0, 1500.0, 1000.0),
            Self::MemoryDeep => About::goal("memory of a waiting job, before a restart", "B", 0, 1500.0, 1000.0),
            Self::DrainShallow => About::plain("drain of a short queue", "/s", 0),
            Self::DrainDeep => About::plain("drain of a long queue", "/s", 0),
            Self::DrainShare => About::goal("drain of a long queue / of a short one", "x", 2, 0.8, 0.95),
            Self::DrainWithin => About::plain("long queue: its first fifth / its last", "x", 2),
            Self::RestartReady => About::plain("restart after kill -9: ready", "s", 2),
            Self::Restart => About::goal("restart after kill -9: first poll answered", "s", 2, 3.0, 1.0),
        }
    }
}

impl About {
    const fn plain(name: &'static str, unit: &'static str, digits: usize) -> Self {
        Self { name, unit, digits, goal: None }
    }

    const fn goal(name: &'static str, unit: &'static str, digits: usize, gate: f64, aim: f64) -> Self {
        Self { name, unit, digits, goal: Some(Goal { gate, aim }) }
    }
}

/// What a round measured.
#[derive(Debug, Clone, Copy)]
struct Sample {
    value: f64,
    /// The share of the processors that others used meanwhile.
    foreign: Option<f64>,
}

/// Every figure of every round.
#[derive(Debug, Default)]
pub(super) struct Book {
    samples: BTreeMap<Figure, Vec<Sample>>,
}

/// What all rounds say of a figure.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) figure: Figure,
    pub(super) median: f64,
    pub(super) range: (f64, f64),
    /// Rounds that count.
    pub(super) rounds: usize,
    /// Rounds in which others used more than [`FOREIGN_MAX`]; they count only where too few others do.
    pub(super) noisy: usize,
    /// All of them, in order.
    pub(super) values: Vec<f64>,
    /// In the same order; -1 where unknown.
    pub(super) foreign: Vec<f64>,
}

impl Line {
    pub(super) fn verdict(&self) -> Option<Verdict> {
        self.figure.about().goal.map(|goal| goal.judge(self.median))
    }

    /// Noisy rounds are in the median.
    pub(super) fn is_noisy(&self) -> bool {
        self.noisy > 0 && self.rounds == self.values.len()
    }
}

impl Book {
    /// Enters a figure, and the foreign share of the time in which it was measured.
    pub(super) fn enter(&mut self, figure: Figure, value: f64, foreign: Option<f64>) {
        self.samples.entry(figure).or_default().push(Sample { value, foreign });
    }

    /// Enters a figure that may be unknown.
    pub(super) fn enter_known(&mut self, figure: Figure, value: Option<f64>, foreign: Option<f64>) {
        if let Some(value) = value {
            self.enter(figure, value, foreign);
        }
    }

    pub(super) fn lines(&self) -> Vec<Line> {
        self.samples.iter().filter_map(|(figure, samples)| line(*figure, samples)).collect()
    }
}

fn line(figure: Figure, samples: &[Sample]) -> Option<Line> {
    let is_quiet = |sample: &&Sample| sample.foreign.is_none_or(|share| share <= FOREIGN_MAX);
    let quiet: Vec<f64> = samples.iter().filter(is_quiet).map(|sample| sample.value).collect();
    let values: Vec<f64> = samples.iter().map(|sample| sample.value).collect();
    let counted = if quiet.len() >= QUIET_ROUNDS_MIN { &quiet } else { &values };
    Some(Line {
        figure,
        median: median(counted)?,
        range: range(counted)?,
        rounds: counted.len(),
        noisy: values.len().saturating_sub(quiet.len()),
        foreign: samples.iter().map(|sample| sample.foreign.unwrap_or(-1.0)).collect(),
        values,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_that_want_more_and_goals_that_want_less() {
        let more = Goal { gate: 0.35, aim: 0.55 };
        assert_eq!([0.34, 0.35, 0.55].map(|value| more.judge(value)), [Verdict::Missed, Verdict::Gate, Verdict::Aim]);
        let less = Goal { gate: 10.0, aim: 5.0 };
        assert_eq!([10.1, 10.0, 5.0].map(|value| less.judge(value)), [Verdict::Missed, Verdict::Gate, Verdict::Aim]);
    }

    #[test]
    fn noisy_rounds_are_left_out_where_enough_are_quiet() {
        let mut book = Book::default();
        for (value, foreign) in [(1.0, 0.1), (9.0, 0.5), (2.0, 0.0), (3.0, 0.2)] {
            book.enter(Figure::Submit, value, Some(foreign));
        }
        let line = &book.lines()[0];
        assert_eq!((line.median, line.range, line.rounds, line.noisy, line.is_noisy()), (2.0, (1.0, 3.0), 3, 1, false));
        let mut book = Book::default();
        for (value, foreign) in [(1.0, 0.1), (9.0, 0.5)] {
            book.enter(Figure::Submit, value, Some(foreign));
        }
        let line = &book.lines()[0];
        assert_eq!((line.median, line.rounds, line.noisy, line.is_noisy()), (5.0, 2, 1, true));
    }
}
