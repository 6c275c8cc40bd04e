//! Verdict and history in, one self-contained HTML file out. Pure.

use serde::{Deserialize, Serialize};

/// What a report says of a run besides its history and verdicts. All texts are data: the page
/// escapes them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunFacts {
    /// The run's name in the store: `raft-register/20261121T043000Z`.
    pub run: String,
    /// The target: `raft`.
    pub target: String,
    /// The planted bug, if one was asked for.
    pub bug: Option<String>,
    /// The workload: `register`.
    pub workload: String,
    /// The faults asked for.
    pub faults: Vec<String>,
    /// Where nodes lived: `local (network namespaces, unprivileged)`.
    pub environment: String,
    /// What the reader must know about it: "network faults were not available: ...".
    pub environment_warning: Option<String>,
    /// The seed.
    pub seed: u64,
    /// The number of nodes.
    pub nodes: u8,
    /// The number of concurrent clients.
    pub clients: u32,
    /// How long the main phase was meant to last.
    pub main_phase_ms: u64,
    /// When the run began, as RFC 3339.
    pub started_at: String,
    /// The version of Tribunal that made the run.
    pub version: String,
    /// Whether the run was cut short by the user.
    pub interrupted: bool,
    /// The history's file ended in the middle of a line, or an event was lost.
    pub history_damage: Option<String>,
    /// The command that repeats the run.
    pub repeat_command: String,
    /// The command that checks its history again.
    pub check_command: String,
    /// Further options worth showing, in order: `("reads", "lease")`.
    pub options: Vec<(String, String)>,
}
