//! One call for many who ask the same at the same time.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::Key;

/// Questions that are being asked. A clone is a pointer.
#[derive(Clone, Default)]
pub(super) struct Flights(Arc<Mutex<HashMap<Key, watch::Receiver<()>>>>);

/// What there is to do about a question.
#[derive(Debug)]
pub enum Turn {
    /// Ask it. Others wait as long as the flight lasts.
    Mine(Flight),
    /// Somebody asks it; when they are through, look again.
    Theirs(Landing),
    /// Ask it; nobody waits.
    Alone,
}

/// A question on its way. It ends when it is dropped, however that comes: with an answer, a failure, a cancel.
#[derive(Debug)]
pub struct Flight {
    flights: Flights,
    key: Key,
    /// Its end is what wakes those who wait.
    _open: watch::Sender<()>,
}

/// The end of somebody's flight.
#[derive(Debug)]
pub struct Landing(watch::Receiver<()>);

impl Flights {
    pub(super) fn turn(&self, key: Key) -> Turn {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match flights.entry(key) {
            Entry::Occupied(flight) => Turn::Theirs(Landing(flight.get().clone())),
            Entry::Vacant(place) => {
                let (open, waiting) = watch::channel(());
                place.insert(waiting);
                Turn::Mine(Flight { flights: self.clone(), key, _open: open })
            }
        }
    }
}

impl std::fmt::Debug for Flights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Flights")
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.flights.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

impl Landing {
    /// Returns when the flight has ended.
    pub async fn wait(mut self) {
        // Nothing is ever sent: the channel closes.
        while self.0.changed().await.is_ok() {}
    }
}
