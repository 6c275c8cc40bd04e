//! Zones against brute force: what they decide, and what they refute without being able to decide.

use super::super::op::{Effect, INITIAL, KeyOp, NEVER, Problem, ValueId};
use super::super::tests::{history, oracle};
use super::{blocks, decide, order};
use proptest::prelude::*;
use std::cell::Cell;

const VALUES: ValueId = 5;

fn problem(ops: &[KeyOp]) -> Problem<'_> {
    Problem { ops, initial: INITIAL, values: VALUES as usize }
}

fn value() -> impl Strategy<Value = ValueId> {
    0..VALUES
}

/// A producer of this value.
fn producer(to: ValueId) -> impl Strategy<Value = Effect> {
    prop_oneof![
        3 => Just(Effect::Write(to)),
        // Mostly from the value before: chains.
        3 => Just(Effect::Cas(to - 1, to)),
        1 => value().prop_map(move |from| Effect::Cas(from, to)),
    ]
}

/// A producer of each value but the first, and some reads. The events stand where they would in a
/// run of one client, but for swaps of near ones: many such histories are legal.
fn unique(operations_max: usize) -> impl Strategy<Value = Vec<KeyOp>> {
    let optional = || prop::bool::weighted(0.25);
    let producers: Vec<_> = (1..VALUES).map(|to| (producer(to), optional())).collect();
    let reads_max = operations_max + 1 - VALUES as usize;
    let reads = prop::collection::vec(value(), 0..=reads_max);
    let swaps = prop::collection::vec((0..2 * operations_max, 1..6_usize), 0..20);
    (producers, reads, swaps).prop_map(|(producers, reads, swaps)| {
        let mut effects = producers;
        for value in reads {
            let behind = effects.iter().position(|(effect, _)| effect.produces() == Some(value));
            effects.insert(behind.map_or(0, |at| at + 1), (Effect::Read(value), false));
        }
        let mut events: Vec<usize> = (0..effects.len()).flat_map(|n| [n, n]).collect();
        for (at, distance) in swaps {
            let at = at % events.len();
            let other = (at + distance) % events.len();
            events.swap(at, other);
        }
        history(&events, &effects)
    })
}

/// The same with any producers.
fn any_values() -> impl Strategy<Value = Vec<KeyOp>> {
    let effect = prop_oneof![
        3 => value().prop_map(Effect::Read),
        2 => value().prop_map(Effect::Write),
        2 => (value(), value()).prop_map(|(from, to)| Effect::Cas(from, to)),
        1 => value().prop_map(Effect::Miss),
    ];
    prop::collection::vec((effect, prop::bool::weighted(0.25)), 1..7).prop_flat_map(|effects| {
        let events: Vec<usize> = (0..effects.len()).flat_map(|n| [n, n]).collect();
        Just(events).prop_shuffle().prop_map(move |order| history(&order, &effects))
    })
}

/// Whether an order explains every result, respects real time, and leaves nothing out.
fn explains(ops: &[KeyOp], order: &[u32]) -> Result<(), TestCaseError> {
    let mut left: Vec<u32> = (0..ops.len() as u32).collect();
    let mut state = INITIAL;
    for at in order {
        let op = &ops[*at as usize];
        prop_assert!(left.iter().all(|other| ops[*other as usize].ret >= op.invoke), "real time");
        let place = left.binary_search(at);
        left.remove(place.map_err(|_| TestCaseError::fail(format!("{at} stands there twice")))?);
        let after = op.effect.apply(state);
        state = after.ok_or_else(|| TestCaseError::fail(format!("{op:?} in {state}")))?;
    }
    prop_assert!(left.iter().all(|at| ops[*at as usize].ret == NEVER), "{left:?} are missing");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6000, ..ProptestConfig::default() })]

    #[test]
    fn histories_with_unique_values_are_decided_as_by_brute_force(ops in unique(8)) {
        prop_assert_eq!(decide(&problem(&ops)), Some(oracle(&ops, INITIAL)));
    }

    #[test]
    fn a_legal_history_has_the_order_that_zones_give(ops in unique(9)) {
        let given = order(&problem(&ops));
        prop_assert_eq!(given.is_some(), decide(&problem(&ops)) == Some(true));
        if let Some(order) = given {
            explains(&ops, &order)?;
        }
    }

    #[test]
    fn what_is_said_of_other_histories_is_true(ops in any_values()) {
        if let Some(legal) = decide(&problem(&ops)) {
            prop_assert_eq!(legal, oracle(&ops, INITIAL));
        }
    }
}

#[test]
fn the_generator_gives_legal_and_illegal_chains() {
    let (legal, illegal) = (Cell::new(0), Cell::new(0));
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let run = runner.run(&unique(8), |ops| {
        let chained = ops.iter().any(|op| matches!(op.effect, Effect::Cas(..)));
        let count = if blocks(&problem(&ops)).is_some() { &legal } else { &illegal };
        count.set(count.get() + u32::from(chained));
        Ok(())
    });
    run.expect("nothing is asserted");
    let (legal, illegal) = (legal.get(), illegal.get());
    assert!(legal > 20 && illegal > 20, "{legal} legal, {illegal} illegal");
}
