//! A register as a [`Model`], straight from the recorded events: what a linearization is checked
//! with. It shares nothing with the engines' tables, so a mistake in these is found.

use super::super::model::{Answer, Call, Misfit, Model};
use super::super::semantics::{FailedCas, NilRead, Semantics};
use crate::history::Datum;

/// A register per key.
pub(super) struct Recorded<'a> {
    pub(super) semantics: &'a Semantics,
}

/// What an operation found, and what it set.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Op {
    Read(Datum),
    Write(Datum),
    Cas(Datum, Datum),
    FailedCas(Datum),
}

impl Model for Recorded<'_> {
    type Op = Op;
    type State = Datum;

    fn read(&self, call: &Call<'_>) -> Result<Option<Op>, Misfit> {
        Ok(match (call.f, &call.answer) {
            ("read", Answer::Ok(Datum::Nil))
                if self.semantics.nil_read == NilRead::Unconstrained =>
            {
                None
            }
            ("read", Answer::Ok(found)) => Some(Op::Read(found.clone())),
            ("read", _) | ("write", Answer::Fail(_)) => None,
            ("write", _) => Some(Op::Write(call.argument.clone())),
            ("cas", answer) => {
                let (from, to) = pair(&call.argument)?;
                match (answer, self.semantics.failed_cas) {
                    (Answer::Fail(_), FailedCas::DidNotHappen) => None,
                    (Answer::Fail(_), FailedCas::FoundAnother) => Some(Op::FailedCas(from)),
                    (Answer::Ok(_) | Answer::Unknown, _) => Some(Op::Cas(from, to)),
                }
            }
            _ => return Err(Misfit::Function("read, write, cas")),
        })
    }

    fn initial(&self) -> Datum {
        self.semantics.initial.clone()
    }

    fn step(&self, state: &Datum, op: &Op, next: &mut Vec<Datum>) {
        next.extend(match op {
            Op::Read(found) => (found == state).then(|| state.clone()),
            Op::Write(value) => Some(value.clone()),
            Op::Cas(from, to) => (from == state).then(|| to.clone()),
            Op::FailedCas(from) => (from != state).then(|| state.clone()),
        });
    }
}

fn pair(datum: &Datum) -> Result<(Datum, Datum), Misfit> {
    let misfit = Misfit::Shape("[from, to]");
    let serde_json::Value::Array(pair) = datum.to_json() else { return Err(misfit) };
    let [from, to] = <[_; 2]>::try_from(pair).map_err(|_| misfit)?.map(Datum::from_json);
    Ok((from, to))
}
