//! List-append: version orders from the lists that were read, and what follows from them.
//!
//! ```text
//!   Table --> orders   who appended each element, and where it stands in its key's longest read
//!               |--> edges      ww, wr, rw
//!               |--> reads      per transaction: internal, G1a, G1b, future reads, lost updates,
//!               |               garbage, duplicates
//!               |--> fractured  per transaction: half of another transaction was seen
//!               |--> versions   per key: dirty updates, incompatible orders
//!               \--> reasons    why an edge is there, found again on demand
//! ```
//!
//! The rules are Elle's (Kingsbury and Alvaro, VLDB 2020): the longest list that was read of a key
//! is its version order, and what was appended and never read comes after it. Elements that
//! nobody appended and fractured reads are anomalies of their own here.

mod edges;
mod fractured;
mod orders;
mod reads;
mod reasons;
mod tally;
mod versions;

#[cfg(test)]
mod naive;
#[cfg(test)]
mod tests;

use super::finding::Inferred;
use super::graph::Edges;
use super::lattice::Anomaly;
use super::table::{Table, TxnId};
use edges::Dependencies;
use orders::Orders;
use reads::Reads;
use tally::{Tally, Words};

/// The version orders of a history, for whoever asks why an edge is there.
#[derive(Debug)]
pub struct Append<'a> {
    table: &'a Table,
    orders: Orders,
}

/// Infers the dependencies, and finds what is wrong without a cycle.
///
/// # Panics
/// When there are 2^30 transactions or more.
pub fn infer(table: &Table) -> (Inferred, Append<'_>) {
    let orders = Orders::new(table);
    let inferred = match &orders.duplicate {
        Some(duplicate) => unjudged(table, &orders, duplicate),
        None => dependencies(table, &orders),
    };
    (inferred, Append { table, orders })
}

fn dependencies(table: &Table, orders: &Orders) -> Inferred {
    let mut dependencies = Dependencies::new(table, orders);
    let mut reads = Reads::new(table, orders);
    let mut tally = Tally::new(table);
    for (id, txn) in table.txns() {
        let mops = table.mops(id);
        dependencies.txn(id, mops);
        reads.txn(id, txn, mops, &mut tally);
    }
    versions::check(table, orders, &mut tally);
    let in_program_order = versions::check_program_order(table, orders, &mut tally);
    let (edges, mut gaps) = dependencies.finish();
    if !in_program_order {
        gaps.push("a transaction's appends were seen in another order than it made them".into());
    }
    Inferred { edges, findings: tally.finish(), gaps, unjudged: None }
}

/// An element that was appended twice says nothing of who was seen (Elle refuses it, too). What a
/// transaction contradicts itself, and what nobody appended at all, is certain all the same.
fn unjudged(table: &Table, orders: &Orders, duplicate: &orders::Duplicate) -> Inferred {
    let words = Words(table);
    let (key, element) = (words.key(duplicate.key), words.element(duplicate.element));
    let [first, second] = duplicate.txns.map(|id: TxnId| words.txn(id));
    let who = if first == second {
        format!("twice by {first}")
    } else {
        format!("by {first} and by {second}")
    };
    let mut reads = Reads::new(table, orders);
    let mut tally = Tally::new(table);
    for (id, txn) in table.txns() {
        reads.txn(id, txn, table.mops(id), &mut tally);
    }
    let mut findings = tally.finish();
    findings.retain(|found| matches!(found.anomaly, Anomaly::GarbageRead | Anomaly::Internal));
    Inferred {
        edges: Edges::new(table.len()),
        findings,
        gaps: Vec::new(),
        unjudged: Some(format!(
            "key {key}: {element} was appended {who}; elements have to be unique for each key"
        )),
    }
}
