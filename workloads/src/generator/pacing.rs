//! When: pauses and deadlines. Nothing here reads a clock; the time is in the context.
//!
//! | combinator | `WaitUntil`, `Pending` | `Done` |
//! |---|---|---|
//! | stagger, delay | passed on; `WaitUntil` of their own between operations | passed on if asked |
//! | time_limit | cut to `WaitUntil` the deadline: somebody asks then | passed on |
//! | sleep | `WaitUntil` its end | after its end |
//!
//! `g.limit(3).stagger(..)` learns that its child is done only when the gap after the third
//! operation is over; `g.stagger(..).limit(3)` at once.

use super::{Context, Generator, Next, Update};
use std::time::Duration;
use targets::seed::Stream;

/// How late an operation may be and still be made up for. Timers wake up to a millisecond late:
/// without this, ten thousand operations a second would become one thousand. More would let a burst
/// follow every stall.
const CATCH_UP_NS: u64 = 10_000_000;

/// See [`super::GeneratorExt::stagger`] and [`super::GeneratorExt::delay`]. The first operation
/// comes at once.
#[derive(Clone, Debug)]
pub struct Paced<G> {
    child: G,
    gap: Gap,
    /// Nothing before this time.
    next_ns: u64,
}

#[derive(Clone, Debug)]
enum Gap {
    /// Uniform in 0..=2*mean. Lateness is made up for.
    Random { mean_ns: u64, stream: Box<Stream> },
    /// Always this. A late operation moves all that follow.
    Fixed { ns: u64 },
}

impl<G> Paced<G> {
    pub(super) fn stagger(child: G, mean: Duration, stream: Stream) -> Self {
        Self {
            child,
            gap: Gap::Random { mean_ns: nanoseconds(mean), stream: stream.into() },
            next_ns: 0,
        }
    }

    pub(super) fn delay(child: G, gap: Duration) -> Self {
        Self { child, gap: Gap::Fixed { ns: nanoseconds(gap) }, next_ns: 0 }
    }
}

impl<G: Generator> Generator for Paced<G> {
    fn next(&mut self, context: &Context<'_>) -> Next {
        if context.now_ns < self.next_ns {
            return Next::WaitUntil { at_ns: self.next_ns };
        }
        let next = self.child.next(context);
        if matches!(next, Next::Op { .. }) {
            let (from_ns, gap_ns) = match &mut self.gap {
                Gap::Random { mean_ns, stream } => (
                    self.next_ns.max(context.now_ns.saturating_sub(CATCH_UP_NS)),
                    stream.between(0, mean_ns.saturating_mul(2)),
                ),
                Gap::Fixed { ns } => (context.now_ns, *ns),
            };
            self.next_ns = from_ns.saturating_add(gap_ns);
        }
        next
    }

    fn update(&mut self, context: &Context<'_>, update: &Update<'_>) {
        self.child.update(context, update);
    }
}

/// See [`super::GeneratorExt::time_limit`].
#[derive(Clone, Debug)]
pub struct TimeLimit<G> {
    child: G,
    length_ns: u64,
    /// Known once it was asked.
    deadline_ns: Option<u64>,
}

impl<G> TimeLimit<G> {
    pub(super) fn new(child: G, length: Duration) -> Self {
        Self { child, length_ns: nanoseconds(length), deadline_ns: None }
    }
}

impl<G: Generator> Generator for TimeLimit<G> {
    fn next(&mut self, context: &Context<'_>) -> Next {
        let first = context.now_ns.saturating_add(self.length_ns);
        let deadline_ns = *self.deadline_ns.get_or_insert(first);
        if context.now_ns >= deadline_ns {
            return Next::Done;
        }
        match self.child.next(context) {
            // Without the deadline a child that waits for a completion, and never gets one because
            // its node hangs, would keep the run from ending.
            Next::Pending => Next::WaitUntil { at_ns: deadline_ns },
            Next::WaitUntil { at_ns } => Next::WaitUntil { at_ns: at_ns.min(deadline_ns) },
            next => next,
        }
    }

    fn update(&mut self, context: &Context<'_>, update: &Update<'_>) {
        self.child.update(context, update);
    }
}

/// See [`sleep`].
#[derive(Clone, Debug)]
pub struct Sleep {
    length_ns: u64,
    end_ns: Option<u64>,
}

/// No operation: done this long after it was first asked. It keeps no thread busy.
pub fn sleep(length: Duration) -> Sleep {
    Sleep { length_ns: nanoseconds(length), end_ns: None }
}

impl Generator for Sleep {
    fn next(&mut self, context: &Context<'_>) -> Next {
        let first = context.now_ns.saturating_add(self.length_ns);
        let end_ns = *self.end_ns.get_or_insert(first);
        if context.now_ns < end_ns { Next::WaitUntil { at_ns: end_ns } } else { Next::Done }
    }
}

/// A length of time in nanoseconds; above 584 years it is for ever.
pub(crate) fn nanoseconds(length: Duration) -> u64 {
    u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)
}
