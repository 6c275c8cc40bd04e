//! A register as a sequential specification, for the frontier.

use super::super::model::{Answer, Call, Misfit, Model};
use super::super::semantics::{FailedCas, NilRead, Semantics};
use crate::history::Datum;

/// A register under these semantics, with or without cas.
#[derive(Clone, Debug)]
pub(super) struct Register {
    pub(super) semantics: Semantics,
    pub(super) with_cas: bool,
}

/// What is done to it, with its result.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Access {
    /// Found this value.
    Read(Datum),
    /// Set this value.
    Write(Datum),
    /// Found the first value and set the second.
    Cas(Datum, Datum),
    /// Found another value than this one.
    Miss(Datum),
}

impl Model for Register {
    type Op = Access;
    /// Nothing stands for a value that nobody can find any more.
    type State = Option<Datum>;

    fn read(&self, call: &Call<'_>) -> Result<Option<Access>, Misfit> {
        match (call.f, &call.answer) {
            ("read", Answer::Ok(Datum::Nil))
                if self.semantics.nil_read == NilRead::Unconstrained =>
            {
                Ok(None)
            }
            ("read", Answer::Ok(found)) => Ok(Some(Access::Read(found.clone()))),
            ("write", Answer::Ok(_) | Answer::Unknown) => {
                Ok(Some(Access::Write(call.argument.clone())))
            }
            ("read" | "write", _) => Ok(None),
            ("cas", answer) if self.with_cas => {
                let (from, to) = pair(&call.argument)?;
                Ok(match (answer, self.semantics.failed_cas) {
                    (Answer::Ok(_) | Answer::Unknown, _) => Some(Access::Cas(from, to)),
                    (Answer::Fail(_), FailedCas::FoundAnother) => Some(Access::Miss(from)),
                    (Answer::Fail(_), FailedCas::DidNotHappen) => None,
                })
            }
            _ if self.with_cas => Err(Misfit::Function("read, write, cas")),
            _ => Err(Misfit::Function("read, write")),
        }
    }

    fn initial(&self) -> Option<Datum> {
        Some(self.semantics.initial.clone())
    }

    fn step(&self, state: &Option<Datum>, op: &Access, next: &mut Vec<Option<Datum>>) {
        let holds = |value: &Datum| state.as_ref() == Some(value);
        match op {
            Access::Write(to) => next.push(Some(to.clone())),
            Access::Cas(from, to) if holds(from) => next.push(Some(to.clone())),
            Access::Read(found) if holds(found) => next.push(state.clone()),
            Access::Miss(value) if !holds(value) => next.push(state.clone()),
            Access::Cas(..) | Access::Read(_) | Access::Miss(_) => {}
        }
    }

    fn observes_only(&self, op: &Access) -> bool {
        matches!(op, Access::Read(_) | Access::Miss(_))
    }

    fn op_text(&self, op: &Access) -> String {
        match op {
            Access::Read(found) => format!("read -> {found}"),
            Access::Write(to) => format!("write {to}"),
            Access::Cas(from, to) => format!("cas {from} -> {to}"),
            Access::Miss(value) => format!("cas that did not find {value}"),
        }
    }
}

fn pair(argument: &Datum) -> Result<(Datum, Datum), Misfit> {
    match argument {
        Datum::Pair(from, to) => Ok((Datum::Int(*from), Datum::Int(*to))),
        Datum::Json(json) => match json.as_array().map(Vec::as_slice) {
            Some([from, to]) => Ok((Datum::from_json(from.clone()), Datum::from_json(to.clone()))),
            _ => Err(Misfit::Shape("[from, to] as the value")),
        },
        Datum::Nil | Datum::Int(_) => Err(Misfit::Shape("[from, to] as the value")),
    }
}
