//! What a node remembers of what vendors said, so that the same question in a short time is asked and paid for once.
//!
//! An answer is kept under its *question* in one canonical form ([`Question`]). What is public (a page, a search for a business by
//! its name and place, a look-up for the businesses of a websearch) answers everybody who asks the same; what holds more of a
//! buyer's own (a lead's numbers, a person's name, a model's words, a whole session) answers that buyer alone. Answers are kept, not
//! results: a result is made anew from the caller's own payload, so nothing that another one wrote can stand in it.
//! [`entity`] leads from a business that sources have told of to its pages. Bounded in bytes, for a time, in memory alone: a
//! restart forgets it all. Deliberately absent: failures, which are never kept, and e-mail checks and a model's turns, which are
//! about one lead.

pub mod entity;
mod flight;
pub mod meters;
mod question;

use std::sync::Arc;
use std::time::Duration;

use moka::policy::EvictionPolicy;
use tokio::time::Instant;

pub use self::flight::{Flight, Turn};
pub use self::question::{Question, Whose};

use self::flight::Flights;
use crate::clock::Random;
use crate::types::{Timestamp, mac::hmac_sha256};

/// That a vendor has nothing is kept for this part of the time: what is missing today may be there tomorrow.
const NOTHING_PART: u32 = 24;
/// What an entry takes beside its text, in bytes: its key, its times, its place in the table and in the queue.
const ENTRY_BYTES: usize = 256;

/// How long, and how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheSettings {
    /// How long an answer will do (`ENRICH_CACHE_SECONDS`); zero keeps nothing.
    pub keep: Duration,
    /// The most that all answers may take, in bytes (`ENRICH_CACHE_MB`).
    pub bytes_max: u64,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self { keep: Duration::from_hours(24), bytes_max: 64 << 20 }
    }
}

/// The cache. A clone is a pointer; the default keeps nothing.
#[derive(Debug, Clone, Default)]
pub struct Cache(Option<Arc<Inner>>);

/// An answer that was kept.
#[derive(Debug)]
pub struct Kept {
    /// As JSON text.
    pub answer: Box<str>,
    /// When the vendor gave it.
    pub at: Timestamp,
    until: Instant,
}

/// Under what an answer is kept: a keyed hash, so that neither another's question can be made to collide with it, nor a dump of
/// keys tells what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key([u8; 32]);

struct Inner {
    keep: Duration,
    secret: [u8; 32],
    kept: moka::sync::Cache<Key, Arc<Kept>>,
    flights: Flights,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").field("keep", &self.keep).finish_non_exhaustive()
    }
}

impl Cache {
    /// An empty one; keys are made of a secret of this process.
    pub fn new(settings: CacheSettings, random: &dyn Random) -> Self {
        let CacheSettings { keep, bytes_max } = settings;
        if keep.is_zero() || bytes_max == 0 {
            return Self::default();
        }
        let kept = moka::sync::Cache::builder()
            .max_capacity(bytes_max)
            .weigher(|_: &Key, kept: &Arc<Kept>| u32::try_from(kept.answer.len() + ENTRY_BYTES).unwrap_or(u32::MAX))
            .time_to_live(keep)
            // The default policy lets a newcomer in where it is asked for more often than those that it would put out, which no
            // newcomer is: the second of two equal questions would be paid for as long as the cache is full.
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Self(Some(Arc::new(Inner { keep, secret: random.secret(), kept, flights: Flights::default() })))
    }

    /// Whether anything is kept at all.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Where the answer of `tool` to `question` is kept for `caller`. `None` where it isn't: the cache is off, or the answer would
    /// be of one caller, and there is none.
    pub fn key(&self, tool: &str, question: &Question, caller: Option<&str>) -> Option<Key> {
        let inner = self.0.as_deref()?;
        let caller = match question.whose() {
            Whose::Everybodys => "",
            Whose::Callers => caller.filter(|caller| !caller.is_empty())?,
        };
        // Each with its length, so that no two lists of parts are the same bytes.
        let lengths = [caller, tool].map(|part| u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
        let [caller_length, tool_length] = &lengths;
        let parts: [&[u8]; 5] = [caller_length, caller.as_bytes(), tool_length, tool.as_bytes(), question.text().as_bytes()];
        Some(Key(hmac_sha256(&inner.secret, &parts)))
    }

    /// The answer, where it is kept and not too old.
    pub fn get(&self, key: Key) -> Option<Arc<Kept>> {
        self.0.as_deref()?.kept.get(&key).filter(|kept| Instant::now() < kept.until)
    }

    /// Keeps an answer; one that `is_nothing` for a shorter time.
    pub fn put(&self, key: Key, answer: &str, is_nothing: bool, at: Timestamp) {
        let Some(inner) = self.0.as_deref() else { return };
        let keep = if is_nothing { inner.keep / NOTHING_PART } else { inner.keep };
        inner.kept.insert(key, Arc::new(Kept { answer: answer.into(), at, until: Instant::now() + keep }));
        meters::sizes(inner.kept.entry_count(), inner.kept.weighted_size());
    }

    /// Whether to ask for the answer that belongs under `key`, or to wait for somebody who is asking.
    pub fn turn(&self, key: Key) -> Turn {
        self.0.as_deref().map_or(Turn::Alone, |inner| inner.flights.turn(key))
    }

    /// How much is kept by now, in bytes, entries past their time included.
    pub fn bytes(&self) -> u64 {
        let Some(inner) = self.0.as_deref() else { return 0 };
        inner.kept.run_pending_tasks();
        inner.kept.weighted_size()
    }
}

#[cfg(test)]
mod tests;
