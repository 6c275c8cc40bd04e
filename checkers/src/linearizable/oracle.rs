//! Brute force, obviously correct: every order that respects real time, with and without every
//! optional operation. And every small history there is.

use super::engine::NEVER;
use super::model::{Model, Part, Timed};

/// Whether there is an order that begins in one of these states.
pub(super) fn some_order<M: Model>(model: &M, ops: &[Timed<M::Op>], initial: &[M::State]) -> bool {
    let mut left: Vec<usize> = (0..ops.len()).collect();
    initial.iter().any(|state| some_order_of(model, ops, state, &mut left))
}

fn some_order_of<M: Model>(
    model: &M,
    ops: &[Timed<M::Op>],
    state: &M::State,
    left: &mut Vec<usize>,
) -> bool {
    if left.iter().all(|&at| ops[at].is_optional()) {
        return true;
    }
    for position in 0..left.len() {
        let at = left[position];
        if left.iter().any(|&other| ops[other].ret < ops[at].invoke) {
            continue;
        }
        let mut next = Vec::new();
        model.step(state, &ops[at].op, &mut next);
        left.remove(position);
        let found = next.iter().any(|after| some_order_of(model, ops, after, left));
        left.insert(position, at);
        if found {
            return true;
        }
    }
    false
}

/// Shows every history of exactly so many operations out of these: every interleaving of
/// invocations and completions, every choice of operations, each of them completed or optional.
pub(super) fn every_history<Op: Clone>(
    operations: usize,
    kinds: &[Op],
    visit: &mut dyn FnMut(&Part<Op>),
) {
    let mut part = Part { name: None, ops: Vec::new() };
    extend(operations, kinds, &mut part, 0, &mut Vec::new(), visit);
}

fn extend<Op: Clone>(
    operations: usize,
    kinds: &[Op],
    part: &mut Part<Op>,
    event: u32,
    open: &mut Vec<usize>,
    visit: &mut dyn FnMut(&Part<Op>),
) {
    if part.ops.len() == operations && open.is_empty() {
        return visit(part);
    }
    if part.ops.len() < operations {
        for kind in kinds {
            for optional in [false, true] {
                let op = Timed { op: kind.clone(), invoke: event, ret: NEVER, info: NEVER };
                part.ops.push(op);
                if !optional {
                    open.push(part.ops.len() - 1);
                }
                extend(operations, kinds, part, event + 1, open, visit);
                if !optional {
                    open.pop();
                }
                part.ops.pop();
            }
        }
    }
    for position in 0..open.len() {
        let at = open.remove(position);
        part.ops[at].ret = event;
        extend(operations, kinds, part, event + 1, open, visit);
        part.ops[at].ret = NEVER;
        open.insert(position, at);
    }
}
