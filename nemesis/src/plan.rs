//! Which faults, and when: drawn from the seed before the run begins.

use serde::{Deserialize, Serialize};

/// A fault with its window. Times count from the start of the main phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedFault {
    /// Numbers the faults of a run, from one.
    pub id: u32,
    /// When it is installed.
    pub start_ms: u64,
    /// When it is undone.
    pub stop_ms: u64,
    /// The fault, by the name that `tribunal list faults` shows.
    pub fault: String,
}
