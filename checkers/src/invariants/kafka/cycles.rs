//! Transactions that saw each other (G1c), and transactions whose sends lie crosswise (G0).
//!
//! ```text
//!   t1  send x a    poll y -> b           t1 -wr-> t2 : t2 polled a
//!   t2  send y b    poll x -> a           t2 -wr-> t1 : t1 polled b           G1c
//! ```
//!
//! Who is polled had committed, so reading alone must not go round. Logs are not isolated from each
//! other in Kafka: the sends of two transactions may lie crosswise (G0), and together with that
//! reading may go round, too. Both are allowed there, and in Jepsen's checker; G0 is a figure.

use super::Found;
use super::logs::{Logs, NONE};
use super::read::Records;
use crate::history::EventType;
use crate::transactions::graph::{Dep, Edges, Graph, components};
use rustc_hash::FxHashMap;
use std::collections::VecDeque;

/// From so many transactions of a component a shortest cycle is looked for.
const STARTS_MAX: usize = 8;

/// So many edges are looked at for one of them.
const EDGES_MAX: usize = 1_000_000;

/// Complains of G1c; gives the number of components that are G0.
pub(super) fn check(records: &Records<'_>, logs: &Logs, found: &mut Found<'_>) -> usize {
    let mut reads = Edges::new(records.steps.len());
    for (number, _) in records.txns().filter(|(_, step)| step.outcome == EventType::Ok) {
        for polled in records.polls(number) {
            let writer = logs.messages[polled.message as usize].writer;
            if writer != NONE && logs.happened(records, writer as usize) {
                reads.add(writer, number as u32, Dep::Wr);
            }
        }
    }
    let graph = reads.into_graph();
    for component in components(&graph).list {
        let cycle = shortest(&graph, &component);
        let ops: Vec<_> = cycle.iter().map(|step| records.steps[*step as usize].op).collect();
        let count = ops.len();
        found.add_to_all("G1c", ops, || {
            format!("{count} transactions each polled what the one before it sent, all round")
        });
    }
    components(&writes(records, logs)).list.len()
}

/// Who sent directly before whom.
fn writes(records: &Records<'_>, logs: &Logs) -> Graph {
    let mut sent: Vec<(u32, u32, u32)> = logs
        .messages
        .iter()
        .filter(|message| message.writer != NONE)
        .filter(|message| logs.happened(records, message.writer as usize))
        .filter_map(|message| Some((message.key, message.place()?, message.writer)))
        .collect();
    sent.sort_unstable();
    let mut edges = Edges::new(records.steps.len());
    for [one, other] in sent.array_windows() {
        if one.0 == other.0 {
            edges.add(one.2, other.2, Dep::Ww);
        }
    }
    edges.into_graph()
}

/// A cycle of a component, the shortest through one of its first transactions.
fn shortest(graph: &Graph, component: &[u32]) -> Vec<u32> {
    let cycles = component.iter().take(STARTS_MAX).map(|start| through(graph, component, *start));
    cycles.flatten().min_by_key(Vec::len).unwrap_or_else(|| component[..2].to_vec())
}

/// The shortest cycle through this transaction, if it is found within the bound.
fn through(graph: &Graph, component: &[u32], start: u32) -> Option<Vec<u32>> {
    let mut from: FxHashMap<u32, u32> = FxHashMap::default();
    let mut queue = VecDeque::from([start]);
    let mut edges = 0;
    while let Some(step) = queue.pop_front() {
        for &next in graph.targets(step) {
            edges += 1;
            if next == start {
                let mut cycle = vec![step];
                while let Some(&before) = from.get(&cycle[cycle.len() - 1]) {
                    cycle.push(before);
                }
                cycle.reverse();
                return Some(cycle);
            }
            if component.binary_search(&next).is_ok() && !from.contains_key(&next) {
                from.insert(next, step);
                queue.push_back(next);
            }
        }
        if edges > EDGES_MAX {
            return None;
        }
    }
    None
}
