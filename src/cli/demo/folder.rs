//! Where the demo keeps its data: a folder that was given, or a temporary one that goes with it.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::cli::Failure;
use crate::clock::{Random, SystemRandom};

/// The folder. A temporary one is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    is_temporary: bool,
}

impl Folder {
    /// The given one, or a new temporary one that only its owner can look into.
    pub(super) fn new(given: Option<&Path>) -> Result<Self, Failure> {
        if let Some(path) = given {
            return Ok(Self { path: path.to_owned(), is_temporary: false });
        }
        let mut name = hex::encode(SystemRandom.secret());
        name.truncate(16);
        let path = std::env::temp_dir().join(format!("enrich-jobs-demo-{name}"));
        let made = DirBuilder::new().mode(0o700).create(&path);
        made.map_err(|error| Failure::Failed(format!("{} can't be made: {error}", path.display())))?;
        Ok(Self { path, is_temporary: true })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn is_temporary(&self) -> bool {
        self.is_temporary
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.is_temporary
            && let Err(error) = std::fs::remove_dir_all(&self.path)
        {
            tracing::warn!(folder = %self.path.display(), %error, "the temporary folder can't be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_folder_goes_and_a_given_one_stays() {
        let temporary = Folder::new(None).unwrap();
        let path = temporary.path().to_owned();
        assert!(path.is_dir() && temporary.is_temporary());
        drop(temporary);
        assert!(!path.exists());
        let given = tempfile::tempdir().unwrap();
        drop(Folder::new(Some(given.path())).unwrap());
        assert!(given.path().is_dir());
    }
}
