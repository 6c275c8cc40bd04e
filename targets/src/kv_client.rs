//! The client of the `kv` interface.
//!
//! ```text
//!   what happened                                         write, cas      read
//!   Value / Done                                          ok              ok
//!   no connection, or nothing sent                        fail            fail
//!   NotLeader without a hint, too many hints, Refused     fail            fail
//!   Mismatch                                              fail            -
//!   Unknown                                               info            fail
//!   connection broken, or timeout, after sending          info            fail
//!   an answer to another kind of request                  info            fail
//! ```
//!
//! One connection to each node is kept open, and replaced after an outcome that it left open. A
//! hint is followed within the operation's own deadline: whoever gives one has done nothing.
//!
//! A node that is down refuses at once, so a caller without a pause of his own fails thousands of
//! operations a second against it: the pause is the generator's business.

use crate::client::Client;
use crate::kv::{KvRequest, KvResponse};
use crate::links::NodeId;
use crate::node::call::{CallError, Connection};
use checkers::history::{Datum, Op, Outcome};
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
        let Some(request) = request(op) else {
            return Outcome::Fail("kv has no such operation".into());
        };
        match self.ask(node, request).await {
            Ok(response) => outcome(request, response, &op.value),
            Err(CallError::NotSent(why)) => Outcome::Fail(why.into()),
            Err(CallError::Open(why)) => open(request, why),
        }
    }
}

/// The operation in the interface's own words.
fn request(op: &Op) -> Option<KvRequest> {
    let key = op.key?;
    match (op.f, &op.value) {
        ("read", _) => Some(KvRequest::Read { key }),
        ("write", Datum::Int(value)) => Some(KvRequest::Write { key, value: *value }),
        ("cas", Datum::Pair(from, to)) => Some(KvRequest::Cas { key, from: *from, to: *to }),
        _ => None,
    }
}

fn outcome(request: KvRequest, response: KvResponse, argument: &Datum) -> Outcome {
    match (request, response) {
        (KvRequest::Read { .. }, KvResponse::Value(value)) => {
            Outcome::Ok(value.map_or(Datum::Nil, Datum::Int))
        }
        (KvRequest::Write { .. } | KvRequest::Cas { .. }, KvResponse::Done) => {
            Outcome::Ok(argument.clone())
        }
        (KvRequest::Cas { .. }, KvResponse::Mismatch) => Outcome::Fail("mismatch".into()),
        (_, KvResponse::NotLeader { .. }) => Outcome::Fail("not the leader".into()),
        (_, KvResponse::Refused) => Outcome::Fail("refused".into()),
        (_, KvResponse::Unknown) => open(request, "unknown"),
        (_, KvResponse::Value(_)) => open(request, "answered with a value"),
        (_, KvResponse::Done) => open(request, "answered with done"),
        (_, KvResponse::Mismatch) => open(request, "answered with mismatch"),
    }
}

/// Nobody knows what happened; of a read, nobody needs to.
fn open(request: KvRequest, why: &'static str) -> Outcome {
    match request {
        KvRequest::Read { .. } => Outcome::Fail(why.into()),
        KvRequest::Write { .. } | KvRequest::Cas { .. } => Outcome::Info(why.into()),
    }
}

#[cfg(test)]
mod tests;
