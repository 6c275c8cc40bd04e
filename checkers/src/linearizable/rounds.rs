//! The budget, shared between the parts of a history.
//!
//! It is shared in rounds so that the verdict does not depend on the number of cores: every
//! undecided part gets an equal share, and what is left over goes to the next round. No part is
//! skipped because another one was found illegal, so the figures are the same on every machine,
//! too.

use super::engine::{Engine, Found, Limits, Outcome};
use crate::budget::Budget;
use rayon::prelude::*;

/// At most this many parts are searched at once, so that each of them may take a fixed part of the
/// memory, whatever the number of cores is.
const PARTS_AT_ONCE_MAX: usize = 64;

/// A share smaller than this is not worth a round.
const SHARE_CONFIGURATIONS_MIN: u64 = 1_000;

/// The first share is at most this, and each later one four times the last: however large the
/// budget is, one hopeless part does not keep the others waiting for their first turn.
const SHARE_CONFIGURATIONS_FIRST: u64 = 1 << 22;

/// The parts' outcomes so far, and what they cost.
#[derive(Debug)]
pub(super) struct Rounds {
    /// By part.
    pub(super) found: Vec<Found>,
    pub(super) configurations: u64,
    left: u64,
}

impl Rounds {
    /// Rounds until every part is decided, or one is illegal, or no part would get more than it
    /// had. `decide` is asked for a part and what it may spend.
    pub(super) fn run(
        parts: usize,
        budget: &Budget<'_>,
        order: bool,
        decide: impl Fn(usize, &Limits<'_>) -> Found + Sync,
    ) -> Self {
        let undecided = Found {
            outcome: Outcome::Spent { placed: 0 },
            engine: Engine::Search,
            configurations: 0,
            order: None,
        };
        let mut rounds = Self {
            found: vec![undecided; parts],
            configurations: 0,
            left: budget.configurations_max,
        };
        let mut share_before = 0;
        loop {
            let undecided: Vec<usize> = rounds.spent().map(|(part, _)| part).collect();
            let fair = rounds.left / undecided.len().max(1) as u64;
            let share = fair.min((4 * share_before).max(SHARE_CONFIGURATIONS_FIRST));
            let more = share >= (2 * share_before).max(SHARE_CONFIGURATIONS_MIN);
            let first = share_before == 0;
            if undecided.is_empty() || !(more || first) || budget.stopped() {
                return rounds;
            }
            let lanes = undecided.len().min(PARTS_AT_ONCE_MAX);
            let limits = Limits {
                configurations_max: share,
                bytes_max: budget.bytes_max / lanes as u64,
                stop: budget.stop,
                order,
            };
            rounds.round(&undecided, lanes, |part| decide(part, &limits));
            if rounds.illegal().next().is_some() {
                return rounds;
            }
            share_before = share.max(1);
        }
    }

    fn round(&mut self, undecided: &[usize], lanes: usize, decide: impl Fn(usize) -> Found + Sync) {
        let found: Vec<Vec<(usize, Found)>> = (0..lanes)
            .into_par_iter()
            .map(|lane| {
                let parts = undecided.iter().skip(lane).step_by(lanes);
                parts.map(|&part| (part, decide(part))).collect()
            })
            .collect();
        for (part, found) in found.into_iter().flatten() {
            self.configurations += found.configurations;
            self.left = self.left.saturating_sub(found.configurations);
            self.found[part] = found;
        }
    }

    /// The parts without an order.
    pub(super) fn illegal(&self) -> impl Iterator<Item = usize> {
        let found = self.found.iter().enumerate();
        found.filter(|(_, found)| found.outcome == Outcome::Illegal).map(|(part, _)| part)
    }

    /// The undecided parts, and how many operations of each could be placed.
    pub(super) fn spent(&self) -> impl Iterator<Item = (usize, usize)> {
        self.found.iter().enumerate().filter_map(|(part, found)| match found.outcome {
            Outcome::Spent { placed } => Some((part, placed)),
            _ => None,
        })
    }

    /// How many parts each engine decided, in words: `zones 180, search 2`.
    pub(super) fn engines(&self) -> String {
        let mut counts: std::collections::BTreeMap<Engine, usize> = Default::default();
        for found in &self.found {
            if !matches!(found.outcome, Outcome::Spent { .. }) {
                *counts.entry(found.engine).or_default() += 1;
            }
        }
        let words = counts.iter().map(|(engine, count)| format!("{} {count}", engine.as_str()));
        words.collect::<Vec<_>>().join(", ")
    }
}
