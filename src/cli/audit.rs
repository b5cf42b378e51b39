//! `enrich-jobs audit`: checks the books of a store as they are now. Every balance is computed again from the transfers.
//!
//! With `--chain` it also compares what is booked as paid with what the chain says, both ways.
//!
//! It takes no lock and writes nothing, so it works beside a running server and on a copy of a store alike.
#![allow(clippy::doc_markdown, reason = "`--help` shows these texts as they are")]

use std::collections::BTreeMap;

use clap::Args;
use serde::Serialize;

use super::audit_chain::{self, ChainReport};
use super::stored::Stored;
use super::{Failure, print};
use crate::actors;
use crate::config::{NetworkOptions, SealOptions, StoreOptions};
use crate::shard::audit::Findings;
use crate::store::Error;
use crate::store::sealed::Seal;

/// Of `audit`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    store: StoreOptions,
    #[command(flatten)]
    seal: SealOptions,
    /// Compare what was paid with the tokens' transfers, on every network of X402_NETWORKS
    #[arg(long)]
    chain: bool,
    /// The first block to look at; without it, that of the first payment in the books
    #[arg(long, value_name = "NUMBER", requires = "chain")]
    from_block: Option<u64>,
    #[command(flatten)]
    networks: NetworkOptions,
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
}

/// As the operators' listener answers it.
#[derive(Debug, Serialize)]
struct Report<'a> {
    ok: bool,
    #[serde(flatten)]
    findings: &'a Findings,
    /// How many values are sealed with what.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    seals: BTreeMap<String, u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    chains: Vec<ChainReport>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    super::logs::start_quietly();
    let stored = Stored::open(&arguments.store.store, arguments.seal.keys()?)?;
    let audited = stored.check().and_then(|()| actors::audit(stored.snapshot(), stored.shards));
    let findings = match audited {
        Ok(findings) => findings,
        // What can't be read is broken too, and what the rest of the books say is then worth nothing.
        Err(Error::Corrupt(detail)) => {
            let mut findings = Findings::default();
            findings.broken.push(crate::shard::audit::Broken { invariant: "I-20", detail });
            findings
        }
        Err(error) => return Err(Failure::of(&error)),
    };
    let chains = if arguments.chain {
        audit_chain::run(stored.snapshot(), stored.shards, &arguments.networks, arguments.from_block)?
    } else {
        Vec::new()
    };
    // Only where it may be sealed, since it reads everything once more; what is broken was told already.
    let is_sealed = arguments.seal.seal_key.is_some() && findings.is_ok();
    let seals = if is_sealed { stored.seals().map_err(|error| Failure::of(&error))? } else { BTreeMap::new() };
    let ok = findings.is_ok() && chains.iter().all(ChainReport::is_ok);
    if arguments.json {
        print(&format!("{:#}\n", serde_json::json!(Report { ok, findings: &findings, seals: counted(&seals), chains })));
    } else {
        print(&as_text(&findings, &format!("store {} in {}", stored.id, stored.place)));
        for (seal, count) in &seals {
            print(&format!("  {count} values are sealed with {seal}\n"));
        }
        print(&chains.iter().map(ToString::to_string).collect::<String>());
    }
    if ok { Ok(()) } else { Err(Failure::Said) }
}

fn counted(seals: &BTreeMap<Seal, u64>) -> BTreeMap<String, u64> {
    seals.iter().map(|(seal, count)| (seal.to_string(), *count)).collect()
}

fn as_text(findings: &Findings, store: &str) -> String {
    use std::fmt::Write as _;
    let mut text = format!("{store}\n");
    let width = findings.checked.values().map(|count| count.to_string().len()).max().unwrap_or_default();
    for (kind, count) in &findings.checked {
        writeln!(text, "  {count:>width$} {}", kind.replace('_', " ")).unwrap_or_default();
    }
    if findings.is_ok() {
        text.push_str("The books balance: every balance is what its transfers say, and every invariant holds.\n");
        return text;
    }
    writeln!(text, "BROKEN in {} places:", findings.broken.len()).unwrap_or_default();
    for broken in &findings.broken {
        writeln!(text, "  {:5} {}", broken.invariant, broken.detail).unwrap_or_default();
    }
    text
}
