//! The smallest contradiction: which few operations no order explains.
//!
//! ```text
//!   a key --> what refuted a long history: windows at its end, from any state
//!     '-----> shortest illegal prefix --> [ clusters, loose ones, weakenings ]* --> small enough?
//!                       |                                                             | no
//!                       +--> a window at its end, from the states possible there --> [ ... ]*
//! ```
//!
//! A history is searched whole only a few times, whatever its length; everything else is small.

use super::super::engine::{Limits, Outcome};
use super::case::{self, Case, Piece};
use super::decide::decide;
use super::explain;
use super::op::{Effect, INITIAL, KeyHistory, KeyOp, NEVER, Problem, ValueId};
use super::view::Window;
use crate::budget::Budget;
use crate::history::History;
use crate::verdict::OrderEvidence;

/// Evidence of more operations than this is tried again as a window.
const OPS_WANTED: usize = 12;

/// What all the searches together may explore. The stop flag is not looked at: the violation is
/// already certain, and evidence that was never reduced would be of no use to anybody.
const CONFIGURATIONS_MAX: u64 = 4_000_000;

/// What one of the searches may explore.
const CONFIGURATIONS_PER_SEARCH_MAX: u64 = 1_000_000;

/// Evidence is looked for in at most so many keys.
const KEYS_TRIED_MAX: usize = 8;

/// With more values than this, a window costs too much, and clusters are small anyway.
const WINDOW_VALUES_MAX: usize = 64;

/// Windows grow by this many events, and from [`WINDOW_EVENTS_DOUBLED`] on to the double.
const WINDOW_EVENTS_STEP: usize = 4;

/// The length in events from which windows grow faster.
const WINDOW_EVENTS_DOUBLED: usize = 96;

/// Of a prefix longer than this, windows are looked for in its last so many events.
const BASE_EVENTS: usize = 4_096;

/// Of more operations than this, clusters of many values are dropped before anything else: it makes
/// the history a fraction of itself at once, where prefixes look at most of it again and again.
const HALVED_OPS_MIN: usize = 4_096;

/// The smallest share of the values that is tried then.
const HALVED_PARTS: usize = 16;

/// Looking at so many operations costs as much as one configuration.
const OPS_PER_CONFIGURATION: u64 = 16;

/// Windows from any state are no longer than this.
const NEAR_EVENTS_MAX: usize = 4_096;

/// What a search near there may explore.
const CONFIGURATIONS_NEAR_MAX: u64 = 20_000;

/// So many values are told from all others, one by one.
const NEAR_VALUES_MAX: usize = 8;

/// A key without an order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Illegal<'a> {
    pub(super) key: &'a KeyHistory,
    /// What refuted it, where that is less than everything.
    pub(super) window: Option<Window>,
}

