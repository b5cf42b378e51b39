//! Aligned columns for people.

use std::fmt;

use crate::types::Usd;

/// Rows under a head. A column whose title begins with `>` is aligned to the right.
#[derive(Debug)]
pub(super) struct Table {
    head: Vec<String>,
    to_the_right: Vec<bool>,
    rows: Vec<Row>,
}

#[derive(Debug)]
enum Row {
    Cells(Vec<String>),
    Line,
}

impl Table {
    pub(super) fn new(titles: &[&str]) -> Self {
        Self {
            head: titles.iter().map(|title| title.trim_start_matches('>').to_owned()).collect(),
            to_the_right: titles.iter().map(|title| title.starts_with('>')).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; as many cells as there are titles.
    pub(super) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(Row::Cells(cells));
    }

    /// Adds a line across, as above a sum.
    pub(super) fn line(&mut self) {
        self.rows.push(Row::Line);
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.head.iter().map(|title| title.chars().count()).collect();
        for row in &self.rows {
            let Row::Cells(cells) = row else { continue };
            for (width, cell) in widths.iter_mut().zip(cells) {
                *width = (*width).max(cell.chars().count());
            }
        }
        widths
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, cells: &[String], widths: &[usize]) -> fmt::Result {
        let mut line = String::from(" ");
        for ((cell, width), to_the_right) in cells.iter().zip(widths).zip(&self.to_the_right) {
            let cell = if *to_the_right { format!(" {cell:>width$} ") } else { format!(" {cell:width$} ") };
            line.push_str(&cell);
        }
        writeln!(f, "{}", line.trim_end())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        let across = || widths.iter().map(|width| "-".repeat(*width)).collect::<Vec<_>>();
        self.write(f, &self.head, &widths)?;
        self.write(f, &across(), &widths)?;
        for row in &self.rows {
            match row {
                Row::Cells(cells) => self.write(f, cells, &widths)?,
                Row::Line => self.write(f, &across(), &widths)?,
            }
        }
        Ok(())
    }
}

/// An amount for a column: a dollar sign, and at least two decimals.
pub(super) fn money(amount: Usd) -> String {
    let text = amount.to_string();
    let (sign, text) = text.strip_prefix('-').map_or(("", text.as_str()), |text| ("-", text));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{sign}${whole}.{fraction:0<2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(&["what", ">cost"]);
        table.row(vec!["Café".to_owned(), "$1.00".to_owned()]);
        table.line();
        table.row(vec!["in all".to_owned(), "$10.00".to_owned()]);
        let wanted = "  what      cost\n  ------  ------\n  Café     $1.00\n  ------  ------\n  in all  $10.00\n";
        assert_eq!(table.to_string(), wanted);
    }

    #[test]
    fn money_has_two_decimals_or_more() {
        for (micros, wanted) in [(0, "$0.00"), (10_000_000, "$10.00"), (-5000, "-$0.005"), (1_500_000, "$1.50"), (1, "$0.000001")] {
            assert_eq!(money(Usd::from_micros(micros)), wanted);
        }
    }
}
