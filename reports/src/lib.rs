//! Verdict and history in, one self-contained HTML file out. Pure.
//!
//! ```text
//!   RunFacts, History, Judgements
//!        |
//!        v
//!   operations, happenings       joined events: what clients did, what was done to the system
//!        |
//!        v
//!   series, recovery, lanes      figures and layouts: plain numbers, bounded, linear in time
//!        |
//!        v
//!   inside                       the trace of a simulated run: its text, its sequence diagram
//!        |
//!        v
//!   view (story, coverage)       every text and shape of the page; this is what tests look at
//!        |          \
//!        v           payload     all operations packed for the timeline, within the budget
//!   page --> templates, assets --> one HTML file that loads nothing
//! ```
//!
//! The page opens from a disk, reads without JavaScript (all facts are HTML, all charts are SVG),
//! and stays below [`Limits::bytes_max`]. Rendering never changes a verdict.

mod anomalies;
mod chart;
mod coverage;
mod happenings;
mod inside;
mod ladder;
mod lanes;
mod operations;
mod page;
mod payload;
mod recovery;
mod selection;
mod series;
mod silence;
mod story;
mod text;
mod view;

#[cfg(test)]
mod view_tests;

pub use inside::text::trace_text;
pub use ladder::ladder;

use checkers::history::History;
use checkers::history::trace::Trace;
use checkers::verdict::Judgement;
use serde::{Deserialize, Serialize};

/// What a page may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The size of the page in bytes. Above it, operations of the timeline are left out, the least
    /// telling ones first, and a banner says so.
    pub bytes_max: usize,
}

impl Default for Limits {
    /// Eight mebibytes: what a browser opens at once, and a bug tracker accepts.
    fn default() -> Self {
        Self { bytes_max: 8 << 20 }
    }
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The limit leaves no room even for a page without a timeline: raise it.
    #[error("the page takes {bytes} bytes without its timeline, above the limit of {bytes_max}")]
    TooLarge {
        /// What the page takes without a single operation.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// A template failed: a mistake in this crate.
    #[error("internal: a template of the report failed: {0}")]
    Template(#[from] askama::Error),
}

/// The report of a run as one self-contained HTML file. With a trace, the page also shows what
/// went on inside.
///
/// # Errors
/// When the limit is too small for the facts alone. A strange history is no error: what cannot be
/// joined or shown is counted and said.
pub fn html(
    facts: &RunFacts,
    history: &History,
    judgements: &[Judgement],
    trace: Option<&Trace>,
    limits: &Limits,
) -> Result<String, ReportError> {
    page::render(facts, history, judgements, trace, limits)
}

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
    /// Whether nodes, network, disks and time were simulated: then the run can be repeated exactly.
    #[serde(default)]
    pub simulated: bool,
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
