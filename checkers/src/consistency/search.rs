//! An order of all operations, one session's next operation after the other.
//!
//! ```text
//!   where each session is        0: w x 1 | r y 2          what each key holds, and how many
//!                                1: w y 2 | w x 3          still have to find that
//! ```
//!
//! A read that finds what its key holds is placed at once: it changes nothing, and can be moved to
//! the front of any order that goes on from here. A write may follow when everybody who finds the
//! old value has found it. Of the writes that may, the one comes first that would be first in a
//! linearization: then a linearizable history needs no second try. Otherwise the search goes back,
//! and does not go twice where it was: where the sessions are and what the keys hold says all.

use super::clocks::Clocks;
use super::graph::{NONE, of_session};
use super::ops::{Problem, Source};
use crate::budget::Budget;
use rustc_hash::FxHashSet;

/// What a remembered state takes.
const STATE_BYTES: u64 = 40;

/// What came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// There is an order; it was verified.
    Order,
    /// There is none: all were tried.
    NoOrder,
    /// The budget was spent.
    Spent {
        /// The most operations that an order held.
        placed: usize,
    },
}

/// Whether there is an order at first sight, without looking back.
pub(super) fn by_time(problem: &Problem) -> bool {
    let mut search = Search::new(problem, None);
    loop {
        search.reads();
        let Some(&op) = search.candidates().first() else { break };
        search.place(op);
    }
    search.is_complete() && verified(problem, &search.placed)
}

/// Tries the orders that keep what must come before what.
pub(super) fn search(clocks: &Clocks<'_>, budget: &Budget<'_>) -> Found {
    let mut search = Search::new(clocks.problem, Some(clocks));
    let mut seen: FxHashSet<u128> = FxHashSet::default();
    let mut left: Vec<(usize, Vec<u32>)> = Vec::new();
    let mut most = 0;
    let states_max = budget.configurations_max.min(budget.bytes_max / STATE_BYTES);
    loop {
        search.reads();
        most = most.max(search.placed.len());
        if search.is_complete() {
            assert!(verified(clocks.problem, &search.placed), "the search keeps to the rules");
            return Found::Order;
        }
        let known = !seen.insert(search.hash);
        let mut candidates = if known { Vec::new() } else { search.candidates() };
        if seen.len() as u64 > states_max || budget.stopped() {
            return Found::Spent { placed: most };
        }
        candidates.reverse();
        left.push((search.placed.len(), candidates));
        let next = loop {
            let Some((placed, candidates)) = left.last_mut() else { return Found::NoOrder };
            search.back(*placed);
            match candidates.pop() {
                Some(op) => break op,
                None => left.pop(),
            };
        };
        search.place(next);
    }
}

/// Checks an order, knowing nothing of how it was found.
fn verified(problem: &Problem, order: &[u32]) -> bool {
    let mut holds = vec![Source::Initial; problem.keys];
    let mut latest: Vec<Option<u32>> = vec![None; problem.sessions];
    let steps = order.iter().all(|&at| {
        let op = &problem.ops[at as usize];
        let legal = op.finds.is_none_or(|source| source == holds[op.key as usize]);
        let in_order = latest[op.session as usize].replace(at).is_none_or(|last| last < at);
        if op.sets {
            holds[op.key as usize] = Source::Op(at);
        }
        legal && in_order
    });
    // A session's operations are in order and none is twice: as many as there are is all of them.
    steps && order.len() == problem.ops.len()
}

struct Search<'a> {
    problem: &'a Problem,
    clocks: Option<&'a Clocks<'a>>,
    of_session: Vec<Vec<u32>>,
    /// Where each write would stand in a linearization.
    points: Vec<u32>,
    /// How many operations of each session are placed.
    next: Vec<u32>,
    /// Per key: the write whose value it holds, or [`NONE`].
    holds: Vec<u32>,
    /// Per write, and then per key for the initial value: who still has to find it.
    unfound: Vec<u32>,
    placed: Vec<u32>,
    /// What each placed operation's key held before it.
    held: Vec<u32>,
    /// Of `next` and `holds`, kept up to date; wide, so that no two states share one.
    hash: u128,
}

impl<'a> Search<'a> {
    fn new(problem: &'a Problem, clocks: Option<&'a Clocks<'a>>) -> Self {
        let mut search = Self {
            problem,
            clocks,
            of_session: of_session(problem),
            points: points(problem),
            next: vec![0; problem.sessions],
            holds: vec![NONE; problem.keys],
            unfound: vec![0; problem.ops.len() + problem.keys],
            placed: Vec::with_capacity(problem.ops.len()),
            held: Vec::with_capacity(problem.ops.len()),
            hash: 0,
        };
        for op in &problem.ops {
            if let Some(slot) = search.slot(op.finds, op.key) {
                search.unfound[slot] += 1;
            }
        }
        search
    }

    fn slot(&self, source: Option<Source>, key: u32) -> Option<usize> {
        match source? {
            Source::Initial => Some(self.problem.ops.len() + key as usize),
            Source::Op(source) => Some(source as usize),
        }
    }

