//! Who may import whom. A folder imports from those above it: nothing from below, nothing from beside.
//!
//! An edge that the table lacks is a decision about the design: it changes the table, and `docs/architecture.md`, in a commit
//! of its own.

use crate::source::{Module, Token, example, modules, read};

/// A folder of `src`, or a file that stands alone there.
struct Room {
    name: &'static str,
    may_import: &'static [&'static str],
    crates: Crates,
}

/// Which crates a room may name.
enum Crates {
    /// These and no other, and nothing of `std` that reaches outside: what decides has no way to the world.
    Only(&'static [&'static str]),
    /// Any but these.
    Not(&'static [&'static str]),
}

/// Bytes, numbers and text. Nothing in here has a clock, a socket, a file or a thread.
const ARITHMETIC: &[&str] = &[
    "alloy_primitives",
    "alloy_sol_types",
    "base64",
    "hex",
    "hmac",
    "ipnet",
    "jiff",
    "postcard",
    "secrecy",
    "serde",
    "serde_json",
    "serde_path_to_error",
    "sha2",
    "subtle",
    "thiserror",
    "unicode_normalization",
    "url",
    "utoipa",
    "uuid",
    "foldhash",
    "xxhash_rust",
];

/// The same, and what signs: pure as well, for Ed25519 needs no luck.
const SIGNING: &[&str] =
    &["aws_lc_rs", "base64", "hex", "secrecy", "serde", "serde_json", "serde_json_canonicalizer", "sha2", "thiserror", "utoipa"];

const OUTSIDE: &[&str] = &["types", "billing", "job", "shard", "net", "clock"];
const EVERYTHING: &[&str] = &[
    "types",
    "billing",
    "job",
    "receipt",
    "shard",
    "net",
    "clock",
    "store",
    "chain",
    "enrich",
    "callbacks",
    "actors",
    "http",
    "config",
    "app",
    "cli",
];

const ROOMS: &[Room] = &[
    Room { name: "types", may_import: &[], crates: Crates::Only(ARITHMETIC) },
    Room { name: "clock", may_import: &["types"], crates: Crates::Not(&["axum", "ractor", "reqwest", "rusqlite", "redis"]) },
    Room { name: "billing", may_import: &["types"], crates: Crates::Only(ARITHMETIC) },
    Room { name: "job", may_import: &["types", "billing"], crates: Crates::Only(ARITHMETIC) },
    Room { name: "receipt", may_import: &["types", "billing", "job"], crates: Crates::Only(SIGNING) },
    Room { name: "shard", may_import: &["types", "billing", "job"], crates: Crates::Only(ARITHMETIC) },
    Room { name: "net", may_import: &["types", "clock"], crates: Crates::Not(&["axum", "ractor", "rusqlite", "redis"]) },
    Room { name: "store", may_import: OUTSIDE, crates: Crates::Not(&["axum", "ractor", "reqwest"]) },
    Room { name: "chain", may_import: OUTSIDE, crates: Crates::Not(&["axum", "ractor", "rusqlite", "redis"]) },
    Room { name: "enrich", may_import: OUTSIDE, crates: Crates::Not(&["axum", "ractor", "redis"]) },
    Room { name: "callbacks", may_import: OUTSIDE, crates: Crates::Not(&["axum", "ractor", "rusqlite", "redis"]) },
    Room {
        name: "actors",
        may_import: &["types", "billing", "job", "receipt", "shard", "net", "clock", "store", "chain", "enrich", "callbacks"],
        crates: Crates::Not(&["axum", "hyper", "hyper_util", "tower", "tower_http", "governor", "reqwest", "rusqlite", "redis"]),
    },
    Room {
        name: "http",
        may_import: &["types", "billing", "job", "receipt", "shard", "clock", "actors"],
        crates: Crates::Not(&["ractor", "reqwest", "rusqlite", "redis"]),
    },
    Room { name: "config", may_import: EVERYTHING, crates: Crates::Not(&[]) },
    Room { name: "app", may_import: EVERYTHING, crates: Crates::Not(&[]) },
    Room { name: "cli", may_import: EVERYTHING, crates: Crates::Not(&[]) },
    Room { name: "main", may_import: EVERYTHING, crates: Crates::Not(&[]) },
];

/// What of `std` reaches outside.
const STD_OUTSIDE: &[&str] = &["env", "fs", "io", "os", "process", "thread"];

#[test]
fn a_folder_imports_only_from_above() {
    let crates = dependencies();
    let mut wrong = Vec::new();
    for module in modules() {
        // `lib.rs` only lists the modules.
        let Some(name) = module.path.first().filter(|_| !module.test_only) else { continue };
        match ROOMS.iter().find(|room| room.name == name) {
            Some(room) => wrong.extend(violations(&module, room, &crates)),
            None => wrong.push(format!("{}: no row in the table of tests/tidy/imports.rs", module.file.display())),
        }
    }
    assert!(wrong.is_empty(), "{} forbidden imports:\n{}", wrong.len(), wrong.join("\n"));
}

