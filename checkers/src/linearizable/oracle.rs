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

/// Operations whose points stand one behind the other, each begun so long before its point and
/// completed so long after, in eighths of the distance between two points; without `after` it
/// never completes. What a simulated object did in this order is legal by construction.
pub(super) fn around<Op>(points: Vec<(Op, u32, Option<u32>)>) -> Part<Op> {
    let mut events: Vec<(i64, usize, bool)> = Vec::new();
    for (at, (_, before, after)) in points.iter().enumerate() {
        let point = 8 * at as i64;
        events.push((point - i64::from(*before), at, true));
        events.extend(after.map(|after| (point + i64::from(after), at, false)));
    }
    // Of events at one place invocations come first: no two points are there, but an operation may
    // take no time.
    events.sort_by_key(|&(place, at, invoke)| (place, !invoke, at));
    let mut ops: Vec<_> = points
        .into_iter()
        .map(|(op, ..)| Timed { op, invoke: NEVER, ret: NEVER, info: NEVER })
        .collect();
    for (index, (_, at, invoke)) in (0..).zip(events) {
        *(if invoke { &mut ops[at].invoke } else { &mut ops[at].ret }) = index;
    }
    ops.sort_by_key(|timed| timed.invoke);
    Part { name: None, ops }
}
