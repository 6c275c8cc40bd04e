//! The search against brute force, and every reduction of the evidence against what it promises.

use super::super::engine::{Limits, Outcome};
use super::decide::decide;
use super::evidence::{self, Case, Piece, Reducer};
use super::frontier::{End, Frontier};
use super::op::{Effect, INITIAL, KeyOp, NEVER, Problem, ValueId};
use super::search::Search;
use super::view::{self, View, Window};
use super::{sight, zones};
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

fn oracle(ops: &[KeyOp], initial: ValueId) -> bool {
    some_order(ops, initial, &mut (0..ops.len()).collect())
}

fn oracle_of(pieces: &[Piece], initial: ValueId) -> bool {
    oracle(&pieces.iter().map(|piece| piece.op).collect::<Vec<_>>(), initial)
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

fn reducer() -> Reducer {
    Reducer { values: VALUES, configurations_left: 1 << 30, bytes_max: 1 << 30 }
}

/// The history whose events come in this order: the first mention of an operation invokes it, the
/// second one completes it. Optional operations never return.
fn history(order: &[usize], effects: &[(Effect, bool)]) -> Vec<KeyOp> {
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

fn histories(ops_max: usize) -> impl Strategy<Value = Vec<KeyOp>> {
    histories_of(prop_oneof![6 => effect(), 1 => miss()], ops_max)
}

/// Where a failed cas says nothing.
fn histories_without_miss(ops_max: usize) -> impl Strategy<Value = Vec<KeyOp>> {
    histories_of(effect(), ops_max)
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
    fn the_frontier_judges_as_brute_force_from_whatever_states(
        ops in histories(8),
        starts in prop::collection::vec(0..VALUES as ValueId, 1..3),
    ) {
        let expected = starts.iter().any(|&start| oracle(&ops, start));
        prop_assert_eq!(alive(&ops, &starts), expected);
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

    #[test]
    fn zones_decide_reads_and_writes_with_unique_values(
        order in prop::collection::vec(0..8_usize, 0..8)
            .prop_map(|swaps| swaps.into_iter().enumerate().collect::<Vec<_>>()),
        reads in prop::collection::vec((0..VALUES as ValueId, 0..10_usize), 0..5),
        open in any::<u8>(),
    ) {
        // Each value but the first is written once; reads and events stand anywhere.
        let optional = |value: ValueId| open >> value & 1 == 1;
        let writes =
            (1..VALUES as ValueId).map(|value| (Effect::Write(value), optional(value)));
        let found = reads.iter().map(|(value, _)| (Effect::Read(*value), false));
        let effects: Vec<_> = writes.chain(found).collect();
        let mut events: Vec<usize> = (0..effects.len()).flat_map(|n| [n, n]).collect();
        let count = events.len();
        for (at, step) in order {
            events.swap(at % count, (at * 3 + step) % count);
        }
        for (at, (_, step)) in reads.iter().enumerate() {
            events.swap(count - 1 - at, step % count);
        }
        let ops = history(&events, &effects);
        let problem = Problem { ops: &ops, initial: INITIAL, values: VALUES };
        prop_assert_eq!(zones::decide(&problem), Some(oracle(&ops, INITIAL)));
    }

    #[test]
    fn reduced_evidence_is_still_illegal(ops in histories_without_miss(8)) {
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
        ops in histories_without_miss(7),
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
