//! Beginnings and ends of operations in the order of time: what every procedure here walks along.

use super::super::engine::NEVER;
use super::super::model::{Part, Timed};

/// What happens at one index of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// The operation at this position is invoked.
    Begin(usize),
    /// It completes.
    End(usize),
}

/// The moments of these intervals, each an invocation and a completion, by position. What never
/// completes has no end. Intervals that end together end in the order of their positions.
pub(super) fn moments(
    intervals: impl ExactSizeIterator<Item = (u32, u32)>,
) -> impl Iterator<Item = Moment> {
    let mut begins = Vec::with_capacity(intervals.len());
    let mut ends = Vec::with_capacity(intervals.len());
    for (position, (invoke, ret)) in intervals.enumerate() {
        begins.push((invoke, position as u32));
        if ret != NEVER {
            ends.push((ret, position as u32));
        }
    }
    begins.sort_unstable();
    ends.sort_unstable();
    let (mut begun, mut ended) = (0, 0);
    std::iter::from_fn(move || {
        let begin = begins.get(begun);
        let end = ends.get(ended);
        if end.is_none_or(|end| begin.is_some_and(|begin| begin.0 < end.0)) {
            begun += 1;
            begin.map(|&(_, position)| Moment::Begin(position as usize))
        } else {
            ended += 1;
            end.map(|&(_, position)| Moment::End(position as usize))
        }
    })
}

/// The moments of a part.
pub(super) fn moments_of<Op>(part: &Part<Op>) -> impl Iterator<Item = Moment> {
    moments(part.ops.iter().map(interval))
}

fn interval<Op>(timed: &Timed<Op>) -> (u32, u32) {
    (timed.invoke, timed.ret)
}
