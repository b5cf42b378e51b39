//! The folder of a store: who may look in, who holds it, and whether the store that it had is still there.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::failure::cannot_open;
use crate::store::Error;

/// A store's folder, held by this process as long as the value lives.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Locked through the kernel, so that a killed process leaves nothing behind that would have to be cleaned up.
    _lock: File,
}

impl Folder {
    /// Makes the folder where it is missing, and locks it (safety.md F-S4).
    pub(super) fn hold(path: &Path) -> Result<Self, Error> {
        let fails = |error: io::Error| cannot_open(path, error);
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(fails)?;
        let mode = fs::metadata(path).map_err(fails)?.mode();
        if mode & 0o077 != 0 {
            tracing::warn!(folder = %path.display(), "other users of this machine may look into the store's folder");
        }
        let lock = File::options().write(true).create(true).truncate(false).mode(0o600).open(path.join("lock")).map_err(fails)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Error::Locked { path: path.display().to_string() }),
            Err(TryLockError::Error(error)) => Err(fails(error)),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn database(&self) -> PathBuf {
        database(&self.path)
    }

    pub(super) fn log(&self) -> PathBuf {
        self.path.join("store.db-wal")
    }

    /// Makes an empty file for a new store, or refuses where a store used to be (safety.md F-R7): whoever loses the file
    /// must not get an empty ledger without a word. SQLite gives its other files the same mode.
    pub(super) fn create_database(&self) -> io::Result<()> {
        if let Some(id) = self.known_id()? {
            return Err(io::Error::other(format!(
                "store.db of store {id} is gone; bring it back, or remove store.id to begin with an empty store"
            )));
        }
        File::options().write(true).create_new(true).mode(0o600).open(self.database())?;
        sync_folder(&self.path)
    }

    /// Remembers the store's id beside it, and tells one store's file from another's.
    pub(super) fn recognise(&self, id: &str) -> io::Result<()> {
        match self.known_id()? {
            Some(known) if known == id => Ok(()),
            Some(known) => Err(io::Error::other(format!("store.id names store {known}, but store.db is store {id}"))),
            None => write_new(&self.path.join("store.id"), id.as_bytes()),
        }
    }

    fn known_id(&self) -> io::Result<Option<String>> {
        match fs::read_to_string(self.path.join("store.id")) {
            Ok(id) => Ok(Some(id.trim().to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Why nobody may be served from a store, though it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SetAside {
    /// A copy into it was cut off.
    Unfinished,
    /// It lies there now. The same books served twice would be paid twice.
    Moved(String),
}

impl SetAside {
    /// Whether it can be looked at.
    pub(super) const fn is_whole(&self) -> bool {
        match self {
            Self::Unfinished => false,
            Self::Moved(_) => true,
        }
    }
}

impl std::fmt::Display for SetAside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unfinished => f.write_str("a copy into it was cut off; run that again, it begins anew"),
            Self::Moved(place) => write!(f, "it was moved to {place}, or a move there was cut off and has to be run again"),
        }
    }
}

/// How a store's folder says so: files beside the database.
pub(super) fn set_aside(folder: &Path) -> io::Result<Option<SetAside>> {
    if unfinished(folder).exists() {
        return Ok(Some(SetAside::Unfinished));
    }
    match fs::read_to_string(moved(folder)) {
        Ok(place) => Ok(Some(SetAside::Moved(place.trim().to_owned()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Lies there as long as the store is being filled.
pub(super) fn unfinished(folder: &Path) -> PathBuf {
    folder.join("unfinished")
}

/// Names where the store lies now.
pub(super) fn moved(folder: &Path) -> PathBuf {
    folder.join("moved-to")
}

/// Removes a file, and makes that durable.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Ok(()) => path.parent().map_or(Ok(()), sync_folder),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// The database in a store's folder.
pub(super) fn database(folder: &Path) -> PathBuf {
    folder.join("store.db")
}

/// Writes a small file whole or not at all, for its owner's eyes only.
pub(in crate::store) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let part = path.with_extension("part");
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&part, path)?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// A new name in a folder is durable once the folder is.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
