//! Faults of which less is left: for whoever looks for the smallest run that still shows a failure.
//! Pure.

use crate::fault::{Fault, NodeClock, Scope, Victims};
use crate::shape::Shape;
use targets::links::{Link, NodeId};

/// With fewer nodes a circle leaves nobody out.
const RING_NODES_MIN: usize = 3;

impl Fault {
    /// The same fault in a cluster of only these nodes, given in ascending order and numbered anew
    /// from zero. Nothing if nothing is left of it.
    pub fn among(&self, kept: &[NodeId]) -> Option<Self> {
        Some(match self {
            Self::Partition(shape) => Self::Partition(shape_among(shape, kept)?),
            Self::ClientsCut { node } => Self::ClientsCut { node: renumbered(*node, kept)? },
            Self::Kill { on } => Self::Kill { on: victims_among(on, kept)? },
            Self::Pause { on } => Self::Pause { on: victims_among(on, kept)? },
            Self::Links { on, link } => {
                let on = match on {
                    Scope::Node(node) => Scope::Node(renumbered(*node, kept)?),
                    open @ (Scope::Leader | Scope::Everywhere) => *open,
                };
                Self::Links { on, link: *link }
            }
            Self::Clocks { clocks } => {
                let left = clocks.iter().filter_map(|one| {
                    Some(NodeClock { node: renumbered(one.node, kept)?, ..*one })
                });
                let clocks: Vec<NodeClock> = left.collect();
                if clocks.is_empty() {
                    return None;
                }
                Self::Clocks { clocks }
            }
            Self::Disks { on, disk, crash } => {
                Self::Disks { on: list_among(on, kept)?, disk: *disk, crash: *crash }
            }
            Self::Pace { on, step_us } => {
                Self::Pace { on: victims_among(on, kept)?, step_us: *step_us }
            }
            script @ (Self::ElectionStorm { .. }
            | Self::DeposedLeaders { .. }
            | Self::Members { .. }) => script.clone(),
        })
    }

    /// Variants that do one thing less, the simplest first: one victim less, one trouble of a link
    /// less. Nothing if there is none.
    pub fn simpler(&self) -> Vec<Self> {
        match self {
            Self::Kill { on: Victims::Nodes(nodes) } => {
                let fewer = without_one(nodes);
                fewer.map(|nodes| Self::Kill { on: Victims::Nodes(nodes) }).collect()
            }
            Self::Clocks { clocks } => {
                without_one(clocks).map(|clocks| Self::Clocks { clocks }).collect()
            }
            Self::Disks { on, disk, crash } => {
                let fewer = without_one(on);
                fewer.map(|on| Self::Disks { on, disk: *disk, crash: *crash }).collect()
            }
            Self::Pause { on: Victims::Nodes(nodes) } => {
                let fewer = without_one(nodes);
                fewer.map(|nodes| Self::Pause { on: Victims::Nodes(nodes) }).collect()
            }
            Self::Links { on, link } => {
                let calmer = calmer_links(link).into_iter();
                calmer.map(|link| Self::Links { on: *on, link }).collect()
            }
            _ => Vec::new(),
        }
    }
}

fn renumbered(node: NodeId, kept: &[NodeId]) -> Option<NodeId> {
    let place = kept.iter().position(|kept| *kept == node)?;
    Some(NodeId(u8::try_from(place).expect("there are fewer nodes than numbers")))
}

/// Nothing if none of them is kept.
fn list_among(nodes: &[NodeId], kept: &[NodeId]) -> Option<Vec<NodeId>> {
    let left: Vec<NodeId> = nodes.iter().filter_map(|node| renumbered(*node, kept)).collect();
    (!left.is_empty()).then_some(left)
}

fn victims_among(on: &Victims, kept: &[NodeId]) -> Option<Victims> {
    match on {
        Victims::Nodes(nodes) => list_among(nodes, kept).map(Victims::Nodes),
        Victims::Leader => Some(Victims::Leader),
    }
}

fn shape_among(shape: &Shape, kept: &[NodeId]) -> Option<Shape> {
    Some(match shape {
        Shape::Split { one, other } => {
            Shape::Split { one: list_among(one, kept)?, other: list_among(other, kept)? }
        }
        Shape::Bridge { one, bridge, other } => {
            let (one, other) = (list_among(one, kept)?, list_among(other, kept)?);
            match renumbered(*bridge, kept) {
                Some(bridge) => Shape::Bridge { one, bridge, other },
                None => Shape::Split { one, other },
            }
        }
        Shape::Ring { order } => {
            let order = list_among(order, kept)?;
            if order.len() < RING_NODES_MIN {
                return None;
            }
            Shape::Ring { order }
        }
        Shape::OneWay { node, direction } => {
            Shape::OneWay { node: renumbered(*node, kept)?, direction: *direction }
        }
        Shape::Leader | Shape::LeaderOneWay { .. } if kept.len() < 2 => return None,
        open @ (Shape::Leader | Shape::LeaderOneWay { .. }) => open.clone(),
    })
}

