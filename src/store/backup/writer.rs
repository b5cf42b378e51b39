//! Writing a backup: beside its name until it is whole and synced.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use sha2::{Digest, Sha256};

use super::{Ends, FORMAT, MAGIC, Manifest, Section, failed};
use crate::shard::Table;
use crate::store::copy::{Filling, Journal};
use crate::store::{Error, Layout, Pairs};
use crate::types::{ShardId, Timestamp};

/// Fast, and still a third of the size.
const LEVEL: Compression = Compression::new(3);

/// A backup on its way.
pub struct Writer {
    path: PathBuf,
    part: PathBuf,
    file: Summed,
    open: Option<Open>,
    manifest: Manifest,
    whole: bool,
}

/// A section that more rows may come to.
struct Open {
    shard: ShardId,
    table: Option<Table>,
    at: u64,
    count: u64,
    content: ZlibEncoder<Vec<u8>>,
}

/// Counts and sums what is written.
struct Summed {
    file: BufWriter<File>,
    hash: Sha256,
    written: u64,
}

impl Write for Summed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_all(bytes)?;
        self.hash.update(bytes);
        self.written = self.written.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Writer {
    /// Begins it, readable by its owner alone.
    ///
    /// # Errors
    /// [`Error::Open`] where there is a file of that name, or none can be made.
    pub fn create(path: &Path, store: &str, layout: Layout, made_at: Timestamp) -> Result<Self, Error> {
        if path.exists() {
            return Err(failed(path, "there is a file already; a backup never replaces one"));
        }
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&part);
        let file = BufWriter::with_capacity(1 << 20, file.map_err(|error| failed(&part, error))?);
        let mut file = Summed { file, hash: Sha256::new(), written: 0 };
        file.write_all(MAGIC).and_then(|()| file.write_all(&FORMAT.to_le_bytes())).map_err(|error| failed(&part, error))?;
        let manifest = Manifest {
            store: store.to_owned(),
            shards: layout.shards,
            schema: layout.schema,
            made_at: made_at.to_string(),
            made_by: env!("CARGO_PKG_VERSION").to_owned(),
            sections: Vec::new(),
            journals: Vec::new(),
        };
        Ok(Self { path: path.to_owned(), part, file, open: None, manifest, whole: false })
    }

    /// Ends it, and gives it its name once it is on the disk. Returns its size in bytes.
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::Open`].
    pub fn finish(mut self) -> Result<u64, Error> {
        let bytes = self.end().map_err(|error| self.fails(&error))?;
        self.whole = true;
        Ok(bytes)
    }

    fn end(&mut self) -> io::Result<u64> {
        self.end_section()?;
        let manifest = serde_json::to_vec(&self.manifest)?;
        self.file.write_all(&manifest)?;
        self.file.write_all(&u64::try_from(manifest.len()).unwrap_or(u64::MAX).to_le_bytes())?;
        let sum = self.file.hash.clone().finalize();
        self.file.write_all(&sum)?;
        self.file.flush()?;
        self.file.file.get_ref().sync_all()?;
        // A name that is taken meanwhile is kept: a link never replaces one.
        fs::hard_link(&self.part, &self.path)?;
        fs::remove_file(&self.part)?;
        match self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            Some(folder) => File::open(folder)?.sync_all()?,
            None => File::open(".")?.sync_all()?,
        }
        Ok(self.file.written)
    }

    fn section(&mut self, shard: ShardId, table: Option<Table>) -> io::Result<&mut Open> {
        if self.open.as_ref().is_some_and(|open| (open.shard, open.table) != (shard, table)) {
            self.end_section()?;
        }
        let at = self.file.written;
        Ok(self.open.get_or_insert_with(|| Open { shard, table, at, count: 0, content: ZlibEncoder::new(Vec::new(), LEVEL) }))
    }

    /// What is compressed so far goes to the file, so that a long table takes no memory.
    fn drain(&mut self) -> io::Result<()> {
        if let Some(open) = &mut self.open {
            let ready = std::mem::take(open.content.get_mut());
            self.file.write_all(&ready)?;
        }
        Ok(())
    }

    fn end_section(&mut self) -> io::Result<()> {
        let Some(open) = self.open.take() else { return Ok(()) };
        self.file.write_all(&open.content.finish()?)?;
        let bytes = self.file.written.saturating_sub(open.at);
        let table = open.table.map(|table| table.name().to_owned());
        self.manifest.sections.push(Section { shard: open.shard.0, table, at: open.at, bytes, count: open.count });
        Ok(())
    }

    fn fails(&self, error: &io::Error) -> Error {
        if error.kind() == io::ErrorKind::StorageFull { Error::Full } else { failed(&self.part, error) }
    }
}

impl Open {
    fn put(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        self.count = self.count.saturating_add(1);
        for part in [key, value] {
            let length = u32::try_from(part.len()).map_err(|_| io::Error::other("a row of more than 4 GiB"))?;
            self.content.write_all(&length.to_le_bytes())?;
            self.content.write_all(part)?;
        }
        Ok(())
    }
}

impl Filling for Writer {
    fn rows(&mut self, shard: ShardId, table: Table, rows: Pairs) -> Result<(), Error> {
        let written = self
            .section(shard, Some(table))
            .and_then(|section| rows.iter().try_for_each(|(key, value)| section.put(key, value)))
            .and_then(|()| self.drain());
        written.map_err(|error| self.fails(&error))
    }

    fn journal(&mut self, shard: ShardId, journal: Journal) -> Result<(), Error> {
        let Journal { epoch, trimmed, last, records } = journal;
        self.manifest.journals.push(Ends { shard: shard.0, epoch: epoch.0, trimmed: trimmed.0, last: last.0 });
        let written = self
            .section(shard, None)
            .and_then(|section| records.iter().try_for_each(|(seq, record)| section.put(&seq.0.to_le_bytes(), record)))
            .and_then(|()| self.end_section());
        written.map_err(|error| self.fails(&error))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.whole {
            // Worth nothing, and the next attempt replaces it.
            fs::remove_file(&self.part).ok();
        }
    }
}
