//! What this node had acknowledged of late, on its own disk: so that what a failover of Redis forgets can be written again (F-R5).
//!
//! Not synced: it guards against a primary that is gone, not against a power cut here, which loses no more than Redis keeps itself.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use xxhash_rust::xxh3::xxh3_64;

use crate::store::{Acknowledged, Append, Epoch, Error, Last, Seq};
use crate::types::ShardId;

/// A segment is ended after this.
const SEGMENT: Duration = Duration::from_mins(2);
/// And at this size.
const SEGMENT_BYTES: u64 = 256 << 20;
/// So many segments are kept: what was acknowledged in the last ten minutes is there.
const SEGMENTS: u64 = 6;
/// Before each record: shard, epoch, number, length, checksum.
const HEAD: usize = 2 + 8 + 8 + 4 + 8;

/// The tail of all shards.
#[derive(Debug)]
pub(super) struct Tail {
    folder: PathBuf,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    number: u64,
    began: Instant,
    written: u64,
    file: BufWriter<File>,
    /// The last one of each shard.
    last: BTreeMap<ShardId, Last>,
}

impl Tail {
    /// Reads what there is, and goes on in a new segment.
    pub(super) fn open(folder: &Path) -> Result<Self, Error> {
        let fails = |error: io::Error| Error::Open { path: folder.display().to_string(), message: error.to_string() };
        fs::create_dir_all(folder).map_err(fails)?;
        let segments = segments(folder).map_err(fails)?;
        let mut last = BTreeMap::new();
        for (_, path) in &segments {
            read(path, |shard, kept| {
                last.insert(shard, (kept.epoch, kept.seq));
            })
            .map_err(fails)?;
        }
        let number = segments.last().map_or(1, |(number, _)| number.saturating_add(1));
        let file = begin(folder, number).map_err(fails)?;
        let inner = Inner { number, began: Instant::now(), written: 0, file, last };
        let tail = Self { folder: folder.to_owned(), inner: Mutex::new(inner) };
        tail.forget_old(number).map_err(fails)?;
        Ok(tail)
    }

    /// The last record of a shard that this node had acknowledged.
    #[cfg(test)]
    pub(super) fn last(&self, shard: ShardId) -> Option<Last> {
        self.lock().last.get(&shard).copied()
    }

    /// The last one of each shard.
    pub(super) fn all(&self) -> Vec<(ShardId, Last)> {
        self.lock().last.iter().map(|(shard, last)| (*shard, *last)).collect()
    }

    /// Keeps a record before it is acknowledged. A disk that takes none is told of, and is no reason to refuse what Redis has.
    pub(super) fn keep(&self, append: &Append) {
        let mut inner = self.lock();
        if let Err(error) = self.write(&mut inner, append) {
            tracing::error!(%error, folder = %self.folder.display(), "what is acknowledged can't be kept here: a failover of Redis may lose it");
        }
        inner.last.insert(append.shard, (append.epoch, append.seq));
    }

    fn write(&self, inner: &mut Inner, append: &Append) -> io::Result<()> {
        if inner.began.elapsed() >= SEGMENT || inner.written >= SEGMENT_BYTES {
            inner.number = inner.number.saturating_add(1);
            inner.file = begin(&self.folder, inner.number)?;
            (inner.began, inner.written) = (Instant::now(), 0);
            self.forget_old(inner.number)?;
        }
        let Append { shard, epoch, seq, record } = append;
        let length = u32::try_from(record.len()).map_err(io::Error::other)?;
        let mut head = Vec::with_capacity(HEAD);
        head.extend(shard.0.to_le_bytes());
        head.extend(epoch.0.to_le_bytes());
        head.extend(seq.0.to_le_bytes());
        head.extend(length.to_le_bytes());
        head.extend(xxh3_64(record).to_le_bytes());
        inner.file.write_all(&head)?;
        inner.file.write_all(record)?;
        // To the system at least: a killed process must not take it along.
        inner.file.flush()?;
        inner.written = inner.written.saturating_add(u64::from(length)).saturating_add(u64::try_from(HEAD).unwrap_or(0));
        Ok(())
    }

    /// The records of a shard from a number on, without a gap, as they were acknowledged last.
    pub(super) fn from(&self, shard: ShardId, first: Seq) -> Result<Vec<Acknowledged>, Error> {
        let fails = |error: io::Error| Error::Unavailable(format!("what this node had acknowledged can't be read: {error}"));
        // Nothing may be added meanwhile.
        let _inner = self.lock();
        let mut kept = BTreeMap::new();
        for (_, path) in segments(&self.folder).map_err(fails)? {
            read(&path, |of, one| {
                if of == shard && one.seq >= first {
                    // Of one number, the later is under the higher epoch.
                    kept.insert(one.seq, one);
                }
            })
            .map_err(fails)?;
        }
        let in_line = (first.0..).zip(kept.into_values()).take_while(|(wanted, one)| one.seq.0 == *wanted);
        Ok(in_line.map(|(_, one)| one).collect())
    }

