//! The smallest contradiction: which few operations no order explains.
//!
//! ```text
//!   a key --> shortest illegal prefix --> [ clusters, loose ones, weakenings ]* --> small enough?
//!                       |                                                             | no
//!                       +--> a window at its end, from the states possible there --> [ ... ]*
//! ```
//!
//! Every step has to be *sound*: what is left must contradict itself whatever the rest did. So a
//! step may only ask for less, such that an order of the whole would give an order of what is left:
//! * **Prefix**: an order up to an event is the start of an order of the whole. What is open there
//!   may have happened or not.
//! * **A read** changes nothing, so it can be taken out of any order. So can a *loose* one, which
//!   sets a value that nobody left finds: whoever finds another value has another setter behind it.
//! * **A cas as a write**: `cas a -> b` where it stands sets b, as `write b` would.
//! * **A cluster**: all operations that write, find or compare with a value, and the clusters that
//!   a cas from it leads to. Take an order, and somebody left in it who finds u. Whoever set u for
//!   him is left, too: it is no operation of a dropped value, and no cas from one, for then u would
//!   have been dropped along. What stood between them left the state at u.
//! * **A window** that begins behind an event e: let P be the point of the order right after the
//!   last operation that returned by e. What comes before P was invoked by e. The state at P is one
//!   that a read right behind e could have found; asking for each value whether it could gives the
//!   states possible there. What is open at e stands before P (then it is in that state already) or
//!   after it: its reads are dropped, its writes may happen or not.
//!
//! What would be wrong: to drop a write whose value is still read. `write 1, read 1` without
//! the write is a contradiction, and accuses a correct system.

use super::super::engine::{Limits, Outcome};
use super::decide::decide;
use super::explain;
use super::op::{Effect, INITIAL, KeyHistory, KeyOp, NEVER, Problem, ValueId};
use crate::budget::Budget;
use crate::history::History;
use crate::verdict::OrderEvidence;

/// Evidence of more operations than this is tried again as a window.
const OPS_WANTED: usize = 12;

/// What all the searches together may explore. The stop flag is not looked at: the violation is
/// already certain, and evidence that was never reduced would be of no use to anybody.
const CONFIGURATIONS_MAX: u64 = 20_000_000;

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

/// An operation of the evidence: what is left of it, and what it was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    /// As it counts here.
    pub(super) op: KeyOp,
    /// As it was recorded.
    pub(super) whole: KeyOp,
}

/// A set of operations and the states from which no order of them exists.
#[derive(Clone, Debug)]
pub(super) struct Case {
    /// In order of invocation.
    pub(super) pieces: Vec<Piece>,
    /// The states that the register may hold at first.
    pub(super) initials: Vec<ValueId>,
    /// The event behind which it begins; nothing for the start of the history.
    pub(super) since: Option<u32>,
}

