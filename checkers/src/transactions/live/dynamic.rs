//! An order of all vertices that every edge agrees with, mended as edges come (Pearce and Kelly,
//! "A dynamic topological sort algorithm for directed acyclic graphs", 2006).
//!
//! ```text
//!   order   a  b  c  d  e        edge d -> b against it:
//!              '-----'           what b leads to up to d, and what leads to d back to b,
//!                                trade places; if b leads to d, it is a cycle
//! ```
//!
//! Transactions come in the order of completion and most edges lead on, so hardly anything is
//! ever traded. Edges stand in one column, chained per vertex in both directions.

use crate::transactions::cycles::{Cycle, Step, classify};
use crate::transactions::graph::Dep;
use crate::transactions::table::TxnId;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::VecDeque;

/// No vertex, no edge.
pub(super) const NONE: u32 = u32::MAX;

/// How an edge with several reasons is named: Elle's way for lists.
const PRECEDENCE: [Dep; 5] = [Dep::Ww, Dep::Wr, Dep::Rw, Dep::Process, Dep::Realtime];

#[derive(Debug)]
struct Vertex {
    /// Nothing for an auxiliary vertex.
    txn: Option<TxnId>,
    /// Its place in the order.
    place: u32,
    /// The last edge out of it, and the last into it.
    out: u32,
    into: u32,
}

#[derive(Debug)]
struct Edge {
    from: u32,
    to: u32,
    /// The edge out of the same vertex before, and the one into the same vertex.
    out_before: u32,
    into_before: u32,
    /// Nothing if it carries on.
    dep: Option<Dep>,
}

/// A graph without cycles.
#[derive(Debug, Default)]
pub(super) struct Dynamic {
    vertices: Vec<Vertex>,
    edges: Vec<Edge>,
}

impl Dynamic {
    /// A new vertex, the last of the order.
    pub(super) fn vertex(&mut self, txn: Option<TxnId>) -> u32 {
        let place = u32::try_from(self.vertices.len()).ok().filter(|place| *place != NONE);
        let place = place.expect("vertices are counted in 32 bits");
        self.vertices.push(Vertex { txn, place, out: NONE, into: NONE });
        place
    }

    /// Adds an edge, or gives the smallest cycle that it closes and leaves it out.
    pub(super) fn add(&mut self, from: u32, to: u32, dep: Option<Dep>) -> Option<Cycle> {
        let (low, high) = (self.place(to), self.place(from));
        if low < high {
            let Some(after) = self.reached(to, high, from) else {
                return self.cycle(from, to, dep);
            };
            let before = self.reaching(from, low);
            self.trade(before, after);
        }
        let edge = u32::try_from(self.edges.len()).ok().filter(|edge| *edge != NONE);
        let edge = edge.expect("edges are counted in 32 bits");
        let out_before = std::mem::replace(&mut self.vertices[from as usize].out, edge);
        let into_before = std::mem::replace(&mut self.vertices[to as usize].into, edge);
        self.edges.push(Edge { from, to, out_before, into_before, dep });
        None
    }

    pub(super) fn bytes(&self) -> usize {
        self.vertices.capacity() * size_of::<Vertex>() + self.edges.capacity() * size_of::<Edge>()
    }

    fn place(&self, vertex: u32) -> u32 {
        self.vertices[vertex as usize].place
    }

    fn out(&self, vertex: u32) -> impl Iterator<Item = &Edge> {
        let edge = |edge: u32| self.edges.get(edge as usize);
        std::iter::successors(edge(self.vertices[vertex as usize].out), move |last| {
            edge(last.out_before)
        })
    }

    fn into(&self, vertex: u32) -> impl Iterator<Item = &Edge> {
        let edge = |edge: u32| self.edges.get(edge as usize);
        std::iter::successors(edge(self.vertices[vertex as usize].into), move |last| {
            edge(last.into_before)
        })
    }

    /// What a vertex leads to, no farther than this place; nothing if it leads to the goal.
    fn reached(&self, from: u32, place_max: u32, goal: u32) -> Option<Vec<u32>> {
        let mut seen = FxHashSet::from_iter([from]);
        let mut found = vec![from];
        let mut at = 0;
        while let Some(vertex) = found.get(at).copied() {
            at += 1;
            for edge in self.out(vertex) {
                if edge.to == goal {
                    return None;
                }
                if self.place(edge.to) < place_max && seen.insert(edge.to) {
                    found.push(edge.to);
                }
            }
        }
        Some(found)
    }

    /// What leads to a vertex, no farther back than this place.
    fn reaching(&self, to: u32, place_min: u32) -> Vec<u32> {
        let mut seen = FxHashSet::from_iter([to]);
        let mut found = vec![to];
        let mut at = 0;
        while let Some(vertex) = found.get(at).copied() {
            at += 1;
            for edge in self.into(vertex) {
                if self.place(edge.from) > place_min && seen.insert(edge.from) {
                    found.push(edge.from);
                }
            }
        }
        found
    }

