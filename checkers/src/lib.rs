//! History in, verdict out.
//!
//! This crate holds the one record that everything is derived from, the [`history`], and the
//! checkers that decide whether a history keeps a promise. It is pure: no clock, no network, no
//! async runtime, no random-state maps. A budget is counted in work, or cancelled from outside
//! through a flag; a checker never looks at the time.
//!
//! ```text
//!   history.jsonl --> history::jsonl --> History --> pairing --> checker --> Verdict + Evidence
//! ```

pub mod budget;
pub mod consistency;
pub mod history;
pub mod invariants;
pub mod linearizable;
pub mod liveness;
pub mod stats;
pub mod transactions;
pub mod vacuity;
pub mod verdict;
mod words;
