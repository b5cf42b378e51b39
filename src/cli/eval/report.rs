//! The figures, for people.

use std::fmt::Write as _;

use super::score::{FieldTally, Tally};
use crate::cli::table::Table;
use crate::enrich::lead_session::{Ask, GainTable, Want};

/// One tally under its title.
pub(super) fn tally(title: &str, tally: &Tally) -> String {
    let Tally { cases, match_expected, match_answered, match_right, cost_micros, hops, failed, .. } = *tally;
    let each = |sum: i64| ratio_of(sum, i64::from(cases));
    let mut text = format!("{title}: {cases} cases\n\n");
    let mut table = Table::new(&["field", ">precision", ">recall", ">F1", ">answered", ">right", ">expected", ">found"]);
    let matched = FieldTally { expected: match_expected, found: match_right, answered: match_answered, right: match_right };
    for (name, field) in std::iter::once(("match", &matched)).chain(tally.fields.iter().map(|(name, field)| (name.as_str(), field))) {
        let FieldTally { expected, found, answered, right } = *field;
        let (precision, recall) = (percent(right, answered), percent(found, expected));
        let f1 = if right + found == 0 { 0.0 } else { 2.0 * precision * recall / (precision + recall) };
        let counts = [answered, right, expected, found].map(|count| count.to_string());
        let ratios = [precision, recall, f1].map(|ratio| format!("{ratio:.3}"));
        table.row(std::iter::once(name.to_owned()).chain(ratios).chain(counts).collect());
    }
    write!(text, "{table}").unwrap_or_default();
    write!(text, "\n  cost ${:.4} and {:.2} hops each", each(cost_micros) / 1_000_000.0, each(i64::from(hops))).unwrap_or_default();
    if failed > 0 {
        write!(text, "; {failed} came to no result").unwrap_or_default();
    }
    text.push_str("\n\n");
    text
}

/// Quality over budget, against what an unlimited one finds; and that of sessions whose buyer names none.
pub(super) fn curve(points: &[(f64, Tally)], unnamed: &Tally, unlimited: &Tally) -> String {
    let mut text = "lead-session, waterfall: what smaller budgets find of what an unlimited one finds\n\n".to_owned();
    let mut table = Table::new(&[">budget a lead", ">cost each", ">of unlimited", ">right values", ">of unlimited"]);
    let row = |budget: String, tally: &Tally| {
        let cost = ratio_of(tally.cost_micros, i64::from(tally.cases)) / 1_000_000.0;
        let of_cost = ratio_of(tally.cost_micros, unlimited.cost_micros);
        let of_found = f64::from(tally.found()) / f64::from(unlimited.found().max(1));
        vec![budget, format!("${cost:.4}"), format!("{of_cost:.3}"), tally.found().to_string(), format!("{of_found:.3}")]
    };
    for (budget, tally) in points {
        table.row(row(format!("${budget:.3}"), tally));
    }
    table.row(row("none named".to_owned(), unnamed));
    table.row(row("unlimited".to_owned(), unlimited));
    writeln!(text, "{table}").unwrap_or_default();
    text
}

/// How often each question brought what was lacking, in percent, and of how many tries.
pub(super) fn gains(table: &GainTable) -> String {
    let wants = Want::ALL.map(|want| format!(">{}", want.key()));
    let titles: Vec<&str> = std::iter::once("question").chain(wants.iter().map(String::as_str)).collect();
    let mut text = Table::new(&titles);
    for ask in Ask::ALL {
        let cells = Want::ALL.map(|want| match table.observed(ask, want) {
            (0, _) => "-".to_owned(),
            (tried, found) => format!("{} of {tried}", found * 100 / tried),
        });
        text.row(std::iter::once(format!("{ask:?}")).chain(cells).collect());
    }
    format!("what each question brought of what was lacking, in percent\n\n{text}\n")
}

fn percent(part: u32, whole: u32) -> f64 {
    if whole == 0 { 1.0 } else { f64::from(part) / f64::from(whole) }
}

#[allow(clippy::cast_precision_loss, reason = "shown to four digits")]
fn ratio_of(part: i64, whole: i64) -> f64 {
    part as f64 / whole.max(1) as f64
}
