//! Contradictions at sight, for any values: somebody finds what cannot be there any more.
//!
//! ```text
//!   write 1 |--|                                     the last one that set 1
//!                 write 2 |--|                       then there was something else
//!                                read 1 |--|         and nobody could have set 1 again
//! ```
//!
//! Whoever finds v has a producer of v behind it, invoked before he returned. It is enough to look
//! at the producer that returned last: if something else was there for certain between its return
//! and the finder's invocation, that holds for every other one, too.

use super::op::{Effect, NEVER, Problem, ValueId};
use super::view::Window;

/// The two earliest returns of operations that were certainly there with different values.
#[derive(Clone, Copy, Debug)]
struct Earliest {
    first: (u32, ValueId),
    other: u32,
}

impl Earliest {
    fn add(&mut self, ret: u32, value: ValueId) {
        let (first, held) = self.first;
        if value == held {
            self.first.0 = first.min(ret);
        } else if ret < first {
            *self = Self { first: (ret, value), other: first };
        } else {
            self.other = self.other.min(ret);
        }
    }

    fn without(&self, value: ValueId) -> u32 {
        if self.first.1 == value { self.other } else { self.first.0 }
    }
}

/// Those who set each value, in order of invocation, with the latest return so far.
struct Producers {
    from: Vec<usize>,
    all: Vec<(u32, u32)>,
}

/// The first contradiction of this kind.
pub(super) fn refuted(problem: &Problem<'_>) -> Option<Window> {
    let producers = Producers::new(problem);
    let earliest = earliest(problem);
    for op in problem.ops.iter().filter(|op| op.ret != NEVER) {
        let Some(value) = op.effect.observes() else { continue };
        // The event behind which the value may have gone; nothing: it was never set.
        let since = match producers.latest_return(value, op.ret) {
            None if value != problem.initial => {
                return Some(Window { since: None, until: op.ret });
            }
            latest => latest,
        };
        if since.is_some_and(|since| since > op.invoke) {
            continue;
        }
        let behind = since.map_or(0, |since| problem.ops.partition_point(|op| op.invoke <= since));
        if earliest[behind].without(value) < op.invoke {
            return Some(Window { since, until: op.ret });
        }
    }
    None
}

/// For every position, the earliest returns from there on.
fn earliest(problem: &Problem<'_>) -> Vec<Earliest> {
    let mut now = Earliest { first: (NEVER, ValueId::MAX), other: NEVER };
    let mut all = vec![now; problem.ops.len() + 1];
    for (at, op) in problem.ops.iter().enumerate().rev() {
        if op.ret != NEVER {
            let held = [op.effect.observes(), op.effect.produces()];
            held.into_iter().flatten().for_each(|value| now.add(op.ret, value));
        }
        all[at] = now;
    }
    all
}

impl Producers {
    fn new(problem: &Problem<'_>) -> Self {
        let mut from = vec![0; problem.values + 1];
        let produced = |effect: Effect| effect.produces().map(|value| value as usize);
        for value in problem.ops.iter().filter_map(|op| produced(op.effect)) {
            from[value + 1] += 1;
        }
        for value in 0..problem.values {
            from[value + 1] += from[value];
        }
        let mut end = from.clone();
        let mut all = vec![(0, 0); from[problem.values]];
        for op in problem.ops {
            let Some(value) = produced(op.effect) else { continue };
            let before = if end[value] > from[value] { all[end[value] - 1].1 } else { 0 };
            all[end[value]] = (op.invoke, op.ret.max(before));
            end[value] += 1;
        }
        Self { from, all }
    }

    /// The latest return of a producer of this value that was invoked before this event.
    ///
    /// The finder's own cas may count as one: a cas that finds what it sets changes nothing, and
    /// at worst nothing is refuted.
    fn latest_return(&self, value: ValueId, event: u32) -> Option<u32> {
        let value = value as usize;
        let of_value = &self.all[self.from[value]..self.from[value + 1]];
        let before = of_value.partition_point(|&(invoke, _)| invoke < event);
        before.checked_sub(1).map(|last| of_value[last].1)
    }
}
