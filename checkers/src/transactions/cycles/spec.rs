//! What each anomaly is as a cycle: which edges, how many of them, and which stand side by side.
//!
//! ```text
//!             free                extra
//!   G0        ww                  -
//!   G1c       ww wr               at least one wr
//!   G-single  ww wr               exactly one rw
//!   G-non-
//!   adjacent  ww wr               at least two rw, no two of them side by side
//!   G2        ww wr               at least two rw, two of them side by side
//!
//!   -item     no rwp; without it, at least one rwp      (each of ww, wr, rw by predicate, too)
//!   -process  process edges, too, at least one          -realtime likewise, and process edges
//! ```
//!
//! As an automaton that reads a cycle's edges from anywhere on the cycle, so that a walk through
//! (vertex, state) finds the shortest cycle of a kind. After Elle (`elle.txn`), which takes a
//! cycle for what its edges are named, each by the first reason it has.

use crate::transactions::graph::{Dep, Deps};
use crate::transactions::lattice::Anomaly;

/// What the dependencies of a cycle are, without predicates and orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Base {
    G0,
    G1c,
    Single,
    Nonadjacent,
    G2,
}

/// A kind of cycle.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spec {
    /// What it is called.
    pub(super) anomaly: Anomaly,
    base: Base,
    /// Whether a predicate read is in it.
    predicate: bool,
    /// The order that one of its edges comes from.
    order: Option<Dep>,
}

const fn spec(anomaly: Anomaly, base: Base, predicate: bool, order: Option<Dep>) -> Spec {
    Spec { anomaly, base, predicate, order }
}

const P: Option<Dep> = Some(Dep::Process);
const R: Option<Dep> = Some(Dep::Realtime);

/// All of them, in the order in which Elle looks for them.
pub(super) const SPECS: [Spec; 24] = [
    spec(Anomaly::GSingleItem, Base::Single, false, None),
    spec(Anomaly::G0, Base::G0, false, None),
    spec(Anomaly::GNonadjacentItem, Base::Nonadjacent, false, None),
    spec(Anomaly::GSingleItemProcess, Base::Single, false, P),
    spec(Anomaly::G1c, Base::G1c, false, None),
    spec(Anomaly::GNonadjacentItemProcess, Base::Nonadjacent, false, P),
    spec(Anomaly::GSingle, Base::Single, true, None),
    spec(Anomaly::GSingleItemRealtime, Base::Single, false, R),
    spec(Anomaly::G2Item, Base::G2, false, None),
    spec(Anomaly::GNonadjacent, Base::Nonadjacent, true, None),
    spec(Anomaly::GNonadjacentItemRealtime, Base::Nonadjacent, false, R),
    spec(Anomaly::G2, Base::G2, true, None),
    spec(Anomaly::G0Process, Base::G0, false, P),
    spec(Anomaly::G1cProcess, Base::G1c, false, P),
    spec(Anomaly::GSingleProcess, Base::Single, true, P),
    spec(Anomaly::G2ItemProcess, Base::G2, false, P),
    spec(Anomaly::GNonadjacentProcess, Base::Nonadjacent, true, P),
    spec(Anomaly::G2Process, Base::G2, true, P),
    spec(Anomaly::G0Realtime, Base::G0, false, R),
    spec(Anomaly::G1cRealtime, Base::G1c, false, R),
    spec(Anomaly::GSingleRealtime, Base::Single, true, R),
    spec(Anomaly::G2ItemRealtime, Base::G2, false, R),
    spec(Anomaly::GNonadjacentRealtime, Base::Nonadjacent, true, R),
    spec(Anomaly::G2Realtime, Base::G2, true, R),
];

const WRITES: [Dep; 2] = [Dep::Ww, Dep::Wwp];
const READS: [Dep; 2] = [Dep::Wr, Dep::Wrp];

impl Spec {
    /// The edges that such a cycle is made of.
    pub(super) fn deps(&self) -> Deps {
        let mut deps = Deps::of(&WRITES);
        if self.base != Base::G0 {
            deps = deps.union(Deps::of(&READS));
        }
        if !matches!(self.base, Base::G0 | Base::G1c) {
            deps = deps.with(Dep::Rw);
            if self.predicate {
                deps = deps.with(Dep::Rwp);
            }
        }
        match self.order {
            // Real time knows the order of a process, too.
            Some(Dep::Realtime) => deps.with(Dep::Realtime).with(Dep::Process),
            Some(order) => deps.with(order),
            None => deps,
        }
    }

