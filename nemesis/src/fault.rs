//! What can go wrong, as data: a fault with everything that was drawn for it.
//!
//! A stored fault can be applied again as it is; only "the leader" is left open until it happens,
//! because nobody knows earlier who leads. [`Fault::aimed_at`] closes it.
//!
//! ```text
//!   Fault --aimed_at(leader)--> Fault without open ends --+-- a layer of the link matrix
//!                                                         +-- nodes to kill or pause
//!                                                         +-- a script of several steps
//! ```

use crate::shape::{Shape, list};
use serde::{Deserialize, Serialize};
use targets::environment::Capabilities;
use targets::links::{Endpoint, Link, LinkMatrix, NodeId};

/// A primitive of the environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Start and kill nodes.
    Process,
    /// Pause and resume nodes.
    Pause,
    /// Set the link matrix.
    Links,
}

impl Need {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Pause => "pause",
            Self::Links => "links",
        }
    }
}

/// The first of these that the environment lacks, with its reason.
pub(crate) fn missing(needs: &[Need], capabilities: &Capabilities) -> Option<String> {
    needs.iter().find_map(|need| {
        let can = match need {
            Need::Process => &capabilities.process,
            Need::Pause => &capabilities.pause,
            Need::Links => &capabilities.links,
        };
        can.as_ref().err().map(|reason| format!("{}: {reason}", need.name()))
    })
}

/// Which nodes a process fault takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Victims {
    /// These.
    Nodes(Vec<NodeId>),
    /// Whoever leads when it happens.
    Leader,
}

/// Which links a link fault touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// All links from and to this node, those of the clients included.
    Node(NodeId),
    /// All links of whoever leads when it happens.
    Leader,
    /// Every link.
    Everywhere,
}

/// A fault. Sizes carry their units in their names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Fault {
    /// Links between nodes are cut.
    Partition(Shape),
    /// The clients and one node do not hear each other.
    ClientsCut {
        /// Which node.
        node: NodeId,
    },
    /// Nodes are killed at once; they are started again at the end.
    Kill {
        /// Which nodes.
        on: Victims,
    },
    /// All threads of nodes are stopped; they go on at the end.
    Pause {
        /// Which nodes.
        on: Victims,
    },
    /// Links are slow, lossy, jammed, corrupt or narrow.
    Links {
        /// Which links.
        on: Scope,
        /// What they do.
        link: Link,
    },
    /// A script that makes voters restart within the term in which they have voted.
    ElectionStorm {
        /// Where the script's draws come from.
        seed: u64,
    },
    /// A script that deposes one leader after another (Figure 8 of the Raft paper).
    DeposedLeaders {
        /// Where the script's draws come from.
        seed: u64,
    },
}

impl Fault {
    /// Whether it can only be applied to a leader that is known.
    pub fn needs_leader(&self) -> bool {
        match self {
            Self::Partition(shape) => shape.needs_leader(),
            Self::Kill { on } | Self::Pause { on } => *on == Victims::Leader,
            Self::Links { on, .. } => *on == Scope::Leader,
            Self::ClientsCut { .. } | Self::ElectionStorm { .. } | Self::DeposedLeaders { .. } => {
                false
            }
        }
    }

