//! How the jobs get on: bars on a terminal, else a line for every change.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::buyer::Job;
use super::orders::Order;
use crate::cli::print;
use crate::cli::table::money;

/// How often to look. A buyer in no hurry asks with `Prefer: wait=60`, or takes the event stream.
pub(super) const EVERY: Duration = Duration::from_millis(60);

/// A full bar.
const FULL: u64 = 10;

/// One line or bar a job.
pub(super) enum Display {
    Bars(Vec<ProgressBar>),
    Lines(Vec<Line>),
}

/// What was last said of a job.
pub(super) struct Line {
    title: &'static str,
    said: String,
}

impl Display {
    pub(super) fn new(orders: &[Order]) -> Self {
        if !std::io::stdout().is_terminal() {
            return Self::Lines(orders.iter().map(|order| Line { title: order.title, said: String::new() }).collect());
        }
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stdout());
        let style = ProgressStyle::with_template("  {prefix:<32} [{bar:20.green}] {msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
        let style = style.progress_chars("=> ");
        let bar = |order: &Order| bars.add(ProgressBar::new(FULL).with_style(style.clone()).with_prefix(order.title));
        Self::Bars(orders.iter().map(bar).collect())
    }

    /// Shows where a job stands.
    pub(super) fn show(&mut self, place: usize, job: &Job) {
        let words = words(job);
        match self {
            Self::Bars(bars) => {
                if let Some(bar) = bars.get(place) {
                    bar.set_position(filled(job));
                    bar.set_message(words);
                }
            }
            Self::Lines(lines) => {
                if let Some(line) = lines.get_mut(place).filter(|line| line.said != words) {
                    print(&format!("  {:<32} {words}\n", line.title));
                    line.said = words;
                }
            }
        }
    }

    /// Leaves the bars as they are.
    pub(super) fn finish(&self) {
        match self {
            Self::Bars(bars) => {
                bars.iter().for_each(ProgressBar::abandon);
                print("\n");
            }
            Self::Lines(_) => {}
        }
    }
}

fn filled(job: &Job) -> u64 {
    let hops = u64::try_from(job.costs.len()).unwrap_or(FULL);
    match job.status.as_str() {
        "queued" => 0,
        "running" => hops.saturating_mul(2).saturating_add(2).min(8),
        "completing" => 9,
        _ => FULL,
    }
}

fn words(job: &Job) -> String {
    match job.status.as_str() {
        "queued" => "queued".to_owned(),
        "running" => {
            let tool = job.costs.last().map_or("starting", |cost| &cost.tool);
            format!("running: {tool}, {} of {}", money(job.spent()), money(job.bill_up_to_usd))
        }
        "completing" => "completing: the bill is made".to_owned(),
        "completed" => {
            let found = if job.is_match() { "match" } else { "no match" };
            format!("completed: {found}, charged {}", money(job.charged_usd.unwrap_or_default()))
        }
        other => format!("{other}: {}", job.error.as_ref().map(ToString::to_string).unwrap_or_default()),
    }
}
