//! The client of the `kv` interface.
//!
//! What an answer means, and what silence means, says [`crate::kv`]; a connection that cannot be
//! opened, or nothing sent, is `fail`.
//!
//! One connection to each node is kept open, and replaced after an outcome that it left open. A
//! hint is followed within the operation's own deadline: whoever gives one has done nothing.
//!
//! A node that is down refuses at once, so a caller without a pause of his own fails thousands of
//! operations a second against it: the pause is the generator's business.

use crate::client::Client;
use crate::kv::{self, KvRequest, KvResponse};
use crate::links::NodeId;
use crate::node::call::{CallError, Connection};
use checkers::history::{Op, Outcome};
use serde::Serialize;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long to wait, and how often to be sent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KvClientOptions {
    /// For a whole operation, redirects included.
    pub op_timeout: Duration,
    /// For opening a connection.
    pub connect_timeout: Duration,
    /// Hints that are followed in one operation.
    pub redirects_max: u32,
}

impl Default for KvClientOptions {
    fn default() -> Self {
        Self {
            op_timeout: Duration::from_secs(1),
            connect_timeout: Duration::from_millis(250),
            redirects_max: 2,
        }
    }
}

/// A client that asks one thing at a time. Its sockets are created by the thread that polls it, and
/// so belong to that thread's network namespace.
#[derive(Debug)]
pub struct KvClient<R> {
    addresses: Arc<[SocketAddr]>,
    options: KvClientOptions,
    request: fn(KvRequest) -> R,
    connections: Vec<Option<Connection>>,
}

impl<R: Serialize + Send + Sync> KvClient<R> {
    /// A client of these nodes, which are asked in their own requests; nothing is connected yet.
    pub fn new(
        addresses: Arc<[SocketAddr]>,
        options: KvClientOptions,
        request: fn(KvRequest) -> R,
    ) -> Self {
        let connections = addresses.iter().map(|_| None).collect();
        Self { addresses, options, request, connections }
    }

    /// Asks and follows hints. `Err` if there is no answer that says what happened.
    async fn ask(&mut self, mut node: NodeId, request: KvRequest) -> Result<KvResponse, CallError> {
        let deadline = Instant::now() + self.options.op_timeout;
        let request = (self.request)(request);
        let mut redirects = 0;
        loop {
            let response = self.call(node, &request, deadline).await?;
            let KvResponse::NotLeader { hint: Some(leader) } = response else {
                return Ok(response);
            };
            if redirects == self.options.redirects_max {
                return Err(CallError::NotSent("too many redirects"));
            }
            redirects += 1;
            node = leader;
        }
    }

    async fn call(
        &mut self,
        node: NodeId,
        request: &R,
        deadline: Instant,
    ) -> Result<KvResponse, CallError> {
        let at = usize::from(node.0);
        let Some(address) = self.addresses.get(at) else {
            return Err(CallError::NotSent("sent to a node that does not exist"));
        };
        let mut connection = match self.connections[at].take().filter(Connection::is_alive) {
            Some(connection) => connection,
            None => {
                let left = deadline.saturating_duration_since(Instant::now());
                Connection::open(*address, self.options.connect_timeout.min(left)).await?
            }
        };
        // Out of its place while it is used: should this future be dropped, or the call fail,
        // nobody meets a connection on which an old answer is still to come.
        let response = connection.call(request, deadline).await?;
        if response != KvResponse::Unknown {
            self.connections[at] = Some(connection);
        }
        Ok(response)
    }
}

impl<R: Serialize + Send + Sync> Client for KvClient<R> {
    async fn invoke(&mut self, node: NodeId, op: &Op) -> Outcome {
        let Some(request) = kv::request(op) else {
            return Outcome::Fail("kv has no such operation".into());
        };
        match self.ask(node, request).await {
            Ok(response) => kv::outcome(request, response, &op.value),
            Err(CallError::NotSent(why)) => Outcome::Fail(why.into()),
            Err(CallError::Open(why)) => kv::open(request, why),
        }
    }
}

#[cfg(test)]
mod tests;
