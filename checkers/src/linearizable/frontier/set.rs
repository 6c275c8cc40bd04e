//! A set of configurations in which none is made superfluous by another.
//!
//! A row is what a search may still need of an order that it began:
//!
//! ```text
//!   word 0   state | indeterminate operations spent << 32
//!   word 1.. a bit per slot: the open operation there is placed
//! ```
//!
//! Dominance: of two rows in the same state with the same *changing* operations placed, the one
//! that placed no fewer observations and spent no more indeterminate operations can do whatever
//! the other can. An order that goes on from the other goes on from this one, without the
//! observations that it has behind it: they changed nothing. Two rows that differ in a changing
//! operation cannot be compared: the one that has it behind it lacks it later, when it may be the
//! only way on, and the other still owes it.

use super::super::model::Model;
use super::intern::make_room;
use super::table::{StateId, Table, UsedId};
use rustc_hash::FxHasher;
use std::hash::Hasher;

const NONE: u32 = u32::MAX;

/// So many rows of one group are compared. Beyond that only repetitions next to each other are
/// found: dominance saves work, and nothing depends on it.
const COMPARED_MAX: usize = 256;

pub(super) fn row_state(row: &[u64]) -> StateId {
    row[0] as u32
}

pub(super) fn row_used(row: &[u64]) -> UsedId {
    (row[0] >> 32) as u32
}

pub(super) fn set_state(row: &mut [u64], state: StateId) {
    row[0] = row[0] >> 32 << 32 | u64::from(state);
}

pub(super) fn set_used(row: &mut [u64], used: UsedId) {
    row[0] = u64::from(used) << 32 | row[0] & 0xffff_ffff;
}

pub(super) fn has(row: &[u64], slot: u32) -> bool {
    row[1 + slot as usize / 64] >> (slot % 64) & 1 == 1
}

pub(super) fn place(row: &mut [u64], slot: u32) {
    row[1 + slot as usize / 64] |= 1 << (slot % 64);
}

pub(super) fn clear(row: &mut [u64], slot: u32) {
    row[1 + slot as usize / 64] &= !(1 << (slot % 64));
}

/// The set.
#[derive(Clone, Debug)]
pub(super) struct Set {
    stride: usize,
    rows: Vec<u64>,
    /// By row: where its order is written down, if that is asked for.
    nodes: Vec<u32>,
    /// By row: the next one of its group.
    next: Vec<u32>,
    /// By row: whether a better one came.
    dead: Vec<bool>,
    /// The first row of each group, open addressing.
    heads: Vec<u32>,
    groups: usize,
    live: usize,
    /// By word from word 1: the slots of operations that change something.
    changing: Vec<u64>,
}

impl Set {
    /// An empty set; `changing` has a word for each word of slots.
    pub(super) fn new(changing: Vec<u64>) -> Self {
        Self {
            stride: 1 + changing.len(),
            rows: Vec::new(),
            nodes: Vec::new(),
            next: Vec::new(),
            dead: Vec::new(),
            heads: vec![NONE; 16],
            groups: 0,
            live: 0,
            changing,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// A row and its node, if no better one came.
    pub(super) fn get(&self, at: u32) -> Option<(&[u64], u32)> {
        let index = at as usize;
        (!self.dead[index]).then(|| (self.row(at), self.nodes[index]))
    }

    /// All rows, with their nodes.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u64], u32)> {
        (0..self.nodes.len() as u32).filter_map(|at| self.get(at))
    }

    /// The memory in use, in bytes, with the table of heads while it doubles.
    pub(super) fn bytes(&self) -> u64 {
        // The third number is that of whoever has it waiting.
        let per_row = size_of::<u32>() * 3 + size_of::<bool>();
        let rows = self.rows.capacity() * size_of::<u64>() + self.nodes.capacity() * per_row;
        (rows + 3 * self.heads.len() * size_of::<u32>()) as u64
    }

    /// Adds a row unless one is there that makes it superfluous; gives its number if it is new.
    pub(super) fn insert<M: Model>(
        &mut self,
        table: &Table<M>,
        row: &[u64],
        node: u32,
    ) -> Option<u32> {
        debug_assert_eq!(row.len(), self.stride, "a row of this set");
        if self.groups * 2 >= self.heads.len() {
            self.grow();
        }
        let slot = self.slot_of(row);
        let mut link = None;
        let mut at = self.heads[slot];
        for _ in 0..COMPARED_MAX {
            if at == NONE {
                break;
            }
            let after = self.next[at as usize];
            if self.dominates(table, self.row(at), row) {
                return None;
            }
            if self.dominates(table, row, self.row(at)) {
                self.dead[at as usize] = true;
                self.live -= 1;
                match link {
                    None => self.heads[slot] = after,
                    Some(before) => self.next[before as usize] = after,
                }
            } else {
                link = Some(at);
            }
            at = after;
        }
        Some(self.push(slot, row, node))
    }

    fn push(&mut self, slot: usize, row: &[u64], node: u32) -> u32 {
        let number = self.nodes.len() as u32;
        let head = self.heads[slot];
        self.groups += usize::from(head == NONE);
        make_room(&mut self.rows, row.len());
        make_room(&mut self.nodes, 1);
        make_room(&mut self.next, 1);
        make_room(&mut self.dead, 1);
        self.rows.extend_from_slice(row);
        self.nodes.push(node);
        self.next.push(head);
        self.dead.push(false);
        self.heads[slot] = number;
        self.live += 1;
        number
    }

    fn row(&self, at: u32) -> &[u64] {
        &self.rows[at as usize * self.stride..][..self.stride]
    }

    /// Both of one group.
    fn dominates<M: Model>(&self, table: &Table<M>, better: &[u64], worse: &[u64]) -> bool {
        let superset = better[1..].iter().zip(&worse[1..]).all(|(more, less)| less & !more == 0);
        superset && table.at_most(row_used(better), row_used(worse))
    }

    fn same_group(&self, row: &[u64], other: &[u64]) -> bool {
        let pairs = row[1..].iter().zip(&other[1..]).zip(&self.changing);
        row_state(row) == row_state(other)
            && pairs.into_iter().all(|((one, two), mask)| (one ^ two) & mask == 0)
    }

    fn slot_of(&self, row: &[u64]) -> usize {
        let mut hasher = FxHasher::default();
        hasher.write_u32(row_state(row));
        for (word, mask) in row[1..].iter().zip(&self.changing) {
            hasher.write_u64(word & mask);
        }
        let mask = self.heads.len() - 1;
        let mut slot = hasher.finish() as usize & mask;
        while self.heads[slot] != NONE && !self.same_group(self.row(self.heads[slot]), row) {
            slot = (slot + 1) & mask;
        }
        slot
    }

    fn grow(&mut self) {
        let size = self.heads.len() * 2;
        let heads = std::mem::replace(&mut self.heads, vec![NONE; size]);
        self.groups = 0;
        for head in heads.into_iter().filter(|head| *head != NONE) {
            let slot = self.slot_of(self.row(head));
            self.heads[slot] = head;
            self.groups += 1;
        }
    }
}
