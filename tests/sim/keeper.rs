//! One shard over a store that forgets nothing: groups, appends, checkpoints that are cut anywhere, and loading again.

use std::collections::BTreeMap;

use enrich_jobs::shard::audit::{Audit, Findings};
use enrich_jobs::shard::{
    Command, Event, Group, KeyEntry, Loader, Refusal, Reply, RequestKey, ScopedKey, Shard, Table, Unwritten, codec, history,
};

/// A shard, what it has in memory, and what is stored of it. `T` waits for the open group.
pub(crate) struct Keeper<T> {
    pub(crate) shard: Shard,
    pub(crate) group: Group,
    waiting: Vec<T>,
    unwritten: Unwritten,
    rows: BTreeMap<(Table, Vec<u8>), Vec<u8>>,
    records: Vec<(u64, Vec<u8>)>,
    last: u64,
    pub(crate) was_cut: bool,
}

impl<T> Keeper<T> {
    pub(crate) fn new() -> Self {
        Self {
            shard: Shard::new(),
            group: Group::default(),
            waiting: Vec::new(),
            unwritten: Unwritten::default(),
            rows: BTreeMap::new(),
            records: Vec::new(),
            last: 0,
            was_cut: false,
        }
    }

    /// Carries a command out; `then` happens once the answer may leave.
    pub(crate) fn execute(&mut self, command: Command, then: impl FnOnce(&Reply) -> Option<T>) -> Result<Reply, Refusal> {
        let events = self.group.events.len();
        let answer = self.shard.execute(command, &mut self.group);
        match &answer {
            Ok(reply) => self.waiting.extend(then(reply)),
            Err(_) => assert_eq!(self.group.events.len(), events, "a refusal changes nothing"),
        }
        answer
    }

    /// The open group becomes durable.
    pub(crate) fn append(&mut self) -> (Group, Vec<T>) {
        let group = std::mem::take(&mut self.group);
        if !group.is_empty() {
            self.last += 1;
            self.records.push((self.last, group.encode()));
            self.unwritten.absorb(group.images(&self.shard));
        }
        (group, std::mem::take(&mut self.waiting))
    }

    /// Writes rows in small slices, and may stop after any; trims only where it did not.
    pub(crate) fn checkpoint(&mut self, stop_after: usize) {
        assert!(self.group.is_empty(), "rows are those of durable groups");
        let checkpoint = std::mem::take(&mut self.unwritten);
        let slices: Vec<_> = checkpoint.slices(3).collect();
        self.was_cut = slices.len() > stop_after;
        for (number, slice) in slices.into_iter().enumerate() {
            if number >= stop_after {
                self.unwritten.give_back(checkpoint);
                return;
            }
            for row in slice {
                match row.value {
                    Some(value) => drop(self.rows.insert((row.table, row.key), value)),
                    None => drop(self.rows.remove(&(row.table, row.key))),
                }
            }
        }
        self.records.clear();
        let keys: Vec<_> = checkpoint.keys().copied().collect();
        self.shard.forget_keys(&keys);
    }

    fn load(&self) -> (Shard, Unwritten) {
        let mut loader = Loader::new();
        for ((table, key), value) in self.rows.iter().filter(|((table, _), _)| table.is_live()) {
            loader.row(*table, key, value).unwrap();
        }
        for (number, record) in &self.records {
            loader.record(*number, record).unwrap();
        }
        loader.finish()
    }

    /// I-20: rows and the rest of the journal are the durable state, byte for byte.
    pub(crate) fn check_replay(&self) {
        assert!(self.group.is_empty());
        assert_eq!(self.load().0.canonical(), self.shard.canonical(), "I-20");
    }

    /// What is in memory alone is gone. Returns what waited for it.
    pub(crate) fn reload(&mut self) -> Vec<T> {
        let (shard, unwritten) = self.load();
        if self.group.is_empty() {
            assert_eq!(shard.canonical(), self.shard.canonical(), "I-20");
        }
        let last = self.shard.generation();
        (self.shard, self.unwritten) = (shard, unwritten);
        self.shard.continue_generations(last);
        self.group = Group::default();
        self.was_cut = false;
        std::mem::take(&mut self.waiting)
    }

    /// As a caller looks a key up before it sends a command.
    pub(crate) fn stored_key(&self, key: ScopedKey) -> Option<KeyEntry> {
        self.rows.get(&(Table::Key, history::key_row(key))).map(|value| codec::decode(value).unwrap())
    }

    pub(crate) fn request(&self, key: ScopedKey, request: u128) -> RequestKey {
        RequestKey { key, request, looked_up_at: self.shard.generation() }
    }

    pub(crate) fn audit(&self) -> Findings {
        let mut audit = Audit::new();
        let of = |table| self.rows.iter().filter(move |((known, _), _)| *known == table);
        of(Table::Transfer).for_each(|((table, _), value)| audit.history_row(*table, value));
        let mut loader = Loader::new();
        for ((table, key), value) in &self.rows {
            loader.row(*table, key, value).unwrap();
        }
        for (number, record) in &self.records {
            audit.group(&loader.record(*number, record).unwrap());
        }
        of(Table::EndedJob).for_each(|((table, _), value)| audit.history_row(*table, value));
        audit.finish(&loader.finish().0)
    }

    /// Whether the open group, which a crash would lose, holds such an event.
    pub(crate) fn would_lose(&self, is: impl Fn(&Event) -> bool) -> bool {
        self.group.events.iter().any(is)
    }
}
