//! The orders of a few operations that go as far as they can.
//!
//! ```text
//!   (nothing placed, a state) --> one operation more --> ... --> nothing can follow: a dead end
//! ```
//!
//! Orders that place the same operations and leave the same state count as one. What only observes
//! is placed as soon as it fits, which no order loses by. An operation that may have happened or
//! not is placed only where it helps one to follow that certainly happened.

use super::super::engine::NEVER;
use rustc_hash::FxHashMap;
use std::hash::Hash;

/// Beyond this many operations no order is asked for.
pub(in super::super) const OPS_MAX: usize = 64;

/// Configurations that are looked at.
const CONFIGURATIONS_MAX: usize = 100_000;

/// Orders that are given beside the longest one.
const OTHERS_MAX: usize = 8;

/// An operation, as far as orders go.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Slot {
    pub(in super::super) invoke: u32,
    pub(in super::super) ret: u32,
    /// Whether it never changes the state.
    pub(in super::super) observes_only: bool,
}

/// A legal order of some of the operations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Order<S> {
    /// The state that it begins in.
    pub(in super::super) initial: S,
    /// Operations one behind the other, with the state after each.
    pub(in super::super) placed: Vec<(usize, S)>,
}

impl<S> Order<S> {
    /// The operations that do not stand in it: all, or those that certainly happened and that
    /// would have to come next.
    pub(in super::super) fn left(&self, slots: &[Slot], only_next: bool) -> Vec<usize> {
        let placed = self.placed.iter().fold(0, |placed, (at, _)| placed | 1_u64 << at);
        let left = (0..slots.len()).filter(|at| placed >> at & 1 == 0);
        if only_next {
            eligible(slots, placed).filter(|at| slots[*at].ret != NEVER).collect()
        } else {
            left.collect()
        }
    }

    /// The first to return of those that do not stand in it and that this one has to wait for.
    pub(in super::super) fn waits_for(&self, slots: &[Slot], op: usize) -> Option<usize> {
        let before = |at: &usize| slots[*at].ret < slots[op].invoke;
        let left = self.left(slots, false).into_iter().filter(before);
        left.min_by_key(|at| slots[*at].ret)
    }

    /// The state at its end.
    pub(in super::super) fn end(&self) -> &S {
        self.placed.last().map_or(&self.initial, |(_, state)| state)
    }
}

/// The dead ends.
#[derive(Clone, Debug)]
pub(in super::super) struct Orders<S> {
    /// The longest first, counting only what certainly happened; never empty.
    pub(in super::super) found: Vec<Order<S>>,
    /// How many more were met.
    pub(in super::super) more: usize,
}

struct Node<S> {
    /// A bit per operation.
    placed: u64,
    state: S,
    /// The node before it, and the operation that led here.
    by: Option<(usize, usize)>,
    /// Whether that operation certainly happened; so it is at the start.
    certain: bool,
    /// The nodes that come next, once they were looked for.
    next: Option<Vec<usize>>,
}

/// The orders that cannot be continued. `step` adds the states that an operation leaves.
pub(in super::super) fn dead_ends<S: Clone + Eq + Hash>(
    slots: &[Slot],
    initials: &[S],
    step: impl Fn(usize, &S, &mut Vec<S>),
) -> Orders<S> {
    assert!(!initials.is_empty(), "an order begins in a state");
    if slots.len() > OPS_MAX {
        let order = Order { initial: initials[0].clone(), placed: Vec::new() };
        return Orders { found: vec![order], more: 0 };
    }
    let nodes = explore(slots, initials, step);
    let required = |placed: u64| {
        (0..slots.len()).filter(|at| placed >> at & 1 == 1 && slots[*at].ret != NEVER).count()
    };
    let mut ends = ends(&nodes);
    ends.sort_by_key(|&at| {
        let placed = nodes[at].placed;
        (std::cmp::Reverse(required(placed)), placed.count_ones())
    });
    let more = ends.len().saturating_sub(1 + OTHERS_MAX);
    ends.truncate(1 + OTHERS_MAX);
    Orders { found: ends.into_iter().map(|end| order(&nodes, end)).collect(), more }
}

