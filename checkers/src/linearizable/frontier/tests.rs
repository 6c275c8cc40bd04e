//! Both searches against brute force, on several models.

use super::super::engine::{Limits, NEVER, Outcome};
use super::super::model::{Call, Misfit, Model, Part, Timed};
use super::super::oracle;
use super::super::order::verify;
use super::{Depth, Frontier, Step, breadth_first, search, steps};
use proptest::prelude::*;
use std::sync::atomic::AtomicBool;

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

/// Operations with overlapping intervals, one in five of them indeterminate.
fn part_of<Op: Clone + std::fmt::Debug>(
    op: impl Strategy<Value = Op>,
    operations: std::ops::Range<usize>,
) -> impl Strategy<Value = Part<Op>> {
    let after = prop::option::weighted(0.8, 0_u32..32);
    prop::collection::vec((op, 0_u32..32, after), operations).prop_map(oracle::around)
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

/// A portable source of numbers (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}

/// What is wrong with a run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flaw {
    None,
    /// One operation in a thousand has no known end.
    Lost,
    /// One dequeue in the middle leaves its element where it is, and at the end the queue is
    /// emptied: one element comes out that never went in.
    Twice,
}

/// A run of a queue with so many operations, ten open at a time.
fn queue_run(operations: usize, flaw: Flaw, random: &mut Random) -> Part<QueueOp> {
    let mut queue = std::collections::VecDeque::new();
    let mut points = Vec::new();
    let mut planted = flaw != Flaw::Twice;
    while points.len() < operations || flaw == Flaw::Twice && !queue.is_empty() {
        let op = match random.below(2) {
            0 if queue.len() < 5 && points.len() < operations => {
                QueueOp::Enqueue(random.below(5) as u8)
            }
            _ => queue.front().map_or(QueueOp::DequeueEmpty, |value| QueueOp::Dequeue(*value)),
        };
        match op {
            QueueOp::Enqueue(value) => queue.push_back(value),
            QueueOp::Dequeue(_) if planted || points.len() < operations / 2 => {
                queue.pop_front();
            }
            QueueOp::Dequeue(_) => planted = true,
            QueueOp::DequeueEmpty | QueueOp::DequeueUnknown => {}
        }
        let (before, after) = (random.below(40) as u32, random.below(40) as u32);
        points.push(match (random.below(1000), op) {
            (0, QueueOp::Enqueue(_)) if flaw == Flaw::Lost => (op, before, None),
            (0, QueueOp::Dequeue(_)) if flaw == Flaw::Lost => {
                (QueueOp::DequeueUnknown, before, None)
            }
            _ => (op, before, Some(after)),
        });
    }
    oracle::around(points)
}

/// Both searches, each with enough for a history that they are good at.
fn both(part: &Part<QueueOp>) -> [Outcome; 2] {
    let limits = Limits { configurations_max: 5_000_000, ..ENDLESS };
    let depth = Depth::new(&Queue, part).search(&[Vec::new()], &limits);
    let breadth = breadth_first(&Queue, part, &[Vec::new()], &limits);
    [depth.outcome, breadth.outcome]
}

#[test]
fn a_run_of_a_correct_queue_is_not_accused() {
    for seed in 0..3 {
        let part = queue_run(1_000, Flaw::Lost, &mut Random(seed));
        assert_eq!(both(&part), [Outcome::Legal; 2], "seed {seed}");
    }
    let part = queue_run(10_000, Flaw::Lost, &mut Random(3));
    let found = search(&Queue, &part, &[Vec::new()], &ENDLESS);
    assert_eq!(found.outcome, Outcome::Legal);
    verify(&Queue, &part, &found.order.unwrap()).unwrap();
}

