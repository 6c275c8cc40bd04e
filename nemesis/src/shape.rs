//! Partition shapes: which directed links between nodes are cut.
//!
//! A shape names nodes; [`Shape::cuts`] turns it into ordered pairs `(from, to)` over which nothing
//! passes. Clients are never part of a shape: a node that is cut off from its peers can still be
//! asked, which is where stale reads and lost writes come from.
//!
//! ```text
//!   split    n1 n2 | n3 n4 n5        bridge   n1 n2 - n3 - n4 n5      deaf   n1 -> all,  all -x n1
//!   ring     n1 n2 n3 n4 n5 (n1)     leader   split with who leads    mute   n1 -x all,  all -> n1
//! ```
//!
//! **The ring.** Nodes stand in a circle and each keeps its `k` neighbours on either side, the
//! fewest that make a majority with itself. No two nodes see the same set, so no two agree on who
//! is there. Sets are as small as a majority can be when the majority is odd (four, five, eight,
//! nine nodes); where it is even (six, seven) they hold one node more, since links here are cut
//! both ways. Of three nodes each would keep both neighbours, so there one link is cut: the middle
//! node sees three, its neighbours see two each.

use serde::{Deserialize, Serialize};
use targets::links::NodeId;

/// Which way a one-way cut cuts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// The node hears nobody, everybody hears it.
    Deaf,
    /// Nobody hears the node, it hears everybody.
    Mute,
}

/// A partition of the nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "shape", rename_all = "kebab-case")]
pub enum Shape {
    /// Two sides that do not hear each other.
    Split {
        /// One side.
        one: Vec<NodeId>,
        /// The other.
        other: Vec<NodeId>,
    },
    /// Two sides, joined by one node that hears both.
    Bridge {
        /// One side.
        one: Vec<NodeId>,
        /// The node between.
        bridge: NodeId,
        /// The other side.
        other: Vec<NodeId>,
    },
    /// Every node sees a different majority: its neighbours in this circle.
    Ring {
        /// The circle.
        order: Vec<NodeId>,
    },
    /// One direction of one node's links.
    OneWay {
        /// Whose links.
        node: NodeId,
        /// Which direction.
        direction: Direction,
    },
    /// Whoever leads when it happens, against all others.
    Leader,
    /// One direction of the links of whoever leads.
    LeaderOneWay {
        /// Which direction.
        direction: Direction,
    },
}

impl Shape {
    /// Whether it waits for a leader to be known.
    pub fn needs_leader(&self) -> bool {
        matches!(self, Self::Leader | Self::LeaderOneWay { .. })
    }

    /// The same with "the leader" replaced by a node.
    #[must_use]
    pub fn aimed_at(&self, leader: NodeId, nodes: u8) -> Self {
        match self {
            Self::Leader => Self::Split {
                one: vec![leader],
                other: (0..nodes).map(NodeId).filter(|node| *node != leader).collect(),
            },
            Self::LeaderOneWay { direction } => {
                Self::OneWay { node: leader, direction: *direction }
            }
            fixed => fixed.clone(),
        }
    }

    /// The directed links that are cut, in order.
    ///
    /// A shape that still says "the leader" cuts nothing: it must be aimed first.
    pub fn cuts(&self, nodes: u8) -> Vec<(NodeId, NodeId)> {
        let pairs =
            (0..nodes).flat_map(|from| (0..nodes).map(move |to| (NodeId(from), NodeId(to))));
        pairs.filter(|(from, to)| from != to && self.separates(*from, *to)).collect()
    }

    fn separates(&self, from: NodeId, to: NodeId) -> bool {
        let across = |one: &[NodeId], other: &[NodeId]| {
            (one.contains(&from) && other.contains(&to))
                || (other.contains(&from) && one.contains(&to))
        };
        match self {
            Self::Split { one, other } | Self::Bridge { one, other, .. } => across(one, other),
            Self::Ring { order } => !neighbours(order, from, to),
            Self::OneWay { node, direction: Direction::Deaf } => to == *node,
            Self::OneWay { node, direction: Direction::Mute } => from == *node,
            Self::Leader | Self::LeaderOneWay { .. } => false,
        }
    }
}

