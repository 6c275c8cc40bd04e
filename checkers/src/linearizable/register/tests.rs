//! The engines against brute force.

use super::super::engine::{Limits, Outcome};
use super::decide::{decide, race};
use super::frontier::{End, Frontier};
use super::op::{Effect, INITIAL, KeyOp, NEVER, Problem, ValueId};
use super::search::Search;
use super::sight;
use super::view::{self, View, Window};
use proptest::prelude::*;

pub(super) const VALUES: usize = 4;

/// Every order that respects real time, with and without every optional operation.
fn some_order(ops: &[KeyOp], state: ValueId, left: &mut Vec<usize>) -> bool {
    let required = |at: &usize| ops[*at].ret != NEVER;
    if !left.iter().any(required) {
        return true;
    }
    for position in 0..left.len() {
        let at = left[position];
        let late = left.iter().any(|&other| ops[other].ret < ops[at].invoke);
        if let (false, Some(after)) = (late, ops[at].effect.apply(state)) {
            left.remove(position);
            let found = some_order(ops, after, left);
            left.insert(position, at);
            if found {
                return true;
            }
        }
    }
    false
}

pub(super) fn oracle(ops: &[KeyOp], initial: ValueId) -> bool {
    some_order(ops, initial, &mut (0..ops.len()).collect())
}

const LIMITS: Limits<'_> =
    Limits { configurations_max: 1 << 20, bytes_max: 1 << 30, stop: None, order: true };

/// The search alone, and with what decides before it: both have to say the same. And whatever
/// order is given has to be one.
fn engine(ops: &[KeyOp], initial: ValueId) -> bool {
    let problem = Problem { ops, initial, values: VALUES };
    let mut search = Search::new(&problem);
    let alone = search.run(&LIMITS);
    let found = decide(&problem, &LIMITS);
    assert_eq!(found.outcome, alone, "{ops:?}");
    match alone {
        Outcome::Legal => {
            assert_linearization(ops, initial, &found.order.expect("it was asked for"));
            true
        }
        Outcome::Illegal => false,
        Outcome::Spent { .. } => panic!("small problems fit into the limits"),
    }
}

/// Everything that certainly happened stands there once, in real time, and is possible.
fn assert_linearization(ops: &[KeyOp], initial: ValueId, order: &[u32]) {
    let mut state = initial;
    let mut latest_invoke = 0;
    let mut left: Vec<usize> = (0..ops.len()).collect();
    for &position in order {
        let op = ops[position as usize];
        let at = left.iter().position(|&at| at == position as usize).expect("it stands there once");
        left.remove(at);
        latest_invoke = latest_invoke.max(op.invoke);
        assert!(op.ret > latest_invoke || op.ret == NEVER, "{position} comes too late");
        state = op.effect.apply(state).expect("it is possible there");
    }
    assert!(left.iter().all(|&at| ops[at].ret == NEVER), "{left:?} are missing");
}

/// What the breadth-first engine says, beginning in one of these states.
fn alive(ops: &[KeyOp], starts: &[ValueId]) -> bool {
    let view = View { ops: ops.to_vec(), values: VALUES, starts: starts.to_vec() };
    match Frontier::new(view).run(&LIMITS) {
        End::Alive => true,
        End::Dead { .. } => false,
        End::Spent | End::Wide => panic!("small problems fit into the limits"),
    }
}

/// The history whose events come in this order: the first mention of an operation invokes it, the
/// second one completes it. Optional operations never return.
pub(super) fn history(order: &[usize], effects: &[(Effect, bool)]) -> Vec<KeyOp> {
    let mut ops: Vec<(usize, KeyOp)> = Vec::new();
    for (event, &number) in order.iter().enumerate() {
        let (effect, optional) = effects[number];
        match ops.iter_mut().find(|(other, _)| *other == number) {
            Some((_, op)) if !optional => op.ret = event as u32,
            Some(_) => {}
            None => {
                let invoke = event as u32;
                ops.push((number, KeyOp { effect, invoke, ret: NEVER, info: NEVER }));
            }
        }
    }
    let idle = |op: &KeyOp| op.effect.produces().is_none();
    ops.into_iter().map(|(_, op)| op).filter(|op| op.ret != NEVER || !idle(op)).collect()
}

fn effect() -> impl Strategy<Value = (Effect, bool)> {
    let value = || 0..VALUES as ValueId;
    let effect = prop_oneof![
        3 => value().prop_map(Effect::Read),
        3 => value().prop_map(Effect::Write),
        2 => (value(), value()).prop_map(|(from, to)| Effect::Cas(from, to)),
    ];
    (effect, prop::bool::weighted(0.25))
}

pub(super) fn histories(ops_max: usize) -> impl Strategy<Value = Vec<KeyOp>> {
    histories_of(prop_oneof![6 => effect(), 1 => miss()], ops_max)
}

fn miss() -> impl Strategy<Value = (Effect, bool)> {
    (0..VALUES as ValueId).prop_map(|value| (Effect::Miss(value), false))
}

