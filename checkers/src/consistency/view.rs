//! What one session can have seen, if a promise holds: is there an order of writes that explains
//! its reads?
//!
//! Every cas is a read that is followed at once by a write of its session, and its write stands
//! behind the one that it found. Besides:
//!
//! | | a session sees at a read | and orders writes |
//! |---|---|---|
//! | read your writes | its own writes before it | its own ones as it made them |
//! | monotonic reads | what its reads before it found | |
//! | monotonic writes | the same, and with a write what its writer wrote before | each writer's |
//! | writes follow reads | the same, and with a write what its writer found before | behind it |
//! | PRAM | a prefix of one order, which only grows | its own, and each session's writes |
//! | causal memory | the same | each session's, and what follows from reads |
//!
//! A read finds the last write of its key, in the session's order, of those that it sees; and the
//! initial value if it sees none. The first four are Terry et al. 1994: a set of writes, and an
//! order in which new ones may come before old ones. One read shows one write, so that the order of
//! two can be noticed only by a session that looks twice, and does not forget: monotonic writes and
//! writes follow reads are therefore judged together with monotonic reads. Sessions need not agree
//! on the order: to agree is convergence, and PRAM promises none. The last two are Lipton &
//! Sandberg 1988 and Ahamad et al. 1995 (CM in Bouajjani et al. 2017).
//!
//! # Decided in O(n) per session
//! Sets only grow along a session's reads (but for read your writes), so that one number per write
//! says all: the *first* read that sees it. The least sets are the best ones. With `last(w)`, the
//! last read that found w, every other write of the key that is first seen up to there must be
//! ordered before w. There is an order iff these edges and the promise's own make no cycle, and no
//! write of a key is seen when the initial value is found.
//!
//! ```text
//!   read number   1    2    3    4         w is found by reads 2 and 4, w' is first seen by read 3:
//!   finds         v    w    u    w         w' is before w, though nobody may have said so before
//!   first sees    v    w   u,w'
//! ```
//!
//! In a prefix, w' is seen as soon as w is, with all that is before it: the firsts sink until
//! nothing sinks any more. Then the order is: all that read 1 sees, read 1, what read 2 sees beside
//! it, and so on, each in an order that keeps the edges (the argument of Bouajjani et al. for CM;
//! it needs no more of the promise than that the session's reads are in order).

use super::graph::{self, Graph, NONE, Rule, read_node, write_node};
use super::problem::{Problem, Source};

/// Why a session's reads have no explanation; or that it was not found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Explained,
    Broken,
}

/// One session's view.
#[derive(Debug)]
pub(super) struct View<'a> {
    graph: &'a Graph<'a>,
    session: u32,
    /// Per node: the number of the first read that sees it.
    first: Vec<u32>,
    /// Per operation that sets: the number of the last read that found its value, or [`NONE`].
    last: Vec<u32>,
    /// Per key: the last read that found the initial value.
    last_initial: Vec<u32>,
}

/// Whether there is an order that explains what a session read.
pub(super) fn judge(graph: &Graph<'_>, session: u32) -> Seen {
    let problem = graph.problem;
    let (mut edges, mut extra) = (Vec::new(), 0);
    let explained = if graph.rule == Rule::ReadYourWrites {
        own_writes(problem, session, &mut edges)
    } else {
        let mut view = View::new(graph, session);
        if graph.rule.is_prefix() {
            view.sink();
        }
        view.edges(&mut edges, &mut extra)
    };
    if !explained {
        return Seen::Broken;
    }
    edges.sort_unstable();
    edges.dedup();
    let own = &graph.of_session[session as usize];
    let starts = own.iter().filter(|&&at| problem.ops[at as usize].finds.is_some());
    let starts = starts.map(|&at| read_node(at));
    let nodes = 2 * problem.ops.len() + extra;
    if graph::cyclic(starts, nodes, |node| graph.before(session, node), &edges) {
        Seen::Broken
    } else {
        Seen::Explained
    }
}

