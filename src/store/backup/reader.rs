//! Reading a backup: all of it is summed before anything in it is believed.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::read::ZlibDecoder;
use sha2::{Digest, Sha256};

use super::{Ends, FORMAT, HEAD, MAGIC, Manifest, SUM, Section, failed};
use crate::shard::Table;
use crate::store::{Epoch, Error, Loaded, RowSink, SCHEMA, Seq, Snapshot};
use crate::types::ShardId;

/// Longer than any row or record.
const PART_BYTES_MAX: usize = 256 << 20;
/// Longer than the manifest of 1024 shards.
const MANIFEST_BYTES_MAX: u64 = 64 << 20;
/// A shard that changes hands each second takes so many in twelve days; Lua counts on exactly up to 2^53.
const EPOCHS_SKIPPED: u64 = 1 << 20;

/// A whole backup.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    manifest: Manifest,
}

impl Reader {
    /// Reads the file from end to end, and refuses one that isn't what was written.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where it was cut off or changed, [`Error::Schema`] where a newer version made it, [`Error::Open`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let fails = |error: io::Error| failed(path, error);
        let mut file = File::open(path).map_err(fails)?;
        let mut head = [0; HEAD];
        let read = file.read_exact(&mut head);
        let (magic, format) = head.split_at(MAGIC.len());
        if read.is_err() || magic != MAGIC {
            return Err(failed(path, "it is no backup of enrich-jobs"));
        }
        // First of all: a newer format may be summed up in another way.
        let format = format.try_into().map_or(0, u32::from_le_bytes);
        if format > FORMAT {
            return Err(Error::Schema { found: format, known: FORMAT });
        }
        let damaged = |what: &str| Error::Corrupt(format!("{}: {what}", path.display()));
        let torn = || damaged("the backup was cut off or changed; take another one");
        let length = file.metadata().map_err(fails)?.len();
        let summed = length.checked_sub(u64::try_from(SUM).unwrap_or(u64::MAX)).ok_or_else(torn)?;
        if sum(&mut file, summed).map_err(fails)? != read_at::<SUM>(&mut file, summed).map_err(fails)? {
            return Err(torn());
        }
        let length_at = summed.checked_sub(8).ok_or_else(torn)?;
        let bytes = u64::from_le_bytes(read_at(&mut file, length_at).map_err(fails)?);
        let at = length_at.checked_sub(bytes).filter(|_| bytes <= MANIFEST_BYTES_MAX).ok_or_else(torn)?;
        file.seek(SeekFrom::Start(at)).map_err(fails)?;
        let mut text = Vec::new();
        file.take(bytes).read_to_end(&mut text).map_err(fails)?;
        let schema = serde_json::from_slice::<serde_json::Value>(&text).ok().and_then(|manifest| manifest.get("schema")?.as_u64());
        match schema.map(u32::try_from) {
            Some(Ok(schema)) if schema <= SCHEMA => {}
            Some(Ok(found)) => return Err(Error::Schema { found, known: SCHEMA }),
            Some(Err(_)) | None => return Err(damaged("its manifest can't be read")),
        }
        let manifest = serde_json::from_slice(&text).map_err(|_| damaged("its manifest can't be read"))?;
        Ok(Self { path: path.to_owned(), manifest })
    }

    /// What is in it.
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn ends(&self, shard: ShardId) -> Result<&Ends, Error> {
        let shards = usize::from(self.manifest.shards);
        self.manifest.journals.iter().find(|ends| ends.shard == shard.0).ok_or(Error::NoShard { shard: shard.0, shards })
    }

    /// Hands out what is in a section; nothing where there is none.
    fn section(&self, shard: ShardId, table: Option<Table>, sink: RowSink<'_>) -> Result<(), Error> {
        let name = table.map(Table::name);
        let found = self.manifest.sections.iter().find(|section| section.shard == shard.0 && section.table.as_deref() == name);
        let Some(Section { at, bytes, count, .. }) = found else { return Ok(()) };
        let fails = |error: io::Error| Error::Corrupt(format!("{}: {error}", self.path.display()));
        let mut file = File::open(&self.path).map_err(|error| failed(&self.path, error))?;
        file.seek(SeekFrom::Start(*at)).map_err(fails)?;
        let mut content = BufReader::with_capacity(256 << 10, ZlibDecoder::new(BufReader::new(file.take(*bytes))));
        for _ in 0..*count {
            let key = part(&mut content).map_err(fails)?;
            let value = part(&mut content).map_err(fails)?;
            sink(&key, &value).map_err(Error::Corrupt)?;
        }
        match content.read(&mut [0]).map_err(fails)? {
            0 => Ok(()),
            _ => Err(fails(io::Error::other("a section holds more than it should"))),
        }
    }
}

fn sum(file: &mut File, bytes: u64) -> io::Result<[u8; SUM]> {
    file.seek(SeekFrom::Start(0))?;
    let mut left = BufReader::with_capacity(1 << 20, file.take(bytes));
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        let read = left.read(&mut buffer)?;
        match buffer.get(..read) {
            None | Some([]) => return Ok(hash.finalize().into()),
            Some(bytes) => hash.update(bytes),
        }
    }
}

fn read_at<const N: usize>(file: &mut File, at: u64) -> io::Result<[u8; N]> {
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = [0; N];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn part(content: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    content.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
    if length > PART_BYTES_MAX {
        return Err(io::Error::other("a row is longer than any row is"));
    }
    let mut part = vec![0; length];
    content.read_exact(&mut part)?;
    Ok(part)
}

impl Snapshot for Reader {
    /// Above all that anybody can have held since the backup: what nodes still remember of those must not look like what is
    /// written under the new ones (F-R8).
    fn epoch(&self, shard: ShardId) -> Result<Epoch, Error> {
        self.ends(shard).map(|ends| Epoch(ends.epoch.saturating_add(EPOCHS_SKIPPED)))
    }

    fn load(&self, shard: ShardId, sink: &mut dyn FnMut(Loaded<'_>) -> Result<(), String>) -> Result<Seq, Error> {
        let ends = self.ends(shard)?;
        for table in Table::ALL.into_iter().filter(|table| table.is_live()) {
            self.section(shard, Some(table), &mut |key, value| sink(Loaded::Row(table, key, value)))?;
        }
        let mut last = ends.trimmed;
        self.section(shard, None, &mut |seq, record| {
            let seq = seq.try_into().map(u64::from_le_bytes).map_err(|_| "a record has no number".to_owned())?;
            if Some(seq) != last.checked_add(1) {
                return Err(format!("record {seq} follows record {last}"));
            }
            last = seq;
            sink(Loaded::Record(Seq(seq), record))
        })?;
        if last == ends.last { Ok(Seq(last)) } else { Err(Error::Corrupt(format!("record {} is missing", ends.last))) }
    }

    fn scan_all(&self, shard: ShardId, table: Table, sink: RowSink<'_>) -> Result<(), Error> {
        self.ends(shard)?;
        self.section(shard, Some(table), sink)
    }
}