/// The evidence against one of these keys, whose histories are illegal: the first one, unless its
/// contradiction is too large for a person and that of a later one is smaller.
pub(super) fn find(history: &History, keys: &[Illegal<'_>], budget: &Budget<'_>) -> OrderEvidence {
    let mut configurations_left = CONFIGURATIONS_MAX.min(budget.configurations_max);
    let mut best: Option<(&KeyHistory, Case)> = None;
    for &Illegal { key, window } in keys.iter().take(KEYS_TRIED_MAX) {
        let (values, bytes_max) = (key.values.len(), budget.bytes_max);
        let mut reducer = Reducer { values, configurations_left, bytes_max };
        let case = reducer.smallest(&key.ops, window);
        configurations_left = reducer.configurations_left;
        if best.as_ref().is_none_or(|(_, best)| case.pieces.len() < best.pieces.len()) {
            best = Some((key, case));
        }
        let enough = best.as_ref().is_some_and(|(_, best)| best.pieces.len() <= OPS_WANTED);
        if enough || configurations_left == 0 {
            break;
        }
    }
    let (key, case) = best.expect("there is an illegal key");
    explain::explain(history, key, &case)
}

/// Makes cases smaller, within limits.
pub(super) struct Reducer {
    pub(super) values: usize,
    pub(super) configurations_left: u64,
    pub(super) bytes_max: u64,
}

impl Reducer {
    /// Whether there certainly is no order, from whichever initial state.
    fn illegal(&mut self, pieces: &[Piece], initials: &[ValueId]) -> bool {
        self.illegal_within(pieces, initials, CONFIGURATIONS_PER_SEARCH_MAX)
    }

    fn illegal_within(&mut self, pieces: &[Piece], initials: &[ValueId], max: u64) -> bool {
        let ops: Vec<KeyOp> = pieces.iter().map(|piece| piece.op).collect();
        // Without a state to begin in nothing is refuted.
        !initials.is_empty()
            && initials.iter().all(|&initial| self.search(&ops, initial, max) == Outcome::Illegal)
    }

    fn search(&mut self, ops: &[KeyOp], initial: ValueId, max: u64) -> Outcome {
        // The number behind the last value stands for the merged ones.
        let problem = Problem { ops, initial, values: self.values + 1 };
        let found = decide(&problem, &self.limits(max));
        // What is decided at sight costs something, too.
        let spent = found.configurations + ops.len() as u64 / OPS_PER_CONFIGURATION;
        self.configurations_left = self.configurations_left.saturating_sub(spent);
        found.outcome
    }

    fn limits(&self, max: u64) -> Limits<'static> {
        Limits {
            configurations_max: self.configurations_left.min(max),
            bytes_max: self.bytes_max,
            stop: None,
            order: false,
        }
    }

    /// The smallest case that is found. `window` is known to be illegal from any state.
    pub(super) fn smallest(&mut self, ops: &[KeyOp], window: Option<Window>) -> Case {
        let pieces = case::whole(ops);
        let mut case = Case { pieces, initials: vec![INITIAL], since: None, any: false };
        if let Some(Window { since, until }) = window {
            case.pieces = case::prefix(&case.pieces, until);
            if let Some(since) = since {
                case = case::from_any_state(&case.pieces, since, self.values);
            }
            if let Some(case) = self.near(&case) {
                return case;
            }
        }
        if case.pieces.len() > HALVED_OPS_MIN {
            let values = case::values(&case.pieces).len();
            self.drop_clusters(&mut case, values / HALVED_PARTS + 1);
        }
        let prefix = self.shortest_prefix(&case);
        let case = self.reduce(prefix.clone());
        if case.pieces.len() <= OPS_WANTED || self.values > WINDOW_VALUES_MAX {
            return case;
        }
        self.windows(prefix, case)
    }

    /// The first small case among the ends of a window, from any state. They cost little, however
    /// long the history is.
    fn near(&mut self, window: &Case) -> Option<Case> {
        let events = events(&window.pieces);
        let mut length = WINDOW_EVENTS_STEP;
        while length < events.len().min(NEAR_EVENTS_MAX) {
            let cut = events[events.len() - length - 1];
            let end = case::from_any_state(&window.pieces, cut, self.values);
            if let Some(case) = self.told_apart(&end) {
                return Some(case);
            }
            length *= 2;
        }
        self.told_apart(window)
    }

    /// What is left of a window, if that is little: with all its values, or with one or two that
    /// are told from the others.
    fn told_apart(&mut self, window: &Case) -> Option<Case> {
        let values = case::last_found(&window.pieces, NEAR_VALUES_MAX);
        let mut kept: Vec<Vec<ValueId>> = values.iter().map(|&value| vec![value]).collect();
        for (at, &one) in values.iter().enumerate() {
            kept.extend(values[..at].iter().map(|&other| vec![one.min(other), one.max(other)]));
        }
        let merged = kept.iter().map(|kept| case::merged(window, kept, self.values));
        let cases: Vec<Case> = std::iter::once(window.clone()).chain(merged).collect();
        for case in cases {
            if self.illegal_within(&case.pieces, &case.initials, CONFIGURATIONS_NEAR_MAX) {
                let case = self.shortest_prefix(&case);
                let case = self.reduce(case);
                if case.pieces.len() <= OPS_WANTED {
                    return Some(case);
                }
            }
        }
        None
    }

    /// The shortest illegal prefix of a case, by halving: a prefix of a legal history is legal.
    pub(super) fn shortest_prefix(&mut self, case: &Case) -> Case {
        let ends = returns(&case.pieces);
        let (mut legal, mut illegal) = (0, ends.len().saturating_sub(1));
        while legal < illegal {
            let middle = usize::midpoint(legal, illegal);
            if self.illegal(&case::prefix(&case.pieces, ends[middle]), &case.initials) {
                illegal = middle;
            } else {
                legal = middle + 1;
            }
        }
        let end = ends.get(illegal).copied().unwrap_or(NEVER - 1);
        Case { pieces: case::prefix(&case.pieces, end), ..case.clone() }
    }

    /// Tries windows at the end of a prefix, from short to long. The shortest that is illegal need
    /// not lead to the smallest case: a longer one knows more of what was open when it began.
    fn windows(&mut self, mut prefix: Case, mut best: Case) -> Case {
        let all = events(&prefix.pieces);
        if all.len() > BASE_EVENTS {
            let base = self.window_behind(&prefix, all[all.len() - BASE_EVENTS]);
            if self.illegal(&base.pieces, &base.initials) {
                prefix = base;
            }
        }
        let events = events(&prefix.pieces);
        let mut length = WINDOW_EVENTS_STEP;
        while length < events.len()
            && best.pieces.len() > OPS_WANTED
            && self.configurations_left > 0
        {
            let cut = events[events.len() - length - 1];
            let case = self.window_behind(&prefix, cut);
            if self.illegal(&case.pieces, &case.initials) {
                let case = self.reduce(case);
                if case.pieces.len() < best.pieces.len() {
                    best = case;
                }
            }
            length = if length < WINDOW_EVENTS_DOUBLED {
                length + WINDOW_EVENTS_STEP
            } else {
                2 * length
            };
        }
        best
    }

    /// What the operations behind this event are, from the states that are possible there.
    pub(super) fn window_behind(&mut self, case: &Case, cut: u32) -> Case {
        let before = case::prefix(&case.pieces, cut);
        let mut before: Vec<KeyOp> = before.iter().map(|piece| piece.op).collect();
        let mut initials = Vec::new();
        for value in 0..self.values as ValueId {
            let (effect, info) = (Effect::Read(value), NEVER);
            before.push(KeyOp { effect, invoke: cut, ret: cut + 1, info });
            let max = CONFIGURATIONS_PER_SEARCH_MAX;
            let mut outcomes =
                case.initials.iter().map(|&initial| self.search(&before, initial, max));
            if outcomes.any(|outcome| outcome != Outcome::Illegal) {
                initials.push(value);
            }
            before.pop();
        }
        let pieces = case::behind(&case.pieces, cut);
        Case { pieces, initials, since: Some(cut), any: case.any }
    }

    /// Drops and weakens until nothing more can go.
    pub(super) fn reduce(&mut self, mut case: Case) -> Case {
        loop {
            let before = case.pieces.len();
            let weakened_before = case::weakened(&case);
            self.drop_clusters(&mut case, 1);
            self.drop_chosen(&mut case, |pieces, _| case::observers(pieces));
            self.drop_chosen(&mut case, case::loose);
            self.weaken(&mut case);
            let same = case.pieces.len() == before && case::weakened(&case) == weakened_before;
            if same || self.configurations_left == 0 {
                return case;
            }
        }
    }

    /// Keeps a smaller set of operations if it is illegal as well.
    fn accept(&mut self, case: &mut Case, pieces: Vec<Piece>) -> bool {
        let accepted = pieces.len() < case.pieces.len()
            && self.configurations_left > 0
            && self.illegal(&pieces, &case.initials);
        if accepted {
            case.pieces = pieces;
        }
        accepted
    }

    /// Drops the clusters of many values at once, then of fewer, down to so many.
    fn drop_clusters(&mut self, case: &mut Case, chunk_min: usize) {
        let mut chunk = case::values(&case.pieces).len();
        while chunk >= chunk_min {
            let mut from = 0;
            loop {
                let present = case::values(&case.pieces);
                if from >= present.len() {
                    break;
                }
                let to = (from + chunk).min(present.len());
                let pieces = case::without(&case.pieces, &present[from..to], self.values + 1);
                if !self.accept(case, pieces) {
                    from = to;
                }
            }
            chunk /= 2;
        }
    }

    /// Drops of the operations that can go those that are not needed, first many at once.
    fn drop_chosen(&mut self, case: &mut Case, choose: impl Fn(&[Piece], usize) -> Vec<usize>) {
        let mut chunk = choose(&case.pieces, self.values + 1).len();
        while chunk > 0 {
            let mut from = 0;
            loop {
                let present = choose(&case.pieces, self.values + 1);
                if from >= present.len() {
                    break;
                }
                let to = (from + chunk).min(present.len());
                let dropped = &present[from..to];
                let keep = |(at, _): &(usize, &Piece)| dropped.binary_search(at).is_err();
                let kept = case.pieces.iter().enumerate().filter(keep);
                let pieces = kept.map(|(_, piece)| *piece).collect();
                if !self.accept(case, pieces) {
                    from = to;
                }
            }
            chunk /= 2;
        }
    }

    fn weaken(&mut self, case: &mut Case) {
        for at in 0..case.pieces.len() {
            let effect = case.pieces[at].op.effect;
            if let Effect::Cas(_, to) = effect {
                case.pieces[at].op.effect = Effect::Write(to);
                let enough =
                    self.configurations_left > 0 && self.illegal(&case.pieces, &case.initials);
                if !enough {
                    case.pieces[at].op.effect = effect;
                }
            }
        }
    }
}

/// When the operations that certainly happened returned, ascending.
fn returns(pieces: &[Piece]) -> Vec<u32> {
    let returns = pieces.iter().map(|piece| piece.op.ret);
    let mut returns: Vec<u32> = returns.filter(|ret| *ret != NEVER).collect();
    returns.sort_unstable();
    returns
}

/// When the operations began and returned, ascending.
fn events(pieces: &[Piece]) -> Vec<u32> {
    let mut events = returns(pieces);
    events.extend(pieces.iter().map(|piece| piece.op.invoke));
    events.sort_unstable();
    events
}
