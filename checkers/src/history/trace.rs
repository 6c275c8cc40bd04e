//! What nodes said to one another and became: the inside of a simulated run, around a violation.
//!
//! A history holds what clients saw. A trace holds why: messages with their fate, timers, disks,
//! states. It is bounded, and written only when a run is replayed to be looked at.

use serde::{Deserialize, Serialize};

/// A window of a simulated run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// From where to where it was recorded: nanoseconds since the run began.
    pub window_ns: (u64, u64),
    /// What happened, in order.
    pub events: Vec<TraceEvent>,
    /// Events within the window that found no room.
    pub left_out: u64,
}

/// Something that happened inside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceEvent {
    /// Nanoseconds since the run began.
    pub time_ns: u64,
    /// What.
    #[serde(flatten)]
    pub what: Traced,
}

/// What happened. Places are named as in the history: `n1`; clients are `client 3`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Traced {
    /// A message left.
    Sent {
        /// Numbers messages within a run.
        id: u64,
        /// By whom.
        from: String,
        /// For whom.
        to: String,
        /// What it says.
        text: String,
    },
    /// A message arrived and was taken in.
    Delivered {
        /// Which.
        id: u64,
    },
    /// A message will not arrive.
    Lost {
        /// Which.
        id: u64,
        /// `cut`, `lost`, `n3 is down`.
        why: String,
    },
    /// A node is in another state than before.
    State {
        /// Which node.
        node: String,
        /// `leader, term 3, log 17@2, committed 16`.
        text: String,
    },
    /// Anything else that a node does or suffers: timers, disk, kill, start, pause, clock.
    Node {
        /// Which node.
        node: String,
        /// `timer Election`, `killed`, `3 records synced`.
        text: String,
    },
}