    fn held(&self, key: u32) -> Source {
        match self.holds[key as usize] {
            NONE => Source::Initial,
            write => Source::Op(write),
        }
    }

    fn is_complete(&self) -> bool {
        self.placed.len() == self.problem.ops.len()
    }

    /// Places every read that can be.
    fn reads(&mut self) {
        for session in 0..self.problem.sessions {
            while let Some(&at) = self.of_session[session].get(self.next[session] as usize) {
                let op = &self.problem.ops[at as usize];
                if op.sets || op.finds != Some(self.held(op.key)) {
                    break;
                }
                self.place(at);
            }
        }
    }

    /// The writes that may follow, the earliest first.
    fn candidates(&self) -> Vec<u32> {
        let heads = self.of_session.iter().zip(&self.next);
        let heads = heads.filter_map(|(own, &next)| own.get(next as usize).copied());
        let mut candidates: Vec<u32> = heads.filter(|&at| self.may_follow(at)).collect();
        candidates.sort_unstable_by_key(|&at| (self.points[at as usize], at));
        candidates
    }

    fn may_follow(&self, at: u32) -> bool {
        let op = &self.problem.ops[at as usize];
        let held = self.held(op.key);
        let slot = self.slot(Some(held), op.key).expect("something is held");
        let forced = || {
            self.clocks.is_none_or(|clocks| {
                clocks.past(at).iter().zip(&self.next).all(|(past, next)| past <= next)
            })
        };
        op.sets
            && op.finds.is_none_or(|source| source == held)
            && self.unfound[slot] == u32::from(op.finds.is_some())
            && forced()
    }

    fn place(&mut self, at: u32) {
        let op = self.problem.ops[at as usize];
        self.held.push(self.holds[op.key as usize]);
        self.placed.push(at);
        if let Some(slot) = self.slot(op.finds, op.key) {
            self.unfound[slot] -= 1;
        }
        self.go(op.session, 1);
        if op.sets {
            self.hold(op.key, at);
        }
    }

    /// Takes back all but the first so many operations.
    fn back(&mut self, placed: usize) {
        while self.placed.len() > placed {
            let (Some(at), Some(held)) = (self.placed.pop(), self.held.pop()) else { return };
            let op = self.problem.ops[at as usize];
            if let Some(slot) = self.slot(op.finds, op.key) {
                self.unfound[slot] += 1;
            }
            self.go(op.session, -1);
            if op.sets {
                self.hold(op.key, held);
            }
        }
    }

    fn go(&mut self, session: u32, by: i32) {
        let next = self.next[session as usize];
        let after = next.checked_add_signed(by).expect("what is taken back was placed");
        self.hash ^= mix(1, session, next) ^ mix(1, session, after);
        self.next[session as usize] = after;
    }

    fn hold(&mut self, key: u32, write: u32) {
        let before = std::mem::replace(&mut self.holds[key as usize], write);
        self.hash ^= mix(2, key, before) ^ mix(2, key, write);
    }
}

/// A number for "this is there", spread over all bits (SplitMix64, twice).
fn mix(kind: u64, of: u32, value: u32) -> u128 {
    let half = |salt: u64| {
        let mut z = (u64::from(of) << 32 | u64::from(value)) ^ salt.wrapping_mul(kind);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    u128::from(half(0x9e37_79b9_7f4a_7c15)) << 64 | u128::from(half(0xd1b5_4a32_d192_ed03))
}

/// Where each write would stand in a linearization: zones (Gibbons & Korach 1997).
///
/// A value is certainly held from the first completion of those who set or found it to the last
/// invocation, if these are in this order; else it may be held anywhere between, but not while
/// another value of the key certainly is.
fn points(problem: &Problem) -> Vec<u32> {
    let mut first: Vec<u32> = problem.ops.iter().map(|op| op.ret).collect();
    let mut last: Vec<u32> = problem.ops.iter().map(|op| op.invoke).collect();
    for op in &problem.ops {
        if let Some(source) = op.source() {
            first[source as usize] = first[source as usize].min(op.ret);
            last[source as usize] = last[source as usize].max(op.invoke);
        }
    }
    let writes = || (0..problem.ops.len()).filter(|&at| problem.ops[at].sets);
    let mut certain: Vec<Vec<(u32, u32)>> = vec![Vec::new(); problem.keys];
    for at in writes().filter(|&at| first[at] < last[at]) {
        certain[problem.ops[at].key as usize].push((first[at], last[at]));
    }
    certain.iter_mut().for_each(|zones| zones.sort_unstable());
    let mut points = last.clone();
    for at in writes() {
        let zones = &certain[problem.ops[at].key as usize];
        let under = zones.partition_point(|zone| zone.0 < last[at]).checked_sub(1);
        points[at] = match under {
            _ if first[at] < last[at] => first[at],
            Some(under) => last[at].max(zones[under].1),
            None => last[at],
        };
    }
    points
}
