//! What `migrate`, `backup` and `restore` share: stores that are filled, and the proof that a copy is one.
#![allow(clippy::doc_markdown, reason = "`--help` shows these texts as they are")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use tokio::runtime::Runtime;

use super::{Failure, print};
use crate::actors;
use crate::clock::{Clock, SystemClock, SystemRandom};
use crate::config::{ConfigError, SealOptions, StoreUrl, key_bytes};
use crate::shard::Table;
use crate::shard::audit::Findings;
use crate::store::copy::{Contents, Filling, Journal, contents, copy};
use crate::store::sealed::{Keys, SealedSnapshot};
use crate::store::{Error, NodeId, Pairs, Peer, Snapshot, embedded, redis};
use crate::types::ShardId;

/// The server's key, for a store that goes into a folder.
#[derive(Debug, Args)]
pub(super) struct KeyOptions {
    /// The server's key, as a server has it: put into a target folder, so that its first start draws no other
    #[arg(long, env = "ENRICH_SECRET_KEY", value_name = "BASE64", hide_env_values = true)]
    secret_key: Option<SecretString>,
    /// The same from a file of 32 bytes, such as the secret.key of an embedded store
    #[arg(long, value_name = "FILE", hide_env_values = true)]
    secret_key_file: Option<PathBuf>,
    /// Refuse a Redis that doesn't sync every write before it answers
    #[arg(long, env = "REDIS_REQUIRE_AOF", value_name = "always")]
    redis_require_aof: Option<String>,
    #[command(flatten)]
    seal: SealOptions,
}

/// A store on its way.
pub(super) enum Target {
    Folder(Box<embedded::Fill>),
    Redis(Box<redis::Fill>),
}

/// Threads for connections. What is copied goes through the one that asks.
pub(super) fn threads() -> Result<Runtime, Failure> {
    let built = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    built.map_err(|error| Failure::Failed(format!("no threads can be started: {error}")))
}

impl KeyOptions {
    /// The key, from wherever it was given.
    fn key(&self) -> Result<Option<SecretBox<[u8; 32]>>, Failure> {
        if let Some(file) = &self.secret_key_file {
            return read_key(file).map(Some);
        }
        let key = self.secret_key.as_ref().filter(|key| !key.expose_secret().is_empty());
        let key = key.map(key_bytes).transpose();
        key.map_err(|fault| ConfigError::new("ENRICH_SECRET_KEY", fault).into())
    }

    /// What a target folder gets; a folder that is moved brings its own along.
    ///
    /// # Errors
    /// Where there is none: the first start would draw another, and every bearer that was given out would be worthless.
    pub(super) fn for_target(&self, to: &StoreUrl, from: Option<&Path>) -> Result<Option<SecretBox<[u8; 32]>>, Failure> {
        let StoreUrl::Embedded(folder) = to else { return Ok(None) };
        if let Some(key) = self.key()? {
            return Ok(Some(key));
        }
        let of = |folder: &Path| Some(folder.join("secret.key")).filter(|file| file.is_file());
        match of(folder).or_else(|| from.and_then(of)) {
            Some(file) => read_key(&file).map(Some),
            None => Err(ConfigError::new(
                "ENRICH_SECRET_KEY",
                "must be set as the store's servers have it, or --secret-key-file: poll bearers and callback secrets follow from it",
            )
            .into()),
        }
    }

    /// What values are sealed with. They go over as they lie; only the books are read.
    ///
    /// # Errors
    /// Where they can't be used.
    pub(super) fn seals(&self) -> Result<Keys, Failure> {
        Ok(self.seal.keys()?)
    }

    fn requires_always(&self) -> Result<bool, Failure> {
        match self.redis_require_aof.as_deref() {
            None | Some("") => Ok(false),
            Some("always") => Ok(true),
            Some(_) => Err(ConfigError::new("REDIS_REQUIRE_AOF", "must be always, or unset").into()),
        }
    }
}

