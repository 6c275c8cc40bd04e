//! From a broken promise to the fewest operations that still break it.
//!
//! Operations are taken out, half of them, a quarter, ... one, as long as the promise stays broken
//! (Zeller & Hildebrandt 2002, delta debugging). To take out a write takes out who found its value:
//! what is left breaks no promise that the whole keeps.

use super::explain;
use super::ops::{Op, Problem, Reading};
use super::view::{self, Seen};
use super::words::Words;
use super::{Graph, Question, causal, sequential};
use crate::budget::Budget;
use crate::history::{EventType, History, pairing};
use crate::verdict::OrderEvidence;

/// Histories of this many operations, or of the whole, may be asked about in all: so many times.
const REDUCE_WORK_MAX: usize = 300;
const REDUCE_OPS_MIN: usize = 20_000;

/// More operations than this are not shown.
const OPS_SHOWN_MAX: usize = 200;

/// Whether the promise is broken by these operations alone.
fn broken(problem: &Problem, question: Question, budget: &Budget<'_>) -> bool {
    match question {
        Question::View(rule, session) => {
            view::judge(&Graph::new(problem, rule), session) == Seen::Broken
        }
        Question::Causal => causal::broken(problem),
        Question::Order => sequential::circular(problem, budget),
        Question::AnyOrder => sequential::no_order(problem, budget),
    }
}

/// The evidence of a broken promise.
pub(super) fn find(
    history: &History,
    reading: &Reading,
    question: Question,
    budget: &Budget<'_>,
) -> OrderEvidence {
    let words = Words { history, keys: &reading.keys };
    let problem = reduce(&reading.problem, |problem| broken(problem, question, budget));
    let mut sentence = explain::sentence(&words, &problem, question);
    let total = problem.ops.len();
    if total > OPS_SHOWN_MAX {
        sentence.push_str(&format!(" (the first {OPS_SHOWN_MAX} of {total} operations are shown)"));
    }
    let ops = problem.ops.iter().take(OPS_SHOWN_MAX).map(|op| words.evidence_op(op)).collect();
    let key = words.one_key(&problem);
    OrderEvidence::of(key, ops, sentence)
}

/// Takes out operations as long as the promise stays broken.
fn reduce(whole: &Problem, broken: impl Fn(&Problem) -> bool) -> Problem {
    let mut problem = whole.clone();
    let mut left = REDUCE_WORK_MAX * problem.ops.len().max(REDUCE_OPS_MIN);
    let mut chunk = problem.ops.len().div_ceil(2);
    loop {
        let mut smaller = false;
        let mut from = 0;
        while from < problem.ops.len() {
            let count = problem.ops.len();
            if left < count {
                return problem;
            }
            left -= count;
            let keep: Vec<u32> = (0..count)
                .filter(|at| !(from..from + chunk).contains(at))
                .map(|at| at as u32)
                .collect();
            let candidate = problem.restrict(&keep);
            if broken(&candidate) {
                problem = candidate;
                smaller = true;
            } else {
                from += chunk;
            }
        }
        match chunk {
            1 if !smaller => return problem,
            1 => {}
            _ => chunk = chunk.div_ceil(2),
        }
    }
}

/// A value out of thin air needs no order.
pub(super) fn thin_air(history: &History, reading: &Reading, op: &Op) -> OrderEvidence {
    let words = Words { history, keys: &reading.keys };
    let one = Problem { ops: vec![*op], ..reading.problem };
    let who = failed_writer(history, op).map_or("nobody wrote".to_owned(), |process| {
        format!("was only written by process {process}, whose write failed")
    });
    let (process, text) = (words.process(op), words.text(op));
    let sentence = format!("{process} did `{text}`, but the value that it found {who}");
    let (key, ops) = (words.one_key(&one), vec![words.evidence_op(op)]);
    OrderEvidence::of(key, ops, sentence)
}

/// Who failed to write what this operation read.
fn failed_writer(history: &History, op: &Op) -> Option<String> {
    if op.sets {
        return None;
    }
    let events = history.events();
    let found = &events[op.ret as usize];
    let writer = pairing::operations(history).into_iter().find(|other| {
        let invoke = &events[other.invoke_index()];
        history.text(invoke.f) == "write"
            && (invoke.key, invoke.value) == (found.key, found.value)
            && other.outcome(history) == EventType::Fail
    })?;
    Some(events[writer.invoke_index()].process.to_string())
}
