//! Brute force, obviously correct: the definitions of `view`, `causal` and `sequential` by trying
//! every order and every set.

use super::graph::Rule;
use super::ops::{Op, Problem, Source};

/// Half an operation: what it found, or what it set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Half {
    op: usize,
    sets: bool,
}

/// Whether there is an order of all operations.
pub(super) fn sequential(problem: &Problem) -> bool {
    let mut next = vec![0; problem.sessions];
    let mut holds = vec![Source::Initial; problem.keys];
    sequential_from(problem, &mut next, &mut holds)
}

fn sequential_from(problem: &Problem, next: &mut [usize], holds: &mut [Source]) -> bool {
    let own = |session: usize| {
        let ops = problem.ops.iter().enumerate();
        ops.filter(move |(_, op)| op.session as usize == session)
    };
    if (0..problem.sessions).all(|session| own(session).count() == next[session]) {
        return true;
    }
    for session in 0..problem.sessions {
        let Some((at, op)) = own(session).nth(next[session]) else { continue };
        let held = holds[op.key as usize];
        if op.finds.is_some_and(|source| source != held) {
            continue;
        }
        next[session] += 1;
        if op.sets {
            holds[op.key as usize] = Source::Op(at as u32);
        }
        let found = sequential_from(problem, next, holds);
        next[session] -= 1;
        holds[op.key as usize] = held;
        if found {
            return true;
        }
    }
    false
}

fn halves(problem: &Problem) -> Vec<Half> {
    let ops = problem.ops.iter().enumerate();
    ops.flat_map(|(op, what)| {
        let found = what.finds.is_some().then_some(Half { op, sets: false });
        let set = what.sets.then_some(Half { op, sets: true });
        found.into_iter().chain(set)
    })
    .collect()
}

/// What a promise orders in the view of a session, and everything that follows.
fn relation(problem: &Problem, rule: Rule, session: u32, with_session: bool) -> Vec<Vec<bool>> {
    let halves = halves(problem);
    let op = |half: &Half| -> &Op { &problem.ops[half.op] };
    let follows = |a: &Half, b: &Half| {
        let in_session =
            op(a).session == op(b).session && (a.op, a.sets) < (b.op, b.sets) && with_session;
        let own = op(a).session == session;
        let found = a.sets && !b.sets && op(b).source() == Some(a.op as u32);
        let compared = a.sets && b.sets && op(b).source() == Some(a.op as u32);
        let kept = match rule {
            Rule::ReadYourWrites => own && a.sets && b.sets,
            Rule::MonotonicReads => false,
            Rule::MonotonicWrites => a.sets && b.sets,
            Rule::WritesFollowReads => !a.sets && b.sets,
            Rule::Pram => own || (a.sets && b.sets),
            Rule::Causal => true,
        };
        let all_found = matches!(rule, Rule::WritesFollowReads | Rule::Causal);
        (in_session && kept)
            || (found && (all_found || (own_read(op(b), session) && rule.is_prefix())))
            || compared
    };
    let mut before: Vec<Vec<bool>> =
        halves.iter().map(|a| halves.iter().map(|b| follows(a, b)).collect()).collect();
    close(&mut before);
    before
}

fn own_read(op: &Op, session: u32) -> bool {
    op.session == session
}

fn close(before: &mut [Vec<bool>]) {
    for via in 0..before.len() {
        for a in 0..before.len() {
            for b in 0..before.len() {
                before[a][b] |= before[a][via] && before[via][b];
            }
        }
    }
}

/// Whether a session's reads have an explanation.
pub(super) fn view(problem: &Problem, rule: Rule, session: u32) -> bool {
    if rule.is_prefix() { prefix(problem, rule, session) } else { sets(problem, rule, session) }
}

/// One order of all writes and of the session's reads.
fn prefix(problem: &Problem, rule: Rule, session: u32) -> bool {
    let halves = halves(problem);
    let before = relation(problem, rule, session, true);
    let in_view = |at: &usize| halves[*at].sets || problem.ops[halves[*at].op].session == session;
    let nodes: Vec<usize> = (0..halves.len()).filter(in_view).collect();
    every_order(&nodes, &before, &mut |order| {
        let mut holds = vec![Source::Initial; problem.keys];
        order.iter().all(|&at| {
            let op = &problem.ops[halves[at].op];
            let holds = &mut holds[op.key as usize];
            if halves[at].sets {
                *holds = Source::Op(halves[at].op as u32);
                return true;
            }
            op.finds == Some(*holds)
        })
    })
}

/// Sets that are seen, and an order of the writes.
fn sets(problem: &Problem, rule: Rule, session: u32) -> bool {
    let halves = halves(problem);
    let before = relation(problem, rule, session, true);
    let writes: Vec<usize> = (0..halves.len()).filter(|&at| halves[at].sets).collect();
    let reads: Vec<usize> = (0..halves.len())
        .filter(|&at| !halves[at].sets && problem.ops[halves[at].op].session == session)
        .collect();
    every_order(&writes, &before, &mut |order| seen(problem, rule, &halves, order, &reads, 0))
}

