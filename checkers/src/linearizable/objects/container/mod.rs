//! Queues, the stack, priority queues: what is put in is taken out once, in one order or another.
//!
//! ```text
//!   fifo-queue       enqueue dequeue    the oldest
//!   unordered-queue  enqueue dequeue    any
//!   stack            push    pop        the youngest
//!   priority-queue   insert  poll       the least (the greatest) as `datum_order` has it
//! ```
//!
//! A take that was answered nil found the container empty. A `fail` did not happen, as in Jepsen.
//! A take that nobody saw the result of took one value, or nothing.
//!
//! Where every value is put once, [`monitor`] decides; see there for how.

mod lives;
mod monitor;
mod sentence;
mod stack;
mod sweep;
mod tangle;
#[cfg(test)]
mod tests;

use super::datum_order;
use crate::history::Datum;
use crate::linearizable::model::{Answer, Call, Misfit, Model, Monitored, Part};
use crate::linearizable::semantics::Semantics;
use crate::words::quoted;
use std::ops::Range;

/// Which value is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discipline {
    /// The oldest.
    Fifo,
    /// Any.
    Unordered,
    /// The youngest.
    Lifo,
    /// The least.
    LeastFirst,
    /// The greatest.
    GreatestFirst,
}

/// What an operation asks of a container, with its result.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ContainerOp {
    /// Put this value in.
    Put(Datum),
    /// Took this value out.
    Take(Datum),
    /// Found nothing to take.
    TakeNothing,
    /// Took something, or nothing: nobody saw it.
    TakeUnknown,
}

/// A container: values, and which of them is taken next.
#[derive(Clone, Copy, Debug)]
pub struct Container {
    discipline: Discipline,
}

/// A longer value is cut off in a text.
const VALUE_CHARS_MAX: usize = 60;

/// At most so many values of a state are written out.
const STATE_VALUES_MAX: usize = 20;

/// A value for a reader, bounded and escaped.
pub(super) fn value_text(value: &Datum) -> String {
    quoted(&value.to_string(), VALUE_CHARS_MAX)
}

impl Discipline {
    /// The functions that put and take, the participle of the one, and what the object is called.
    fn words(self) -> Words {
        let [put, take, was_put, was_taken, object] = match self {
            Self::Fifo | Self::Unordered => ["enqueue", "dequeue", "enqueued", "dequeued", "queue"],
            Self::Lifo => ["push", "pop", "pushed", "popped", "stack"],
            Self::LeastFirst | Self::GreatestFirst => {
                ["insert", "poll", "inserted", "polled", "priority queue"]
            }
        };
        Words { put, take, was_put, was_taken, object }
    }

    fn shapes(self) -> [&'static str; 3] {
        match self {
            Self::Fifo | Self::Unordered => [
                "enqueue and dequeue",
                "a value to enqueue; nil is how dequeue says that the queue was empty",
                "nil or the value itself as the answer of enqueue",
            ],
            Self::Lifo => [
                "push and pop",
                "a value to push; nil is how pop says that the stack was empty",
                "nil or the value itself as the answer of push",
            ],
            Self::LeastFirst | Self::GreatestFirst => [
                "insert and poll",
                "a value to insert; nil is how poll says that the queue was empty",
                "nil or the value itself as the answer of insert",
            ],
        }
    }
}

/// What the functions and the object are called.
#[derive(Clone, Copy, Debug)]
struct Words {
    put: &'static str,
    take: &'static str,
    was_put: &'static str,
    was_taken: &'static str,
    object: &'static str,
}

impl Container {
    /// An empty container. Of the semantics only what became of open operations matters, and that
    /// is settled before an operation gets here: a take answered nil is the answer "empty", not an
    /// unknown one.
    pub fn new(discipline: Discipline, _: &Semantics) -> Self {
        Self { discipline }
    }

    fn put(self, values: &mut Vec<Datum>, value: Datum) {
        let place = match self.discipline {
            Discipline::Fifo | Discipline::Lifo => values.len(),
            // In order, so that two states of the same values are one.
            _ => values.partition_point(|other| datum_order::compare(other, &value).is_lt()),
        };
        values.insert(place, value);
    }

    /// The places of the values that may be taken next.
    fn takeable(self, values: &[Datum]) -> Range<usize> {
        match self.discipline {
            Discipline::Fifo | Discipline::LeastFirst => 0..values.len().min(1),
            Discipline::Lifo | Discipline::GreatestFirst => {
                values.len().saturating_sub(1)..values.len()
            }
            Discipline::Unordered => 0..values.len(),
        }
    }
}

