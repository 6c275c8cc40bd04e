//! From events to what sessions did: who read whose write.
//!
//! ```text
//!   session   a process; after an `info` its worker goes on as another session, because nobody
//!             knows whether the two share anything
//!   op        what one operation found (whose write, or the initial value) and whether it set one
//! ```
//!
//! Every value that somebody found was written once, else it cannot be told what was found. An `ok`
//! cas found the one value and set the other at once. What failed did not happen. What is
//! indeterminate happened if somebody found its value; else it is left out, which no promise can
//! notice: whoever finds nothing of a write keeps finding what it found without it. A read that
//! nobody saw the result of says nothing.

use crate::history::{Datum, EventType, History, Process, Symbol, Value, pairing};
use crate::linearizable::Semantics;
use crate::linearizable::engine::NEVER;
use crate::linearizable::semantics::{FailedCas, NilRead, Open};
use rustc_hash::FxHashMap;

/// Whose value was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// Nobody's: the key held what it held at first.
    Initial,
    /// The value of the operation at this position.
    Op(u32),
}

/// An operation that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Op {
    pub(super) session: u32,
    pub(super) key: u32,
    /// What it found: a read, or the first half of a cas.
    pub(super) finds: Option<Source>,
    /// Whether it set a value.
    pub(super) sets: bool,
    /// The index of the invocation in the history.
    pub(super) invoke: u32,
    /// The index of the `ok`, or [`NEVER`] for an indeterminate operation.
    pub(super) ret: u32,
    /// The index of an `info`, for the reader of the evidence; else [`NEVER`].
    pub(super) info: u32,
}

impl Op {
    /// The write whose value it found.
    pub(super) fn source(&self) -> Option<u32> {
        match self.finds {
            Some(Source::Op(at)) => Some(at),
            _ => None,
        }
    }
}

/// Operations in order of invocation, which is the order of each session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) ops: Vec<Op>,
    /// Sessions are numbered below this.
    pub(super) sessions: usize,
    /// Keys are numbered below this.
    pub(super) keys: usize,
}

impl Problem {
    /// The same with these operations only, positions in order. Who found the value of one that is
    /// gone is gone as well; a cas is only a write then. What is left breaks nothing that the whole
    /// keeps.
    pub(super) fn restrict(&self, keep: &[u32]) -> Self {
        const GONE: u32 = u32::MAX;
        let mut kept = vec![false; self.ops.len()];
        for &at in keep {
            kept[at as usize] = true;
        }
        let lost = |op: &Op| op.source().is_some_and(|source| !kept[source as usize]);
        let stays = |at: usize| kept[at] && (self.ops[at].sets || !lost(&self.ops[at]));
        let mut place = vec![GONE; self.ops.len()];
        let mut next = 0;
        for &at in keep.iter().filter(|&&at| stays(at as usize)) {
            place[at as usize] = next;
            next += 1;
        }
        let ops = keep.iter().filter(|&&at| stays(at as usize)).map(|&at| {
            let op = self.ops[at as usize];
            let finds = match op.finds {
                Some(Source::Op(source)) if kept[source as usize] => {
                    Some(Source::Op(place[source as usize]))
                }
                Some(Source::Op(_)) => None,
                other => other,
            };
            Op { finds, ..op }
        });
        Self { ops: ops.collect(), ..*self }
    }
}

/// A history as the promises see it.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) problem: Problem,
    /// The keys as JSON text.
    pub(super) keys: Vec<Option<Symbol>>,
    /// An operation that found a value which nobody can have written.
    pub(super) thin_air: Option<Op>,
    /// Why nothing can be called valid: an operation that says more than is judged here.
    pub(super) doubt: Option<String>,
    /// Indeterminate operations that happened, since somebody found their values.
    pub(super) found: usize,
}

