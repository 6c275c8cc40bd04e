//! Both searches against brute force, on several models.

use super::super::engine::{Limits, NEVER, Outcome};
use super::super::model::{Call, Misfit, Model, Part, Timed};
use super::super::oracle;
use super::super::order::verify;
use super::{Depth, Frontier, Step, breadth_first, steps};
use proptest::prelude::*;

const ENDLESS: Limits<'static> =
    Limits { configurations_max: u64::MAX, bytes_max: u64::MAX, stop: None, order: true };

/// A queue whose dequeues may be of unknown result.
#[derive(Debug)]
struct Queue;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum QueueOp {
    Enqueue(u8),
    Dequeue(u8),
    DequeueEmpty,
    DequeueUnknown,
}

impl Model for Queue {
    type Op = QueueOp;
    type State = Vec<u8>;

    fn read(&self, _: &Call<'_>) -> Result<Option<QueueOp>, Misfit> {
        Ok(None)
    }

    fn initial(&self) -> Vec<u8> {
        Vec::new()
    }

    fn step(&self, state: &Vec<u8>, op: &QueueOp, next: &mut Vec<Vec<u8>>) {
        match (*op, state.first()) {
            (QueueOp::Enqueue(value), _) => {
                let mut after = state.clone();
                after.push(value);
                next.push(after);
            }
            (QueueOp::Dequeue(value), Some(&first)) if value == first => {
                next.push(state[1..].to_vec());
            }
            (QueueOp::DequeueUnknown, Some(_)) => next.push(state[1..].to_vec()),
            (QueueOp::DequeueEmpty | QueueOp::DequeueUnknown, None) => next.push(state.clone()),
            _ => {}
        }
    }

    fn observes_only(&self, op: &QueueOp) -> bool {
        *op == QueueOp::DequeueEmpty
    }
}

/// A counter that a `wobble` sets one up or leaves alone: a specification that leaves a choice.
#[derive(Debug)]
struct Wobbly;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum WobblyOp {
    Add(i8),
    Wobble,
    Read(i8),
    /// Adds one, and found this before.
    Next(i8),
}

impl Model for Wobbly {
    type Op = WobblyOp;
    type State = i8;

    fn read(&self, _: &Call<'_>) -> Result<Option<WobblyOp>, Misfit> {
        Ok(None)
    }

    fn initial(&self) -> i8 {
        0
    }

    fn step(&self, state: &i8, op: &WobblyOp, next: &mut Vec<i8>) {
        match *op {
            WobblyOp::Add(number) => next.push(state.wrapping_add(number)),
            WobblyOp::Wobble => next.extend([*state, state.wrapping_add(1), *state]),
            WobblyOp::Read(found) if found == *state => next.push(*state),
            WobblyOp::Next(found) if found == *state => next.push(state.wrapping_add(1)),
            WobblyOp::Read(_) | WobblyOp::Next(_) => {}
        }
    }

    fn observes_only(&self, op: &WobblyOp) -> bool {
        matches!(op, WobblyOp::Read(_))
    }
}

/// What brute force says, both searches say, and the orders that they give pass the verifier.
fn agree<M: Model>(model: &M, part: &Part<M::Op>) {
    let expected = match oracle::some_order(model, &part.ops, &[model.initial()]) {
        true => Outcome::Legal,
        false => Outcome::Illegal,
    };
    let initial = [model.initial()];
    let depth = Depth::new(model, part).search(&initial, &ENDLESS);
    let breadth = breadth_first(model, part, &initial, &ENDLESS);
    for found in [depth, breadth] {
        assert_eq!(found.outcome, expected, "{:?} of {part:?}", found.engine);
        if let Some(order) = found.order {
            verify(model, part, &order).unwrap_or_else(|why| panic!("{why}: {order:?} {part:?}"));
        } else {
            assert_eq!(expected, Outcome::Illegal, "a legal part has an order");
        }
    }
    assert_eq!(stream(model, part), expected == Outcome::Legal, "as a stream: {part:?}");
}