#[test]
fn an_element_that_is_given_twice_is_found() {
    for seed in 0..3 {
        let part = queue_run(1_000, Flaw::Twice, &mut Random(seed));
        let found = breadth_first(&Queue, &part, &[Vec::new()], &ENDLESS);
        assert_eq!(found.outcome, Outcome::Illegal, "seed {seed}");
        let found = search(&Queue, &part, &[Vec::new()], &ENDLESS);
        assert_eq!(found.outcome, Outcome::Illegal, "seed {seed}");
    }
}

/// As many enqueues as this, all at once, of different elements; then what certainly is no order
/// of them.
fn explosion(elements: u8) -> Part<QueueOp> {
    let enqueues = (0..elements).map(|value| (QueueOp::Enqueue(value), 0, Some(4000)));
    let mut part = oracle::around(enqueues.collect());
    let event = 4 * u32::from(elements);
    for (at, value) in (0..).zip((0..elements).chain([0])) {
        let (invoke, ret) = (event + 2 * at, event + 2 * at + 1);
        part.ops.push(Timed { op: QueueOp::Dequeue(value), invoke, ret, info: NEVER });
    }
    part
}

#[test]
fn a_search_that_explodes_keeps_its_limits_and_accuses_nobody() {
    let part = explosion(12);
    let few = Limits { configurations_max: 100_000, ..ENDLESS };
    let found = search(&Queue, &part, &[Vec::new()], &few);
    assert!(matches!(found.outcome, Outcome::Spent { .. }), "{found:?}");
    assert!((90_000..=100_000).contains(&found.configurations), "{found:?}");

    let small = Limits { bytes_max: 4 << 20, ..ENDLESS };
    for found in [
        Depth::new(&Queue, &part).search(&[Vec::new()], &small),
        breadth_first(&Queue, &part, &[Vec::new()], &small),
    ] {
        assert!(matches!(found.outcome, Outcome::Spent { .. }), "{found:?}");
        assert!(found.configurations > 1_000, "it used what it had: {found:?}");
    }

    let stop = AtomicBool::new(true);
    let stopped = Limits { stop: Some(&stop), ..ENDLESS };
    let found = search(&Queue, &part, &[Vec::new()], &stopped);
    assert_eq!((found.outcome, found.configurations), (Outcome::Spent { placed: 0 }, 0));
}

#[test]
fn two_hundred_operations_may_be_open_at_once() {
    let adds = (0..200).map(|_| (WobblyOp::Add(0), 8, Some(4000)));
    let mut points: Vec<_> = adds.collect();
    points.extend([(WobblyOp::Next(0), 0, Some(4000)), (WobblyOp::Read(1), 0, Some(1))]);
    let mut part = oracle::around(points);
    for (found, expected) in [(1, Outcome::Legal), (2, Outcome::Illegal)] {
        part.ops.last_mut().unwrap().op = WobblyOp::Read(found);
        let breadth = breadth_first(&Wobbly, &part, &[0], &ENDLESS);
        assert_eq!(breadth.outcome, expected, "the counter is read as {found}");
        assert_eq!(search(&Wobbly, &part, &[0], &ENDLESS).outcome, expected);
    }
}

#[test]
fn a_stream_takes_no_more_memory_the_longer_it_is() {
    let part = queue_run(8_000, Flaw::None, &mut Random(7));
    let mut frontier = Frontier::new(&Queue, &[Vec::new()], false);
    let mut slots = vec![0; part.ops.len()];
    let mut bytes = [0; 2];
    for (step, of) in steps(&part).into_iter().zip(0..) {
        match step {
            Step::Invoke(at) => {
                let timed = &part.ops[at as usize];
                slots[at as usize] = frontier.invoke(&Queue, &timed.op, timed.ret, at);
            }
            Step::Complete(at) => {
                frontier.complete(&Queue, slots[at as usize], &ENDLESS).unwrap();
                let half = usize::from(of > part.ops.len());
                bytes[half] = bytes[half].max(frontier.bytes());
            }
        }
    }
    assert!(!frontier.is_dead());
    assert!(bytes[0] > 10_000 && bytes[1] < 2 * bytes[0], "{bytes:?}");
}
