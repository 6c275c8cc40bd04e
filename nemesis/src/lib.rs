//! What goes wrong: faults, their undo, their schedule, and the ledger that survives us.
//!
//! ```text
//!   fault    what can go wrong, as data: shapes, targets, intensities
//!   plan     which faults, when: drawn from the seed before the run begins (pure)
//!   engine   applies a plan to an environment, watches the effect, undoes it
//!   ledger   undo records, synced to disk before a fault is applied
//!   agent    the watchdog that replays the ledger when the controller is gone
//! ```

pub mod plan;
