//! From an illegal part to few operations that contradict each other whatever the rest did.
//!
//! Every step asks for less, such that an order of the whole would give an order of what is left:
//! * **Prefix**: an order up to an event is the start of an order of the whole. What is open there
//!   may have happened or not; if it did, then with the result that it had.
//! * **What only observes** can be taken out of any order.
//! * **A group** can be taken out as well, the model says so, of an order that begins in the
//!   initial
//!   state. Behind a window the group's elements may be in the state already, and stay there: a
//!   queue that holds 1 and 2 gives 2 only after 1, though nobody left takes 1.
//! * **A window** that begins behind an event, in the states possible there (see `sweep`). What is
//!   open there may be part of them, so it may happen or not.
//! * **Culprits** that the model's own procedure names contradict each other whatever the others
//!   did, it says; whether they contradict each other at all is searched.

use super::super::engine::{Limits, NEVER, Outcome};
use super::super::frontier;
use super::super::model::{Model, Monitored, Part, Timed};
use super::orders::Slot;
use super::{search, sweep};
use crate::history::Datum;
use rustc_hash::{FxHashMap, FxHashSet};

/// Evidence of more operations than this is tried again as a window.
pub(super) const OPS_WANTED: usize = 12;

/// What one of the larger searches may explore.
const CONFIGURATIONS_PER_SEARCH_MAX: u64 = 200_000;

/// Windows tried, by the number of events before the dead end; each the double of the one before.
const WINDOW_EVENTS_MIN: usize = 4;

/// An operation of the evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Its position in the part.
    pub(super) at: usize,
    /// When it returned, as far as that counts here; [`NEVER`] if it may have happened or not.
    pub(super) ret: u32,
}

/// A set of operations and the states from which no order of them exists.
#[derive(Clone, Debug)]
pub(super) struct Case<S> {
    /// In order of invocation.
    pub(super) pieces: Vec<Piece>,
    /// The states that it may begin in.
    pub(super) initials: Vec<S>,
    /// The event behind which it begins; nothing for the start of the history.
    pub(super) since: Option<u32>,
    /// What the model's procedure says of it.
    pub(super) sentence: Option<String>,
}

/// Makes cases of one part smaller, within limits.
pub(super) struct Reducer<'a, M: Model> {
    pub(super) model: &'a M,
    pub(super) part: &'a Part<M::Op>,
    pub(super) configurations_left: u64,
    pub(super) bytes_max: u64,
}

