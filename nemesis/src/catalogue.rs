//! The faults that can be asked for: names, groups, needs, and how each one's parameters are drawn.
//!
//! A name is one fault. A *class* is what alternates start and stop on its own: faults of a class
//! never overlap each other, classes do. Every class is also a group that can be asked for by name,
//! and so are `links`, `mixed` and `all`.
//!
//! `mixed`, the default, is chosen so that a cluster of five makes progress most of the time: it
//! never takes a majority on purpose. `all` does.

use crate::fault::{Fault, Need, Scope, Victims, missing};
use crate::shape::{Direction, Shape};
use targets::environment::Capabilities;
use targets::links::{Link, NodeId};
use targets::seed::Stream;

/// What alternates start and stop on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Links between nodes are cut.
    Partition,
    /// Links between the clients and nodes are cut.
    Clients,
    /// Nodes are killed and started again.
    Kill,
    /// Nodes are paused and go on.
    Pause,
    /// Links delay.
    Slow,
    /// Links lose, duplicate and reorder.
    Lossy,
    /// Links hold back, then deliver.
    Jam,
    /// Links flip bits.
    Corrupt,
    /// Links have little bandwidth.
    Narrow,
    /// Several steps that react to who leads.
    Script,
}

impl Class {
    /// Its name, which is also that of the group of its faults.
    pub fn name(self) -> &'static str {
        match self {
            Self::Partition => "partition",
            Self::Clients => "clients",
            Self::Kill => "kill",
            Self::Pause => "pause",
            Self::Slow => "slow",
            Self::Lossy => "lossy",
            Self::Jam => "jam",
            Self::Corrupt => "corrupt",
            Self::Narrow => "narrow",
            Self::Script => "script",
        }
    }

    /// How it is undone when all goes well, and what happens when nobody is left to do so.
    pub fn undo(self) -> &'static str {
        match self {
            Self::Kill => "the nodes are started again, and have said that they serve",
            Self::Pause => {
                "the nodes are continued; without the controller, the kernel or the ledger does it"
            }
            Self::Script => "its links are cleared and its dead nodes started again",
            _ => "its layer leaves the link matrix; without the controller, the links are gone",
        }
    }

    /// How it is seen to be in effect.
    pub fn observed(self) -> &'static str {
        match self {
            Self::Partition | Self::Clients => {
                "probes over all directed links: the cut ones silent, the others still delivering"
            }
            Self::Kill => "the kernel reports the process dead",
            Self::Pause => "the kernel reports the process stopped",
            Self::Slow => "the one-way delay of probes",
            Self::Lossy => "probes sent until their loss can hardly be missed, and counters",
            Self::Jam => "probes are silent while it holds",
            Self::Corrupt => "counters of mangled packets while probes are sent",
            Self::Narrow => "counters of delayed packets while a burst of probes is sent",
            Self::Script => "probes after its first change of the links, and the kernel",
        }
    }

    /// Mean lengths of the pause between two windows and of a window, in milliseconds.
    pub(crate) fn rhythm_ms(self) -> (u64, u64) {
        match self {
            Self::Partition | Self::Clients | Self::Kill | Self::Pause => (4000, 2000),
            Self::Slow | Self::Lossy | Self::Corrupt | Self::Narrow => (3500, 2500),
            // A jam that lasts is a partition.
            Self::Jam => (3500, 1200),
            // A script needs seconds for one round, and many rounds.
            Self::Script => (1500, 12_000),
        }
    }
}

/// A fault that can be asked for.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub about: &'static str,
    /// What it alternates with.
    pub class: Class,
    /// What it needs of the environment.
    pub needs: &'static [Need],
    /// The fewest nodes that it makes sense with.
    pub min_nodes: u8,
    /// Whether it is part of `mixed`.
    pub mixed: bool,
    kind: Kind,
}

impl Entry {
    /// Why the environment cannot do it; nothing if it can.
    pub fn missing(&self, capabilities: &Capabilities) -> Option<String> {
        missing(self.needs, capabilities)
    }