fn explore<S: Clone + Eq + Hash>(
    slots: &[Slot],
    initials: &[S],
    step: impl Fn(usize, &S, &mut Vec<S>),
) -> Vec<Node<S>> {
    let mut nodes: Vec<Node<S>> = Vec::new();
    let mut numbers: FxHashMap<(u64, S, bool), usize> = FxHashMap::default();
    let mut node = |nodes: &mut Vec<Node<S>>, placed, state: S, certain, by| {
        let number = numbers.entry((placed, state.clone(), certain)).or_insert(nodes.len());
        if *number == nodes.len() {
            nodes.push(Node { placed, state, by, certain, next: None });
        }
        *number
    };
    let roots = initials.iter().map(|state| node(&mut nodes, 0, state.clone(), true, None));
    let mut stack: Vec<usize> = roots.collect();
    stack.reverse();
    while let Some(at) = stack.pop() {
        if nodes[at].next.is_some() || nodes.len() > CONFIGURATIONS_MAX {
            continue;
        }
        let (placed, state) = (nodes[at].placed, nodes[at].state.clone());
        let moves = moves(slots, placed, &state, &step);
        let next: Vec<usize> = moves
            .into_iter()
            .map(|(op, state)| {
                let certain = slots[op].ret != NEVER;
                node(&mut nodes, placed | 1 << op, state, certain, Some((at, op)))
            })
            .collect();
        stack.extend(next.iter().rev());
        nodes[at].next = Some(next);
    }
    nodes
}

/// Whether everything that certainly happened is placed.
pub(super) fn is_complete(slots: &[Slot], placed: u64) -> bool {
    slots.iter().enumerate().all(|(at, slot)| placed >> at & 1 == 1 || slot.ret == NEVER)
}

/// What may come next, and the state after it.
pub(super) fn moves<S: Clone>(
    slots: &[Slot],
    placed: u64,
    state: &S,
    step: &impl Fn(usize, &S, &mut Vec<S>),
) -> Vec<(usize, S)> {
    let mut moves: Vec<(usize, S)> = Vec::new();
    let mut after = Vec::new();
    for op in eligible(slots, placed) {
        step(op, state, &mut after);
        if slots[op].observes_only && slots[op].ret != NEVER && !after.is_empty() {
            return vec![(op, state.clone())];
        }
        moves.extend(after.drain(..).map(|state| (op, state)));
    }
    moves
}

/// The operations not placed that began before the first return among them.
fn eligible(slots: &[Slot], placed: u64) -> impl Iterator<Item = usize> + '_ {
    let open = move |at: &usize| placed >> at & 1 == 0;
    let bound = (0..slots.len()).filter(open).map(|at| slots[at].ret).min().unwrap_or(NEVER);
    (0..slots.len()).filter(move |at| open(at) && slots[*at].invoke < bound)
}

/// The nodes behind which nothing that certainly happened can follow, not even with the help of
/// what may have happened, and which need none of that help themselves.
fn ends<S>(nodes: &[Node<S>]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..nodes.len()).collect();
    // Whatever comes next has more operations placed.
    order.sort_unstable_by_key(|&at| std::cmp::Reverse(nodes[at].placed.count_ones()));
    let mut goes_on = vec![false; nodes.len()];
    for at in order {
        let next = nodes[at].next.as_deref();
        goes_on[at] =
            next.is_none_or(|next| next.iter().any(|&next| nodes[next].certain || goes_on[next]));
    }
    (0..nodes.len()).filter(|&at| nodes[at].certain && !goes_on[at]).collect()
}

fn order<S: Clone>(nodes: &[Node<S>], end: usize) -> Order<S> {
    let mut placed = Vec::new();
    let mut at = end;
    while let Some((before, op)) = nodes[at].by {
        placed.push((op, nodes[at].state.clone()));
        at = before;
    }
    placed.reverse();
    Order { initial: nodes[at].state.clone(), placed }
}
