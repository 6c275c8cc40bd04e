//! Whether a stack's lives can be nested, in O(n log n): decrease and conquer (Abdulla et al. 2025;
//! Lee & Mathur 2025).
//!
//! A gap in which no value is certainly inside is one in which the stack can be empty. Every push
//! and pop that may take effect there does so there: nothing lies below a value that is pushed
//! then, and nothing above one that is popped. A value that is pushed and popped in such gaps is
//! the lowest while it is inside; it is in nobody's way and goes, and more gaps become free. If all
//! values go, there is an order; if not, there is none.
//!
//! ```text
//!   push 1 |-|                     pop 1 |-|     1 goes first: gap a, gap b
//!         a   push 2 |-|  pop 2 |-|     b        then 2, since nothing else is left
//!
//!   push 3 |-|  push 4 |-|  pop 3 |-|  pop 4 |-| 3 covers the push of 4, and 4 the pop of 3
//! ```
//!
//! Gaps with the same values certainly inside are one *run*. Two trees find the next free run and
//! the pushes and pops that can take effect in it; each run and each operation is found once.

use super::lives::Life;
use std::ops::Range;

/// Numbers of the lives that cannot go; none if there is an order.
pub(super) fn stuck(lives: &[Life], ranks: u32) -> Vec<usize> {
    let mut nest = Nest::new(lives, ranks);
    while let Some(run) = nest.free.zero() {
        // So that it is not found again.
        nest.free.add(run..run + 1, COVERED);
        while let Some(op) = nest.open.take_over(run) {
            nest.place(op);
        }
    }
    (0..lives.len()).filter(|&life| nest.left[life] > 0).collect()
}

/// More than all lives together.
const COVERED: i32 = i32::MAX / 2;

struct Nest {
    /// How many lives cover each run.
    free: Coverage,
    /// Pushes and pops that have no place yet: twice the life's number, and one more for a pop.
    open: Stabbing,
    /// How many operations of each life have no place yet.
    left: Vec<u8>,
    /// The runs in which each value is certainly inside.
    inside: Vec<Range<u32>>,
}

impl Nest {
    fn new(lives: &[Life], ranks: u32) -> Self {
        let (run_of, runs) = runs(lives, ranks);
        let runs_of = |gaps: Range<u32>| {
            if gaps.is_empty() {
                return 0..0;
            }
            run_of[gaps.start as usize]..run_of[gaps.end as usize - 1] + 1
        };
        let inside: Vec<Range<u32>> = lives.iter().map(|life| runs_of(life.inside())).collect();
        let mut left = Vec::with_capacity(lives.len());
        let mut ops = Vec::with_capacity(lives.len() * 2);
        for (number, life) in (0_u32..).zip(lives) {
            ops.push((runs_of(life.put_from..life.put_by), number << 1));
            // What nobody is known to have popped can be popped at the very end, one after the
            // other.
            let popped = life.take_by < ranks;
            if popped {
                ops.push((runs_of(life.take_from..life.take_by), number << 1 | 1));
            }
            left.push(1 + u8::from(popped));
        }
        Self { free: Coverage::new(runs, &inside), open: Stabbing::new(ops), left, inside }
    }

    fn place(&mut self, op: u32) {
        let life = (op >> 1) as usize;
        self.left[life] -= 1;
        if self.left[life] == 0 {
            self.free.add(self.inside[life].clone(), -1);
        }
    }
}

/// The run of each gap, and how many runs there are.
fn runs(lives: &[Life], ranks: u32) -> (Vec<u32>, u32) {
    let mut run_of = vec![0; ranks as usize + 1];
    for inside in lives.iter().map(Life::inside).filter(|inside| !inside.is_empty()) {
        run_of[inside.start as usize] = 1;
        run_of[inside.end as usize] = 1;
    }
    let mut run = 0;
    for gap in &mut run_of {
        run += *gap;
        *gap = run;
    }
    (run_of, run + 1)
}

