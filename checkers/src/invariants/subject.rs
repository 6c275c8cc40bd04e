//! What an invariant is asked about: the operations of each key, the final reads, and the values
//! that are none.
//!
//! A history whose operations have keys is one of many objects: each is judged alone, as Jepsen's
//! `independent` does it.

use super::Complaints;
use super::shape::Item;
use crate::history::notes::{Note, Phase};
use crate::history::pairing::{self, Operation};
use crate::history::{EventType, History, Process, Symbol};
use crate::verdict::Verdict;
use crate::words::quoted;
use rustc_hash::FxHashMap;

/// No event, no read, no element.
pub(super) const NONE: u32 = u32::MAX;

/// The operations of one key in order of invocation.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) key: Option<Symbol>,
    pub(super) ops: Vec<Operation>,
}

impl Part {
    /// The key for a complaint.
    pub(super) fn key_text(&self, history: &History) -> Option<String> {
        self.key.map(|key| quoted(history.text(key), CHARS_MAX))
    }
}

/// A history by keys, in order of a key's first operation.
pub(super) fn parts(history: &History) -> Vec<Part> {
    let ops = pairing::operations(history);
    let key_of = |op: Operation| history.events()[op.invoke_index()].key;
    if ops.iter().all(|&op| key_of(op).is_none()) {
        return vec![Part { key: None, ops }];
    }
    let mut numbers: FxHashMap<Option<Symbol>, usize> = FxHashMap::default();
    let mut parts: Vec<Part> = Vec::new();
    for op in ops {
        let key = key_of(op);
        let number = *numbers.entry(key).or_insert_with(|| {
            parts.push(Part { key, ops: Vec::new() });
            parts.len() - 1
        });
        parts[number].ops.push(op);
    }
    parts
}

/// An operation with what is asked of it again and again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    pub(super) op: Operation,
    pub(super) f: &'a str,
    pub(super) outcome: EventType,
    /// The index of the invocation.
    pub(super) invoke: u32,
    /// The index of an `ok` or `fail`; [`NONE`] as long as it may still take effect.
    pub(super) complete: u32,
}

impl<'a> Seen<'a> {
    pub(super) fn of(history: &'a History, op: Operation) -> Self {
        let outcome = op.outcome(history);
        let index = op.complete_index().filter(|_| outcome != EventType::Info);
        let number = |index| u32::try_from(index).expect("a history has fewer than 2^32 events");
        Self {
            op,
            f: history.text(history.events()[op.invoke_index()].f),
            outcome,
            invoke: number(op.invoke_index()),
            complete: index.map_or(NONE, number),
        }
    }

    /// What it was asked to do.
    pub(super) fn argument(&self, history: &'a History) -> Item<'a> {
        Item::of(history, history.events()[self.op.invoke_index()].value)
    }

    /// What it answered; nothing while it is open.
    pub(super) fn result(&self, history: &'a History) -> Item<'a> {
        let complete = self.op.complete_index();
        complete.map_or(Item::Nil, |index| Item::of(history, history.events()[index].value))
    }
}

/// Where the final reads are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FinalReads {
    /// The run has no phases: nobody said which reads are the final ones.
    Unsaid,
    /// The run has phases, but ended before its final reads.
    Never,
    /// Those that began at this event or later.
    From(u32),
}

impl FinalReads {
    pub(super) fn of(history: &History) -> Self {
        let mut found = Self::Unsaid;
        for (index, event) in history.events().iter().enumerate() {
            if event.process != Process::NEMESIS {
                continue;
            }
            match Note::from_event(history, event) {
                Some(Note::Phase(Phase::FinalReads)) => {
                    return Self::From(u32::try_from(index).unwrap_or(NONE));
                }
                Some(Note::Phase(_)) => found = Self::Never,
                _ => {}
            }
        }
        found
    }
}

/// A longer value is cut, in characters.
pub(super) const CHARS_MAX: usize = 60;

/// A value as a sentence quotes it.
pub(super) fn show(item: Item<'_>) -> String {
    quoted(&item.text(), CHARS_MAX)
}

/// What could not be judged: how often, and the first in words.
#[derive(Debug, Default)]
pub(super) struct Misfits {
    count: u64,
    first: Option<String>,
}

impl Misfits {
    /// This event has a value of another kind.
    pub(super) fn value(&mut self, index: usize, expected: &str, found: Item<'_>) {
        self.because(|| format!("event {index}: expected {expected}, found {}", show(found)));
    }

    /// Something else that cannot be judged.
    pub(super) fn because(&mut self, why: impl FnOnce() -> String) {
        self.count += 1;
        self.first.get_or_insert_with(why);
    }

    /// What is left to say if nothing is wrong: `vacuous` says why nothing could be.
    pub(super) fn verdict(self, vacuous: Option<&str>) -> Verdict {
        let why = match (self.first, vacuous) {
            (Some(first), _) if self.count == 1 => first,
            (Some(first), _) => format!("{first} ({} such in all)", self.count),
            (None, Some(why)) => format!("vacuous: {why}"),
            (None, None) => return Verdict::Valid,
        };
        Verdict::Unknown { why }
    }
}

/// What every invariant of this module collects.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub(super) complaints: Complaints<'a>,
    pub(super) misfits: Misfits,
}

impl<'a> Found<'a> {
    pub(super) fn new(history: &'a History) -> Self {
        Self { complaints: Complaints::new(history), misfits: Misfits::default() }
    }
}

/// A figure for the reader.
pub(super) fn figure(name: &str, value: impl std::fmt::Display) -> (String, String) {
    (name.to_owned(), format!("{value}"))
}
