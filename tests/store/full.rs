//! A disk that fills up (safety.md F-S1, D-11).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use enrich_jobs::shard::Table;
use enrich_jobs::store::embedded::Settings;
use enrich_jobs::store::{Embedded, Epoch, Error, Store};
use enrich_jobs::types::ShardId;

use crate::support::{load, record, row, settings, try_open};

const SHARD: ShardId = ShardId(0);
const RECORD_BYTES: usize = 10_000;
const LIMITED: &str = "STORE_UNDER_A_LIMIT";

/// A disk of its own, as far as this machine lets us mount one.
struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    fn mounted(kib: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={kib}k,mode=700");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder.path()).output();
        mount.is_ok_and(|mount| mount.status.success()).then_some(Self { folder })
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// A file of another program, which leaves about `kib` free.
    fn leave(&self, kib: u64) {
        let filler = fs::File::create(self.folder.path().join("filler")).unwrap();
        std::io::copy(&mut std::io::repeat(1), &mut &filler).unwrap_err();
        filler.set_len(filler.metadata().unwrap().len().saturating_sub(kib << 10)).unwrap();
    }

    fn clear(&self) {
        fs::remove_file(self.folder.path().join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(self.folder.path()).status().ok();
    }
}

/// Appends until `stop` or an error; returns the number of the last record that was acknowledged.
async fn append_from(store: &Embedded, epoch: Epoch, mut last: u64, stop: impl Fn(&Embedded) -> bool) -> (u64, Option<Error>) {
    while !stop(store) {
        if let Err(error) = store.append(record(0, epoch, last + 1, content(last + 1))).await {
            return (last, Some(error));
        }
        last += 1;
    }
    (last, None)
}

fn content(seq: u64) -> Vec<u8> {
    vec![u8::try_from(seq % 251).unwrap(); RECORD_BYTES]
}

async fn check(store: &dyn Store, last: u64) {
    let content_found = load(store, 0).await.unwrap();
    assert_eq!(content_found.last, last);
    assert!(content_found.records.iter().all(|(seq, bytes)| *bytes == content(*seq)));
}

#[tokio::test]
async fn a_full_disk_stops_new_work_then_everything_and_heals() {
    let Some(disk) = SmallDisk::mounted(24 << 10) else {
        eprintln!("skipped: needs the right to mount a tmpfs (run as root); the limit on file sizes is tested all the same");
        return;
    };
    let settings = settings(&disk.path(), 2);
    let store = try_open(&settings).unwrap();
    let epoch = store.acquire(SHARD).await.unwrap();
    disk.leave(600);

    // The ballast goes at the first failure, and the write that failed is done with its space.
    let (last, error) = append_from(&store, epoch, 0, |store| !store.accepts_work()).await;
    assert!(error.is_none() && last > 0, "{last} {error:?}");
    assert!(!disk.path().join("ballast").exists());
    check(&store, last).await;

    // Then that is used up as well, and nothing half-done remains.
    let (last, error) = append_from(&store, epoch, last, |_| false).await;
    assert!(matches!(error, Some(Error::Full)), "{error:?}");
    let rows = (0..100_u8).map(|key| row(Table::Agent, &[key], Some(&[key; 5_000]))).collect();
    assert!(matches!(store.put_rows(SHARD, epoch, rows).await, Err(Error::Full)));
    let content_found = load(&store, 0).await.unwrap();
    assert_eq!((content_found.last, content_found.rows.len()), (last, 0));
    assert!(!store.accepts_work());

    // A start on the full disk reads what is there and takes no work.
    store.close().await;
    let store = try_open(&settings).unwrap();
    check(&store, last).await;

    // Space comes back: the writer notices by itself.
    disk.clear();
    while !store.accepts_work() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(fs::metadata(disk.path().join("ballast")).unwrap().len(), settings.ballast_bytes);
    let epoch = store.acquire(SHARD).await.unwrap();
    for seq in last + 1..=last + 20 {
        store.append(record(0, epoch, seq, content(seq))).await.unwrap();
    }
    drop(store);
    check(&try_open(&settings).unwrap(), last + 20).await;
}

/// Another program filled the disk while the server was down: the ballast gives what the start needs.
#[tokio::test]
async fn a_start_on_a_full_disk_uses_the_ballast() {
    let Some(disk) = SmallDisk::mounted(24 << 10) else { return eprintln!("skipped: needs the right to mount a tmpfs (run as root)") };
    let settings = settings(&disk.path(), 2);
    let store = try_open(&settings).unwrap();
    let epoch = store.acquire(SHARD).await.unwrap();
    store.append(record(0, epoch, 1, content(1))).await.unwrap();
    drop(store);
    disk.leave(0);
    let store = try_open(&settings).unwrap();
    assert!(!store.accepts_work());
    check(&store, 1).await;
    // What is owed can be written.
    let epoch = store.acquire(SHARD).await.unwrap();
    store.append(record(0, epoch, 2, content(2))).await.unwrap();
}

/// Not a test by itself: fills a store under a limit on the size of files, which SQLite reports as an I/O error.
#[tokio::test]
async fn the_child_under_a_limit() {
    let Some(folder) = std::env::var_os(LIMITED) else { return };
    let settings = Settings { ballast_bytes: 64 << 10, ..settings(Path::new(&folder), 2) };
    let store = try_open(&settings).unwrap();
    let epoch = store.acquire(SHARD).await.unwrap();
    let (last, error) = append_from(&store, epoch, 0, |_| false).await;
    // Whether it takes work now depends on the moment: the ballast is a file of its own and fits under the limit again.
    assert!(matches!(error, Some(Error::Full)), "{error:?}");
    check(&store, last).await;
    println!("last {last}");
}

#[tokio::test]
async fn a_limit_on_the_size_of_files_is_a_full_disk_too() {
    let folder = tempfile::tempdir().unwrap();
    // Without the trap the first write beyond the limit would kill the process.
    let child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 4000; exec \"$0\" --exact full::the_child_under_a_limit --nocapture"])
        .arg(std::env::current_exe().unwrap())
        .env(LIMITED, folder.path())
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{output} {}", String::from_utf8_lossy(&child.stderr));
    let last = output.lines().find_map(|line| line.strip_prefix("last ")).unwrap().parse().unwrap();
    check(&try_open(&settings(folder.path(), 2)).unwrap(), last).await;
}
