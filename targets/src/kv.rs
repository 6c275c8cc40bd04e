//! The `kv` interface: a register per key, with read, write and compare-and-set.
//!
//! Every target that serves `kv` speaks these requests and responses, so one client serves them
//! all.

use crate::links::NodeId;
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
