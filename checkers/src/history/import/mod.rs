//! Histories in the formats of others.
//!
//! | format | what |
//! |---|---|
//! | `Jsonl` | our own lines, see [`super::jsonl`] |
//! | `Edn` | Jepsen's and Maelstrom's `history.edn`, Knossos' files, Porcupine's key-value logs |
//! | `Json` | elle-cli's: an array of maps, or one map after another |
//! | `JepsenLog` | Porcupine's etcd logs: `INFO  jepsen.util - 0  :invoke  :read  nil` |
//!
//! ```text
//!   maps (EDN, JSON) --+
//!                      +--> draft of an event --> rules --> Event
//!   lines of a log   --+                            \ ReadError { file, line, column, problem }
//! ```
//!
//! The rules are those of our own lines. What the files of others leave out is understood in one
//! way only, and said in a [`Remark`].

mod detect;
mod log;
mod maps;
mod remark;
mod rules;

pub use detect::detect;
pub use remark::Remark;

use super::edn::{Dialect, Fallible};
use super::jsonl::{self, ReadError, Reading, Torn};
use super::{Event, History, Symbols};
use log::LogEvents;
use maps::MapEvents;
use rules::Rules;
use std::io::BufRead;

/// How a history is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Our own lines.
    Jsonl,
    /// A vector, a list or a stream of EDN maps.
    Edn,
    /// An array or a stream of JSON maps.
    Json,
    /// Lines that a Jepsen test logged.
    JepsenLog,
}

/// What differs between files of one format, and is never guessed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// Whether a value is a pair of a key and the value proper (Jepsen's `independent`).
    pub independent: bool,
}

/// Reads a history; `name` is the file's name for errors.
///
/// # Errors
/// When the reader fails, or at the first place that is no event or cannot follow what came before.
pub fn read(
    reader: impl BufRead,
    name: &str,
    format: Format,
    options: ImportOptions,
) -> Result<Reading, ReadError> {
    let mut events = Events::new(reader, name, format, options);
    let (mut rows, mut lines) = (Vec::new(), Vec::new());
    while let Some((_, event)) = events.next_event()? {
        rows.push(event);
        lines.extend(events.rules().map(|rules| rules.line() as u32));
    }
    let (torn, remarks) = (events.torn(), events.remarks());
    let history = History { events: rows, symbols: events.into_symbols() };
    Ok(Reading { history, torn, remarks, lines })
}

/// The events of a file one after another, for whoever judges while reading: what was given is not
/// kept, only the names are.
#[derive(Debug)]
pub struct Events<R> {
    source: Source<R>,
    name: String,
    ended: bool,
}

#[derive(Debug)]
enum Source<R> {
    Jsonl(Box<jsonl::Events<R>>),
    Maps(Box<MapEvents<R>>),
    Log(Box<LogEvents<R>>),
}

impl<R: BufRead> Events<R> {
    /// The events behind this reader; `name` is the file's name for errors.
    pub fn new(reader: R, name: &str, format: Format, options: ImportOptions) -> Self {
        let rules = Rules::new(options);
        let source = match format {
            Format::Jsonl => {
                let events = jsonl::Events::new(reader, name);
                Source::Jsonl(Box::new(events))
            }
            Format::Edn => Source::Maps(Box::new(MapEvents::new(reader, Dialect::Edn, rules))),
            Format::Json => Source::Maps(Box::new(MapEvents::new(reader, Dialect::Json, rules))),
            Format::JepsenLog => Source::Log(Box::new(LogEvents::new(reader, rules))),
        };
        Self { source, name: name.to_owned(), ended: false }
    }

    /// The next event and its index; nothing at the end of the file, and after an error.
    ///
    /// # Errors
    /// Those of [`read`].
    pub fn next_event(&mut self) -> Result<Option<(usize, Event)>, ReadError> {
        if self.ended {
            return Ok(None);
        }
        let next = match &mut self.source {
            Source::Jsonl(events) => return events.next_event(),
            Source::Maps(events) => events.next_event(),
            Source::Log(events) => events.next_event(),
        };
        self.ended = !matches!(next, Ok(Some(_)));
        let next = next.map_err(|fault| fault.of_file(&self.name))?;
        Ok(next.map(|event| (self.rules().map_or(0, Rules::count) - 1, event)))
    }

    /// The names that the events so far have in common.
    pub fn symbols(&self) -> &Symbols {
        match &self.source {
            Source::Jsonl(events) => events.symbols(),
            Source::Maps(events) => &events.rules.symbols,
            Source::Log(events) => &events.rules.symbols,
        }
    }

    /// What was dropped at the end, once the end was reached. Only our own lines are written while
    /// a run goes on; a file of others that ends too early is an error.
    pub fn torn(&self) -> Option<Torn> {
        match &self.source {
            Source::Jsonl(events) => events.torn(),
            Source::Maps(_) | Source::Log(_) => None,
        }
    }

    /// What the file left open so far, and how it was understood.
    pub fn remarks(&self) -> Vec<Remark> {
        self.rules().map_or_else(Vec::new, Rules::remarks)
    }

    fn rules(&self) -> Option<&Rules> {
        match &self.source {
            Source::Jsonl(_) => None,
            Source::Maps(events) => Some(&events.rules),
            Source::Log(events) => Some(&events.rules),
        }
    }

    fn into_symbols(self) -> Symbols {
        match self.source {
            Source::Jsonl(events) => events.into_symbols(),
            Source::Maps(events) => events.rules.symbols,
            Source::Log(events) => events.rules.symbols,
        }
    }
}
