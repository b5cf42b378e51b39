//! How many calls are in flight: a few to one host, and a bounded number in all (T-36, T-37).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many lines there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitSettings {
    /// To one host.
    pub per_host: usize,
    /// In all.
    pub total: usize,
    /// Of these, for all hosts together that aren't [`Standing::Proven`].
    pub unproven: usize,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self { per_host: 4, total: 200, unproven: 100 }
    }
}

/// What is known of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It answered the last call.
    Proven,
    /// It didn't, or was never called. A thousand such hosts that hang would take every line there is, so they get only some
    /// of them, and the calls of honest receivers never wait behind them (F-C1).
    Unproven,
}

/// Hands out lines. A clone is a pointer.
///
/// Only hosts with a call in flight or waiting are remembered, so memory is bounded by the callers there are.
#[derive(Debug, Clone)]
pub struct Limits(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: LimitSettings,
    hosts: Mutex<HashMap<Box<str>, Host>>,
    unproven: Arc<Semaphore>,
    total: Arc<Semaphore>,
}

#[derive(Debug)]
struct Host {
    lines: Arc<Semaphore>,
    seats: usize,
}

/// One line. It is free again when this is dropped.
#[derive(Debug)]
pub struct Permit {
    // Dropped in this order: the seat last, so that a host is forgotten only when its line is free.
    _lines: [Option<OwnedSemaphorePermit>; 3],
    _seat: Seat,
}

/// Keeps a host in the map while somebody waits for it or calls it.
#[derive(Debug)]
struct Seat {
    limits: Limits,
    host: Box<str>,
}

impl Limits {
    /// None in use.
    pub fn new(settings: LimitSettings) -> Self {
        let (unproven, total) = (Arc::new(Semaphore::new(settings.unproven)), Arc::new(Semaphore::new(settings.total)));
        Self(Arc::new(Inner { settings, hosts: Mutex::default(), unproven, total }))
    }

    /// Waits for a line to `host`, first come, first served. Whoever can't wait for long puts a time-out around it.
    pub async fn acquire(&self, host: &str, standing: Standing) -> Permit {
        let (seat, lines) = self.sit_down(host);
        // The narrowest first: who waits for its own host holds nothing that another host's calls need.
        let own = line(lines).await;
        let shared = match standing {
            Standing::Proven => None,
            Standing::Unproven => line(Arc::clone(&self.0.unproven)).await,
        };
        let total = line(Arc::clone(&self.0.total)).await;
        Permit { _lines: [total, shared, own], _seat: seat }
    }

    /// How many hosts have a call in flight or waiting.
    pub fn hosts(&self) -> usize {
        self.lock().len()
    }

    /// How many calls are in flight.
    pub fn in_flight(&self) -> usize {
        self.0.settings.total.saturating_sub(self.0.total.available_permits())
    }

    fn sit_down(&self, host: &str) -> (Seat, Arc<Semaphore>) {
        let mut hosts = self.lock();
        let entry =
            hosts.entry(Box::from(host)).or_insert_with(|| Host { lines: Arc::new(Semaphore::new(self.0.settings.per_host)), seats: 0 });
        entry.seats += 1;
        (Seat { limits: self.clone(), host: Box::from(host) }, Arc::clone(&entry.lines))
    }

    /// Nothing under this lock can leave the map half changed, so a poisoned one is as good.
    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Host>> {
        self.0.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `None` only from a closed semaphore, and these are never closed.
async fn line(lines: Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    lines.acquire_owned().await.ok()
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut hosts = self.limits.lock();
        if let Some(host) = hosts.get_mut(&self.host) {
            host.seats = host.seats.saturating_sub(1);
            if host.seats == 0 {
                hosts.remove(&self.host);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    const SETTINGS: LimitSettings = LimitSettings { per_host: 2, total: 5, unproven: 3 };

    /// A line where one is free now.
    fn at_once(limits: &Limits, host: &str, standing: Standing) -> Option<Permit> {
        limits.acquire(host, standing).now_or_never()
    }

    /// T-36: so many to one host, so many in all, and a freed line is used again.
    #[test]
    fn t36_lines_are_counted() {
        let limits = Limits::new(SETTINGS);
        let first = at_once(&limits, "a", Standing::Proven).unwrap();
        let _second = at_once(&limits, "a", Standing::Proven).unwrap();
        assert!(at_once(&limits, "a", Standing::Proven).is_none(), "two to one host");
        let _others: Vec<_> = ["b", "c", "d"].into_iter().map(|host| at_once(&limits, host, Standing::Proven).unwrap()).collect();
        assert!(at_once(&limits, "e", Standing::Proven).is_none(), "five in all");
        assert_eq!(limits.in_flight(), 5);
        drop(first);
        assert!(at_once(&limits, "e", Standing::Proven).is_some());
    }

    /// F-C1: hosts that hang take only the share of the unproven, however many they are.
    #[test]
    fn fc1_unproven_hosts_leave_lines_for_proven_ones() {
        let limits = Limits::new(SETTINGS);
        let _hanging: Vec<_> = ["a", "b", "c"].into_iter().map(|host| at_once(&limits, host, Standing::Unproven).unwrap()).collect();
        assert!(at_once(&limits, "d", Standing::Unproven).is_none());
        let _good = at_once(&limits, "e", Standing::Proven).unwrap();
        assert!(at_once(&limits, "f", Standing::Proven).is_some());
    }

    /// T-36: a host is forgotten with its last call, given up ones included.
    #[test]
    fn t36_idle_hosts_are_forgotten() {
        let limits = Limits::new(SETTINGS);
        let held: Vec<_> = (0..2).map(|_| at_once(&limits, "a", Standing::Proven).unwrap()).collect();
        assert!(at_once(&limits, "a", Standing::Proven).is_none(), "somebody gave up waiting");
        assert_eq!(limits.hosts(), 1);
        drop(held);
        assert_eq!((limits.hosts(), limits.in_flight()), (0, 0));
        for host in 0..1000 {
            assert!(at_once(&limits, &format!("host-{host}"), Standing::Unproven).is_some());
        }
        assert_eq!(limits.hosts(), 0);
    }

    #[tokio::test]
    async fn who_waits_is_served_in_turn() {
        let limits = Limits::new(SETTINGS);
        let held: Vec<_> = (0..2).map(|_| at_once(&limits, "a", Standing::Proven).unwrap()).collect();
        let waiting: Vec<_> = (0..10)
            .map(|_| {
                let limits = limits.clone();
                tokio::spawn(async move { drop(limits.acquire("a", Standing::Unproven).await) })
            })
            .collect();
        drop(held);
        for task in waiting {
            task.await.unwrap();
        }
        assert_eq!(limits.hosts(), 0);
    }
}
