//! A linearization: an order of the operations that explains every result, and a second, tiny
//! program that checks it without knowing how it was found.
//!
//! ```text
//!   history --> the engine, asked for an order --> positions --> verify, a model --> invocations
//! ```

use super::calls::Unfit;
use super::engine::{Found, Outcome};
use super::model::{Model, Part};
use super::objects::{self, WithModel};
use super::rounds::Rounds;
use super::{Object, Semantics, calls, check, check_model, decide, register};
use crate::budget::Budget;
use crate::history::History;
use crate::verdict::{Judgement, Verdict};
use rustc_hash::FxHashSet;

/// The order of one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartOrder {
    /// The key as JSON text, when there is one.
    pub key: Option<String>,
    /// Indices of invocations, one behind the other. Indeterminate operations that are left out
    /// did not happen.
    pub invokes: Vec<usize>,
}

/// Orders of all parts of a history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Linearization {
    /// In order of the part's first operation.
    pub parts: Vec<PartOrder>,
}

/// An order for every part of a history of this object, each of them verified.
///
/// # Errors
/// The judgement of a history that has none, or for which none was found.
pub fn linearize(
    claim: &str,
    history: &History,
    object: Object,
    semantics: &Semantics,
    budget: &Budget<'_>,
) -> Result<Linearization, Box<Judgement>> {
    let with_cas = object != Object::Register;
    let others = ByModel { claim, history, semantics, budget };
    let found = match objects::with_model(object, semantics, others) {
        Ok(Some(linearization)) => return linearization,
        Ok(None) => register::linearize(history, with_cas, semantics, budget),
        Err(misfit) => Err(Unfit::from(misfit).to_string()),
    };
    found.map_err(|why| without_order(check(claim, history, object, semantics, budget), &why))
}

/// The question, for an object that is no register.
struct ByModel<'a> {
    claim: &'a str,
    history: &'a History,
    semantics: &'a Semantics,
    budget: &'a Budget<'a>,
}

impl WithModel for ByModel<'_> {
    type Out = Result<Linearization, Box<Judgement>>;

    fn with<M: Model>(self, model: &M) -> Self::Out {
        linearize_model(self.claim, self.history, model, self.semantics, self.budget)
    }
}

/// An order for every part of a history with a specification of one's own, each of them verified.
///
/// # Errors
/// The judgement of a history that has none, or for which none was found.
pub fn linearize_model<M: Model>(
    claim: &str,
    history: &History,
    model: &M,
    semantics: &Semantics,
    budget: &Budget<'_>,
) -> Result<Linearization, Box<Judgement>> {
    let order = || -> Result<Linearization, String> {
        let calls = calls::read(history, model, semantics).map_err(|unfit| unfit.to_string());
        let parts = calls?.parts;
        let rounds = Rounds::run(parts.len(), budget, true, |part, limits| {
            decide(model, &parts[part], limits)
        });
        let orders = orders(rounds)?;
        let verified = parts.iter().zip(orders).map(|(part, order)| verified(model, part, &order));
        Ok(Linearization { parts: verified.collect::<Result<_, String>>()? })
    };
    order()
        .map_err(|why| without_order(check_model(claim, history, model, semantics, budget), &why))
}

/// The orders of all parts, by part.
///
/// # Errors
/// When one of them has none.
pub(super) fn orders(rounds: Rounds) -> Result<Vec<Vec<u32>>, String> {
    let order = |found: Found| match (found.outcome, found.order) {
        (Outcome::Legal, Some(order)) => Ok(order),
        _ => Err("the budget did not suffice for an order".to_owned()),
    };
    rounds.found.into_iter().map(order).collect()
}

/// An order of positions as one of invocations, if it is a linearization.
pub(super) fn verified<M: Model>(
    model: &M,
    part: &Part<M::Op>,
    order: &[u32],
) -> Result<PartOrder, String> {
    verify(model, part, order)
        .map_err(|why| format!("the order that was found is no linearization: {why}"))?;
    let invokes = order.iter().map(|&at| part.ops[at as usize].invoke as usize).collect();
    Ok(PartOrder { key: part.name.clone(), invokes })
}

/// A history may be linearizable although nobody can say in which order.
fn without_order(mut judgement: Judgement, why: &str) -> Box<Judgement> {
    if judgement.verdict == Verdict::Valid {
        judgement.verdict = Verdict::Unknown { why: format!("it is linearizable, but {why}") };
    }
    Box::new(judgement)
}

/// Checks an order of positions: everything that certainly happened stands in it once, real time is
/// respected, and the model allows every step. An error says which step is wrong.
///
/// # Errors
/// When it is no linearization.
pub fn verify<M: Model>(model: &M, part: &Part<M::Op>, order: &[u32]) -> Result<(), String> {
    let mut placed = vec![false; part.ops.len()];
    let mut states = vec![model.initial()];
    let mut latest_invoke = 0;
    for (step, &position) in order.iter().enumerate() {
        let Some(timed) = part.ops.get(position as usize) else {
            return Err(format!("step {step}: there is no operation {position}"));
        };
        if std::mem::replace(&mut placed[position as usize], true) {
            return Err(format!("step {step}: operation {position} stands there twice"));
        }
        latest_invoke = latest_invoke.max(timed.invoke);
        if timed.ret < latest_invoke {
            return Err(format!("step {step}: operation {position} had completed before"));
        }
        let mut next = Vec::new();
        for state in &states {
            model.step(state, &timed.op, &mut next);
        }
        // Of several ways to the same state one is enough; they would double at every step.
        if next.len() > 1 {
            let mut seen = FxHashSet::default();
            next.retain(|state| seen.insert(state.clone()));
        }
        if next.is_empty() {
            let text = model.op_text(&timed.op);
            return Err(format!("step {step}: {text} is impossible there"));
        }
        states = next;
    }
    let missing = (0..part.ops.len()).find(|&at| !placed[at] && !part.ops[at].is_optional());
    missing.map_or(Ok(()), |at| Err(format!("operation {at} is missing")))
}

#[cfg(test)]
mod tests;
