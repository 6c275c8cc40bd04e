//! One component as a small graph of its own: numbered from 0, one edge per pair of vertices.
//!
//! ```text
//!   0 .. txns            transactions            edges: all reasons, and the one that names it
//!   txns .. vertices     auxiliary vertices
//! ```
//!
//! Auxiliary vertices that stand for no more pairs than they have edges are dissolved into these
//! pairs, and in a small component all of them: then the reason that names a pair is known at once,
//! and there is less to walk through.

use crate::transactions::graph::{Dep, Deps, Graph, tarjan};
use std::collections::BTreeMap;

/// No vertex.
pub(super) const NONE: u32 = u32::MAX;

/// A component. Vertices and edges are numbered within it.
#[derive(Debug)]
pub(super) struct Local {
    /// How many transactions there are.
    pub(super) txns: usize,
    /// What each vertex is called in the graph; ascending.
    names: Vec<u32>,
    offsets: Vec<u32>,
    targets: Vec<u32>,
    deps: Vec<Deps>,
    /// The reason that names each edge; nothing for one that carries on.
    labels: Vec<Option<Dep>>,
    precedence: Vec<Dep>,
    /// All reasons that there are.
    pub(super) present: Deps,
}

impl Local {
    /// The component of these vertices (ascending); `place` says of each of them where it stands
    /// among them. Up to so many transactions, every auxiliary vertex is dissolved.
    pub(super) fn new(
        graph: &Graph,
        names: &[u32],
        place: &[u32],
        precedence: &[Dep],
        dissolve_all_txns_max: usize,
    ) -> Self {
        let txns = names.partition_point(|name| *name < graph.txns());
        let inside = |name: u32| {
            let at = place[name as usize];
            (names.get(at as usize) == Some(&name)).then_some(at)
        };
        let mut rows: Vec<Vec<(u32, Deps)>> = names
            .iter()
            .map(|name| graph.out(*name).filter_map(|(to, dep)| Some((inside(to)?, dep))).collect())
            .collect();
        dissolve(&mut rows, txns, txns <= dissolve_all_txns_max);
        let mut known = precedence.to_vec();
        known.extend(Dep::ALL.iter().filter(|dep| !precedence.contains(dep)));
        Self::of_rows(names, txns, rows, known)
    }

    fn of_rows(
        names: &[u32],
        txns: usize,
        rows: Vec<Vec<(u32, Deps)>>,
        precedence: Vec<Dep>,
    ) -> Self {
        let mut local = Self {
            txns,
            names: names.to_vec(),
            offsets: vec![0],
            targets: Vec::new(),
            deps: Vec::new(),
            labels: Vec::new(),
            precedence,
            present: Deps::default(),
        };
        for (from, mut row) in rows.into_iter().enumerate() {
            row.sort_unstable_by_key(|(to, _)| *to);
            let start = local.targets.len();
            for (to, deps) in row {
                if to as usize == from {
                    continue;
                }
                if local.targets.len() > start && local.targets.last() == Some(&to) {
                    let last = local.deps.len() - 1;
                    local.deps[last] = local.deps[last].union(deps);
                } else {
                    local.targets.push(to);
                    local.deps.push(deps);
                }
                local.present = local.present.union(deps);
            }
            let end = u32::try_from(local.targets.len());
            local.offsets.push(end.expect("a component has fewer edges than the graph"));
        }
        local.labels = local.deps.iter().map(|deps| local.label(*deps)).collect();
        local
    }

    /// How many vertices there are.
    pub(super) fn vertices(&self) -> u32 {
        u32::try_from(self.names.len()).expect("a component has no more vertices than the graph")
    }

    /// What a vertex is called in the graph.
    pub(super) fn name(&self, vertex: u32) -> u32 {
        self.names[vertex as usize]
    }

    /// Whether a vertex is a transaction.
    pub(super) fn is_txn(&self, vertex: u32) -> bool {
        (vertex as usize) < self.txns
    }

    /// The edges of a vertex.
    pub(super) fn range(&self, vertex: u32) -> std::ops::Range<usize> {
        self.offsets[vertex as usize] as usize..self.offsets[vertex as usize + 1] as usize
    }

    /// Where an edge leads, and the reason that names it.
    pub(super) fn edge(&self, edge: usize) -> (u32, Option<Dep>) {
        (self.targets[edge], self.labels[edge])
    }

    /// The reason that names a set of them.
    fn label(&self, deps: Deps) -> Option<Dep> {
        self.precedence.iter().copied().find(|dep| deps.has(*dep))
    }

    /// Whether a reason names a pair rather than another one.
    pub(super) fn comes_before(&self, dep: Dep, other: Dep) -> bool {
        self.precedence.iter().find(|known| [dep, other].contains(known)) == Some(&dep)
            && dep != other
    }

    /// The edge between two vertices, if there is one.
    pub(super) fn direct(&self, from: u32, to: u32) -> Option<usize> {
        let range = self.range(from);
        let at = self.targets[range.clone()].binary_search(&to).ok()?;
        Some(range.start + at)
    }

