//! The fair queue: round-robin over payers, first come first served within one.

use std::collections::VecDeque;
use std::hash::Hash;

use crate::types::Map;

/// Jobs that wait for a slot. A payer with 100,000 jobs delays another's first job by one job at most.
#[derive(Debug)]
pub struct FairQueue<P, J> {
    waiting: Map<P, VecDeque<J>>,
    /// Payers that have something waiting, each exactly once, next in turn first.
    turns: VecDeque<P>,
    len: usize,
}

impl<P: Copy + Eq + Hash, J> FairQueue<P, J> {
    /// An empty queue.
    pub fn new() -> Self {
        Self { waiting: Map::default(), turns: VecDeque::new(), len: 0 }
    }

    /// Puts a job behind its payer's others.
    pub fn push(&mut self, payer: P, job: J) {
        let line = self.waiting.entry(payer).or_default();
        if line.is_empty() {
            self.turns.push_back(payer);
        }
        line.push_back(job);
        self.len = self.len.saturating_add(1);
    }

    /// Takes the next job of the payer whose turn it is.
    pub fn pop(&mut self) -> Option<J> {
        let payer = self.turns.pop_front()?;
        let line = self.waiting.get_mut(&payer)?;
        let job = line.pop_front();
        if line.is_empty() {
            self.waiting.remove(&payer);
        } else {
            // A line that was long once gives its memory back as it drains.
            if line.capacity() > 64 && line.len() < line.capacity() / 4 {
                line.shrink_to(line.len().saturating_mul(2));
            }
            self.turns.push_back(payer);
        }
        self.len = self.len.saturating_sub(1);
        job
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl<P: Copy + Eq + Hash, J> Default for FairQueue<P, J> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_buyer_delays_another_by_one_job() {
        let mut queue = FairQueue::new();
        for job in 0..100_000 {
            queue.push('a', ('a', job));
        }
        queue.push('b', ('b', 0));
        queue.push('b', ('b', 1));
        let first: Vec<_> = (0..5).filter_map(|_| queue.pop()).collect();
        assert_eq!(first, [('a', 0), ('b', 0), ('a', 1), ('b', 1), ('a', 2)]);
        assert_eq!(queue.len(), 99_997);
    }

    proptest! {
        /// Everything comes out once, each payer's in order, and no payer twice while another waits.
        #[test]
        fn fair_and_complete(pushes in proptest::collection::vec(0_u8..5, 0..200)) {
            let mut queue = FairQueue::new();
            for (number, payer) in pushes.iter().enumerate() {
                queue.push(*payer, (*payer, number));
            }
            let mut left: HashMap<u8, usize> = HashMap::new();
            for payer in &pushes { *left.entry(*payer).or_default() += 1; }
            let mut last_turn: HashMap<u8, usize> = HashMap::new();
            let mut last_number: HashMap<u8, usize> = HashMap::new();
            let mut turn = 0;
            while let Some((payer, number)) = queue.pop() {
                turn += 1;
                if let Some(before) = last_turn.insert(payer, turn) {
                    let others = left.iter().filter(|(other, count)| **other != payer && **count > 0).count();
                    prop_assert!(turn - before > others.min(turn - before - 1), "a payer jumped the line");
                }
                if let Some(before) = last_number.insert(payer, number) { prop_assert!(before < number); }
                *left.get_mut(&payer).unwrap() -= 1;
            }
            prop_assert!(queue.is_empty() && left.values().all(|count| *count == 0));
        }
    }
}
