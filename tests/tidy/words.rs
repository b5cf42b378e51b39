//! What is written here must make sense to whoever reads it elsewhere, later.

use crate::source::{files, read};

/// Lower case. `|` splits a word, so that this file doesn't hold it.
const STRAY: &[(&str, &str)] = &[
    ("/ho|me/", "a path of one machine"),
    ("/ro|ot/", "a path of one machine"),
    ("/wo|rk/", "a path of one machine"),
    ("/tm|p/", "a path of one machine: ask for a temporary folder"),
    ("crates|.io", "a registry's host: the lock file names it"),
    ("registry.npm|js", "a registry's host: the lock file names it"),
    ("pypi|.org", "a registry's host: the lock file names it"),
    ("411da|ta.io", "another service's host"),
    ("to|do:", "a note to oneself: do it, or write an issue"),
    ("fix|me", "a note to oneself: do it, or write an issue"),
    ("col|league", "who wrote it: the history knows"),
    ("the br|ief", "who asked for it: the history knows"),
    ("sub|agent", "who wrote it: the history knows"),
    ("chat|gpt", "who wrote it: the history knows"),
    ("clau|de", "who wrote it: the history knows"),
    ("co-auth|ored", "who wrote it: the history knows"),
];

#[test]
fn no_stray_words() {
    let endings = &[
        ".rs",
        ".md",
        ".py",
        ".ts",
        ".mjs",
        ".sol",
        ".sh",
        ".toml",
        ".yml",
        ".csv",
        ".txt",
        ".http",
        "scripts/test",
        "package.json",
        "package-lock.json",
    ];
    let folders = ["src", "docs", "tests", "scripts", "samples", "benches", "contracts"];
    let all: Vec<_> = folders.iter().flat_map(|folder| files(folder, endings)).collect();
    let top = ["README.md", "Cargo.toml", "Dockerfile", "docker-compose.yml", "deny.toml", "clippy.toml"].map(std::path::PathBuf::from);
    let stray: Vec<_> = STRAY.iter().map(|(word, why)| (word.replace('|', ""), why)).collect();
    let mut wrong = Vec::new();
    for file in all.iter().chain(top.iter().filter(|file| crate::source::top().join(file).exists())) {
        for (number, line) in (1..).zip(read(file).to_lowercase().lines()) {
            for (word, why) in stray.iter().filter(|(word, _)| line.contains(word)) {
                wrong.push(format!("{}:{number}: `{word}` is {why}", file.display()));
            }
        }
    }
    assert!(all.len() > 50, "only {} files were found", all.len());
    assert!(wrong.is_empty(), "{} stray words:\n{}", wrong.len(), wrong.join("\n"));
}
