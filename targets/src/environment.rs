//! The primitives that faults are built from, and how they say what they saw.
//!
//! An environment is where nodes live. Its primitives are plain, synchronous and quick (a system
//! call or a few); whoever calls them decides about threads. A primitive that an environment lacks
//! says so through [`Capabilities`], with the reason, before a run begins.

use crate::links::{Endpoint, LinkMatrix, NodeId};
use crate::protocol::Note;
use serde::{Deserialize, Serialize};

/// What an environment can do; `Err` holds the reason why not and what would help.
#[derive(Clone, Debug)]
pub struct Capabilities {
    /// Start, kill and restart nodes.
    pub process: Result<(), String>,
    /// Pause and resume nodes.
    pub pause: Result<(), String>,
    /// Set the link matrix.
    pub links: Result<(), String>,
    /// Set nodes' clocks.
    pub clock: Result<(), String>,
    /// Make nodes' disks fail.
    pub disk: Result<(), String>,
    /// Slow nodes down.
    pub pace: Result<(), String>,
    /// Ask the cluster for another set of members.
    pub members: Result<(), String>,
}

impl Capabilities {
    /// Nothing at all, for this reason.
    pub fn none(reason: &str) -> Self {
        let no = || Err(reason.to_owned());
        Self {
            process: no(),
            pause: no(),
            links: no(),
            clock: no(),
            disk: no(),
            pace: no(),
            members: no(),
        }
    }

    /// Everything.
    pub const ALL: Self = Self {
        process: Ok(()),
        pause: Ok(()),
        links: Ok(()),
        clock: Ok(()),
        disk: Ok(()),
        pace: Ok(()),
        members: Ok(()),
    };
}

/// How a node's own clock goes. The default goes at the world's rate; what an earlier rate has made
/// of the clock stays.
///
/// Protocols see a monotonic clock: one that is set back stands still until it has caught up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// How far it is ahead of the world's, beside what its rate has made of it.
    pub offset_ms: i64,
    /// How much faster it runs, in millionths; slower if negative. Above -1 000 000.
    pub rate_ppm: i32,
    /// It jumps to and fro.
    pub strobe: Option<Strobe>,
}

/// A clock that jumps ahead for half of every period, and back for the other half.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strobe {
    /// How long a period lasts in world time.
    pub period_ms: u32,
    /// How far it jumps.
    pub ahead_ms: u32,
}

/// What a node's disk does. The default works, and loses in a crash only what was not synced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Disk {
    /// Added to every sync.
    pub sync_delay_us: u32,
    /// Writes that fail, in parts per million; the node ends itself, as it must.
    pub write_error_ppm: u32,
    /// Records that read as garbage when a node recovers, in parts per million, as long as this
    /// lasts. The checksum tells, and the node refuses to start.
    pub corrupt_ppm: u32,
    /// Syncs say that they are done, and are not: a crash loses everything since the disk began to
    /// lie. No protocol survives that on a majority.
    pub lies: bool,
    /// Whether the same record may become unreadable, or be lost to a lie, on a majority of the
    /// nodes. Nobody can keep a promise then.
    pub spares_no_majority: bool,
}

/// A change of who votes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MemberChange {
    /// Let this node vote.
    Add(NodeId),
    /// Let this node not vote any more.
    Remove(NodeId),
}

impl std::fmt::Display for MemberChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Add(node) => write!(f, "add {node}"),
            Self::Remove(node) => write!(f, "remove {node}"),
        }
    }
}

/// Why a primitive did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// The environment cannot do this at all.
    #[error("{what} cannot be done here: {reason}")]
    Unsupported {
        /// What was asked.
        what: &'static str,
        /// Why, and what would help.
        reason: String,
    },
    /// It could be done, but this time it failed.
    #[error("{what} failed: {reason}")]
    Failed {
        /// What was asked, with the node or link.
        what: String,
        /// What the system said.
        reason: String,
    },
}

/// What was seen of a node's process after a primitive acted on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "seen", rename_all = "kebab-case")]
pub enum ProcessSeen {
    /// It runs under this process id and has said that it serves.
    Serving {
        /// The process id, as the controller sees it; in the simulated world, how often the node
        /// was started.
        pid: i32,
    },
    /// It was started but has not said yet that it serves.
    Started {
        /// The process id.
        pid: i32,
    },
    /// The kernel reports it stopped.
    Stopped {
        /// The process id.
        pid: i32,
    },
    /// The kernel reports it dead, by a signal or with an exit code.
    Gone {
        /// `signal 9`, `exit code 1`.
        how: String,
    },
}

