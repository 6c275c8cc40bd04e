//! Judging while events come: what is decided is forgotten, and a violation is said at once.
//!
//! ```text
//!   event --> operations --> registers --> zones     unique values: judged with each completion
//!                        |             '-> lag       a value that is there twice
//!                        '-> stream  -----> lag       any other model
//!                                            |
//!                                            '-> frontier, as far as all results are known
//! ```
//!
//! Memory: zones keep the values that somebody who is acting now may still find, and the
//! indeterminate operations that nobody has found yet. The frontier keeps the events since the
//! oldest open operation began, and the explanations of those before. So it is the concurrency and
//! the indeterminate operations that count, not the length. An operation that neither completes nor
//! ends as `info` counts as concurrent with everything behind it.

mod lag;
mod model;
mod registers;
mod stream;
#[cfg(test)]
mod tests;
mod zones;

use super::model::{Answer, Call, Misfit, Model};
use super::object::Object;
use super::semantics::Semantics;
use crate::history::pairing::{Processes, Step};
use crate::history::{Datum, Event, EventType, Symbols};

/// A checker that takes events as they come.
pub struct Live {
    processes: Processes,
    /// By slot: the open operations.
    open: Vec<Option<(usize, Event)>>,
    free: Vec<usize>,
    judge: Option<Box<dyn Judge>>,
    found: Option<Violation>,
    /// Why it cannot be called valid any more.
    undecided: Option<String>,
    last_index: usize,
}

/// What was found while events still came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The index of the event with which it became certain.
    pub index: usize,
    /// The key, as JSON text.
    pub key: Option<String>,
    /// One sentence saying what contradicts what.
    pub sentence: String,
}

/// What is known when no more events come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Everything is explained.
    Valid,
    /// It could not be decided within bounded memory, and why.
    Unknown(String),
    /// It is not linearizable.
    Invalid(Violation),
}

/// Where something happened.
#[derive(Clone, Copy)]
struct At<'a> {
    index: usize,
    event: &'a Event,
}

/// Why judging stops.
#[derive(Debug)]
enum Stop {
    /// There is no order.
    Violation { key: Option<String>, sentence: String },
    /// A part cannot be decided; the others can.
    Undecided(String),
    /// Nothing can be said of such events.
    Unfit(String),
}

/// Who judges operations. Slots tell the open ones apart.
trait Judge: Send {
    fn invoke(&mut self, slot: usize, at: At<'_>, symbols: &Symbols) -> Result<(), Stop>;

    /// The operation in this slot, invoked `at`, ends.
    fn complete(
        &mut self,
        slot: usize,
        at: At<'_>,
        end: At<'_>,
        symbols: &Symbols,
    ) -> Result<(), Stop>;

    /// What is open stays open.
    fn finish(&mut self) -> Result<(), Stop>;

    /// The bytes that are held.
    fn bytes(&self) -> u64;
}

impl Live {
    /// A checker that holds at most so many bytes, as far as it can count them.
    pub fn new(object: &Object, semantics: &Semantics, bytes_max: u64) -> Self {
        let registers = |with_cas| registers::Registers::new(semantics, with_cas, bytes_max);
        match object {
            Object::Register => Self::of(Box::new(registers(false))),
            Object::CasRegister => Self::of(Box::new(registers(true))),
            _ => {
                let why = format!("{} is not judged while events come", object.name());
                Self { judge: None, undecided: Some(why), ..Self::of(Box::new(registers(false))) }
            }
        }
    }

    /// The same for a specification of one's own.
    pub fn of_model<M: Model + Send + 'static>(
        model: M,
        semantics: &Semantics,
        bytes_max: u64,
    ) -> Self {
        Self::of(Box::new(stream::Stream::new(model, semantics, bytes_max)))
    }

    fn of(judge: Box<dyn Judge>) -> Self {
        Self {
            processes: Processes::default(),
            open: Vec::new(),
            free: Vec::new(),
            judge: Some(judge),
            found: None,
            undecided: None,
            last_index: 0,
        }
    }

