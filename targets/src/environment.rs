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
        /// The process id, as the controller sees it.
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
    /// When the controller learned of it: nanoseconds on the controller's monotonic clock.
    pub at: std::time::Instant,
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

    /// Sends `count` probe packets over every directed link and says what arrived within the wait.
    fn probe_links(
        &mut self,
        count: u32,
        wait: std::time::Duration,
    ) -> Result<Vec<LinkSeen>, EnvironmentError>;

    /// What a directed link has handled so far.
    fn link_counters(&self, from: Endpoint, to: Endpoint) -> LinkCounters;

    /// What nodes did since the last call, oldest first. Also notices deaths.
    fn news(&mut self) -> Vec<NodeNews>;
}
