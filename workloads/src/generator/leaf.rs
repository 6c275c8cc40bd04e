//! Leaves: where operations come from.
//!
//! A leaf answers with an operation whenever a thread is free, `Pending` when none is, `Done` when
//! it has nothing left. Threads take turns.

use super::{Context, Generator, Next, Rotation};
use checkers::history::Op;
use std::collections::VecDeque;
use targets::seed::Stream;

/// See [`ops`], [`once`] and [`repeat`].
#[derive(Clone, Debug)]
pub struct Ops {
    list: VecDeque<Op>,
    forever: bool,
    turn: Rotation,
}

/// These operations in this order, then done.
pub fn ops(list: impl IntoIterator<Item = Op>) -> Ops {
    Ops { list: list.into_iter().collect(), forever: false, turn: Rotation::default() }
}

/// One operation, then done.
pub fn once(op: Op) -> Ops {
    ops([op])
}

/// One operation, for ever.
pub fn repeat(op: Op) -> Ops {
    Ops { forever: true, ..once(op) }
}

impl Generator for Ops {
    fn next(&mut self, context: &Context<'_>) -> Next {
        if self.list.is_empty() {
            return Next::Done;
        }
        let Some(thread) = self.turn.take(context.free) else {
            return Next::Pending;
        };
        let op = if self.forever { self.list.front().cloned() } else { self.list.pop_front() };
        Next::Op { thread, op: op.expect("the list is not empty") }
    }
}

/// See [`from_fn`].
#[derive(Clone, Debug)]
pub struct FromFn<F> {
    make: F,
    stream: Stream,
    done: bool,
    turn: Rotation,
}

/// Operations made by a closure from its own stream of the seed; done when it gives none. It is
/// called once per operation, only when a thread is free.
pub fn from_fn<F>(stream: Stream, make: F) -> FromFn<F>
where
    F: FnMut(&mut Stream) -> Option<Op> + Send,
{
    FromFn { make, stream, done: false, turn: Rotation::default() }
}

impl<F: FnMut(&mut Stream) -> Option<Op> + Send> Generator for FromFn<F> {
    fn next(&mut self, context: &Context<'_>) -> Next {
        if self.done {
            return Next::Done;
        }
        if context.free.is_empty() {
            return Next::Pending;
        }
        let Some(op) = (self.make)(&mut self.stream) else {
            self.done = true;
            return Next::Done;
        };
        let thread = self.turn.take(context.free).expect("a thread is free");
        Next::Op { thread, op }
    }
}