/// Reads a history of registers; an error says why it cannot be judged.
pub(super) fn read(history: &History, semantics: &Semantics) -> Result<Reading, String> {
    let mut reader = Reader::new(history, semantics);
    let functions = ["read", "write", "cas"].map(|f| history.symbols.get(f));
    for op in pairing::operations(history) {
        let invoke = &history.events()[op.invoke_index()];
        let Some(function) = functions.iter().position(|f| *f == Some(invoke.f)) else {
            let (index, f) = (op.invoke_index(), history.text(invoke.f));
            return Err(format!(
                "event {index}: {f:?} is no function of a register; it has read, write, cas"
            ));
        };
        reader.add(function, op)?;
    }
    if reader.raw.is_empty() {
        return Err("the history has no read, write or cas that says anything".to_owned());
    }
    reader.finish()
}

/// A value of any key, numbered in order of first sight; the initial one is number zero.
type ValueId = u32;

#[derive(Clone, Copy)]
struct Raw {
    op: Op,
    finds: Option<ValueId>,
    sets: Option<ValueId>,
}

struct Reader<'a> {
    history: &'a History,
    semantics: &'a Semantics,
    raw: Vec<Raw>,
    sessions: FxHashMap<Process, u32>,
    key_numbers: FxHashMap<Option<Symbol>, u32>,
    keys: Vec<Option<Symbol>>,
    ids: FxHashMap<Value, ValueId>,
    data: FxHashMap<Datum, ValueId>,
    doubt: Option<String>,
}

impl<'a> Reader<'a> {
    fn new(history: &'a History, semantics: &'a Semantics) -> Self {
        Self {
            history,
            semantics,
            raw: Vec::new(),
            sessions: FxHashMap::default(),
            key_numbers: FxHashMap::default(),
            keys: Vec::new(),
            ids: FxHashMap::default(),
            data: FxHashMap::from_iter([(semantics.initial.clone(), 0)]),
            doubt: None,
        }
    }

    fn add(&mut self, function: usize, operation: pairing::Operation) -> Result<(), String> {
        let index = operation.invoke_index();
        let invoke = &self.history.events()[index];
        let outcome = operation.outcome(self.history);
        let open = outcome == EventType::Info;
        let at = operation.complete_index().map_or(NEVER, |index| index as u32);
        let missed = outcome == EventType::Fail
            && function == 2
            && self.semantics.failed_cas == FailedCas::FoundAnother;
        if missed && self.doubt.is_none() {
            self.doubt = Some(format!(
                "event {index}: that a failed cas found another value is not judged here"
            ));
        }
        let never = open && self.semantics.open == Open::NeverHappened;
        if outcome == EventType::Fail || never || (open && function == 0) {
            return Ok(());
        }
        let (finds, sets) = match function {
            0 => {
                let value = self.history.events()[at as usize].value;
                let says_nothing = self.semantics.nil_read == NilRead::Unconstrained;
                if value == Value::Nil && says_nothing {
                    return Ok(());
                }
                (Some(self.value(value)), None)
            }
            1 => (None, Some(self.value(invoke.value))),
            _ => self.pair(invoke.value).ok_or_else(|| {
                format!("event {index}: expected [from, to] as the value of a cas")
            })?,
        };
        let next = self.sessions.len() as u32;
        let session = *self.sessions.entry(invoke.process).or_insert(next);
        let key = *self.key_numbers.entry(invoke.key).or_insert_with(|| {
            self.keys.push(invoke.key);
            self.keys.len() as u32 - 1
        });
        let (ret, info) = if open { (NEVER, at) } else { (at, NEVER) };
        let invoke = index as u32;
        let op = Op { session, key, finds: None, sets: sets.is_some(), invoke, ret, info };
        self.raw.push(Raw { op, finds, sets });
        Ok(())
    }

    fn value(&mut self, value: Value) -> ValueId {
        if let Some(&id) = self.ids.get(&value) {
            return id;
        }
        let id = self.datum(self.history.datum(value));
        self.ids.insert(value, id);
        id
    }

