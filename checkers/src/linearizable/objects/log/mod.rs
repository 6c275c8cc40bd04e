//! An append-only log: `append` at the end, `read` what stands there.
//!
//! Offsets count the entries from the semantics' initial value on (nil is 0; Raft's logs begin at
//! 1) without gaps. An append that certainly did not happen takes no offset.
//!
//! | operation | argument | answer |
//! |---|---|---|
//! | `append`, `send` | the value, not nil | its offset, or `[offset, value]`, or nil: not said |
//! | `read` | nil: from the beginning; or the offset to begin at | **all** that stands there |
//! | `poll` | the offset to begin at; nil if answered with offsets | the **next** entries or none |
//!
//! What stands there is a list of values, or of `[offset, value]`. A list is one of pairs if all
//! its elements are lists of two, the first a whole number, and one of values otherwise; whoever
//! appends lists of two should answer with offsets. A read or poll that was answered with nil found
//! nothing to read, or says nothing, as the semantics have it.
//!
//! Taken short: a state holds all its values and is copied with every append, which is right for
//! the search's small windows and too slow for a million of them. The procedure in `monitor.rs`
//! needs no states.

mod monitor;
#[cfg(test)]
mod tests;

use super::super::model::{Answer, Call, Misfit, Model, Monitored, Part};
use super::super::semantics::{NilRead, Semantics};
use crate::history::Datum;
use crate::words::quoted;
use serde_json::Value;

/// The longest value that is quoted, in characters.
const VALUE_CHARS_MAX: usize = 60;

/// So many entries of an answer are shown, the last ones.
const ENTRIES_SHOWN_MAX: usize = 4;

/// No log's first offset, and none that reading begins at, is greater: sums of it and of a length
/// fit.
const OFFSET_MAX: i64 = 1 << 62;

/// An append-only log.
#[derive(Clone, Copy, Debug)]
pub struct Log {
    first: i64,
    nil_read: NilRead,
}

/// An operation on a log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LogOp {
    /// One entry more.
    Append {
        /// What it holds.
        value: Datum,
        /// Where it stands, if that was said.
        offset: Option<i64>,
    },
    /// Entries that stand there.
    Read {
        /// Where reading began.
        from: i64,
        /// Offsets and values in the order of the answer.
        entries: Vec<(i64, Datum)>,
        /// Whether nothing more stood behind them.
        to_the_end: bool,
    },
}

impl Log {
    /// A log whose first offset is the semantics' initial value.
    ///
    /// # Errors
    /// When the initial value is neither nil nor a whole number from 0 on.
    pub fn new(semantics: &Semantics) -> Result<Self, Misfit> {
        let first = match semantics.initial {
            Datum::Nil => 0,
            Datum::Int(first) if (0..=OFFSET_MAX).contains(&first) => first,
            _ => return Err(Misfit::Shape("the first offset, or nil, as the initial value")),
        };
        Ok(Self { first, nil_read: semantics.nil_read })
    }

    fn read_op(&self, call: &Call<'_>) -> Result<Option<LogOp>, Misfit> {
        let from = match call.argument {
            Datum::Nil => None,
            Datum::Int(from) if from <= OFFSET_MAX => Some(from.max(self.first)),
            _ => return Err(Misfit::Shape("the offset to begin at, or nil")),
        };
        let listed = match &call.answer {
            Answer::Fail(_) | Answer::Unknown => return Ok(None),
            Answer::Ok(Datum::Nil) if self.nil_read == NilRead::Unconstrained => return Ok(None),
            Answer::Ok(answer) => list(answer)?,
        };
        let to_the_end = call.f == "read";
        let from = match (from, &listed) {
            (Some(from), _) => from,
            (None, _) if to_the_end => self.first,
            (None, Listed::Pairs(pairs)) => pairs.first().map_or(self.first, |pair| pair.0),
            (None, Listed::Values(values)) if values.is_empty() => return Ok(None),
            (None, Listed::Values(_)) => {
                return Err(Misfit::Shape("offsets in the answer of a poll without an offset"));
            }
        };
        let entries = match listed {
            Listed::Pairs(pairs) => pairs,
            Listed::Values(values) => (from..).zip(values).collect(),
        };
        Ok(Some(LogOp::Read { from, entries, to_the_end }))
    }
}

impl Model for Log {
    type Op = LogOp;
    /// The values, in order.
    type State = Vec<Datum>;

    fn read(&self, call: &Call<'_>) -> Result<Option<LogOp>, Misfit> {
        match (call.f, &call.answer) {
            ("append" | "send", Answer::Fail(_)) => Ok(None),
            ("append" | "send", _) if call.argument == Datum::Nil => {
                Err(Misfit::Shape("a value to append"))
            }
            ("append" | "send", answer) => {
                let offset = match answer {
                    Answer::Ok(answer) => offset(answer, &call.argument)?,
                    Answer::Fail(_) | Answer::Unknown => None,
                };
                Ok(Some(LogOp::Append { value: call.argument.clone(), offset }))
            }
            ("read" | "poll", _) => self.read_op(call),
            _ => Err(Misfit::Function("append, send, read, poll")),
        }
    }