    /// Whether it goes for whoever leads.
    pub fn aims_at_leader(&self) -> bool {
        match self.kind {
            Kind::Leader | Kind::LeaderOneWay => true,
            Kind::Kill(who) | Kind::Pause(who) => who == Who::Leader,
            Kind::Links(_, whose) => whose == Whose::Leader,
            _ => false,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    One,
    Minority,
    Majority,
    All,
    Leader,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Node,
    Leader,
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    Slow,
    Lossy,
    Jam,
    Corrupt,
    Narrow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Halves,
    OneNode,
    Ring,
    Bridge,
    Third,
    Leader,
    OneWay,
    LeaderOneWay,
    ClientsCut,
    Kill(Who),
    Pause(Who),
    Links(Trouble, Whose),
    Storm,
    Deposed,
}

const fn entry(name: &'static str, class: Class, kind: Kind, about: &'static str) -> Entry {
    let needs: &'static [Need] = match kind {
        Kind::Kill(_) => &[Need::Process],
        Kind::Pause(_) => &[Need::Pause],
        Kind::Storm => &[Need::Process, Need::Links],
        _ => &[Need::Links],
    };
    Entry { name, about, class, needs, min_nodes: 1, mixed: false, kind }
}

const fn mixed(entry: Entry) -> Entry {
    Entry { mixed: true, ..entry }
}

const fn from(min_nodes: u8, entry: Entry) -> Entry {
    Entry { min_nodes, ..entry }
}

/// Every fault, by class.
#[rustfmt::skip]
pub const FAULTS: &[Entry] = &[
    mixed(from(2, entry("partition-halves", Class::Partition, Kind::Halves,
        "Two random halves do not hear each other."))),
    mixed(from(2, entry("partition-node", Class::Partition, Kind::OneNode,
        "A random node is cut off from the others."))),
    mixed(from(3, entry("partition-ring", Class::Partition, Kind::Ring,
        "Every node sees a majority, and no two the same."))),
    mixed(from(3, entry("partition-bridge", Class::Partition, Kind::Bridge,
        "Two sides, joined by one node that hears both."))),
    mixed(from(3, entry("partition-third", Class::Partition, Kind::Third,
        "A random third of the nodes, less than half, is cut off."))),
    mixed(from(2, entry("partition-leader", Class::Partition, Kind::Leader,
        "The leader is cut off from the other nodes, but not from the clients."))),
    mixed(from(2, entry("partition-one-way", Class::Partition, Kind::OneWay,
        "A random node hears nobody, or nobody hears it."))),
    from(2, entry("partition-leader-one-way", Class::Partition, Kind::LeaderOneWay,
        "The leader hears no other node, or no other node hears it.")),
    entry("clients-cut", Class::Clients, Kind::ClientsCut,
        "The clients and a random node do not hear each other."),
    mixed(entry("kill-one", Class::Kill, Kind::Kill(Who::One),
        "A random node is killed, and started again later.")),
    mixed(from(3, entry("kill-minority", Class::Kill, Kind::Kill(Who::Minority),
        "The largest minority is killed, and started again later."))),
    entry("kill-majority", Class::Kill, Kind::Kill(Who::Majority),
        "A majority is killed at once, and started again later."),
    entry("kill-all", Class::Kill, Kind::Kill(Who::All),
        "All nodes are killed at once, and started again later."),
    mixed(entry("kill-leader", Class::Kill, Kind::Kill(Who::Leader),
        "The leader is killed, and started again later.")),
    mixed(entry("pause-one", Class::Pause, Kind::Pause(Who::One),
        "A random node stops, and goes on later as if nothing had happened.")),
    from(3, entry("pause-minority", Class::Pause, Kind::Pause(Who::Minority),
        "The largest minority stops, and goes on later.")),
    entry("pause-majority", Class::Pause, Kind::Pause(Who::Majority),
        "A majority stops, and goes on later."),
    mixed(entry("pause-leader", Class::Pause, Kind::Pause(Who::Leader),
        "The leader stops, and goes on later believing that it leads.")),
    mixed(entry("slow-node", Class::Slow, Kind::Links(Trouble::Slow, Whose::Node),
        "All links of a random node are slow.")),
    mixed(entry("slow-leader", Class::Slow, Kind::Links(Trouble::Slow, Whose::Leader),
        "All links of the leader are slow.")),
    entry("slow-all", Class::Slow, Kind::Links(Trouble::Slow, Whose::All),
        "Every link is slow."),
    mixed(entry("lossy-node", Class::Lossy, Kind::Links(Trouble::Lossy, Whose::Node),
        "All links of a random node lose, duplicate and reorder packets.")),
    entry("lossy-leader", Class::Lossy, Kind::Links(Trouble::Lossy, Whose::Leader),
        "All links of the leader lose, duplicate and reorder packets."),
    mixed(entry("lossy-all", Class::Lossy, Kind::Links(Trouble::Lossy, Whose::All),
        "Every link loses, duplicates and reorders a few packets.")),
    entry("jam-node", Class::Jam, Kind::Links(Trouble::Jam, Whose::Node),
        "Packets from and to a random node are held back, then delivered all at once."),
    entry("jam-leader", Class::Jam, Kind::Links(Trouble::Jam, Whose::Leader),
        "Packets from and to the leader are held back, then delivered all at once."),
    entry("corrupt-node", Class::Corrupt, Kind::Links(Trouble::Corrupt, Whose::Node),
        "Bits flip in packets from and to a random node, and no checksum of the network notices."),
    entry("corrupt-all", Class::Corrupt, Kind::Links(Trouble::Corrupt, Whose::All),
        "Bits flip in a few packets of every link, and no checksum of the network notices."),
    entry("narrow-node", Class::Narrow, Kind::Links(Trouble::Narrow, Whose::Node),
        "All links of a random node have little bandwidth."),
    entry("narrow-leader", Class::Narrow, Kind::Links(Trouble::Narrow, Whose::Leader),
        "All links of the leader have little bandwidth."),
    from(3, entry("election-storm", Class::Script, Kind::Storm,
        "Leaders are killed, and those who voted for the next one restart at once: \
         exposes nodes that forget their vote.")),
    from(3, entry("deposed-leaders", Class::Script, Kind::Deposed,
        "One leader after another is isolated before it has replicated, and the first ones come \
         back: exposes commits of old terms by counting (Raft paper, figure 8).")),
];

/// A name that stands for several faults.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// Its name.
    pub name: &'static str,
    /// What it stands for.
    pub about: &'static str,
}

