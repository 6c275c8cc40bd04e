//! The dependency graph: who has to come before whom, and why.
//!
//! ```text
//!   vertices   0 .. txns                 transactions
//!              txns .. vertices          auxiliary: they only carry an edge on
//!
//!   many edges   r1 -rw-> a1             a few    r1 -rw-+      +---> a1
//!                r1 -rw-> a2                      r2 -rw-+-> x -+---> a2
//!                r2 -rw-> a1 ...                                        (Deps::CARRY)
//! ```
//!
//! An edge *into* an auxiliary vertex says the reason; an edge *out of* one carries it on and says
//! nothing ([`Deps::CARRY`]). So every walk from transaction to transaction has exactly one reason
//! per hop, however many auxiliary vertices it passes, and "each of these before each of those"
//! costs a sum of edges and not a product.

mod scc;

pub(super) use scc::tarjan;
pub use scc::{Components, components};

/// Why one transaction has to come before another (Adya 1999; Elle, VLDB 2020).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dep {
    /// It wrote the version that the other one overwrote.
    Ww,
    /// It wrote a version that the other one read.
    Wr,
    /// It read a version that the other one overwrote.
    Rw,
    /// As `Ww`, seen by a predicate.
    Wwp,
    /// As `Wr`, by a predicate read.
    Wrp,
    /// As `Rw`, from a predicate read.
    Rwp,
    /// One process did both, in this order.
    Process,
    /// It completed before the other one was invoked.
    Realtime,
}

impl Dep {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Ww,
        Self::Wr,
        Self::Rw,
        Self::Wwp,
        Self::Wrp,
        Self::Rwp,
        Self::Process,
        Self::Realtime,
    ];

    /// Elle's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ww => "ww",
            Self::Wr => "wr",
            Self::Rw => "rw",
            Self::Wwp => "wwp",
            Self::Wrp => "wrp",
            Self::Rwp => "rwp",
            Self::Process => "process",
            Self::Realtime => "realtime",
        }
    }
}

/// A set of reasons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deps(u8);

impl Deps {
    /// No reason of its own: the edge carries on what led to its auxiliary vertex.
    pub const CARRY: Self = Self(0);

    /// The set of these.
    pub fn of(deps: &[Dep]) -> Self {
        deps.iter().fold(Self(0), |set, dep| set.with(*dep))
    }

    /// With one more.
    #[must_use]
    pub fn with(self, dep: Dep) -> Self {
        Self(self.0 | 1 << dep as u8)
    }