    /// Takes the next event; events come in order of their index. A violation is given once.
    pub fn event(&mut self, index: usize, event: &Event, symbols: &Symbols) -> Option<Violation> {
        self.last_index = index;
        let judge = self.judge.as_mut()?;
        let free = self.free.last().copied().unwrap_or(self.open.len());
        let stopped = match self.processes.step(event, free) {
            Ok(Step::Note) => Ok(()),
            Ok(Step::Invoked) => {
                if self.free.pop().is_none() {
                    self.open.push(None);
                }
                self.open[free] = Some((index, *event));
                judge.invoke(free, At { index, event }, symbols)
            }
            Ok(Step::Completed { invoked: slot }) => {
                self.free.push(slot);
                let (invoked, begin) = self.open[slot].take().expect("it is open");
                let at = At { index: invoked, event: &begin };
                judge.complete(slot, at, At { index, event }, symbols)
            }
            Err(misfit) => {
                Err(Stop::Unfit(format!("event {index} of process {}: {misfit}", event.process)))
            }
        };
        self.stop(stopped)
    }

    fn stop(&mut self, stopped: Result<(), Stop>) -> Option<Violation> {
        match stopped {
            Ok(()) => {}
            Err(Stop::Undecided(why)) => {
                self.undecided.get_or_insert(why);
            }
            Err(Stop::Unfit(why)) => {
                self.judge = None;
                self.undecided = Some(why);
            }
            Err(Stop::Violation { key, sentence }) => {
                self.judge = None;
                self.found = Some(Violation { index: self.last_index, key, sentence });
                return self.found.clone();
            }
        }
        None
    }

    /// No more events come: what is open stays open.
    pub fn finish(mut self) -> Ending {
        if let Some(mut judge) = self.judge.take() {
            let stopped = judge.finish();
            self.stop(stopped);
        }
        match (self.found, self.undecided) {
            (Some(violation), _) => Ending::Invalid(violation),
            (None, Some(why)) => Ending::Unknown(why),
            (None, None) => Ending::Valid,
        }
    }

    /// The bytes that are held now, as far as they are counted.
    pub fn bytes(&self) -> u64 {
        let open = self.open.capacity() * size_of::<Option<(usize, Event)>>();
        self.judge.as_ref().map_or(0, |judge| judge.bytes()) + open as u64
    }
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live")
            .field("found", &self.found)
            .field("undecided", &self.undecided)
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}

/// The operation as a model wants it; what it found is unknown as long as it has not ended.
fn call<'a>(
    at: At<'a>,
    end: Option<At<'a>>,
    key: Option<&'a Datum>,
    symbols: &'a Symbols,
) -> Call<'a> {
    let answer = match end.map(|end| (end.event.kind, end.event)) {
        Some((EventType::Ok, event)) => Answer::Ok(symbols.datum(event.value)),
        Some((EventType::Fail, event)) => Answer::Fail(event.error.map(|e| symbols.text(e))),
        _ => Answer::Unknown,
    };
    Call {
        process: at.event.process,
        f: symbols.text(at.event.f),
        key,
        argument: symbols.datum(at.event.value),
        answer,
    }
}

fn misfit(at: At<'_>, symbols: &Symbols, misfit: &Misfit) -> Stop {
    let (index, f) = (at.index, symbols.text(at.event.f));
    Stop::Unfit(match misfit {
        Misfit::Function(known) => {
            format!("event {index}: {f:?} is no function of this object; it has {known}")
        }
        Misfit::Shape(expected) => format!("event {index}: {f}: expected {expected}"),
    })
}

fn no_order(op: &str, ret: u32) -> String {
    format!("no order of the operations explains {op}, which returned at event {ret}")
}

fn too_large(key: Option<&str>, bytes_max: u64) -> String {
    let of = key.map_or(String::new(), |key| format!(" of key {key}"));
    format!(
        "to keep every explanation{of} takes more than {bytes_max} bytes, or more work than a \
         stream allows; check the whole history instead"
    )
}