/// The frontier as a stream drives it: it knows no returns, and learns late what is indeterminate.
fn stream<M: Model>(model: &M, part: &Part<M::Op>) -> bool {
    let mut frontier = Frontier::new(model, &[model.initial()], false);
    let mut slots = vec![0; part.ops.len()];
    let mut late = Vec::new();
    for step in steps(part) {
        match step {
            Step::Invoke(at) => {
                let timed = &part.ops[at as usize];
                slots[at as usize] = frontier.invoke(model, &timed.op, NEVER, at);
                if timed.is_optional() {
                    late.push(slots[at as usize]);
                }
            }
            Step::Complete(at) => {
                frontier.complete(model, slots[at as usize], &ENDLESS).unwrap();
                late.drain(..).for_each(|slot| frontier.abandon(slot));
            }
        }
    }
    !frontier.is_dead()
}

/// Intervals out of a shuffled deck: two cards per operation.
fn part_of<Op: Clone + std::fmt::Debug + 'static>(
    op: impl Strategy<Value = Op> + 'static,
    operations: std::ops::Range<usize>,
) -> impl Strategy<Value = Part<Op>> {
    let chosen = (op, prop::bool::weighted(0.2), 0_usize..6);
    prop::collection::vec(chosen, operations).prop_map(|chosen| {
        // Each operation stays open while so many others begin.
        let mut ops: Vec<Timed<Op>> = Vec::new();
        let mut ends: Vec<(usize, usize)> = Vec::new();
        let mut event = 0;
        for (at, (op, optional, length)) in chosen.into_iter().enumerate() {
            ends.retain(|&(end, which)| {
                if end <= at {
                    ops[which].ret = event;
                    event += 1;
                }
                end > at
            });
            ops.push(Timed { op, invoke: event, ret: NEVER, info: NEVER });
            event += 1;
            if !optional {
                ends.push((at + 1 + length, at));
            }
        }
        for (_, which) in ends {
            ops[which].ret = event;
            event += 1;
        }
        Part { name: None, ops }
    })
}

fn queue_op() -> impl Strategy<Value = QueueOp> {
    prop_oneof![
        (0_u8..3).prop_map(QueueOp::Enqueue),
        (0_u8..3).prop_map(QueueOp::Dequeue),
        Just(QueueOp::DequeueEmpty),
        Just(QueueOp::DequeueUnknown),
    ]
}

fn wobbly_op() -> impl Strategy<Value = WobblyOp> {
    prop_oneof![
        (-1_i8..3).prop_map(WobblyOp::Add),
        Just(WobblyOp::Wobble),
        (0_i8..4).prop_map(WobblyOp::Read),
        (0_i8..4).prop_map(WobblyOp::Next),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn queues_are_judged_as_brute_force_does(part in part_of(queue_op(), 1..8)) {
        agree(&Queue, &part);
    }

    #[test]
    fn a_specification_that_leaves_a_choice_is_judged_as_brute_force_does(
        part in part_of(wobbly_op(), 1..8)
    ) {
        agree(&Wobbly, &part);
    }
}

#[test]
fn every_small_history_of_a_queue_is_judged_as_brute_force_does() {
    use QueueOp::{Dequeue, DequeueUnknown, Enqueue};
    let mut seen = [0, 0];
    oracle::every_history(3, &[Enqueue(1), Enqueue(2), Dequeue(1), DequeueUnknown], &mut |part| {
        agree(&Queue, part);
        seen[usize::from(oracle::some_order(&Queue, &part.ops, &[Vec::new()]))] += 1;
    });
    assert!(seen[0] > 100 && seen[1] > 100, "both verdicts occur: {seen:?}");
}

#[test]
fn every_small_history_of_a_wobbly_counter_is_judged_as_brute_force_does() {
    use WobblyOp::{Next, Read, Wobble};
    oracle::every_history(3, &[Wobble, Read(1), Next(0), Next(1)], &mut |part| {
        agree(&Wobbly, part);
    });
}
