//! From events to one small problem per key.

use super::super::semantics::{FailedCas, NilRead, Open, Semantics};
use super::op::{Effect, INITIAL, KeyHistory, KeyOp, NEVER, ValueId};
use crate::history::{Datum, EventType, History, Symbol, Value, pairing};
use rustc_hash::FxHashMap;

/// A history by keys.
#[derive(Debug)]
pub(super) struct Split {
    /// In order of the key's first event.
    pub(super) keys: Vec<KeyHistory>,
    /// Indeterminate operations, also those that cannot matter.
    pub(super) indeterminate: usize,
}

/// Splits a history; an error says why it cannot be judged.
pub(super) fn split(
    history: &History,
    with_cas: bool,
    semantics: &Semantics,
) -> Result<Split, String> {
    let names: &[&str] = if with_cas { &["read", "write", "cas"] } else { &["read", "write"] };
    let functions: Vec<_> = names.iter().map(|f| history.symbols.get(f)).collect();
    let mut split = Split { keys: Vec::new(), indeterminate: 0 };
    let mut builders: Vec<Builder> = Vec::new();
    let mut numbers: FxHashMap<Option<Symbol>, usize> = FxHashMap::default();
    for op in pairing::operations(history) {
        let invoke = &history.events()[op.invoke_index()];
        let Some(function) = functions.iter().position(|f| *f == Some(invoke.f)) else {
            let (index, f) = (op.invoke_index(), history.text(invoke.f));
            let known = names.join(", ");
            return Err(format!(
                "event {index}: {f:?} is no function of a register; it has {known}"
            ));
        };
        let key = *numbers.entry(invoke.key).or_insert_with(|| {
            builders.push(Builder::new(history, invoke.key, semantics));
            builders.len() - 1
        });
        split.indeterminate += usize::from(op.outcome(history) == EventType::Info);
        builders[key].add(history, function, op, semantics)?;
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
    fn new(history: &History, key: Option<Symbol>, semantics: &Semantics) -> Self {
        let name = key.map(|key| history.text(key).to_owned());
        let initial = semantics.initial.clone();
        Self {
            key: KeyHistory { name, ops: Vec::new(), values: vec![initial.clone()] },
            ids: FxHashMap::default(),
            data: FxHashMap::from_iter([(initial, INITIAL)]),
        }
    }

    fn add(
        &mut self,
        history: &History,
        function: usize,
        op: pairing::Operation,
        semantics: &Semantics,
    ) -> Result<(), String> {
        let argument = history.events()[op.invoke_index()].value;
        let outcome = op.outcome(history);
        let complete =
            op.complete_index().map(|index| (index as u32, history.events()[index].value));
        let missed = function == 2
            && outcome == EventType::Fail
            && semantics.failed_cas == FailedCas::FoundAnother;
        let effect = match (function, outcome, complete) {
            _ if missed => Effect::Miss(self.cas(history, op)?.0),
            (_, EventType::Info, _) if semantics.open == Open::NeverHappened => return Ok(()),
            // What failed did not happen. A read that nobody saw the result of constrains nothing.
            (_, EventType::Fail, _) | (0, EventType::Info, _) => return Ok(()),
            (0, _, Some((_, Value::Nil))) if semantics.nil_read == NilRead::Unconstrained => {
                return Ok(());
            }
            (0, _, Some((_, result))) => Effect::Read(self.value(history, result)),
            (1, ..) => Effect::Write(self.value(history, argument)),
            _ => {
                let (from, to) = self.cas(history, op)?;
                Effect::Cas(from, to)
            }
        };
        let at = complete.map_or(NEVER, |(index, _)| index);
        let (ret, info) = if outcome != EventType::Info { (at, NEVER) } else { (NEVER, at) };
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

    fn cas(
        &mut self,
        history: &History,
        op: pairing::Operation,
    ) -> Result<(ValueId, ValueId), String> {
        let index = op.invoke_index();
        self.pair(history, history.events()[index].value)
            .ok_or_else(|| format!("event {index}: expected [from, to] as the value of a cas"))
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
pub(super) fn drop_unobserved(ops: &mut Vec<KeyOp>, values: usize) {
    // Whoever found another value than one may have found any.
    if ops.iter().any(|op| matches!(op.effect, Effect::Miss(_))) {
        return;
    }
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
