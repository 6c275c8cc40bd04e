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

    /// The memory in use, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        ((self.arena.len() + self.table.len()) * size_of::<u64>()) as u64
    }

    /// Adds a member; false if it was there.
    pub(super) fn insert(&mut self, words: &[u64]) -> bool {
        if self.len * 2 >= self.table.len() {
            self.grow();
        }
        let slot = self.slot(words);
        if self.table[slot] != 0 {
            return false;
        }
        self.table[slot] = self.arena.len() as u64 + 1;
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
