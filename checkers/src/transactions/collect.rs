//! From events to the [`Table`], one event at a time, so that no history need be held in memory.
//!
//! ```text
//!   invoke p3 [["append",1,2],["r",1,null]]      kept as text until p3 completes
//!   ok     p3 [["append",1,2],["r",1,[2]]]       parsed; a row, two micro-operations
//! ```
//!
//! The completion's value counts; where it has none (an `info` of a client that lost its
//! connection), the invocation's does, and its reads are unknown. A completion without invocation
//! is taken, too: it may have begun at any time.
//!
//! Beside the array of micro-operations a value may be an object with the clock readings of the
//! system under test: `{"txn":[...],"start_ts":5,"commit_ts":9}`.

mod closed;
mod plain;
mod tree;

use super::atom::Atom;
use super::table::{KeyId, List, Mop, NONE, Table, Timestamps, Txn};
use crate::history::{Event, EventType, History, Process, Value};
use rustc_hash::FxHashMap;
use std::borrow::Cow;

/// What the transactions of a history are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `append` and reads of whole lists.
    ListAppend,
    /// `w` and reads of one value.
    RwRegister,
    /// `insert`, `w`, `delete`, reads of one value and of everything that matches a predicate.
    ClosedPredicate,
}

impl Kind {
    /// Every kind with its name and one sentence.
    pub const ALL: &'static [(&'static str, Self, &'static str)] = &[
        ("list-append", Self::ListAppend, "transactions that append to lists and read them whole"),
        ("rw-register", Self::RwRegister, "transactions that write registers and read them"),
        (
            "closed-predicate",
            Self::ClosedPredicate,
            "transactions that write, delete, and read all that matches",
        ),
    ];

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, ..)| *known == name).map(|(_, kind, _)| *kind)
    }
}

/// A value that is no transaction of this kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event {index}: {problem}")]
pub struct Misfit {
    /// The index of the event.
    pub index: usize,
    /// What was expected, and what was found.
    pub problem: String,
}

/// The function of events that are transactions.
const TXN: &str = "txn";

/// The function of events that say what there is at first, where predicates are read.
const INIT: &str = "init";

/// So much of a value is quoted.
const QUOTED_CHARS_MAX: usize = 80;

/// Makes a table of events as they come.
#[derive(Debug)]
pub struct Collector {
    rows: Rows,
    open: FxHashMap<Process, Open>,
    /// Invocations whose process went on without a completion.
    left: Vec<(Process, Open)>,
    /// Texts of invocations that are done with, for those to come.
    spare: Vec<String>,
}

/// The table, and what has to be remembered to add a row.
#[derive(Debug)]
struct Rows {
    kind: Kind,
    table: Table,
    keys: FxHashMap<Atom, KeyId>,
    /// The list that is being read.
    elements: Vec<Atom>,
}

/// An invocation that has not completed yet.
#[derive(Debug)]
struct Open {
    index: u32,
    time_ns: u64,
    text: String,
}

/// What the reads of a value are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reads {
    /// They were answered; a null is the initial state.
    Answered,
    /// A null is no answer.
    Perhaps,
    /// Whatever stands there is no answer.
    Unknown,
}

impl Collector {
    /// The functions that may matter, for whoever hands events on without their table of names.
    pub(super) const FUNCTIONS: [&str; 2] = [TXN, INIT];

    /// An empty one.
    pub fn new(kind: Kind) -> Self {
        let rows = Rows {
            kind,
            table: Table::default(),
            keys: FxHashMap::default(),
            elements: Vec::new(),
        };
        Self { rows, open: FxHashMap::default(), left: Vec::new(), spare: Vec::new() }
    }

    /// Takes the next event; `f` is its function, `value` its value as JSON text, empty for none.
    /// Events of the nemesis and of other functions than `txn` are passed over.
    ///
    /// # Errors
    /// When the value is no transaction of this kind.
    ///
    /// # Panics
    /// At event 2^32 - 1, which [`crate::history::pairing`] refuses, too.
    pub fn event(
        &mut self,
        index: usize,
        event: &Event,
        f: &str,
        value: &str,
    ) -> Result<(), Misfit> {
        if event.process == Process::NEMESIS || !self.rows.takes(f) {
            return Ok(());
        }
        let place = u32::try_from(index).ok().filter(|place| *place != NONE);
        let place = place.expect("a history has fewer than 2^32 - 1 events");
        let value = if value == "null" { "" } else { value };
        if event.kind == EventType::Invoke {
            self.invoked(place, event, value);
            return Ok(());
        }
        let open = self.open.remove(&event.process);
        let (text, reads) = match event.kind {
            EventType::Ok => (value, Reads::Answered),
            _ if value.is_empty() => (open.as_ref().map_or("", |open| &open.text), Reads::Unknown),
            EventType::Fail => (value, Reads::Unknown),
            _ => (value, Reads::Perhaps),
        };
        if event.kind == EventType::Ok && text.is_empty() {
            let problem = "expected the micro-operations of an ok transaction, found nothing";
            return Err(Misfit { index, problem: problem.to_owned() });
        }
        let txn = Txn {
            invoke: open.as_ref().map_or(NONE, |open| open.index),
            complete: place,
            process: event.process,
            outcome: event.kind,
            mops_end: 0,
            invoke_ns: open.as_ref().map_or(0, |open| open.time_ns),
            complete_ns: event.time_ns,
        };
        self.rows.row(txn, text, reads).map_err(|problem| Misfit { index, problem })?;
        self.spare.extend(open.map(|open| open.text));
        Ok(())
    }

