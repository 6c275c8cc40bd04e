//! The definitions, word by word: all orders of commits of a few transactions are tried.
//!
//! A reader, a key that it reads from `t1`, and a transaction `t2` that wrote the key and that the
//! reader counts as seen: `t2` commits before `t1` (Biswas and Enea, OOPSLA 2019, figure 3).

use super::Level;
use crate::transactions::Table;
use crate::transactions::atom::Atom;
use crate::transactions::table::{KeyId, Mop, TxnId};

/// A read of another's write: the key, and who wrote it; nobody is the initial state.
type Read = (KeyId, Option<usize>);

/// Whether some order of commits explains the history.
pub(super) fn holds(table: &Table, level: Level) -> bool {
    let count = table.len();
    let Some(reads) = (0..count).map(|txn| reads(table, txn, level)).collect::<Option<Vec<_>>>()
    else {
        return false;
    };
    let mut past = vec![vec![false; count]; count];
    for (txn, reads) in reads.iter().enumerate() {
        for source in reads.iter().filter_map(|read| read.1) {
            past[source][txn] = true;
        }
    }
    if matches!(level, Level::Causal | Level::StrongSessionReadCommitted) {
        for (one, other) in (0..count).flat_map(|one| (one + 1..count).map(move |two| (one, two))) {
            let [one_txn, other_txn] = [one, other].map(|txn| table.txn(id(txn)));
            let possible = one_txn.is_possible() && other_txn.is_possible();
            past[one][other] |= possible && one_txn.process() == other_txn.process();
        }
    }
    for middle in 0..count {
        for (from, to) in (0..count).flat_map(|from| (0..count).map(move |to| (from, to))) {
            past[from][to] |= past[from][middle] && past[middle][to];
        }
    }
    let order: Vec<usize> = (0..count).collect();
    any_order(&order, &mut Vec::new(), &mut |order| explains(table, level, order, &reads, &past))
}

fn id(txn: usize) -> TxnId {
    TxnId(u32::try_from(txn).expect("a test says it right"))
}

fn any_order(
    left: &[usize],
    order: &mut Vec<usize>,
    good: &mut impl FnMut(&[usize]) -> bool,
) -> bool {
    if left.is_empty() {
        return good(order);
    }
    left.iter().any(|next| {
        order.push(*next);
        let rest: Vec<usize> = left.iter().copied().filter(|other| other != next).collect();
        let found = any_order(&rest, order, good);
        order.pop();
        found
    })
}

fn explains(
    table: &Table,
    level: Level,
    order: &[usize],
    reads: &[Vec<Read>],
    past: &[Vec<bool>],
) -> bool {
    let place = |txn: usize| order.iter().position(|other| *other == txn);
    let count = order.len();
    let pairs = (0..count).flat_map(|one| (0..count).map(move |two| (one, two)));
    if pairs.clone().any(|(one, two)| past[one][two] && place(one) >= place(two)) {
        return false;
    }
    let mut all =
        (0..count).flat_map(|reader| (0..reads[reader].len()).map(move |at| (reader, at)));
    all.all(|(reader, at)| {
        let (key, source) = reads[reader][at];
        (0..count).filter(|other| *other != reader && Some(*other) != source).all(|other| {
            let from_it = |read: &Read| read.1 == Some(other);
            let seen = match level {
                Level::ReadCommitted | Level::StrongSessionReadCommitted => false,
                Level::MonotonicAtomicView => reads[reader][..at].iter().any(from_it),
                Level::ReadAtomic => reads[reader].iter().any(from_it),
                Level::Causal => past[other][reader],
            };
            let wrote = table.txn(id(other)).is_possible()
                && table
                    .mops(id(other))
                    .iter()
                    .any(|mop| matches!(mop, Mop::Write(k, _) if *k == key));
            // The initial state is the first: nothing comes before it.
            !(seen && wrote) || source.is_some_and(|source| place(other) < place(source))
        })
    })
}

/// What an ok transaction read of others; nothing if it read what it never should have.
fn reads(table: &Table, txn: usize, level: Level) -> Option<Vec<Read>> {
    let mut found = Vec::new();
    if !table.txn(id(txn)).is_ok() {
        return Some(found);
    }
    let mops = table.mops(id(txn));
    for (at, mop) in mops.iter().enumerate() {
        let Mop::Read(key, value) = *mop else { continue };
        let agrees = mops[..at].iter().rev().find(|mop| mop.key() == key);
        let agrees = agrees
            .is_none_or(|mop| matches!(*mop, Mop::Write(_, v) | Mop::Read(_, v) if v == value));
        if !agrees && matches!(level, Level::ReadAtomic | Level::Causal) {
            return None;
        }
        let own = mops[..at].iter().rev().find(|mop| mop.key() == key);
        if value == Atom::NIL {
            if !matches!(own, Some(Mop::Write(..))) {
                found.push((key, None));
            }
            continue;
        }
        let wrote = |id: TxnId| table.mops(id).contains(&Mop::Write(key, value));
        let writer = table.txns().map(|(id, _)| id).find(|id| wrote(*id))?;
        if writer.index() == txn {
            if !mops[..at].contains(&Mop::Write(key, value)) {
                return None;
            }
            continue;
        }
        let last = table
            .mops(writer)
            .iter()
            .rev()
            .find(|mop| matches!(mop, Mop::Write(k, _) if *k == key));
        if !table.txn(writer).is_possible() || last != Some(&Mop::Write(key, value)) {
            return None;
        }
        found.push((key, Some(writer.index())));
    }
    Some(found)
}
