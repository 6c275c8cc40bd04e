//! What an engine may spend, and what it says.

use std::sync::atomic::{AtomicBool, Ordering};

/// The interval of an operation that nobody saw return never ends.
pub const NEVER: u32 = u32::MAX;

/// What one engine may spend on one part of a history.
#[derive(Clone, Copy, Debug)]
pub struct Limits<'a> {
    /// Configurations that it may explore.
    pub configurations_max: u64,
    /// Bytes that it may hold at once.
    pub bytes_max: u64,
    /// Raised from outside when time is up.
    pub stop: Option<&'a AtomicBool>,
    /// Whether a legal history's order is asked for.
    pub order: bool,
}

impl Limits<'_> {
    /// Whether somebody outside said that time is up.
    pub fn stopped(&self) -> bool {
        self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }
}

/// Who decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Engine {
    /// Intervals in which a value was current (Gibbons and Korach 1997); unique values.
    Zones,
    /// A procedure of the object's own that is exact where its precondition holds.
    Monitor,
    /// Depth-first (Wing and Gong 1993, Lowe 2017).
    Search,
    /// Breadth-first over the events.
    Frontier,
}

impl Engine {
    /// Its name in figures.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Zones => "zones",
            Self::Monitor => "monitor",
            Self::Search => "search",
            Self::Frontier => "frontier",
        }
    }
}

/// What an engine found, and what it cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Whether there is an order.
    pub outcome: Outcome,
    /// Who says so.
    pub engine: Engine,
    /// How many configurations were looked at.
    pub configurations: u64,
    /// For a legal history, if it was asked for and the engine can give it: positions of
    /// operations, one behind the other.
    pub order: Option<Vec<u32>>,
}

/// Whether there is an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There is one.
    Legal,
    /// There is none.
    Illegal,
    /// The limits did not suffice; so many operations could be placed.
    Spent {
        /// The most operations that one order held.
        placed: usize,
    },
}