    /// The reason that names the hop from one transaction to another, by whatever way; counts the
    /// edges that were looked at.
    pub(super) fn hop(&self, from: u32, to: u32, steps: &mut u64) -> Option<Dep> {
        let mut deps = Deps::default();
        for edge in self.range(from) {
            *steps += 1;
            let target = self.targets[edge];
            let better = self.label(deps.union(self.deps[edge])) != self.label(deps);
            if better && (target == to || !self.is_txn(target) && self.leads(target, to, steps)) {
                deps = deps.union(self.deps[edge]);
            }
        }
        self.label(deps)
    }

    /// Whether an auxiliary vertex leads to a transaction through nothing but such vertices.
    fn leads(&self, auxiliary: u32, to: u32, steps: &mut u64) -> bool {
        let mut seen = rustc_hash::FxHashSet::default();
        let mut stack = vec![auxiliary];
        while let Some(vertex) = stack.pop() {
            *steps += 1;
            if self.direct(vertex, to).is_some() {
                return true;
            }
            // Targets are ascending: the auxiliary ones stand at the end.
            let targets = &self.targets[self.range(vertex)];
            let first = targets.partition_point(|target| self.is_txn(*target));
            stack.extend(targets[first..].iter().filter(|target| seen.insert(**target)));
        }
        false
    }

    /// Every transaction that a hop leads to from here, with the reason that names the hop.
    pub(super) fn hops(&self, from: u32, steps: &mut u64) -> Vec<(u32, Dep)> {
        let mut found: BTreeMap<u32, Deps> = BTreeMap::new();
        for edge in self.range(from) {
            let (target, deps) = (self.targets[edge], self.deps[edge]);
            let mut stack = vec![target];
            let mut seen = rustc_hash::FxHashSet::default();
            while let Some(vertex) = stack.pop() {
                *steps += 1;
                if self.is_txn(vertex) {
                    let all = found.entry(vertex).or_default();
                    *all = all.union(deps);
                } else if seen.insert(vertex) {
                    stack.extend_from_slice(&self.targets[self.range(vertex)]);
                }
            }
        }
        found.remove(&from);
        found.into_iter().filter_map(|(to, deps)| Some((to, self.label(deps)?))).collect()
    }

    /// Which strongly connected part of these reasons each vertex is in, and how many transactions
    /// each part has. Vertices on no cycle are in none ([`NONE`]).
    pub(super) fn parts(&self, deps: Deps) -> Parts {
        let mut parts = Parts { of: vec![NONE; self.names.len()], sizes: Vec::new() };
        self.components(
            |edge| !self.deps[edge].and(deps).is_empty(),
            |members| {
                if members.len() < 2 {
                    return;
                }
                let size = members.iter().filter(|vertex| self.is_txn(**vertex)).count();
                if size >= 2 {
                    let part = u32::try_from(parts.sizes.len()).expect("parts are fewer");
                    for member in members {
                        parts.of[*member as usize] = part;
                    }
                    parts.sizes.push(size);
                }
            },
        );
        parts
    }

    /// Where each vertex stands in an order that all edges agree with that are named by one of
    /// these; those on a cycle of them stand at one place.
    pub(super) fn ranks(&self, deps: Deps) -> Vec<u32> {
        let mut ranks = vec![0; self.names.len()];
        // The last ones come first.
        let mut rank = self.vertices();
        self.components(
            |edge| self.labels[edge].is_some_and(|label| deps.has(label)),
            |members| {
                members.iter().for_each(|vertex| ranks[*vertex as usize] = rank);
                rank -= 1;
            },
        );
        ranks
    }

    /// The components of the edges that are taken, and of all that carry on.
    fn components(&self, taken: impl Fn(usize) -> bool, component: impl FnMut(&[u32])) {
        tarjan(
            self.vertices(),
            |vertex| (self.offsets[vertex as usize], self.offsets[vertex as usize + 1]),
            |edge, from| {
                let edge = edge as usize;
                (!self.is_txn(from) || taken(edge)).then_some(self.targets[edge])
            },
            component,
        );
    }

