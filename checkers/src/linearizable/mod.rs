//! Is there one order of the operations that explains every result and respects real time?
//!
//! ```text
//!   History --> register: per key, operations with intervals     (P-compositionality: a history is
//!                 |                                                linearizable iff each key's is)
//!                 +--> zones: what can be said at sight          O(n log n)
//!                 +--> search: Wing & Gong's search with a cache   per key, in parallel
//!                 |       legal | illegal | spent
//!                 +--> evidence: the smallest contradiction        of an illegal key
//! ```
//!
//! Sources: Herlihy & Wing 1990 (the definition, and locality: per key is enough); Wing & Gong 1993
//! (the search); Lowe 2017 (undo list and cache of configurations); Horn & Kroening 2015 (per key);
//! Gibbons & Korach 1997 (zones).
//!
//! The budget is shared in rounds so that the verdict does not depend on the number of cores: every
//! undecided key gets an equal share, and what is left over goes to the next round. No key is
//! skipped because another one was found illegal, so the figures are the same on every machine,
//! too.

mod cache;
mod evidence;
mod explain;
mod register;
mod search;
mod sentence;
#[cfg(test)]
mod tests;
mod zones;

use crate::budget::Budget;
use crate::history::History;
use crate::verdict::{Evidence, Judgement, Verdict};
use rayon::prelude::*;
use register::{KeyHistory, Split};
use search::{Limits, Outcome};

/// The object whose history is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// A register per key with `read`, `write` and `cas`, each key nil at first. A `fail` did not
    /// happen, and a failed `cas` constrains nothing; an `info` may have happened at any time after
    /// its invocation, or never.
    Register,
}

/// At most this many keys are searched at once, so that each of them may take a fixed part of the
/// memory, whatever the number of cores is.
const KEYS_AT_ONCE_MAX: usize = 64;

/// A share smaller than this is not worth a round.
const SHARE_CONFIGURATIONS_MIN: u64 = 1_000;

/// Judges whether a history is linearizable; `claim` is the sentence that is on trial.
pub fn check(claim: &str, history: &History, model: Model, budget: &Budget<'_>) -> Judgement {
    let Model::Register = model;
    let judgement = |verdict, figures| Judgement {
        checker: "linearizable".to_owned(),
        claim: claim.to_owned(),
        verdict,
        figures,
    };
    let split = match register::split(history) {
        Ok(split) => split,
        Err(why) => return judgement(Verdict::Unknown { why }, Vec::new()),
    };
    if split.foreign > 0 {
        // What an operation of another function did to a key, nobody here knows.
        let why = format!(
            "{} operations are neither read nor write nor cas: this is no history of registers",
            split.foreign
        );
        return judgement(Verdict::Unknown { why }, Vec::new());
    }
    let mut rounds = Rounds::new(split.keys.len(), budget);
    rounds.run(&split.keys, budget);
    let verdict = verdict(history, &split, &rounds, budget);
    judgement(verdict, figures(&split, &rounds))
}

fn verdict(history: &History, split: &Split, rounds: &Rounds, budget: &Budget<'_>) -> Verdict {
    let outcomes = split.keys.iter().zip(&rounds.outcomes);
    let illegal = outcomes.filter(|(_, outcome)| **outcome == Outcome::Illegal);
    let illegal: Vec<&KeyHistory> = illegal.map(|(key, _)| key).collect();
    if !illegal.is_empty() {
        let evidence = evidence::find(history, &illegal, budget);
        return Verdict::Invalid { evidence: Box::new(Evidence::Order(evidence)) };
    }
    let spent = rounds.outcomes.iter().enumerate().find_map(|(key, outcome)| match outcome {
        Outcome::Spent { placed } => Some((key, *placed)),
        _ => None,
    });
    let Some((key, placed)) = spent else { return Verdict::Valid };
    let decided = rounds.outcomes.iter().filter(|outcome| **outcome == Outcome::Legal).count();
    let key = &split.keys[key];
    let why = format!(
        "{}: {decided} of {} keys are linearizable, the others are undecided; of key {} at most \
         {placed} of {} operations could be put in order",
        if budget.stopped() { "time was up" } else { "the budget was spent" },
        split.keys.len(),
        key.name.as_deref().unwrap_or("(none)"),
        key.required(),
    );
    Verdict::Unknown { why }
}

fn figures(split: &Split, rounds: &Rounds) -> Vec<(String, String)> {
    let illegal = rounds.outcomes.iter().filter(|outcome| **outcome == Outcome::Illegal).count();
    let sum = |part: fn(&KeyHistory) -> usize| split.keys.iter().map(part).sum::<usize>();
    let figures = [
        ("keys", split.keys.len() as u64),
        ("keys not linearizable", illegal as u64),
        ("operations", sum(KeyHistory::required) as u64),
        ("indeterminate operations", split.indeterminate as u64),
        ("indeterminate operations that matter", sum(KeyHistory::indeterminate) as u64),
        ("configurations explored", rounds.configurations),
    ];
    figures.map(|(name, figure)| (name.to_owned(), figure.to_string())).to_vec()
}

/// The keys' outcomes so far, and what they cost.
struct Rounds {
    outcomes: Vec<Outcome>,
    configurations: u64,
    left: u64,
}

impl Rounds {
    fn new(keys: usize, budget: &Budget<'_>) -> Self {
        let outcomes = vec![Outcome::Spent { placed: 0 }; keys];
        Self { outcomes, configurations: 0, left: budget.configurations_max }
    }

    /// Rounds until every key is decided, or one is illegal, or no key would get more than it had.
    fn run(&mut self, keys: &[KeyHistory], budget: &Budget<'_>) {
        let mut share_before = 0;
        loop {
            let undecided: Vec<usize> = (0..keys.len())
                .filter(|&key| matches!(self.outcomes[key], Outcome::Spent { .. }))
                .collect();
            let share = self.left / undecided.len().max(1) as u64;
            let more = share >= (2 * share_before).max(SHARE_CONFIGURATIONS_MIN);
            let first = share_before == 0;
            if undecided.is_empty() || !(more || first) || budget.stopped() {
                return;
            }
            self.round(keys, &undecided, share, budget);
            if self.outcomes.contains(&Outcome::Illegal) {
                return;
            }
            share_before = share.max(1);
        }
    }

    fn round(&mut self, keys: &[KeyHistory], undecided: &[usize], share: u64, budget: &Budget<'_>) {
        let lanes = undecided.len().min(KEYS_AT_ONCE_MAX);
        let limits = Limits {
            configurations_max: share,
            bytes_max: budget.bytes_max / lanes as u64,
            stop: budget.stop,
        };
        let found: Vec<Vec<(usize, search::Found)>> = (0..lanes)
            .into_par_iter()
            .map(|lane| {
                let keys_of_lane = undecided.iter().skip(lane).step_by(lanes);
                keys_of_lane
                    .map(|&key| (key, search::search(&keys[key].problem(), &limits)))
                    .collect()
            })
            .collect();
        for (key, found) in found.into_iter().flatten() {
            self.outcomes[key] = found.outcome;
            self.configurations += found.configurations;
            self.left = self.left.saturating_sub(found.configurations);
        }
    }
}
