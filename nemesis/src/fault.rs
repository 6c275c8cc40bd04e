//! What can go wrong, as data: a fault with everything that was drawn for it.
//!
//! A stored fault can be applied again as it is; only "the leader" is left open until it happens,
//! because nobody knows earlier who leads. [`Fault::aimed_at`] closes it.
//!
//! ```text
//!   Fault --aimed_at(leader)--> Fault without open ends --+-- a layer of the link matrix
//!                                                         +-- nodes to kill or pause
//!                                                         +-- clocks, disks and paces of nodes
//!                                                         +-- a script of several steps
//! ```

use crate::machine::{Machine, describe_clock, describe_disk};
use crate::shape::{Shape, list};
use serde::{Deserialize, Serialize};
use targets::environment::{Capabilities, Clock, Disk};
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
    /// Set nodes' clocks.
    Clock,
    /// Make nodes' disks fail.
    Disk,
    /// Slow nodes down.
    Pace,
    /// Change who votes.
    Members,
}

impl Need {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Pause => "pause",
            Self::Links => "links",
            Self::Clock => "clock",
            Self::Disk => "disk",
            Self::Pace => "pace",
            Self::Members => "members",
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
            Need::Clock => &capabilities.clock,
            Need::Disk => &capabilities.disk,
            Need::Pace => &capabilities.pace,
            Need::Members => &capabilities.members,
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

/// A node and its clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeClock {
    /// Which node.
    pub node: NodeId,
    /// How its clock goes.
    pub clock: Clock,
}

/// When the nodes of a disk fault are killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Crash {
    /// Never.
    Never,
    /// At the beginning; while the fault lasts they are started again now and then.
    First,
    /// At the end, before the disk works again.
    Last,
}

/// How the changes of members go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MemberPlay {
    /// One after the other: a node or two are removed, and added again.
    Calm,
    /// Several at once, without waiting for answers.
    Churn,
    /// A leader that has lost its majority is to remove those who are missing.
    Minority,
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
    /// Clocks of nodes go wrong.
    Clocks {
        /// Which, and how.
        clocks: Vec<NodeClock>,
    },
    /// Disks of nodes fail. Whoever dies of it is started again at the end.
    Disks {
        /// Which nodes.
        on: Vec<NodeId>,
        /// What their disks do.
        disk: Disk,
        /// Whether the nodes are killed, too.
        crash: Crash,
    },
    /// Nodes are slow to do anything.
    Pace {
        /// Which nodes.
        on: Victims,
        /// How long they take for every input.
        step_us: u32,
    },
    /// A script that changes who votes; everybody does at the end.
    Members {
        /// How.
        play: MemberPlay,
        /// Where the script's draws come from.
        seed: u64,
    },
}

impl Fault {
    /// Whether it can only be applied to a leader that is known.
    pub fn needs_leader(&self) -> bool {
        match self {
            Self::Partition(shape) => shape.needs_leader(),
            Self::Kill { on } | Self::Pause { on } | Self::Pace { on, .. } => {
                *on == Victims::Leader
            }
            Self::Links { on, .. } => *on == Scope::Leader,
            Self::ClientsCut { .. }
            | Self::ElectionStorm { .. }
            | Self::DeposedLeaders { .. }
            | Self::Clocks { .. }
            | Self::Disks { .. }
            | Self::Members { .. } => false,
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
            Self::Clocks { .. } => &[Need::Clock],
            // Whoever dies of it has to be started again.
            Self::Disks { .. } => &[Need::Disk, Need::Process],
            Self::Pace { .. } => &[Need::Pace],
            Self::Members { play: MemberPlay::Minority, .. } => &[Need::Members, Need::Links],
            Self::Members { .. } => &[Need::Members],
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
            Self::Pace { on, step_us } => Self::Pace { on: victims(on), step_us: *step_us },
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

impl Fault {
    /// What it asks of nodes' clocks, disks and paces; nothing if it leaves them alone, or still
    /// waits for a leader.
    pub fn machines(&self) -> Vec<(NodeId, Machine)> {
        let all = |nodes: &[NodeId], machine: Machine| {
            nodes.iter().map(|node| (*node, machine)).collect::<Vec<_>>()
        };
        let well = Machine::default();
        match self {
            Self::Clocks { clocks } => {
                let of = |one: &NodeClock| (one.node, Machine { clock: one.clock, ..well });
                clocks.iter().map(of).collect()
            }
            Self::Disks { on, disk, .. } => all(on, Machine { disk: *disk, ..well }),
            Self::Pace { on: Victims::Nodes(nodes), step_us } => {
                all(nodes, Machine { step_us: *step_us, ..well })
            }
            _ => Vec::new(),
        }
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
            Self::Clocks { clocks } => {
                let words =
                    |one: &NodeClock| format!("{} {}", one.node, describe_clock(&one.clock));
                let words: Vec<String> = clocks.iter().map(words).collect();
                write!(f, "clocks: {}", words.join(", "))
            }
            Self::Disks { on, disk, crash } => {
                let (nodes, disk) = (list(on), describe_disk(disk));
                match crash {
                    Crash::Never => write!(f, "disks of {nodes}: {disk}"),
                    Crash::First => write!(f, "kill {nodes}; their disks: {disk}"),
                    Crash::Last => write!(f, "disks of {nodes}: {disk}; then kill them"),
                }
            }
            Self::Pace { on, step_us } => {
                write!(f, "{on} takes {} ms for every input", f64::from(*step_us) / 1000.0)
            }
            Self::Members { play: MemberPlay::Calm, .. } => f.write_str(
                "ask for changes of members: remove a node or two, one after the other, and add \
                 them again",
            ),
            Self::Members { play: MemberPlay::Churn, .. } => {
                f.write_str("ask the leader for several changes of members at once")
            }
            Self::Members { play: MemberPlay::Minority, .. } => f.write_str(
                "cut the leader off and ask it to remove the members that it does not hear",
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
