//! What goes wrong: faults, their undo, their schedule, and the ledger that survives us.
//!
//! ```text
//!   fault      what can go wrong, as data: targets, intensities
//!   machine    what is wrong with a node's clock, disk and pace
//!   shape      partitions as sets of directed links
//!   catalogue  the faults by name, their groups
//!   draw       how their parameters are drawn (pure)
//!   smaller    faults of which less is left, for shrinking
//!   plan       which faults, when: drawn from the seed before the run begins (pure)
//!   engine     applies a plan to an environment, watches the effect, undoes it
//!   script     faults in several steps that react to who leads (pure)
//!   ledger     undo records, synced to disk before a fault is applied
//!   agent      the watchdog that replays the ledger when the controller is gone
//!   sweep      finds left-over processes by their tag when not even a ledger is left
//! ```

pub mod agent;
pub mod catalogue;
mod draw;
pub mod engine;
pub mod fault;
pub mod ledger;
pub mod machine;
pub mod plan;
mod script;
pub mod shape;
mod smaller;
pub mod sweep;
mod sys;
