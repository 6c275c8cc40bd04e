//! From events to one small problem per key.

use super::super::calls::Unfit;
use super::super::semantics::{FailedCas, NilRead, Open, Semantics};
use super::op::{Effect, KeyHistory, KeyOp, NEVER, ValueId};
use super::values::Values;
use crate::history::{EventType, History, Symbol, Value, pairing};
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
) -> Result<Split, Unfit> {
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
            let problem = format!("{f:?} is no function of a register; it has {known}");
            return Err(Unfit::Operation { index, problem });
        };
        let key = *numbers.entry(invoke.key).or_insert_with(|| {
            builders.push(Builder::new(history, invoke.key, semantics));
            builders.len() - 1
        });
        split.indeterminate += usize::from(op.outcome(history) == EventType::Info);
        builders[key].add(history, function, op, semantics)?;
    }
    if builders.is_empty() {
        return Err(Unfit::Nothing);
    }
    split.keys = builders.into_iter().map(Builder::finish).collect();
    Ok(split)
}

struct Builder {
    name: Option<String>,
    ops: Vec<KeyOp>,
    values: Values,
}

impl Builder {
    fn new(history: &History, key: Option<Symbol>, semantics: &Semantics) -> Self {
        let name = key.map(|key| history.text(key).to_owned());
        Self { name, ops: Vec::new(), values: Values::new(&semantics.initial) }
    }

    fn add(
        &mut self,
        history: &History,
        function: usize,
        op: pairing::Operation,
        semantics: &Semantics,
    ) -> Result<(), Unfit> {
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
            (0, _, Some((_, result))) => Effect::Read(self.values.number(&history.symbols, result)),
            (1, ..) => Effect::Write(self.values.number(&history.symbols, argument)),
            _ => {
                let (from, to) = self.cas(history, op)?;
                Effect::Cas(from, to)
            }
        };
        let at = complete.map_or(NEVER, |(index, _)| index);
        let (ret, info) = if outcome != EventType::Info { (at, NEVER) } else { (NEVER, at) };
        self.ops.push(KeyOp { effect, invoke: op.invoke_index() as u32, ret, info });
        Ok(())
    }

    fn cas(
        &mut self,
        history: &History,
        op: pairing::Operation,
    ) -> Result<(ValueId, ValueId), Unfit> {
        let index = op.invoke_index();
        self.values.pair(&history.symbols, history.events()[index].value).ok_or_else(|| {
            Unfit::Operation { index, problem: "cas: expected [from, to] as its value".to_owned() }
        })
    }

    fn finish(mut self) -> KeyHistory {
        drop_unobserved(&mut self.ops, self.values.len());
        KeyHistory { name: self.name, ops: self.ops, values: self.values.into_data() }
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
    let missed = |op: &KeyOp| matches!(op.effect, Effect::Miss(_));
    if ops.iter().all(|op| op.ret != NEVER) || ops.iter().any(missed) {
        return;
    }
    let mut observed = vec![false; values];
    let mut cas: Vec<(ValueId, ValueId)> = Vec::new();
    let mut found: Vec<ValueId> = Vec::new();
    for op in ops.iter() {
        match (op.effect, op.ret) {
            (Effect::Cas(from, to), NEVER) => cas.push((to, from)),
            (effect, _) => {
                let value = effect.observes();
                found
                    .extend(value.filter(|v| !std::mem::replace(&mut observed[*v as usize], true)));
            }
        }
    }
    cas.sort_unstable();
    while let Some(value) = found.pop() {
        let from = cas.partition_point(|(to, _)| *to < value);
        let asked = cas[from..].iter().take_while(|(to, _)| *to == value).map(|(_, from)| *from);
        found.extend(asked.filter(|v| !std::mem::replace(&mut observed[*v as usize], true)));
    }
    ops.retain(|op| {
        op.ret != NEVER || op.effect.produces().is_some_and(|value| observed[value as usize])
    });
}
