//! What a node remembers on its own disk: its name, and which store it has used.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::clock::Random;
use crate::store::embedded::write_new;
use crate::store::{Error, NodeId};

/// The folder, held by this process as long as the value lives: two processes of one name would take each other's leases for their own.
#[derive(Debug)]
pub struct NodeFolder {
    path: PathBuf,
    id: NodeId,
    _lock: File,
}

impl NodeFolder {
    /// Makes the folder where it is missing, locks it, and draws the node's name the first time.
    ///
    /// # Errors
    /// [`Error::Locked`], [`Error::Open`].
    pub fn open(path: &Path, random: &dyn Random) -> Result<Self, Error> {
        let fails = |error: io::Error| Error::Open { path: path.display().to_string(), message: error.to_string() };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(fails)?;
        let lock = File::options().write(true).create(true).truncate(false).mode(0o600).open(path.join("lock")).map_err(fails)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::Locked { path: path.display().to_string() }),
            Err(TryLockError::Error(error)) => return Err(fails(error)),
        }
        let file = path.join("node.id");
        let id = if let Some(id) = read(&file).map_err(fails)? {
            id
        } else {
            let mut bytes = [0; 8];
            random.fill(&mut bytes);
            let id = format!("node-{}", hex::encode(bytes));
            write_new(&file, id.as_bytes()).map_err(fails)?;
            id
        };
        Ok(Self { path: path.to_owned(), id: NodeId(id), _lock: lock })
    }

    /// The node's name.
    pub const fn id(&self) -> &NodeId {
        &self.id
    }

    /// Where it keeps what it had acknowledged of late.
    pub fn tail(&self) -> PathBuf {
        self.path.join("acknowledged")
    }

    /// The store that it has used; nothing before the first time.
    ///
    /// # Errors
    /// [`Error::Open`].
    pub fn known_store(&self) -> Result<Option<String>, Error> {
        read(&self.path.join("store.id")).map_err(|error| self.fails(&error))
    }

    /// Remembers the store that it uses from now on.
    ///
    /// # Errors
    /// [`Error::Open`].
    pub fn remember(&self, store: &str) -> Result<(), Error> {
        if self.known_store()?.as_deref() == Some(store) {
            return Ok(());
        }
        write_new(&self.path.join("store.id"), store.as_bytes()).map_err(|error| self.fails(&error))
    }

    fn fails(&self, error: &io::Error) -> Error {
        Error::Open { path: self.path.display().to_string(), message: error.to_string() }
    }
}

fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemRandom;

    #[test]
    fn a_node_keeps_its_name_and_knows_its_store() {
        let folder = tempfile::tempdir().unwrap();
        let first = NodeFolder::open(&folder.path().join("node"), &SystemRandom).unwrap();
        let id = first.id().clone();
        assert_eq!(first.known_store().unwrap(), None);
        first.remember("the store").unwrap();
        assert!(matches!(NodeFolder::open(&folder.path().join("node"), &SystemRandom), Err(Error::Locked { .. })));
        drop(first);
        let again = NodeFolder::open(&folder.path().join("node"), &SystemRandom).unwrap();
        assert_eq!((again.id(), again.known_store().unwrap().as_deref()), (&id, Some("the store")));
    }
}
