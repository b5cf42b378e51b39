//! What the machine tells of itself and of processes, read from `/proc`. On a system without it, nothing is known.

use std::path::Path;
use std::time::Duration;

use super::numbers::as_f64;

/// `/proc` counts time in ticks of 10 ms (`USER_HZ`, 100 on every Linux that is met today).
const TICK_MS: u64 = 10;

/// Processor time that a process has used, in user and kernel mode.
pub(super) fn cpu_of(pid: u32) -> Option<Duration> {
    cpu_in(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// `utime` and `stime` of `/proc/PID/stat` (proc(5)), behind the name, which may hold spaces and brackets.
fn cpu_in(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_ascii_whitespace().skip(11).map_while(|field| field.parse::<u64>().ok());
    let ticks = times.next()?.saturating_add(times.next()?);
    Some(Duration::from_millis(ticks.saturating_mul(TICK_MS)))
}

/// Memory of a process that is in RAM, in bytes.
pub(super) fn resident_of(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let kilobytes = labelled(&status, "VmRSS:")?.split_ascii_whitespace().next()?.parse::<u64>().ok()?;
    Some(kilobytes.saturating_mul(1024))
}

fn labelled<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(label)).map(str::trim)
}

/// Time of all processors together since the start of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Processors {
    /// What processes used, and what a hypervisor took away. Interrupts are left out: those of the load's own packets
    /// can't be told from others'.
    busy: Duration,
    all: Duration,
}

impl Processors {
    fn now() -> Option<Self> {
        Self::read(&std::fs::read_to_string("/proc/stat").ok()?)
    }

    /// From `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal (proc(5)).
    fn read(stat: &str) -> Option<Self> {
        let ticks: Vec<u64> = labelled(stat, "cpu ")?.split_ascii_whitespace().take(8).map_while(|field| field.parse().ok()).collect();
        let [user, nice, system, idle, iowait, irq, softirq, steal] = ticks.try_into().ok()?;
        let sum =
            |parts: &[u64]| Duration::from_millis(parts.iter().fold(0, |sum: u64, part| sum.saturating_add(*part)).saturating_mul(TICK_MS));
        let busy = [user, nice, system, steal];
        Some(Self { busy: sum(&busy), all: sum(&[user, nice, system, idle, iowait, irq, softirq, steal]) })
    }
}

/// Looks at the processors from its start to its end.
#[derive(Debug)]
pub(super) struct Watch {
    server: Option<u32>,
    processors: Option<Processors>,
    own: Option<Duration>,
    of_server: Option<Duration>,
}

/// What a [`Watch`] saw. Nothing is known without `/proc`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    /// Processor time of the server.
    pub(super) server: Option<Duration>,
    /// Processor time of this process, the client.
    pub(super) client: Option<Duration>,
    /// The share of all processors that others used.
    pub(super) foreign: Option<f64>,
}

impl Watch {
    /// Watches this process, and the server's where there is one.
    pub(super) fn start(server: Option<u32>) -> Self {
        let own = cpu_of(std::process::id());
        Self { server, processors: Processors::now(), own, of_server: server.and_then(cpu_of) }
    }

    /// With all that a server has used that was started after the watch.
    pub(super) fn end_with(&self, newborn: u32) -> Seen {
        self.seen(cpu_of(newborn))
    }

    pub(super) fn end(&self) -> Seen {
        self.seen(since(self.of_server, self.server.and_then(cpu_of)))
    }

    fn seen(&self, server: Option<Duration>) -> Seen {
        let client = since(self.own, cpu_of(std::process::id()));
        let foreign = self.processors.zip(Processors::now()).and_then(|(then, now)| {
            let ours = client?.saturating_add(server.unwrap_or_default());
            let foreign = now.busy.saturating_sub(then.busy).saturating_sub(ours);
            let all = now.all.saturating_sub(then.all);
            (!all.is_zero()).then(|| foreign.as_secs_f64() / all.as_secs_f64())
        });
        Seen { server, client, foreign }
    }
}