/// Every group.
#[rustfmt::skip]
pub const GROUPS: &[Group] = &[
    Group { name: "mixed", about: "The default: five nodes make progress most of the time." },
    Group { name: "all", about: "Everything, majorities and scripts included." },
    Group { name: "links", about: "slow, lossy, jam, corrupt and narrow." },
    Group { name: "partition", about: "All partitions between nodes." },
    Group { name: "clients", about: "Cuts between the clients and nodes." },
    Group { name: "kill", about: "All kills." },
    Group { name: "pause", about: "All pauses." },
    Group { name: "slow", about: "All delays." },
    Group { name: "lossy", about: "All losses." },
    Group { name: "jam", about: "All jams." },
    Group { name: "corrupt", about: "All bit flips." },
    Group { name: "narrow", about: "All limits of bandwidth." },
    Group { name: "script", about: "election-storm and deposed-leaders." },
];

/// The fault of this name.
pub fn fault(name: &str) -> Option<&'static Entry> {
    FAULTS.iter().find(|entry| entry.name == name)
}

/// The faults that a group stands for.
pub fn members(group: &str) -> Vec<&'static Entry> {
    let links = [Class::Slow, Class::Lossy, Class::Jam, Class::Corrupt, Class::Narrow];
    let member = |entry: &&Entry| match group {
        "all" => true,
        "mixed" => entry.mixed,
        "links" => links.contains(&entry.class),
        class => entry.class.name() == class,
    };
    FAULTS.iter().filter(member).collect()
}

/// Every name that may be asked for, for a nearest match.
pub fn names() -> impl Iterator<Item = &'static str> {
    FAULTS.iter().map(|entry| entry.name).chain(GROUPS.iter().map(|group| group.name))
}

