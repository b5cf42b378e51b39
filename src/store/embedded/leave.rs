//! An embedded store that is about to lie somewhere else.

use std::path::{Path, PathBuf};

use super::failure::cannot_open;
use super::folder::{self, Folder, SetAside};
use super::log::{self, Log};
use super::reader::Reader;
use super::write_new;
use crate::store::Error;

/// Its folder, locked and marked: no server takes it any more, unless the move is given up.
#[derive(Debug)]
pub struct Leaving {
    folder: Folder,
    /// An earlier attempt had marked it, and may have come to its end.
    is_resumed: bool,
}

impl Leaving {
    /// Marks it. A move to the same place that was cut off goes on from here.
    ///
    /// # Errors
    /// [`Error::Locked`] where a server runs on it; [`Error::Open`] where there is no store, or it was moved elsewhere.
    pub fn begin(path: &Path, to: &str) -> Result<Self, Error> {
        let fails = |error: std::io::Error| cannot_open(path, error);
        if !folder::database(path).is_file() {
            return Err(cannot_open(path, "there is no store.db in it"));
        }
        let folder = Folder::hold(path)?;
        let is_resumed = match folder::set_aside(path).map_err(fails)? {
            Some(SetAside::Moved(place)) if place == to => true,
            Some(state) => return Err(cannot_open(path, state)),
            None => false,
        };
        if let Log::Damaged(how) = log::inspect(&folder.log()).map_err(fails)? {
            return Err(Error::Corrupt(format!("{}: {how}; bring back a backup", folder.log().display())));
        }
        write_new(&folder::moved(path), to.as_bytes()).map_err(fails)?;
        Ok(Self { folder, is_resumed })
    }

    /// What it holds.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn snapshot(&self) -> Result<Reader, Error> {
        let reader = Reader::open(self.folder.path())?;
        reader.check()?;
        Ok(reader)
    }

    /// It isn't moved after all.
    ///
    /// # Errors
    /// [`Error::Open`] where the mark can't be removed, or was there before: that move may have ended, and then both would be served.
    pub fn stay(self) -> Result<(), Error> {
        let path: PathBuf = self.folder.path().to_owned();
        if self.is_resumed {
            return Err(cannot_open(&path, "an earlier attempt to move it may have come to its end"));
        }
        folder::remove(&folder::moved(&path)).map_err(|error| cannot_open(&path, error))
    }
}
