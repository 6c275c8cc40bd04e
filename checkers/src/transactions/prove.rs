//! A proof by construction: an order of the transactions that explains every read.
//!
//! Without a cycle the graph has an order. Whether the *missing* edges matter is not a matter of
//! opinion: replay the transactions one after another in that order, and compare every read with
//! what the replay holds. If all agree, the order is a serialization, and the promise is proved; if
//! not, nothing was found and nothing was proved.
//!
//! ```text
//!   lists       one topological order: every version that somebody saw has its place in the graph,
//!               so that one order is as good as another
//!   registers   the order is chosen on the way ([`schedule`]): of the transactions that the graph
//!               allows next, one whose reads all match, and that overwrites nothing that is still
//!               to be read
//!   predicates  one topological order, after what there is at first
//! ```
//!
//! What failed is left out, and so is what ended as `info` or never ended if nobody saw what it
//! wrote: it may as well not have happened. What somebody saw, did happen. Lists that contradict the
//! list that other reads agree on are not compared element by element: they end the attempt.

mod schedule;

use super::atom::Atom;
use super::explain::name;
use super::graph::Graph;
use super::predicate;
use super::table::{KeyId, Mop, Stored, Table, TxnId};
use rustc_hash::FxHashMap;

/// Whether an order of the graph explains every read of every `ok` transaction; if not, why it
/// could not be shown.
///
/// # Errors
/// With the first read that the order does not explain, in words; or that there is a cycle.
///
/// # Panics
/// When the graph is not one of this table.
pub fn replay(table: &Table, graph: &Graph) -> Result<(), String> {
    assert_eq!(graph.txns() as usize, table.len(), "a vertex for each transaction");
    let happened = happened(table);
    if table.mops.iter().any(|mop| matches!(mop, Mop::Append(..) | Mop::List(..))) {
        return lists(table, graph, &happened);
    }
    if !table.closed.predicates.is_empty() || !table.closed.init.is_empty() {
        return predicate::replay(table, &topological(graph)?, &happened);
    }
    schedule::registers(table, graph, &happened)
}

/// What a cycle means to who wants an order.
const CYCLE: &str = "the dependencies have a cycle, so that no order agrees with them";

/// Which transactions happened: those that were acknowledged, and those of which somebody that was
/// acknowledged saw a write.
fn happened(table: &Table) -> Vec<bool> {
    let mut happened: Vec<_> = table.txns().map(|(_, txn)| txn.is_ok()).collect();
    let mut undecided: FxHashMap<(KeyId, Atom), TxnId> = FxHashMap::default();
    for (id, txn) in table.txns() {
        for mop in table.mops(id).iter().filter(|_| txn.is_possible() && !txn.is_ok()) {
            if let Mop::Write(key, value) | Mop::Append(key, value) = *mop {
                undecided.insert((key, value), id);
            }
        }
    }
    if undecided.is_empty() {
        return happened;
    }
    let mut seen = |key, value| {
        if let Some(writer) = undecided.get(&(key, value)) {
            happened[writer.index()] = true;
        }
    };
    // Of each list so much was seen as the longest read of it; each element is looked up once.
    let mut lengths = vec![0_usize; table.key_count()];
    for (id, _) in table.txns().filter(|(_, txn)| txn.is_ok()) {
        for mop in table.mops(id) {
            match *mop {
                Mop::Read(key, value) => seen(key, value),
                Mop::List(key, list) => match list.stored() {
                    Stored::Prefix(length) => {
                        let longest = &mut lengths[key.index()];
                        *longest = length.max(*longest);
                    }
                    Stored::Odd(_) => {
                        table.elements(key, list).iter().for_each(|value| seen(key, *value));
                    }
                },
                _ => {}
            }
        }
    }
    for (key, length) in (0..).map(KeyId).zip(lengths) {
        table.spine(key)[..length].iter().for_each(|value| seen(key, *value));
    }
    happened
}

/// What a list key holds in the replay: so many elements, which are the spine's as long as it
/// agrees with it.
#[derive(Clone, Copy)]
struct Held {
    length: usize,
    agrees: bool,
}

fn lists(table: &Table, graph: &Graph, happened: &[bool]) -> Result<(), String> {
    let mut held = vec![Held { length: 0, agrees: true }; table.key_count()];
    for txn in topological(graph)? {
        let id = TxnId(txn);
        if !happened[id.index()] {
            continue;
        }
        let ok = table.txn(id).is_ok();
        for mop in table.mops(id) {
            let held = &mut held[mop.key().index()];
            match *mop {
                Mop::Append(key, element) => {
                    held.agrees &= table.spine(key).get(held.length) == Some(&element);
                    held.length += 1;
                }
                Mop::List(key, list) if ok => match list.stored() {
                    Stored::Prefix(length) if held.length == length && held.agrees => {}
                    Stored::Prefix(length) => {
                        return Err(format!(
                            "{} read {length} elements of key {}, and the order that was tried \
                             has {}{} there",
                            name(table, id),
                            table.key_text(key),
                            held.length,
                            if held.length == length { " others" } else { "" },
                        ));
                    }
                    Stored::Odd(_) => {
                        return Err(format!(
                            "{} read a list of key {} that contradicts other reads",
                            name(table, id),
                            table.key_text(key),
                        ));
                    }
                },
                _ => {}
            }
        }
    }
    Ok(())
}

/// The transactions in an order that agrees with every edge, near to that of completion.
///
/// Depth first from the last transaction to the first, each put before all that were: where every
/// edge leads forward, that *is* the order of completion, at the cost of looking at each edge once.
fn topological(graph: &Graph) -> Result<Vec<u32>, String> {
    const OPEN: u8 = 1;
    const DONE: u8 = 2;
    let mut state = vec![0_u8; graph.vertices() as usize];
    let mut order = Vec::with_capacity(graph.txns() as usize);
    let mut stack: Vec<(u32, u32)> = Vec::new();
    for root in (0..graph.txns()).rev() {
        if state[root as usize] == DONE {
            continue;
        }
        state[root as usize] = OPEN;
        stack.push((root, 0));
        while let Some((vertex, next)) = stack.last_mut() {
            let vertex = *vertex;
            let Some(target) = graph.targets(vertex).get(*next as usize).copied() else {
                state[vertex as usize] = DONE;
                stack.pop();
                if vertex < graph.txns() {
                    order.push(vertex);
                }
                continue;
            };
            *next += 1;
            match state[target as usize] {
                OPEN => return Err(CYCLE.to_owned()),
                DONE => {}
                _ => {
                    state[target as usize] = OPEN;
                    stack.push((target, 0));
                }
            }
        }
    }
    order.reverse();
    Ok(order)
}

#[cfg(test)]
mod tests;
