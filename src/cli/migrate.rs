//! `enrich-jobs migrate`: a store goes somewhere else, whole, and is served from one place at a time.
#![allow(clippy::doc_markdown, reason = "`--help` shows these texts as they are")]

use std::path::Path;

use clap::Args;
use tokio::runtime::Runtime;

use super::copying::{self, KeyOptions, Target, say, sound};
use super::{Failure, print};
use crate::config::{ConfigError, StoreUrl};
use crate::store::copy::Contents;
use crate::store::sealed::{Keys, SealedSnapshot};
use crate::store::{Error, Snapshot, embedded, redis};

/// Of `migrate`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where the store is. No server may run on it
    #[arg(long, value_name = "embedded:DIR|redis://…")]
    from: StoreUrl,
    /// Where it goes: an empty folder, or an empty database
    #[arg(long, value_name = "embedded:DIR|redis://…")]
    to: StoreUrl,
    #[command(flatten)]
    keys: KeyOptions,
}

/// The store that is left, marked and held so that no server takes it meanwhile.
enum Source {
    Folder(embedded::Leaving),
    Redis(Box<redis::Leaving>),
}

/// What is read of it.
struct Look {
    snapshot: SealedSnapshot<Box<dyn Snapshot>>,
    id: String,
    shards: u16,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    super::logs::start_quietly();
    let Arguments { from, to, keys } = arguments;
    if from.shown() == to.shown() {
        return Err(ConfigError::new("--to", "must be another place than --from").into());
    }
    let threads = copying::threads()?;
    let folder = match from {
        StoreUrl::Embedded(folder) => Some(folder.as_path()),
        StoreUrl::Redis(_) => None,
    };
    let key = keys.for_target(to, folder)?;
    let source = Source::begin(from, &to.shown(), &threads)?;
    let (target, copied, shards) = match copy_all(&source, to, keys, &threads) {
        Ok(done) => done,
        Err(failure) => return Err(source.stay(failure)),
    };
    if let (Some(key), StoreUrl::Embedded(folder)) = (&key, to)
        && let Err(error) = embedded::keep_secret_key(folder, key)
    {
        return Err(source.stay(Failure::of(&error)));
    }
    // The old one is out of use for good before the new one comes into use. A crash between the two leaves both unused, and the next
    // attempt goes on from there.
    if let Err(error) = source.seal() {
        return Err(source.stay(Failure::of(&error)));
    }
    target.finish().map_err(|failure| Failure::Failed(format!("{failure}; both stores are out of use: run it again")))?;
    say(&copied, shards);
    print(&format!("ENRICH_STORE={} from now on. The old store is kept as it was, and no server takes it any more.\n", to.shown()));
    if let Some(note) = about_key(folder, to) {
        print(&note);
    }
    Ok(())
}

/// Everything that can be undone.
fn copy_all(source: &Source, to: &StoreUrl, keys: &KeyOptions, threads: &Runtime) -> Result<(Target, Contents, u16), Failure> {
    let Look { snapshot, id, shards } = source.look(keys.seals()?).map_err(|error| Failure::of(&error))?;
    sound(&snapshot, shards, "the store")?;
    let mut target = Target::begin(to, &id, shards, keys, threads)?;
    let copied = target.fill(snapshot.inner(), &id, shards, keys.seals()?)?;
    Ok((target, copied, shards))
}

/// A server on Redis draws no key of its own, so the one in the folder has to be given to it.
fn about_key(folder: Option<&Path>, to: &StoreUrl) -> Option<String> {
    let file = folder?.join("secret.key");
    (matches!(to, StoreUrl::Redis(_)) && file.is_file())
        .then(|| format!("Every node needs the key that the store was used with: ENRICH_SECRET_KEY=\"$(base64 < {})\"\n", file.display()))
}

impl Source {
    fn begin(from: &StoreUrl, to: &str, threads: &Runtime) -> Result<Self, Failure> {
        let begun = match from {
            StoreUrl::Embedded(folder) => embedded::Leaving::begin(folder, to).map(Self::Folder),
            StoreUrl::Redis(address) => threads.block_on(redis::Leaving::begin(address, to)).map(|leaving| Self::Redis(Box::new(leaving))),
        };
        begun.map_err(|error| {
            if let Error::HeldElsewhere { node } = &error {
                return Failure::Failed(format!("node {node} runs on the store: stop all nodes first"));
            }
            Failure::of(&error)
        })
    }

    fn look(&self, keys: Keys) -> Result<Look, Error> {
        match self {
            Self::Folder(leaving) => {
                let reader = leaving.snapshot()?;
                let (id, shards) = (reader.id().to_owned(), reader.layout().shards);
                Ok(Look { snapshot: SealedSnapshot::new(Box::new(reader), &id, keys), id, shards })
            }
            Self::Redis(leaving) => {
                let id = leaving.id().to_owned();
                Ok(Look { snapshot: SealedSnapshot::new(leaving.snapshot()?, &id, keys), id, shards: leaving.shards() })
            }
        }
    }

    fn seal(&self) -> Result<(), Error> {
        match self {
            // Its mark is there since the beginning.
            Self::Folder(_) => Ok(()),
            Self::Redis(leaving) => leaving.seal(),
        }
    }

    /// Gives it back to its servers, and returns why.
    fn stay(self, why: Failure) -> Failure {
        let stayed = match self {
            Self::Folder(leaving) => leaving.stay(),
            Self::Redis(leaving) => leaving.stay(),
        };
        match stayed {
            Ok(()) => why,
            Err(error) => Failure::Failed(format!("{why}; and the store that was to be moved stays out of use ({error})")),
        }
    }
}
