//! Operations in words.

use super::ops::{Op, Problem};
use crate::history::{History, Symbol, Value};
use crate::linearizable::engine::NEVER;
use crate::verdict::EvidenceOp;
use crate::words::quoted;

/// The most that is quoted of a value or a key, in characters.
const TEXT_CHARS_MAX: usize = 40;

/// What names operations.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words<'a> {
    pub(super) history: &'a History,
    pub(super) keys: &'a [Option<Symbol>],
}

impl Words<'_> {
    /// `x=`, or nothing if there is no key.
    fn key(&self, op: &Op) -> String {
        self.keys[op.key as usize].map_or(String::new(), |key| {
            format!("{}=", quoted(self.history.text(key), TEXT_CHARS_MAX))
        })
    }

    /// What it asked for, and what it found: of a read both are the same.
    fn values(&self, op: &Op) -> (String, String) {
        let text = |value| quoted(&self.history.datum(value).to_string(), TEXT_CHARS_MAX);
        let invoke = &self.history.events()[op.invoke as usize];
        if !op.sets {
            let found = text(self.history.events()[op.ret as usize].value);
            return (found.clone(), found);
        }
        if self.history.text(invoke.f) != "cas" {
            return (String::new(), text(invoke.value));
        }
        let pair = match invoke.value {
            Value::Pair(from, to) => Some((from.to_string(), to.to_string())),
            value => match self.history.datum(value).to_json() {
                serde_json::Value::Array(pair) => {
                    let half = |at: usize| {
                        let datum = crate::history::Datum::from_json(pair.get(at)?.clone());
                        Some(quoted(&datum.to_string(), TEXT_CHARS_MAX))
                    };
                    half(0).zip(half(1))
                }
                _ => None,
            },
        };
        pair.expect("a cas was read as a pair")
    }

    /// `key x`, or `the register` if there is no key.
    pub(super) fn key_text(&self, op: &Op) -> String {
        self.keys[op.key as usize].map_or("the register".to_owned(), |key| {
            format!("key {}", quoted(self.history.text(key), TEXT_CHARS_MAX))
        })
    }

    /// Who acted.
    pub(super) fn process(&self, op: &Op) -> String {
        format!("process {}", self.history.events()[op.invoke as usize].process)
    }

    /// `x=2`: the value that it set, else the one that it found.
    pub(super) fn value(&self, op: &Op) -> String {
        format!("{}{}", self.key(op), self.values(op).1)
    }

    /// `read x=2`, `write x=2`, `cas x=1 -> 2`.
    pub(super) fn text(&self, op: &Op) -> String {
        let (key, (from, to)) = (self.key(op), self.values(op));
        match (op.sets, from.is_empty()) {
            (false, _) => format!("read {key}{to}"),
            (true, true) => format!("write {key}{to}"),
            (true, false) => format!("cas {key}{from} -> {to}"),
        }
    }

    /// `read x=2 by process 3`.
    pub(super) fn by(&self, op: &Op) -> String {
        format!("{} by {}", self.text(op), self.process(op))
    }

    /// The operation as evidence. That a cas compared is noted as irrelevant if it is.
    pub(super) fn evidence_op(&self, op: &Op) -> EvidenceOp {
        let events = self.history.events();
        let invoke = &events[op.invoke as usize];
        let end = if op.ret == NEVER { op.info } else { op.ret };
        let complete_index = (end != NEVER).then_some(end as usize);
        let f = self.history.text(invoke.f);
        let note = (op.sets && op.finds.is_none() && f == "cas")
            .then_some("that it compared does not matter here, only what it set");
        EvidenceOp {
            invoke_index: op.invoke as usize,
            complete_index,
            process: invoke.process.to_string(),
            node: invoke.node.map(|node| self.history.text(node).to_owned()),
            f: f.to_owned(),
            text: self.text(op),
            outcome: if op.ret == NEVER { "info" } else { "ok" }.to_owned(),
            invoke_ns: invoke.time_ns,
            complete_ns: complete_index.map(|index| events[index].time_ns),
            note: note.map(str::to_owned),
        }
    }

    /// The one key of these operations as JSON text, if it is one.
    pub(super) fn one_key(&self, problem: &Problem) -> Option<String> {
        let first = problem.ops.first()?.key;
        let one = problem.ops.iter().all(|op| op.key == first);
        let key = if one { self.keys[first as usize] } else { None };
        key.map(|key| self.history.text(key).to_owned())
    }
}
