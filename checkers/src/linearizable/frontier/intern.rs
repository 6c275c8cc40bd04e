//! Things stored once, known by small numbers.
//!
//! ```text
//!   items   [ a | b | c | ... ]          number -> item
//!   table   [ 2 | - | 0 | - | 1 | ... ]  open addressing, a power of two, at most half full
//! ```
//!
//! A map from item to number beside the list would hold every item twice, and states are the
//! largest things that a search has.

use rustc_hash::FxHasher;
use std::borrow::Borrow;
use std::hash::{Hash, Hasher};

const FREE: u32 = u32::MAX;

/// What the allocator needs beside what it gives, at most.
const ALLOCATION_BYTES: u64 = 16;

/// Makes room for so many more, an eighth of the list at a time: doubling would go past a
/// limit on memory by as much as the list holds.
pub(super) fn make_room<T>(list: &mut Vec<T>, more: usize) {
    if list.capacity() - list.len() < more {
        list.reserve_exact(more + list.len() / 8 + 16);
    }
}

/// The items, numbered in order of first sight.
#[derive(Clone, Debug)]
pub(super) struct Interner<T> {
    items: Vec<T>,
    table: Vec<u32>,
    /// What the items hold beside their own size, as far as it was said.
    heap_bytes: u64,
}

impl<T: Eq + Hash> Interner<T> {
    pub(super) fn new() -> Self {
        Self { items: Vec::new(), table: vec![FREE; 16], heap_bytes: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn get(&self, id: u32) -> &T {
        &self.items[id as usize]
    }

    /// The memory in use, in bytes, with the table as large as it is about to become.
    pub(super) fn bytes(&self) -> u64 {
        (self.items.capacity() * size_of::<T>() + 2 * self.table.len() * size_of::<u32>()) as u64
            + self.heap_bytes
    }

    /// The number of an item, and whether it is new. `own` makes it if it is, and says how many
    /// bytes it holds on the heap.
    pub(super) fn intern<Q>(&mut self, item: &Q, own: impl FnOnce(&Q) -> (T, u64)) -> (u32, bool)
    where
        T: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        if self.items.len() * 2 >= self.table.len() {
            self.grow();
        }
        let mask = self.table.len() - 1;
        let mut slot = hash(item) as usize & mask;
        while self.table[slot] != FREE {
            let id = self.table[slot];
            if self.get(id).borrow() == item {
                return (id, false);
            }
            slot = (slot + 1) & mask;
        }
        let id = u32::try_from(self.items.len()).expect("memory ends before 2^32 items");
        self.table[slot] = id;
        let (item, bytes) = own(item);
        make_room(&mut self.items, 1);
        self.items.push(item);
        self.heap_bytes += if bytes > 0 { bytes + ALLOCATION_BYTES } else { 0 };
        (id, true)
    }

    fn grow(&mut self) {
        let mask = self.table.len() * 2 - 1;
        self.table = Vec::new();
        self.table = vec![FREE; mask + 1];
        for (id, item) in self.items.iter().enumerate() {
            let mut slot = hash(item) as usize & mask;
            while self.table[slot] != FREE {
                slot = (slot + 1) & mask;
            }
            self.table[slot] = id as u32;
        }
    }
}

fn hash<Q: Hash + ?Sized>(item: &Q) -> u64 {
    let mut hasher = FxHasher::default();
    item.hash(&mut hasher);
    hasher.finish()
}
