//! `enrich-jobs backup`: a store as it is at one moment, in a file.
#![allow(clippy::doc_markdown, reason = "`--help` shows these texts as they are")]

use std::path::PathBuf;

use clap::Args;

use super::copying::sound;
use super::stored::Stored;
use super::{Failure, print};
use crate::clock::{Clock, SystemClock};
use crate::config::{SealOptions, StoreOptions};
use crate::store::backup::{Reader, Writer};
use crate::store::copy::{contents, copy};
use crate::store::sealed::SealedSnapshot;
use crate::store::{Error, Layout, SCHEMA};

/// Of `backup`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    store: StoreOptions,
    #[command(flatten)]
    seal: SealOptions,
    /// The file, or a folder in which it gets a name of its own
    #[arg(long, value_name = "FILE|DIR")]
    to: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    super::logs::start_quietly();
    let failed = |error: Error| Failure::of(&error);
    let stored = Stored::open(&arguments.store.store, arguments.seal.keys()?)?;
    let now = SystemClock.now();
    let path = if arguments.to.is_dir() {
        let moment = now.to_string().replace([':', '-'], "");
        arguments.to.join(format!("enrich-jobs-{}-{moment}.backup", stored.id.get(..8).unwrap_or(&stored.id)))
    } else {
        arguments.to.clone()
    };
    stored.check().map_err(failed)?;
    let layout = Layout { shards: stored.shards, schema: SCHEMA };
    let mut writer = Writer::create(&path, &stored.id, layout, now).map_err(failed)?;
    let copied = copy(stored.as_it_lies(), stored.shards, &mut writer).map_err(failed)?;
    let bytes = writer.finish().map_err(failed)?;
    // From here on the server goes on as usual; what was written is read again without it.
    let (id, shards, place) = (stored.id.clone(), stored.shards, stored.place.clone());
    drop(stored);
    let reader = Reader::open(&path).map_err(failed)?;
    if let Some(difference) = copied.difference(&contents(&reader, shards).map_err(failed)?) {
        return Err(Failure::Failed(format!("the backup is not what was read: {difference}")));
    }
    let (rows, records) = (copied.rows(), copied.records());
    print(&format!(
        "Store {id} in {place}, as of {now}: {rows} rows and {records} records of {shards} shards\n{}: {bytes} bytes, read again and the same\n",
        path.display()
    ));
    // A backup of books that don't balance is still the best that there is.
    if let Err(failure) = sound(&SealedSnapshot::new(reader, &id, arguments.seal.keys()?), shards, "the store") {
        return Err(Failure::Failed(format!("the backup is written, but {failure}")));
    }
    print(
        "Keep the server's key (ENRICH_SECRET_KEY, or secret.key in the store's folder) in another place, and ENRICH_SEAL_KEY where there is\n\
           one: they are not in it, and what is sealed is sealed in it too.\n",
    );
    Ok(())
}