/// A count per run: add to a range, find a zero. A tree in which each node holds how much more its
/// least leaf is than the least leaf of its parent, so that the way to a zero is the way of zeros.
struct Coverage {
    leaves: usize,
    more: Vec<i32>,
}

impl Coverage {
    fn new(runs: u32, covers: &[Range<u32>]) -> Self {
        let leaves = (runs as usize).next_power_of_two();
        let mut more = vec![0; leaves * 2];
        for cover in covers {
            more[leaves + cover.start as usize] += 1;
            if (cover.end as usize) < leaves {
                more[leaves + cover.end as usize] -= 1;
            }
        }
        let mut count = 0;
        for (run, leaf) in more[leaves..].iter_mut().enumerate() {
            count += *leaf;
            *leaf = if run < runs as usize { count } else { COVERED };
        }
        let mut tree = Self { leaves, more };
        (1..leaves).rev().for_each(|node| tree.settle(node));
        tree
    }

    /// Moves what both children have to their parent.
    fn settle(&mut self, node: usize) {
        let least = self.more[node * 2].min(self.more[node * 2 + 1]);
        self.more[node * 2] -= least;
        self.more[node * 2 + 1] -= least;
        self.more[node] += least;
    }

    fn add(&mut self, runs: Range<u32>, count: i32) {
        if runs.is_empty() {
            return;
        }
        let (first, last) = (self.leaves + runs.start as usize, self.leaves + runs.end as usize);
        let (mut low, mut high) = (first, last);
        while low < high {
            if low & 1 == 1 {
                self.more[low] += count;
                low += 1;
            }
            if high & 1 == 1 {
                high -= 1;
                self.more[high] += count;
            }
            low /= 2;
            high /= 2;
        }
        let (mut low, mut high) = (first / 2, (last - 1) / 2);
        while low > 0 {
            self.settle(low);
            if high != low {
                self.settle(high);
            }
            low /= 2;
            high /= 2;
        }
    }

    /// The first run with count zero.
    fn zero(&self) -> Option<u32> {
        if self.more[1] != 0 {
            return None;
        }
        let mut node = 1;
        while node < self.leaves {
            node = node * 2 + usize::from(self.more[node * 2] != 0);
        }
        Some((node - self.leaves) as u32)
    }
}

/// Ranges of runs, found by a run in them and then forgotten: in order of their starts, with the
/// greatest end below each node of a tree.
struct Stabbing {
    leaves: usize,
    /// The start and the operation of each leaf.
    ops: Vec<(u32, u32)>,
    end: Vec<u32>,
}

impl Stabbing {
    fn new(mut ranges: Vec<(Range<u32>, u32)>) -> Self {
        ranges.sort_unstable_by_key(|(range, op)| (range.start, *op));
        let leaves = ranges.len().next_power_of_two();
        let mut end = vec![0; leaves * 2];
        for (leaf, (range, _)) in end[leaves..].iter_mut().zip(&ranges) {
            *leaf = range.end;
        }
        for node in (1..leaves).rev() {
            end[node] = end[node * 2].max(end[node * 2 + 1]);
        }
        let ops = ranges.into_iter().map(|(range, op)| (range.start, op)).collect();
        Self { leaves, ops, end }
    }

    /// Takes one operation out whose range has this run.
    fn take_over(&mut self, run: u32) -> Option<u32> {
        if self.end[1] <= run {
            return None;
        }
        let mut node = 1;
        while node < self.leaves {
            node = node * 2 + usize::from(self.end[node * 2] <= run);
        }
        // The first of all that end behind the run; if it begins behind it, all others do.
        let (start, op) = self.ops[node - self.leaves];
        if start > run {
            return None;
        }
        self.end[node] = 0;
        while node > 1 {
            node /= 2;
            self.end[node] = self.end[node * 2].max(self.end[node * 2 + 1]);
        }
        Some(op)
    }
}
