//! The search against brute force, and every reduction of the evidence against what it promises.

use super::super::engine::{Limits, Outcome};
use super::evidence::{self, Case, Piece, Reducer};
use super::op::{Effect, INITIAL, KeyOp, NEVER, Problem, ValueId};
use super::search::{explore, search};
use proptest::prelude::*;

const VALUES: usize = 4;

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

fn oracle_of(pieces: &[Piece], initial: ValueId) -> bool {
    oracle(&pieces.iter().map(|piece| piece.op).collect::<Vec<_>>(), initial)
}

/// The search alone, and with what refutes at sight before it: both have to say the same.
fn engine(ops: &[KeyOp], initial: ValueId) -> bool {
    let limits =
        Limits { configurations_max: 1 << 20, bytes_max: 1 << 30, stop: None, order: false };
    let problem = Problem { ops, initial, values: VALUES };
    let alone = explore(&problem, &limits).outcome;
    assert_eq!(search(&problem, &limits).outcome, alone, "{ops:?}");
    match alone {
        Outcome::Legal => true,
        Outcome::Illegal => false,
        Outcome::Spent { .. } => panic!("small problems fit into the limits"),
    }
}

fn reducer() -> Reducer {
    Reducer { values: VALUES, configurations_left: 1 << 30, bytes_max: 1 << 30 }
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
    let is_read = |op: &KeyOp| matches!(op.effect, Effect::Read(_));
    ops.into_iter().map(|(_, op)| op).filter(|op| op.ret != NEVER || !is_read(op)).collect()
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

fn histories(ops_max: usize) -> impl Strategy<Value = Vec<KeyOp>> {
    prop::collection::vec(effect(), 1..=ops_max).prop_flat_map(|effects| {
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
    use Effect::{Cas, Read, Write};
    let kinds = [Read(0), Read(1), Read(2), Write(1), Write(2), Cas(0, 1), Cas(1, 2), Cas(2, 1)];
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
            *(if expected { &mut legal } else { &mut illegal }) += 1;
        }
    }
    assert!(legal > 10_000 && illegal > 10_000, "{legal} legal, {illegal} illegal");
}

/// Whether the case is illegal from each of its states by brute force.
fn certainly_illegal(case: &Case) -> bool {
    case.initials.iter().all(|&initial| !oracle_of(&case.pieces, initial))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn random_histories_are_judged_as_by_brute_force(ops in histories(8)) {
        prop_assert_eq!(engine(&ops, INITIAL), oracle(&ops, INITIAL));
    }

    #[test]
    fn reduced_evidence_is_still_illegal(ops in histories(8)) {
        if oracle(&ops, INITIAL) {
            return Ok(());
        }
        let mut reducer = reducer();
        let prefix = reducer.shortest_prefix(&ops);
        prop_assert!(certainly_illegal(&prefix));
        let case = reducer.reduce(prefix.clone());
        prop_assert!(certainly_illegal(&case));
        // Nothing more can go: without any one read it would be legal.
        for at in 0..case.pieces.len() {
            if matches!(case.pieces[at].op.effect, Effect::Read(_)) {
                let mut fewer = case.pieces.clone();
                fewer.remove(at);
                prop_assert!(oracle_of(&fewer, INITIAL));
            }
        }
    }

    #[test]
    fn no_reduction_makes_a_legal_history_illegal(
        ops in histories(7),
        chosen in prop::collection::vec(0..VALUES as ValueId, 1..3),
        (weak, strip) in any::<(u8, u8)>(),
    ) {
        if !oracle(&ops, INITIAL) {
            return Ok(());
        }
        let mut pieces = evidence::prefix(&ops, NEVER - 1);
        for (at, piece) in pieces.iter_mut().enumerate() {
            if let (Effect::Cas(_, to), true) = (piece.op.effect, weak >> at & 1 == 1) {
                piece.op.effect = Effect::Write(to);
            }
        }
        prop_assert!(oracle_of(&pieces, INITIAL), "a cas as a write");
        prop_assert!(oracle_of(&evidence::without(&pieces, &chosen, VALUES), INITIAL), "a cluster");
        let loose = evidence::loose(&pieces, VALUES);
        let gone = |at: usize| loose.contains(&at) && strip >> at & 1 == 1;
        let kept = pieces.iter().enumerate().filter(|(at, _)| !gone(*at));
        prop_assert!(oracle_of(&kept.map(|(_, p)| *p).collect::<Vec<_>>(), INITIAL), "loose ones");
        for cut in 0..2 * ops.len() as u32 {
            prop_assert!(oracle_of(&evidence::prefix(&ops, cut), INITIAL), "a prefix");
            let window = reducer().window_behind(&ops, cut);
            prop_assert!(!certainly_illegal(&window), "a window behind {}", cut);
        }
    }
}
