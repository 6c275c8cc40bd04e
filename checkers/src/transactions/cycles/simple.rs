//! Cycles one by one, for the few components in which the walk over states finds nothing but what
//! is no cycle of the kind.
//!
//! ```text
//!   T1 -wr-> T2 -rw-> T1   and   T2 -ww-> T3 -rw-> T2
//!   walked together: T1 T2 T3 T2 T1, with two rw not side by side; but T2 is passed twice,
//!   and each of the two cycles has only one rw
//! ```
//!
//! Depth first along transactions that were not passed yet, one more transaction allowed each
//! round. How many such ways there are has no good bound, so depth and steps have one.

use super::local::{Local, Parts};
use super::spec::{Automaton, DEAD, Spec};
use super::witness::{Hops, Purse, is};
use crate::budget::Budget;
use crate::transactions::graph::Dep;

/// No way is longer than this.
const LENGTH_MAX: usize = 24;

/// The smallest cycle of a kind; nothing if there is none, or the purse was spent.
pub(super) fn smallest(
    local: &Local,
    spec: &Spec,
    parts: &Parts,
    starts: &[u32],
    purse: &mut Purse,
    budget: &Budget<'_>,
) -> Option<Hops> {
    let automaton = spec.automaton();
    let largest = parts.sizes.iter().max().copied().unwrap_or(0);
    for length in spec.length_min()..=largest.min(LENGTH_MAX) {
        for start in starts {
            let search = Search { local, spec, parts, automaton: &automaton, start: *start };
            let found = search.of_length(length, purse, budget);
            if found.is_some() || purse.spent {
                return found;
            }
        }
    }
    purse.spent |= largest > LENGTH_MAX;
    None
}

struct Search<'a> {
    local: &'a Local,
    spec: &'a Spec,
    parts: &'a Parts,
    automaton: &'a Automaton,
    start: u32,
}

/// A transaction on the way: the state before it was left, and the hops out of it that are left.
struct Place {
    vertex: u32,
    state: u8,
    hops: std::vec::IntoIter<(u32, Dep)>,
    /// The hop that was taken.
    taken: Dep,
}

impl Search<'_> {
    /// A cycle of exactly so many transactions.
    fn of_length(&self, length: usize, purse: &mut Purse, budget: &Budget<'_>) -> Option<Hops> {
        let mut way = vec![self.place(self.start, 0, purse, budget)?];
        while let Some(last) = way.last_mut() {
            let Some((to, dep)) = last.hops.next() else {
                way.pop();
                continue;
            };
            let after = self.automaton.next[last.state as usize][dep as usize];
            if after == DEAD || self.parts.of[to as usize] != self.parts.of[self.start as usize] {
                continue;
            }
            last.taken = dep;
            if to == self.start {
                let hops: Hops = way.iter().map(|place| (place.vertex, place.taken)).collect();
                if way.len() == length && is(self.spec, &hops) {
                    return Some(hops);
                }
            } else if way.len() < length && way.iter().all(|place| place.vertex != to) {
                way.push(self.place(to, after, purse, budget)?);
            }
        }
        None
    }

    fn place(&self, vertex: u32, state: u8, purse: &mut Purse, b: &Budget<'_>) -> Option<Place> {
        let mut steps = 1;
        let hops = self.local.hops(vertex, &mut steps).into_iter();
        purse.take(steps, b).then_some(Place { vertex, state, hops, taken: Dep::Ww })
    }
}