    fn invoked(&mut self, index: u32, event: &Event, value: &str) {
        let mut text = self.spare.pop().unwrap_or_default();
        text.clear();
        text.push_str(value);
        let open = Open { index, time_ns: event.time_ns, text };
        if let Some(open) = self.open.insert(event.process, open) {
            self.left.push((event.process, open));
        }
    }

    /// The transactions that completed so far, for whoever judges while they come in.
    pub fn so_far(&self) -> &Table {
        &self.rows.table
    }

    /// The table, with the transactions that never completed.
    ///
    /// # Errors
    /// When an invocation that never completed is no transaction of this kind.
    pub fn finish(mut self) -> Result<Table, Misfit> {
        self.left.extend(self.open.drain());
        self.left.sort_unstable_by_key(|(_, open)| open.index);
        for (process, open) in self.left {
            let txn = Txn {
                invoke: open.index,
                complete: NONE,
                process,
                outcome: EventType::Info,
                mops_end: 0,
                invoke_ns: open.time_ns,
                complete_ns: u64::MAX,
            };
            let index = open.index as usize;
            let row = self.rows.row(txn, &open.text, Reads::Unknown);
            row.map_err(|problem| Misfit { index, problem })?;
        }
        Ok(self.rows.table)
    }
}

impl Rows {
    /// Whether events of this function are transactions.
    fn takes(&self, f: &str) -> bool {
        f == TXN || f == INIT && self.kind == Kind::ClosedPredicate
    }

    /// Adds a transaction; `text` is its value, or nothing.
    fn row(&mut self, mut txn: Txn, text: &str, reads: Reads) -> Result<(), String> {
        let (mops, odd) = (self.table.mops.len(), self.table.odd.len());
        let timestamps = if text.is_empty() {
            Timestamps::default()
        } else if self.kind == Kind::ClosedPredicate {
            self.closed(text, reads)?
        } else if let Some(timestamps) = self.plain(text, reads) {
            timestamps
        } else {
            self.table.mops.truncate(mops);
            self.table.odd.truncate(odd);
            self.tree(text, reads)?
        };
        let end = u32::try_from(self.table.mops.len());
        txn.mops_end = end.expect("a history has fewer than 2^32 micro-operations");
        if timestamps != Timestamps::default() {
            self.table.timestamps.resize(self.table.txns.len(), Timestamps::default());
            self.table.timestamps.push(timestamps);
        }
        self.table.txns.push(txn);
        Ok(())
    }

    /// The key of this name. Nothing if it is of another type than those before: `1` and `"1"`
    /// are two keys, and whoever writes both most likely means one.
    fn key(&mut self, name: Atom) -> Option<KeyId> {
        if let Some(key) = self.keys.get(&name) {
            return Some(*key);
        }
        let table = &mut self.table;
        let first = table.keys.first().copied();
        if first.is_some_and(|first| table.atoms.is_int(first) != table.atoms.is_int(name)) {
            return None;
        }
        Some(self.new_key(name))
    }

    fn new_key(&mut self, name: Atom) -> KeyId {
        let place = u32::try_from(self.table.keys.len());
        let key = KeyId(place.expect("a history has fewer than 2^32 keys"));
        self.table.keys.push(name);
        self.table.spines.push(Vec::new());
        self.keys.insert(name, key);
        key
    }

    /// A read of the list in `elements`.
    fn list(&mut self, key: KeyId) -> Mop {
        let spine = &mut self.table.spines[key.index()];
        let shared = spine.len().min(self.elements.len());
        if spine[..shared] == self.elements[..shared] {
            spine.extend_from_slice(&self.elements[shared..]);
            return Mop::List(key, List::prefix(self.elements.len()));
        }
        self.table.odd.push(self.elements.as_slice().into());
        Mop::List(key, List::odd(self.table.odd.len() - 1))
    }
}

/// The transactions of a history in memory.
///
/// # Errors
/// At the first value that is no transaction of this kind.
pub fn table(history: &History, kind: Kind) -> Result<Table, Misfit> {
    let mut collector = Collector::new(kind);
    for (index, event) in history.events().iter().enumerate() {
        let value = match event.value {
            Value::Nil => Cow::Borrowed(""),
            // Interned values are canonical JSON, or text that is none and is refused as such.
            Value::Interned(symbol) => Cow::Borrowed(history.text(symbol)),
            other => Cow::Owned(history.datum(other).to_json().to_string()),
        };
        collector.event(index, event, history.text(event.f), &value)?;
    }
    collector.finish()
}

#[cfg(test)]
mod tests;
