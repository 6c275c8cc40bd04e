//! Half of a transaction was seen: read atomic is broken (Bailis et al., SIGMOD 2014).
//!
//! ```text
//!   U   append x 1   append y 2         reader   r x [.. 1]   r y []
//!                                                     saw U        did not see U
//! ```
//!
//! Said exactly: an `ok` transaction's first read of `x`, before it appended to `x` itself, *ends*
//! in an element of another transaction `U` that did not fail; its first read of another key `y`,
//! before it appended to `y`, does not hold the last element that `U` appended to `y`. Only the
//! end of the list counts as seen: `[1 5]` with 5 by `V` is a version that `V` made, and to see
//! `V` but not all of `U` is no break of read atomic, only of causality.

use super::orders::Orders;
use super::tally::Tally;
use crate::transactions::atom::Atom;
use crate::transactions::lattice::Anomaly;
use crate::transactions::table::{KeyId, List, Mop, Table, TxnId};
use rustc_hash::FxHashMap;

/// Transactions of more micro-operations than this have their appends in a map.
const SHORT_MAX: usize = 32;

#[derive(Debug)]
pub(super) struct Fractures<'a> {
    table: &'a Table,
    orders: &'a Orders,
    /// The last append of each long transaction to each key. With it a pair of transactions costs
    /// as much as the shorter one (AWDIT, PLDI 2025, has the same bound).
    long: FxHashMap<(TxnId, KeyId), Atom>,
    /// First reads, and the others that they end in.
    reads: Vec<(KeyId, List)>,
    sources: Vec<(TxnId, KeyId)>,
}

impl<'a> Fractures<'a> {
    pub(super) fn new(table: &'a Table, orders: &'a Orders) -> Self {
        let mut long = FxHashMap::default();
        for (id, _) in table.txns() {
            let mops = table.mops(id);
            if mops.len() > SHORT_MAX {
                long.extend(mops.iter().filter_map(|mop| match *mop {
                    Mop::Append(key, element) => Some(((id, key), element)),
                    _ => None,
                }));
            }
        }
        Self { table, orders, long, reads: Vec::new(), sources: Vec::new() }
    }

    /// Looks at an `ok` transaction; `head` is the place of its first micro-operation on a key.
    pub(super) fn txn(
        &mut self,
        id: TxnId,
        mops: &[Mop],
        head: impl Fn(KeyId) -> Option<usize>,
        tally: &mut Tally<'_>,
    ) {
        self.reads.clear();
        for (at, mop) in mops.iter().enumerate() {
            if let Mop::List(key, list) = *mop
                && head(key) == Some(at)
            {
                self.reads.push((key, list));
            }
        }
        if self.reads.len() < 2 {
            return;
        }
        self.sources.clear();
        for (key, list) in &self.reads {
            let seen = self.orders.seen(self.table, *key, *list);
            let writer = self.orders.last_writer(*key, seen).possible().map(TxnId);
            self.sources.extend(writer.filter(|writer| *writer != id).map(|writer| (writer, *key)));
        }
        self.sources.sort_unstable();
        let first_read = |key: KeyId| match head(key).map(|at| mops[at]) {
            Some(Mop::List(_, list)) => Some(list),
            _ => None,
        };
        for sources in self.sources.chunk_by(|a, b| a.0 == b.0) {
            let source = sources[0].0;
            let seen_beside = |key: KeyId| sources.iter().find(|source| source.1 != key);
            let missing =
                self.missing(source, |key| first_read(key).filter(|_| seen_beside(key).is_some()));
            if let Some((key, element)) = missing
                && let Some((_, seen)) = seen_beside(key)
            {
                tally.add(Anomaly::FracturedRead, key, &[id, source], |words| {
                    let (reader, source) = (words.txn(id), words.txn(source));
                    let (seen, key) = (words.key(*seen), words.key(key));
                    let element = words.element(element);
                    format!(
                        "{reader} saw what {source} appended to key {seen}, but not the \
                         {element} that {source} appended to key {key}"
                    )
                });
            }
        }
    }

    /// What a transaction appended to a key and the reader of that key did not see.
    fn missing(
        &self,
        source: TxnId,
        first_read: impl Fn(KeyId) -> Option<List>,
    ) -> Option<(KeyId, Atom)> {
        let unseen = |key, element| {
            let list = first_read(key)?;
            let held = self.orders.holds(self.table, key, list, element);
            (!held).then_some((key, element))
        };
        let mops = self.table.mops(source);
        if mops.len() <= SHORT_MAX.max(self.reads.len()) {
            return mops.iter().find_map(|mop| match *mop {
                Mop::Append(key, element) => {
                    let slot = self.orders.slot(key, element)?;
                    if slot.writer.intermediate() { None } else { unseen(key, element) }
                }
                _ => None,
            });
        }
        self.reads.iter().find_map(|(key, _)| unseen(*key, *self.long.get(&(source, *key))?))
    }
}
