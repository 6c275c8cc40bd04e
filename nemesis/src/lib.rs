//! What goes wrong: faults, their undo, their schedule, and the ledger that survives us.
//!
//! ```text
//!   fault      what can go wrong, as data: targets, intensities
//!   shape      partitions as sets of directed links
//!   catalogue  the faults by name, their groups, how their parameters are drawn
//!   plan       which faults, when: drawn from the seed before the run begins (pure)
//!   ledger     undo records, synced to disk before a fault is applied
//!   agent      the watchdog that replays the ledger when the controller is gone
//!   sweep      finds left-over processes by their tag when not even a ledger is left
//! ```

pub mod agent;
pub mod catalogue;
pub mod fault;
pub mod ledger;
pub mod plan;
pub mod shape;
pub mod sweep;
mod sys;
