//! Registers: a problem of small integers per key, and the engines for it.
//!
//! ```text
//!   History --> split: per key, operations with intervals     (P-compositionality: a history is
//!                 |                                             linearizable iff each key's is)
//!                 +--> zones, sight: what can be said at sight    O(n log n)
//!                 +--> search <-> refute: an order, or a contradiction, taking turns
//!                 |       legal | illegal | spent
//!                 +--> evidence: the smallest contradiction        of an illegal key
//! ```

mod cache;
mod case;
mod decide;
mod evidence;
#[cfg(test)]
mod evidence_tests;
mod explain;
mod frontier;
mod op;
mod refute;
mod search;
mod sentence;
mod sight;
mod split;
#[cfg(test)]
mod tests;
mod values;
mod view;
mod zones;

use super::calls::Unfit;
use super::engine::{Found, Limits};
use super::model::Timed;
use super::rounds::Rounds;
use super::semantics::Semantics;
use super::{Question, figures, unknown};
use crate::budget::Budget;
use crate::history::History;
use crate::verdict::{Evidence, Judgement, Verdict};
pub(super) use op::Effect;
use op::{INITIAL, KeyHistory, KeyOp, Problem};

/// Why a history is none of registers, if it is not.
pub(super) fn unfit(history: &History, with_cas: bool, semantics: &Semantics) -> Option<Unfit> {
    split::split(history, with_cas, semantics).err()
}

/// Judges a history of registers.
pub(super) fn check(
    claim: &str,
    history: &History,
    with_cas: bool,
    semantics: &Semantics,
    budget: &Budget<'_>,
) -> Judgement {
    let question = Question { claim, semantics };
    let split = match split::split(history, with_cas, semantics) {
        Ok(split) => split,
        Err(unfit) => {
            let why = unfit.to_string();
            return question.judgement(Verdict::Unknown { why }, Vec::new());
        }
    };
    let keys = &split.keys;
    let rounds = Rounds::run(keys.len(), budget, false, |key, limits| {
        decide::decide(&keys[key].problem(), limits)
    });
    let illegal: Vec<&KeyHistory> = rounds.illegal().map(|key| &keys[key]).collect();
    let verdict = if !illegal.is_empty() {
        let evidence = evidence::find(history, &illegal, budget);
        Verdict::Invalid { evidence: Box::new(Evidence::Order(evidence)) }
    } else {
        unknown(&rounds, budget, |key| (keys[key].name.as_deref(), keys[key].required()))
            .map_or(Verdict::Valid, |why| Verdict::Unknown { why })
    };
    let sum = |part: fn(&KeyHistory) -> usize| keys.iter().map(part).sum::<usize>();
    let counts = [sum(KeyHistory::required), split.indeterminate, sum(KeyHistory::indeterminate)];
    question.judgement(verdict, figures(&rounds, counts))
}

/// Decides a part of another object that behaves as a register of small integers: all are below
/// `values`, and it holds zero at first. Gives no order.
pub(super) fn decide(ops: &[Timed<Effect>], values: usize, limits: &Limits<'_>) -> Found {
    let told = |timed: &Timed<Effect>| {
        let Timed { op: effect, invoke, ret, info } = *timed;
        KeyOp { effect, invoke, ret, info }
    };
    let mut ops: Vec<KeyOp> = ops.iter().map(told).collect();
    split::drop_unobserved(&mut ops, values);
    let problem = Problem { ops: &ops, initial: INITIAL, values };
    decide::decide(&problem, &Limits { order: false, ..*limits })
}