    /// Both together.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What both have.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Without what the other one has.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether it is there.
    pub fn has(self, dep: Dep) -> bool {
        self.0 & 1 << dep as u8 != 0
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Edges while they are collected.
#[derive(Clone, Debug)]
pub struct Edges {
    list: Vec<(u32, u32, Deps)>,
    txns: u32,
    vertices: u32,
}

impl Edges {
    /// No edges between so many transactions.
    ///
    /// # Panics
    /// When there are more than 2^31 transactions.
    pub fn new(txns: usize) -> Self {
        let txns = u32::try_from(txns).ok().filter(|txns| *txns < 1 << 31);
        let txns = txns.expect("there are fewer than 2^31 transactions");
        Self { list: Vec::new(), txns, vertices: txns }
    }

    /// An auxiliary vertex. Only edges of `rw` and `rwp` may lead a transaction through auxiliary
    /// vertices back to itself: such a way is not there, and only for these reasons it is passed
    /// over everywhere.
    ///
    /// # Panics
    /// When there would be more than 2^32 vertices.
    pub fn auxiliary(&mut self) -> u32 {
        let vertex = self.vertices;
        self.vertices = vertex.checked_add(1).expect("there are fewer than 2^32 vertices");
        vertex
    }

    /// Adds an edge. An edge from a vertex to itself says nothing and is dropped.
    pub fn add(&mut self, from: u32, to: u32, dep: Dep) {
        if from != to {
            self.list.push((from, to, Deps::of(&[dep])));
        }
    }

    /// Adds an edge out of an auxiliary vertex.
    pub fn carry(&mut self, from: u32, to: u32) {
        debug_assert!(from >= self.txns, "only an auxiliary vertex carries on");
        self.list.push((from, to, Deps::CARRY));
    }

    /// The edges so far.
    pub fn list(&self) -> &[(u32, u32, Deps)] {
        &self.list
    }

    /// The graph.
    ///
    /// # Panics
    /// When there are 2^32 edges or more.
    pub fn into_graph(self) -> Graph {
        let Self { list, txns, vertices } = self;
        let count = u32::try_from(list.len()).expect("there are fewer than 2^32 edges");
        let mut offsets = vec![0_u32; vertices as usize + 2];
        for &(from, ..) in &list {
            offsets[from as usize + 2] += 1;
        }
        for at in 2..offsets.len() {
            offsets[at] += offsets[at - 1];
        }
        let mut targets = vec![0_u32; count as usize];
        let mut deps = vec![Deps::CARRY; count as usize];
        for (from, to, dep) in list {
            let at = &mut offsets[from as usize + 1];
            targets[*at as usize] = to;
            deps[*at as usize] = dep;
            *at += 1;
        }
        offsets.pop();
        Graph { offsets, targets, deps, txns }
    }
}

/// A graph in compressed sparse rows: the edges of vertex `v` stand side by side.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    offsets: Vec<u32>,
    targets: Vec<u32>,
    deps: Vec<Deps>,
    txns: u32,
}

impl Graph {
    /// How many of the vertices are transactions; the others are auxiliary.
    pub fn txns(&self) -> u32 {
        self.txns
    }

    /// How many vertices there are.
    pub fn vertices(&self) -> u32 {
        u32::try_from(self.offsets.len() - 1).expect("vertices were counted in 32 bits")
    }

    /// How many edges there are.
    pub fn edges(&self) -> usize {
        self.targets.len()
    }

    /// The edges out of a vertex. There may be several to one target.
    pub fn out(&self, vertex: u32) -> impl Iterator<Item = (u32, Deps)> + '_ {
        let range =
            self.offsets[vertex as usize] as usize..self.offsets[vertex as usize + 1] as usize;
        self.targets[range.clone()].iter().copied().zip(self.deps[range].iter().copied())
    }

    /// Where the edges out of a vertex stand among all edges: the first, and the end.
    pub fn range(&self, vertex: u32) -> (u32, u32) {
        (self.offsets[vertex as usize], self.offsets[vertex as usize + 1])
    }

    /// Where an edge leads, by its place among all edges.
    pub fn target(&self, edge: u32) -> u32 {
        self.targets[edge as usize]
    }

    /// The targets of the edges out of a vertex.
    pub fn targets(&self, vertex: u32) -> &[u32] {
        let range =
            self.offsets[vertex as usize] as usize..self.offsets[vertex as usize + 1] as usize;
        &self.targets[range]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edges_of_a_vertex_stand_side_by_side() {
        let mut edges = Edges::new(3);
        edges.add(2, 0, Dep::Wr);
        edges.add(0, 1, Dep::Ww);
        edges.add(0, 0, Dep::Ww);
        let tail = edges.auxiliary();
        edges.add(0, tail, Dep::Rw);
        edges.carry(tail, 2);
        let graph = edges.into_graph();
        assert_eq!((graph.txns(), graph.vertices(), graph.edges()), (3, 4, 4));
        let out = |vertex| graph.out(vertex).collect::<Vec<_>>();
        assert_eq!(out(0), [(1, Deps::of(&[Dep::Ww])), (3, Deps::of(&[Dep::Rw]))]);
        assert_eq!(out(1), []);
        assert_eq!(out(2), [(0, Deps::of(&[Dep::Wr]))]);
        assert_eq!(out(3), [(2, Deps::CARRY)]);
    }
}
