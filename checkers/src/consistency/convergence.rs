//! Eventual convergence: once the faults are undone and the clients are still, all last reads of a
//! key agree, and no acknowledged write is lost.
//!
//! ```text
//!   phases in the history    the reads of the phase of final reads
//!   none                     each process' last read of the key that began after the key's last
//!                            acknowledged write had completed
//! ```
//!
//! A read holds a lost write if it found a value none of whose writes can be the last one: each was
//! completed before another acknowledged write began, which had completed before the read began.
//! Values need not be unique. An indeterminate write may take effect at any time, also between two
//! reads: that alone is no accusation, but no convergence either. A key that was written and that
//! no such read was answered for is `unknown`.

use super::invalid;
use super::problem::{Op, Problem};
use super::words::Words;
use crate::history::notes::{Note, Phase};
use crate::history::{Datum, EventType, History, Symbol, Value, pairing};
use crate::linearizable::Semantics;
use crate::linearizable::engine::NEVER;
use crate::linearizable::semantics::{NilRead, Open};
use crate::verdict::{OrderEvidence, Verdict};
use rustc_hash::FxHashMap;

/// A value, numbered in order of first sight; the initial one is number zero.
type ValueId = u32;

/// What happened to one key.
#[derive(Default)]
struct Register {
    /// In order of invocation, also the indeterminate ones.
    writes: Vec<(ValueId, Op)>,
    reads: Vec<(ValueId, Op)>,
}

/// Judges it.
pub(super) fn judge(
    history: &History,
    semantics: &Semantics,
    figures: &mut Vec<(String, String)>,
) -> Verdict {
    let mut keys = Keys::default();
    keys.data.insert(semantics.initial.clone(), 0);
    if let Err(why) = keys.read(history, semantics) {
        return Verdict::Unknown { why };
    }
    let phases = phases(history);
    if !phases.is_empty() && !phases.iter().any(|(phase, _)| *phase == Phase::FinalReads) {
        return Verdict::Unknown { why: "the run never came to its final reads".to_owned() };
    }
    let begun = phases.iter().find(|(phase, _)| *phase == Phase::FinalReads).map(|(_, at)| *at);
    for register in &mut keys.registers {
        register.keep_last(begun);
    }
    let count = |of: fn(&Register) -> usize| keys.registers.iter().map(of).sum::<usize>();
    figures.push(("keys".to_owned(), keys.registers.len().to_string()));
    figures.push(("writes".to_owned(), count(|register| register.writes.len()).to_string()));
    figures.push(("final reads".to_owned(), count(|register| register.reads.len()).to_string()));
    let words = Words { history, keys: &keys.names };
    for register in &keys.registers {
        let evidence = lost(&words, register).or_else(|| disagreement(&words, register));
        if let Some((sentence, ops)) = evidence {
            return invalid(shown(&words, sentence, ops));
        }
    }
    keys.undecided(history).map_or(Verdict::Valid, |why| Verdict::Unknown { why })
}

fn phases(history: &History) -> Vec<(Phase, u32)> {
    let events = history.events().iter().enumerate();
    let phases = events.filter_map(|(at, event)| match Note::from_event(history, event) {
        Some(Note::Phase(phase)) => Some((phase, at as u32)),
        _ => None,
    });
    phases.collect()
}

#[derive(Default)]
struct Keys {
    names: Vec<Option<Symbol>>,
    registers: Vec<Register>,
    numbers: FxHashMap<Option<Symbol>, u32>,
    data: FxHashMap<Datum, ValueId>,
}

impl Keys {
    fn read(&mut self, history: &History, semantics: &Semantics) -> Result<(), String> {
        for operation in pairing::operations(history) {
            let index = operation.invoke_index();
            let invoke = &history.events()[index];
            let outcome = operation.outcome(history);
            let open = outcome == EventType::Info;
            let complete = operation.complete_index();
            let ret = complete.filter(|_| !open).map_or(NEVER, |at| at as u32);
            let info = complete.filter(|_| open).map_or(NEVER, |at| at as u32);
            let sets = history.text(invoke.f) != "read";
            let datum = match (history.text(invoke.f), complete) {
                ("read", Some(at)) => history.datum(history.events()[at].value),
                ("read", None) => continue,
                ("write", _) => history.datum(invoke.value),
                ("cas", _) => set_by_cas(history, invoke.value).ok_or_else(|| {
                    format!("event {index}: expected [from, to] as the value of a cas")
                })?,
                (f, _) => {
                    return Err(format!(
                        "event {index}: {f:?} is no function of a register; it has read, write, cas"
                    ));
                }
            };
            let says_nothing =
                datum == Datum::Nil && !sets && semantics.nil_read == NilRead::Unconstrained;
            let never = open && (!sets || semantics.open == Open::NeverHappened);
            if outcome == EventType::Fail || never || says_nothing {
                continue;
            }
            let next = self.data.len() as ValueId;
            let value = *self.data.entry(datum).or_insert(next);
            let key = *self.numbers.entry(invoke.key).or_insert_with(|| {
                self.names.push(invoke.key);
                self.registers.push(Register::default());
                self.names.len() as u32 - 1
            });
            let register = &mut self.registers[key as usize];
            let ops = if sets { &mut register.writes } else { &mut register.reads };
            let session = invoke.process.number().expect("the nemesis has no operations");
            let invoke = index as u32;
            ops.push((value, Op { session, key, finds: None, sets, invoke, ret, info }));
        }
        Ok(())
    }

