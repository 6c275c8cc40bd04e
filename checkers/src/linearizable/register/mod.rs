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
mod decide;
mod evidence;
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
mod view;
mod zones;

use super::rounds::Rounds;
use super::semantics::Semantics;
use super::{Question, figures, unknown};
use crate::budget::Budget;
use crate::history::History;
use crate::verdict::{Evidence, Judgement, Verdict};
use op::KeyHistory;

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
        Err(why) => return question.judgement(Verdict::Unknown { why }, Vec::new()),
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
