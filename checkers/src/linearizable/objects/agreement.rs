//! Do the procedures say what brute force says? On every small history, and on random larger ones.

use super::super::engine::NEVER;
use super::super::model::{Model, Monitored, Part, Timed};
use super::super::oracle;
use proptest::prelude::*;

/// How often a procedure said what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) legal: usize,
    pub(super) illegal: usize,
    pub(super) unfit: usize,
}

/// Compares on every history of up to so many of these operations.
pub(super) fn on_all<M: Model>(model: &M, operations_max: usize, kinds: &[M::Op]) -> Said {
    let mut said = Said::default();
    for operations in 1..=operations_max {
        oracle::every_history(operations, kinds, &mut |part| compare(model, part, &mut said));
    }
    said
}

/// Compares on one history. Culprits have to exist, and stand once and in order.
pub(super) fn compare<M: Model>(model: &M, part: &Part<M::Op>, said: &mut Said) {
    let truth = || oracle::some_order(model, &part.ops, &[model.initial()]);
    match model.monitor(part) {
        Monitored::Unfit(_) => said.unfit += 1,
        Monitored::Legal => {
            said.legal += 1;
            assert!(truth(), "said to be legal: {part:#?}");
        }
        Monitored::Illegal { culprits, sentence } => {
            said.illegal += 1;
            assert!(!truth(), "said to be illegal, {sentence}: {part:#?}");
            assert!(!culprits.is_empty() && !sentence.is_empty(), "{part:#?}");
            assert!(culprits.is_sorted_by(|one, other| one < other), "{culprits:?}: {part:#?}");
            assert!(culprits.iter().all(|&at| (at as usize) < part.ops.len()), "{culprits:?}");
        }
    }
}

/// Random parts of some of these operations; one in eight may have happened or not.
pub(super) fn parts<Op: Clone + std::fmt::Debug + 'static>(
    kinds: Vec<Op>,
    operations_max: usize,
) -> impl Strategy<Value = Part<Op>> {
    let op = (0..kinds.len(), 0..60_u32, 1..20_u32, 0..8_u8);
    prop::collection::vec(op, 1..=operations_max).prop_map(move |ops| {
        let ops = ops.into_iter().map(|(kind, begin, length, fate)| {
            (kinds[kind].clone(), begin, (fate > 0).then_some(begin + length))
        });
        part(&ops.collect::<Vec<_>>())
    })
}

/// A part of operations with their beginning and their end, if they have one.
pub(super) fn part<Op: Clone>(ops: &[(Op, u32, Option<u32>)]) -> Part<Op> {
    let mut events: Vec<(u32, usize, bool)> = Vec::new();
    for (at, (_, begin, end)) in ops.iter().enumerate() {
        events.push((*begin, at, false));
        events.extend(end.map(|end| (end, at, true)));
    }
    events.sort_unstable();
    let index = |at: usize, is_end: bool| {
        let found = events.iter().position(|&(_, other, end)| other == at && end == is_end);
        found.map_or(NEVER, |index| index as u32)
    };
    let timed = |at: usize| Timed {
        op: ops[at].0.clone(),
        invoke: index(at, false),
        ret: index(at, true),
        info: NEVER,
    };
    let mut ops: Vec<_> = (0..ops.len()).map(timed).collect();
    ops.sort_unstable_by_key(|timed| timed.invoke);
    Part { name: None, ops }
}
