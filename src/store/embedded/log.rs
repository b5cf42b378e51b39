//! Looks for damage in SQLite's log before SQLite reads it.
//!
//! After a crash SQLite takes the log up to the first page whose checksum is wrong. That is right for what a power cut tore:
//! it was never acknowledged. But a bit that flipped further up looks the same to it, and all that follows, acknowledged
//! long ago, would be gone without a word (safety.md F-S2). The two can be told apart, because each commit is synced before
//! the next one is written: what is torn is at most the last transaction, so no transaction can follow a complete one there.
//!
//! Not seen: damage in the very last transaction. It can't be told from a torn one.
//!
//! The format is that of <https://sqlite.org/fileformat2.html#walformat>.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// What the log looks like.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Log {
    /// Nothing in it, or everything up to what a crash may have torn.
    Sound,
    /// Acknowledged transactions follow the damage.
    Damaged(String),
}

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// Reads the log from end to end, a few milliseconds for each ten megabytes. Only while no connection is open.
pub(super) fn inspect(path: &Path) -> io::Result<Log> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Log::Sound),
        Err(error) => return Err(error),
    };
    let mut file = BufReader::with_capacity(1 << 20, file);
    let mut header = [0; HEADER];
    if !read_whole(&mut file, &mut header)? || header == [0; HEADER] {
        return Ok(Log::Sound);
    }
    let Some(format) = Format::of(&header) else {
        return Ok(Log::Damaged("its first 32 bytes are not what was written".to_owned()));
    };
    frames(&mut file, format)
}

/// What the header says.
#[derive(Debug, Clone, Copy)]
struct Format {
    big_endian: bool,
    page_bytes: usize,
    /// Changes each time the log begins anew, so older pages further on aren't taken for its own.
    salt: [u32; 2],
    sum: [u32; 2],
}

impl Format {
    fn of(header: &[u8; HEADER]) -> Option<Self> {
        let big_endian = match word(header, 0) {
            0x377f_0682 => false,
            0x377f_0683 => true,
            _ => return None,
        };
        let sum = checksum([0, 0], header.get(..24)?, big_endian);
        let page_bytes = usize::try_from(word(header, 8)).ok()?;
        let format = Self { big_endian, page_bytes, salt: [word(header, 16), word(header, 20)], sum };
        (sum == [word(header, 24), word(header, 28)] && page_bytes.is_power_of_two() && page_bytes <= 65_536).then_some(format)
    }
}

fn frames(file: &mut impl Read, format: Format) -> io::Result<Log> {
    let mut frame = vec![0; FRAME_HEADER + format.page_bytes];
    let mut sum = format.sum;
    let mut number = 0_u32;
    let mut broken_at = None;
    let mut complete_behind = false;
    while read_whole(file, &mut frame)? {
        number = number.saturating_add(1);
        let (head, page) = frame.split_at(FRAME_HEADER);
        if [word(head, 8), word(head, 12)] != format.salt {
            // Of an older round. Behind damage, one of its own may still follow, if it was the salt that flipped.
            broken_at = broken_at.or(Some(number));
            continue;
        }
        if complete_behind {
            let broken_at = broken_at.unwrap_or(number);
            return Ok(Log::Damaged(format!("page {broken_at} is not what was written, and acknowledged ones follow it")));
        }
        if broken_at.is_none() {
            sum = checksum(checksum(sum, head.get(..8).unwrap_or(&[]), format.big_endian), page, format.big_endian);
            if sum != [word(head, 16), word(head, 20)] {
                broken_at = Some(number);
            }
        }
        let ends_transaction = word(head, 4) != 0;
        complete_behind = broken_at.is_some() && ends_transaction;
    }
    Ok(Log::Sound)
}

/// SQLite's sum over pairs of words, which goes on from page to page.
fn checksum(sum: [u32; 2], bytes: &[u8], big_endian: bool) -> [u32; 2] {
    let [mut first, mut second] = sum;
    for pair in bytes.chunks_exact(8) {
        let (left, right) = (word(pair, 0), word(pair, 4));
        let (left, right) = if big_endian { (left, right) } else { (left.swap_bytes(), right.swap_bytes()) };
        first = first.wrapping_add(left).wrapping_add(second);
        second = second.wrapping_add(right).wrapping_add(first);
    }
    [first, second]
}

/// Four bytes, largest first; zero beyond the end.
fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at.saturating_add(4)).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_be_bytes)
}

/// False at the end, also where the file ends in the middle of it.
fn read_whole(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    const PAGE: usize = FRAME_HEADER + 4096;

    /// A log of twenty transactions, as a crash leaves it.
    fn log(folder: &Path) -> (PathBuf, Vec<u8>) {
        let connection = rusqlite::Connection::open(folder.join("db")).unwrap();
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).unwrap();
        connection.execute_batch("CREATE TABLE t (a)").unwrap();
        for _ in 0..20 {
            connection.execute("INSERT INTO t VALUES (randomblob(3000))", []).unwrap();
        }
        let bytes = fs::read(folder.join("db-wal")).unwrap();
        (folder.join("copy-wal"), bytes)
    }

    fn inspected(path: &Path, bytes: &[u8]) -> Log {
        fs::write(path, bytes).unwrap();
        inspect(path).unwrap()
    }

    /// F-S2: any bit before the last transaction is missed, none of what a power cut tears is held against the log.
    #[test]
    fn damage_is_told_from_what_a_crash_tears() {
        let folder = tempfile::tempdir().unwrap();
        let (path, bytes) = log(folder.path());
        assert_eq!(inspect(&path).unwrap(), Log::Sound, "no log");
        assert_eq!(inspected(&path, &bytes), Log::Sound);
        let last_two = bytes.len() - 4 * PAGE;
        for at in (0..last_two).step_by(509) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 4;
            assert!(matches!(inspected(&path, &flipped), Log::Damaged(_)), "byte {at}");
        }
        for cut in (HEADER..bytes.len()).step_by(1021) {
            assert_eq!(inspected(&path, &bytes[..cut]), Log::Sound, "cut at {cut}");
        }
        let mut torn = bytes.clone();
        let at = torn.len() - 100;
        torn[at] ^= 4;
        assert_eq!(inspected(&path, &torn), Log::Sound, "the last transaction");
    }

    /// After the log began anew, the rest of its former round lies behind the new pages.
    #[test]
    fn what_an_older_round_left_is_no_damage() {
        let folder = tempfile::tempdir().unwrap();
        let (path, old) = log(folder.path());
        let connection = rusqlite::Connection::open(folder.path().join("db")).unwrap();
        connection.execute_batch("PRAGMA wal_checkpoint(RESTART); INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)").unwrap();
        let new = fs::read(folder.path().join("db-wal")).unwrap();
        // Closing the first connection emptied the log; so the old round is put back behind by hand.
        let mixed = if new.len() < old.len() { [new.as_slice(), &old[new.len()..]].concat() } else { new };
        assert_eq!(inspected(&path, &mixed), Log::Sound);
    }
}