/// Every list with one less, unless there would be none.
fn without_one<T: Clone>(items: &[T]) -> impl Iterator<Item = Vec<T>> {
    let places = if items.len() > 1 { 0..items.len() } else { 0..0 };
    places.map(|place| [&items[..place], &items[place + 1..]].concat())
}

/// Every link with one trouble less, unless none would be left.
fn calmer_links(link: &Link) -> Vec<Link> {
    let calmer = [
        Link { drop: false, ..*link },
        Link { hold: false, ..*link },
        Link { jitter_us: 0, ..*link },
        Link { delay_us: 0, jitter_us: 0, ..*link },
        Link { loss_ppm: 0, ..*link },
        Link { duplicate_ppm: 0, ..*link },
        Link { reorder_ppm: 0, ..*link },
        Link { corrupt_ppm: 0, ..*link },
        Link { rate_bytes_per_s: None, ..*link },
    ];
    let less = |calm: &Link| calm != link && *calm != Link::default();
    calmer.into_iter().filter(less).collect()
}

#[cfg(test)]
mod tests {
    use crate::catalogue::FAULTS;
    use crate::fault::{Fault, Scope, Victims};
    use crate::shape::Shape;
    use proptest::prelude::*;
    use targets::links::{Link, NodeId};
    use targets::seed::Seed;

    fn nodes(numbers: &[u8]) -> Vec<NodeId> {
        numbers.iter().copied().map(NodeId).collect()
    }

    #[test]
    fn a_fault_keeps_what_it_does_to_the_nodes_that_are_left() {
        let bridge = Fault::Partition(Shape::Bridge {
            one: nodes(&[0, 1]),
            bridge: NodeId(3),
            other: nodes(&[2, 4]),
        });
        let without_it = Shape::Split { one: nodes(&[0]), other: nodes(&[1, 2]) };
        assert_eq!(bridge.among(&nodes(&[1, 2, 4])), Some(Fault::Partition(without_it)));
        assert_eq!(bridge.among(&nodes(&[0, 1, 3])), None, "one of its sides is gone");
        let kill = Fault::Kill { on: Victims::Nodes(nodes(&[1, 4])) };
        let left = Fault::Kill { on: Victims::Nodes(nodes(&[2])) };
        assert_eq!(kill.among(&nodes(&[0, 2, 4])), Some(left));
    }

    #[test]
    fn a_simpler_fault_does_less_and_never_nothing() {
        let link = Link { loss_ppm: 10, delay_us: 5, jitter_us: 2, ..Link::default() };
        let lossy = Fault::Links { on: Scope::Everywhere, link };
        assert_eq!(lossy.simpler().len(), 3);
        let jam = Fault::Links { on: Scope::Leader, link: Link { hold: true, ..Link::default() } };
        assert_eq!(jam.simpler(), []);
        let kill = Fault::Kill { on: Victims::Nodes(nodes(&[1, 4])) };
        let one = |node| Fault::Kill { on: Victims::Nodes(nodes(&[node])) };
        assert_eq!(kill.simpler(), [one(4), one(1)]);
        assert_eq!(one(4).simpler(), []);
    }

    proptest! {
        #[test]
        fn a_fault_never_names_a_node_that_is_gone(
            seed in any::<u64>(),
            entry in 0..FAULTS.len(),
            kept in prop::collection::btree_set(0_u8..7, 1..7),
        ) {
            let kept: Vec<NodeId> = kept.into_iter().map(NodeId).collect();
            let fault = FAULTS[entry].draw(7, &mut Seed(seed).stream("draw"));
            let Some(left) = fault.among(&kept) else { return Ok(()) };
            let text = left.to_string().replace(':', " ");
            let gone = (kept.len() as u8..7).map(|node| NodeId(node).to_string());
            for name in gone {
                prop_assert!(text.split(' ').all(|word| word != name), "{text}");
            }
            // Whoever is left is cut from those that it was cut from.
            if let (Fault::Partition(before), Fault::Partition(after)) = (&fault, &left)
                && !matches!(before, Shape::Ring { .. } | Shape::Bridge { .. })
            {
                let old = before.cuts(7);
                let new = after.cuts(kept.len() as u8);
                for (from, to) in new {
                    let (from, to) = (kept[usize::from(from.0)], kept[usize::from(to.0)]);
                    prop_assert!(old.contains(&(from, to)));
                }
            }
        }
    }
}
