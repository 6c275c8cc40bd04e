//! One after the other.
//!
//! ```text
//!   concat   a a a b b b          b begins while operations of a still run
//!   phases   a a a     b b b      b begins when no thread works: they never overlap
//! ```
//!
//! | combinator | `WaitUntil`, `Pending` | `Done` |
//! |---|---|---|
//! | synchronize | passed on; `Pending` of its own until no thread works | passed on |
//! | concat, phases, then | passed on | the next child; after the last, done |
//!
//! "No thread" is none of those that the generator may use: under `on_threads` the others go on.

use super::{BoxGenerator, Context, Generator, GeneratorExt, Next, Update};
use std::collections::VecDeque;

/// See [`GeneratorExt::synchronize`].
#[derive(Clone, Debug)]
pub struct Synchronize<G> {
    child: G,
    begun: bool,
}

impl<G> Synchronize<G> {
    pub(super) fn new(child: G) -> Self {
        Self { child, begun: false }
    }
}

impl<G: Generator> Generator for Synchronize<G> {
    fn next(&mut self, context: &Context<'_>) -> Next {
        self.begun |= context.free.len() == context.threads.len();
        if self.begun { self.child.next(context) } else { Next::Pending }
    }

    fn update(&mut self, context: &Context<'_>, update: &Update<'_>) {
        self.child.update(context, update);
    }
}

/// See [`concat`] and [`phases`].
#[derive(Debug)]
pub struct Concat {
    /// The current child and those to come. Only the current one is told of updates.
    children: VecDeque<BoxGenerator>,
}

/// One child after the other, without a pause between them.
pub fn concat(children: Vec<BoxGenerator>) -> Concat {
    Concat { children: children.into() }
}

/// One child after the other, each beginning when no thread works.
pub fn phases(children: Vec<BoxGenerator>) -> Concat {
    concat(children.into_iter().map(|child| child.synchronize().boxed()).collect())
}

impl Generator for Concat {
    fn next(&mut self, context: &Context<'_>) -> Next {
        while let Some(child) = self.children.front_mut() {
            match child.next(context) {
                Next::Done => self.children.pop_front(),
                next => return next,
            };
        }
        Next::Done
    }

    fn update(&mut self, context: &Context<'_>, update: &Update<'_>) {
        if let Some(child) = self.children.front_mut() {
            child.update(context, update);
        }
    }
}