    /// Puts the ones before the others, on the places that all of them have.
    fn trade(&mut self, mut before: Vec<u32>, mut after: Vec<u32>) {
        before.sort_unstable_by_key(|vertex| self.place(*vertex));
        after.sort_unstable_by_key(|vertex| self.place(*vertex));
        before.append(&mut after);
        let mut places: Vec<u32> = before.iter().map(|vertex| self.place(*vertex)).collect();
        places.sort_unstable();
        for (vertex, place) in before.into_iter().zip(places) {
            self.vertices[vertex as usize].place = place;
        }
    }

    /// The cycle of an edge and the shortest way back; nothing if no dependency is in it.
    fn cycle(&self, from: u32, to: u32, dep: Option<Dep>) -> Option<Cycle> {
        let mut way = self.way(to, from);
        way.push((from, to));
        let steps: Vec<Step> = way
            .into_iter()
            .filter_map(|(vertex, next)| {
                let closing = dep.filter(|_| (vertex, next) == (from, to));
                Some(Step {
                    from: self.vertices[vertex as usize].txn?,
                    dep: self.name(vertex, next, closing)?,
                })
            })
            .collect();
        let deps: Vec<Dep> = steps.iter().map(|step| step.dep).collect();
        let anomaly = classify(&deps)?;
        let first = (0..steps.len()).min_by_key(|at| steps[*at].from)?;
        let mut steps = steps;
        steps.rotate_left(first);
        Some(Cycle { anomaly, steps })
    }

    /// The reason that names the edges between two vertices, one more included.
    fn name(&self, from: u32, to: u32, more: Option<Dep>) -> Option<Dep> {
        let has = |dep: &Dep| {
            more == Some(*dep) || self.out(from).any(|edge| edge.to == to && edge.dep == Some(*dep))
        };
        PRECEDENCE.into_iter().find(has)
    }

    /// The edges of the way of fewest transactions from a vertex to another one that it leads to.
    fn way(&self, from: u32, to: u32) -> Vec<(u32, u32)> {
        let place_max = self.place(to);
        let mut known: FxHashMap<u32, (u32, u32)> = FxHashMap::from_iter([(from, (0, NONE))]);
        let mut queue = VecDeque::from([(0, from)]);
        while let Some((length, vertex)) = queue.pop_front() {
            if vertex == to {
                break;
            }
            if known[&vertex].0 < length {
                continue;
            }
            for edge in self.out(vertex).filter(|edge| self.place(edge.to) <= place_max) {
                let auxiliary = self.vertices[edge.to as usize].txn.is_none();
                let longer = if auxiliary { length } else { length + 1 };
                if known.get(&edge.to).is_none_or(|(other, _)| longer < *other) {
                    known.insert(edge.to, (longer, vertex));
                    if auxiliary {
                        queue.push_front((longer, edge.to));
                    } else {
                        queue.push_back((longer, edge.to));
                    }
                }
            }
        }
        let mut way = Vec::new();
        let mut vertex = to;
        while vertex != from {
            let (_, before) = known[&vertex];
            way.push((before, vertex));
            vertex = before;
        }
        way.reverse();
        way
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The order is one, and an edge is refused if and only if it closes a cycle.
        #[test]
        fn what_is_kept_has_an_order_and_what_is_refused_closes_a_cycle(
            edges in prop::collection::vec((0_u32..12, 0_u32..12), 0..60),
        ) {
            let mut graph = Dynamic::default();
            let mut reaches = [[false; 12]; 12];
            for id in 0..12 {
                graph.vertex(Some(TxnId(id)));
                reaches[id as usize][id as usize] = true;
            }
            for (from, to) in edges.into_iter().filter(|(from, to)| from != to) {
                let cycle = graph.add(from, to, Some(Dep::Ww));
                prop_assert_eq!(cycle.is_some(), reaches[to as usize][from as usize]);
                if let Some(cycle) = cycle {
                    prop_assert!(cycle.steps.len() >= 2);
                    let ids: FxHashSet<TxnId> = cycle.steps.iter().map(|step| step.from).collect();
                    prop_assert_eq!(ids.len(), cycle.steps.len());
                } else {
                    let (into, out) = (reaches, reaches[to as usize]);
                    for (row, old) in reaches.iter_mut().zip(into) {
                        if old[from as usize] {
                            row.iter_mut().zip(out).for_each(|(cell, more)| *cell |= more);
                        }
                    }
                }
                let agrees = |edge: &Edge| graph.place(edge.from) < graph.place(edge.to);
                prop_assert!(graph.edges.iter().all(agrees));
            }
        }
    }
}