fn read_key(file: &Path) -> Result<SecretBox<[u8; 32]>, Failure> {
    let bytes = std::fs::read(file).map_err(|error| Failure::Failed(format!("{}: {error}", file.display())))?;
    match <[u8; 32]>::try_from(bytes.as_slice()) {
        Ok(key) => Ok(SecretBox::new(Box::new(key))),
        Err(_) => Err(Failure::Failed(format!("{}: must hold 32 bytes", file.display()))),
    }
}

impl Target {
    /// Makes an unfinished store.
    pub(super) fn begin(to: &StoreUrl, id: &str, shards: u16, options: &KeyOptions, threads: &Runtime) -> Result<Self, Failure> {
        let failed = |error: Error| Failure::of(&error);
        match to {
            StoreUrl::Embedded(folder) => {
                let fill = embedded::Fill::begin(folder, shards, SystemClock.now(), id).map_err(failed)?;
                Ok(Self::Folder(Box::new(fill)))
            }
            StoreUrl::Redis(address) => {
                let settings = redis::Settings {
                    address: address.clone(),
                    shards,
                    require_always: options.requires_always()?,
                    known: None,
                    node: Peer { id: NodeId("copy".to_owned()), url: String::new() },
                    lease: Duration::ZERO,
                    tail: None,
                };
                let fill = threads.block_on(redis::Fill::begin(&settings, id, &SystemRandom)).map_err(failed)?;
                Ok(Self::Redis(Box::new(fill)))
            }
        }
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot>, Error> {
        match self {
            Self::Folder(fill) => fill.snapshot(),
            Self::Redis(fill) => fill.snapshot(),
        }
    }

    /// Fills it, and reads it again to see that it is the same and that its books balance.
    pub(super) fn fill(&mut self, from: &dyn Snapshot, id: &str, shards: u16, keys: Keys) -> Result<Contents, Failure> {
        let failed = |error: Error| Failure::of(&error);
        let copied = copy(from, shards, self).map_err(failed)?;
        let snapshot = self.snapshot().map_err(failed)?;
        let found = contents(&*snapshot, shards).map_err(failed)?;
        if let Some(difference) = copied.difference(&found) {
            return Err(Failure::Failed(format!("the copy is not what was copied: {difference}")));
        }
        sound(&SealedSnapshot::new(snapshot, id, keys), shards, "the copy")?;
        Ok(copied)
    }

    /// From here on a server takes it.
    pub(super) fn finish(self) -> Result<(), Failure> {
        let finished = match self {
            Self::Folder(fill) => fill.finish(),
            Self::Redis(fill) => fill.finish(),
        };
        finished.map_err(|error| Failure::of(&error))
    }
}

impl Filling for Target {
    fn rows(&mut self, shard: ShardId, table: Table, rows: Pairs) -> Result<(), Error> {
        match self {
            Self::Folder(fill) => fill.rows(shard, table, rows),
            Self::Redis(fill) => fill.rows(shard, table, rows),
        }
    }

    fn journal(&mut self, shard: ShardId, journal: Journal) -> Result<(), Error> {
        match self {
            Self::Folder(fill) => fill.journal(shard, journal),
            Self::Redis(fill) => fill.journal(shard, journal),
        }
    }
}

/// Audits what is about to be copied, or was.
pub(super) fn sound(snapshot: &dyn Snapshot, shards: u16, what: &str) -> Result<Findings, Failure> {
    let findings = actors::audit(snapshot, shards).map_err(|error| Failure::of(&error))?;
    match findings.broken.first() {
        None => Ok(findings),
        Some(first) => {
            Err(Failure::Failed(format!("the books of {what} don't balance ({}: {}); see `audit`", first.invariant, first.detail)))
        }
    }
}

/// What went over.
pub(super) fn say(contents: &Contents, shards: u16) {
    let (rows, records) = (contents.rows(), contents.records());
    print(&format!(
        "Copied {rows} rows and {records} records of {shards} shards. The copy holds the same, bit by bit, and its books balance.\n"
    ));
}
