//! Every reduction of the evidence against what it promises, by brute force.

use super::case::{self, Case, Piece};
use super::evidence::Reducer;
use super::op::{Effect, INITIAL, KeyOp, NEVER, Problem, ValueId};
use super::sight;
use super::tests::{VALUES, histories, oracle};
use proptest::prelude::*;

fn oracle_of(pieces: &[Piece], initial: ValueId) -> bool {
    oracle(&pieces.iter().map(|piece| piece.op).collect::<Vec<_>>(), initial)
}

fn at_the_start(ops: &[KeyOp]) -> Case {
    Case { pieces: case::whole(ops), initials: vec![INITIAL], since: None, any: false }
}

fn reducer() -> Reducer {
    Reducer { values: VALUES, configurations_left: 1 << 30, bytes_max: 1 << 30 }
}

/// Whether the case is illegal from each of its states by brute force.
fn certainly_illegal(case: &Case) -> bool {
    case.initials.iter().all(|&initial| !oracle_of(&case.pieces, initial))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn reduced_evidence_is_still_illegal(ops in histories(8)) {
        if oracle(&ops, INITIAL) {
            return Ok(());
        }
        let mut reducer = reducer();
        let prefix = reducer.shortest_prefix(&at_the_start(&ops));
        prop_assert!(certainly_illegal(&prefix));
        let case = reducer.reduce(prefix.clone());
        prop_assert!(certainly_illegal(&case));
        // Nothing more can go: without any one read it would be legal.
        for at in 0..case.pieces.len() {
            if case.pieces[at].op.effect.produces().is_none() {
                let mut fewer = case.pieces.clone();
                fewer.remove(at);
                prop_assert!(oracle_of(&fewer, INITIAL));
            }
        }
        let problem = Problem { ops: &ops, initial: INITIAL, values: VALUES };
        for window in [None, sight::refuted(&problem)] {
            prop_assert!(certainly_illegal(&reducer.smallest(&ops, window)));
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
        let mut pieces = case::prefix(&case::whole(&ops), NEVER - 1);
        for (at, piece) in pieces.iter_mut().enumerate() {
            if let (Effect::Cas(_, to), true) = (piece.op.effect, weak >> at & 1 == 1) {
                piece.op.effect = Effect::Write(to);
            }
        }
        prop_assert!(oracle_of(&pieces, INITIAL), "a cas as a write");
        prop_assert!(oracle_of(&case::without(&pieces, &chosen, VALUES), INITIAL), "a cluster");
        let loose = case::loose(&pieces, VALUES);
        let gone = |at: usize| loose.contains(&at) && strip >> at & 1 == 1;
        let kept = pieces.iter().enumerate().filter(|(at, _)| !gone(*at));
        prop_assert!(oracle_of(&kept.map(|(_, p)| *p).collect::<Vec<_>>(), INITIAL), "loose ones");
        let case = at_the_start(&ops);
        let mut kept = chosen;
        kept.sort_unstable();
        let merged = case::merged(&case, &kept, VALUES);
        prop_assert!(!certainly_illegal(&merged), "but for {:?} values are one", kept);
        for cut in 0..2 * ops.len() as u32 {
            prop_assert!(oracle_of(&case::prefix(&case.pieces, cut), INITIAL), "a prefix");
            let window = reducer().window_behind(&case, cut);
            prop_assert!(!certainly_illegal(&window), "a window behind {}", cut);
            let window = case::from_any_state(&case.pieces, cut, VALUES);
            prop_assert!(!certainly_illegal(&window), "any state behind {}", cut);
            let merged = case::merged(&window, &kept, VALUES);
            prop_assert!(!certainly_illegal(&merged), "any state, {:?} and others", kept);
        }
    }
}
