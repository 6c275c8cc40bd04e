//! The `kv` interface: a register per key, with read, write and compare-and-set.
//!
//! Every target that serves `kv` speaks these requests and responses, so one client serves them
//! all. What an answer means is said here once, for clients of real and of simulated nodes:
//!
//! ```text
//!   what happened                                         write, cas      read
//!   Value / Done                                          ok              ok
//!   nothing was sent                                      fail            fail
//!   NotLeader without a hint, too many hints, Refused     fail            fail
//!   Mismatch                                              fail            -
//!   Unknown                                               info            fail
//!   connection broken, or timeout, after sending          info            fail
//!   an answer to another kind of request                  info            fail
//! ```

use crate::links::NodeId;
use checkers::history::{Datum, Op, Outcome};
use serde::{Deserialize, Serialize};

/// What a client asks. A key that was never written reads as nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KvRequest {
    /// The value of a key.
    Read {
        /// The key.
        key: i64,
    },
    /// Set a key.
    Write {
        /// The key.
        key: i64,
        /// Its new value.
        value: i64,
    },
    /// Set a key if it holds `from`.
    Cas {
        /// The key.
        key: i64,
        /// What it must hold; an absent key holds nothing and never matches.
        from: i64,
        /// Its new value.
        to: i64,
    },
}

/// What a client is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KvResponse {
    /// The value read.
    Value(Option<i64>),
    /// The write or compare-and-set took place.
    Done,
    /// The compare-and-set found another value and did nothing.
    Mismatch,
    /// Nothing was done; ask that node instead, if one is known.
    NotLeader {
        /// Who is believed to lead.
        hint: Option<NodeId>,
    },
    /// Nothing was done and nobody else is known to ask.
    Refused,
    /// It may or may not happen: the node lost track of the request.
    Unknown,
}

/// The operation in the interface's own words; nothing if it has none for it.
pub fn request(op: &Op) -> Option<KvRequest> {
    let key = op.key?;
    match (op.f, &op.value) {
        ("read", _) => Some(KvRequest::Read { key }),
        ("write", Datum::Int(value)) => Some(KvRequest::Write { key, value: *value }),
        ("cas", Datum::Pair(from, to)) => Some(KvRequest::Cas { key, from: *from, to: *to }),
        _ => None,
    }
}

/// What an answer means for the operation whose argument is given.
pub fn outcome(request: KvRequest, response: KvResponse, argument: &Datum) -> Outcome {
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
pub fn open(request: KvRequest, why: &'static str) -> Outcome {
    match request {
        KvRequest::Read { .. } => Outcome::Fail(why.into()),
        KvRequest::Write { .. } | KvRequest::Cas { .. } => Outcome::Info(why.into()),
    }
}
