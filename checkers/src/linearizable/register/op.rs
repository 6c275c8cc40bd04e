//! What the operations of one register are to the engines: effects on small integers, intervals on
//! event indices.

pub(super) use super::super::engine::NEVER;
use crate::history::Datum;

/// A value of one key, numbered in order of first sight. The initial value is number zero.
pub(super) type ValueId = u32;

/// The value that every key holds at first.
pub(super) const INITIAL: ValueId = 0;

/// What an operation does to the register, with its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in super::super) enum Effect {
    /// Found this value.
    Read(ValueId),
    /// Set this value.
    Write(ValueId),
    /// Found the first value and set the second.
    Cas(ValueId, ValueId),
    /// Found another value than this one: a compare-and-set that failed, where that says so.
    Miss(ValueId),
}

impl Effect {
    /// The one value that it must find.
    pub(super) fn observes(self) -> Option<ValueId> {
        match self {
            Self::Read(value) | Self::Cas(value, _) => Some(value),
            Self::Write(_) | Self::Miss(_) => None,
        }
    }

    /// The value that it leaves behind.
    pub(super) fn produces(self) -> Option<ValueId> {
        match self {
            Self::Read(_) | Self::Miss(_) => None,
            Self::Write(value) | Self::Cas(_, value) => Some(value),
        }
    }

    /// The state after it, if it can happen in this one.
    pub(super) fn apply(self, state: ValueId) -> Option<ValueId> {
        match (self, self.observes()) {
            (Self::Miss(value), _) if value == state => None,
            (_, Some(value)) if value != state => None,
            _ => Some(self.produces().unwrap_or(state)),
        }
    }
}

/// An operation of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeyOp {
    pub(super) effect: Effect,
    /// The index of the invocation in the history.
    pub(super) invoke: u32,
    /// The index of the `ok`, or [`NEVER`] for an operation that may have happened or not.
    pub(super) ret: u32,
    /// The index of an `info`, for the reader of the evidence; else [`NEVER`].
    pub(super) info: u32,
}

/// The operations of one key that can matter, in order of invocation.
#[derive(Debug)]
pub(super) struct KeyHistory {
    /// The key as JSON text.
    pub(super) name: Option<String>,
    pub(super) ops: Vec<KeyOp>,
    /// What the values are.
    pub(super) values: Vec<Datum>,
}

/// What the search is asked: can these operations be put in order, beginning in this state?
#[derive(Clone, Copy, Debug)]
pub(super) struct Problem<'a> {
    /// In order of invocation.
    pub(super) ops: &'a [KeyOp],
    pub(super) initial: ValueId,
    /// All values are below this.
    pub(super) values: usize,
}

impl KeyHistory {
    pub(super) fn problem(&self) -> Problem<'_> {
        Problem { ops: &self.ops, initial: INITIAL, values: self.values.len() }
    }

    /// How many operations certainly happened.
    pub(super) fn required(&self) -> usize {
        self.ops.iter().filter(|op| op.ret != NEVER).count()
    }

    /// How many operations may have happened or not.
    pub(super) fn indeterminate(&self) -> usize {
        self.ops.len() - self.required()
    }
}
