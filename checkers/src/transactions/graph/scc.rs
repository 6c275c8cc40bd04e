//! Strongly connected components, without recursion.
//!
//! ```text
//!   number[v]   0                not seen
//!               1, 2, 3 ...      open: the smallest number that v is known to reach
//!               MAX, MAX-1 ...   closed: the component it belongs to
//! ```
//!
//! Tarjan's algorithm with Pearce's one array (Pearce, "A space-efficient algorithm for finding
//! strongly connected components", 2016): four bytes a vertex, and two stacks that are as deep as
//! the search and no deeper. Vertices are tried from the last to the first: transactions are
//! numbered by completion and most edges lead on, so whatever a vertex leads to is closed already
//! and the search stays shallow, even on a chain of ten million.

use super::Graph;

/// The components of at least two transactions.
#[derive(Clone, Debug, Default)]
pub struct Components {
    /// The vertices of each, ascending, auxiliary ones included; the components by their first
    /// vertex.
    pub list: Vec<Vec<u32>>,
}

/// The strongly connected components that hold at least two transactions. A transaction that leads
/// through an auxiliary vertex back to itself is no cycle: the auxiliary vertex stands for "each of
/// these before each *other* of those".
pub fn components(graph: &Graph) -> Components {
    let mut list = Vec::new();
    tarjan(
        graph.vertices(),
        |vertex| graph.range(vertex),
        |edge, _| Some(graph.target(edge)),
        |members| {
            if members.len() > 1
                && members.iter().filter(|vertex| **vertex < graph.txns()).count() >= 2
            {
                let mut members = members.to_vec();
                members.sort_unstable();
                list.push(members);
            }
        },
    );
    list.sort_unstable_by_key(|members| members[0]);
    Components { list }
}

/// Gives every component, single vertices included, in reverse topological order.
///
/// `range` says where the edges of a vertex stand, and `target` where an edge leads from it, or
/// that it is none: so a projection or a split of the vertices costs no graph of its own.
pub(in crate::transactions) fn tarjan(
    vertices: u32,
    range: impl Fn(u32) -> (u32, u32),
    target: impl Fn(u32, u32) -> Option<u32>,
    mut component: impl FnMut(&[u32]),
) {
    let mut number = vec![0_u32; vertices as usize];
    // The path: a vertex, its next edge, and whether nothing before it is reached so far.
    let mut path: Vec<(u32, u32, bool)> = Vec::new();
    let mut open: Vec<u32> = Vec::new();
    let (mut next, mut closed) = (1_u32, u32::MAX);
    for root in (0..vertices).rev() {
        if number[root as usize] != 0 {
            continue;
        }
        number[root as usize] = next;
        next += 1;
        path.push((root, range(root).0, true));
        while let Some((vertex, edge, is_root)) = path.last_mut() {
            let (from, end) = (*vertex, range(*vertex).1);
            let mut low = number[from as usize];
            let mut into = None;
            while *edge < end {
                // The edge is looked at again on the way back, when its target has a number.
                let Some(to) = target(*edge, from) else {
                    *edge += 1;
                    continue;
                };
                let seen = number[to as usize];
                if seen == 0 {
                    into = Some(to);
                    break;
                }
                if seen < low {
                    low = seen;
                    *is_root = false;
                }
                *edge += 1;
            }
            number[from as usize] = low;
            if let Some(to) = into {
                number[to as usize] = next;
                next += 1;
                path.push((to, range(to).0, true));
                continue;
            }
            let is_root = *is_root;
            path.pop();
            if !is_root {
                open.push(from);
                continue;
            }
            // Whatever waits above this vertex on the stack reaches it and is reached by it.
            let first = open.iter().rposition(|v| number[*v as usize] < low).map_or(0, |at| at + 1);
            open.push(from);
            for member in &open[first..] {
                number[*member as usize] = closed;
            }
            next -= u32::try_from(open.len() - first).expect("a component is a set of vertices");
            closed -= 1;
            component(&open[first..]);
            open.truncate(first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transactions::graph::{Dep, Edges};
    use proptest::prelude::*;

    fn graph(txns: usize, auxiliary: usize, edges: &[(u32, u32)]) -> Graph {
        let mut list = Edges::new(txns);
        for _ in 0..auxiliary {
            list.auxiliary();
        }
        for &(from, to) in edges {
            if (from as usize) < txns { list.add(from, to, Dep::Ww) } else { list.carry(from, to) }
        }
        list.into_graph()
    }

    /// Who reaches whom by at least one edge (Warshall).
    fn closure(vertices: usize, edges: &[(u32, u32)]) -> Vec<Vec<bool>> {
        let mut reaches = vec![vec![false; vertices]; vertices];
        for &(from, to) in edges.iter().filter(|(from, to)| from != to) {
            reaches[from as usize][to as usize] = true;
        }
        for via in 0..vertices {
            for from in 0..vertices {
                for to in 0..vertices {
                    reaches[from][to] |= reaches[from][via] && reaches[via][to];
                }
            }
        }
        reaches
    }

    proptest! {
        #[test]
        fn components_are_what_reaches_each_other(
            txns in 1_usize..9,
            auxiliary in 0_usize..3,
            edges in prop::collection::vec((0_u32..11, 0_u32..11), 0..30),
        ) {
            let vertices = txns + auxiliary;
            let edges: Vec<_> = edges
                .into_iter()
                .filter(|(from, to)| (*from.max(to) as usize) < vertices && from != to)
                .collect();
            let reaches = closure(vertices, &edges);
            let mut expected = Vec::new();
            for (first, reached) in reaches.iter().enumerate() {
                let same = |v: usize| v == first || reached[v] && reaches[v][first];
                let members: Vec<u32> =
                    (0..11).filter(|v| (*v as usize) < vertices && same(*v as usize)).collect();
                let transactions = members.iter().filter(|v| (**v as usize) < txns).count();
                if members[0] as usize == first && transactions >= 2 {
                    expected.push(members);
                }
            }
            prop_assert_eq!(components(&graph(txns, auxiliary, &edges)).list, expected);
        }
    }

    #[test]
    fn a_ring_of_a_million_takes_no_recursion() {
        let count = 1_000_000_u32;
        let mut edges = Edges::new(count as usize);
        for v in 0..count {
            edges.add(v, (v + 1) % count, Dep::Ww);
        }
        let found = components(&edges.into_graph()).list;
        assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [count as usize]);
    }

    #[test]
    fn a_transaction_that_leads_back_to_itself_alone_is_no_component() {
        assert!(components(&graph(2, 1, &[(0, 2), (2, 0), (2, 1)])).list.is_empty());
    }
}
