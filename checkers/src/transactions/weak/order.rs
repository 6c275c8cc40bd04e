//! The order that is there without inference, and whether a graph has an order at all.

use super::Later;
use super::facts::Facts;
use crate::transactions::graph::{Dep, Edges, Graph};
use crate::transactions::table::{Txn, TxnId};
use rustc_hash::FxHashMap;

/// Sessions: the transactions of each process that count, in its order.
#[derive(Debug, Default)]
pub(super) struct Base {
    /// The transactions of each session.
    pub(super) sessions: Vec<Vec<u32>>,
    /// By transaction, its session; what failed has none.
    pub(super) session: Vec<u32>,
    /// By transaction, its place in the session, from one on.
    pub(super) place: Vec<u32>,
}

/// No session.
pub(super) const NONE: u32 = u32::MAX;

impl Base {
    /// The sessions of a history, or none if they do not count.
    pub(super) fn new(facts: &Facts<'_>, sessions: bool) -> Self {
        if !sessions {
            return Self::default();
        }
        let count = facts.table.len();
        let mut base =
            Self { sessions: Vec::new(), session: vec![NONE; count], place: vec![0; count] };
        let mut numbers = FxHashMap::default();
        for (TxnId(id), txn) in facts.table.txns().filter(|(_, txn)| txn.is_ok()) {
            let next = base.sessions.len();
            let session = *numbers.entry(txn.process()).or_insert(next);
            base.put(id, session);
        }
        // What ended as `info` comes after all that its process had done, and before nothing. If
        // the process went on, or began it nobody knows when, it is a session of its own.
        let open = |txn: &Txn| txn.is_possible() && !txn.is_ok();
        for (TxnId(id), txn) in facts.table.txns().filter(|(_, txn)| open(txn)) {
            let follows = |session: &usize| {
                let last = base.sessions[*session].last()?;
                let last = facts.table.txn(TxnId(*last));
                (last.is_ok() && last.complete_index() < txn.invoke_index()).then_some(*session)
            };
            let session = numbers.get(&txn.process()).and_then(follows);
            base.put(id, session.unwrap_or(base.sessions.len()));
        }
        base
    }

    /// Puts a transaction at the end of a session, which may be a new one.
    fn put(&mut self, txn: u32, session: usize) {
        if session == self.sessions.len() {
            self.sessions.push(Vec::new());
        }
        let list = &mut self.sessions[session];
        list.push(txn);
        self.session[txn as usize] = u32::try_from(session).expect("fewer sessions than events");
        self.place[txn as usize] = u32::try_from(list.len()).expect("fewer than events");
    }

    /// The transaction before this one in its session.
    pub(super) fn previous(&self, txn: u32) -> Option<u32> {
        let session = *self.session.get(txn as usize).filter(|session| **session != NONE)?;
        let before = self.place[txn as usize].checked_sub(2)?;
        Some(self.sessions[session as usize][before as usize])
    }

    /// The transaction after this one in its session.
    pub(super) fn next(&self, txn: u32) -> Option<u32> {
        let session = *self.session.get(txn as usize).filter(|session| **session != NONE)?;
        self.sessions[session as usize].get(self.place[txn as usize] as usize).copied()
    }

    /// Who reads from whom, and the sessions.
    pub(super) fn edges(&self, facts: &Facts<'_>) -> Edges {
        let mut edges = Edges::new(facts.table.len());
        assert_eq!(edges.auxiliary(), facts.initial(), "the initial state is beyond the last");
        for (TxnId(id), _) in facts.table.txns() {
            for seen in facts.reads(id).iter().filter(|seen| seen.source != facts.initial()) {
                edges.add(seen.source, id, Dep::Wr);
            }
        }
        for pair in self.sessions.iter().flat_map(|list| list.windows(2)) {
            edges.add(pair[0], pair[1], Dep::Process);
        }
        edges
    }

    /// The same with what was inferred.
    pub(super) fn edges_with(&self, facts: &Facts<'_>, later: &[Later]) -> Edges {
        let mut edges = self.edges(facts);
        for &Later { before, after, .. } in later {
            edges.add(before, after, Dep::Ww);
            if after == facts.initial() {
                // The initial state is before everything; only here does that close a cycle.
                edges.add(after, before, Dep::Ww);
            }
        }
        edges
    }
}

/// Whether a graph has an order.
#[derive(Debug)]
pub(super) enum Order {
    /// The place of each vertex in one.
    Acyclic(Vec<u32>),
    /// It has none: the vertices between cycles are marked.
    Cyclic(Vec<bool>),
}

/// Looks for an order of a graph that is near the order of its vertices: clocks are then near each
/// other in memory, too.
pub(super) fn order(graph: &Graph) -> Order {
    let count = graph.vertices();
    let mut before = vec![0_u32; count as usize];
    for vertex in 0..count {
        for target in graph.targets(vertex) {
            before[*target as usize] += 1;
        }
    }
    let mut rank = vec![NONE; count as usize];
    let mut placed = 0;
    let mut stack = Vec::new();
    for vertex in 0..count {
        if before[vertex as usize] == 0 && rank[vertex as usize] == NONE {
            stack.push(vertex);
        }
        while let Some(ready) = stack.pop() {
            rank[ready as usize] = placed;
            placed += 1;
            for &target in graph.targets(ready) {
                before[target as usize] -= 1;
                // A later vertex waits until the scan comes to it.
                if before[target as usize] == 0 && target < vertex {
                    stack.push(target);
                }
            }
        }
    }
    if placed == count { Order::Acyclic(rank) } else { Order::Cyclic(between(graph, &rank)) }
}

/// Of the vertices that no order reached, those that lead back to a cycle.
fn between(graph: &Graph, rank: &[u32]) -> Vec<bool> {
    let mut left: Vec<bool> = rank.iter().map(|rank| *rank == NONE).collect();
    let mut after = vec![0_u32; left.len()];
    let mut into = vec![Vec::new(); left.len()];
    for vertex in (0..graph.vertices()).filter(|vertex| left[*vertex as usize]) {
        for &target in graph.targets(vertex).iter().filter(|target| left[**target as usize]) {
            after[vertex as usize] += 1;
            into[target as usize].push(vertex);
        }
    }
    let mut stack: Vec<u32> = (0..graph.vertices())
        .filter(|vertex| left[*vertex as usize] && after[*vertex as usize] == 0)
        .collect();
    while let Some(vertex) = stack.pop() {
        left[vertex as usize] = false;
        for &source in &into[vertex as usize] {
            after[source as usize] -= 1;
            if after[source as usize] == 0 {
                stack.push(source);
            }
        }
    }
    left
}