    /// Sets of edges of which such a cycle has at least one each.
    pub(super) fn required(&self) -> Vec<Deps> {
        let dependency = match self.base {
            Base::G0 => Deps::of(&WRITES),
            Base::G1c => Deps::of(&READS),
            _ if self.predicate => Deps::of(&[Dep::Rwp]),
            _ => Deps::of(&[Dep::Rw]),
        };
        let order = self.order.map(|order| Deps::of(&[order]));
        std::iter::once(dependency).chain(order).collect()
    }

    /// Whether exactly one edge of such a cycle is an rw: then it is looked for from there.
    pub(super) fn is_single(&self) -> bool {
        self.base == Base::Single
    }

    /// How short such a cycle can be.
    pub(super) fn length_min(&self) -> usize {
        if self.base == Base::Nonadjacent { 4 } else { 2 }
    }

    /// The automaton of such cycles.
    pub(super) fn automaton(&self) -> Automaton {
        let mut states = vec![State::default()];
        let mut automaton = Automaton { next: Vec::new(), accepts: Vec::new() };
        while automaton.next.len() < states.len() {
            let state = states[automaton.next.len()];
            let mut row = [DEAD; 8];
            for dep in Dep::ALL {
                if let Some(after) = self.step(state, dep) {
                    let known = states.iter().position(|known| *known == after);
                    let at = known.unwrap_or_else(|| {
                        states.push(after);
                        states.len() - 1
                    });
                    row[dep as usize] = u8::try_from(at).expect("there are few states");
                }
            }
            automaton.next.push(row);
            automaton.accepts.push(self.accepts(state));
        }
        automaton
    }

    /// Reads an edge. What does not matter for this kind is forgotten, so that states stay few.
    fn step(&self, state: State, dep: Dep) -> Option<State> {
        if !self.deps().has(dep) {
            return None;
        }
        let rw = matches!(dep, Dep::Rw | Dep::Rwp);
        let mut after = state;
        after.order |= self.order == Some(dep);
        after.predicate |= dep == Dep::Rwp;
        match self.base {
            Base::G0 => {}
            Base::G1c => after.read |= READS.contains(&dep),
            Base::Single if rw && state.count == 1 => return None,
            Base::Nonadjacent if rw && state.last => return None,
            // Side by side was seen: nothing else is asked any more.
            Base::G2 if state.beside || rw && state.last => {
                after = State { beside: true, begun: true, first: false, last: false, ..after };
            }
            _ => {}
        }
        if rw && self.base != Base::G2 {
            after.count = (state.count + 1).min(2);
        }
        if matches!(self.base, Base::Nonadjacent | Base::G2) && !after.beside {
            after.first = if state.begun { state.first } else { rw };
            after.last = rw;
            after.begun = true;
        }
        Some(after)
    }

    /// Whether the cycle may close here.
    fn accepts(&self, state: State) -> bool {
        let shape = match self.base {
            Base::G0 => true,
            Base::G1c => state.read,
            Base::Single => state.count == 1,
            Base::Nonadjacent => state.count == 2 && !(state.first && state.last),
            Base::G2 => state.beside || state.first && state.last,
        };
        shape && state.predicate == self.predicate && state.order == self.order.is_some()
    }
}

/// What was read of a cycle so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct State {
    begun: bool,
    /// How many rw: none, one, more.
    count: u8,
    /// Whether the first edge was one, and the last one.
    first: bool,
    last: bool,
    /// Whether two were side by side.
    beside: bool,
    read: bool,
    predicate: bool,
    order: bool,
}

/// No state: no such cycle goes on like this.
pub(super) const DEAD: u8 = u8::MAX;

/// Reads the edges of a cycle one after another; begins in state 0.
#[derive(Debug)]
pub(super) struct Automaton {
    /// By state and reason, the next state.
    pub(super) next: Vec<[u8; 8]>,
    /// Whether a cycle may close in a state.
    pub(super) accepts: Vec<bool>,
}