fn since(then: Option<Duration>, now: Option<Duration>) -> Option<Duration> {
    Some(now?.saturating_sub(then?))
}

/// Microseconds of processor time for each of `count`.
pub(super) fn micros_each(time: Option<Duration>, count: u64) -> Option<f64> {
    let time = time.filter(|_| count > 0)?;
    Some(time.as_secs_f64() * 1e6 / as_f64(count))
}

/// Facts to read a figure by.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(super) struct Facts {
    pub(super) processor: String,
    pub(super) cores: usize,
    pub(super) memory_gib: Option<u64>,
    pub(super) system: String,
    /// The type of the file system that holds the store, and the device it is on.
    pub(super) file_system: String,
}

impl Facts {
    /// Of this machine, with its stores under `dir`.
    pub(super) fn of(dir: &Path) -> Self {
        let read = |path: &str| std::fs::read_to_string(path).ok();
        let unknown = || "unknown".to_owned();
        let processor = read("/proc/cpuinfo")
            .as_deref()
            .and_then(|text| labelled(text, "model name"))
            .map(|name| name.trim_start_matches([':', ' ', '\t']).to_owned());
        let kilobytes = read("/proc/meminfo")
            .as_deref()
            .and_then(|text| labelled(text, "MemTotal:"))
            .and_then(|total| total.split(' ').next()?.parse::<u64>().ok());
        let kernel = read("/proc/sys/kernel/osrelease").map(|release| format!(" {}", release.trim()));
        Self {
            processor: processor.unwrap_or_else(unknown),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory_gib: kilobytes.map(|kilobytes| kilobytes.saturating_add(512 * 1024) / (1024 * 1024)),
            system: format!("{}{} {}", std::env::consts::OS, kernel.unwrap_or_default(), std::env::consts::ARCH),
            file_system: read("/proc/mounts").and_then(|mounts| mount_of(&mounts, dir)).unwrap_or_else(unknown),
        }
    }
}

/// The line of `/proc/mounts` with the longest mount point above `dir`.
fn mount_of(mounts: &str, dir: &Path) -> Option<String> {
    let lines = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ');
        Some((fields.next()?, fields.next()?, fields.next()?))
    });
    let above = lines.filter(|(_, point, _)| dir.starts_with(point));
    above.max_by_key(|(_, point, _)| point.len()).map(|(device, _, kind)| format!("{kind} on {device}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_a_process() {
        let stat = "4242 (a) b (c) S 1 4242 4242 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 3 0 100 1 2";
        assert_eq!(cpu_in(stat), Some(Duration::from_secs(2)));
        assert_eq!(cpu_in("4242"), None);
    }

    #[test]
    fn times_of_the_machine() {
        let stat = "cpu  100 0 50 800 10 5 15 20 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\n";
        let seen = Processors::read(stat).unwrap();
        assert_eq!((seen.busy, seen.all), (Duration::from_millis(1700), Duration::from_secs(10)));
        assert_eq!(Processors::read("cpu  1 2"), None);
    }

    #[test]
    fn the_innermost_mount() {
        let mounts = "/dev/a / ext4 rw 0 0\ntmpfs /run tmpfs rw 0 0\n/dev/b /run/data xfs rw 0 0\n";
        assert_eq!(mount_of(mounts, Path::new("/run/data/bench")).unwrap(), "xfs on /dev/b");
        assert_eq!(mount_of(mounts, Path::new("/run/database")).unwrap(), "tmpfs on tmpfs");
        assert_eq!(mount_of(mounts, Path::new("/srv")).unwrap(), "ext4 on /dev/a");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process() {
        let watch = Watch::start(Some(std::process::id()));
        assert!(resident_of(std::process::id()).unwrap() > 100_000);
        assert!(watch.end().client.is_some());
    }
}
