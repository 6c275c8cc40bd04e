//! From events to one small problem per key: effects on small integers, intervals on event indices.

use crate::history::{Datum, EventType, History, Symbol, Value, pairing};
use rustc_hash::FxHashMap;

/// A value of one key, numbered in order of first sight. The initial value is number zero.
pub(super) type ValueId = u32;

/// The value that every key holds at first.
pub(super) const INITIAL: ValueId = 0;

/// The interval of an operation that nobody saw return never ends.
pub(super) const NEVER: u32 = u32::MAX;

/// What an operation does to the register, with its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Effect {
    /// Found this value.
    Read(ValueId),
    /// Set this value.
    Write(ValueId),
    /// Found the first value and set the second.
    Cas(ValueId, ValueId),
}

impl Effect {
    /// The value that it must find.
    pub(super) fn observes(self) -> Option<ValueId> {
        match self {
            Self::Read(value) | Self::Cas(value, _) => Some(value),
            Self::Write(_) => None,
        }
    }

    /// The value that it leaves behind.
    pub(super) fn produces(self) -> Option<ValueId> {
        match self {
            Self::Read(_) => None,
            Self::Write(value) | Self::Cas(_, value) => Some(value),
        }
    }

    /// The state after it, if it can happen in this one.
    pub(super) fn apply(self, state: ValueId) -> Option<ValueId> {
        match self.observes() {
            Some(value) if value != state => None,
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

/// A history by keys.
#[derive(Debug)]
pub(super) struct Split {
    /// In order of the key's first event.
    pub(super) keys: Vec<KeyHistory>,
    /// Indeterminate operations, also those that cannot matter.
    pub(super) indeterminate: usize,
    /// Operations of functions that no register has.
    pub(super) foreign: usize,
}

/// Splits a history; an error says why it cannot be judged.
pub(super) fn split(history: &History) -> Result<Split, String> {
    let functions = ["read", "write", "cas"].map(|f| history.symbols.get(f));
    let mut split = Split { keys: Vec::new(), indeterminate: 0, foreign: 0 };
    let mut builders: Vec<Builder> = Vec::new();
    let mut numbers: FxHashMap<Option<Symbol>, usize> = FxHashMap::default();
    for op in pairing::operations(history) {
        let invoke = &history.events()[op.invoke_index()];
        let Some(function) = functions.iter().position(|f| *f == Some(invoke.f)) else {
            split.foreign += 1;
            continue;
        };
        let key = *numbers.entry(invoke.key).or_insert_with(|| {
            builders.push(Builder::new(history, invoke.key));
            builders.len() - 1
        });
        split.indeterminate += usize::from(op.outcome(history) == EventType::Info);
        builders[key].add(history, function, op)?;
    }
    if builders.is_empty() {
        return Err("the history has no read, write or cas".to_owned());
    }
    split.keys = builders.into_iter().map(Builder::finish).collect();
    Ok(split)
}

struct Builder {
    key: KeyHistory,
    ids: FxHashMap<Value, ValueId>,
    data: FxHashMap<Datum, ValueId>,
}

impl Builder {
    fn new(history: &History, key: Option<Symbol>) -> Self {
        let name = key.map(|key| history.text(key).to_owned());
        Self {
            key: KeyHistory { name, ops: Vec::new(), values: vec![Datum::Nil] },
            ids: FxHashMap::from_iter([(Value::Nil, INITIAL)]),
            data: FxHashMap::from_iter([(Datum::Nil, INITIAL)]),
        }
    }

    fn add(
        &mut self,
        history: &History,
        function: usize,
        op: pairing::Operation,
    ) -> Result<(), String> {
        let argument = history.events()[op.invoke_index()].value;
        let outcome = op.outcome(history);
        let complete =
            op.complete_index().map(|index| (index as u32, history.events()[index].value));
        let effect = match (function, outcome, complete) {
            // What failed did not happen. A read that nobody saw the result of constrains nothing.
            (_, EventType::Fail, _) | (0, EventType::Info, _) => return Ok(()),
            (0, _, Some((_, result))) => Effect::Read(self.value(history, result)),
            (1, ..) => Effect::Write(self.value(history, argument)),
            _ => {
                let (from, to) = self.pair(history, argument).ok_or_else(|| {
                    let index = op.invoke_index();
                    format!("event {index}: expected [from, to] as the value of a cas")
                })?;
                Effect::Cas(from, to)
            }
        };
        let at = complete.map_or(NEVER, |(index, _)| index);
        let (ret, info) = if outcome == EventType::Ok { (at, NEVER) } else { (NEVER, at) };
        self.key.ops.push(KeyOp { effect, invoke: op.invoke_index() as u32, ret, info });
        Ok(())
    }

    fn value(&mut self, history: &History, value: Value) -> ValueId {
        if let Some(&id) = self.ids.get(&value) {
            return id;
        }
        let id = self.datum(history.datum(value));
        self.ids.insert(value, id);
        id
    }

    fn datum(&mut self, datum: Datum) -> ValueId {
        let next = self.key.values.len() as ValueId;
        let id = *self.data.entry(datum.clone()).or_insert(next);
        if id == next {
            self.key.values.push(datum);
        }
        id
    }

    fn pair(&mut self, history: &History, value: Value) -> Option<(ValueId, ValueId)> {
        match value {
            Value::Pair(from, to) => {
                let [from, to] = [from, to].map(|number| Value::Int(number.into()));
                Some((self.value(history, from), self.value(history, to)))
            }
            Value::Interned(_) => match history.datum(value).to_json() {
                serde_json::Value::Array(pair) => {
                    let [from, to] = <[_; 2]>::try_from(pair).ok()?.map(Datum::from_json);
                    Some((self.datum(from), self.datum(to)))
                }
                _ => None,
            },
            Value::Nil | Value::Int(_) => None,
        }
    }

    fn finish(mut self) -> KeyHistory {
        drop_unobserved(&mut self.key.ops, self.key.values.len());
        self.key
    }
}

/// Drops the indeterminate operations whose value no kept operation observes.
///
/// A value is observed if an `ok` read or cas found it, or if an indeterminate cas that is kept
/// itself may have found it. The history without the dropped operations is legal iff the whole one
/// is:
/// * an order without them is an order of the whole, since an indeterminate operation need not
///   happen;
/// * in an order of the whole, whoever finds a value v has behind it the last operation that set
///   it; v is observed, so that operation is kept, and so is the order's legality when all
///   the dropped ones are taken out at once.
///
/// Without the part about kept cas this would be wrong: in `info write 1, info cas 1 -> 2, ok read
/// 2` nobody who certainly acted saw 1, but without that write the read is impossible.
fn drop_unobserved(ops: &mut Vec<KeyOp>, values: usize) {
    let mut observed = vec![false; values];
    let mut cas_to: Vec<Vec<ValueId>> = vec![Vec::new(); values];
    let mut found: Vec<ValueId> = Vec::new();
    for op in ops.iter() {
        match (op.effect, op.ret) {
            (Effect::Cas(from, to), NEVER) => cas_to[to as usize].push(from),
            (effect, _) => found.extend(effect.observes()),
        }
    }
    while let Some(value) = found.pop() {
        if !std::mem::replace(&mut observed[value as usize], true) {
            found.append(&mut cas_to[value as usize]);
        }
    }
    ops.retain(|op| {
        op.ret != NEVER || op.effect.produces().is_some_and(|value| observed[value as usize])
    });
}