fn histories_of(
    effect: impl Strategy<Value = (Effect, bool)>,
    ops_max: usize,
) -> impl Strategy<Value = Vec<KeyOp>> {
    prop::collection::vec(effect, 1..=ops_max).prop_flat_map(|effects| {
        let events: Vec<usize> = (0..effects.len()).flat_map(|number| [number, number]).collect();
        Just(events).prop_shuffle().prop_map(move |order| history(&order, &effects))
    })
}

/// Interleavings of three operations in order of invocation.
fn interleavings() -> Vec<[usize; 6]> {
    let mut found = Vec::new();
    for code in 0..729_usize {
        let order: [usize; 6] = std::array::from_fn(|at| code / 3_usize.pow(at as u32) % 3);
        let twice = (0..3).all(|number| order.iter().filter(|&&n| n == number).count() == 2);
        let first = |number| order.iter().position(|&n| n == number);
        if twice && first(0) < first(1) && first(1) < first(2) {
            found.push(order);
        }
    }
    found
}

#[test]
fn every_history_of_three_operations_is_judged_as_by_brute_force() {
    use Effect::{Cas, Miss, Read, Write};
    let kinds = [Read(0), Read(1), Miss(1), Miss(0), Write(1), Write(2), Cas(0, 1), Cas(1, 2)];
    let interleavings = interleavings();
    assert_eq!(interleavings.len(), 15);
    let (mut legal, mut illegal) = (0, 0);
    for code in 0..8 * kinds.len().pow(3) {
        let effects: [(Effect, bool); 3] = std::array::from_fn(|at| {
            let kind = kinds[code / 8 / kinds.len().pow(at as u32) % kinds.len()];
            (kind, code >> at & 1 == 1)
        });
        for order in &interleavings {
            let ops = history(order, &effects);
            let expected = oracle(&ops, INITIAL);
            assert_eq!(engine(&ops, INITIAL), expected, "{ops:?}");
            assert_eq!(alive(&ops, &[INITIAL]), expected, "{ops:?}");
            *(if expected { &mut legal } else { &mut illegal }) += 1;
        }
    }
    assert!(legal > 10_000 && illegal > 10_000, "{legal} legal, {illegal} illegal");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn random_histories_are_judged_as_by_brute_force(ops in histories(8)) {
        prop_assert_eq!(engine(&ops, INITIAL), oracle(&ops, INITIAL));
    }

    #[test]
    fn the_frontier_judges_as_brute_force_from_whatever_states(
        ops in histories(8),
        starts in prop::collection::vec(0..VALUES as ValueId, 1..3),
    ) {
        let expected = starts.iter().any(|&start| oracle(&ops, start));
        prop_assert_eq!(alive(&ops, &starts), expected);
    }

    #[test]
    fn a_race_of_short_turns_judges_as_brute_force(ops in histories(8), order in any::<bool>()) {
        let problem = Problem { ops: &ops, initial: INITIAL, values: VALUES };
        let (found, window) = race(&problem, &Limits { order, ..LIMITS }, 1);
        let legal = oracle(&ops, INITIAL);
        prop_assert_eq!(found.outcome == Outcome::Legal, legal);
        prop_assert_eq!(found.outcome == Outcome::Illegal, !legal);
        prop_assert_eq!(found.order.is_some(), legal && order);
        if let Some(order) = found.order {
            assert_linearization(&ops, INITIAL, &order);
        }
        if let Some(window) = window {
            let all: Vec<ValueId> = (0..VALUES as ValueId).collect();
            let view = view::view(&problem, window, &all);
            prop_assert!(!legal && view.starts.iter().all(|&start| !oracle(&view.ops, start)));
        }
    }

    #[test]
    fn no_engine_spends_more_than_its_limits(
        ops in histories(30),
        (configurations_max, bytes_max) in (0..40_u64, 10_000..100_000_u64),
    ) {
        let problem = Problem { ops: &ops, initial: INITIAL, values: VALUES };
        let limits = Limits { configurations_max, bytes_max, ..LIMITS };
        let (found, _) = race(&problem, &limits, 4);
        prop_assert!(found.configurations <= configurations_max);
    }

    #[test]
    fn what_is_refuted_at_sight_is_illegal(ops in histories(8)) {
        let problem = Problem { ops: &ops, initial: INITIAL, values: VALUES };
        if let Some(window) = sight::refuted(&problem) {
            prop_assert!(!oracle(&ops, INITIAL));
            // And the window that it names is enough.
            let all: Vec<ValueId> = (0..VALUES as ValueId).collect();
            let view = view::view(&problem, window, &all);
            prop_assert!(view.starts.iter().all(|&start| !oracle(&view.ops, start)));
        }
    }

    #[test]
    fn no_view_of_a_legal_history_is_illegal(
        ops in histories(8),
        (since, until) in (prop::option::of(0..16_u32), 0..16_u32),
        chosen in prop::sample::subsequence((0..VALUES as ValueId).collect::<Vec<_>>(), 0..VALUES),
    ) {
        let problem = Problem { ops: &ops, initial: INITIAL, values: VALUES };
        let view = view::view(&problem, Window { since, until }, &chosen);
        if oracle(&ops, INITIAL) {
            prop_assert!(view.starts.iter().any(|&start| oracle(&view.ops, start)));
        }
    }
}
