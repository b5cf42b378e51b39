//! Luck that can be had again: a seed is printed, and given back it makes the same choices.

use enrich_jobs::clock::{Random, SystemRandom};

/// `SplitMix64` (Steele, Lea and Flood, OOPSLA 2014): small, and good enough to choose moments.
#[derive(Debug, Clone)]
pub struct Luck(u64);

impl Luck {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A new seed.
    pub fn seed() -> u64 {
        SystemRandom.below(1 << 32)
    }

    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub const fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub const fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }

    pub fn choice<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }

    /// Luck of its own for somebody who acts beside others.
    pub const fn fork(&mut self) -> Self {
        Self(self.next())
    }
}
