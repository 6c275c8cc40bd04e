//! The faults that can be asked for: names, groups and needs. How their parameters are drawn is in
//! `draw`.
//!
//! A name is one fault. A *class* is what alternates start and stop on its own: faults of a class
//! never overlap each other, classes do. Every class is also a group that can be asked for by name,
//! and so are `links`, `mixed` and `all`.
//!
//! `mixed`, the default, is chosen so that a cluster of five makes progress most of the time: it
//! never takes a majority on purpose. `all` does. Groups hold what the environment offers: `all`
//! holds clocks, disks, paces and changes of members only where those can be had. `mixed` is the
//! same everywhere. A fault that nothing survives is in no group: it must be asked for by name.

use crate::fault::{MemberPlay, Need, missing};
use targets::environment::Capabilities;

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
    /// Nodes' clocks go wrong.
    Clock,
    /// Nodes' disks fail.
    Disk,
    /// Nodes are slow to do anything.
    Pace,
    /// Who votes changes.
    Members,
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
            Self::Clock => "clock",
            Self::Disk => "disk",
            Self::Pace => "pace",
            Self::Members => "membership",
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
            Self::Clock => "the clocks go with the world's again, and are seen to",
            Self::Disk => "the disks work again, and whoever died of them is started again",
            Self::Pace => "the nodes are as fast as they can be again",
            Self::Members => "every node is added again, until the cluster says that it votes",
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
            Self::Clock => "what the clocks show, before and after, and again a moment later",
            Self::Disk => "the environment's word, and the deaths of nodes",
            Self::Pace => "the environment's word: nothing else shows how long a step takes",
            Self::Members => "the cluster's answers to the changes that were asked of it",
        }
    }

    /// Mean lengths of the pause between two windows and of a window, in milliseconds.
    pub(crate) fn rhythm_ms(self) -> (u64, u64) {
        match self {
            Self::Partition | Self::Clients | Self::Kill | Self::Pause => (4000, 2000),
            Self::Slow | Self::Lossy | Self::Corrupt | Self::Narrow | Self::Pace => (3500, 2500),
            Self::Clock => (2500, 3500),
            Self::Disk => (4000, 2500),
            // Several changes, each of which may have to wait for a leader.
            Self::Members => (2500, 5000),
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
    /// Whether it is part of no group, because nothing survives it.
    pub only_by_name: bool,
    pub(crate) kind: Kind,
}

impl Entry {
    /// Why the environment cannot do it; nothing if it can.
    pub fn missing(&self, capabilities: &Capabilities) -> Option<String> {
        missing(self.needs, capabilities)
    }

    /// Whether clocks keep what leases assume of them while it lasts: no jumps, and no rate more
    /// than a fifth off.
    pub fn bounded_clocks(&self) -> bool {
        !matches!(self.kind, Kind::ClockOffset | Kind::ClockStrobe)
    }

    /// Whether it goes for whoever leads.
    pub fn aims_at_leader(&self) -> bool {
        match self.kind {
            Kind::Leader | Kind::LeaderOneWay => true,
            Kind::Kill(who) | Kind::Pause(who) => who == Who::Leader,
            Kind::Links(_, whose) | Kind::Sluggish(whose) => whose == Whose::Leader,
            _ => false,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    One,
    Minority,
    Majority,
    All,
    Leader,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    Node,
    Leader,
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    Slow,
    Lossy,
    Jam,
    Corrupt,
    Narrow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
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
    ClockRate(Whose),
    ClockOffset,
    ClockStrobe,
    DiskSlow(Whose),
    DiskErrors,
    DiskCorrupt,
    DiskLies,
    Sluggish(Whose),
    Members(MemberPlay),
}

const fn entry(name: &'static str, class: Class, kind: Kind, about: &'static str) -> Entry {
    let needs: &'static [Need] = match kind {
        Kind::Kill(_) => &[Need::Process],
        Kind::Pause(_) => &[Need::Pause],
        Kind::Storm => &[Need::Process, Need::Links],
        Kind::ClockRate(_) | Kind::ClockOffset | Kind::ClockStrobe => &[Need::Clock],
        Kind::DiskSlow(_) | Kind::DiskErrors | Kind::DiskCorrupt | Kind::DiskLies => {
            &[Need::Disk, Need::Process]
        }
        Kind::Sluggish(_) => &[Need::Pace],
        Kind::Members(MemberPlay::Minority) => &[Need::Members, Need::Links],
        Kind::Members(_) => &[Need::Members],
        _ => &[Need::Links],
    };
    let (min_nodes, mixed, only_by_name) = (1, false, false);
    Entry { name, about, class, needs, min_nodes, mixed, only_by_name, kind }
}

const fn mixed(entry: Entry) -> Entry {
    Entry { mixed: true, ..entry }
}

const fn from(min_nodes: u8, entry: Entry) -> Entry {
    Entry { min_nodes, ..entry }
}

const fn only_by_name(entry: Entry) -> Entry {
    Entry { only_by_name: true, ..entry }
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
    entry("clock-rate-one", Class::Clock, Kind::ClockRate(Whose::Node),
        "A random node's clock runs up to a fifth fast or slow, which leases must tolerate."),
    entry("clock-rate-all", Class::Clock, Kind::ClockRate(Whose::All),
        "Every clock runs at another rate, up to a fifth fast or slow."),
    entry("clock-offset", Class::Clock, Kind::ClockOffset,
        "A random node's clock jumps 50 ms to 5 s ahead, and back at the end: leases do not \
         survive it."),
    entry("clock-strobe", Class::Clock, Kind::ClockStrobe,
        "A random node's clock jumps to and fro: leases do not survive it."),
    entry("disk-slow", Class::Disk, Kind::DiskSlow(Whose::Node),
        "A random node's disk takes 5 to 50 ms more for every sync."),
    entry("disk-slow-all", Class::Disk, Kind::DiskSlow(Whose::All),
        "Every disk takes 5 to 50 ms more for every sync."),
    entry("disk-errors", Class::Disk, Kind::DiskErrors,
        "Writes of a random node fail now and then, and the node ends itself."),
    from(3, entry("disk-corrupt", Class::Disk, Kind::DiskCorrupt,
        "The largest minority is killed, and finds records unreadable when it comes back; they \
         are readable again at the end.")),
    only_by_name(from(3, entry("disk-lies", Class::Disk, Kind::DiskLies,
        "Syncs of the largest minority are lies, and then these nodes crash. Only by name: what \
         was promised is lost."))),
    entry("sluggish-node", Class::Pace, Kind::Sluggish(Whose::Node),
        "A random node takes 2 to 20 ms for everything it does."),
    entry("sluggish-leader", Class::Pace, Kind::Sluggish(Whose::Leader),
        "The leader takes 2 to 20 ms for everything it does."),
    from(3, entry("members", Class::Members, Kind::Members(MemberPlay::Calm),
        "A node or two are removed, one after the other, and added again.")),
    from(3, entry("members-churn", Class::Members, Kind::Members(MemberPlay::Churn),
        "The leader is asked for several changes at once: exposes changes that overlap.")),
    from(3, entry("members-minority", Class::Members, Kind::Members(MemberPlay::Minority),
        "The leader is cut off and asked to remove those whom it does not hear: exposes a change \
         that does not wait for the one before (Raft thesis, chapter 4; raft-dev, July 2015).")),
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
    Group { name: "all", about: "Everything that can be had, majorities and scripts included." },
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
    Group { name: "clock", about: "All clocks that go wrong (only simulated)." },
    Group { name: "disk", about: "All disks that fail and can be survived (only simulated)." },
    Group { name: "pace", about: "All nodes that are slow by themselves (only simulated)." },
    Group { name: "membership", about: "All changes of who votes (only simulated)." },
];

/// The fault of this name.
pub fn fault(name: &str) -> Option<&'static Entry> {
    FAULTS.iter().find(|entry| entry.name == name)
}

/// The faults that a group stands for.
pub fn members(group: &str) -> Vec<&'static Entry> {
    FAULTS.iter().filter(|entry| is_member(entry, group)).collect()
}

/// Whether a group stands for this fault.
pub(crate) fn is_member(entry: &Entry, group: &str) -> bool {
    let links = [Class::Slow, Class::Lossy, Class::Jam, Class::Corrupt, Class::Narrow];
    !entry.only_by_name
        && match group {
            "all" => true,
            "mixed" => entry.mixed,
            "links" => links.contains(&entry.class),
            class => entry.class.name() == class,
        }
}

/// Every name that may be asked for, for a nearest match.
pub fn names() -> impl Iterator<Item = &'static str> {
    FAULTS.iter().map(|entry| entry.name).chain(GROUPS.iter().map(|group| group.name))
}