/// Each way to write it is seen, and what only looks like it is not.
#[test]
fn a_forbidden_import_is_seen() {
    let found = |path: &[&str], text: &str| {
        let room = ROOMS.iter().find(|room| room.name == path[0]).unwrap();
        violations(&example(path, text), room, &dependencies()).len()
    };
    for text in [
        "use crate::store::Error;",
        "use crate::{job::Job, store};",
        "fn f() -> crate::store::Error { g() }",
        "fn f() { enrich_jobs::store::open(); }",
        "use super::super::store;",
        "mod inner { use super::super::super::{types, store::Error}; }",
        "use axum::Router;",
        "use tokio;",
        "fn f() { tracing::warn!(\"x\") }",
        "use std::{collections::HashMap, fs};",
        "fn f() { std::thread::spawn(g); }",
        "#[cfg(test)] use crate::store::Error as Fine; use crate::store::Error;",
        "#[cfg(feature = \"x\")] use crate::store;",
    ] {
        assert_eq!(found(&["job", "step"], text), 1, "{text}");
    }
    for text in [
        "use crate::{job::Job, types::{Usd, store}};",
        "pub(crate) use super::fair; pub(in crate::job) fn f() {}",
        "// use crate::store::Error;\nconst TEXT: &str = \"crate::store\";",
        "/// [`crate::store::Store`] keeps it.\nstruct Kept;",
        "#[cfg(test)] mod tests { use crate::store::Error; use tokio::time; }",
        "#[test] fn f() { crate::store::open(); }",
        "use self::axum::Axle; fn f() { wheel.axum::<u8>(); let tokio = 1; }",
        "mod inner { use super::super::fair; }",
    ] {
        assert_eq!(found(&["job", "step"], text), 0, "{text}");
    }
}

fn violations(module: &Module, room: &Room, crates: &[String]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut say = |token: &Token, what: String| wrong.push(format!("{}:{}: {what}", module.file.display(), token.line));
    let (tokens, room_name) = (&module.tokens, room.name);
    for (at, token) in tokens.iter().enumerate() {
        // Further down a path, or a field or method of that name.
        if at > 0 && [":", "."].contains(&tokens[at - 1].text.as_str()) {
            continue;
        }
        let begins_path = is_path(tokens, at + 1);
        if begins_path && let Some(targets) = own_targets(module, at) {
            for target in targets.into_iter().filter(|target| ROOMS.iter().any(|room| room.name == target.text)) {
                if target.text != room_name && !room.may_import.contains(&target.text.as_str()) {
                    say(target, format!("{room_name} may not import {}", target.text));
                }
            }
        }
        let imported_whole = at > 0 && tokens[at - 1].text == "use";
        if (begins_path || imported_whole) && crates.contains(&token.text) {
            let allowed = match room.crates {
                Crates::Only(only) => only.contains(&token.text.as_str()),
                Crates::Not(not) => !not.contains(&token.text.as_str()),
            };
            if !allowed {
                say(token, format!("{room_name} may not name the crate {}", token.text));
            }
        }
        if begins_path && token.text == "std" && matches!(room.crates, Crates::Only(_)) {
            for target in path_targets(tokens, at + 3).into_iter().filter(|target| STD_OUTSIDE.contains(&target.text.as_str())) {
                say(target, format!("{room_name} is pure and may not name std::{}", target.text));
            }
        }
    }
    wrong
}

/// The first words behind a `crate::`, or behind as many `super::` as lead there.
fn own_targets(module: &Module, at: usize) -> Option<Vec<&Token>> {
    let tokens = &module.tokens;
    match tokens[at].text.as_str() {
        "crate" | "enrich_jobs" => Some(path_targets(tokens, at + 3)),
        "super" => {
            let mut above = module.path.len() + tokens[at].inline_depth;
            let mut at = at;
            while tokens.get(at).is_some_and(|token| token.text == "super") && is_path(tokens, at + 1) {
                above = above.checked_sub(1)?;
                at += 3;
            }
            (above == 0).then(|| path_targets(tokens, at))
        }
        _ => None,
    }
}

fn is_path(tokens: &[Token], at: usize) -> bool {
    tokens.get(at).is_some_and(|token| token.text == ":") && tokens.get(at + 1).is_some_and(|token| token.text == ":")
}

/// The word at `at`, or the first word of each path where a list in braces begins.
fn path_targets(tokens: &[Token], at: usize) -> Vec<&Token> {
    let Some(first) = tokens.get(at) else { return Vec::new() };
    if first.text != "{" {
        return vec![first];
    }
    let mut targets = Vec::new();
    let mut depth = 0;
    let mut begins = false;
    for token in &tokens[at..] {
        match token.text.as_str() {
            "{" => {
                depth += 1;
                begins = depth == 1;
                continue;
            }
            "}" => depth -= 1,
            "," if depth == 1 => {
                begins = true;
                continue;
            }
            _ if begins => targets.push(token),
            _ => {}
        }
        begins = false;
        if depth == 0 {
            break;
        }
    }
    targets
}

/// The crates that the package depends on, by the names that code uses.
fn dependencies() -> Vec<String> {
    let manifest = read("Cargo.toml".as_ref());
    let section = manifest.split("[dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
    let names = section.lines().filter_map(|line| line.split_once(" = ")).map(|(name, _)| name.trim().replace('-', "_"));
    let names: Vec<_> = names.filter(|name| !name.starts_with('#')).collect();
    assert!(names.iter().any(|name| name == "tokio"), "no dependencies found in Cargo.toml");
    names
}