    /// The size of the smallest part that has a cycle of these reasons in which no two edges of
    /// `apart` stand side by side.
    ///
    /// ```text
    ///   (v, free)      any edge may follow          other edges    (u, *)    -> (v, free)
    ///   (v, taken)     an edge of `apart` led here  of `apart`     (u, free) -> (v, taken)
    /// ```
    ///
    /// A transaction that an edge of `apart` leads back to by way of an auxiliary vertex does no
    /// harm: whatever follows on `(v, taken)` follows on `(v, free)`. For other edges the graph
    /// has no such way.
    pub(super) fn smallest_apart(&self, deps: Deps, apart: Deps) -> Option<usize> {
        let count =
            self.vertices().checked_mul(2).expect("a component has fewer than 2^31 vertices");
        let mut smallest: Option<usize> = None;
        tarjan(
            count,
            |vertex| {
                let vertex = vertex as usize / 2;
                (self.offsets[vertex], self.offsets[vertex + 1])
            },
            |edge, from| {
                let (to, all) = (self.targets[edge as usize], self.deps[edge as usize]);
                if !self.is_txn(from / 2) {
                    Some(2 * to + from % 2)
                } else if !all.and(deps).is_empty() {
                    Some(2 * to)
                } else {
                    (from % 2 == 0 && !all.and(apart).is_empty()).then_some(2 * to + 1)
                }
            },
            |members| {
                if members.len() < 2 {
                    return;
                }
                let mut txns: Vec<u32> = members.iter().map(|vertex| vertex / 2).collect();
                txns.retain(|vertex| self.is_txn(*vertex));
                txns.sort_unstable();
                txns.dedup();
                if txns.len() >= 2 {
                    smallest = Some(smallest.map_or(txns.len(), |size| size.min(txns.len())));
                }
            },
        );
        smallest
    }

    /// Whether an edge of these reasons lies on a cycle of a part.
    pub(super) fn part_has(&self, parts: &Parts, deps: Deps) -> bool {
        (0..self.vertices()).filter(|from| self.is_txn(*from)).any(|from| {
            let part = parts.of[from as usize];
            part != NONE
                && self.range(from).any(|edge| {
                    let to = self.targets[edge];
                    parts.of[to as usize] == part && !self.deps[edge].and(deps).is_empty()
                })
        })
    }

    /// How far back each transaction leads: by how many places the farthest hop goes against the
    /// order of numbering. Every cycle has a hop that goes back, and in a history that is numbered
    /// by completion a long one is suspicious.
    pub(super) fn jumps(&self) -> Vec<u32> {
        // What each auxiliary vertex leads back to. Chains of them run up or down: both ways are
        // gone in turn, and if that is not enough, nothing is assumed of them.
        let mut least: Vec<u32> = (0..self.vertices()).map(|_| NONE).collect();
        let mut settled = false;
        for round in 0..4 {
            settled = true;
            let auxiliary = self.txns..self.names.len();
            for at in auxiliary.clone() {
                let down = auxiliary.end - 1 - (at - auxiliary.start);
                let vertex = if round % 2 == 0 { down } else { at };
                let range = self.offsets[vertex] as usize..self.offsets[vertex + 1] as usize;
                let exit = |to: &u32| if self.is_txn(*to) { *to } else { least[*to as usize] };
                let lowest = self.targets[range].iter().map(exit).min().unwrap_or(NONE);
                settled &= least[vertex] == lowest;
                least[vertex] = lowest;
            }
            if settled {
                break;
            }
        }
        let exit = |to: u32| match self.is_txn(to) {
            true => to,
            false if settled => least[to as usize],
            false => 0,
        };
        let txns = u32::try_from(self.txns).expect("transactions are counted in 32 bits");
        (0..txns)
            .map(|from| {
                let lowest = self.range(from).map(|edge| exit(self.targets[edge])).min();
                from.saturating_sub(lowest.unwrap_or(NONE))
            })
            .collect()
    }
}

/// The strongly connected parts of a projection.
#[derive(Debug)]
pub(super) struct Parts {
    /// The part of each vertex.
    pub(super) of: Vec<u32>,
    /// How many transactions each part has.
    pub(super) sizes: Vec<usize>,
}

/// Replaces auxiliary vertices by the pairs that they stand for, where these are few. The vertices
/// stay, with no edges.
fn dissolve(rows: &mut [Vec<(u32, Deps)>], txns: usize, all: bool) {
    let mut into: Vec<Vec<(u32, Deps)>> = vec![Vec::new(); rows.len() - txns];
    for (from, row) in (0..).zip(rows.iter()) {
        for (to, deps) in row {
            if let Some(auxiliary) = (*to as usize).checked_sub(txns) {
                into[auxiliary].push((from, *deps));
            }
        }
    }
    for vertex in txns..rows.len() {
        let mut before = std::mem::take(&mut into[vertex - txns]);
        before.sort_unstable();
        before.dedup();
        let few = before.len() * rows[vertex].len() <= before.len() + rows[vertex].len();
        if !few && !all {
            into[vertex - txns] = before;
            continue;
        }
        let after = std::mem::take(&mut rows[vertex]);
        let name = u32::try_from(vertex).expect("vertices are counted in 32 bits");
        for (from, deps) in before {
            rows[from as usize].retain(|(to, _)| *to != name);
            for (to, _) in after.iter().filter(|(to, _)| *to != from) {
                rows[from as usize].push((*to, deps));
                if let Some(auxiliary) = (*to as usize).checked_sub(txns) {
                    into[auxiliary].retain(|(source, _)| *source != name);
                    into[auxiliary].push((from, deps));
                }
            }
        }
    }
}
