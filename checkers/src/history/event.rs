//! One row of the record: small, copyable, without allocations of its own.

use super::Symbol;
use serde::{Deserialize, Serialize};

/// What an event says of its operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventType {
    /// The operation begins.
    Invoke,
    /// It happened, with this result.
    Ok,
    /// It certainly did not happen.
    Fail,
    /// Nobody knows whether it happened; or something worth noting that is no operation.
    Info,
}

impl EventType {
    /// The word in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invoke => "invoke",
            Self::Ok => "ok",
            Self::Fail => "fail",
            Self::Info => "info",
        }
    }
}

/// A logical process: a client with at most one operation open, or the nemesis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Process(i32);

impl Process {
    /// The process that injects faults.
    pub const NEMESIS: Self = Self(-1);

    /// The client process of this number.
    ///
    /// # Panics
    /// When the number does not fit: a run would need two thousand million lost operations.
    pub fn client(number: u32) -> Self {
        Self(i32::try_from(number).expect("process numbers stay below 2^31"))
    }

    /// The client's number, or nothing for the nemesis.
    pub fn number(self) -> Option<u32> {
        u32::try_from(self.0).ok()
    }
}

impl std::fmt::Display for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.number() {
            Some(number) => write!(f, "{number}"),
            None => f.write_str("nemesis"),
        }
    }
}

/// A value as the row holds it; [`super::History::datum`] gives it in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// Nothing: an unknown result, or an absent value.
    Nil,
    /// A number.
    Int(i64),
    /// Two small numbers: the `[from, to]` of a compare-and-set.
    Pair(i32, i32),
    /// Anything else, as JSON text among the symbols.
    Interned(Symbol),
}

/// One row of the record. Its index is its position in the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Nanoseconds since the run began, on a monotonic clock.
    pub time_ns: u64,
    /// The argument (`invoke`) or the result (`ok`).
    pub value: Value,
    /// Who acts.
    pub process: Process,
    /// The function: `read`, `write`, `cas`, ...
    pub f: Symbol,
    /// The key of a multi-key object, as JSON text.
    pub key: Option<Symbol>,
    /// The node that was asked.
    pub node: Option<Symbol>,
    /// What went wrong (`fail`, `info`).
    pub error: Option<Symbol>,
    /// What this row says of its operation.
    pub kind: EventType,
}

const _: () = assert!(size_of::<Event>() <= 48, "a recorded event has a budget of 64 bytes");