    fn forget_old(&self, newest: u64) -> io::Result<()> {
        for (number, path) in segments(&self.folder)? {
            if number.saturating_add(SEGMENTS) <= newest {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn begin(folder: &Path, number: u64) -> io::Result<BufWriter<File>> {
    use std::os::unix::fs::OpenOptionsExt;
    let file = File::options().write(true).create(true).truncate(true).mode(0o600).open(folder.join(format!("{number:020}.tail")))?;
    Ok(BufWriter::with_capacity(64 << 10, file))
}

fn segments(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let number = path.extension().filter(|kind| *kind == "tail").and(path.file_stem()).and_then(|stem| stem.to_str()?.parse().ok());
        found.extend(number.map(|number| (number, path)));
    }
    found.sort();
    Ok(found)
}

/// Hands out the records of a segment; what a kill cut off at its end is not one.
fn read(path: &Path, mut take: impl FnMut(ShardId, Acknowledged)) -> io::Result<()> {
    let mut bytes = Vec::new();
    File::open(path)?.read_to_end(&mut bytes)?;
    let all = Bytes::from(bytes);
    let mut at = 0_usize;
    while let Some(head) = all.get(at..at.saturating_add(HEAD)) {
        let number = |from: usize, to: usize| {
            head.get(from..to).unwrap_or_default().iter().rev().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte))
        };
        let (start, length) = (at.saturating_add(HEAD), usize::try_from(number(18, 22)).unwrap_or(usize::MAX));
        let end = start.saturating_add(length);
        if end > all.len() {
            break;
        }
        let record = all.slice(start..end);
        if xxh3_64(&record) != number(22, 30) {
            break;
        }
        let shard = ShardId(u16::try_from(number(0, 2)).unwrap_or(u16::MAX));
        take(shard, Acknowledged { epoch: Epoch(number(2, 10)), seq: Seq(number(10, 18)), record });
        at = end;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(shard: u16, epoch: u64, seq: u64, record: &str) -> Append {
        Append { shard: ShardId(shard), epoch: Epoch(epoch), seq: Seq(seq), record: Bytes::copy_from_slice(record.as_bytes()) }
    }

    #[test]
    fn what_was_acknowledged_is_there_after_a_kill() {
        let folder = tempfile::tempdir().unwrap();
        let tail = Tail::open(folder.path()).unwrap();
        assert_eq!(tail.last(ShardId(1)), None);
        for seq in 1..=5 {
            tail.keep(&append(1, 3, seq, &format!("record {seq}")));
            tail.keep(&append(2, 3, seq, "other"));
        }
        // Written again under a later epoch, after a failover.
        tail.keep(&append(1, 4, 5, "record 5, again"));
        std::mem::forget(tail);
        // A record that the kill cut off.
        let path = segments(folder.path()).unwrap().pop().unwrap().1;
        File::options().append(true).open(path).unwrap().write_all(&[1, 0, 9, 9]).unwrap();
        let tail = Tail::open(folder.path()).unwrap();
        assert_eq!(tail.last(ShardId(1)), Some((Epoch(4), Seq(5))));
        let kept: Vec<_> = tail.from(ShardId(1), Seq(4)).unwrap().into_iter().map(|kept| (kept.epoch.0, kept.seq.0, kept.record)).collect();
        assert_eq!(kept, [(3, 4, Bytes::from("record 4")), (4, 5, Bytes::from("record 5, again"))]);
        assert_eq!(tail.from(ShardId(1), Seq(6)).unwrap(), []);
        assert_eq!(tail.from(ShardId(3), Seq(1)).unwrap(), []);
    }

    #[test]
    fn a_gap_ends_what_can_be_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let tail = Tail::open(folder.path()).unwrap();
        for seq in [1, 2, 4] {
            tail.keep(&append(1, 1, seq, "x"));
        }
        assert_eq!(tail.from(ShardId(1), Seq(1)).unwrap().len(), 2);
        assert_eq!(tail.from(ShardId(1), Seq(3)).unwrap(), []);
    }

    #[test]
    fn old_segments_go() {
        let folder = tempfile::tempdir().unwrap();
        for _ in 0..SEGMENTS + 5 {
            Tail::open(folder.path()).unwrap().keep(&append(1, 1, 1, "x"));
        }
        assert_eq!(segments(folder.path()).unwrap().len(), usize::try_from(SEGMENTS).unwrap());
    }
}