fn seen(
    problem: &Problem,
    rule: Rule,
    halves: &[Half],
    order: &[usize],
    reads: &[usize],
    least: u32,
) -> bool {
    let Some((&read, later)) = reads.split_first() else { return true };
    let (at, op) = (halves[read].op, &problem.ops[halves[read].op]);
    (0_u32..1 << order.len()).any(|set| {
        let has = |write: usize| {
            order.iter().position(|&of| halves[of].op == write).is_some_and(|at| set >> at & 1 == 1)
        };
        let shown = (0..order.len())
            .rev()
            .find(|&at| set >> at & 1 == 1 && problem.ops[halves[order[at]].op].key == op.key);
        let finds = shown.map_or(Source::Initial, |at| Source::Op(halves[order[at]].op as u32));
        let others =
            |of: usize| problem.ops.iter().enumerate().filter(move |(other, _)| *other < of);
        let complete = match rule {
            Rule::ReadYourWrites => others(at)
                .all(|(other, write)| write.session != op.session || !write.sets || has(other)),
            Rule::MonotonicReads => set & least == least,
            Rule::MonotonicWrites => {
                set & least == least
                    && (0..problem.ops.len()).filter(|&write| has(write)).all(|write| {
                        let session = problem.ops[write].session;
                        others(write).all(|(o, w)| w.session != session || !w.sets || has(o))
                    })
            }
            _ => {
                set & least == least
                    && (0..problem.ops.len()).filter(|&write| has(write)).all(|write| {
                        let session = problem.ops[write].session;
                        let mut found =
                            others(write + 1).filter(|(_, read)| read.session == session);
                        found.all(|(_, read)| read.source().is_none_or(|w| has(w as usize)))
                    })
            }
        };
        let keeps = rule != Rule::ReadYourWrites;
        op.finds == Some(finds)
            && complete
            && seen(problem, rule, halves, order, later, if keeps { set } else { 0 })
    })
}

/// CC: each read is explained by an order of what it follows from.
pub(super) fn weakly_causal(problem: &Problem) -> bool {
    let halves = halves(problem);
    let before = relation(problem, Rule::Causal, 0, true);
    let acyclic = (0..halves.len()).all(|at| !before[at][at]);
    acyclic
        && (0..halves.len()).filter(|&at| !halves[at].sets).all(|read| {
            let op = &problem.ops[halves[read].op];
            let past: Vec<usize> =
                (0..halves.len()).filter(|&at| halves[at].sets && before[at][read]).collect();
            every_order(&past, &before, &mut |order| {
                let key = |at: &&usize| problem.ops[halves[**at].op].key == op.key;
                let last = order.iter().rev().find(key);
                op.finds
                    == Some(last.map_or(Source::Initial, |&at| Source::Op(halves[at].op as u32)))
            })
        })
}

/// CCv: one order of writes explains what each read follows from.
pub(super) fn convergent(problem: &Problem) -> bool {
    let halves = halves(problem);
    let before = relation(problem, Rule::Causal, 0, true);
    let writes: Vec<usize> = (0..halves.len()).filter(|&at| halves[at].sets).collect();
    let acyclic = (0..halves.len()).all(|at| !before[at][at]);
    acyclic
        && every_order(&writes, &before, &mut |order| {
            (0..halves.len()).filter(|&at| !halves[at].sets).all(|read| {
                let op = &problem.ops[halves[read].op];
                let seen =
                    |at: &&usize| before[**at][read] && problem.ops[halves[**at].op].key == op.key;
                let last = order.iter().rev().find(seen);
                op.finds
                    == Some(last.map_or(Source::Initial, |&at| Source::Op(halves[at].op as u32)))
            })
        })
}

/// Shows every order of these that the relation allows, until one is taken.
fn every_order(
    nodes: &[usize],
    before: &[Vec<bool>],
    take: &mut dyn FnMut(&[usize]) -> bool,
) -> bool {
    fn extend(
        left: &mut Vec<usize>,
        order: &mut Vec<usize>,
        before: &[Vec<bool>],
        take: &mut dyn FnMut(&[usize]) -> bool,
    ) -> bool {
        if left.is_empty() {
            return take(order);
        }
        for position in 0..left.len() {
            let at = left[position];
            if left.iter().any(|&other| before[other][at]) {
                continue;
            }
            left.remove(position);
            order.push(at);
            let taken = extend(left, order, before, take);
            order.pop();
            left.insert(position, at);
            if taken {
                return true;
            }
        }
        false
    }
    extend(&mut nodes.to_vec(), &mut Vec::new(), before, take)
}
