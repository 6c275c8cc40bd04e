//! Faults in several steps that react to who leads.
//!
//! A script is a pure state machine: it is told the time, who leads and which nodes are up, and it
//! answers with actions. Its draws come from a seed in the plan, so a stored plan replays it as far
//! as the cluster plays along.
//!
//! Both scripts rest on the same idea. An election is a race, and waiting for the race that exposes
//! a bug takes hours. But whoever controls the links decides who *can* win: when all nodes of an
//! electorate hear one node and not each other (a star), only the node in the middle reaches a
//! majority.
//!
//! ```text
//!        v1   v2             heir reaches v1, v2, v3: it can win
//!          \ /               v1 reaches heir only: it cannot
//!          heir
//!           |
//!          v3
//! ```

pub(crate) mod deposed;
pub(crate) mod members;
pub(crate) mod storm;

use targets::environment::MemberChange;
use targets::links::{Endpoint, Link, LinkMatrix, NodeId};

/// What a script sees.
#[derive(Debug)]
pub(crate) struct View<'a> {
    /// Since the main phase began.
    pub(crate) now_ms: u64,
    /// Who leads, as far as anybody knows, and its term.
    pub(crate) leader: Option<(NodeId, u64)>,
    /// Who has said since the last step that it leads, oldest first.
    pub(crate) elected: &'a [(NodeId, u64)],
    /// What the cluster has answered since the last step to changes that this script asked for, and
    /// whether they were made.
    pub(crate) answers: &'a [(MemberChange, bool)],
    /// For each node, whether it runs and serves.
    pub(crate) up: &'a [bool],
}

impl View<'_> {
    pub(crate) fn nodes(&self) -> u8 {
        self.up.len() as u8
    }

    pub(crate) fn quorum(&self) -> usize {
        self.up.len() / 2 + 1
    }

    pub(crate) fn is_up(&self, node: NodeId) -> bool {
        self.up.get(usize::from(node.0)).is_some_and(|up| *up)
    }

    /// Nodes that are up, without this one.
    pub(crate) fn others(&self, node: NodeId) -> Vec<NodeId> {
        let nodes = (0..self.nodes()).map(NodeId);
        nodes.filter(|other| *other != node && self.is_up(*other)).collect()
    }

    /// The first since the last step to lead in a later term than this.
    pub(crate) fn elected_after(&self, term: u64) -> Option<(NodeId, u64)> {
        self.elected.iter().copied().find(|(_, elected)| *elected > term)
    }
}

/// What a script wants done, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// This layer instead of the one before; nothing clears it.
    Links(Option<LinkMatrix>),
    /// Kill a node.
    Kill(NodeId),
    /// Start a node that this script has killed.
    Start(NodeId),
    /// Ask this node for a change of members.
    Ask(NodeId, MemberChange),
}

/// A script with its state.
#[derive(Debug)]
pub(crate) enum Script {
    Storm(storm::Storm),
    Deposed(deposed::Deposed),
    Members(members::Members),
}

impl Script {
    pub(crate) fn step(&mut self, view: &View<'_>) -> Vec<Action> {
        match self {
            Self::Storm(storm) => storm.step(view),
            Self::Deposed(deposed) => deposed.step(view),
            Self::Members(members) => members.step(view),
        }
    }

    /// When it wants to be stepped although nothing has changed.
    pub(crate) fn wake_ms(&self) -> u64 {
        match self {
            Self::Storm(storm) => storm.wake_ms(),
            Self::Deposed(deposed) => deposed.wake_ms(),
            Self::Members(members) => members.wake_ms(),
        }
    }

    /// What it has done, in words; nothing if it never came to act.
    pub(crate) fn summary(&self) -> Option<String> {
        match self {
            Self::Storm(storm) => storm.summary(),
            Self::Deposed(deposed) => deposed.summary(),
            Self::Members(members) => members.summary(),
        }
    }
}

/// A layer in which no node hears another; the clients hear everybody.
fn isolated(nodes: u8) -> LinkMatrix {
    let mut layer = LinkMatrix::clear(nodes);
    for from in (0..nodes).map(NodeId) {
        for to in (0..nodes).map(NodeId).filter(|to| *to != from) {
            *layer.link_mut(Endpoint::Node(from), Endpoint::Node(to)) = Link::CUT;
        }
    }
    layer
}

/// Lets a node hear these and be heard by them, over links like this one.
fn join(layer: &mut LinkMatrix, node: NodeId, others: &[NodeId], link: Link) {
    for other in others {
        *layer.link_mut(Endpoint::Node(node), Endpoint::Node(*other)) = link;
        *layer.link_mut(Endpoint::Node(*other), Endpoint::Node(node)) = link;
    }
}

fn delay(ms: u64) -> Link {
    Link { delay_us: ms as u32 * 1000, ..Link::default() }
}
