//! What follows from direct sight: a transaction that was read from is seen whole.
//!
//! ```text
//!   T4: w x 2, w y 3        T9 saw T4 and read x of T1: T4 comes before T1. Read atomic asks this
//!   T9: r y 3, r x 1        of every pair of reads, a monotonic view only of later ones
//! ```
//!
//! Of what T4 wrote and what T9 read the smaller set is gone through, so a history of n reads and
//! writes costs at most n^1.5 steps (AWDIT, section 4).

use super::Later;
use super::facts::Facts;
use crate::transactions::table::{KeyId, TxnId};

/// Whom the reader reads a key from.
#[derive(Clone, Copy)]
struct Sources {
    reader: u32,
    /// The next read's, and that of the next one with another source.
    next: [Option<u32>; 2],
}

/// Scratch space, one entry per key.
struct Scratch(Vec<Sources>);

impl Scratch {
    fn new(facts: &Facts<'_>) -> Self {
        Self(vec![Sources { reader: u32::MAX, next: [None; 2] }; facts.table.key_count()])
    }

    fn of(&mut self, reader: u32, key: KeyId) -> &mut Sources {
        let sources = &mut self.0[key.index()];
        if sources.reader != reader {
            *sources = Sources { reader, next: [None; 2] };
        }
        sources
    }

    /// The next read of a key goes to this source. Whether its key is new is told.
    fn push(&mut self, reader: u32, key: KeyId, source: u32) -> bool {
        let Sources { next, .. } = self.of(reader, key);
        let new = next[0].is_none();
        if next[0] != Some(source) {
            *next = [Some(source), next[0]];
        }
        new
    }

    /// From whom else than from this one the key is read.
    fn other(&mut self, reader: u32, key: KeyId, than: u32) -> Option<u32> {
        self.of(reader, key).next.into_iter().flatten().find(|source| *source != than)
    }
}

/// The orders that a read-atomic history forces. No transaction of it reads a key from two others.
pub(super) fn atomic(facts: &Facts<'_>) -> Vec<Later> {
    let mut later = Vec::new();
    let mut scratch = Scratch::new(facts);
    let (mut keys, mut sources) = (Vec::new(), Vec::new());
    for (TxnId(reader), _) in facts.table.txns() {
        keys.clear();
        sources.clear();
        for seen in facts.reads(reader) {
            if scratch.push(reader, seen.key, seen.source) {
                keys.push(seen.key);
            }
            sources.push(seen.source);
        }
        sources.sort_unstable();
        sources.dedup();
        for &before in sources.iter().filter(|source| **source != facts.initial()) {
            force(facts, &mut scratch, reader, before, &keys, &mut later);
        }
    }
    later
}

/// The orders that a monotonic atomic view forces: backwards through the program, so that what is
/// known are the reads that come after. Of several later reads of one key the next is enough: the
/// ones after it are ordered by the reads between.
pub(super) fn monotonic(facts: &Facts<'_>) -> Vec<Later> {
    let mut later = Vec::new();
    let mut scratch = Scratch::new(facts);
    let mut keys = Vec::new();
    // By transaction, where this reader first read from it.
    let mut first = vec![(u32::MAX, 0_usize); facts.table.len()];
    for (TxnId(reader), _) in facts.table.txns() {
        keys.clear();
        let reads = facts.reads(reader);
        for (at, seen) in reads.iter().enumerate().rev() {
            if seen.source != facts.initial() {
                first[seen.source as usize] = (reader, at);
            }
        }
        for (at, seen) in reads.iter().enumerate().rev() {
            if seen.source != facts.initial() && first[seen.source as usize] == (reader, at) {
                force(facts, &mut scratch, reader, seen.source, &keys, &mut later);
            }
            if scratch.push(reader, seen.key, seen.source) {
                keys.push(seen.key);
            }
        }
    }
    later
}

/// The reader saw `before`: whatever that wrote, the reader reads from it or from a later one.
fn force(
    facts: &Facts<'_>,
    scratch: &mut Scratch,
    reader: u32,
    before: u32,
    keys: &[KeyId],
    later: &mut Vec<Later>,
) {
    let written = facts.writes(before);
    let mut take = |key: KeyId| {
        if let Some(after) = scratch.other(reader, key, before) {
            later.push(Later { before, after, reader, key });
        }
    };
    if written.len() <= keys.len() {
        written.iter().for_each(|key| take(*key));
    } else {
        keys.iter().filter(|key| facts.wrote(before, **key)).for_each(|key| take(*key));
    }
}
