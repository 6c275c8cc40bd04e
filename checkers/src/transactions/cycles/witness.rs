//! The smallest cycle of a kind: breadth first from a transaction, over (vertex, state of the
//! kind's automaton), until it comes back.
//!
//! ```text
//!   level 0      level 1           level 2             a level is a transaction more;
//!   T3,0  --ww-> T5,0  --rw-> x,1 --> T9,1             x is auxiliary: the same level
//!                                 \-> T3,1  accepted: T3 -ww-> T5 -rw-> T3
//! ```
//!
//! A cycle with exactly one rw is walked from that one on. All that is left of it agrees with an
//! order of the other edges, so the walk stays before its start in that order: what a history's
//! whole future depends on is not walked for each transaction again.
//!
//! A walk over states may pass a transaction twice, or take a pair for what it is not called: a
//! pair through an auxiliary vertex may be there directly, too, for a reason that comes first. So
//! what is found is looked at once more, and where it fails, [`super::simple`] takes over.

use super::local::{Local, NONE, Parts};
use super::spec::{Automaton, DEAD, Spec, classify};
use crate::budget::Budget;
use crate::transactions::graph::{Dep, Deps};

/// What a cycle with exactly one of them begins with.
const RW: [Dep; 2] = [Dep::Rw, Dep::Rwp];

/// Through an auxiliary vertex, so many transactions are followed: more than one, because the way
/// back into the same transaction is none.
const ORIGINS_MAX: usize = 2;

/// No more places than this are kept for (vertex, state): 400 MB.
const PLACES_MAX: usize = 100_000_000;

/// Steps that may still be taken, and whether that was enough.
#[derive(Debug)]
pub(super) struct Purse {
    pub(super) left: u64,
    pub(super) spent: bool,
}

impl Purse {
    /// Takes so many steps; whether they were there.
    pub(super) fn take(&mut self, steps: u64, budget: &Budget<'_>) -> bool {
        self.spent |= steps > self.left || budget.stopped();
        self.left = self.left.saturating_sub(steps);
        !self.spent
    }
}

/// A cycle in the component: its transactions, and the reason of the hop out of each.
pub(super) type Hops = Vec<(u32, Dep)>;

/// The search of one kind of cycle in one component.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    local: &'a Local,
    spec: &'a Spec,
    parts: &'a Parts,
    automaton: Automaton,
    /// Per place, the place it was reached from.
    parent: Vec<u32>,
    /// Per place of an auxiliary vertex, the transaction that the way came from and why it left.
    origin: Vec<(u32, Dep)>,
    /// The places that were reached.
    reached: Vec<u32>,
    /// Those that belong to the next level.
    next: Vec<u32>,
    /// Of a kind with one rw: where each vertex stands in an order of the other edges.
    ranks: Option<Vec<u32>>,
    /// Whether something was found that is no such cycle.
    pub(super) doubtful: bool,
}

impl<'a> Walk<'a> {
    /// A search of this kind; nothing if the component is too large for it.
    pub(super) fn new(local: &'a Local, spec: &'a Spec, parts: &'a Parts) -> Option<Self> {
        let mut automaton = spec.automaton();
        let ranks = spec.is_single().then(|| {
            for dep in Dep::ALL.iter().filter(|dep| !RW.contains(dep)) {
                automaton.next[0][*dep as usize] = DEAD;
            }
            local.ranks(spec.deps().without(Deps::of(&RW)))
        });
        let states = automaton.next.len();
        let auxiliary = (local.vertices() as usize - local.txns) * states * ORIGINS_MAX;
        let places = local.txns * states + auxiliary;
        (places <= PLACES_MAX).then(|| Self {
            local,
            spec,
            parts,
            automaton,
            parent: vec![NONE; places],
            origin: vec![(NONE, Dep::Ww); auxiliary],
            reached: Vec::new(),
            next: Vec::new(),
            ranks,
            doubtful: false,
        })
    }

    /// The shortest cycle of this kind through a transaction, of at most so many transactions.
    pub(super) fn from(&mut self, start: u32, length_max: usize, steps: &mut u64) -> Option<Hops> {
        let walk = self.closing(start, length_max, steps);
        let cycle = walk.map(|end| self.way(end));
        for place in self.reached.drain(..).chain(self.next.drain(..)) {
            self.parent[place as usize] = NONE;
        }
        let cycle = cycle?;
        let checked = self.checked(&cycle, steps);
        self.doubtful |= checked.is_none();
        checked
    }

    /// The place from which the shortest walk leads back to the start, accepted.
    fn closing(&mut self, start: u32, length_max: usize, steps: &mut u64) -> Option<u32> {
        let (local, parts) = (self.local, self.parts);
        let states = self.automaton.next.len();
        let first = u32::try_from(start as usize * states).expect("places are counted in 32 bits");
        self.reach(first, first);
        let (mut at, mut level_end) = (0, 1);
        for _ in 0..length_max {
            if at == level_end {
                break;
            }
            while at < level_end {
                let place = self.reached[at];
                at += 1;
                let (vertex, state, slot) = self.read(place);
                for edge in local.range(vertex) {
                    *steps += 1;
                    let (to, label) = local.edge(edge);
                    let elsewhere = parts.of[to as usize] != parts.of[start as usize];
                    if elsewhere || self.is_past(start, to) {
                        continue;
                    }
                    let Some((after, source)) = self.follow(vertex, state, slot, label) else {
                        continue;
                    };
                    if !local.is_txn(to) {
                        // Auxiliary vertices belong to the level of the hop that led to them.
                        if let Some(place) = self.slot(to, after, source) {
                            self.reach(place, self.reached[at - 1]);
                            level_end += 1;
                        }
                    } else if to == start {
                        let hop = source.0 != to && !self.has_better(vertex, to, source);
                        if hop && self.automaton.accepts[after as usize] {
                            return Some(place);
                        }
                    } else if source.0 != to && !self.has_better(vertex, to, source) {
                        let target = to as usize * states + after as usize;
                        let target = u32::try_from(target).expect("places are counted so");
                        if self.parent[target as usize] == NONE {
                            self.parent[target as usize] = place;
                            self.next.push(target);
                        }
                    }
                }
            }
            self.reached.append(&mut self.next);
            level_end = self.reached.len();
        }
        None
    }