/// Whether two nodes of a circle are near enough to keep hearing each other.
fn neighbours(order: &[NodeId], a: NodeId, b: NodeId) -> bool {
    let place = |node| order.iter().position(|other| *other == node);
    let (Some(a), Some(b)) = (place(a), place(b)) else {
        return true;
    };
    let count = order.len();
    let apart = a.abs_diff(b);
    if count == 3 {
        // The ends of the line `0 1 2` lose each other.
        return apart < 2;
    }
    let majority = count / 2 + 1;
    let reach = (majority - 1).div_ceil(2);
    apart.min(count - apart) <= reach
}

/// `n1 n2 n3`
pub(crate) fn list(nodes: &[NodeId]) -> String {
    let names: Vec<String> = nodes.iter().map(ToString::to_string).collect();
    names.join(" ")
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Split { one, other } => write!(f, "cut {} | {}", list(one), list(other)),
            Self::Bridge { one, bridge, other } => {
                write!(f, "cut {} | {}, joined by {bridge}", list(one), list(other))
            }
            Self::Ring { order } => {
                write!(f, "ring {}: every node sees a different majority", list(order))
            }
            Self::OneWay { node, direction: Direction::Deaf } => {
                write!(f, "{node} hears no other node")
            }
            Self::OneWay { node, direction: Direction::Mute } => {
                write!(f, "no other node hears {node}")
            }
            Self::Leader => f.write_str("cut the leader from the other nodes"),
            Self::LeaderOneWay { direction: Direction::Deaf } => {
                f.write_str("the leader hears no other node")
            }
            Self::LeaderOneWay { direction: Direction::Mute } => {
                f.write_str("no other node hears the leader")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Direction, Shape};
    use proptest::prelude::{Just, Strategy};
    use std::collections::BTreeSet;
    use targets::links::NodeId;

    fn circle() -> impl Strategy<Value = Vec<NodeId>> {
        (3..=20u8)
            .prop_flat_map(|count| Just((0..count).map(NodeId).collect::<Vec<_>>()).prop_shuffle())
    }

    fn seen_by(shape: &Shape, nodes: u8, node: NodeId) -> BTreeSet<NodeId> {
        let cuts = shape.cuts(nodes);
        let hears = |other: &NodeId| !cuts.contains(&(*other, node));
        (0..nodes).map(NodeId).filter(hears).collect()
    }

    proptest::proptest! {
        #[test]
        fn in_a_ring_every_node_sees_a_majority_and_no_two_the_same(order in circle()) {
            let nodes = order.len() as u8;
            let shape = Shape::Ring { order: order.clone() };
            let seen = |node: &NodeId| seen_by(&shape, nodes, *node);
            let sets: BTreeSet<_> = order.iter().map(seen).collect();
            proptest::prop_assert_eq!(sets.len(), order.len());
            let majority = order.len() / 2 + 1;
            for (node, set) in order.iter().map(|node| (node, seen_by(&shape, nodes, *node))) {
                proptest::prop_assert!(set.contains(node) && set.len() >= majority);
                // No node gets more than one beyond the majority, or the shape would cut too
                // little.
                proptest::prop_assert!(set.len() <= majority + 1);
            }
        }

        #[test]
        fn every_shape_but_the_one_way_ones_cuts_both_ways(order in circle()) {
            let nodes = order.len() as u8;
            let half = order.len() / 2;
            let (one, other) = (order[..half].to_vec(), order[half..].to_vec());
            for shape in [
                Shape::Ring { order: order.clone() },
                Shape::Split { one: one.clone(), other: other.clone() },
                Shape::Bridge { one, bridge: other[0], other: other[1..].to_vec() },
            ] {
                let cuts: BTreeSet<_> = shape.cuts(nodes).into_iter().collect();
                let turned: BTreeSet<_> = cuts.iter().map(|(a, b)| (*b, *a)).collect();
                proptest::prop_assert_eq!(&cuts, &turned);
                proptest::prop_assert!(!cuts.is_empty());
            }
            let deaf = Shape::OneWay { node: order[0], direction: Direction::Deaf };
            proptest::prop_assert!(deaf.cuts(nodes).iter().all(|(_, to)| *to == order[0]));
            proptest::prop_assert_eq!(deaf.cuts(nodes).len(), order.len() - 1);
        }
    }
}
