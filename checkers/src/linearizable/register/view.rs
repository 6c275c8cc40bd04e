//! Less of a history: a window of its events, and all but a few values taken for one.
//!
//! ```text
//!   values   0 1 2 3 4   chosen {3}    ->   0 0 0 1 0       write 2, read 4, cas 1 -> 3
//!   events   ........(since ........ until]  ........       write 0, read 0, cas 0 -> 1
//! ```
//!
//! An order of the whole gives one of every view, so a view without order refutes the whole:
//! * **Merged values**: put into the register what its value is merged to. Whoever found a value
//!   finds what that is merged to, and whoever set one sets it.
//! * **A window** (since, until]: let P be the point of the order right behind the last
//!   operation that returned by `since`, in whatever state. What is open there stands before P, or
//!   behind it as an operation that may have happened; its reads are dropped. What is open at
//!   `until` may have happened, too.

use super::op::{Effect, KeyOp, NEVER, Problem, ValueId};

/// Events of a history that contradict each other whatever was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// The event behind which it begins, in any state; nothing for the start of the history.
    pub(super) since: Option<u32>,
    /// Its last event.
    pub(super) until: u32,
}

/// Operations on merged values.
#[derive(Debug)]
pub(super) struct View {
    pub(super) ops: Vec<KeyOp>,
    pub(super) values: usize,
    /// The states that it may begin in.
    pub(super) starts: Vec<ValueId>,
}

impl Window {
    /// The operations of this window, in order of invocation.
    pub(super) fn ops<'a>(self, ops: &'a [KeyOp]) -> impl Iterator<Item = KeyOp> + 'a {
        let invoked = ops.partition_point(|op| op.invoke <= self.until);
        let inside = move |op: &&KeyOp| self.since.is_none_or(|since| op.ret > since);
        ops[..invoked].iter().filter(inside).filter_map(move |op| {
            let open_before = self.since.is_some_and(|since| op.invoke <= since);
            let ret = if open_before || op.ret > self.until { NEVER } else { op.ret };
            let dropped = ret == NEVER && op.effect.produces().is_none();
            (!dropped).then_some(KeyOp { ret, ..*op })
        })
    }
}

/// What is seen of a window of a problem when all values but the chosen ones, ascending, are one.
pub(super) fn view(problem: &Problem<'_>, window: Window, chosen: &[ValueId]) -> View {
    let merged = |value: ValueId| chosen.binary_search(&value).map_or(0, |at| at as ValueId + 1);
    let effect = |effect| match effect {
        Effect::Read(value) => Some(Effect::Read(merged(value))),
        Effect::Write(value) => Some(Effect::Write(merged(value))),
        // Another value than a merged one may be merged to the same.
        Effect::Miss(value) => (merged(value) != 0).then(|| Effect::Miss(merged(value))),
        Effect::Cas(from, to) => Some(match (merged(from), merged(to)) {
            (from, to) if from == to => Effect::Read(from),
            (from, to) => Effect::Cas(from, to),
        }),
    };
    let idle = |op: &KeyOp| op.ret == NEVER && op.effect.produces().is_none();
    let seen = window.ops(problem.ops).filter_map(|op| {
        let op = KeyOp { effect: effect(op.effect)?, ..op };
        (!idle(&op)).then_some(op)
    });
    let values = chosen.len() + 1;
    let starts = match window.since {
        None => vec![merged(problem.initial)],
        Some(_) => (0..values as ValueId).collect(),
    };
    View { ops: seen.collect(), values, starts }
}

/// All of a problem, its values numbered by who finds them: those that nobody finds are one.
pub(super) fn whole(problem: &Problem<'_>) -> View {
    let window = Window { since: None, until: NEVER - 1 };
    let mut chosen = found(problem, window);
    chosen.sort_unstable();
    view(problem, window, &chosen)
}

/// The values that somebody in this window finds or misses, the most frequent first.
pub(super) fn found(problem: &Problem<'_>, window: Window) -> Vec<ValueId> {
    let mut values: Vec<ValueId> = window
        .ops(problem.ops)
        .filter_map(|op| match op.effect {
            Effect::Read(value) | Effect::Miss(value) | Effect::Cas(value, _) => Some(value),
            Effect::Write(_) => None,
        })
        .collect();
    values.sort_unstable();
    let mut counts: Vec<(usize, ValueId)> =
        values.chunk_by(|a, b| a == b).map(|same| (same.len(), same[0])).collect();
    counts.sort_unstable_by_key(|&(count, value)| (std::cmp::Reverse(count), value));
    counts.into_iter().map(|(_, value)| value).collect()
}