/// Read your writes: what a read finds is behind what the session wrote last before it.
fn own_writes(problem: &Problem, session: u32, edges: &mut Vec<(u32, u32)>) -> bool {
    let mut last_own: rustc_hash::FxHashMap<u32, u32> = rustc_hash::FxHashMap::default();
    for (at, op) in problem.ops.iter().enumerate().filter(|(_, op)| op.session == session) {
        match (op.finds, last_own.get(&op.key)) {
            (Some(Source::Initial), Some(_)) => return false,
            (Some(Source::Op(source)), Some(&own)) if own != source => {
                edges.push((write_node(source), write_node(own)));
            }
            _ => {}
        }
        if op.sets {
            last_own.insert(op.key, at as u32);
        }
    }
    true
}

impl<'a> View<'a> {
    fn new(graph: &'a Graph<'a>, session: u32) -> Self {
        let problem = graph.problem;
        let mut view = View {
            graph,
            session,
            first: vec![NONE; 2 * problem.ops.len()],
            last: vec![NONE; problem.ops.len()],
            last_initial: vec![NONE; problem.keys],
        };
        let mut number = 0;
        for &at in &graph.of_session[session as usize] {
            let op = &problem.ops[at as usize];
            match op.finds {
                None => continue,
                Some(Source::Initial) => view.last_initial[op.key as usize] = number,
                Some(Source::Op(source)) => view.last[source as usize] = number,
            }
            view.lower(read_node(at), number);
            number += 1;
        }
        view
    }

    /// Sees a node, with all that is seen with it, from this read on.
    fn lower(&mut self, node: u32, number: u32) -> bool {
        let mut new = vec![node];
        let mut lowered = false;
        while let Some(node) = new.pop() {
            let first = &mut self.first[node as usize];
            if *first <= number {
                continue;
            }
            *first = number;
            lowered = true;
            let before = self.graph.seen_with(self.session, node);
            new.extend(before.into_iter().filter(|&node| node != NONE));
        }
        lowered
    }

    /// The writes that are seen, by key and first read: `(key, first, operation)`.
    fn ranked(&self) -> Vec<(u32, u32, u32)> {
        let ops = self.graph.problem.ops.iter().enumerate();
        let ranked = ops.filter(|(_, op)| op.sets).map(|(at, op)| {
            let at = at as u32;
            (op.key, self.first[write_node(at) as usize], at)
        });
        let mut ranked: Vec<_> = ranked.filter(|&(_, first, _)| first != NONE).collect();
        ranked.sort_unstable();
        ranked
    }

    /// What is first seen while a value is still found was there before that value.
    fn sink(&mut self) {
        loop {
            let mut sunk = false;
            let mut current: Option<(u32, u32, u32)> = None;
            for (key, first, at) in self.ranked() {
                let last = self.last[at as usize];
                if let Some((of, since, until)) = current
                    && of == key
                    && first <= until
                {
                    // Two values that are both found while the other is: no order, see `edges`.
                    sunk |= self.lower(write_node(at), since);
                } else if last != NONE {
                    current = Some((key, first, last));
                }
            }
            if !sunk {
                return;
            }
        }
    }

    /// Adds what must come before each value that is found; false if that cannot be at sight.
    ///
    /// All that is ranked before a value comes before it: `extra` nodes stand for the ranks, each
    /// behind its write and the rank before.
    fn edges(&self, edges: &mut Vec<(u32, u32)>, extra: &mut usize) -> bool {
        let ranked = self.ranked();
        *extra = ranked.len();
        let rank_node = |rank: usize| (2 * self.graph.problem.ops.len() + rank) as u32;
        let mut current: Option<(u32, u32, u32)> = None;
        for (rank, &(key, first, at)) in ranked.iter().enumerate() {
            let initial = self.last_initial[key as usize];
            if initial != NONE && first <= initial {
                return false;
            }
            edges.push((rank_node(rank), write_node(at)));
            let follows = rank > 0 && ranked[rank - 1].0 == key;
            if follows {
                edges.push((rank_node(rank), rank_node(rank - 1)));
            }
            let last = self.last[at as usize];
            let under = current.filter(|&(of, _, until)| of == key && first <= until);
            match under {
                Some(_) if last != NONE => return false,
                Some((_, source, _)) => edges.push((write_node(source), write_node(at))),
                None => {}
            }
            if last != NONE {
                if follows {
                    edges.push((write_node(at), rank_node(rank - 1)));
                }
                // What has the same first and a smaller rank is before it by that edge already.
                current = Some((key, at, last));
            }
        }
        true
    }
}
