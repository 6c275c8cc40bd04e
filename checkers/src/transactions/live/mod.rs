//! Transactions as they stream in: a cycle is reported as it closes.
//!
//! ```text
//!   event --> Collector --> a row: what it appended and read
//!                             |--> keys    positions that reads revealed, who waits for whom
//!                             |--> orders  the process before, the completions before
//!                             \--> edges --> dynamic (an order of all transactions)
//!                                              \--> no order any more: a cycle
//! ```
//!
//! List-append only: there a read says the order of all that it saw. A transaction counts from its
//! completion on; what it appended and others saw before is joined to them then. What nobody saw
//! yet comes after all that was seen: wherever it turns up later, it comes after that.
//!
//! Every cycle of the dependencies counts, so this watches serializability, or with an order strict
//! and strong session serializability; what breaks weaker promises, too, is said by its name.
//! The edge that closes a cycle is left out, and the watch goes on with the others. So the whole
//! history has a cycle if and only if one was reported here; but what else is wrong, and all the
//! cycles, are for [`super::check`].
//!
//! Nothing that could still matter is forgotten: a read of ten minutes ago's list accuses whoever
//! appended since. Per transaction that is some hundred bytes; see [`Live::bytes`].

mod dynamic;
mod keys;
#[cfg(test)]
mod tests;

use super::collect::{Collector, Kind, Misfit};
use super::cycles::Cycle;
use super::graph::Dep;
use super::table::{Mop, Stored, Table, TxnId};
use crate::history::{Event, EventType, Process};
use dynamic::{Dynamic, NONE};
use keys::Keys;
use rustc_hash::FxHashMap;

/// Watches transactions of list-append.
#[derive(Debug)]
pub struct Live {
    collector: Collector,
    /// The order that counts beside the dependencies.
    order: Option<Dep>,
    graph: Dynamic,
    keys: Keys,
    /// The vertex of each process's last ok transaction.
    last: FxHashMap<Process, u32>,
    /// The vertex that stands for all completions before the open invocation of a process.
    before: FxHashMap<Process, u32>,
    /// The vertex of the completions so far, and whether the next one may share it.
    completed: Option<(u32, bool)>,
}

impl Live {
    /// Watches the dependencies, and this order ([`Dep::Process`] or [`Dep::Realtime`]).
    pub fn new(order: Option<Dep>) -> Self {
        Self {
            collector: Collector::new(Kind::ListAppend),
            order,
            graph: Dynamic::default(),
            keys: Keys::default(),
            last: FxHashMap::default(),
            before: FxHashMap::default(),
            completed: None,
        }
    }

    /// Takes the next event, as [`Collector::event`] does; gives the cycles that it closes.
    ///
    /// # Errors
    /// When the value is no transaction of list-append.
    ///
    /// # Panics
    /// When there are more than 2^31 transactions.
    pub fn event(
        &mut self,
        index: usize,
        event: &Event,
        f: &str,
        value: &str,
    ) -> Result<Vec<Cycle>, Misfit> {
        let rows = self.table().len();
        self.collector.event(index, event, f, value)?;
        if event.kind == EventType::Invoke {
            self.invoked(event.process);
        }
        if self.table().len() > rows {
            let id = u32::try_from(rows).expect("transactions are counted in 32 bits");
            return Ok(self.completed(TxnId(id)));
        }
        Ok(Vec::new())
    }

    /// The transactions that completed so far.
    pub fn table(&self) -> &Table {
        self.collector.so_far()
    }

    /// Why nothing can be said of some key any more, if there is a reason.
    pub fn unjudged(&self) -> Option<String> {
        let (key, element) = self.keys.duplicate?;
        let (key, element) = (self.table().key_text(key), self.table().text(element));
        Some(format!(
            "key {key}: {element} was appended twice; elements have to be unique for each key"
        ))
    }

    /// How much memory the order of the transactions takes, without their micro-operations.
    pub fn bytes(&self) -> usize {
        self.graph.bytes() + self.keys.bytes()
    }

    fn invoked(&mut self, process: Process) {
        self.before.remove(&process);
        if let Some((vertex, shared)) = &mut self.completed {
            *shared = false;
            self.before.insert(process, *vertex);
        }
    }

    fn completed(&mut self, id: TxnId) -> Vec<Cycle> {
        let table = self.collector.so_far();
        let txn = table.txn(id);
        let before = self.before.remove(&txn.process());
        if !txn.is_possible() {
            return Vec::new();
        }
        let vertex = self.graph.vertex(Some(id));
        let mut edges = Vec::new();
        if let Some(before) = before.filter(|_| txn.invoke_index().is_some()) {
            edges.push((before, vertex, None));
        }
        for mop in table.mops(id) {
            self.keys.grow(mop.key(), table.spine(mop.key()), &mut edges);
        }
        for mop in table.mops(id) {
            match *mop {
                Mop::Append(key, element) => self.keys.append(vertex, key, element, &mut edges),
                Mop::List(key, list) => {
                    // A list that contradicts another one is an anomaly by itself; no edges.
                    if let Stored::Prefix(length) = list.stored() {
                        self.keys.read(vertex, key, length, &mut edges);
                    }
                }
                _ => {}
            }
        }
        if txn.is_ok() {
            self.follow(txn.process(), vertex, &mut edges);
        }
        let mut cycles: Vec<Cycle> = Vec::new();
        for (from, to, dep) in edges {
            let cycle = self.graph.add(from, to, dep);
            cycles.extend(cycle.filter(|cycle| !cycles.contains(cycle)));
        }
        cycles
    }

    /// What may follow an ok transaction, by the order that counts.
    fn follow(&mut self, process: Process, vertex: u32, edges: &mut Vec<Edge>) {
        match self.order {
            Some(Dep::Process) => {
                if let Some(last) = self.last.insert(process, vertex) {
                    edges.push((last, vertex, Some(Dep::Process)));
                }
            }
            Some(Dep::Realtime) => {
                let completed = match self.completed {
                    Some((completed, true)) => completed,
                    previous => {
                        let next = self.graph.vertex(None);
                        edges.extend(previous.map(|(previous, _)| (previous, next, None)));
                        self.completed = Some((next, true));
                        next
                    }
                };
                edges.push((vertex, completed, Some(Dep::Realtime)));
            }
            _ => {}
        }
    }
}

/// An edge to be: between vertices, with its reason; none if it carries on.
type Edge = (u32, u32, Option<Dep>);

/// Adds an edge if both of its ends are known.
fn push(edges: &mut Vec<Edge>, from: u32, to: u32, dep: Dep) {
    if from != to && from != NONE && to != NONE {
        edges.push((from, to, Some(dep)));
    }
}