fn without(values: &[Datum], place: usize) -> Vec<Datum> {
    [&values[..place], &values[place + 1..]].concat()
}

impl Model for Container {
    type Op = ContainerOp;
    /// The oldest first (queue, stack), or the least first (priority queues, unordered).
    type State = Vec<Datum>;

    fn read(&self, call: &Call<'_>) -> Result<Option<ContainerOp>, Misfit> {
        let Words { put, take, .. } = self.discipline.words();
        let [functions, argument, echo] = self.discipline.shapes();
        if call.f != put && call.f != take {
            return Err(Misfit::Function(functions));
        }
        Ok(match &call.answer {
            Answer::Fail(_) => None,
            _ if call.f == put && call.argument == Datum::Nil => {
                return Err(Misfit::Shape(argument));
            }
            Answer::Ok(answer) if call.f == put => {
                if *answer != Datum::Nil && *answer != call.argument {
                    return Err(Misfit::Shape(echo));
                }
                Some(ContainerOp::Put(call.argument.clone()))
            }
            Answer::Unknown if call.f == put => Some(ContainerOp::Put(call.argument.clone())),
            Answer::Ok(Datum::Nil) => Some(ContainerOp::TakeNothing),
            Answer::Ok(value) => Some(ContainerOp::Take(value.clone())),
            Answer::Unknown => Some(ContainerOp::TakeUnknown),
        })
    }

    fn initial(&self) -> Vec<Datum> {
        Vec::new()
    }

    fn step(&self, state: &Vec<Datum>, op: &ContainerOp, next: &mut Vec<Vec<Datum>>) {
        match op {
            ContainerOp::Put(value) => {
                let mut values = state.clone();
                self.put(&mut values, value.clone());
                next.push(values);
            }
            ContainerOp::Take(value) => {
                let mut places = self.takeable(state);
                let place = places.find(|&place| state[place] == *value);
                next.extend(place.map(|place| without(state, place)));
            }
            ContainerOp::TakeNothing if state.is_empty() => next.push(Vec::new()),
            ContainerOp::TakeNothing => {}
            ContainerOp::TakeUnknown => {
                // That it took nothing is allowed even if there was something: such an operation
                // may not have happened at all, and `group` needs it.
                next.push(state.clone());
                let places = self.takeable(state);
                let first = places.start;
                let other = |place: &usize| *place == first || state[place - 1] != state[*place];
                next.extend(places.filter(other).map(|place| without(state, place)));
            }
        }
    }

    fn observes_only(&self, op: &ContainerOp) -> bool {
        matches!(op, ContainerOp::TakeNothing)
    }

    /// All puts and takes of one value. Take them out of a legal order: at every step the container
    /// then holds what it held before without the copies of that value, in the same order.
    ///
    /// * Fifo: the oldest of the others is the oldest of what is left. Lifo, priority queues: the
    ///   same with the youngest, the least, the greatest. Unordered: whatever was inside still is.
    /// * A take that found nothing finds nothing all the more.
    /// * A take of unknown result that took the value now takes nothing, which it may.
    fn group(&self, op: &ContainerOp) -> Option<Datum> {
        match op {
            ContainerOp::Put(value) | ContainerOp::Take(value) => Some(value.clone()),
            ContainerOp::TakeNothing | ContainerOp::TakeUnknown => None,
        }
    }

    fn monitor(&self, part: &Part<ContainerOp>) -> Monitored {
        monitor::decide(self.discipline, part)
    }

    fn state_heap_bytes(&self, state: &Vec<Datum>) -> u64 {
        size_of_val(state.as_slice()) as u64
    }

    fn op_text(&self, op: &ContainerOp) -> String {
        let Words { put, take, .. } = self.discipline.words();
        match op {
            ContainerOp::Put(value) => format!("{put} {}", value_text(value)),
            ContainerOp::Take(value) => format!("{take} -> {}", value_text(value)),
            ContainerOp::TakeNothing => format!("{take} -> nothing"),
            ContainerOp::TakeUnknown => take.to_owned(),
        }
    }

    fn state_text(&self, state: &Vec<Datum>) -> String {
        let shown: Vec<String> = state.iter().take(STATE_VALUES_MAX).map(value_text).collect();
        let more = state.len() - shown.len();
        let rest = if more == 0 { String::new() } else { format!(" and {more} more") };
        format!("[{}{rest}]", shown.join(" "))
    }
}