/// What a cycle of these edges is called; nothing if it has no dependency in it.
pub(in crate::transactions) fn classify(deps: &[Dep]) -> Option<Anomaly> {
    let rw = |dep: &Dep| matches!(dep, Dep::Rw | Dep::Rwp);
    let beside = (0..deps.len()).any(|at| rw(&deps[at]) && rw(&deps[(at + 1) % deps.len()]));
    let base = match deps.iter().filter(|dep| rw(dep)).count() {
        0 if deps.iter().any(|dep| READS.contains(dep)) => Base::G1c,
        0 if deps.iter().any(|dep| WRITES.contains(dep)) => Base::G0,
        0 => return None,
        1 => Base::Single,
        _ if beside => Base::G2,
        _ => Base::Nonadjacent,
    };
    let order = [Dep::Realtime, Dep::Process].into_iter().find(|order| deps.contains(order));
    let predicate = deps.contains(&Dep::Rwp);
    let same =
        |spec: &&Spec| spec.base == base && spec.order == order && spec.predicate == predicate;
    SPECS.iter().find(same).map(|spec| spec.anomaly)
}

/// A consistency model that forbids cycles of these edges.
#[derive(Clone, Copy, Debug)]
pub(super) struct Forbids {
    /// What says so.
    pub(super) anomaly: Anomaly,
    /// The edges.
    pub(super) deps: &'static [Dep],
    /// Whether rw edges count, too, as long as no two of them are side by side.
    pub(super) apart: bool,
}

/// The models, in Elle's order: the weak ones first.
pub(super) const FORBIDS: [Forbids; 13] = {
    use Dep::{Process, Realtime, Rw, Rwp, Wr, Wrp, Ww, Wwp};
    const fn forbids(anomaly: Anomaly, deps: &'static [Dep], apart: bool) -> Forbids {
        Forbids { anomaly, deps, apart }
    }
    [
        forbids(Anomaly::PL1CycleExists, &[Ww, Wwp], false),
        forbids(Anomaly::PL2CycleExists, &[Ww, Wwp, Wr, Wrp], false),
        forbids(Anomaly::PLSICycleExists, &[Ww, Wwp, Wr, Wrp], true),
        forbids(Anomaly::PL299CycleExists, &[Ww, Wwp, Wr, Wrp, Rw], false),
        forbids(Anomaly::PL3CycleExists, &[Ww, Wwp, Wr, Wrp, Rw, Rwp], false),
        forbids(Anomaly::StrongSessionPL1CycleExists, &[Ww, Wwp, Process], false),
        forbids(Anomaly::StrongSessionPL2CycleExists, &[Ww, Wwp, Wr, Wrp, Process], false),
        forbids(
            Anomaly::StrongSessionSnapshotIsolationCycleExists,
            &[Ww, Wwp, Wr, Wrp, Process],
            true,
        ),
        forbids(
            Anomaly::StrongSessionSerializableCycleExists,
            &[Ww, Wwp, Wr, Wrp, Rw, Rwp, Process],
            false,
        ),
        forbids(Anomaly::StrongPL1CycleExists, &[Ww, Wwp, Process, Realtime], false),
        forbids(Anomaly::StrongPL2CycleExists, &[Ww, Wwp, Wr, Wrp, Process, Realtime], false),
        forbids(
            Anomaly::StrongSnapshotIsolationCycleExists,
            &[Ww, Wwp, Wr, Wrp, Process, Realtime],
            true,
        ),
        forbids(Anomaly::PLSSCycleExists, &[Ww, Wwp, Wr, Wrp, Rw, Rwp, Process, Realtime], false),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    /// Every sequence of so many reasons.
    fn sequences(length: usize) -> Vec<Vec<Dep>> {
        (0..length).fold(vec![Vec::new()], |all, _| {
            let longer = |deps: &Vec<Dep>| {
                Dep::ALL.map(|dep| deps.iter().copied().chain([dep]).collect::<Vec<_>>())
            };
            all.iter().flat_map(longer).collect()
        })
    }

    #[test]
    fn an_automaton_accepts_exactly_the_cycles_of_its_name() {
        let automata = SPECS.map(|spec| (spec, spec.automaton()));
        for deps in (2..=4).flat_map(sequences) {
            let class = classify(&deps);
            for (spec, automaton) in &automata {
                let end = deps.iter().try_fold(0, |state, dep| {
                    Some(automaton.next[state as usize][*dep as usize]).filter(|to| *to != DEAD)
                });
                let accepted = end.is_some_and(|state: u8| automaton.accepts[state as usize]);
                let only_order = class.is_none() && spec.base == Base::G0;
                assert!(accepted == (class == Some(spec.anomaly)) || only_order, "{deps:?}");
            }
        }
    }

    #[test]
    fn a_class_does_not_depend_on_where_a_cycle_begins() {
        for deps in sequences(4) {
            let mut turned = deps.clone();
            turned.rotate_left(1);
            assert_eq!(classify(&deps), classify(&turned), "{deps:?}");
        }
    }
}
