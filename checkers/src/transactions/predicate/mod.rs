//! Closed predicates: inserts, deletes, and reads of everything that matches.
//!
//! ```text
//!   rp ["=",2] -> {x: 2}       x was 2; and of every other key a version that does not match
//!
//!   key y, versions 1 and 2:   2 would have been there, so that the read saw 1   (wrp from its
//!                              writer; rwp to whoever wrote 2)
//! ```
//!
//! The universe is closed: what there is at first is said (`init`), and every later version is
//! written by a transaction of the history. So what a predicate does *not* return says which
//! version it saw, if only one version does not match (Elle's closed-predicate; the version sets
//! are Adya's, 1999). A `count` says it only if it counts all that could match, or none.
//!
//! Beyond Elle: a key that is written more than once has no known order, only a first version, and
//! nothing more is assumed; values that nobody wrote, that only failed transactions wrote or that
//! were overwritten before they committed, are anomalies; a transaction must see its own writes;
//! what is returned must match.

mod reads;
mod reasons;
mod replay;
mod universe;

#[cfg(test)]
mod tests;

pub(super) use replay::replay;

use super::atom::Atom;
use super::finding::Inferred;
use super::graph::{Dep, Edges};
use super::register::each_before_each;
use super::register::tally::Tally;
use super::table::{KeyId, Mop, Table, TxnId};
use crate::history::jsonl::parse_i64;
use reads::Reads;
use rustc_hash::FxHashMap;
use universe::Universe;

/// What matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Test {
    /// Whatever is there.
    Anything,
    /// This value.
    Equals(Atom),
    /// Numbers with this rest modulo that.
    Modulo(i64, i64),
}

impl Test {
    pub(super) fn matches(self, table: &Table, value: Atom) -> bool {
        match self {
            Self::Anything => true,
            Self::Equals(other) => value == other,
            Self::Modulo(modulus, rest) => parse_i64(&table.text(value))
                .is_some_and(|number| number.rem_euclid(modulus) == rest),
        }
    }
}

/// A predicate, which stands in the table as a key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Predicate {
    pub(super) test: Test,
    /// Whether it says how many match, and not which.
    pub(super) count: bool,
}

/// What a table holds of predicates, beside its rows.
#[derive(Clone, Debug, Default)]
pub struct Closed {
    /// The transactions that say what there is at first, ascending.
    pub(super) init: Vec<TxnId>,
    /// The keys that stand for predicates.
    pub(super) predicates: FxHashMap<KeyId, Predicate>,
    /// What a predicate read saw, by the value that stands for it; ascending by key.
    pub(super) matched: FxHashMap<Atom, Box<[(KeyId, Atom)]>>,
}

/// The versions of a history, for whoever asks why an edge is there.
#[derive(Debug)]
pub struct Predicates<'a> {
    table: &'a Table,
    universe: Universe,
}

/// Infers the dependencies, and finds what is wrong without a cycle.
pub fn infer(table: &Table) -> (Inferred, Predicates<'_>) {
    let universe = Universe::of(table);
    let mut edges = Edges::new(table.len());
    for key in universe.keys() {
        for (_, writer) in &key.changes {
            if let Some(init) = key.init {
                edges.add(init.0, writer.0, Dep::Ww);
            }
        }
    }
    let mut tally = Tally::default();
    let mut reads = Reads::new(table, &universe, &mut edges, &mut tally);
    reads.items();
    reads.predicates();
    let Reads { of_first, unclear, unjudged, skipped, .. } = reads;
    for (key, mut readers) in of_first {
        let mut writers: Vec<_> =
            universe.key(key).changes.iter().map(|(_, writer)| *writer).collect();
        writers.sort_unstable();
        readers.sort_unstable();
        readers.dedup();
        each_before_each(&readers, &writers, Dep::Rw, &mut edges);
    }
    let gaps = gaps(&universe, unclear, skipped);
    let inferred = Inferred { edges, findings: tally.finish(), gaps, unjudged };
    (inferred, Predicates { table, universe })
}

fn gaps(universe: &Universe, unclear: u64, skipped: u64) -> Vec<String> {
    let unordered = universe.keys().filter(|key| key.changes.len() > 1).count();
    let counted = [
        (unordered as u64, "keys were written more than once, in an order that nothing tells"),
        (unclear, "times a read may have seen one of several versions"),
        (skipped, "predicate reads were not looked at, for there are too many keys"),
    ];
    let counted = counted.into_iter().filter(|(count, _)| *count > 0);
    counted.map(|(count, what)| format!("{count} {what}")).collect()
}

/// The writes of a transaction before a micro-operation, the last one of each key.
fn own_writes(table: &Table, txn: TxnId, before: usize) -> FxHashMap<KeyId, Atom> {
    let mops = &table.mops(txn)[..before];
    let writes = mops.iter().filter_map(|mop| match *mop {
        Mop::Write(key, value) => Some((key, value)),
        _ => None,
    });
    writes.collect()
}