impl<M: Model> Reducer<'_, M> {
    /// The smallest case that is found.
    pub(super) fn smallest(&mut self) -> Case<M::State> {
        let whole = self.part.ops.iter().enumerate().map(|(at, op)| Piece { at, ret: op.ret });
        let whole = self.at_the_start(whole.collect());
        if let Some(case) = self.named(&whole) {
            return case;
        }
        let dead_end = sweep::dead_end(self.model, &self.part.ops, &mut self.configurations_left);
        let prefix = match &dead_end {
            Some(dead_end) => self.prefix(&whole, dead_end.event),
            None => self.shortest_prefix(&whole),
        };
        let mut best = self.reduce(prefix.clone());
        for (cut, states) in windows(dead_end.map_or_else(Vec::new, |dead_end| dead_end.cuts)) {
            if best.pieces.len() <= OPS_WANTED || self.configurations_left == 0 {
                break;
            }
            let window = self.behind(&prefix, cut, states);
            if self.illegal(&window.pieces, &window.initials) {
                let case = self.reduce(window);
                if case.pieces.len() < best.pieces.len() {
                    best = case;
                }
            }
        }
        best
    }

    fn at_the_start(&self, pieces: Vec<Piece>) -> Case<M::State> {
        Case { pieces, initials: vec![self.model.initial()], since: None, sentence: None }
    }

    /// What the model's procedure names, if that is a contradiction; else what it leads to.
    fn named(&mut self, whole: &Case<M::State>) -> Option<Case<M::State>> {
        let (pieces, sentence) = self.culprits(&whole.pieces)?;
        let case = Case { sentence: Some(sentence), ..self.at_the_start(pieces) };
        if self.searched(&case.pieces, &case.initials) == Some(true) {
            return Some(if case.pieces.len() > OPS_WANTED { self.reduce(case) } else { case });
        }
        let chosen: FxHashSet<usize> = case.pieces.iter().map(|piece| piece.at).collect();
        let groups: FxHashSet<Datum> =
            chosen.iter().filter_map(|&at| self.model.group(&self.part.ops[at].op)).collect();
        let stays = |piece: &&Piece| {
            let op = &self.part.ops[piece.at].op;
            let group = self.model.group(op);
            let can_go = group.as_ref().is_some_and(|group| !groups.contains(group))
                || self.model.observes_only(op);
            chosen.contains(&piece.at) || !can_go
        };
        let around = self.at_the_start(whole.pieces.iter().filter(stays).copied().collect());
        let illegal = self.illegal(&around.pieces, &around.initials);
        let case = if illegal { around } else { return None };
        let case = self.reduce(case);
        (case.pieces.len() <= OPS_WANTED).then_some(case)
    }

    fn culprits(&mut self, pieces: &[Piece]) -> Option<(Vec<Piece>, String)> {
        self.spend(pieces.len() as u64);
        let Monitored::Illegal { mut culprits, sentence } =
            self.model.monitor(&self.reduced(pieces))
        else {
            return None;
        };
        culprits.sort_unstable();
        culprits.dedup();
        let named = culprits.iter().filter_map(|&at| pieces.get(at as usize).copied());
        Some((named.collect(), sentence))
    }

    fn spend(&mut self, configurations: u64) {
        self.configurations_left = self.configurations_left.saturating_sub(configurations);
    }

    fn reduced(&self, pieces: &[Piece]) -> Part<M::Op> {
        let op = |piece: &Piece| Timed { ret: piece.ret, ..self.part.ops[piece.at].clone() };
        Part { name: self.part.name.clone(), ops: pieces.iter().map(op).collect() }
    }

    /// Whether there certainly is no order, from whichever initial state.
    fn illegal(&mut self, pieces: &[Piece], initials: &[M::State]) -> bool {
        // Without a state to begin in nothing is refuted.
        if initials.is_empty() {
            return false;
        }
        if let Some(illegal) = self.searched(pieces, initials) {
            return illegal;
        }
        let part = self.reduced(pieces);
        if *initials == [self.model.initial()] {
            self.spend(pieces.len() as u64);
            match self.model.monitor(&part) {
                Monitored::Legal => return false,
                Monitored::Illegal { .. } => return true,
                Monitored::Unfit(_) => {}
            }
        }
        let limits = Limits {
            configurations_max: self.configurations_left.min(CONFIGURATIONS_PER_SEARCH_MAX),
            bytes_max: self.bytes_max,
            stop: None,
            order: false,
        };
        let found = frontier::search(self.model, &part, initials, &limits);
        self.spend(found.configurations);
        found.outcome == Outcome::Illegal
    }

    /// The same for few operations, without asking anybody.
    fn searched(&mut self, pieces: &[Piece], initials: &[M::State]) -> Option<bool> {
        let slots = self.slots(pieces);
        let (has_order, configurations) =
            search::has_order(&slots, initials, |op, state, after| {
                self.model.step(state, &self.part.ops[pieces[op].at].op, after);
            });
        self.spend(configurations);
        has_order.map(|has_order| !has_order)
    }

    pub(super) fn slots(&self, pieces: &[Piece]) -> Vec<Slot> {
        let slot = |piece: &Piece| {
            let op = &self.part.ops[piece.at];
            let observes_only = self.model.observes_only(&op.op);
            Slot { invoke: op.invoke, ret: piece.ret, observes_only }
        };
        pieces.iter().map(slot).collect()
    }

    /// The operations up to this event; those open there may have happened or not.
    pub(super) fn prefix(&self, case: &Case<M::State>, end: u32) -> Case<M::State> {
        let begun = |piece: &&Piece| self.part.ops[piece.at].invoke <= end;
        let pieces = case
            .pieces
            .iter()
            .filter(begun)
            .map(|&Piece { at, ret }| Piece { at, ret: if ret <= end { ret } else { NEVER } });
        let pieces = pieces.filter(|piece| self.matters(piece)).collect();
        Case { pieces, ..case.clone() }
    }

    /// The operations that did not return by this event; those open there may stand before it.
    pub(super) fn behind(
        &self,
        case: &Case<M::State>,
        cut: u32,
        initials: Vec<M::State>,
    ) -> Case<M::State> {
        let left = case.pieces.iter().filter(|piece| piece.ret > cut);
        let pieces = left.map(|&Piece { at, ret }| Piece {
            at,
            ret: if self.part.ops[at].invoke > cut { ret } else { NEVER },
        });
        let pieces = pieces.filter(|piece| self.matters(piece)).collect();
        Case { pieces, initials, since: Some(cut), sentence: None }
    }

    /// What only observes and may not have happened says nothing.
    fn matters(&self, piece: &Piece) -> bool {
        piece.ret != NEVER || !self.model.observes_only(&self.part.ops[piece.at].op)
    }

    /// The shortest illegal prefix, by halving: a prefix of a legal history is legal.
    fn shortest_prefix(&mut self, case: &Case<M::State>) -> Case<M::State> {
        let returns = case.pieces.iter().map(|piece| piece.ret);
        let mut ends: Vec<u32> = returns.filter(|ret| *ret != NEVER).collect();
        ends.sort_unstable();
        let (mut legal, mut illegal) = (0, ends.len().saturating_sub(1));
        while legal < illegal && self.configurations_left > 0 {
            let middle = usize::midpoint(legal, illegal);
            let prefix = self.prefix(case, ends[middle]);
            if self.illegal(&prefix.pieces, &prefix.initials) {
                illegal = middle;
            } else {
                legal = middle + 1;
            }
        }
        self.prefix(case, ends.get(illegal).copied().unwrap_or(NEVER - 1))
    }

    /// Drops until nothing more can go.
    pub(super) fn reduce(&mut self, mut case: Case<M::State>) -> Case<M::State> {
        loop {
            let before = case.pieces.len();
            if case.since.is_none() {
                self.drop_groups(&mut case);
            }
            self.drop_observers(&mut case);
            if case.pieces.len() == before || self.configurations_left == 0 {
                break;
            }
        }
        if case.since.is_none() {
            self.reword(&mut case);
        }
        case
    }

    /// Asks the model's procedure about what is left: it may name even fewer.
    fn reword(&mut self, case: &mut Case<M::State>) {
        let Some((pieces, sentence)) = self.culprits(&case.pieces) else { return };
        if self.searched(&pieces, &case.initials) == Some(true) {
            case.pieces = pieces;
            case.sentence = Some(sentence);
        }
    }

    fn drop_groups(&mut self, case: &mut Case<M::State>) {
        let group = |piece: &Piece| self.model.group(&self.part.ops[piece.at].op);
        let mut numbers: FxHashMap<Datum, usize> = FxHashMap::default();
        let mut members: Vec<Vec<usize>> = Vec::new();
        for piece in &case.pieces {
            let Some(group) = group(piece) else { continue };
            let number = *numbers.entry(group).or_insert_with(|| {
                members.push(Vec::new());
                members.len() - 1
            });
            members[number].push(piece.at);
        }
        self.drop_sets(case, members);
    }

    fn drop_observers(&mut self, case: &mut Case<M::State>) {
        let observes = |at: &usize| self.model.observes_only(&self.part.ops[*at].op);
        let positions = case.pieces.iter().map(|piece| piece.at);
        let sets = positions.filter(observes).map(|at| vec![at]).collect();
        self.drop_sets(case, sets);
    }

    /// Drops of these sets of positions those that are not needed, first many at once.
    fn drop_sets(&mut self, case: &mut Case<M::State>, mut sets: Vec<Vec<usize>>) {
        let mut chunk = sets.len();
        while chunk > 0 && self.configurations_left > 0 {
            let mut from = 0;
            while from < sets.len() {
                let to = (from + chunk).min(sets.len());
                let gone: FxHashSet<usize> = sets[from..to].iter().flatten().copied().collect();
                let kept = case.pieces.iter().filter(|piece| !gone.contains(&piece.at));
                let pieces: Vec<Piece> = kept.copied().collect();
                if self.illegal(&pieces, &case.initials) {
                    case.pieces = pieces;
                    case.sentence = None;
                    sets.drain(from..to);
                } else {
                    from = to;
                }
            }
            chunk /= 2;
        }
    }
}

/// Of the cuts before a dead end those worth a try, each about twice as far away as the one before.
fn windows<S>(cuts: Vec<(u32, Vec<S>)>) -> impl Iterator<Item = (u32, Vec<S>)> {
    let chosen = |at: &usize| (at + 1).is_power_of_two() || (at + 1).is_multiple_of(3) && *at < 32;
    let cuts = cuts.into_iter().enumerate().skip(WINDOW_EVENTS_MIN - 1);
    cuts.filter(move |(at, _)| chosen(at)).map(|(_, cut)| cut)
}
