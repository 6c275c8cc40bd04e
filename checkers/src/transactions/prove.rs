//! A proof by construction: an order of the transactions that explains every read.
//!
//! Without a cycle the graph has an order. Whether the *missing* edges matter is not a matter of
//! opinion: replay the transactions one after another in that order, and compare every read with
//! what the replay holds. If all agree, the order is a serialization, and the promise is proved; if
//! not, nothing was found and nothing was proved.

use super::graph::Graph;
use super::table::Table;

/// Whether an order of the graph explains every read of every `ok` transaction; if not, why it
/// could not be shown.
///
/// # Errors
/// With the first read that the order does not explain, in words; or that there is a cycle.
pub fn replay(table: &Table, graph: &Graph) -> Result<(), String> {
    let _ = (table, graph);
    Err("the replay was not made".to_owned())
}