    fn initial(&self) -> Vec<Datum> {
        Vec::new()
    }

    fn step(&self, state: &Vec<Datum>, op: &LogOp, next: &mut Vec<Vec<Datum>>) {
        let end = self.first.saturating_add(state.len() as i64);
        match op {
            LogOp::Append { value, offset } => {
                if offset.is_none_or(|offset| offset == end) {
                    let mut state = state.clone();
                    state.push(value.clone());
                    next.push(state);
                }
            }
            LogOp::Read { from, entries, to_the_end } => {
                let stands = |(offset, value): &(i64, Datum)| {
                    let place = offset.checked_sub(self.first).map(usize::try_from);
                    matches!(place, Some(Ok(place)) if state.get(place) == Some(value))
                };
                let in_turn = entries_in_turn(*from, entries).all(|(in_turn, ..)| in_turn);
                let behind = from.saturating_add(entries.len() as i64);
                if in_turn && entries.iter().all(stands) && (!to_the_end || behind >= end) {
                    next.push(state.clone());
                }
            }
        }
    }

    fn observes_only(&self, op: &LogOp) -> bool {
        matches!(op, LogOp::Read { .. })
    }

    fn monitor(&self, part: &Part<LogOp>) -> Monitored {
        monitor::decide(self.first, part)
    }

    fn op_text(&self, op: &LogOp) -> String {
        text(op)
    }

    fn state_text(&self, state: &Vec<Datum>) -> String {
        format!("[{}]", shown(state))
    }
}

/// Whether each entry stands where it should, its offset and its value.
fn entries_in_turn(
    from: i64,
    entries: &[(i64, Datum)],
) -> impl Iterator<Item = (bool, i64, &Datum)> {
    let expected = i128::from(from)..;
    expected.zip(entries).map(|(at, (offset, value))| (i128::from(*offset) == at, *offset, value))
}

fn text(op: &LogOp) -> String {
    match op {
        LogOp::Append { value, offset: None } => format!("append {}", quote(value)),
        LogOp::Append { value, offset: Some(offset) } => {
            format!("append {} -> offset {offset}", quote(value))
        }
        LogOp::Read { from, entries, to_the_end } => {
            let f = if *to_the_end { "read" } else { "poll" };
            let values: Vec<Datum> = entries.iter().map(|(_, value)| value.clone()).collect();
            format!("{f} from {from} -> [{}]", shown(&values))
        }
    }
}

/// The last values of a list, and how many there are before.
fn shown(values: &[Datum]) -> String {
    let left_out = values.len().saturating_sub(ENTRIES_SHOWN_MAX);
    let mut words: Vec<String> = values[left_out..].iter().map(quote).collect();
    if left_out > 0 {
        words.insert(0, format!("{left_out} entries, then"));
    }
    words.join(" ")
}

fn quote(value: &Datum) -> String {
    quoted(&value.to_string(), VALUE_CHARS_MAX)
}

/// The offset that an append was answered with.
fn offset(answer: &Datum, value: &Datum) -> Result<Option<i64>, Misfit> {
    match answer {
        Datum::Nil => Ok(None),
        Datum::Int(offset) => Ok(Some(*offset)),
        _ => match pair(&answer.to_json()) {
            Some((offset, stands)) if stands == *value => Ok(Some(offset)),
            _ => Err(Misfit::Shape("the offset as the answer, or [offset, value], or nil")),
        },
    }
}

enum Listed {
    Values(Vec<Datum>),
    Pairs(Vec<(i64, Datum)>),
}

fn list(answer: &Datum) -> Result<Listed, Misfit> {
    let values: Vec<Value> = match answer {
        Datum::Nil => return Ok(Listed::Values(Vec::new())),
        Datum::Pair(one, other) => {
            return Ok(Listed::Values(vec![Datum::Int(*one), Datum::Int(*other)]));
        }
        Datum::Int(_) => return Err(Misfit::Shape("a list as the answer")),
        Datum::Json(json) => match &**json {
            Value::Array(values) => values.clone(),
            _ => return Err(Misfit::Shape("a list as the answer")),
        },
    };
    let pairs: Option<Vec<(i64, Datum)>> = values.iter().map(pair).collect();
    Ok(match pairs {
        Some(pairs) if !pairs.is_empty() => Listed::Pairs(pairs),
        _ => Listed::Values(values.into_iter().map(Datum::from_json).collect()),
    })
}

fn pair(value: &Value) -> Option<(i64, Datum)> {
    match value.as_array().map(Vec::as_slice) {
        Some([offset, value]) => Some((offset.as_i64()?, Datum::from_json(value.clone()))),
        _ => None,
    }
}
