//! From the order of versions to the dependencies of transactions.
//!
//! ```text
//!   wr   who installed v  -> who read v
//!   ww   who installed v  -> who installed v'      v directly before v'
//!   rw   who read v       -> who installed v'
//! ```
//!
//! "Each reader of v before each writer after v" is a product; nil precedes every version of its
//! key, so that it would be the square of the transactions. One auxiliary vertex makes it a sum.
//! But a transaction that reads v and writes v' is on both sides, and the vertex would lead it back
//! to itself, a cycle that is none. So those on both sides get what is left and what is right of
//! them, each by a chain:
//!
//! ```text
//!   readers   a, b, c          c -> star
//!   writers   a, b, x, y, z    a -> star -> x, y, z        b -> star
//!   on both   a, b             a -> from(b) -> b           b -> up to(a) -> a
//! ```

use super::super::graph::{Dep, Edges};
use super::super::table::{KeyId, Table, TxnId};
use super::order::Order;
use super::versions::{Version, Versions};

/// All dependencies that follow from values.
pub(super) fn all(table: &Table, versions: &Versions, order: &Order) -> Edges {
    let mut edges = Edges::new(table.len());
    let readers = Readers::of(table, versions);
    let mut of_key: Vec<Vec<TxnId>> = vec![Vec::new(); table.key_count()];
    let mut later = Vec::new();
    for version in (0..).take(versions.len()).map(Version) {
        if versions.is_nil(version) {
            continue;
        }
        let read_by = readers.of_version(version);
        let writer = versions.installer(version);
        if let Some(writer) = writer {
            of_key[versions.key(version).index()].push(writer);
            for reader in read_by {
                edges.add(writer.0, reader.0, Dep::Wr);
            }
        }
        later.clear();
        later.extend(order.after(version).filter_map(|after| versions.installer(after)));
        later.sort_unstable();
        for after in &later {
            if let Some(writer) = writer {
                edges.add(writer.0, after.0, Dep::Ww);
            }
        }
        each_before_each(read_by, &later, Dep::Rw, &mut edges);
    }
    for (key, writers) in (0..).map(KeyId).zip(&mut of_key) {
        writers.sort_unstable();
        each_before_each(readers.of_version(versions.nil(key)), writers, Dep::Rw, &mut edges);
    }
    edges
}

/// The committed transactions that read each version before they wrote its key.
struct Readers {
    offsets: Vec<u32>,
    list: Vec<TxnId>,
}

impl Readers {
    fn of(table: &Table, versions: &Versions) -> Self {
        let reads = || {
            let touches = versions.touches().iter();
            touches
                .filter(|touch| table.txn(touch.txn).is_ok())
                .filter_map(|touch| Some((touch.read()?, touch.txn)))
        };
        let mut offsets = vec![0_u32; versions.len() + 2];
        for (version, _) in reads() {
            offsets[version.index() + 2] += 1;
        }
        for at in 2..offsets.len() {
            offsets[at] += offsets[at - 1];
        }
        let count = offsets.last().copied().unwrap_or(0);
        let mut list = vec![TxnId(0); count as usize];
        for (version, txn) in reads() {
            let at = &mut offsets[version.index() + 1];
            list[*at as usize] = txn;
            *at += 1;
        }
        offsets.pop();
        Self { offsets, list }
    }

    /// Ascending, each once.
    fn of_version(&self, version: Version) -> &[TxnId] {
        let at = version.index();
        &self.list[self.offsets[at] as usize..self.offsets[at + 1] as usize]
    }
}

/// Adds an edge from each of the first to each of the second, but none from one to itself. Both
/// ascend and hold nothing twice.
pub(in crate::transactions) fn each_before_each(
    before: &[TxnId],
    after: &[TxnId],
    dep: Dep,
    edges: &mut Edges,
) {
    /// Up to so many edges, a product costs less than its auxiliary vertices.
    const DIRECT_MAX: usize = 16;
    if before.len().min(after.len()) <= 1 || before.len() * after.len() <= DIRECT_MAX {
        for from in before {
            for to in after {
                edges.add(from.0, to.0, dep);
            }
        }
        return;
    }
    let is_after = |txn: &TxnId| after.binary_search(txn).is_ok();
    let (both, only_before): (Vec<_>, Vec<_>) = before.iter().copied().partition(is_after);
    let only_after: Vec<_> =
        after.iter().copied().filter(|txn| both.binary_search(txn).is_err()).collect();
    if !only_after.is_empty() {
        let star = edges.auxiliary();
        for from in before {
            edges.add(from.0, star, dep);
        }
        for to in &only_after {
            edges.carry(star, to.0);
        }
    }
    if both.is_empty() {
        return;
    }
    // from[i] leads to both[i..], up_to[i] to both[..=i].
    let from = chain(both.iter().rev(), edges);
    let up_to = chain(both.iter(), edges);
    for (at, txn) in both.iter().enumerate() {
        if at > 0 {
            edges.add(txn.0, up_to[at - 1], dep);
        }
        if at + 1 < both.len() {
            edges.add(txn.0, from[both.len() - 2 - at], dep);
        }
    }
    let everything = from[both.len() - 1];
    for txn in only_before {
        edges.add(txn.0, everything, dep);
    }
}

/// A chain of auxiliary vertices: the one at each place leads to its transaction and to all before.
fn chain<'a>(txns: impl Iterator<Item = &'a TxnId>, edges: &mut Edges) -> Vec<u32> {
    let mut chain: Vec<u32> = Vec::new();
    for txn in txns {
        let vertex = edges.auxiliary();
        edges.carry(vertex, txn.0);
        if let Some(before) = chain.last() {
            edges.carry(vertex, *before);
        }
        chain.push(vertex);
    }
    chain
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::btree_set;
    use proptest::prelude::*;

    /// Who reaches whom by one hop, through auxiliary vertices.
    fn hops(edges: Edges) -> Vec<(u32, u32)> {
        let graph = edges.into_graph();
        let mut hops = Vec::new();
        for txn in 0..graph.txns() {
            let mut stack: Vec<_> = graph.targets(txn).to_vec();
            while let Some(vertex) = stack.pop() {
                if vertex < graph.txns() {
                    hops.push((txn, vertex));
                } else {
                    stack.extend(graph.targets(vertex));
                }
            }
        }
        hops.sort_unstable();
        hops.dedup();
        hops
    }

    proptest! {
        #[test]
        fn auxiliary_vertices_say_what_the_product_says(
            before in btree_set(0_u32..40, 0..30),
            after in btree_set(0_u32..40, 0..30),
        ) {
            let expected: Vec<_> = before
                .iter()
                .flat_map(|from| after.iter().map(move |to| (*from, *to)))
                .filter(|(from, to)| from != to)
                .collect();
            let of = |set: &std::collections::BTreeSet<u32>| {
                set.iter().copied().map(TxnId).collect::<Vec<_>>()
            };
            let mut edges = Edges::new(40);
            each_before_each(&of(&before), &of(&after), Dep::Rw, &mut edges);
            prop_assert!(edges.list().len() <= 16 + 6 * (before.len() + after.len()));
            prop_assert_eq!(hops(edges), expected);
        }
    }
}