    /// Why it cannot be said that all keys converged, if no key certainly failed to.
    fn undecided(&self, history: &History) -> Option<String> {
        let acknowledged =
            |register: &&Register| register.writes.iter().any(|(_, op)| op.ret != NEVER);
        let written = self.registers.iter().filter(acknowledged).count();
        let name = |register: &Register| {
            let (_, op) = &register.writes[0];
            let key = self.names[op.key as usize];
            key.map_or("the register".to_owned(), |key| {
                format!("key {}", crate::words::quoted(history.text(key), 40))
            })
        };
        let mut unread = self.registers.iter().filter(|r| acknowledged(r) && r.reads.is_empty());
        if let Some(first) = unread.next() {
            return Some(format!(
                "{} of {written} keys that were written have no final read that says anything, \
                 the first is {}",
                1 + unread.count(),
                name(first)
            ));
        }
        if written == 0 {
            return Some("no write was acknowledged".to_owned());
        }
        let differs = |register: &&Register| {
            register.reads.iter().any(|(value, _)| *value != register.reads[0].0)
        };
        let first = self.registers.iter().find(differs)?;
        Some(format!(
            "the final reads of {} differ, but an indeterminate write may have taken effect \
             between them",
            if first.writes.is_empty() { "a key".to_owned() } else { name(first) }
        ))
    }
}

fn set_by_cas(history: &History, value: Value) -> Option<Datum> {
    let serde_json::Value::Array(pair) = history.datum(value).to_json() else { return None };
    let [_, to] = <[_; 2]>::try_from(pair).ok()?;
    Some(Datum::from_json(to))
}

impl Register {
    /// Keeps the reads that count.
    fn keep_last(&mut self, begun: Option<u32>) {
        if let Some(begun) = begun {
            self.reads.retain(|(_, op)| op.invoke > begun);
            return;
        }
        let certain = self.writes.iter().map(|(_, op)| op.ret).filter(|&ret| ret != NEVER);
        let still = certain.max().unwrap_or(0);
        let mut last: FxHashMap<u32, u32> = FxHashMap::default();
        self.reads.retain(|(_, op)| op.invoke > still);
        last.extend(self.reads.iter().map(|(_, op)| (op.session, op.invoke)));
        self.reads.retain(|(_, op)| last.get(&op.session) == Some(&op.invoke));
    }
}

/// What contradicts convergence: why, and the operations.
type Lost = (String, Vec<Op>);

/// A final read that found what was certainly overwritten.
fn lost(words: &Words<'_>, register: &Register) -> Option<Lost> {
    let mut certain: Vec<Op> =
        register.writes.iter().map(|(_, op)| *op).filter(|op| op.ret != NEVER).collect();
    certain.sort_unstable_by_key(|op| op.ret);
    // Of the writes completed so far, the one that began last: it overwrites the most.
    let latest: Vec<Op> = certain
        .iter()
        .scan(None, |latest: &mut Option<Op>, op| {
            *latest = latest.filter(|latest| latest.invoke > op.invoke).or(Some(*op));
            *latest
        })
        .collect();
    let mut last_of: FxHashMap<ValueId, Op> = FxHashMap::default();
    for (value, op) in &register.writes {
        let last = last_of.entry(*value).or_insert(*op);
        if op.ret > last.ret {
            *last = *op;
        }
    }
    register.reads.iter().find_map(|(value, read)| {
        let write = last_of.get(value);
        let completed = certain.partition_point(|op| op.ret < read.invoke);
        let latest = completed.checked_sub(1).map(|at| latest[at]);
        match (write, latest) {
            (None, None) if *value == 0 => None,
            (None, None) => {
                let text = words.by(read);
                Some((format!("the final `{text}` found what nobody wrote"), vec![*read]))
            }
            (None, Some(latest)) => {
                let what = if *value == 0 { "the initial value" } else { "what nobody wrote" };
                let (read_text, latest_text) = (words.by(read), words.by(&latest));
                let sentence = format!(
                    "the final `{read_text}` found {what}: the acknowledged `{latest_text}` is lost"
                );
                Some((sentence, vec![latest, *read]))
            }
            (Some(write), Some(latest)) if write.ret < latest.invoke => {
                let sentence = format!(
                    "the final `{}` found what `{}` had overwritten: it began after `{}` had \
                     completed, and was acknowledged",
                    words.by(read),
                    words.by(&latest),
                    words.by(write),
                );
                Some((sentence, vec![*write, latest, *read]))
            }
            (Some(_), _) => None,
        }
    })
}

/// Two final reads that differ, which no indeterminate write between them explains.
fn disagreement(words: &Words<'_>, register: &Register) -> Option<Lost> {
    let loose =
        |value: ValueId| register.writes.iter().any(|(of, op)| *of == value && op.ret == NEVER);
    let firm = register.reads.iter().find(|(value, _)| !loose(*value))?;
    let pair = register.reads.iter().filter(|(value, _)| *value != firm.0).find_map(|other| {
        if !loose(other.0) {
            return Some((firm.1, other.1));
        }
        // The indeterminate write was seen, and then the other value again.
        let mut again = register.reads.iter().filter(|(value, _)| *value == firm.0);
        let later = again.find(|(_, again)| other.1.ret < again.invoke)?;
        Some((other.1, later.1))
    })?;
    let (one, other) = (pair.0, pair.1);
    let sentence =
        format!("the final reads disagree: `{}`, but `{}`", words.by(&one), words.by(&other));
    Some((sentence, vec![one, other]))
}

fn shown(words: &Words<'_>, sentence: String, mut ops: Vec<Op>) -> OrderEvidence {
    ops.sort_unstable_by_key(|op| op.invoke);
    let problem = Problem { ops, sessions: 0, keys: 0 };
    let ops = problem.ops.iter().map(|op| words.evidence_op(op)).collect();
    let key = words.one_key(&problem);
    OrderEvidence::of(key, ops, sentence)
}
