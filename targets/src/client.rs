//! Clients: one method that matters.

use crate::links::NodeId;
use checkers::history::{Op, Outcome};

/// Somebody who asks a cluster to do things, one at a time.
///
/// To call an open outcome a `Fail` is the worst mistake that a client can make: it lets the
/// checkers accuse an innocent system. `Fail` is for what certainly did not happen: nothing was
/// sent, or the system said so. A pure read that gets no answer may `Fail` too, because it changes
/// nothing.
pub trait Client: Send {
    /// Asks `node`, and waits for the answer or for the client's own time-out.
    fn invoke(&mut self, node: NodeId, op: &Op) -> impl Future<Output = Outcome> + Send;
}