/// What one probe round saw of a directed link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkSeen {
    /// Where the probes were sent from.
    pub from: Endpoint,
    /// Where they were sent to.
    pub to: Endpoint,
    /// Probe packets sent.
    pub sent: u32,
    /// Probe packets that arrived in time.
    pub arrived: u32,
    /// Median one-way delay of those that arrived.
    pub delay_us: Option<u32>,
}

/// Packets that a directed link has handled since the environment was built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkCounters {
    /// Let through, delayed or not.
    pub passed: u64,
    /// Dropped by a cut or by loss.
    pub dropped: u64,
    /// Delayed, held or slowed by a rate before they passed.
    pub delayed: u64,
    /// Sent twice, reordered or corrupted.
    pub mangled: u64,
}

/// Something that a node did by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeNews {
    /// Which node.
    pub node: NodeId,
    /// What.
    pub what: NodeEvent,
}

/// What a node did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeEvent {
    /// It serves clients.
    Serving,
    /// The protocol has something to say.
    Note(Note),
    /// It died although nobody killed it.
    Died {
        /// `exit code 1`, `signal 6`.
        how: String,
    },
    /// A change of members that [`Environment::change_members`] asked for has been answered. It
    /// stands under the node that the change is about.
    Members {
        /// What was asked.
        change: MemberChange,
        /// Whether it has been made; otherwise why not, as far as anybody knows.
        result: Result<(), String>,
    },
}

/// Where nodes live.
pub trait Environment: Send {
    /// The number of nodes.
    fn nodes(&self) -> u8;

    /// What can be done here.
    fn capabilities(&self) -> Capabilities;

    /// Starts a node that is not running. Returns as soon as its process exists.
    fn start(&mut self, node: NodeId) -> Result<ProcessSeen, EnvironmentError>;

    /// Kills a node at once (SIGKILL) and waits until it is gone. A paused node dies too.
    fn kill(&mut self, node: NodeId) -> Result<ProcessSeen, EnvironmentError>;

    /// Stops all threads of a node and waits until the kernel says so.
    fn pause(&mut self, node: NodeId) -> Result<ProcessSeen, EnvironmentError>;

    /// The process of a node that would be left behind, running or stopped, if the controller died
    /// at this moment; whoever cleans up then needs it. Nothing if the node dies with the
    /// controller, as in a PID namespace.
    fn orphan_pid(&self, node: NodeId) -> Option<i32> {
        let _ = node;
        None
    }

    /// Lets a paused node go on.
    fn resume(&mut self, node: NodeId) -> Result<ProcessSeen, EnvironmentError>;

    /// Sets every link at once.
    fn set_links(&mut self, matrix: &LinkMatrix) -> Result<(), EnvironmentError>;

    /// Sets a node's clock.
    fn set_clock(&mut self, node: NodeId, clock: &Clock) -> Result<(), EnvironmentError> {
        let _ = (node, clock);
        Err(unsupported("setting a clock"))
    }

    /// What a node's clock is ahead of the world's now, in nanoseconds: the observation that proves
    /// a clock fault.
    fn clock_ahead_ns(&self, node: NodeId) -> Option<i64> {
        let _ = node;
        None
    }

    /// Sets what a node's disk does.
    fn set_disk(&mut self, node: NodeId, disk: &Disk) -> Result<(), EnvironmentError> {
        let _ = (node, disk);
        Err(unsupported("making a disk fail"))
    }

    /// Lets a node take so long for every input; zero is as fast as it can.
    fn set_pace(&mut self, node: NodeId, step_us: u32) -> Result<(), EnvironmentError> {
        let _ = (node, step_us);
        Err(unsupported("slowing a node down"))
    }

    /// Begins to ask `via`, and whoever it names, for another set of members. The answer comes as
    /// [`NodeEvent::Members`].
    fn change_members(
        &mut self,
        via: NodeId,
        change: MemberChange,
    ) -> Result<(), EnvironmentError> {
        let _ = (via, change);
        Err(unsupported("changing the members"))
    }

    /// Sends `count` probe packets over every directed link and says what arrived within the wait.
    fn probe_links(
        &mut self,
        count: u32,
        wait: std::time::Duration,
    ) -> Result<Vec<LinkSeen>, EnvironmentError>;

    /// The most probe packets that a link may be sent at once.
    fn probes_max(&self) -> u32 {
        64
    }

    /// What a directed link has handled so far.
    fn link_counters(&self, from: Endpoint, to: Endpoint) -> LinkCounters;

    /// What nodes did since the last call, oldest first. Also notices deaths.
    fn news(&mut self) -> Vec<NodeNews>;
}

fn unsupported(what: &'static str) -> EnvironmentError {
    let reason = "this environment does not offer it; the simulated world does (--on sim)".into();
    EnvironmentError::Unsupported { what, reason }
}