    /// What it needs of the environment.
    pub fn needs(&self) -> &'static [Need] {
        match self {
            Self::Kill { .. } => &[Need::Process],
            Self::Pause { .. } => &[Need::Pause],
            Self::ElectionStorm { .. } => &[Need::Process, Need::Links],
            Self::Partition(_)
            | Self::ClientsCut { .. }
            | Self::Links { .. }
            | Self::DeposedLeaders { .. } => &[Need::Links],
        }
    }

    /// Why the environment cannot do it; nothing if it can.
    pub fn missing(&self, capabilities: &Capabilities) -> Option<String> {
        missing(self.needs(), capabilities)
    }

    /// The same with "the leader" replaced by a node.
    #[must_use]
    pub fn aimed_at(&self, leader: NodeId, nodes: u8) -> Self {
        let victims = |on: &Victims| match on {
            Victims::Leader => Victims::Nodes(vec![leader]),
            fixed @ Victims::Nodes(_) => fixed.clone(),
        };
        match self {
            Self::Partition(shape) => Self::Partition(shape.aimed_at(leader, nodes)),
            Self::Kill { on } => Self::Kill { on: victims(on) },
            Self::Pause { on } => Self::Pause { on: victims(on) },
            Self::Links { on: Scope::Leader, link } => {
                Self::Links { on: Scope::Node(leader), link: *link }
            }
            other => other.clone(),
        }
    }

    /// What it does to the links; nothing if it does not touch them by itself.
    pub fn layer(&self, nodes: u8) -> Option<LinkMatrix> {
        let mut layer = LinkMatrix::clear(nodes);
        match self {
            Self::Partition(shape) => {
                for (from, to) in shape.cuts(nodes) {
                    *layer.link_mut(Endpoint::Node(from), Endpoint::Node(to)) = Link::CUT;
                }
            }
            Self::ClientsCut { node } => {
                *layer.link_mut(Endpoint::Clients, Endpoint::Node(*node)) = Link::CUT;
                *layer.link_mut(Endpoint::Node(*node), Endpoint::Clients) = Link::CUT;
            }
            Self::Links { on, link } => {
                for (from, to) in directed_links(nodes) {
                    let touched = match on {
                        Scope::Everywhere => true,
                        Scope::Node(node) => [from, to].contains(&Endpoint::Node(*node)),
                        Scope::Leader => false,
                    };
                    if touched {
                        *layer.link_mut(from, to) = *link;
                    }
                }
            }
            _ => return None,
        }
        Some(layer)
    }
}

/// Every ordered pair of different endpoints, in order.
pub(crate) fn directed_links(nodes: u8) -> Vec<(Endpoint, Endpoint)> {
    let ends: Vec<Endpoint> = LinkMatrix::clear(nodes).endpoints().collect();
    let pairs = ends.iter().flat_map(|from| ends.iter().map(move |to| (*from, *to)));
    pairs.filter(|(from, to)| from != to).collect()
}

impl std::fmt::Display for Victims {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nodes(nodes) => f.write_str(&list(nodes)),
            Self::Leader => f.write_str("the leader"),
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Partition(shape) => shape.fmt(f),
            Self::ClientsCut { node } => write!(f, "cut the clients from {node}"),
            Self::Kill { on } => write!(f, "kill {on}"),
            Self::Pause { on } => write!(f, "pause {on}"),
            Self::Links { on, link } => {
                match on {
                    Scope::Node(node) => write!(f, "links of {node}: ")?,
                    Scope::Leader => f.write_str("links of the leader: ")?,
                    Scope::Everywhere => f.write_str("every link: ")?,
                }
                f.write_str(&describe(link))
            }
            Self::ElectionStorm { .. } => f.write_str(
                "election storm: kill leaders, restart the voters of the next one at once",
            ),
            Self::DeposedLeaders { .. } => f.write_str(
                "deposed leaders: isolate one leader after another, bring the first ones back",
            ),
        }
    }
}

/// A link in words: `delay 40 ms + 0..20 ms, loss 12.5 %`.
fn describe(link: &Link) -> String {
    let mut words = Vec::new();
    let percent = |ppm: u32| f64::from(ppm) / 10_000.0;
    let ms = |us: u32| f64::from(us) / 1000.0;
    if link.drop {
        words.push("cut".to_owned());
    }
    if link.hold {
        words.push("jammed, delivered when it ends".to_owned());
    }
    match (link.delay_us, link.jitter_us) {
        (0, 0) => {}
        (delay, 0) => words.push(format!("delay {} ms", ms(delay))),
        (delay, jitter) => words.push(format!("delay {} ms + 0..{} ms", ms(delay), ms(jitter))),
    }
    for (what, ppm) in [
        ("loss", link.loss_ppm),
        ("duplicated", link.duplicate_ppm),
        ("reordered", link.reorder_ppm),
        ("corrupted", link.corrupt_ppm),
    ] {
        if ppm > 0 {
            words.push(format!("{what} {} %", percent(ppm)));
        }
    }
    if let Some(rate) = link.rate_bytes_per_s {
        words.push(format!("at most {} KiB/s", rate / 1024));
    }
    if words.is_empty() { "clear".to_owned() } else { words.join(", ") }
}