    /// Whether nothing but an rw leads from a vertex back to the start.
    fn is_past(&self, start: u32, vertex: u32) -> bool {
        let past = |ranks: &Vec<u32>| ranks[vertex as usize] > ranks[start as usize];
        self.ranks.as_ref().is_some_and(past)
    }

    /// Whether a kind's cycle may begin with this transaction.
    pub(super) fn begins(&self, start: u32) -> bool {
        self.ranks.is_none()
            || self.local.range(start).any(|edge| {
                let (to, label) = self.local.edge(edge);
                label.is_some_and(|dep| RW.contains(&dep)) && !self.is_past(start, to)
            })
    }

    /// Where an edge leads to in the automaton, and which hop it belongs to.
    fn follow(
        &self,
        vertex: u32,
        state: u8,
        slot: usize,
        label: Option<Dep>,
    ) -> Option<(u8, (u32, Dep))> {
        if !self.local.is_txn(vertex) {
            return Some((state, self.origin[self.auxiliary(vertex, state) + slot]));
        }
        let dep = label?;
        let after = self.automaton.next[state as usize][dep as usize];
        (after != DEAD).then_some((after, (vertex, dep)))
    }

    /// Whether the pair that an auxiliary vertex closes is there directly, for a reason that names
    /// it instead.
    fn has_better(&self, vertex: u32, to: u32, (origin, dep): (u32, Dep)) -> bool {
        !self.local.is_txn(vertex)
            && self.local.direct(origin, to).is_some_and(|edge| {
                let (_, label) = self.local.edge(edge);
                label.is_some_and(|label| self.local.comes_before(label, dep))
            })
    }

    fn reach(&mut self, place: u32, from: u32) {
        self.parent[place as usize] = from;
        self.reached.push(place);
    }

    /// A free place at an auxiliary vertex for a way from this transaction.
    fn slot(&mut self, vertex: u32, state: u8, source: (u32, Dep)) -> Option<u32> {
        let first = self.auxiliary(vertex, state);
        let transactions = self.local.txns * self.automaton.next.len();
        for slot in first..first + ORIGINS_MAX {
            if self.parent[transactions + slot] == NONE {
                self.origin[slot] = source;
                return Some(u32::try_from(transactions + slot).expect("places are counted so"));
            }
            if self.origin[slot].0 == source.0 {
                return None;
            }
        }
        None
    }

    /// Where the places of an auxiliary vertex and a state begin, among those of their kind.
    fn auxiliary(&self, vertex: u32, state: u8) -> usize {
        let number = vertex as usize - self.local.txns;
        (number * self.automaton.next.len() + state as usize) * ORIGINS_MAX
    }

    /// The vertex of a place, its state, and which of the ways through the vertex it is.
    fn read(&self, place: u32) -> (u32, u8, usize) {
        let states = self.automaton.next.len();
        let (number, slot) = match (place as usize).checked_sub(self.local.txns * states) {
            None => (place as usize, 0),
            Some(place) => (self.local.txns * states + place / ORIGINS_MAX, place % ORIGINS_MAX),
        };
        let vertex = u32::try_from(number / states).expect("vertices are counted in 32 bits");
        (vertex, u8::try_from(number % states).expect("there are few states"), slot)
    }

    /// The transactions from the start to a place, in order.
    fn way(&self, end: u32) -> Vec<u32> {
        let mut way = Vec::new();
        let mut place = end;
        loop {
            let (vertex, ..) = self.read(place);
            if self.local.is_txn(vertex) {
                way.push(vertex);
            }
            if self.parent[place as usize] == place {
                break;
            }
            place = self.parent[place as usize];
        }
        way.reverse();
        way
    }

    /// The cycle of these transactions, if it is one of this kind.
    fn checked(&self, way: &[u32], steps: &mut u64) -> Option<Hops> {
        let mut sorted = way.to_vec();
        sorted.sort_unstable();
        if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
            return None;
        }
        let next = way.iter().cycle().skip(1);
        let named = way.iter().zip(next);
        let hops: Option<Hops> =
            named.map(|(from, to)| Some((*from, self.local.hop(*from, *to, steps)?))).collect();
        hops.filter(|hops| is(self.spec, hops))
    }
}

/// Whether a cycle is of a kind.
pub(super) fn is(spec: &Spec, hops: &[(u32, Dep)]) -> bool {
    let deps: Vec<Dep> = hops.iter().map(|(_, dep)| *dep).collect();
    classify(&deps) == Some(spec.anomaly)
}
