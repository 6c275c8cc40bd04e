//! What goes wrong: faults, their undo, their schedule, and the ledger that survives us.
//!
//! ```text
//!   fault      what can go wrong, as data: targets, intensities
//!   shape      partitions as sets of directed links
//!   catalogue  the faults by name, their groups, how their parameters are drawn
//!   plan       which faults, when: drawn from the seed before the run begins (pure)
//! ```

pub mod catalogue;
pub mod fault;
pub mod plan;
pub mod shape;
