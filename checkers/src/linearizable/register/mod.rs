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
mod recorded;
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
use super::order::{self, Linearization};
use super::rounds::Rounds;
use super::semantics::Semantics;
use super::{Question, calls, figures, unknown};
use crate::budget::Budget;
use crate::history::History;
use crate::verdict::{Evidence, Judgement, Verdict};
use evidence::Illegal;
pub(super) use op::Effect;
use op::{INITIAL, KeyHistory, KeyOp, Problem};
use recorded::Recorded;
use rustc_hash::FxHashMap;
use std::sync::OnceLock;
use view::Window;

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
    // What refuted a key is where its evidence begins.
    let windows: Vec<OnceLock<Window>> = keys.iter().map(|_| OnceLock::new()).collect();
    let rounds = Rounds::run(keys.len(), budget, false, |key, limits| {
        let (found, window) = decide::refutable(&keys[key].problem(), limits);
        if let Some(window) = window {
            windows[key].set(window).expect("a key is refuted once");
        }
        found
    });
    let illegal: Vec<Illegal<'_>> = rounds
        .illegal()
        .map(|key| Illegal { key: &keys[key], window: windows[key].get().copied() })
        .collect();
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

/// An order for every key. It is verified with what was recorded, not with the engines' tables.
///
/// # Errors
/// When a key has none, or none was found.
pub(super) fn linearize(
    history: &History,
    with_cas: bool,
    semantics: &Semantics,
    budget: &Budget<'_>,
) -> Result<Linearization, String> {
    let unfit = |unfit: Unfit| unfit.to_string();
    let keys = split::split(history, with_cas, semantics).map_err(unfit)?.keys;
    if keys.iter().all(|key| key.ops.is_empty()) {
        return Ok(Linearization::default());
    }
    let rounds = Rounds::run(keys.len(), budget, true, |key, limits| {
        decide::decide(&keys[key].problem(), limits)
    });
    let orders = order::orders(rounds)?;
    let model = Recorded { semantics };
    let parts = calls::read(history, &model, semantics).map_err(unfit)?.parts;
    let mut places: FxHashMap<u32, (usize, u32)> = FxHashMap::default();
    for (number, part) in parts.iter().enumerate() {
        let invokes = (0..).zip(&part.ops).map(|(at, timed)| (timed.invoke, (number, at)));
        places.extend(invokes);
    }
    let mut placed: Vec<Vec<u32>> = vec![Vec::new(); parts.len()];
    for (key, order) in keys.iter().zip(orders) {
        for position in order {
            let (part, at) = places[&key.ops[position as usize].invoke];
            placed[part].push(at);
        }
    }
    let verified =
        parts.iter().zip(&placed).map(|(part, order)| order::verified(&model, part, order));
    Ok(Linearization { parts: verified.collect::<Result<_, String>>()? })
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
