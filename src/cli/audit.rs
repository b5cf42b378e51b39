//! `enrich-jobs audit`: checks the books of a store as they are now. Every balance is computed again from the transfers.
//!
//! It takes no lock and writes nothing, so it works beside a running server and on a copy of a store alike.

use clap::Args;
use serde::Serialize;

use super::{Failure, print};
use crate::actors;
use crate::config::{StoreOptions, store_folder};
use crate::shard::audit::Findings;
use crate::store::{Embedded, Error};

/// Of `audit`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    store: StoreOptions,
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
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    super::logs::start_quietly();
    let folder = store_folder(&arguments.store.store);
    let reader = Embedded::open_read_only(&folder).map_err(|error| Failure::of(&error))?;
    let audited = reader.check().and_then(|()| actors::audit(&reader, reader.layout().shards));
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
    let ok = findings.is_ok();
    if arguments.json {
        print(&format!("{:#}\n", serde_json::json!(Report { ok, findings: &findings })));
    } else {
        print(&as_text(&findings, &format!("store {} in {}", reader.id(), folder.display())));
    }
    if ok { Ok(()) } else { Err(Failure::Said) }
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