    fn datum(&mut self, datum: Datum) -> ValueId {
        let next = self.data.len() as ValueId;
        *self.data.entry(datum).or_insert(next)
    }

    fn pair(&mut self, value: Value) -> Option<(Option<ValueId>, Option<ValueId>)> {
        let serde_json::Value::Array(pair) = self.history.datum(value).to_json() else {
            return None;
        };
        let [from, to] = <[_; 2]>::try_from(pair).ok()?.map(Datum::from_json);
        Some((Some(self.datum(from)), Some(self.datum(to))))
    }

    fn finish(self) -> Result<Reading, String> {
        let mut writers: FxHashMap<(u32, ValueId), [Option<u32>; 2]> = FxHashMap::default();
        for (at, raw) in self.raw.iter().enumerate() {
            let Some(value) = raw.sets else { continue };
            let writers = writers.entry((raw.op.key, value)).or_default();
            if let Some(free) = writers.iter_mut().find(|writer| writer.is_none()) {
                *free = Some(at as u32);
            }
        }
        let happened = self.happened(&writers)?;
        let mut place = vec![0; self.raw.len()];
        let kept: Vec<usize> = (0..self.raw.len()).filter(|&at| happened[at]).collect();
        for (next, &at) in kept.iter().enumerate() {
            place[at] = next as u32;
        }
        let mut thin_air = None;
        let mut ops = Vec::with_capacity(kept.len());
        for raw in kept.iter().map(|&at| self.raw[at]) {
            let writer = |value| writers.get(&(raw.op.key, value)).and_then(|of| of[0]);
            let finds = match raw.finds.map(|value| (value, writer(value))) {
                None => None,
                Some((0, _)) => Some(Source::Initial),
                Some((_, Some(writer))) => Some(Source::Op(place[writer as usize])),
                Some((_, None)) => {
                    thin_air = thin_air.or(Some(raw.op));
                    None
                }
            };
            ops.push(Op { finds, ..raw.op });
        }
        let problem = Problem { ops, sessions: self.sessions.len(), keys: self.keys.len() };
        let found = problem.ops.iter().filter(|op| op.ret == NEVER).count();
        Ok(Reading { problem, keys: self.keys, thin_air, doubt: self.doubt, found })
    }

    /// Which operations happened: the certain ones, and those whose value one of them found.
    fn happened(
        &self,
        writers: &FxHashMap<(u32, ValueId), [Option<u32>; 2]>,
    ) -> Result<Vec<bool>, String> {
        let mut happened: Vec<bool> = self.raw.iter().map(|raw| raw.op.ret != NEVER).collect();
        let mut new: Vec<usize> = (0..self.raw.len()).filter(|&at| happened[at]).collect();
        while let Some(at) = new.pop() {
            let Raw { op, finds: Some(value), .. } = self.raw[at] else { continue };
            let Some(&[Some(writer), other]) = writers.get(&(op.key, value)) else { continue };
            if value == 0 || other.is_some() {
                return Err(self.ambiguous(at, writer, other));
            }
            if !std::mem::replace(&mut happened[writer as usize], true) {
                new.push(writer as usize);
            }
        }
        Ok(happened)
    }

    fn ambiguous(&self, finder: usize, writer: u32, other: Option<u32>) -> String {
        let event = |at: u32| self.raw[at as usize].op.invoke;
        let key = self.keys[self.raw[finder].op.key as usize];
        let key = key.map_or(String::new(), |key| format!(" of key {}", self.history.text(key)));
        let (finder, first) = (self.raw[finder].op.invoke, event(writer));
        let same = match other {
            Some(other) => format!("the writes of events {first} and {}", event(other)),
            None => format!("the initial value and the write of event {first}"),
        };
        format!(
            "what event {finder} found{key} is ambiguous: {same} are the same value; \
             give every write a value of its own"
        )
    }
}
