//! From events to the parts of a model's history.

use super::engine::NEVER;
use super::model::{Answer, Call, Misfit, Model, Part, Timed};
use super::semantics::{Open, Semantics};
use crate::history::pairing::{self, Operation};
use crate::history::{Datum, EventType, History, Symbol};
use rustc_hash::FxHashMap;

/// Why a history is none of an object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// This operation is none of the object's.
    #[error("event {index}: {problem}")]
    Operation {
        /// The index of its invocation.
        index: usize,
        /// What was expected.
        problem: String,
    },
    /// The object cannot hold this at first.
    #[error("the initial value: expected {0}")]
    Initial(&'static str),
    /// No operation says anything.
    #[error("the history has no operation that says anything")]
    Nothing,
}

impl From<Misfit> for Unfit {
    fn from(misfit: Misfit) -> Self {
        let (Misfit::Function(expected) | Misfit::Shape(expected)) = misfit;
        Self::Initial(expected)
    }
}

/// A history by parts.
#[derive(Debug)]
pub(super) struct Calls<Op> {
    /// In order of the part's first operation.
    pub(super) parts: Vec<Part<Op>>,
    /// Indeterminate operations, also those that cannot matter.
    pub(super) indeterminate: usize,
}

/// Reads a history as one of this model; an error says which operation is none of it.
pub(super) fn read<M: Model>(
    history: &History,
    model: &M,
    semantics: &Semantics,
) -> Result<Calls<M::Op>, Unfit> {
    let mut calls = Calls { parts: Vec::new(), indeterminate: 0 };
    let mut numbers: FxHashMap<Option<Datum>, usize> = FxHashMap::default();
    let mut keys: FxHashMap<Symbol, Datum> = FxHashMap::default();
    for operation in pairing::operations(history) {
        let invoke = &history.events()[operation.invoke_index()];
        let key = invoke.key.map(|symbol| {
            &*keys.entry(symbol).or_insert_with(|| Datum::from_json_text(history.text(symbol)))
        });
        let call = call(history, operation, key);
        let open = operation.outcome(history) == EventType::Info;
        calls.indeterminate += usize::from(open);
        let op = model
            .read(&call)
            .map_err(|misfit| complaint(operation.invoke_index(), call.f, &misfit))?;
        let Some(op) = op else { continue };
        if open && semantics.open == Open::NeverHappened {
            continue;
        }
        let part = model.part(&call, &op);
        let number = *numbers.entry(part).or_insert_with_key(|part| {
            let name = part.as_ref().map(|part| part.to_json().to_string());
            calls.parts.push(Part { name, ops: Vec::new() });
            calls.parts.len() - 1
        });
        calls.parts[number].ops.push(timed(history, operation, op));
    }
    if calls.parts.is_empty() {
        return Err(Unfit::Nothing);
    }
    Ok(calls)
}

fn call<'a>(history: &'a History, operation: Operation, key: Option<&'a Datum>) -> Call<'a> {
    let invoke = &history.events()[operation.invoke_index()];
    let complete = operation.complete_index().map(|index| &history.events()[index]);
    let answer = match complete.map(|event| (event.kind, event)) {
        Some((EventType::Ok, event)) => Answer::Ok(history.datum(event.value)),
        Some((EventType::Fail, event)) => Answer::Fail(event.error.map(|e| history.text(e))),
        _ => Answer::Unknown,
    };
    Call {
        process: invoke.process,
        f: history.text(invoke.f),
        key,
        argument: history.datum(invoke.value),
        answer,
    }
}

fn timed<Op>(history: &History, operation: Operation, op: Op) -> Timed<Op> {
    let at = operation.complete_index().map_or(NEVER, |index| index as u32);
    let open = operation.outcome(history) == EventType::Info;
    let (ret, info) = if open { (NEVER, at) } else { (at, NEVER) };
    Timed { op, invoke: operation.invoke_index() as u32, ret, info }
}

/// What is wrong with the operation that was invoked there.
pub(super) fn complaint(index: usize, f: &str, misfit: &Misfit) -> Unfit {
    let problem = match misfit {
        Misfit::Function(known) => {
            format!("{f:?} is no function of this object; it has {known}")
        }
        Misfit::Shape(expected) => format!("{f}: expected {expected}"),
    };
    Unfit::Operation { index, problem }
}
