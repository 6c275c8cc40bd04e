//! A set of short word sequences: the configurations that were explored.
//!
//! ```text
//!   arena   [ len w w w | len w w | ... ]      every member, one behind the other
//!   table   [ offset+1 | 0 | offset+1 | ... ]  open addressing, a power of two, at most half full
//! ```
//!
//! A boxed key per configuration would double the memory. The members are kept whole and not as a
//! hash: two configurations that share a hash would prune a live branch, and accuse a correct
//! system.

use std::hash::Hasher;

/// A longer member may make the arena grow by surprise, but then only by a step.
const MEMBER_WORDS_EXPECTED: usize = 64;

/// By how many words an arena of this length grows.
fn arena_step(words: usize) -> usize {
    (words / 8).max(4096)
}

/// The set.
#[derive(Debug)]
pub(super) struct Cache {
    arena: Vec<u64>,
    table: Vec<u64>,
    len: usize,
}

impl Cache {
    pub(super) fn new() -> Self {
        Self { arena: Vec::new(), table: vec![0; 64], len: 0 }
    }

    /// The memory that the next member may need, in bytes: the old table stands beside the new one
    /// while the set grows, and so may the old arena.
    pub(super) fn bytes_after_growth(&self) -> u64 {
        let table = if self.is_full() { self.table.len() * 3 } else { self.table.len() };
        let spare = self.arena.capacity() - self.arena.len();
        let grown = if spare < MEMBER_WORDS_EXPECTED {
            self.arena.capacity() + arena_step(self.arena.len())
        } else {
            0
        };
        ((self.arena.capacity() + grown + table) * size_of::<u64>()) as u64
    }

    fn is_full(&self) -> bool {
        self.len * 2 >= self.table.len()
    }

    /// Adds a member; false if it was there.
    pub(super) fn insert(&mut self, words: &[u64]) -> bool {
        if self.is_full() {
            self.grow();
        }
        let slot = self.slot(words);
        if self.table[slot] != 0 {
            return false;
        }
        self.table[slot] = self.arena.len() as u64 + 1;
        // Doubling would take half of the memory limit at once.
        let spare = self.arena.capacity() - self.arena.len();
        if spare <= words.len() {
            let step = arena_step(self.arena.len()).max(words.len() + 1);
            self.arena.reserve_exact(step);
        }
        self.arena.push(words.len() as u64);
        self.arena.extend_from_slice(words);
        self.len += 1;
        true
    }

    /// Where this member is, or where it belongs.
    fn slot(&self, words: &[u64]) -> usize {
        let mask = self.table.len() - 1;
        let mut slot = hash(words) as usize & mask;
        while self.table[slot] != 0 && self.member(self.table[slot]) != words {
            slot = (slot + 1) & mask;
        }
        slot
    }

    fn member(&self, entry: u64) -> &[u64] {
        let at = entry as usize - 1;
        &self.arena[at + 1..][..self.arena[at] as usize]
    }

    fn grow(&mut self) {
        let size = self.table.len() * 2;
        let entries = std::mem::replace(&mut self.table, vec![0; size]);
        for entry in entries.into_iter().filter(|entry| *entry != 0) {
            let slot = self.slot(self.member(entry));
            self.table[slot] = entry;
        }
    }
}

fn hash(words: &[u64]) -> u64 {
    let mut hasher = rustc_hash::FxHasher::default();
    for &word in words {
        hasher.write_u64(word);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_takes_more_memory_than_it_said_it_might() {
        let mut cache = Cache::new();
        for number in 0..100_000_u64 {
            let announced = cache.bytes_after_growth();
            assert!(
                cache.insert(&vec![number; number as usize % MEMBER_WORDS_EXPECTED])
                    || number % 64 == 0
            );
            let taken = (cache.arena.capacity() + cache.table.capacity()) * size_of::<u64>();
            assert!(taken as u64 <= announced, "member {number}: {taken} of {announced}");
        }
    }
}
