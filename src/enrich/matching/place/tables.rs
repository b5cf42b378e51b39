//! The tables of words, read from the CSV files beside this one. They are part of the program, so they are read once and can't be
//! missing.

use std::collections::HashMap;
use std::sync::LazyLock;

const USPS: &str = include_str!("usps.csv");
const WORLD: &str = include_str!("world.csv");
const STATES: &str = include_str!("states.csv");

/// Folded words, by what they are in an address; each with its short form.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// A kind of street behind the name: "street".
    pub(super) types: HashMap<&'static str, &'static str>,
    /// A kind of street before the name: "rue".
    pub(super) leads: HashMap<&'static str, &'static str>,
    /// A direction: "north".
    pub(super) directions: HashMap<&'static str, &'static str>,
    /// A part of a building, with its number behind it: "suite".
    pub(super) units: HashMap<&'static str, &'static str>,
    /// A part of a building that needs no number: "rear".
    pub(super) places: HashMap<&'static str, &'static str>,
    /// Within a name: "saint", "first".
    pub(super) inner: HashMap<&'static str, &'static str>,
    /// "Number".
    pub(super) numbers: HashMap<&'static str, &'static str>,
    /// What comes and goes: "de la".
    pub(super) drops: HashMap<&'static str, &'static str>,
}

/// The words of streets.
pub(super) static WORDS: LazyLock<Words> = LazyLock::new(|| {
    let mut words = Words::default();
    for [_, kind, written, short] in rows::<4>(USPS).chain(rows::<4>(WORLD)) {
        let table = match kind {
            "type" => &mut words.types,
            "lead" => &mut words.leads,
            "direction" => &mut words.directions,
            "unit" => &mut words.units,
            "place" => &mut words.places,
            "word" => &mut words.inner,
            "number" => &mut words.numbers,
            _ => &mut words.drops,
        };
        table.insert(written, short);
    }
    words
});

/// Codes of states and provinces by folded name.
pub(super) static STATE_CODES: LazyLock<HashMap<&'static str, &'static str>> =
    LazyLock::new(|| rows::<3>(STATES).map(|[_, code, name]| (name, code)).collect());

/// Codes of the states of the US, in lower case.
pub(super) fn us_state_codes() -> impl Iterator<Item = &'static str> {
    rows::<3>(STATES).filter(|[country, ..]| *country == "US").map(|[_, code, _]| code)
}

/// The rows below the head of a table without quotes.
fn rows<const N: usize>(text: &'static str) -> impl Iterator<Item = [&'static str; N]> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).skip(1);
    lines.filter_map(|line| line.split(',').collect::<Vec<_>>().try_into().ok())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::enrich::words::fold;

    #[test]
    fn every_row_is_read_and_none_contradicts_another() {
        for (text, columns) in [(USPS, 4), (WORLD, 4), (STATES, 3)] {
            let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
            assert!(lines.iter().all(|line| line.split(',').count() == columns && !line.contains(['"', ' '].as_slice()) || (columns == 3)));
        }
        let kinds = ["type", "lead", "direction", "unit", "place", "word", "number", "drop"];
        let mut known = BTreeMap::new();
        for [country, kind, written, short] in rows::<4>(USPS).chain(rows::<4>(WORLD)) {
            assert!(kinds.contains(&kind), "{country} {kind} {written}");
            assert_eq!(fold(written), written, "tables are folded");
            assert_eq!(*known.entry((kind, written)).or_insert(short), short, "{kind} {written} has two short forms");
        }
        // Appendix C1 has about 500 spellings of about 200 suffixes.
        assert!(WORDS.types.len() > 500, "{}", WORDS.types.len());
        for (kind, table) in [("types", &WORDS.types), ("directions", &WORDS.directions), ("leads", &WORDS.leads)] {
            for short in table.values() {
                let again = table.get(short).unwrap_or(short);
                assert_eq!(again, short, "{kind}: the short form of {short} is {again}");
            }
        }
    }

    #[test]
    fn states_by_name() {
        assert_eq!(
            (STATE_CODES.get("florida"), STATE_CODES.get("calif"), STATE_CODES.get("quebec")),
            (Some(&"fl"), Some(&"ca"), Some(&"qc"))
        );
        let codes: std::collections::BTreeSet<_> = us_state_codes().collect();
        assert_eq!(codes.len(), 56);
    }
}
