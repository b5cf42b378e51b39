//! Space that is held back, so that on a full disk what is owed can still be written (safety.md D-11).

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// How much is asked for beyond the ballast before it counts as back: without it, the next write would free it again.
const SLACK_BYTES_MIN: u64 = 1 << 20;

/// A file of zeros that is given up at the first sign of a full disk.
#[derive(Debug)]
pub(super) struct Ballast {
    file: PathBuf,
    bytes: u64,
    held: bool,
}

impl Ballast {
    /// Takes over the ballast that lies in `folder`, if it is whole.
    pub(super) fn found(folder: &Path, bytes: u64) -> Self {
        let mut ballast = Self { file: folder.join("ballast"), bytes, held: false };
        ballast.held = ballast.is_whole();
        ballast
    }

    pub(super) fn is_held(&self) -> bool {
        self.held
    }

    /// Gives up the space. False if there was none left to give.
    pub(super) fn release(&mut self) -> bool {
        let had = self.held && self.bytes > 0;
        self.held = false;
        match fs::remove_file(&self.file) {
            Ok(()) => had,
            Err(error) => {
                tracing::warn!(%error, file = %self.file.display(), "the ballast can't be removed");
                false
            }
        }
    }

    /// Tries to have it (again), with as much once more to spare. True if it is held afterwards.
    pub(super) fn refill(&mut self) -> bool {
        if !self.held {
            let made = self.allocate();
            if let Err(error) = &made {
                tracing::debug!(%error, "no space for the ballast");
                remove_quietly(&self.part());
            }
            self.held = made.is_ok();
        }
        self.held
    }

    fn allocate(&self) -> io::Result<()> {
        let part = self.part();
        let mut file = create(&part)?;
        write_zeros(&mut file, self.bytes.saturating_add(self.bytes.max(SLACK_BYTES_MIN)))?;
        file.set_len(self.bytes)?;
        fs::rename(part, &self.file)
    }

    fn part(&self) -> PathBuf {
        self.file.with_extension("part")
    }

    /// Present, of the right length and not sparse (`st_blocks` counts in units of 512 bytes).
    fn is_whole(&self) -> bool {
        fs::metadata(&self.file).is_ok_and(|found| found.len() == self.bytes && found.blocks().saturating_mul(512) >= self.bytes)
    }
}

/// Whether a file that is `offset` long can't grow by `bytes` now.
pub(super) fn disk_is_full(folder: &Path, offset: u64, bytes: u64) -> bool {
    let probe = folder.join("probe");
    let outcome = create(&probe).and_then(|mut file| {
        file.set_len(offset)?;
        io::Seek::seek(&mut file, io::SeekFrom::End(0))?;
        write_zeros(&mut file, bytes)
    });
    remove_quietly(&probe);
    outcome
        .is_err_and(|error| matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge))
}

fn create(path: &Path) -> io::Result<File> {
    File::options().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// Written, not just sized: a sparse file holds nothing back.
fn write_zeros(file: &mut File, bytes: u64) -> io::Result<()> {
    io::copy(&mut io::Read::take(io::repeat(0), bytes), file)?;
    file.flush()
}

fn remove_quietly(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, file = %path.display(), "a temporary file can't be removed");
    }
}
