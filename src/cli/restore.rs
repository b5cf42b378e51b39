//! `enrich-jobs restore`: a store from a backup. It keeps its id and the numbers of its records, so nodes know what is missing.
#![allow(clippy::doc_markdown, reason = "`--help` shows these texts as they are")]

use std::path::PathBuf;

use clap::Args;

use super::copying::{self, KeyOptions, Target, say};
use super::{Failure, print};
use crate::config::StoreUrl;
use crate::store::backup::Reader;
use crate::store::embedded;

/// Of `restore`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The backup
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// Where the store is made: an empty folder, or an empty database
    #[arg(long, value_name = "embedded:DIR|redis://…")]
    to: StoreUrl,
    #[command(flatten)]
    keys: KeyOptions,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    super::logs::start_quietly();
    let key = arguments.keys.for_target(&arguments.to, None)?;
    let reader = Reader::open(&arguments.from).map_err(|error| Failure::of(&error))?;
    let (store, shards, made_at) = (reader.manifest().store.clone(), reader.manifest().shards, reader.manifest().made_at.clone());
    let threads = copying::threads()?;
    let mut target = Target::begin(&arguments.to, &store, shards, &arguments.keys, &threads)?;
    let copied = target.fill(&reader, &store, shards, arguments.keys.seals()?)?;
    if let (Some(key), StoreUrl::Embedded(folder)) = (&key, &arguments.to) {
        embedded::keep_secret_key(folder, key).map_err(|error| Failure::of(&error))?;
    }
    target.finish()?;
    say(&copied, shards);
    print(&format!(
        "Store {store} is in {} as it was at {made_at}. What was acknowledged later is not in it: nodes that remember it write it\n\
         again when they start, or name it and keep the shard back. Never serve it beside the store that it was taken from.\n",
        arguments.to.shown()
    ));
    Ok(())
}