impl Entry {
    /// Draws the fault's parameters.
    pub(crate) fn draw(&self, nodes: u8, stream: &mut Stream) -> Fault {
        let mut order: Vec<NodeId> = (0..nodes).map(NodeId).collect();
        stream.shuffle(&mut order);
        let direction = if stream.below(2) == 0 { Direction::Deaf } else { Direction::Mute };
        match self.kind {
            Kind::Halves => Fault::Partition(split(&order, usize::from(nodes) / 2)),
            Kind::OneNode => Fault::Partition(split(&order, 1)),
            Kind::Third => Fault::Partition(split(&order, third(nodes))),
            Kind::Ring => Fault::Partition(Shape::Ring { order }),
            Kind::Bridge => {
                let (one, rest) = order.split_at((order.len() - 1) / 2);
                let (one, other) = (sorted(one), sorted(&rest[1..]));
                Fault::Partition(Shape::Bridge { one, bridge: rest[0], other })
            }
            Kind::Leader => Fault::Partition(Shape::Leader),
            Kind::LeaderOneWay => Fault::Partition(Shape::LeaderOneWay { direction }),
            Kind::OneWay => Fault::Partition(Shape::OneWay { node: order[0], direction }),
            Kind::ClientsCut => Fault::ClientsCut { node: order[0] },
            Kind::Kill(who) => Fault::Kill { on: victims(who, &order) },
            Kind::Pause(who) => Fault::Pause { on: victims(who, &order) },
            Kind::Links(trouble, whose) => {
                let on = match whose {
                    Whose::Node => Scope::Node(order[0]),
                    Whose::Leader => Scope::Leader,
                    Whose::All => Scope::Everywhere,
                };
                Fault::Links { on, link: trouble.draw(whose, stream) }
            }
            Kind::Storm => Fault::ElectionStorm { seed: stream.draw() },
            Kind::Deposed => Fault::DeposedLeaders { seed: stream.draw() },
        }
    }
}

/// A third of the nodes, at least one, less than half.
fn third(nodes: u8) -> usize {
    usize::from(nodes).div_ceil(3).min((usize::from(nodes) - 1) / 2).max(1)
}

fn sorted(nodes: &[NodeId]) -> Vec<NodeId> {
    let mut nodes = nodes.to_vec();
    nodes.sort_unstable();
    nodes
}

fn split(order: &[NodeId], at: usize) -> Shape {
    let (one, other) = order.split_at(at);
    Shape::Split { one: sorted(one), other: sorted(other) }
}

fn victims(who: Who, order: &[NodeId]) -> Victims {
    let majority = order.len() / 2 + 1;
    let count = match who {
        Who::One => 1,
        Who::Minority => order.len() - majority,
        Who::Majority => majority,
        Who::All => order.len(),
        Who::Leader => return Victims::Leader,
    };
    Victims::Nodes(sorted(&order[..count.max(1)]))
}

impl Trouble {
    /// Draws how bad it is. One node may suffer more than all links together: what is on every
    /// link delays or loses a quorum, not only a member of it.
    fn draw(self, whose: Whose, stream: &mut Stream) -> Link {
        let mut between = |low: u32, high: u32| stream.between(low.into(), high.into()) as u32;
        let clear = Link::default();
        match self {
            Self::Slow => {
                let (low, high) = if whose == Whose::All { (5, 20) } else { (15, 60) };
                let delay_us = between(low, high) * 1000;
                Link { delay_us, jitter_us: between(0, delay_us / 2000) * 1000, ..clear }
            }
            // Overtaking skips the delay, so there must be some.
            Self::Lossy => Link {
                loss_ppm: if whose == Whose::Node {
                    between(100, 250) * 1000
                } else {
                    between(20, 60) * 1000
                },
                duplicate_ppm: between(10, 50) * 1000,
                reorder_ppm: between(20, 100) * 1000,
                delay_us: between(1, 4) * 1000,
                ..clear
            },
            Self::Jam => Link { hold: true, ..clear },
            Self::Corrupt => {
                let (low, high) = if whose == Whose::All { (2, 10) } else { (10, 50) };
                Link { corrupt_ppm: between(low, high) * 1000, ..clear }
            }
            Self::Narrow => Link { rate_bytes_per_s: Some(between(8, 64) * 1024), ..clear },
        }
    }
}
