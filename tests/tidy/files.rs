//! No dead file, and no long one without a reason.

use std::collections::BTreeSet;

use crate::source::{files, modules, read};

const LINES_MAX: usize = 500;

/// Longer files that are still one idea, each with its reason.
const LONG: &[(&str, &str)] = &[];

#[test]
fn every_file_is_a_module() {
    let known: BTreeSet<_> = modules().into_iter().map(|module| module.file).collect();
    let dead: Vec<_> = files("src", &[".rs"]).into_iter().filter(|file| !known.contains(file)).collect();
    assert!(dead.is_empty(), "no `mod` leads to these: {dead:?}");
    assert!(known.len() > 50, "only {} modules were found", known.len());
}

#[test]
fn no_file_is_too_long() {
    let mut wrong = Vec::new();
    let all: Vec<_> = files("src", &[".rs"]).into_iter().chain(files("tests", &[".rs"])).collect();
    for file in &all {
        let lines = read(file).lines().count();
        let excused = LONG.iter().any(|(known, _)| file.as_os_str() == *known);
        if lines > LINES_MAX && !excused {
            wrong.push(format!("{}: {lines} lines", file.display()));
        }
        if lines <= LINES_MAX && excused {
            wrong.push(format!("{}: only {lines} lines, so it needs no excuse in tests/tidy/files.rs", file.display()));
        }
    }
    for (file, _) in LONG.iter().filter(|(file, _)| !all.iter().any(|known| known.as_os_str() == *file)) {
        wrong.push(format!("{file}: is excused in tests/tidy/files.rs, and is gone"));
    }
    assert!(wrong.is_empty(), "more than {LINES_MAX} lines; is it still one idea?\n{}", wrong.join("\n"));
}
