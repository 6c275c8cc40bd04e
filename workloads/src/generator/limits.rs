//! Fewer, other or more operations of one child.
//!
//! | combinator | `WaitUntil`, `Pending` | `Done` |
//! |---|---|---|
//! | limit, until_ok, filter, map | passed on | passed on |
//! | cycle | passed on | begins anew |

use super::{Context, Generator, Next, ThreadId, Update};
use checkers::history::{Op, Outcome};
use std::collections::BTreeSet;

/// How many operations in a row a filter refuses before it lets the runner breathe.
const REFUSED_IN_A_ROW_MAX: u32 = 1000;

/// How long a filter then waits.
const FILTER_PAUSE_NS: u64 = 1_000_000;

/// See [`super::GeneratorExt::limit`].
#[derive(Clone, Debug)]
pub struct Limit<G> {
    child: G,
    left: u64,
}

impl<G> Limit<G> {
    pub(super) fn new(child: G, left: u64) -> Self {
        Self { child, left }
    }
}

impl<G: Generator> Generator for Limit<G> {
    fn next(&mut self, context: &Context<'_>) -> Next {
        if self.left == 0 {
            return Next::Done;
        }
        let next = self.child.next(context);
        self.left -= u64::from(matches!(next, Next::Op { .. }));
        next
    }

    fn update(&mut self, context: &Context<'_>, update: &Update<'_>) {
        self.child.update(context, update);
    }
}

/// See [`super::GeneratorExt::until_ok`].
#[derive(Clone, Debug)]
pub struct UntilOk<G> {
    child: G,
    /// The threads that do an operation of the child's: a neighbour's `ok` is not ours.
    busy: BTreeSet<ThreadId>,
    succeeded: bool,
}

impl<G> UntilOk<G> {
    pub(super) fn new(child: G) -> Self {
        Self { child, busy: BTreeSet::new(), succeeded: false }
    }
}

impl<G: Generator> Generator for UntilOk<G> {
    fn next(&mut self, context: &Context<'_>) -> Next {
        if self.succeeded {
            return Next::Done;
        }
        let next = self.child.next(context);
        if let Next::Op { thread, .. } = next {
            self.busy.insert(thread);
        }
        next
    }

    fn update(&mut self, context: &Context<'_>, update: &Update<'_>) {
        if let Update::Completed { thread, outcome, .. } = update
            && self.busy.remove(thread)
        {
            self.succeeded |= matches!(outcome, Outcome::Ok(_));
        }
        self.child.update(context, update);
    }
}

/// See [`super::GeneratorExt::filter`].
///
/// A refused operation is lost, and its child never hears of it: a filter belongs below whatever
/// waits for its own operations to complete, such as `until_ok`. A filter that refuses a thousand
/// in a row answers `WaitUntil` a millisecond later, so that one which refuses everything is no
/// endless loop.
#[derive(Clone, Debug)]
pub struct Filter<G, F> {
    child: G,
    keep: F,
}

impl<G, F> Filter<G, F> {
    pub(super) fn new(child: G, keep: F) -> Self {
        Self { child, keep }
    }
}

impl<G: Generator, F: FnMut(&Op) -> bool + Send> Generator for Filter<G, F> {
    fn next(&mut self, context: &Context<'_>) -> Next {
        for _ in 0..REFUSED_IN_A_ROW_MAX {
            match self.child.next(context) {
                Next::Op { op, .. } if !(self.keep)(&op) => {}
                next => return next,
            }
        }
        Next::WaitUntil { at_ns: context.now_ns.saturating_add(FILTER_PAUSE_NS) }
    }

    fn update(&mut self, context: &Context<'_>, update: &Update<'_>) {
        self.child.update(context, update);
    }
}

/// See [`super::GeneratorExt::map`].
#[derive(Clone, Debug)]
pub struct Map<G, F> {
    child: G,
    change: F,
}

impl<G, F> Map<G, F> {
    pub(super) fn new(child: G, change: F) -> Self {
        Self { child, change }
    }
}

impl<G: Generator, F: FnMut(Op) -> Op + Send> Generator for Map<G, F> {
    fn next(&mut self, context: &Context<'_>) -> Next {
        match self.child.next(context) {
            Next::Op { thread, op } => Next::Op { thread, op: (self.change)(op) },
            idle => idle,
        }
    }

    fn update(&mut self, context: &Context<'_>, update: &Update<'_>) {
        self.child.update(context, update);
    }
}

/// See [`super::GeneratorExt::cycle`].
#[derive(Clone, Debug)]
pub struct Cycle<G> {
    fresh: G,
    child: G,
}

impl<G: Clone> Cycle<G> {
    pub(super) fn new(child: G) -> Self {
        Self { fresh: child.clone(), child }
    }
}

impl<G: Generator + Clone> Generator for Cycle<G> {
    fn next(&mut self, context: &Context<'_>) -> Next {
        match self.child.next(context) {
            Next::Done => {
                self.child = self.fresh.clone();
                self.child.next(context)
            }
            next => next,
        }
    }

    fn update(&mut self, context: &Context<'_>, update: &Update<'_>) {
        self.child.update(context, update);
    }
}
