//! Counts of outcomes, per function.
