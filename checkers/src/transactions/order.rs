//! Edges that come from when a transaction ran, not from what it saw.
//!
//! ```text
//!   process    the ok transactions of one process, each before the next
//!   real time  whoever completed ok before another was invoked comes before it
//!
//!     T1 --ok--> c1 --> c2 --> c3 ...      auxiliary vertices in the order of completion;
//!     T2 --ok---------> c2     |           an invocation hangs on the last one before it:
//!                              +--> T7     3 edges a transaction instead of one per pair
//! ```
//!
//! What ended as `info` may take effect at any time after, so nothing follows it; but it follows
//! what was complete before it began. What failed took no effect: it has no edges at all.
//!
//! Completions between which nothing was invoked share a vertex: nobody could tell them apart.

use super::graph::{Dep, Edges};
use super::table::{Table, TxnId};
use crate::history::{EventType, Process};
use rustc_hash::FxHashMap;

/// Adds an edge from each ok transaction to the next ok one of its process.
pub fn process(table: &Table, edges: &mut Edges) {
    let mut last: FxHashMap<Process, TxnId> = FxHashMap::default();
    // Rows stand in the order of completion.
    for (id, txn) in table.txns().filter(|(_, txn)| txn.is_ok()) {
        if let Some(before) = last.insert(txn.process(), id) {
            edges.add(before.0, id.0, Dep::Process);
        }
    }
}

/// Adds an edge from the last ok transaction of each process to what it tried after that and never
/// heard of; gives whether there is any. Elle has no such edge, so it accuses nobody; but an order
/// without it proves nothing: `r x [1]`, and then `append x 1` by the same process, is no session.
pub fn last_tries(table: &Table, edges: &mut Edges) -> bool {
    let mut last: FxHashMap<Process, (TxnId, usize)> = FxHashMap::default();
    for (id, txn) in table.txns().filter(|(_, txn)| txn.is_ok()) {
        if let Some(complete) = txn.complete_index() {
            last.insert(txn.process(), (id, complete));
        }
    }
    let mut any = false;
    for (id, txn) in table.txns().filter(|(_, txn)| txn.is_possible() && !txn.is_ok()) {
        let (Some(begun), Some((before, complete))) =
            (txn.invoke_index(), last.get(&txn.process()))
        else {
            continue;
        };
        if *complete < begun {
            edges.add(before.0, id.0, Dep::Process);
            any = true;
        }
    }
    any
}

/// Adds the order of real time.
pub fn realtime(table: &Table, edges: &mut Edges) {
    let completions: Vec<(usize, TxnId)> = table
        .txns()
        .filter(|(_, txn)| txn.is_ok())
        .filter_map(|(id, txn)| Some((txn.complete_index()?, id)))
        .collect();
    // Per transaction, how many ok completions came before its invocation.
    let mut place = 0;
    let before: Vec<usize> = table
        .txns()
        .map(|(_, txn)| match txn.invoke_index() {
            Some(invoke) if txn.outcome != EventType::Fail => {
                place = completions_before(&completions, invoke, place);
                place
            }
            _ => 0,
        })
        .collect();
    let chain = chain(&completions, &before, edges);
    for (at, count) in before.iter().enumerate() {
        if let Some(last) = count.checked_sub(1) {
            let to = u32::try_from(at).expect("transactions are counted in 32 bits");
            edges.carry(chain[last], to);
        }
    }
}

/// The auxiliary vertex of each completion that something follows.
fn chain(completions: &[(usize, TxnId)], before: &[usize], edges: &mut Edges) -> Vec<u32> {
    let mut ends = vec![false; completions.len()];
    for last in before.iter().filter_map(|count| count.checked_sub(1)) {
        ends[last] = true;
    }
    let followed = ends.iter().rposition(|end| *end).map_or(0, |last| last + 1);
    let mut chain = Vec::with_capacity(followed);
    let mut current = None;
    for ((_, id), end) in completions[..followed].iter().zip(&ends) {
        let vertex = *current.get_or_insert_with(|| {
            let vertex = edges.auxiliary();
            if let Some(previous) = chain.last() {
                edges.carry(*previous, vertex);
            }
            vertex
        });
        edges.add(id.0, vertex, Dep::Realtime);
        chain.push(vertex);
        if *end {
            current = None;
        }
    }
    chain
}

