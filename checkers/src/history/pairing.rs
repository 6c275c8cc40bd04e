//! Invocations and their completions as operations.
//!
//! ```text
//!   index   0 invoke p1   1 invoke p2   2 ok p1   3 info p2      4 invoke p3
//!           operation 0-2               operation 1-3 (info)     operation 4 (no completion)
//! ```
//!
//! One rule book, [`Processes`], serves whoever reads events that others wrote and whoever
//! pairs events that were checked before. The nemesis is not bound by it: its events are notes.

use super::{Event, EventType, History, Process, Symbol};
use rustc_hash::FxHashMap;

/// An invocation and its completion, by the indices of their events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    invoke: u32,
    complete: u32,
}

/// No completion. No event has this index: [`Processes::step`] refuses to go so far.
const NONE: u32 = u32::MAX;

impl Operation {
    /// The index of the invocation.
    pub fn invoke_index(self) -> usize {
        self.invoke as usize
    }

    /// The index of the completion, if there is one. An `info` is one, too.
    pub fn complete_index(self) -> Option<usize> {
        (self.complete != NONE).then_some(self.complete as usize)
    }

    /// `ok`, `fail` or `info`; an operation without completion counts as `info`.
    pub fn outcome(self, history: &History) -> EventType {
        self.complete_index().map_or(EventType::Info, |index| history.events()[index].kind)
    }
}

/// The operations of the clients, in order of invocation.
///
/// # Panics
/// When the history breaks the rules of [`Processes`]. What [`super::jsonl::read`] gives never
/// does.
pub fn operations(history: &History) -> Vec<Operation> {
    let mut processes = Processes::default();
    let mut operations = Vec::with_capacity(history.len() / 2 + 1);
    // The operation of an invocation, by counting: invocations are numbered as they come.
    for (index, event) in history.events().iter().enumerate() {
        match processes.step(event, operations.len()) {
            Ok(Step::Note) => {}
            Ok(Step::Invoked) => {
                let invoke = u32::try_from(index).expect("a history has fewer than 2^32 events");
                assert_ne!(invoke, NONE, "a history has fewer than 2^32 - 1 events");
                operations.push(Operation { invoke, complete: NONE });
            }
            Ok(Step::Completed { invoked }) => {
                operations[invoked].complete =
                    u32::try_from(index).expect("a history has fewer than 2^32 events");
            }
            Err(misfit) => panic!("event {index} of process {}: {misfit}", event.process),
        }
    }
    operations
}

/// Processes up to this number have their place in a table, the few beyond in a map: a history is
/// free to call its processes what it wants, and must not make us allocate for that.
const TABLE_MAX: usize = 1 << 16;

/// What each process is doing: at most one operation at a time, and nothing any more after an
/// `info`.
#[derive(Clone, Debug, Default)]
pub struct Processes {
    /// By process number.
    table: Vec<State>,
    /// Of the others.
    beyond: FxHashMap<Process, State>,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Free,
    Open {
        invoked: usize,
        f: Symbol,
    },
    Gone,
}

/// What an event does to its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing: it is the nemesis that speaks.
    Note,
    /// An operation begins.
    Invoked,
    /// The operation ends that began with this tag.
    Completed {
        /// The tag that was given with the invocation.
        invoked: usize,
    },
}

/// How an event breaks the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// Two operations of one process at once.
    #[error("expected a completion, since the process has an operation open")]
    StillOpen,
    /// A completion out of nothing.
    #[error("expected an invoke, since the process has no operation open")]
    NothingOpen,
    /// A process that lost track of an operation acts again.
    #[error(
        "expected nothing more of this process after its `info`; its worker needs a new number"
    )]
    Gone,
    /// The completion is of another function than the invocation.
    #[error("expected the same f as in the invocation")]
    OtherFunction,
}

impl Processes {
    /// Takes the next event. `tag` is given back when the operation that begins here completes.
    ///
    /// # Errors
    /// When the event cannot follow on what its process did before; it then counts as not having
    /// been.
    pub fn step(&mut self, event: &Event, tag: usize) -> Result<Step, Misfit> {
        if event.process == Process::NEMESIS {
            return Ok(Step::Note);
        }
        let state = self.state(event.process);
        match (*state, event.kind) {
            (State::Gone, _) => Err(Misfit::Gone),
            (State::Open { .. }, EventType::Invoke) => Err(Misfit::StillOpen),
            (State::Free, EventType::Invoke) => {
                *state = State::Open { invoked: tag, f: event.f };
                Ok(Step::Invoked)
            }
            (State::Free, _) => Err(Misfit::NothingOpen),
            (State::Open { f, .. }, _) if f != event.f => Err(Misfit::OtherFunction),
            (State::Open { invoked, .. }, kind) => {
                *state = if kind == EventType::Info { State::Gone } else { State::Free };
                Ok(Step::Completed { invoked })
            }
        }
    }

    fn state(&mut self, process: Process) -> &mut State {
        let number = process.number().map_or(usize::MAX, |number| number as usize);
        if number >= TABLE_MAX {
            return self.beyond.entry(process).or_default();
        }
        if number >= self.table.len() {
            self.table.resize(number + 1, State::Free);
        }
        &mut self.table[number]
    }
}
