//! Shortest ways and cycles among few nodes, whose edges have reasons.

use std::collections::VecDeque;

/// Why one node is before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// Its session did it before.
    Session,
    /// The second found what the first set.
    Found,
    /// This operation found the second, when the first had to be seen.
    Seen(u32),
    /// The first found what the second overwrote.
    Overwritten,
}

/// What is before what, and why.
pub(super) type Edge = (u32, u32, Why);

/// The shortest way along the edges: of one edge at least.
pub(super) fn path(edges: &[Edge], from: u32, to: u32) -> Option<Vec<Edge>> {
    let mut came: Vec<Edge> = Vec::new();
    let mut new = VecDeque::from([from]);
    while let Some(node) = new.pop_front() {
        for &edge in edges.iter().filter(|edge| edge.0 == node) {
            if came.iter().any(|known| known.1 == edge.1) {
                continue;
            }
            came.push(edge);
            new.push_back(edge.1);
            if edge.1 != to {
                continue;
            }
            let mut way = vec![edge];
            while way[way.len() - 1].0 != from {
                let at = way[way.len() - 1].0;
                way.push(*came.iter().find(|known| known.1 == at)?);
            }
            way.reverse();
            return Some(way);
        }
    }
    None
}

/// The shortest cycle; of those, one through the first node.
pub(super) fn cycle(edges: &[Edge]) -> Option<Vec<Edge>> {
    let mut nodes: Vec<u32> = edges.iter().map(|edge| edge.0).collect();
    nodes.sort_unstable();
    nodes.dedup();
    nodes.into_iter().filter_map(|node| path(edges, node, node)).min_by_key(Vec::len)
}
