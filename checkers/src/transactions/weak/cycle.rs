//! The shortest cycle of a graph that has one, and paths through it.
//!
//! ```text
//!   session   T1 -> T2 -> T3 -> ... -> T900      one step from any to any later one
//! ```
//!
//! Every cycle has an edge against an order of the base: such an edge is what a path has to close.
//! Those whose ends are near each other are tried first, each for a path that is shorter than the
//! best so far.

use super::order::Base;
use crate::transactions::cycles::Step;
use crate::transactions::graph::{Dep, Deps, Graph};
use crate::transactions::table::TxnId;
use rustc_hash::FxHashMap;
use std::collections::VecDeque;
use std::collections::hash_map::Entry;

/// Edges that may be looked at before the best cycle so far has to do.
const STEPS_MAX: u64 = 20_000_000;

/// The edges that are there without inference.
pub(super) fn base_deps() -> Deps {
    Deps::of(&[Dep::Wr, Dep::Process])
}

/// How a search came to a vertex.
#[derive(Clone, Copy)]
struct Arrival {
    from: u32,
    dep: Dep,
    hops: usize,
    /// Whether the search went on from it along its session.
    ridden: bool,
}

/// A search for shortest paths.
pub(super) struct Walk<'a> {
    pub(super) graph: &'a Graph,
    pub(super) base: &'a Base,
    /// The vertices that may be used; all, if nothing.
    pub(super) within: Option<&'a [bool]>,
    /// The edges that may be used.
    pub(super) deps: Deps,
    /// How many edges were looked at.
    pub(super) steps: u64,
}

impl Walk<'_> {
    /// The shortest path, if there is one of at most so many steps.
    pub(super) fn path(&mut self, from: u32, to: u32, hops_max: usize) -> Option<Vec<Step>> {
        let mut arrivals = FxHashMap::default();
        let start = Arrival { from, dep: Dep::Ww, hops: 0, ridden: false };
        arrivals.insert(from, start);
        let mut queue = VecDeque::from([from]);
        while let Some(vertex) = queue.pop_front() {
            if vertex == to && vertex != from {
                return Some(backwards(&arrivals, from, to));
            }
            let hops = arrivals[&vertex].hops + 1;
            if hops > hops_max {
                return None;
            }
            for (target, deps) in self.graph.out(vertex) {
                self.steps += 1;
                let Some(dep) = usable(deps, self.deps) else { continue };
                let arrival = Arrival { from: vertex, dep, hops, ridden: false };
                self.arrive(target, arrival, &mut arrivals, &mut queue);
            }
        }
        None
    }

    /// Arrives at a vertex, and by a session at all the later ones of it.
    fn arrive(
        &mut self,
        target: u32,
        arrival: Arrival,
        arrivals: &mut FxHashMap<u32, Arrival>,
        queue: &mut VecDeque<u32>,
    ) {
        let rides = arrival.dep == Dep::Process;
        let mut next = Some(target);
        while let Some(vertex) = next {
            self.steps += 1;
            if self.within.is_some_and(|within| !within[vertex as usize]) {
                // Whatever lies between two usable ones of a session is usable, too: this one is
                // beyond the last.
                return;
            }
            match arrivals.entry(vertex) {
                Entry::Vacant(vacant) => {
                    vacant.insert(Arrival { ridden: rides, ..arrival });
                    queue.push_back(vertex);
                }
                Entry::Occupied(mut occupied) => {
                    if !rides || std::mem::replace(&mut occupied.get_mut().ridden, true) {
                        return;
                    }
                }
            }
            next = if rides { self.base.next(vertex) } else { None };
        }
    }
}

/// One of the reasons of an edge that may be used.
fn usable(deps: Deps, wanted: Deps) -> Option<Dep> {
    [Dep::Wr, Dep::Process, Dep::Ww].into_iter().find(|dep| deps.and(wanted).has(*dep))
}

fn backwards(arrivals: &FxHashMap<u32, Arrival>, from: u32, to: u32) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut vertex = to;
    while vertex != from {
        let arrival = arrivals[&vertex];
        steps.push(Step { from: TxnId(arrival.from), dep: arrival.dep });
        vertex = arrival.from;
    }
    steps.reverse();
    steps
}

/// The shortest cycle through the vertices that are left; `rank` is an order of a part of the
/// edges, and without one that of the vertices.
///
/// # Panics
/// When there is no cycle.
pub(super) fn shortest(
    base: &Base,
    graph: &Graph,
    left: &[bool],
    rank: Option<&[u32]>,
) -> Vec<Step> {
    let place = |vertex: u32| rank.map_or(vertex, |rank| rank[vertex as usize]);
    let mut closing: Vec<(u32, u32, u32, Dep)> = Vec::new();
    let all = Deps::of(&[Dep::Wr, Dep::Process, Dep::Ww]);
    for from in (0..graph.vertices()).filter(|vertex| left[*vertex as usize]) {
        for (to, deps) in graph.out(from).filter(|(to, _)| left[*to as usize]) {
            let span = place(from).checked_sub(place(to));
            if let (Some(span), Some(dep)) = (span, usable(deps, all)) {
                closing.push((span, from, to, dep));
            }
        }
    }
    closing.sort_unstable();
    closing.dedup();
    let mut walk = Walk { graph, base, within: Some(left), deps: all, steps: 0 };
    let mut best: Option<Vec<Step>> = None;
    for &(_, from, to, dep) in &closing {
        let hops_max = best.as_ref().map_or(usize::MAX, |best| best.len() - 2);
        if hops_max == 0 || (walk.steps > STEPS_MAX && best.is_some()) {
            break;
        }
        if let Some(mut path) = walk.path(to, from, hops_max) {
            path.insert(0, Step { from: TxnId(from), dep });
            best = Some(path);
        }
    }
    best.expect("what no order reaches has a cycle, and a cycle has a closing edge")
}
