//! The figures as a table for people, and as JSON for programs.

use std::fmt::Write as _;

use serde_json::json;

use super::figures::{Book, Goal, Line, PEER_SHARE, Verdict};
use super::machine::Facts;

/// As a table of Markdown, so that it can be put into a document as it is.
pub(super) fn table(book: &Book, facts: &Facts, conditions: &str) -> String {
    let Facts { processor, cores, memory_gib, system, file_system } = facts;
    let memory = memory_gib.map(|gib| format!(", {gib} GiB")).unwrap_or_default();
    let mut text = format!("{processor}, {cores} cores{memory}; {system}; store on {file_system}\n{conditions}\n\n");
    text.push_str("| figure | median [range] | rounds | gate | aim | reached |\n|---|---:|---:|---:|---:|---|\n");
    for line in book.lines() {
        let about = line.figure.about();
        let number = |value: f64| format!("{value:.*}", about.digits);
        let (least, greatest) = line.range;
        let rounds = if line.noisy == 0 { line.rounds.to_string() } else { format!("{} ({} noisy)", line.rounds, line.noisy) };
        let (gate, aim) = about.goal.map(|Goal { gate, aim }| (number(gate), number(aim))).unwrap_or_default();
        let reached = line.verdict().map_or(String::new(), |verdict| {
            let noise = if line.is_noisy() { ", noisy" } else { "" };
            format!("{}{noise}", verdict.word())
        });
        let unit = if about.unit.is_empty() { String::new() } else { format!(" {}", about.unit) };
        let value = format!("{}{unit} [{} - {}]", number(line.median), number(least), number(greatest));
        // Writing into a `String` can't fail.
        writeln!(text, "| {} | {value} | {rounds} | {gate} | {aim} | {reached} |", about.name).unwrap_or_default();
    }
    text
}

/// Everything that was measured.
pub(super) fn json(book: &Book, facts: &Facts, conditions: &str) -> String {
    let figures: Vec<_> = book.lines().iter().map(figure).collect();
    let version = env!("CARGO_PKG_VERSION");
    let all = json!({ "version": version, "machine": facts, "conditions": conditions, "peer_share": PEER_SHARE, "figures": figures });
    format!("{all:#}\n")
}

fn figure(line: &Line) -> serde_json::Value {
    let about = line.figure.about();
    json!({
        "name": about.name,
        "unit": about.unit,
        "median": line.median,
        "min": line.range.0,
        "max": line.range.1,
        "gate": about.goal.map(|goal| goal.gate),
        "aim": about.goal.map(|goal| goal.aim),
        "reached": line.verdict().map(Verdict::word),
        "rounds": line.rounds,
        "noisy_rounds": line.noisy,
        "values": line.values,
        "foreign_cpu": line.foreign,
    })
}

/// The gates that were missed.
pub(super) fn missed(book: &Book) -> Vec<&'static str> {
    let lines = book.lines();
    lines.iter().filter(|line| line.verdict() == Some(Verdict::Missed)).map(|line| line.figure.about().name).collect()
}

#[cfg(test)]
mod tests {
    use super::super::figures::Figure;
    use super::*;

    #[test]
    fn a_table_and_its_json() {
        let facts = Facts {
            processor: "a processor".to_owned(),
            cores: 2,
            memory_gib: Some(24),
            system: "linux 6.1 x86_64".to_owned(),
            file_system: "ext4 on /dev/a".to_owned(),
        };
        let mut book = Book::default();
        book.enter(Figure::Submit, 21_000.4, Some(0.0));
        book.enter(Figure::SubmitShare, 0.34, Some(0.3));
        let text = table(&book, &facts, "1 round");
        assert!(text.contains("| durable submit | 21000 /s [21000 - 21000] | 1 |  |  |  |\n"), "{text}");
        assert!(
            text.contains("| durable submit / null POST | 0.34 x [0.34 - 0.34] | 1 (1 noisy) | 0.35 | 0.55 | MISSED, noisy |\n"),
            "{text}"
        );
        assert_eq!(missed(&book), ["durable submit / null POST"]);
        let read: serde_json::Value = serde_json::from_str(&json(&book, &facts, "1 round")).unwrap();
        assert_eq!((&read["machine"]["cores"], &read["figures"][1]["reached"]), (&json!(2), &json!("MISSED")));
    }
}
