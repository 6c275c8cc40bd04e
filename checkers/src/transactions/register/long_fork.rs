//! Long fork: two readers see two writes in opposite orders.
//!
//! ```text
//!   T1  w x 1        T3  r x 1    r y nil      T3: x, but not yet y
//!   T2  w y 1        T4  r x nil  r y 1        T4: y, but not yet x
//!
//!   T1 -wr-> T3 -rw-> T2 -wr-> T4 -rw-> T1
//! ```
//!
//! Parallel snapshot isolation allows it, snapshot isolation does not (Sovran et al., SOSP 2011).
//! It is a G-nonadjacent cycle of this one shape, so that it is a name beside the cycle's.

use super::super::cycles::Cycle;
use super::super::explain::name;
use super::super::finding::Finding;
use super::super::graph::Dep;
use super::super::lattice::Anomaly;
use super::super::table::{Mop, Table, TxnId};

/// The long fork that a cycle is, if it is one: two transactions that only read, and see the writes
/// of two others, each of one key, in opposite orders.
pub fn long_fork(table: &Table, cycle: &Cycle) -> Option<Finding> {
    let deps: Vec<_> = cycle.steps.iter().map(|step| step.dep).collect();
    let turn = match deps[..] {
        [Dep::Wr, Dep::Rw, Dep::Wr, Dep::Rw] => 0,
        [Dep::Rw, Dep::Wr, Dep::Rw, Dep::Wr] => 1,
        _ => return None,
    };
    let at = |place: usize| cycle.steps[(place + turn) % 4].from;
    let (writer, reader, other_writer, other_reader) = (at(0), at(1), at(2), at(3));
    let forks = only_key(table, writer) != only_key(table, other_writer)
        && only_key(table, writer).is_some()
        && only_key(table, other_writer).is_some()
        && [reader, other_reader].iter().all(|reader| writes(table, *reader).next().is_none());
    forks.then(|| Finding {
        anomaly: Anomaly::LongFork,
        key: None,
        txns: vec![reader, other_reader, writer, other_writer],
        sentence: format!(
            "{} saw what {} wrote and not yet what {} wrote; {} saw it the other way round.",
            name(table, reader),
            name(table, writer),
            name(table, other_writer),
            name(table, other_reader),
        ),
        count: 1,
    })
}

fn writes(table: &Table, txn: TxnId) -> impl Iterator<Item = Mop> {
    let writes = |mop: &Mop| matches!(mop, Mop::Write(..) | Mop::Append(..));
    table.mops(txn).iter().copied().filter(writes)
}

/// The one key that a transaction wrote.
fn only_key(table: &Table, txn: TxnId) -> Option<super::super::table::KeyId> {
    let mut writes = writes(table, txn).map(Mop::key);
    let first = writes.next()?;
    writes.all(|key| key == first).then_some(first)
}