/// The evidence against one of these keys, whose histories are illegal: the first one, unless its
/// contradiction is too large for a person and that of a later one is smaller.
pub(super) fn find(history: &History, keys: &[&KeyHistory], budget: &Budget<'_>) -> OrderEvidence {
    let mut configurations_left = CONFIGURATIONS_MAX.min(budget.configurations_max);
    let mut best: Option<(&KeyHistory, Case)> = None;
    for key in keys.iter().take(KEYS_TRIED_MAX) {
        let (values, bytes_max) = (key.values.len(), budget.bytes_max);
        let mut reducer = Reducer { values, configurations_left, bytes_max };
        let case = reducer.smallest(&key.ops);
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
        let ops: Vec<KeyOp> = pieces.iter().map(|piece| piece.op).collect();
        // Without a state to begin in nothing is refuted.
        !initials.is_empty()
            && initials.iter().all(|&initial| self.search(&ops, initial) == Outcome::Illegal)
    }

    fn search(&mut self, ops: &[KeyOp], initial: ValueId) -> Outcome {
        let limits = Limits {
            configurations_max: self.configurations_left.min(CONFIGURATIONS_PER_SEARCH_MAX),
            bytes_max: self.bytes_max,
            stop: None,
            order: false,
        };
        let found = decide(&Problem { ops, initial, values: self.values }, &limits);
        self.configurations_left = self.configurations_left.saturating_sub(found.configurations);
        found.outcome
    }

    /// The shortest illegal prefix, by halving: a prefix of a legal history is legal.
    pub(super) fn shortest_prefix(&mut self, ops: &[KeyOp]) -> Case {
        let mut ends: Vec<u32> = ops.iter().map(|op| op.ret).filter(|ret| *ret != NEVER).collect();
        ends.sort_unstable();
        let (mut legal, mut illegal) = (0, ends.len().saturating_sub(1));
        while legal < illegal {
            let middle = usize::midpoint(legal, illegal);
            if self.illegal(&prefix(ops, ends[middle]), &[INITIAL]) {
                illegal = middle;
            } else {
                legal = middle + 1;
            }
        }
        let end = ends.get(illegal).copied().unwrap_or(NEVER - 1);
        Case { pieces: prefix(ops, end), initials: vec![INITIAL], since: None }
    }

    /// The smallest case that is found.
    fn smallest(&mut self, ops: &[KeyOp]) -> Case {
        let prefix = self.shortest_prefix(ops);
        let case = self.reduce(prefix.clone());
        if case.pieces.len() <= OPS_WANTED || self.values > WINDOW_VALUES_MAX {
            return case;
        }
        self.windows(&prefix, case)
    }

    /// Tries windows at the end of a prefix, from short to long. The shortest that is illegal need
    /// not lead to the smallest case: a longer one knows more of what was open when it began.
    fn windows(&mut self, prefix_case: &Case, mut best: Case) -> Case {
        let ops: Vec<KeyOp> = prefix_case.pieces.iter().map(|piece| piece.op).collect();
        let mut events: Vec<u32> = ops.iter().flat_map(|op| [op.invoke, op.ret]).collect();
        events.retain(|event| *event != NEVER);
        events.sort_unstable();
        let mut length = WINDOW_EVENTS_STEP;
        while length < events.len()
            && best.pieces.len() > OPS_WANTED
            && self.configurations_left > 0
        {
            let cut = events[events.len() - length - 1];
            let case = self.window_behind(&ops, cut);
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

    pub(super) fn window_behind(&mut self, ops: &[KeyOp], cut: u32) -> Case {
        let mut before: Vec<KeyOp> = prefix(ops, cut).iter().map(|piece| piece.op).collect();
        let mut initials = Vec::new();
        for value in 0..self.values as ValueId {
            let (effect, info) = (Effect::Read(value), NEVER);
            before.push(KeyOp { effect, invoke: cut, ret: cut + 1, info });
            if self.search(&before, INITIAL) != Outcome::Illegal {
                initials.push(value);
            }
            before.pop();
        }
        let pieces = ops.iter().filter(|op| op.ret > cut).filter_map(|&whole| {
            let ret = if whole.invoke > cut { whole.ret } else { NEVER };
            let dropped = ret == NEVER && matches!(whole.effect, Effect::Read(_) | Effect::Miss(_));
            (!dropped).then_some(Piece { op: KeyOp { ret, ..whole }, whole })
        });
        Case { pieces: pieces.collect(), initials, since: Some(cut) }
    }

    /// Drops and weakens until nothing more can go.
    pub(super) fn reduce(&mut self, mut case: Case) -> Case {
        loop {
            let before = case.pieces.len();
            let weakened_before = weakened(&case);
            self.drop_clusters(&mut case);
            self.drop_loose(&mut case);
            self.weaken(&mut case);
            let same = case.pieces.len() == before && weakened(&case) == weakened_before;
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

    fn drop_clusters(&mut self, case: &mut Case) {
        let mut chunk = values(&case.pieces).len();
        while chunk > 0 {
            let mut from = 0;
            loop {
                let present = values(&case.pieces);
                if from >= present.len() {
                    break;
                }
                let to = (from + chunk).min(present.len());
                let pieces = without(&case.pieces, &present[from..to], self.values);
                if !self.accept(case, pieces) {
                    from = to;
                }
            }
            chunk /= 2;
        }
    }

    fn drop_loose(&mut self, case: &mut Case) {
        let mut chunk = loose(&case.pieces, self.values).len();
        while chunk > 0 {
            let mut from = 0;
            loop {
                let present = loose(&case.pieces, self.values);
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

/// The operations up to this event; those open there may have happened or not.
pub(super) fn prefix(ops: &[KeyOp], end: u32) -> Vec<Piece> {
    let pieces = ops.iter().filter(|op| op.invoke <= end).filter_map(|&whole| {
        let ret = if whole.ret <= end { whole.ret } else { NEVER };
        let dropped = ret == NEVER && matches!(whole.effect, Effect::Read(_) | Effect::Miss(_));
        (!dropped).then_some(Piece { op: KeyOp { ret, ..whole }, whole })
    });
    pieces.collect()
}

fn weakened(case: &Case) -> usize {
    case.pieces.iter().filter(|piece| piece.op.effect != piece.whole.effect).count()
}

/// The values that the operations name, ascending.
fn values(pieces: &[Piece]) -> Vec<ValueId> {
    let named = |piece: &Piece| [piece.op.effect.observes(), piece.op.effect.produces()];
    let mut values: Vec<ValueId> = pieces.iter().flat_map(named).flatten().collect();
    values.sort_unstable();
    values.dedup();
    values
}

/// The positions of the operations that can go one by one: reads, and what sets a value that nobody
/// left finds.
pub(super) fn loose(pieces: &[Piece], values: usize) -> Vec<usize> {
    let mut found = vec![false; values];
    for value in pieces.iter().filter_map(|piece| piece.op.effect.observes()) {
        found[value as usize] = true;
    }
    // Whoever found another value than one may have found any.
    let missed = pieces.iter().any(|piece| matches!(piece.op.effect, Effect::Miss(_)));
    let is_loose =
        |piece: &Piece| piece.op.effect.produces().is_none_or(|v| !missed && !found[v as usize]);
    let positions = pieces.iter().enumerate().filter(|(_, piece)| is_loose(piece));
    positions.map(|(at, _)| at).collect()
}

/// What is left without the clusters of these values.
pub(super) fn without(pieces: &[Piece], chosen: &[ValueId], values: usize) -> Vec<Piece> {
    let dropped = cluster(pieces, chosen, values);
    let kept = |piece: &&Piece| match piece.op.effect {
        // Without the clusters the register may hold at that point what it did not find.
        Effect::Miss(value) => chosen.is_empty() || dropped[value as usize],
        effect => !touches(effect, &dropped),
    };
    pieces.iter().filter(kept).copied().collect()
}

/// The values that have to go along when these go, as flags.
fn cluster(pieces: &[Piece], chosen: &[ValueId], values: usize) -> Vec<bool> {
    let mut dropped = vec![false; values];
    let mut cas_from: Vec<Vec<ValueId>> = vec![Vec::new(); values];
    for piece in pieces {
        if let Effect::Cas(from, to) = piece.op.effect {
            cas_from[from as usize].push(to);
        }
    }
    let mut found = chosen.to_vec();
    while let Some(value) = found.pop() {
        if !std::mem::replace(&mut dropped[value as usize], true) {
            found.append(&mut cas_from[value as usize]);
        }
    }
    dropped
}

fn touches(effect: Effect, dropped: &[bool]) -> bool {
    [effect.observes(), effect.produces()]
        .into_iter()
        .flatten()
        .any(|value| dropped[value as usize])
}
