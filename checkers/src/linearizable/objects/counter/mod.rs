//! A counter: `add` of any whole number, `increment`, `decrement`, `read`.
//!
//! | operation | argument | answer |
//! |---|---|---|
//! | `add` | a whole number, negative too; nil is 1 | not looked at |
//! | `increment`, `inc`, `decrement`, `dec` | the step; nil is 1 | not looked at |
//! | `read` | not looked at | the sum so far; nil as the semantics say |
//!
//! It begins at the semantics' initial value, nil being 0. Sums are held wide, so that no history
//! overflows them.

mod monitor;
#[cfg(test)]
mod tests;

use super::super::model::{Answer, Call, Misfit, Model, Monitored, Part};
use super::super::semantics::{NilRead, Semantics};
use crate::history::Datum;

/// A counter.
#[derive(Clone, Copy, Debug)]
pub struct Counter {
    initial: i64,
    nil_read: NilRead,
}

/// An operation on a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CounterOp {
    /// So much more, or less.
    Add(i64),
    /// The sum was this.
    Read(i64),
}

impl Counter {
    /// A counter that begins at the semantics' initial value.
    ///
    /// # Errors
    /// When the initial value is neither nil nor a whole number.
    pub fn new(semantics: &Semantics) -> Result<Self, Misfit> {
        let initial = match semantics.initial {
            Datum::Nil => 0,
            Datum::Int(number) => number,
            _ => return Err(Misfit::Shape("a whole number or nil as the initial value")),
        };
        Ok(Self { initial, nil_read: semantics.nil_read })
    }
}

impl Model for Counter {
    type Op = CounterOp;
    /// A sum of fewer than 2^32 numbers of 64 bits fits.
    type State = i128;

    fn read(&self, call: &Call<'_>) -> Result<Option<CounterOp>, Misfit> {
        if matches!(call.answer, Answer::Fail(_)) && known(call.f) {
            return Ok(None);
        }
        match call.f {
            "add" | "increment" | "inc" => Ok(Some(CounterOp::Add(step(&call.argument)?))),
            "decrement" | "dec" => step(&call.argument)?
                .checked_neg()
                .map(|negative| Some(CounterOp::Add(negative)))
                .ok_or(Misfit::Shape("a step that can be taken away")),
            "read" => match &call.answer {
                Answer::Ok(Datum::Int(sum)) => Ok(Some(CounterOp::Read(*sum))),
                Answer::Ok(Datum::Nil) if self.nil_read == NilRead::Found => {
                    Ok(Some(CounterOp::Read(0)))
                }
                Answer::Ok(Datum::Nil) | Answer::Fail(_) | Answer::Unknown => Ok(None),
                Answer::Ok(_) => Err(Misfit::Shape("a whole number as the answer")),
            },
            _ => Err(Misfit::Function("add, increment, decrement, read")),
        }
    }

    fn initial(&self) -> i128 {
        self.initial.into()
    }

    fn step(&self, state: &i128, op: &CounterOp, next: &mut Vec<i128>) {
        match *op {
            CounterOp::Add(delta) => next.push(state + i128::from(delta)),
            CounterOp::Read(sum) if i128::from(sum) == *state => next.push(*state),
            CounterOp::Read(_) => {}
        }
    }

    fn observes_only(&self, op: &CounterOp) -> bool {
        matches!(op, CounterOp::Read(_) | CounterOp::Add(0))
    }

    fn monitor(&self, part: &Part<CounterOp>) -> Monitored {
        monitor::decide(self.initial, part)
    }

    fn op_text(&self, op: &CounterOp) -> String {
        text(*op)
    }

    fn state_text(&self, state: &i128) -> String {
        state.to_string()
    }
}

fn text(op: CounterOp) -> String {
    match op {
        CounterOp::Add(delta) => format!("add {delta}"),
        CounterOp::Read(sum) => format!("read -> {sum}"),
    }
}

fn known(f: &str) -> bool {
    matches!(f, "add" | "increment" | "inc" | "decrement" | "dec" | "read")
}

fn step(argument: &Datum) -> Result<i64, Misfit> {
    match argument {
        Datum::Nil => Ok(1),
        Datum::Int(delta) => Ok(*delta),
        _ => Err(Misfit::Shape("a whole number, or nothing for 1")),
    }
}