/// How many completions came before this event. Neighbours have neighbouring places, so the search
/// widens from the last one.
fn completions_before(completions: &[(usize, TxnId)], event: usize, place: usize) -> usize {
    let (mut low, mut high, mut width) = (place, place, 1);
    while low > 0 && completions[low - 1].0 > event {
        high = low - 1;
        low = low.saturating_sub(width);
        width *= 2;
    }
    while high < completions.len() && completions[high].0 < event {
        low = high + 1;
        high = (high + width).min(completions.len());
        width *= 2;
    }
    low + completions[low..high].partition_point(|(complete, _)| *complete < event)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transactions::graph::{Deps, Graph};
    use crate::transactions::table::Txn;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const NONE: u32 = u32::MAX;

    /// A row: process, invocation, completion, outcome.
    type Row = (u32, Option<u32>, Option<u32>, EventType);

    fn table(rows: &[Row]) -> Table {
        let txns = rows.iter().map(|(process, invoke, complete, outcome)| Txn {
            invoke: invoke.unwrap_or(NONE),
            complete: complete.unwrap_or(NONE),
            process: Process::client(*process),
            outcome: *outcome,
            mops_end: 0,
            invoke_ns: 0,
            complete_ns: 0,
        });
        Table { txns: txns.collect(), ..Table::default() }
    }

    /// Every transaction that is reached by real time, for each.
    fn reached(graph: &Graph) -> BTreeSet<(u32, u32)> {
        let mut pairs = BTreeSet::new();
        for from in 0..graph.txns() {
            let mut stack: Vec<u32> = graph.targets(from).to_vec();
            while let Some(vertex) = stack.pop() {
                if vertex < graph.txns() {
                    pairs.insert((from, vertex));
                } else {
                    stack.extend(graph.targets(vertex));
                }
            }
        }
        pairs
    }

    /// Rows out of a shuffled history: every event has an index of its own.
    fn rows() -> impl Strategy<Value = Vec<Row>> {
        let outcomes = prop::sample::select(vec![EventType::Ok, EventType::Fail, EventType::Info]);
        let shape = (outcomes, prop::bool::weighted(0.9), prop::bool::weighted(0.9), 0_u32..3);
        (1_usize..12).prop_flat_map(move |count| {
            let order = Just((0..2 * u32::try_from(count).unwrap()).collect::<Vec<_>>());
            (prop::collection::vec(shape.clone(), count), order.prop_shuffle()).prop_map(
                |(shapes, order)| {
                    let mut rows: Vec<Row> = shapes
                        .iter()
                        .zip(order.chunks(2))
                        .map(|((outcome, invoked, completed, process), at)| {
                            let invoke = invoked.then_some(at[0].min(at[1]));
                            let known = *completed || *outcome != EventType::Info;
                            let complete = known.then_some(at[0].max(at[1]));
                            (*process, invoke, complete, *outcome)
                        })
                        .collect();
                    rows.sort_by_key(|(_, _, complete, _)| complete.unwrap_or(NONE));
                    rows
                },
            )
        })
    }

    proptest! {
        #[test]
        fn real_time_is_every_pair_that_did_not_overlap(rows in rows()) {
            let mut edges = Edges::new(rows.len());
            realtime(&table(&rows), &mut edges);
            prop_assert!(edges.list().len() <= 3 * rows.len());
            let mut expected = BTreeSet::new();
            for (a, first) in (0..).zip(&rows) {
                for (b, then) in (0..).zip(&rows) {
                    let followed = first.3 == EventType::Ok;
                    let follows = then.3 != EventType::Fail && then.1.is_some();
                    if followed && follows && first.2 < then.1 {
                        expected.insert((a, b));
                    }
                }
            }
            prop_assert_eq!(reached(&edges.into_graph()), expected);
        }

        #[test]
        fn a_process_puts_its_ok_transactions_one_after_another(rows in rows()) {
            let mut edges = Edges::new(rows.len());
            process(&table(&rows), &mut edges);
            let mut expected = Vec::new();
            for (b, then) in (0..).zip(&rows) {
                let ok = |row: &Row| row.0 == then.0 && row.3 == EventType::Ok;
                let earlier: Vec<_> = (0..b as u32).zip(&rows).collect();
                let before = earlier.into_iter().rfind(|(_, row)| ok(row));
                if let Some((a, _)) = before.filter(|_| ok(then)) {
                    expected.push((a, b as u32, Deps::of(&[Dep::Process])));
                }
            }
            prop_assert_eq!(edges.list(), expected);
        }
    }
}
