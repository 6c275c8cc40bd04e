//! The history: an append-only sequence of events, and the tables of names that they share.
//!
//! ```text
//!   Op      what a client is asked to do          (no process, no time yet)
//!   Outcome what came back                        ok(value) | fail(error) | info(error)
//!   Event   a row of the record                   48 bytes, names interned
//!   History all rows, and the symbols they name
//! ```
//!
//! Vocabulary and meaning are Jepsen's: a process has at most one operation open; `ok` means that
//! it happened, `fail` that it certainly did not, `info` that nobody knows. Rows instead of
//! columns: checkers and reports always want a whole event, and 48 bytes stay under the budget of
//! 64.

mod edn;
mod event;
pub mod import;
pub mod jsonl;
pub mod notes;
mod op;
pub mod pairing;
mod quote;
mod symbols;
pub mod trace;

pub use event::{Event, EventType, Process, Value};
pub use op::{Datum, Op, Outcome};
pub use symbols::{Symbol, Symbols};

/// Every event of a run in the order in which it was recorded, with the names that they share.
///
/// An event's `index` is its position here.
#[derive(Clone, Debug, Default)]
pub struct History {
    events: Vec<Event>,
    /// The names behind the [`Symbol`]s of the events.
    pub symbols: Symbols,
}

impl History {
    /// An empty history.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends an event whose symbols come from [`History::symbols`]; gives its index.
    pub fn push(&mut self, event: Event) -> usize {
        self.events.push(event);
        self.events.len() - 1
    }

    /// The events in the order of recording.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The number of events.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Makes the compact form of a value, interning what does not fit into the row.
    pub fn compact(&mut self, datum: &Datum) -> Value {
        self.symbols.compact(datum)
    }

    /// The value in full, as somebody outside would write it.
    pub fn datum(&self, value: Value) -> Datum {
        self.symbols.datum(value)
    }

    /// The text behind a symbol.
    pub fn text(&self, symbol: Symbol) -> &str {
        self.symbols.text(symbol)
    }
}
