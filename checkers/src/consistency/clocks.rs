//! Vector clocks: for every operation, how many of each session's operations come before it.
//!
//! Fidge and Mattern 1988. A session's operations are in order, so that a number per session says
//! which of them; O(operations * sessions) memory.

use super::graph::of_session;
use super::ops::{Problem, Source};

/// What comes before each operation, and where writes stand.
#[derive(Debug)]
pub(super) struct Clocks<'a> {
    pub(super) problem: &'a Problem,
    /// Positions of each session's operations.
    pub(super) of_session: Vec<Vec<u32>>,
    /// The place of each operation in its session.
    pub(super) place: Vec<u32>,
    past: Vec<u32>,
    /// Per key, in order of session: the places of the session's writes of the key.
    writes: Vec<Vec<(u32, Vec<u32>)>>,
}

/// How many bytes the clocks of a problem take.
pub(super) fn bytes(problem: &Problem) -> u64 {
    4 * problem.ops.len() as u64 * problem.sessions as u64
}

impl<'a> Clocks<'a> {
    /// Clocks that know nothing yet.
    fn new(problem: &'a Problem) -> Self {
        let of_session = of_session(problem);
        let mut place = vec![0; problem.ops.len()];
        let past = vec![0; problem.ops.len() * problem.sessions];
        let mut writes: Vec<Vec<(u32, Vec<u32>)>> = vec![Vec::new(); problem.keys];
        for (session, own) in of_session.iter().enumerate() {
            for (at, &op) in own.iter().enumerate() {
                place[op as usize] = at as u32;
                let writes = &mut writes[problem.ops[op as usize].key as usize];
                if !problem.ops[op as usize].sets {
                    continue;
                }
                match writes.last_mut() {
                    Some((of, places)) if *of == session as u32 => places.push(at as u32),
                    _ => writes.push((session as u32, vec![at as u32])),
                }
            }
        }
        Self { problem, of_session, place, past, writes }
    }

    /// Clocks of the causal order: sessions, and who found whose value. Nothing if it has a cycle.
    pub(super) fn causal(problem: &'a Problem) -> Option<Self> {
        let mut clocks = Self::new(problem);
        for op in topological(problem)? {
            let place = clocks.place[op as usize];
            if place > 0 {
                let session = problem.ops[op as usize].session;
                let last = clocks.of_session[session as usize][place as usize - 1];
                clocks.join(op, last);
            }
            if let Some(source) = problem.ops[op as usize].source() {
                clocks.join(op, source);
            }
        }
        Some(clocks)
    }

    /// Per session, how many of its operations come before this one.
    pub(super) fn past(&self, op: u32) -> &[u32] {
        let sessions = self.problem.sessions;
        &self.past[op as usize * sessions..][..sessions]
    }

    /// Whether one comes before another.
    pub(super) fn is_before(&self, before: u32, after: u32) -> bool {
        let session = self.problem.ops[before as usize].session;
        self.past(after)[session as usize] > self.place[before as usize]
    }

    /// Puts an operation, and all before it, before another; says whether that was new.
    pub(super) fn join(&mut self, after: u32, before: u32) -> bool {
        if self.is_before(before, after) {
            return false;
        }
        let sessions = self.problem.sessions;
        let [into, from] = [after, before].map(|op| op as usize * sessions);
        for session in 0..sessions {
            self.past[into + session] = self.past[into + session].max(self.past[from + session]);
        }
        let own = self.problem.ops[before as usize].session as usize;
        let count = self.place[before as usize] + 1;
        self.past[into + own] = self.past[into + own].max(count);
        true
    }

    /// Takes over what has come before the last known operations before this one; says whether
    /// anything was new.
    pub(super) fn close(&mut self, op: u32) -> bool {
        let sessions = self.problem.sessions;
        let (into, mut new) = (op as usize * sessions, false);
        for session in 0..sessions {
            let count = self.past[into + session] as usize;
            if count == 0 {
                continue;
            }
            let from = self.of_session[session][count - 1] as usize * sessions;
            if from == into {
                continue;
            }
            for other in 0..sessions {
                let more = self.past[from + other];
                new |= more > self.past[into + other];
                self.past[into + other] = self.past[into + other].max(more);
            }
        }
        new
    }

    /// Each session's last write of this key before an operation.
    pub(super) fn last_writes(&self, key: u32, op: u32) -> impl Iterator<Item = u32> + '_ {
        let past = self.past(op);
        self.writes[key as usize].iter().filter_map(move |(session, places)| {
            let before = places.partition_point(|&place| place < past[*session as usize]);
            let place = places[before.checked_sub(1)?];
            Some(self.of_session[*session as usize][place as usize])
        })
    }

    /// Each session's first write of this key.
    pub(super) fn first_writes(&self, key: u32) -> impl Iterator<Item = u32> + '_ {
        let first = |(session, places): &(u32, Vec<u32>)| {
            self.of_session[*session as usize][places[0] as usize]
        };
        self.writes[key as usize].iter().map(first)
    }
}

/// The operations, each behind its session's last and behind the one whose value it found.
pub(super) fn topological(problem: &Problem) -> Option<Vec<u32>> {
    let of_session = of_session(problem);
    let mut next = vec![0; problem.sessions];
    let mut placed = vec![false; problem.ops.len()];
    // Sessions that wait for a value, by who sets it.
    let mut waiting: rustc_hash::FxHashMap<u32, Vec<usize>> = rustc_hash::FxHashMap::default();
    let mut order = Vec::with_capacity(problem.ops.len());
    let mut ready: Vec<usize> = (0..problem.sessions).rev().collect();
    while let Some(session) = ready.pop() {
        while let Some(&op) = of_session[session].get(next[session]) {
            if let Some(Source::Op(source)) = problem.ops[op as usize].finds
                && !placed[source as usize]
            {
                waiting.entry(source).or_default().push(session);
                break;
            }
            placed[op as usize] = true;
            order.push(op);
            next[session] += 1;
            ready.extend(waiting.remove(&op).into_iter().flatten());
        }
    }
    (order.len() == problem.ops.len()).then_some(order)
}
